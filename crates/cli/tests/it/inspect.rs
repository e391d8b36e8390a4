//! What `apsides inspect` tells, in its three forms, and what it does not.

use crate::{
    exports::{export, gzip, zstd},
    program::{apsides, convert_bytes, end, end_with, feed},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufWriter, Write},
    process::Command,
    thread,
};
use tempfile::tempdir;

fn inspect(input: &[u8], arguments: &str) -> crate::program::Ended {
    end_with(&mut apsides(&format!("inspect - {arguments}")), input)
}

#[test]
fn it_counts_what_convert_writes() {
    let export = export(3 << 20);
    let folder = tempdir().unwrap();
    let converted = convert_rows(&export, folder.path());
    let found = inspect(&export, "--json --duplicates").succeeded().json();
    for table in ["profiles", "attributes", "tags", "events", "unmapped"] {
        assert_eq!(found["totals"][table], converted[table], "{table}");
    }
    assert_eq!(found["json_bytes"], json!(export.len()));
    assert!(found["duplicate_events"].as_u64() > Some(0));
    let sum = |list: &str, member: &str| -> u64 {
        found[list].as_array().unwrap().iter().map(|of| of[member].as_u64().unwrap()).sum()
    };
    for sum in [sum("event_types", "events"), sum("sections", "events")] {
        assert_eq!(json!(sum), found["totals"]["events"]);
    }
    // In whatever form it comes.
    for input in [gzip(&export), zstd(&export)] {
        assert_eq!(inspect(&input, "--json --duplicates").succeeded().json(), found);
    }
}

#[test]
fn a_file_is_read_in_slices_and_told_as_a_stream_is() {
    let export = export(20 << 20);
    let folder = tempdir().unwrap();
    let file = folder.path().join("export.json");
    let of_file = |export: &[u8], threads: u32| {
        fs::write(&file, export).unwrap();
        end(apsides("inspect --json --duplicates").arg("--threads").arg(threads.to_string()).arg(&file))
    };
    let whole = inspect(&export, "--json --duplicates").succeeded().json();
    for threads in [1, 2, 5] {
        assert_eq!(of_file(&export, threads).succeeded().json(), whole, "{threads} threads");
    }
    // What is wrong is told as by one thread, wherever it is.
    for at in [export.len() / 4, export.len() - 40] {
        let mut broken = export.clone();
        broken.insert(at, 7);
        let [one, two] = [1, 2].map(|threads| of_file(&broken, threads).failed(3).stderr.clone());
        assert!(one.contains("byte") && one == two, "{one}{two}");
    }
}

/// A pipe with a name can be opened but once: who opens it again waits for another writer.
#[test]
fn a_named_pipe_is_read_as_a_stream_is() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "{}").unwrap()
    });
    let found = end(apsides("inspect --json").arg(&pipe)).succeeded().json();
    assert_eq!(found["json_bytes"], json!(2));
    writer.join().unwrap();
}

fn convert_rows(export: &[u8], folder: &std::path::Path) -> serde_json::Map<String, Value> {
    convert_bytes(export, folder).succeeded();
    let manifest = fs::read(folder.join(".apsides/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let tables = manifest["tables"].as_array().unwrap().iter();
    tables.map(|table| (table["name"].as_str().unwrap().to_owned(), table["rows"].clone())).collect()
}

#[test]
fn names_come_from_definitions() {
    let folder = tempdir().unwrap();
    let (file, definitions) = (folder.path().join("export"), folder.path().join("definitions"));
    let mut simulate = apsides("simulate --profiles 50 --write");
    end(simulate.arg(&file).arg("--definitions").arg(&definitions)).succeeded();
    let export = fs::read(&file).unwrap();
    let with = format!("--definitions {}", definitions.display());
    let text = inspect(&export, &with).succeeded().stdout;
    assert!(text.contains("Email sent") && text.contains("First name") && text.contains("Newsletter"), "{text}");
    let text = inspect(&export, "").succeeded().stdout;
    assert!(!text.contains("Email sent") && text.contains("90201"), "{text}");
}

#[test]
fn the_text_is_plain_and_as_wide_as_it_may() {
    let export = export(1 << 20);
    for (columns, width) in [("80", 80), ("120", 120), ("1000", 120), ("7", 60), ("", 80)] {
        let text = end_with(apsides("inspect -").env("COLUMNS", columns), &export).succeeded().stdout;
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(width) && widest > Some(width / 2), "{columns}: {widest:?}\n{text}");
        assert!(!text.contains('\u{1b}'), "nobody looks at it on a terminal");
    }
}

#[test]
fn a_page_is_written_besides() {
    let folder = tempdir().unwrap();
    let page = folder.path().join("report.html");
    let ended = inspect(&export(1 << 20), &format!("--html {}", page.display())).succeeded();
    assert!(ended.stdout.contains("event types"), "{ended:?}");
    let page = fs::read_to_string(page).unwrap();
    for part in ["<!doctype html>", "Events by day and type", "Profiles by size", "prefers-color-scheme: dark"] {
        assert!(page.contains(part), "{part}");
    }
    inspect(b"{}", "--html /nowhere/report.html").failed(4);
}

#[test]
fn memory_is_bounded_whatever_there_is_to_tell_apart() {
    const MANY: u64 = 300_000;
    const MEMORY_MAX: u64 = 64 << 20;
    let ended = feed(&mut apsides("inspect - --json"), |pipe| {
        let mut pipe = BufWriter::new(pipe);
        let mut put = |text: String| pipe.write_all(text.as_bytes()).unwrap();
        for id in 0..MANY {
            let day = id * 86_400_000;
            put(format!("{}\"k{id}\":{{\"m{id}\":1,\"sections\":{{\"s{id}\":{{}},", if id == 0 { "{" } else { "," }));
            put(format!("\"1\":{{\"attributes\":{{\"a{id}\":{{\"value\":1}},\"t{id}\":{{}}}},"));
            put(format!("\"events\":[{{\"typeId\":\"e{id}\",\"createdAt\":{day}}}]}}}}}}"));
        }
        put("}".to_owned());
    });
    assert!(ended.peak < MEMORY_MAX, "{} bytes", ended.peak);
    let found = ended.succeeded().json();
    for (list, other, all) in [
        ("sections", "sections", 2 * MANY),
        ("attributes", "attributes", MANY),
        ("tags", "tags", MANY),
        ("event_types", "events", MANY),
        ("unmapped", "unmapped", MANY),
    ] {
        let told = found[list].as_array().unwrap();
        let told = match list {
            "sections" => told.iter().map(|section| section["profiles"].as_u64().unwrap()).sum(),
            _ => told.len() as u64,
        };
        let others = found["others"][other].as_u64().unwrap();
        assert!(others > 0);
        assert_eq!((told + others, json!(all)), (all, found["totals"][other].clone()), "{list}");
    }
}

#[test]
fn nothing_of_a_person_is_told() {
    let export =
        br#"{"anna@example.org": {"anna": 1, "sections": {"1": {"attributes": {"7": {"value": "Anna Larsson"}},
        "events": [{"typeId": "9", "correlationId": "c-anna", "data": {"url": "https://example.org/anna"}}]}}}}"#;
    let folder = tempdir().unwrap();
    let page = folder.path().join("report.html");
    for arguments in ["", "--json", "--duplicates"] {
        let told = inspect(export, &format!("{arguments} --html {}", page.display())).succeeded();
        for told in [told.stdout, told.stderr, fs::read_to_string(&page).unwrap()] {
            // A member that the grammar does not name is told by its name: it is a program's, not a person's.
            let told = told.replace("/*/anna", "");
            assert!(!told.contains("Anna") && !told.contains("anna") && !told.contains("example"), "{told}");
        }
    }
}

#[test]
fn what_is_no_export_is_an_error_that_speaks_of_no_tables() {
    for (input, code) in [(&b"[]"[..], 3), (b"{\"k\":", 3), (b"{\"k\":{}}}", 3), (b"\x1f\x8b\x08broken", 3)] {
        let ended = inspect(input, "").failed(code);
        assert!(!ended.stderr.contains("published") && ended.stdout.is_empty(), "{ended:?}");
    }
    end(&mut apsides("inspect /nowhere/export.json")).failed(3);
    inspect(b"{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":\"long\"}}}}}}", "--max-value-size 5")
        .failed(3);
}
