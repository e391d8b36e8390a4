"""What the store or we ourselves refuse: each has its own message and exit status, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Export
from program import Apsides, Prefix
from proxy import Proxy
from server import KEY, SECRET, Server

WRONG = "wrong-secret-0123456789"


def test_a_wrong_secret(apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert) -> None:
    wrong = apsides.where(AWS_SECRET_ACCESS_KEY=WRONG)
    for arguments in (
        convert(exports[0], prefix, "-vv"),
        ("unlock", prefix.name, "-vv"),
        ("vacuum", prefix.name, "-vv"),
        convert(f"{prefix.name}/export.json", prefix, "-vv"),
    ):
        ended = wrong.run(*arguments).failed(9)
        assert "refused: " in ended.stderr and "SignatureDoesNotMatch" in ended.stderr, ended.stderr
        assert "AWS" not in ended.stderr.split("next:")[0], ended.stderr
        for secret in (WRONG, SECRET):
            assert secret not in ended.stderr + ended.stdout
    assert prefix.paths() == set()


def test_an_unknown_key(apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert) -> None:
    ended = apsides.where(AWS_ACCESS_KEY_ID="nobody").run(*convert(exports[0], prefix)).failed(9)
    assert "InvalidAccessKeyId" in ended.stderr and SECRET not in ended.stderr


def test_a_bucket_that_is_not_there(apsides: Apsides, exports: tuple[Export, Export]) -> None:
    ended = apsides.run("convert", exports[0].path, "--out", "s3://no-such-bucket/lake").failed(4)
    assert "no-such-bucket" in ended.stderr and "NoSuchBucket" in ended.stderr


def test_addresses_that_cannot_be_used(apsides: Apsides, exports: tuple[Export, Export]) -> None:
    for address in ("s3://", "gs://bucket/lake", "s3://key:hidden@bucket/lake", "s3://bucket/lake?secret=hidden"):
        ended = apsides.run("convert", exports[0].path, "--out", address).failed(2)
        assert "hidden" not in ended.stderr


def test_plain_http_is_for_loopback_or_where_it_is_allowed(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], server: Server, convert
) -> None:
    far = apsides.where(AWS_ENDPOINT_URL="http://s3.example:8333")
    ended = far.run(*convert(exports[0], prefix)).failed(2)
    assert "plain http" in ended.stderr
    apsides.where(AWS_ENDPOINT_URL="http://nowhere.example").run(
        *convert(exports[0], prefix, "--s3-endpoint", server.endpoint)
    ).succeeded()


def test_encryption_and_storage_class_are_asked_for(
    apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], server: Server, convert
) -> None:
    # The server may not know what is asked for; what matters is that it is asked.
    with Proxy(server.port, choose=lambda _: None) as proxy:
        through = apsides.where(**server.environment(proxy.endpoint))
        through.run(*convert(exports[0], prefix, "--s3-encryption", "AES256", "--s3-storage-class", "STANDARD_IA"))
    puts = [request for request in proxy.seen if request.method == "PUT" and ".parquet" in request.path]
    assert puts
    for put in puts:
        assert put.headers["x-amz-server-side-encryption"] == "AES256"
        assert put.headers["x-amz-storage-class"] == "STANDARD_IA"
        assert KEY in put.headers["authorization"] and SECRET not in str(put.headers)


@pytest.mark.parametrize("keys_in", ["credentials", "config"])
def test_a_profile_of_the_shared_files(
    server: Server, apsides: Apsides, prefix: Prefix, exports: tuple[Export, Export], convert, tmp_path: Path, keys_in: str
) -> None:
    keys = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    of_config, of_credentials = (keys, "") if keys_in == "config" else ("", f"[lake]\n{keys}")
    config = f"[profile lake]\n{of_config}region = us-east-1\nendpoint_url = {server.endpoint}\n"
    (tmp_path / "config").write_text(config)
    (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = nobody\n{of_credentials}")
    bare = {name: value for name, value in apsides.environment.items() if not name.startswith("AWS_")}
    files = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
    named = {name: str(tmp_path / file) for name, file in files.items()} | {"AWS_PROFILE": "lake"}
    Apsides(apsides.path, bare | named).run(*convert(exports[0], prefix)).succeeded()
    assert "profiles" in {path.split("/")[0] for path in prefix.paths()}
    # Keys of the environment go before those of a profile.
    wrong = Apsides(apsides.path, bare | named | {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": WRONG})
    wrong.run(*convert(exports[0], prefix, "--overwrite")).failed(9)
