//! `apsides init` writes a pipeline, `apsides config show` tells what it amounts to, and `apsides check` whether it could
//! run.

use crate::{
    pipelines::{Api, CREDENTIALS, Pipeline, SECRET},
    program::{Ended, apsides, convert_bytes, end},
    tables::contents,
};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tempfile::tempdir;

const EXPORT: &str = "attributes = [\"40103\"]";

fn check(pipeline: &Pipeline, arguments: &str) -> Ended {
    end(pipeline.command_of("check").args(arguments.split_whitespace()))
}

/// The status of each check.
fn statuses(ended: &Ended) -> Vec<(String, String)> {
    let text = |line: &Value, member: &str| line[member].as_str().unwrap().to_owned();
    ended.json().as_array().unwrap().iter().map(|line| (text(line, "check"), text(line, "status"))).collect()
}

fn status(ended: &Ended, check: &str) -> String {
    statuses(ended).into_iter().find(|(name, _)| name == check).map(|(_, status)| status).unwrap_or_default()
}

#[test]
fn what_could_run_is_all_right_and_left_as_it_was() {
    let api = Api::start("");
    let pipeline = Pipeline::of(&api.base_url, EXPORT);
    let ended = check(&pipeline, "--json").succeeded();
    let names: Vec<_> = statuses(&ended).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["configuration", "token", "clock", "destination", "free space"]);
    for name in ["configuration", "token", "clock", "destination"] {
        assert_eq!(status(&ended, name), "ok", "{ended:?}");
    }
    assert!(!pipeline.out().exists(), "nothing is made");
    let text = check(&pipeline, "").succeeded().stdout;
    assert!(text.lines().any(|line| line.starts_with("ok       clock          as the server's")), "{text}");

    pipeline.run("").succeeded();
    let ended = check(&pipeline, "").failed(4);
    assert!(
        ended.stdout.contains("failed   destination") && ended.stdout.contains("(in a pipeline: overwrite = true)")
    );
    assert!(ended.stderr.contains("error: 1 of 5 checks failed"), "{ended:?}");
}

#[test]
fn what_could_not_run_says_why() {
    let api = Api::start("");
    let source = format!("[source]\nbase_url = \"{}\"", api.base_url);
    let folder = tempdir().unwrap();
    let out = format!("[destination]\npath = {:?}", folder.path().join("out"));
    let credentials = "client_id = \"the-client\"\nclient_secret = \"hunter2\"";
    let unreachable = "[source]\nbase_url = \"http://127.0.0.1:9\"";
    for (text, code, expected) in [
        (format!("{source}\n{credentials}\n[export]\n{EXPORT}\n{out}\n"), 6, "failed   token"),
        (format!("{unreachable}\n{credentials}\n[export]\n{EXPORT}\n{out}\n"), 8, "failed   token"),
        (format!("{source}\n{credentials}\n[export]\n{out}\n"), 2, "failed   configuration"),
        (
            format!("{source}\n{credentials}\n[export]\n{EXPORT}\n[destination]\npath = \"/proc/out\"\n"),
            6,
            "failed   destination",
        ),
        ("[source".to_owned(), 2, "failed   configuration"),
    ] {
        let ended = check(&Pipeline::new(&text), "").failed(code);
        assert!(ended.stdout.contains(expected), "{ended:?}");
        // The errors of the API have their next step in themselves.
        assert!(ended.stdout.contains("next: ") || ended.stdout.contains("; check the "), "{ended:?}");
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    }
}

/// An export may be made for hours, so what keeps its tables out is told first. There is no API at this address: whoever
/// asked it would try again for minutes.
#[test]
fn a_run_looks_at_its_destination_before_it_asks_for_an_export() {
    let pipeline = |path: &Path| {
        let source = format!("[source]\nbase_url = \"http://127.0.0.1:9\"\n{CREDENTIALS}");
        Pipeline::new(&format!("{source}\n[export]\n{EXPORT}\n[destination]\npath = {path:?}\n"))
    };
    let folder = tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    convert_bytes(b"{}", &place("published")).succeeded();
    fs::create_dir(place("foreign")).unwrap();
    fs::write(place("foreign/letter.txt"), "mine").unwrap();
    fs::create_dir_all(place("locked/.apsides")).unwrap();
    let lock = File::create(place("locked/.apsides/lock")).unwrap();
    lock.lock().unwrap();
    fs::create_dir_all(place("later/.apsides")).unwrap();
    fs::write(place("later/.apsides/manifest.json"), r#"{"version":2}"#).unwrap();
    fs::write(place("file"), "mine").unwrap();
    let before = contents(folder.path());
    for (path, code, message) in [
        (place("published"), 4, "already holds tables"),
        (place("foreign"), 4, "holds `letter.txt`, which apsides did not write"),
        (place("locked"), 5, "another run is writing to"),
        (place("later"), 4, "has version 2, but this apsides knows only version 1"),
        (place("file"), 4, "Not a directory"),
        ("/proc/out".into(), 4, "cannot be written"),
    ] {
        let pipeline = pipeline(&path);
        let ended = pipeline.run("").failed(code);
        assert!(ended.stderr.contains(message), "{ended:?}");
        // A check says the same.
        let checked = check(&pipeline, "").failed(8);
        assert!(checked.stdout.contains("failed   destination") && checked.stdout.contains(message), "{checked:?}");
    }
    assert!(contents(folder.path()) == before, "something was written");
}

#[test]
fn other_folders_are_looked_at_too() {
    let api = Api::start("");
    let export = format!("{EXPORT}\nkeep_raw = \"/proc/raw\"");
    let ended = check(&Pipeline::of(&api.base_url, &export), "--json").failed(4);
    assert_eq!((status(&ended, "keep_raw"), status(&ended, "destination")), ("failed".into(), "ok".into()));
}

#[test]
fn init_writes_a_pipeline_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let init = || end(apsides("init").arg(&path));
    assert!(init().succeeded().stderr.contains("apsides check"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    init().failed(4);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    // In the folder where one is, without a name.
    end(apsides("init").current_dir(folder.path())).succeeded();
    assert_eq!(fs::read_to_string(folder.path().join("pipeline.toml")).unwrap(), text);
    let mode = fs::metadata(folder.path().join("pipeline.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0);
    // Without credentials it says which are missing.
    let ended = end(apsides("check").arg(folder.path().join("pipeline.toml"))).failed(2);
    assert!(ended.stdout.contains("APSIS_CLIENT_ID is not set"), "{ended:?}");
}

#[test]
fn init_offers_what_the_account_has() {
    let api = Api::start("--polls 0");
    let folder = tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let with = |secret: &str, arguments: &str| {
        let mut command = apsides(arguments);
        command.arg(&path).env("APSIS_CLIENT_ID", "the-client").env("APSIS_CLIENT_SECRET", secret);
        command.current_dir(folder.path());
        command
    };
    let init = format!("init --base-url {}", api.base_url);
    let ended = end(&mut with("wrong", &init)).succeeded();
    assert!(ended.stderr.contains("note: the file has examples, since the account could not be asked"), "{ended:?}");
    assert!(fs::read_to_string(&path).unwrap().contains("attributes = [\"Email\"]"));
    // What is there stays.
    end(&mut with(SECRET, &init)).failed(4);
    fs::remove_file(&path).unwrap();
    let ended = end(&mut with(SECRET, &init)).succeeded();
    assert!(ended.stderr.contains(" of the account are in it; keep what is needed"), "{ended:?}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("    \"40103\", # ") && text.contains("    \"90201\", # "), "{text}");
    assert!(!text.contains(SECRET) && text.contains("${env:APSIS_CLIENT_SECRET}"));
    // It can be run as it is.
    end(&mut with(SECRET, "check")).succeeded();
    let ended = end(with(SECRET, "run").arg("--json")).succeeded();
    assert!(ended.rows().iter().any(|(table, rows)| table == "attributes" && *rows > 0), "{ended:?}");
}

#[test]
fn config_show_tells_every_value_and_its_origin() {
    let pipeline = Pipeline::of("http://127.0.0.1:9", EXPORT);
    let show = |arguments: &str| {
        let mut command = apsides("config show");
        command.arg(pipeline.folder.path().join("pipeline.toml")).args(arguments.split_whitespace());
        end(command.env("APSIDES_TEST_ID", "the-client").env("APSIDES_TEST_SECRET", SECRET))
    };
    let text = show("").succeeded().stdout;
    let line = |words: &str| text.lines().find(|line| line.starts_with(words)).unwrap_or_default();
    assert!(line("source.client_id").contains("\"the-client\""), "{text}");
    assert!(line("source.client_secret").contains("\"***\"") && !text.contains("s3cret"), "{text}");
    assert!(line("limits.memory_limit").ends_with("default"), "{text}");
    let all = show("--json").succeeded().json();
    let of = |name: &str| all.as_array().unwrap().iter().find(|of| of["setting"] == name).unwrap().clone();
    assert_eq!(
        of("source.client_secret")["from"],
        serde_json::json!([{"kind": "environment", "name": "APSIDES_TEST_SECRET"}])
    );
    assert_eq!(
        (of("export.attributes")["line"].as_u64(), &of("export.attributes")["value"][0]),
        (Some(7), &"40103".into())
    );
    assert_eq!((&of("files.codec")["value"], &of("files.codec")["origin"]), (&"zstd".into(), &"default".into()));
    end(apsides("config show /nowhere.toml").arg("--json")).failed(2);
}
