//! `schemas/` is what readers of the tables rely on: it says what the code does.

use apsides_batcher::TableId;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::PathBuf};

/// What is a schema of a pipeline rather than of a table.
const OTHERS: [&str; 1] = ["pipeline.schema.json"];

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

#[test]
fn each_table_is_described_as_it_is() {
    for table in TableId::ALL {
        let text = fs::read_to_string(schemas().join(format!("{}.json", table.name()))).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["table"], table.name());
        let described = |value: &Value| value["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(described(&schema), "{}", table.name());
        let columns = schema["columns"].as_array().unwrap();
        let found: Vec<_> = columns
            .iter()
            .map(|column| {
                assert!(described(column), "{}: {column}", table.name());
                let text = |member: &str| column[member].as_str().unwrap();
                (text("name"), text("type"), column["nullable"].as_bool().unwrap())
            })
            .collect();
        let written = table.schema();
        let expected: Vec<_> = written
            .columns
            .iter()
            .map(|column| (column.name.as_ref(), column.column_type.name(), column.nullable))
            .collect();
        assert_eq!(found, expected, "{}", table.name());
    }
}

#[test]
fn nothing_is_described_that_does_not_exist() {
    let files = fs::read_dir(schemas()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<_> = files.filter(|file| file.ends_with(".json") && !OTHERS.contains(&file.as_str())).collect();
    assert_eq!(found, TableId::ALL.map(|table| format!("{}.json", table.name())).into());
}
