//! The mistakes, a line each.

use super::{Mistake, Setup::*};
use crate::exports::{export, gzip, zstd};
use std::{fs, path::Path};

const RUN: &str = "apsides run pipeline.toml";
const CONVERT: &str = "apsides convert export.json --out out";
const TO_S3: &str = "AWS_ACCESS_KEY_ID=hunter2 AWS_SECRET_ACCESS_KEY=hunter2 apsides convert export.json --out s3://lake/apsis --s3-endpoint http://HOST";
const WORDS: &str = r#"{"message":"User is not authorized to access this resource with an explicit deny"}"#;
const PROBLEM: &str = r#"{"status":400,"title":"Bad Request","detail":"attributes: 40103 is not known"}"#;
const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

#[rustfmt::skip]
pub(super) const CASES: &[(&str, &[Mistake])] = &[
    ("usage", &[
        ("an unknown option", Nothing, "apsides convert export.json --outt out"),
        ("no destination", Nothing, "apsides convert export.json"),
        ("an unknown command", Nothing, "apsides covert export.json"),
        ("too little memory", Nothing, "apsides convert export.json --out out --memory-limit 8M"),
        ("no unit of size", Nothing, "apsides convert export.json --out out --max-value-size 5X"),
        ("an unknown table", Nothing, "apsides convert export.json --out out --tables profile"),
        ("an unknown fault", Nothing, "apsides simulate --fault poll=gone-wrong"),
        ("definitions that are not there", Nothing, "apsides convert export.json --out out --definitions nowhere.json"),
        ("an export for definitions", Nothing, "apsides convert export.json --out out --definitions export.json"),
    ]),
    ("configuration", &[
        ("no pipeline", Nothing, "apsides run nowhere.toml"),
        ("a folder for a pipeline", Nothing, "apsides run ."),
        ("no TOML", Pipeline("[source]", "[source"), RUN),
        ("an unknown key", Pipeline("client_secret", "client_secrt"), RUN),
        ("an unknown section", Pipeline("[export]", "[exports]"), RUN),
        ("a key twice", Pipeline("[export]", "[export]\nattributes = []"), RUN),
        ("a missing key", Pipeline("client_id = \"the-client\"", ""), RUN),
        ("a number for a text", Pipeline("path = \"out\"", "path = 7"), RUN),
        ("a text for a list", Pipeline("[\"40103\"]", "\"40103\""), RUN),
        ("a secret without its quotes", Pipeline("\"hunter2\"", "hunter2"), RUN),
        ("an unset variable", Pipeline("hunter2", "${env:APSIDES_UNSET}"), RUN),
        ("a missing secret file", Pipeline("hunter2", "${file:/nowhere/secret}"), RUN),
        ("an unknown reference", Pipeline("hunter2", "${vault:secret}"), RUN),
        ("a command that fails", Pipeline("hunter2", "${command:exit 3}"), RUN),
        ("an unknown region", Pipeline("base_url = \"http://HOST\"", "region = \"europe\""), RUN),
        ("a region and an address", Pipeline("[source]", "[source]\nregion = \"emea\""), RUN),
        ("an address without a scheme", Pipeline("http://HOST", "api.apsis.one"), RUN),
        ("an address in the clear", Pipeline("http://HOST", "http://api.apsis.one"), RUN),
        ("no attributes", Pipeline("[\"40103\"]", "[]"), RUN),
        ("events of no time", Pipeline("[\"40103\"]", "[\"40103\"]\nevents = [\"50001\"]"), RUN),
        ("an end before the start", Pipeline("[\"40103\"]", "[\"40103\"]\nwindow = { start = \"2026-02-01\", end = \"2026-01-01\" }"), RUN),
        ("a day that is none", Pipeline("[\"40103\"]", "[\"40103\"]\nwindow = { start = \"2026-02-30\" }"), RUN),
        ("two kinds of window", Pipeline("[\"40103\"]", "[\"40103\"]\nwindow = { start = \"2026-02-01\", last_days = 3 }"), RUN),
        ("a span that is none", Pipeline("[export]", "[definitions]\ncache = \"cache.json\"\nmax_age = \"tomorrow\"\n[export]"), RUN),
        ("a name that nobody has", Pipeline("40103", "Emial"), RUN),
        ("no destination", Pipeline("[destination]\npath = \"out\"", ""), RUN),
        ("an unknown kind of destination", Pipeline("\"out\"", "\"gs://lake/apsis\""), RUN),
        ("wide without memory", Pipeline("\"out\"", "\"out\"\ntables = [\"wide\"]\n[limits]\nmemory_limit = \"48M\""), RUN),
        ("hashes without a key", Pipeline("[destination]", "[privacy]\nattributes = { 40103 = \"hash\" }\n[destination]"), RUN),
        ("certificates that are not there", Pipeline("[source]", "[source]\nca_file = \"/nowhere/ca.pem\""), RUN),
        ("a proxy that is none", Pipeline("[source]", "[source]\nproxy = \"user:hunter2\""), RUN),
        ("a collector that is none", Pipeline("[source]", "[otlp]\nendpoint = \"collector:4318\"\n[source]"), RUN),
        ("a collector of traces alone", Nothing, "apsides convert export.json --out out --otlp-endpoint http://collector:4318/v1/traces"),
        ("headers that are no table", Pipeline("[source]", "[otlp]\nheaders = \"hunter2\"\n[source]"), RUN),
        ("a header that cannot be sent", Pipeline("[source]", "[otlp]\nheaders = { api-key = \"hunter2\\n\" }\n[source]"), RUN),
        ("a state among the tables", Pipeline("[export]\nattributes = [\"40103\"]\n\n[destination]\npath = \"out\"", "state = \"s3://lake/apsis/state\"\n\n[export]\nattributes = [\"40103\"]\n\n[destination]\npath = \"s3://lake/apsis\""), RUN),
        ("a poll host that is none", Pipeline("[source]", "[source]\npoll_hosts = [\"storage\"]"), RUN),
    ]),
    ("schedule", &[
        ("no schedule to fill", Nothing, "apsides backfill pipeline.toml --from 2026-01-01 --to 2026-02-01"),
        ("no schedule to share", Nothing, "apsides run pipeline.toml --shard 0/2"),
        ("no shard of so many", Nothing, "apsides run pipeline.toml --shard 2/2"),
        ("no schedule, so no shards", Nothing, "apsides commit pipeline.toml"),
        ("no events", Pipeline("[export]", "[schedule]\nstart = \"2026-01-01\"\n[export]"), RUN),
        ("no start", Pipeline("[export]", "[schedule]\nevery = \"1d\"\n[export]"), RUN),
        ("windows of a second", Pipeline("[export]", "[schedule]\nstart = \"2026-01-01\"\nevery = \"1s\"\n[export]\nevents = [\"50001\"]"), RUN),
        ("too many exports ahead", Pipeline("[source]", "[source]\nexports_ahead = 21"), RUN),
        ("a schedule and a window", Pipeline("[export]", "[schedule]\nstart = \"2026-01-01\"\n[export]\nevents = [\"50001\"]\nwindow = { last_days = 1 }"), RUN),
        ("an end before the start", Pipeline("[export]", "[schedule]\nstart = \"2026-01-01\"\n[export]\nevents = [\"50001\"]"), "apsides backfill pipeline.toml --from 2026-02-01 --to 2026-01-01"),
    ]),
    ("credentials", &[
        ("a wrong secret", Api(("/oauth/token", "401", "", r#"{"error":"invalid_client","secret":"hunter2"}"#)), RUN),
        ("an unknown client", Api(("/oauth/token", "403", "", WORDS)), RUN),
        ("a key that may not export", Api(("/audience/profiles/exports", "403", "", WORDS)), RUN),
        ("a key that may not read definitions", Api(("/audience/sections", "403", "", WORDS)), "apsides definitions pipeline.toml"),
        ("an empty secret", Pipeline("hunter2", ""), RUN),
        ("an empty secret file", Pipeline("hunter2", "${file:/dev/null}"), RUN),
        ("an empty client id", Pipeline("the-client", ""), RUN),
        ("checked", Api(("/oauth/token", "401", "", r#"{"message":"Unauthorized"}"#)), "apsides check pipeline.toml"),
    ]),
    ("api", &[
        ("a request that is refused", Api(("/audience/profiles/exports", "400", "", PROBLEM)), RUN),
        ("another address than the API's", Api(("/audience/profiles/exports", "404", "", "not found")), RUN),
        ("an export that is too large", Api(("/audience/profiles/exports", "413", "", r#"{"status":413,"title":"Payload Too Large"}"#)), RUN),
        ("too many calls", Api(("/oauth/token", "429", "Retry-After: 0", r#"{"message":"Too Many Requests"}"#)), RUN),
        ("trouble at the token endpoint", Api(("/oauth/token", "503", "Retry-After: 0", PAGE)), RUN),
        ("a web page for a token", Api(("/oauth/token", "200", "", PAGE)), RUN),
        ("a token without a token", Api(("/oauth/token", "200", "", r#"{"token_type":"Bearer"}"#)), RUN),
        ("a redirect of a token call", Api(("/oauth/token", "307", "Location: https://elsewhere.example/?signature=hunter2", "")), RUN),
        ("no poll URL", Api(("/audience/profiles/exports", "200", "", r#"{"id":"1","href":"/export/1"}"#)), RUN),
        ("a poll URL elsewhere", Api(("/audience/profiles/exports", "200", "", r#"{"file_download_url_v2":"https://elsewhere.example/x?signature=hunter2"}"#)), RUN),
        ("an export that is gone", Api(("/export/1", "410", "", "")), RUN),
        ("an unknown export", Api(("/export/1", "404", "", "")), RUN),
        ("a redirect in the clear", Api(("/export/1", "302", "Location: http://elsewhere.example/x?signature=hunter2", "")), RUN),
        ("redirects without end", Api(("/export/1", "302", "Location: /export/1?signature=hunter2", "")), RUN),
        ("a web page for an export", Api(("/export/1", "200", "", PAGE)), RUN),
        ("an address that has expired", Api(("/file", "403", "", "<Error><Code>AccessDenied</Code></Error>")), "apsides convert http://HOST/file?signature=hunter2 --out out"),
    ]),
    ("network", &[
        ("nobody listens", Pipeline("http://HOST", "http://127.0.0.1:1"), RUN),
        ("no such host", Pipeline("http://HOST", "https://api.apsis.invalid"), RUN),
        ("TLS to a plain port", Pipeline("http://HOST", "https://HOST"), RUN),
        ("no answer to the request", Api(("/audience/profiles/exports", "", "", "")), RUN),
        ("a download that breaks off", Api(("/export/1", "200", "Content-Length: 1000", "{\"key\":{},")), RUN),
        ("nobody has the file", Nothing, "apsides convert http://127.0.0.1:1/x?signature=hunter2 --out out"),
        ("plain http", Nothing, "apsides convert http://files.example/x?signature=hunter2 --out out"),
        ("an unknown kind of address", Nothing, "apsides convert ftp://user:hunter2@files.example/x --out out"),
    ]),
    ("input", &[
        ("a missing file", Nothing, "apsides convert nowhere.json --out out"),
        ("a folder", Nothing, "apsides convert . --out out"),
        ("nothing", Export(b""), CONVERT),
        ("no JSON", Export(b"id;email\n1;ada@example.com\n"), CONVERT),
        ("an array", Export(b"[{\"email\":\"ada@example.com\"}]"), CONVERT),
        ("a cut export", Export(b"{\"4711\":{\"sections\":{\"1203\":{\"attributes\":{\"40103\":{\"value\":\"ada@exam"), CONVERT),
        ("a missing comma", Export(b"{\"4711\":{\"sections\":{\"1203\":{\"attributes\":{\"40103\":{\"value\":\"ada@example.com\" \"x\":1}}}}}}"), CONVERT),
        ("wrong UTF-8", Export(b"{\"4711\":{\"sections\":{\"1203\":{\"attributes\":{\"40103\":{\"value\":\"ada@example.com\xff\"}}}}}}"), CONVERT),
        ("a line break in a text", Export(b"{\"4711\":{\"sections\":{\"1203\":{\"events\":[{\"data\":{\"x\":\"ada@example.com\n\"}}]}}}}"), CONVERT),
        ("a second document", Export(b"{}\n{\"email\":\"ada@example.com\"}"), CONVERT),
        ("nesting without end", Export(b"{\"4711\":[[[[[[[[[[[[]]]]]]]]]]]]}"), "apsides convert export.json --out out --max-depth 8"),
        ("a value that is too long", Export(b"{\"4711\":{\"sections\":{\"1203\":{\"attributes\":{\"40103\":{\"value\":\"ada@example.com\"}}}}}}"), "apsides convert export.json --out out --max-value-size 8"),
        ("gzip that is cut", Done("export.json: the first half of a gzip file", |folder| write(folder, &half(gzip(&export(100_000))))), CONVERT),
        ("gzip that is damaged", Done("export.json: a gzip file with a wrong checksum", |folder| write(folder, &damaged(gzip(&export(100_000))))), CONVERT),
        ("gzip with something after it", Done("export.json: a gzip file, and something after it", |folder| write(folder, &[gzip(b"{}"), b"and more, longer than a header".to_vec()].concat())), CONVERT),
        ("zstd that is cut", Done("export.json: the first half of a zstd file", |folder| write(folder, &half(zstd(&export(100_000))))), CONVERT),
        ("a cut export, inspected", Export(b"{\"4711\":{"), "apsides inspect export.json"),
        ("a run that was not kept", Nothing, "apsides replay nowhere --out out"),
    ]),
    ("disk", &[
        ("a file for a folder", Nothing, "apsides convert export.json --out pipeline.toml"),
        ("a folder with something else in it", Done("out: has a file letter.txt", |folder| { fs::create_dir(folder.join("out")).unwrap(); fs::write(folder.join("out/letter.txt"), "").unwrap(); }), CONVERT),
        ("tables that are there", Done("out: has tables", |folder| { crate::program::convert_bytes(b"{}", &folder.join("out")).succeeded(); }), CONVERT),
        ("Delta tables where plain ones are", Done("out: has tables", |folder| { crate::program::convert_bytes(b"{}", &folder.join("out")).succeeded(); }), "apsides convert export.json --out out --overwrite --commit delta"),
        ("plain tables where Delta tables are", Done("out: has Delta tables", |folder| { crate::program::delta(b"{}", &folder.join("out")).succeeded(); }), "apsides convert export.json --out out --overwrite"),
        ("Delta tables without their manifest", Done("out: had Delta tables, of which the manifest was removed", |folder| { crate::program::delta(&export(1_000), &folder.join("out")).succeeded(); fs::remove_dir_all(folder.join("out/.apsides")).unwrap(); }), "apsides convert export.json --out out --overwrite --commit delta"),
        ("a manifest that is damaged", Done("out: its manifest is cut", |folder| { crate::program::convert_bytes(b"{}", &folder.join("out")).succeeded(); fs::write(folder.join("out/.apsides/manifest.json"), "{\"format\":").unwrap(); }), CONVERT),
        ("another run", Running, CONVERT),
        ("no permission", Nobody, CONVERT),
        ("a read-only disk", Disk("ro"), "apsides convert export.json --out disk/out"),
        ("a full disk", Disk("size=8k,nr_inodes=100"), "apsides convert export.json --out disk/out"),
        ("a pipeline that is there already", Nothing, "apsides init pipeline.toml"),
        ("a report in no folder", Nothing, "apsides inspect export.json --html nowhere/report.html"),
        ("definitions in no folder", Nothing, "apsides definitions pipeline.toml --out nowhere/definitions.json"),
        ("a simulated export in no folder", Nothing, "apsides simulate --write nowhere/export.json"),
    ]),
    ("s3", &[
        ("no bucket", Nothing, "apsides convert export.json --out s3://"),
        ("more than an address", Nothing, "apsides convert export.json --out s3://key:hunter2@lake/apsis"),
        ("no such profile", Nothing, "AWS_PROFILE=lake AWS_CONFIG_FILE=aws.ini AWS_SHARED_CREDENTIALS_FILE=aws.ini apsides convert export.json --out s3://lake/apsis"),
        ("a profile with a login", Done("aws.ini: [profile lake] sso_session = work", |folder| fs::write(folder.join("aws.ini"), "[profile lake]\nsso_session = work\n").unwrap()), "AWS_PROFILE=lake AWS_CONFIG_FILE=aws.ini AWS_SHARED_CREDENTIALS_FILE=none.ini apsides convert export.json --out s3://lake/apsis"),
        ("an endpoint that is none", Nothing, "apsides convert export.json --out s3://lake/apsis --s3-endpoint lake.example"),
        ("an endpoint in the clear", Nothing, "apsides convert export.json --out s3://lake/apsis --s3-endpoint http://lake.example"),
        ("no such object", Api(("/lake/export.json", "404", "", "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")), "AWS_ACCESS_KEY_ID=hunter2 AWS_SECRET_ACCESS_KEY=hunter2 AWS_ENDPOINT_URL=http://HOST apsides convert s3://lake/export.json --out out"),
        ("no such bucket", Api(("/lake", "404", "", "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>")), TO_S3),
        ("a wrong secret", Api(("/lake", "403", "", "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match</Message></Error>")), TO_S3),
        ("a lease that is too short", Nothing, "apsides convert export.json --out s3://lake/apsis --lease 1s"),
    ]),
];

fn write(folder: &Path, export: &[u8]) {
    fs::write(folder.join("export.json"), export).unwrap();
}

fn half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    bytes
}
