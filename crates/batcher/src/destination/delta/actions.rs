//! The actions of a version of a Delta table's log, a line of JSON each.

use super::{DeltaLogs, TableLog};
use crate::{
    extent::PARTITION,
    manifest::{ColumnOf, DataFile, Manifest, TableFiles},
};
use jiff::{Timestamp, civil::Date, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

/// The application that the transactions are of.
pub(super) const APP_ID: &str = "apsides";
/// What a reader and a writer must know, by the numbers of the protocol: the least there is.
pub(super) const READER_VERSION: i32 = 1;
pub(super) const WRITER_VERSION: i32 = 2;
/// The column that is made of the folders of windows.
pub(super) const WINDOW_COLUMN: &str = "window_start";

/// What a version tells, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// This publication of ours.
    Ours(i64),
    /// It leaves files and columns as they are.
    Harmless,
    /// It does not.
    Foreign,
}

/// Reads a version; none if it is not understood.
pub(super) fn read(bytes: &[u8]) -> Option<Seen> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut seen = Seen::Harmless;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let action: Map<String, Value> = serde_json::from_str(line).ok()?;
        if let Some(transaction) = action.get("txn").filter(|transaction| transaction["appId"] == APP_ID) {
            return transaction["version"].as_i64().map(Seen::Ours);
        }
        if ["add", "remove", "metaData", "protocol", "cdc"].iter().any(|name| action.contains_key(*name)) {
            seen = Seen::Foreign;
        }
    }
    Some(seen)
}

/// What a version tells of a publication: all that is there, or what it has changed.
pub(super) fn of(manifest: &Manifest, logs: &DeltaLogs, log: &TableLog, is_whole: bool) -> String {
    let table = manifest.table(&log.name);
    let mut actions = vec![info(manifest, logs), transaction(manifest, logs)];
    if is_whole {
        actions.push(protocol());
    }
    if let Some(table) = table.filter(|table| (is_whole || log.has_new_columns) && !table.files.is_empty()) {
        actions.push(metadata(table, log));
    }
    if !is_whole {
        actions.extend(removed(manifest, log).map(|path| remove(path, milliseconds(manifest))));
    }
    let run = manifest.publication.as_ref().map_or("", |publication| &publication.run);
    let files = table.iter().flat_map(|table| &table.files).filter(|file| is_whole || is_of(file, run));
    actions.extend(files.map(|file| add(file, log, milliseconds(manifest))));
    let lines = actions.into_iter().map(|action| format!("{action}\n"));
    lines.collect()
}

/// Whether a run has written a file.
fn is_of(file: &DataFile, run: &str) -> bool {
    let name = file.name.rsplit('/').next().unwrap_or_default();
    name.strip_prefix(run).is_some_and(|rest| rest.starts_with('-'))
}

/// The paths in its folder of a table's files that the publication has replaced.
fn removed<'a>(manifest: &'a Manifest, log: &TableLog) -> impl Iterator<Item = &'a str> {
    let retired = manifest.publication.iter().flat_map(|publication| &publication.retired);
    let folder = format!("{}/", log.name);
    retired.filter(|file| file.since.is_none()).filter_map(move |file| file.path.strip_prefix(&folder))
}

/// When a publication was, in milliseconds.
pub(super) fn milliseconds(manifest: &Manifest) -> i64 {
    manifest.published_at.map_or(0, Timestamp::as_millisecond)
}

fn info(manifest: &Manifest, logs: &DeltaLogs) -> Value {
    json!({ "commitInfo": {
        "timestamp": milliseconds(manifest),
        "operation": "WRITE",
        "operationParameters": { "mode": "Overwrite", "extent": logs.extent },
        "engineInfo": manifest.tool,
        "run": manifest.run,
    }})
}

fn transaction(manifest: &Manifest, logs: &DeltaLogs) -> Value {
    let (version, updated) = (logs.transaction, milliseconds(manifest));
    json!({ "txn": { "appId": APP_ID, "version": version, "lastUpdated": updated } })
}

fn protocol() -> Value {
    json!({ "protocol": { "minReaderVersion": READER_VERSION, "minWriterVersion": WRITER_VERSION } })
}

fn metadata(table: &TableFiles, log: &TableLog) -> Value {
    json!({ "metaData": {
        "id": log.id,
        "name": log.name,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": schema(table, log),
        "partitionColumns": partition_columns(log),
        "configuration": Map::from_iter(configuration(table).map(|(name, value)| (name.to_owned(), value.into()))),
        "createdTime": log.created_at.as_millisecond(),
    }})
}

/// A table's property that says by which columns readers leave out files.
///
/// Some readers take it for an order that no value keeps if a file tells bounds of other columns and none of one that is
/// named, or of any where none is: `deltalake` finds no row of the file then. So those are named that each file with bounds
/// tells, and no others: not those that the table may get later.
pub(super) fn configuration(table: &TableFiles) -> Option<(&'static str, String)> {
    (!table.bounded.is_empty()).then(|| ("delta.dataSkippingStatsColumns", table.bounded.join(",")))
}

pub(super) fn partition_columns(log: &TableLog) -> &'static [&'static str] {
    if log.has_windows { &[WINDOW_COLUMN] } else { &[] }
}

/// The columns, as a text of JSON.
pub(super) fn schema(table: &TableFiles, log: &TableLog) -> String {
    // Files of other times may have fewer columns, which are null there.
    let everywhere = |column: &ColumnOf| {
        let mut columns = table.files.iter().filter_map(|file| file.columns.as_ref());
        columns.all(|columns| columns.contains(&column.name))
    };
    let columns = table.columns.iter().map(|column| {
        let is_nullable = column.nullable || !everywhere(column);
        json!({
            "name": column.name, "type": type_of(&column.column_type), "nullable": is_nullable, "metadata": {},
        })
    });
    let windows = partition_columns(log)
        .iter()
        .map(|name| json!({ "name": name, "type": "timestamp", "nullable": true, "metadata": {} }));
    let fields: Vec<_> = columns.chain(windows).collect();
    json!({ "type": "struct", "fields": fields }).to_string()
}

/// What Delta calls a type of a manifest's column: a word, or what a struct or a list is made of.
fn type_of(name: &str) -> Value {
    let inside = |of: &str| {
        name.strip_prefix(of).and_then(|rest| rest.strip_prefix('<')).and_then(|rest| rest.strip_suffix('>'))
    };
    if let Some(element) = inside("list") {
        return json!({ "type": "array", "elementType": type_of(element), "containsNull": true });
    }
    if let Some(members) = inside("struct") {
        let field = |member: &str| {
            let (name, of) = member.split_once(": ").unwrap_or((member, "string"));
            json!({ "name": name, "type": type_of(of), "nullable": true, "metadata": {} })
        };
        let fields: Vec<_> = members_of(members).map(field).collect();
        return json!({ "type": "struct", "fields": fields });
    }
    json!(match name {
        "int32" => "integer",
        "int64" => "long",
        "timestamp_micros_utc" => "timestamp",
        same => same,
    })
}

/// The members of a struct, `name: type` each, which have commas between them and may have some within.
fn members_of(members: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    members
        .split(move |letter| {
            depth += i32::from(letter == '<') - i32::from(letter == '>');
            letter == ',' && depth == 0
        })
        .map(str::trim)
}

fn add(file: &DataFile, log: &TableLog, modified: i64) -> Value {
    json!({ "add": {
        "path": file.name,
        "partitionValues": partition_values(file, log),
        "size": file.bytes,
        "modificationTime": modified,
        "dataChange": true,
        "stats": statistics(file),
    }})
}

fn remove(path: &str, deleted: i64) -> Value {
    json!({ "remove": { "path": path, "deletionTimestamp": deleted, "dataChange": true } })
}

/// What of its window a file's rows all have.
fn partition_values(file: &DataFile, log: &TableLog) -> Map<String, Value> {
    let value = || window_start(file).map_or(Value::Null, Value::String);
    partition_columns(log).iter().map(|name| ((*name).to_owned(), value())).collect()
}

/// When a file's window begins; none if it has none.
pub(super) fn window_start(file: &DataFile) -> Option<String> {
    let name = file.partition()?.strip_prefix(PARTITION)?;
    let date = Date::strptime("%Y-%m-%d", name).ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()));
    let start = date.or_else(|| DateTime::strptime("%Y%m%dT%H%M%SZ", name).ok())?;
    let start = start.to_zoned_datetime(TimeZone::UTC).ok()?;
    Some(start.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string())
}

/// What is known of a file's rows, as a text of JSON.
pub(super) fn statistics(file: &DataFile) -> String {
    let text = file.statistics.as_ref().map(|statistics| statistics.text().to_owned());
    // Files of earlier versions have no more than that.
    text.unwrap_or_else(|| json!({ "numRecords": file.rows }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_columns() {
        let field = |name: &str, of: Value| json!({ "name": name, "type": of, "nullable": true, "metadata": {} });
        let list = |of: Value| json!({ "type": "array", "elementType": of, "containsNull": true });
        let structs = |fields: &[Value]| json!({ "type": "struct", "fields": fields });
        for (name, expected) in [
            ("string", json!("string")),
            ("int32", json!("integer")),
            ("int64", json!("long")),
            ("timestamp_micros_utc", json!("timestamp")),
            ("date", json!("date")),
            ("list<int64>", list(json!("long"))),
            ("struct<a: int64>", structs(&[field("a", json!("long"))])),
            (
                "list<struct<a: struct<x: date, y: list<double>>, b: string>>",
                list(structs(&[
                    field("a", structs(&[field("x", json!("date")), field("y", list(json!("double")))])),
                    field("b", json!("string")),
                ])),
            ),
        ] {
            assert_eq!(type_of(name), expected, "{name}");
        }
    }
}
