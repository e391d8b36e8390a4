"""A state in the bucket: what a run that is killed has asked for, the next one takes up, on a machine without a disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

from nights import Api, run_of, write_pipeline
from program import Apsides, Folder, Place, Prefix, end, manifest
from server import free_ports

#: How profiles are, and as many windows.
NIGHT = 4
#: The export that a run works on, and those that it has asked for ahead.
IN_FLIGHT = 3
#: About a second, with growing intervals.
POLLS = 9


def pipeline(folder: Path, api: Api, place: Place, state: str) -> Path:
    path, of_folder = write_pipeline(folder, api, place, NIGHT)
    path.write_text(path.read_text().replace(f'state = "{of_folder}"', f'state = "{state}"'))
    return path


def exports(state: Prefix) -> set[str]:
    return {path for path in state.paths() if path.startswith("exports-")}


def test_the_next_run_takes_up_what_a_killed_one_has_asked_for(
    apsides: Apsides, prefix: Prefix, tmp_path: Path
) -> None:
    # Within the destination, where readers and removals do not look.
    state = prefix.below(".apsides/state")
    with Api() as api, apsides.simulated("--profiles", "40", port=api.simulator, polls=POLLS):
        file = pipeline(tmp_path, api, prefix, state.name)
        run = apsides.start(*run_of(file, NIGHT))
        deadline = time.monotonic() + 60
        while len(exports(state)) < IN_FLIGHT and time.monotonic() < deadline:
            time.sleep(0.02)
        run.kill()
        run.communicate()
        assert len(exports(state)) == IN_FLIGHT and manifest(prefix) is None, "killed while it waits"
        kept = [state.read(path) or b"" for path in state.paths()]
        for secret in (b"http", b"access_token", b"simulated", *(url.encode() for _, url in api.asked)):
            assert all(secret not in sealed for sealed in kept), secret
        known = json.loads(apsides.run("status", file, "--json").succeeded().stdout)
        assert {pending["poll_url"] for pending in known["pending"]} == {url for _, url in api.asked}
        assert not any(pending["is_expired"] for pending in known["pending"])
        assert f"ok       state          {state.name}" in apsides.run("check", file).stdout
        ended = apsides.run(*run_of(file, NIGHT, "-v")).succeeded()
        assert ended.stderr.count("an earlier run has asked for this export") == IN_FLIGHT, ended.stderr
        assert len(api.asked) == 1 + NIGHT, "each export once"
    assert len(manifest(prefix)["windows"]) == NIGHT
    assert exports(state) == set(), "what is published is forgotten"
    [token] = state.paths()
    # The token of the first run was good for the second, and stays.
    apsides.run("vacuum", prefix.name).succeeded()
    assert state.paths() == {token} and token.startswith("token-")


def test_a_bucket_out_of_reach_is_no_matter(apsides: Apsides, tmp_path: Path) -> None:
    [nobody] = free_ports(1)
    unreached = apsides.where(AWS_ENDPOINT_URL=f"http://127.0.0.1:{nobody}")
    place = Folder(tmp_path / "out")
    with Api() as api, apsides.simulated("--profiles", "40", port=api.simulator):
        file = pipeline(tmp_path, api, place, "s3://nowhere/state")
        began = time.monotonic()
        ended = unreached.run(*run_of(file, NIGHT)).succeeded()
        assert time.monotonic() - began < 40
        assert ended.stderr.count("the run goes on without it") == 1, ended.stderr
        assert "failed   state" in unreached.run("check", file).failed(4).stdout
    assert len(manifest(place)["windows"]) == NIGHT


def test_a_state_among_the_tables_is_refused(apsides: Apsides, prefix: Prefix, tmp_path: Path) -> None:
    with Api() as api:
        for state in (prefix.name, f"{prefix.name}/state"):
            ended = apsides.run(*run_of(pipeline(tmp_path, api, prefix, state), NIGHT)).failed(2)
            assert "is within [destination] `path`" in ended.stderr and not api.asked
