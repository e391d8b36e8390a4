//! How far a command is, told where nobody looks at a terminal.

use crate::{
    pipelines::{Api, Pipeline},
    program::{apsides, feed},
};
use serde_json::Value;
use std::{io::Write, thread, time::Duration};
use tempfile::tempdir;

/// An export that takes more than two seconds to come.
fn slowly(pipe: &mut dyn Write) {
    let profile =
        |number: usize| format!("\"{number:08}\":{{\"com.apsis1.audience-1\":{{\"attributes\":{{\"7\":1}}}}}}");
    let _ = write!(pipe, "{{{}", profile(0));
    for number in 1..26 {
        let _ = write!(pipe, ",{}", profile(number)).and_then(|()| pipe.flush());
        thread::sleep(Duration::from_millis(100));
    }
    let _ = write!(pipe, "}}");
}

/// What is said of a slow conversion with these arguments.
fn said(arguments: &str) -> String {
    let out = tempdir().unwrap();
    let mut command = apsides("convert - --out");
    command.arg(out.path()).args(arguments.split_whitespace());
    feed(&mut command, slowly).succeeded().stderr
}

#[test]
fn a_line_tells_now_and_then_how_far_a_conversion_is() {
    for (name, arguments, lines) in [
        ("every second", "--progress-interval 1", 2),
        ("for a time longer than it takes", "", 0),
        ("never", "--progress-interval 0", 0),
        ("quiet", "--progress-interval 1 --quiet", 0),
    ] {
        let said = said(arguments);
        let told = said.lines().filter(|line| line.contains(" INFO run{run=") && line.contains(": reading "));
        let told: Vec<_> = told.collect();
        assert!(if lines == 0 { said.is_empty() } else { told.len() >= lines }, "{name}: {said}");
        for line in told {
            for part in ["B/s; parsing ", " of JSON, ", " profiles; writing ", " rows; ", " of memory"] {
                assert!(line.contains(part), "{name}: no {part:?} in {line}");
            }
        }
    }
}

#[test]
fn machines_are_told_in_numbers() {
    let said = said("--progress-interval 1 --log-format json");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields: Vec<_> =
        lines.iter().map(|line| &line["fields"]).filter(|fields| fields["bytes_in"].is_u64()).collect();
    assert!(fields.len() >= 2, "{said}");
    for name in ["elapsed_seconds", "bytes_in", "json_bytes", "profiles", "rows", "written_bytes"] {
        let numbers: Vec<_> = fields.iter().map(|fields| fields[name].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted(), "{name}: {numbers:?}");
    }
    assert!(fields[1]["bytes_in"].as_u64() > fields[0]["bytes_in"].as_u64(), "{said}");
}

#[test]
fn a_run_that_waits_says_so_with_its_window() {
    let api = Api::start("--polls 3");
    let pipeline = Pipeline::of(&api.base_url, "attributes = [\"40103\"]\nevents = [\"90201\"]");
    let file = pipeline.folder.path().join("pipeline.toml");
    let schedule = "[schedule]\nstart = \"2026-01-01\"\nevery = \"7d\"\nwindows_per_run = 1\n\n[export]";
    let text = std::fs::read_to_string(&file).unwrap().replace("[export]", schedule);
    std::fs::write(&file, text).unwrap();
    let said = pipeline.run("--progress-interval 1").succeeded().stderr;
    let waiting =
        |of: &str| said.lines().any(|line| line.contains(of) && line.contains("waiting for the export: not ready"));
    assert!(waiting(":snapshot:") && waiting(":window{window=2026-01-01 to 2026-01-08}:"), "{said}");
}
