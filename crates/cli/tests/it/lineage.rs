//! OpenLineage events of runs, as a receiver gets them and as lines of a file.

use crate::{
    pipelines::{Api, Pipeline},
    program::{Ended, convert, end},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
};
use tempfile::tempdir;

/// A receiver that answers each event with this status.
fn receiver(status: &'static str) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1/lineage?key=hunter2", listener.local_addr().unwrap());
    let (sender, events) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while stream.read_line(&mut head).unwrap() > 2 {
                let line = head.lines().last().unwrap().to_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let _ = sender.send((head, serde_json::from_slice(&body).unwrap()));
        }
    });
    (url, events)
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts what the specification demands of every event.
fn check(event: &Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_else(|| panic!("{event}"));
    let time = text(&event["eventTime"]);
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(event["schemaURL"], "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
    assert!(text(&event["producer"]).starts_with("urn:apsides:"));
    let id = text(&event["run"]["runId"]);
    let parts: Vec<_> = id.split('-').map(str::len).collect();
    assert!(parts == [8, 4, 4, 4, 12] && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{id}");
    assert!(id[14..].starts_with('7') && "89ab".contains(&id[19..20]), "{id}");
    for dataset in ["inputs", "outputs"].iter().flat_map(|member| event[member].as_array().unwrap()) {
        assert!(dataset["namespace"].is_string() && dataset["name"].is_string(), "{dataset}");
        let facets = ["facets", "outputFacets"].iter().filter_map(|member| dataset[member].as_object());
        for facet in facets.flat_map(|facets| facets.values()) {
            assert!(facet["_producer"].is_string(), "{facet}");
            assert!(text(&facet["_schemaURL"]).starts_with("https://openlineage.io/spec/facets/"), "{facet}");
        }
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventType"].as_str().unwrap()).collect()
}

#[test]
fn a_receiver_is_told_that_a_run_starts_and_how_it_ends() {
    let (url, received) = receiver("201 Created");
    let api = Api::start("--polls 0");
    let pipeline = Pipeline::of(&api.base_url, "attributes = [\"40103\"]");
    let path = pipeline.folder.path().join("pipeline.toml");
    let told = format!("[lineage]\nurl = {url:?}\nnamespace = \"nights\"\n");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &told).unwrap();
    let run = pipeline.run("--json").succeeded();
    let _ = pipeline.run("").failed(4);
    let received: Vec<_> = received.try_iter().collect();
    for (head, _) in &received {
        assert!(head.starts_with("POST /api/v1/lineage?key=hunter2 ") && head.contains("application/json"), "{head}");
    }
    let events: Vec<_> = received.into_iter().map(|(_, event)| event).collect();
    events.iter().for_each(check);
    assert_eq!(kinds(&events), ["START", "COMPLETE", "START", "FAIL"]);
    let id = |event: &Value| event["run"]["runId"].clone();
    assert_eq!((id(&events[0]), id(&events[2])), (id(&events[1]), id(&events[3])));
    assert_ne!(id(&events[0]), id(&events[2]));
    for event in &events {
        assert_eq!(event["job"], json!({ "namespace": "nights", "name": "pipeline" }));
    }
    assert_eq!(events[1]["inputs"], json!([{ "namespace": api.base_url, "name": "profiles/exports" }]));
    let tables = run.json()["tables"].clone();
    let outputs = events[1]["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), tables.as_array().unwrap().len());
    for (output, table) in outputs.iter().zip(tables.as_array().unwrap()) {
        let place = pipeline.out().join(table["name"].as_str().unwrap());
        assert_eq!((&output["namespace"], output["name"].as_str()), (&"file".into(), place.to_str()));
        let statistics = &output["outputFacets"]["outputStatistics"];
        assert_eq!((&statistics["rowCount"], &statistics["size"]), (&table["rows"], &table["bytes"]));
        let fields = output["facets"]["schema"]["fields"].as_array().unwrap();
        let columns = table["columns"].as_array().unwrap();
        assert_eq!(fields.len(), columns.len());
        for (field, column) in fields.iter().zip(columns) {
            assert_eq!((&field["name"], &field["type"]), (&column["name"], &column["type"]));
        }
    }
    assert_eq!(events[3]["run"]["facets"]["errorMessage"]["message"], "exit status 4");
    // Counts and names are all there is of what people did.
    assert!(!format!("{events:?}").contains("@example"), "{events:?}");
}

/// A conversion that tells of itself, with what it tells.
fn told(input: &str, arguments: &[&str]) -> (Ended, Vec<Value>) {
    let folder = tempdir().unwrap();
    let (export, file) = (folder.path().join("export.json"), folder.path().join("lineage.ndjson"));
    fs::write(&export, input).unwrap();
    let mut command = convert(&export, &folder.path().join("out"));
    let ended = end(command.arg("--lineage-file").arg(&file).args(arguments));
    let events = lines(&file);
    events.iter().for_each(check);
    (ended, events)
}

#[test]
fn a_file_has_a_line_for_each_event() {
    let (ended, events) = told(r#"{"p": {"sections": {"1": {"tags": {}}}}}"#, &[]);
    let _ = ended.succeeded();
    assert_eq!(kinds(&events), ["START", "COMPLETE"]);
    assert_eq!(events[1]["job"], json!({ "namespace": "apsides", "name": "convert" }));
    assert_eq!(events[1]["inputs"], json!([]));
    let (ended, events) = told(r#"{"somebody@example.com": {"sections": {"1": {"attributes": nul}}}}"#, &[]);
    let _ = ended.failed(3);
    assert_eq!(kinds(&events), ["START", "FAIL"]);
    assert!(!format!("{events:?}").contains("somebody"), "{events:?}");
}

#[test]
fn what_cannot_be_told_is_no_failure() {
    let (refused, received) = receiver("500 Internal Server Error");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{nobody}/lineage?key=hunter2");
    for (url, words) in [(refused.as_str(), "500"), (nobody.as_str(), "no answer came")] {
        let (ended, events) = told("{}", &["--lineage-url", url]);
        let ended = ended.succeeded();
        assert_eq!(ended.stderr.matches("the lineage could not be told").count(), 2, "{ended:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("hunter2"), "{ended:?}");
        assert_eq!(kinds(&events), ["START", "COMPLETE"]);
    }
    assert_eq!(received.try_iter().count(), 2);
    let folder = tempdir().unwrap();
    let input = folder.path().join("export.json");
    fs::write(&input, "{}").unwrap();
    let ended = end(convert(&input, &folder.path().join("out")).args(["--lineage-file", "/proc/nowhere"])).succeeded();
    assert!(ended.stderr.contains("the lineage could not be written"), "{ended:?}");
    let ended = end(convert(&input, &folder.path().join("out")).args(["--lineage-url", "ftp://hunter2"])).failed(2);
    assert!(ended.stderr.contains("--lineage-url: it is no address") && !ended.stderr.contains("hunter2"), "{ended:?}");
}
