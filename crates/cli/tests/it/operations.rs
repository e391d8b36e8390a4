//! What those see who look after many runs: metrics, a log for machines, and how things stand.

use crate::{
    pipelines::{Api, Pipeline},
    program::{Ended, apsides, convert, convert_bytes, end, signal, start, watch},
};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::tempdir;

/// Requests for events may come once a minute only, and tests do not wait for that.
const WITHOUT_EVENTS: &str = "attributes = [\"40103\", \"40105\"]";

/// The values of a metric, in the order of the file.
fn metric(file: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
}

#[test]
fn a_run_leaves_metrics_whatever_becomes_of_it() {
    let api = Api::start("--polls 1 --fault token=503,export=429:message:retry=1");
    let pipeline = Pipeline::of(&api.base_url, WITHOUT_EVENTS);
    let file = pipeline.folder.path().join("metrics.prom");
    let mut text = fs::read_to_string(pipeline.folder.path().join("pipeline.toml")).unwrap();
    text.push_str(&format!("[metrics]\ntextfile = {file:?}\n"));
    fs::write(pipeline.folder.path().join("pipeline.toml"), text).unwrap();
    let ended = pipeline.run("--json").succeeded();
    let one = |name: &str| match metric(&file, name).as_slice() {
        [one] => *one,
        other => panic!("{name}: {other:?}"),
    };
    let rows: Vec<_> = ended.rows().into_iter().map(|(_, rows)| rows as f64).collect();
    assert_eq!(metric(&file, "apsides_last_success_rows"), rows);
    assert_eq!((one("apsides_last_run_success"), one("apsides_last_run_exit_status")), (1.0, 0.0));
    assert_eq!((one("apsides_last_run_retries"), one("apsides_last_run_rate_limited")), (2.0, 1.0));
    let bytes = ended.json()["json_bytes"].as_f64().unwrap();
    assert_eq!((one("apsides_last_run_json_bytes"), one("apsides_last_success_json_bytes")), (bytes, bytes));
    let phases = metric(&file, "apsides_last_run_phase_duration_seconds");
    let all = one("apsides_last_run_duration_seconds");
    assert!(phases.len() == 4 && phases[0] > 0.5 && phases.iter().sum::<f64>() <= all, "{phases:?} of {all}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let published = one("apsides_last_success_timestamp_seconds");
    assert!(now - 60.0 < published && published <= now);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);

    // The tables are there, and not to be replaced.
    let _ = pipeline.run("").failed(4);
    assert_eq!((one("apsides_last_run_success"), one("apsides_last_run_exit_status")), (0.0, 4.0));
    assert_eq!(metric(&file, "apsides_last_success_rows"), rows);
    assert_eq!(one("apsides_last_success_timestamp_seconds"), published);
    let left: Vec<_> = fs::read_dir(pipeline.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn other_commands_leave_metrics_too_and_do_without() {
    let folder = tempdir().unwrap();
    let (input, file) = (folder.path().join("export.json"), folder.path().join("convert.prom"));
    fs::write(&input, r#"{"p": {"sections": {"1": {"attributes": {"7": {"value": null}}, "topics": []}}}}"#).unwrap();
    end(convert(&input, &folder.path().join("out")).arg("--metrics-textfile").arg(&file)).succeeded();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("pipeline=\"convert\"") && text.contains("table=\"tags\"} 1\n"), "{text}");
    assert_eq!(metric(&file, "apsides_last_success_unmapped_rows"), [1.0]);
    // An input that is not there is a failed run like any other.
    end(convert("/nowhere.json".as_ref(), &folder.path().join("other")).arg("--metrics-textfile").arg(&file)).failed(3);
    assert_eq!(metric(&file, "apsides_last_run_exit_status"), [3.0]);
    // What cannot be told is no failure.
    let ended =
        end(convert(&input, &folder.path().join("more")).args(["--metrics-textfile", "/proc/no.prom"])).succeeded();
    assert!(ended.stderr.contains("the metrics could not be written"), "{ended:?}");
}

/// The lines of a log, each of which is an object.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
    lines.collect()
}

#[test]
fn each_line_of_a_log_for_machines_says_which_run_it_is_of() {
    let faults = "token=503,export=429:message:retry=1,export=too-large,poll=call-lost,download=cut:1000,download=503";
    let api = Api::start(&format!("--polls 1 --ranges --fault {faults}"));
    let pipeline = Pipeline::of(&api.base_url, WITHOUT_EVENTS);
    let ended = pipeline.run("-vv --log-format json").succeeded();
    let manifest: Value =
        serde_json::from_slice(&fs::read(pipeline.out().join(".apsides/manifest.json")).unwrap()).unwrap();
    let log = lines(&ended);
    assert!(log.len() > 10, "{ended:?}");
    for line in &log {
        assert_eq!(line["spans"][0]["run"], manifest["run"], "{line}");
    }
    let part = |line: &Value| line["spans"].as_array().unwrap().iter().find_map(|span| span["part"].as_u64());
    assert_eq!(log.iter().filter_map(part).max(), Some(2));
    let polled = log.iter().find(|line| line["fields"]["message"] == "export not ready").unwrap();
    assert!(polled["spans"][1]["export"].as_str().unwrap().starts_with(&api.base_url), "{polled}");
    let at = manifest["published_at"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.len() == "2026-11-24T02:00:09Z".len(), "{at}");

    // The failure itself is a line like any other.
    let ended = pipeline.run("--log-format json");
    assert_eq!(ended.code, Some(4));
    let log = lines(&ended);
    let [failure] = log.as_slice() else { panic!("{ended:?}") };
    assert_eq!((failure["level"].as_str(), failure["fields"]["exit_status"].as_u64()), (Some("ERROR"), Some(4)));
    assert!(failure["spans"][0]["run"].is_string() && failure["spans"][0]["run"] != manifest["run"]);
    assert!(failure["fields"]["next"].as_str().unwrap().contains("--overwrite"), "{failure}");
}

#[test]
fn quiet_is_quiet_and_text_says_which_run_it_is_of() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let ended = convert_bytes(b"{}", &out).succeeded();
    assert_eq!(ended.stderr, "");
    let input = folder.path().join("export.json");
    fs::write(&input, "{}").unwrap();
    let ended = end(convert(&input, &folder.path().join("more")).args(["--metrics-textfile", "/proc/no.prom"]));
    let line = ended.stderr.lines().next().unwrap();
    assert!(line.contains(" WARN run{run=2") && !line.contains('\x1b'), "{line}");
    let ended =
        end(convert(&input, &folder.path().join("most")).args(["--metrics-textfile", "/proc/no.prom", "--quiet"]));
    assert_eq!(ended.succeeded().stderr, "");
    // Where the log is off, the failure is told all the same.
    let mut command = apsides("convert /nowhere.json --out /nowhere --log-format json");
    end(command.env("APSIDES_LOG", "off")).failed(3);
}

/// What a status says of something.
fn of<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("{name}: {text}")).split_once("  ").unwrap().1.trim()
}

#[test]
fn status_tells_what_is_published() {
    let api = Api::start("--polls 0");
    let pipeline = Pipeline::of(&api.base_url, WITHOUT_EVENTS);
    let status = |arguments: &str| end(apsides("status").arg(pipeline.out()).args(arguments.split_whitespace()));
    let text = status("").succeeded().stdout;
    assert_eq!((of(&text, "published"), of(&text, "lock")), ("nothing", "free"));
    assert!(!pipeline.out().exists());
    let run = pipeline.run("--json").succeeded();
    let json = status("--json").succeeded().json();
    let published = &json["published"];
    for member in ["source", "json_bytes", "findings", "tool", "run"] {
        assert_eq!(published[member], run.json()[member], "{member}");
    }
    assert!(published["at"].is_string());
    let rows: Vec<_> = published["tables"].as_array().unwrap().iter().map(|of| of["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, run.rows().into_iter().map(|(_, rows)| rows).collect::<Vec<_>>());
    assert_eq!((&json["lock"], &json["pending"], &json["schedule"]), (&Value::Null, &Value::Null, &Value::Null));
    for view in published["views"].as_array().unwrap() {
        assert!(Path::new(view.as_str().unwrap()).is_file(), "{view}");
    }
    let text = status("").succeeded().stdout;
    assert!(of(&text, "published").contains(published["run"].as_str().unwrap()), "{text}");
    assert!(text.lines().any(|line| line.trim_start().starts_with("attributes ")), "{text}");
    // A folder's lock is that of a process.
    let lock = fs::File::open(pipeline.out().join(".apsides/lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(of(&status("").succeeded().stdout, "lock"), "held by a run");
    fs::write(pipeline.out().join(".apsides/manifest.json"), "[]").unwrap();
    let _ = status("").failed(4);
}

#[test]
fn status_of_a_pipeline_tells_what_is_pending_and_due() {
    let api = Api::start("--polls 50");
    let pipeline = Pipeline::of(&api.base_url, WITHOUT_EVENTS);
    let path = pipeline.folder.path().join("pipeline.toml");
    let state = pipeline.folder.path().join("state");
    let text = fs::read_to_string(&path).unwrap();
    let with_state = text.replace("[source]", &format!("[source]\nstate = {state:?}"));
    fs::write(&path, &with_state).unwrap();
    let status = || end(pipeline.command_of("status").arg("--json")).succeeded().json();
    assert_eq!(status()["pending"], serde_json::json!([]));
    let run = start(&mut pipeline.command_of("run"));
    let exports = state.join("exports.json");
    let waited = Instant::now();
    while !exports.exists() && waited.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(20));
    }
    signal(&run, "TERM");
    let _ = watch(run).failed(130);
    let pending = status()["pending"].clone();
    assert_eq!((pending.as_array().map(Vec::len), &pending[0]["is_expired"]), (Some(1), &false.into()));
    let url = pending[0]["poll_url"].as_str().unwrap();
    assert!(url.starts_with(&api.base_url) && !url.contains('?'), "{url}");

    let scheduled = with_state.replace("[export]", "[schedule]\nstart = \"2026-01-01\"\nevery = \"7d\"\n\n[export]");
    fs::write(&path, scheduled.replace("attributes", "events = [\"90201\"]\nattributes")).unwrap();
    let schedule = status()["schedule"].clone();
    assert!(schedule["due"].as_u64().unwrap() > 10 && schedule["watermark"].is_null(), "{schedule}");
}
