//! `schemas/` is what readers of the tables rely on: it says what the code does.

use apsides_batcher::{TableId, dimension_tables};
use apsides_definitions::Definitions;
use arrow::datatypes::{DataType, TimeUnit};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::PathBuf};

/// What is a schema of a pipeline rather than of a table.
const OTHERS: [&str; 1] = ["pipeline.schema.json"];

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn arrow_type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 => "string",
        DataType::Int32 => "int32",
        DataType::Boolean => "boolean",
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => "timestamp_micros_utc",
        other => panic!("no column of a dimension table is {other}"),
    }
}

/// The columns in a table's description: name, type, whether null may stand there.
fn described(table: &str) -> Vec<(String, String, bool)> {
    let text = fs::read_to_string(schemas().join(format!("{table}.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["table"], table);
    let has_words = |value: &Value| value["description"].as_str().is_some_and(|text| !text.is_empty());
    assert!(has_words(&schema), "{table}");
    let columns = schema["columns"].as_array().unwrap().iter().map(|column| {
        assert!(has_words(column), "{table}: {column}");
        let text = |member: &str| column[member].as_str().unwrap().to_owned();
        (text("name"), text("type"), column["nullable"].as_bool().unwrap())
    });
    columns.collect()
}

#[test]
fn each_table_is_described_as_it_is() {
    for table in TableId::ALL {
        let expected: Vec<_> = table
            .schema()
            .columns
            .iter()
            .map(|column| (column.name.to_string(), column.column_type.name().to_owned(), column.nullable))
            .collect();
        assert_eq!(described(table.name()), expected, "{}", table.name());
    }
}

#[test]
fn each_dimension_table_is_described_as_it_is() {
    for (table, schema, _) in dimension_tables(&Definitions::default()) {
        let fields = schema.fields().iter();
        let expected: Vec<_> = fields
            .map(|field| (field.name().clone(), arrow_type_name(field.data_type()).to_owned(), field.is_nullable()))
            .collect();
        assert_eq!(described(table), expected, "{table}");
    }
}

#[test]
fn nothing_is_described_that_does_not_exist() {
    let files = fs::read_dir(schemas()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<_> = files.filter(|file| file.ends_with(".json") && !OTHERS.contains(&file.as_str())).collect();
    let tables = TableId::ALL.map(TableId::name).into_iter();
    let dimensions = dimension_tables(&Definitions::default()).into_iter().map(|(name, ..)| name);
    assert_eq!(found, tables.chain(dimensions).map(|name| format!("{name}.json")).collect());
}
