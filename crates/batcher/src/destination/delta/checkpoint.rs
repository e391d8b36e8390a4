//! Checkpoints of Delta tables: all that a log says up to a version, in one Parquet file, so that readers need not read every
//! version before it.
//!
//! ```text
//! events/_delta_log/00000000000000000010.checkpoint.parquet      one row per action that still matters
//! events/_delta_log/_last_checkpoint                              where the last one is
//! ```
//!
//! They decide nothing: who finds none reads the versions. As those do, they follow from the manifest alone.

use super::{
    DeltaLogs, TableLog,
    actions::{
        APP_ID, READER_VERSION, WINDOW_COLUMN, WRITER_VERSION, configuration, milliseconds, partition_columns, schema,
        statistics, window_start,
    },
};
use crate::manifest::{DataFile, Manifest, TableFiles};
use arrow::{
    array::{
        ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, MapBuilder, MapFieldNames, RecordBatch,
        StringArray, StringBuilder, StructArray, new_null_array,
    },
    compute::concat,
    datatypes::{DataType, Field},
    error::ArrowError,
};
use jiff::{civil::DateTime, tz::TimeZone};
use parquet::{arrow::ArrowWriter, basic::Compression, errors::ParquetError, file::properties::WriterProperties};
use serde_json::json;
use std::sync::Arc;

/// A checkpoint is written with every so many versions, as most writers do.
const EVERY: u64 = 10;

/// Whether a version is to have a checkpoint.
pub(super) fn is_due(version: u64) -> bool {
    version > 0 && version.is_multiple_of(EVERY)
}

/// A checkpoint's file, and what tells where it is.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) file: Vec<u8>,
    pub(super) last: String,
}

impl Checkpoint {
    /// That of a version, which tells of this publication. None of a table that has no files.
    pub(super) fn of(
        manifest: &Manifest,
        logs: &DeltaLogs,
        log: &TableLog,
        version: u64,
    ) -> Result<Option<Self>, ParquetError> {
        let Some(table) = manifest.table(&log.name).filter(|table| !table.files.is_empty()) else { return Ok(None) };
        let actions = [
            ("protocol", protocol()),
            ("metaData", metadata(table, log)?),
            ("txn", transaction(manifest, logs)),
            ("add", added(table, log, milliseconds(manifest))?),
            ("remove", removed(manifest, log)),
        ];
        let rows: usize = actions.iter().map(|(_, array)| array.len()).sum();
        let mut columns = Vec::new();
        let mut before = 0;
        for (name, array) in actions {
            // Each row is one action, so all other columns are null in it.
            let nulls = |rows| new_null_array(array.data_type(), rows);
            let behind = rows - before - array.len();
            columns.push((name, concat(&[&nulls(before), &array, &nulls(behind)])?, true));
            before += array.len();
        }
        let records = RecordBatch::try_from_iter_with_nullable(columns)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), records.schema(), Some(properties))?;
        writer.write(&records)?;
        let file = writer.into_inner()?;
        let (size, files) = (file.len(), table.files.len());
        let last = json!({ "version": version, "size": rows, "sizeInBytes": size, "numOfAddFiles": files });
        Ok(Some(Self { file, last: last.to_string() }))
    }
}

/// Columns of one action, each with its name.
fn action(columns: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let fields = columns
        .into_iter()
        .map(|(name, column)| (Arc::new(Field::new(name, column.data_type().clone(), true)), column));
    Arc::new(StructArray::from(fields.collect::<Vec<_>>()))
}

fn text(text: impl Into<String>) -> ArrayRef {
    Arc::new(StringArray::from(vec![text.into()]))
}

fn number(number: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![number]))
}

fn protocol() -> ArrayRef {
    let version = |version: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![version])) };
    action(vec![("minReaderVersion", version(READER_VERSION)), ("minWriterVersion", version(WRITER_VERSION))])
}

fn metadata(table: &TableFiles, log: &TableLog) -> Result<ArrayRef, ArrowError> {
    let mut partitions = ListBuilder::new(StringBuilder::new());
    partition_columns(log).iter().for_each(|name| partitions.values().append_value(name));
    partitions.append(true);
    let format = action(vec![("provider", text("parquet")), ("options", maps([None])?)]);
    Ok(action(vec![
        ("id", text(&log.id)),
        ("name", text(&log.name)),
        ("description", new_null_array(&DataType::Utf8, 1)),
        ("format", format),
        ("schemaString", text(schema(table, log))),
        ("partitionColumns", Arc::new(partitions.finish())),
        ("configuration", maps([configuration(table).map(|(name, value)| (name, Some(value)))])?),
        ("createdTime", number(log.created_at.as_millisecond())),
    ]))
}

fn transaction(manifest: &Manifest, logs: &DeltaLogs) -> ArrayRef {
    action(vec![
        ("appId", text(APP_ID)),
        ("version", number(logs.transaction)),
        ("lastUpdated", number(milliseconds(manifest))),
    ])
}

fn added(table: &TableFiles, log: &TableLog, published: i64) -> Result<ArrayRef, ArrowError> {
    let files = &table.files;
    let windows = files.iter().map(|file| log.has_windows.then(|| (WINDOW_COLUMN, window_start(file))));
    let modified = files.iter().map(|file| written_at(file).unwrap_or(published));
    Ok(action(vec![
        ("path", Arc::new(StringArray::from_iter_values(files.iter().map(|file| &file.name)))),
        ("partitionValues", maps(windows)?),
        ("size", Arc::new(Int64Array::from_iter_values(files.iter().map(|file| signed(file.bytes))))),
        ("modificationTime", Arc::new(Int64Array::from_iter_values(modified))),
        ("dataChange", no_change(files.len())),
        ("stats", Arc::new(StringArray::from_iter_values(files.iter().map(statistics)))),
    ]))
}

/// Files that were replaced, and that readers of earlier versions may still need.
fn removed(manifest: &Manifest, log: &TableLog) -> ArrayRef {
    let folder = format!("{}/", log.name);
    let retired = manifest.publication.iter().flat_map(|publication| &publication.retired);
    let retired = retired.filter_map(|file| Some((file.path.strip_prefix(&folder)?, file.since)));
    let (paths, times): (Vec<_>, Vec<_>) = retired
        .map(|(path, since)| (path, since.map_or(milliseconds(manifest), |since| since.as_millisecond())))
        .unzip();
    let no_change = no_change(paths.len());
    action(vec![
        ("path", Arc::new(StringArray::from(paths))),
        ("deletionTimestamp", Arc::new(Int64Array::from(times))),
        ("dataChange", no_change),
    ])
}

/// A checkpoint changes nothing.
fn no_change(rows: usize) -> ArrayRef {
    Arc::new(BooleanArray::from(vec![false; rows]))
}

/// A map for each row, with one entry or none.
fn maps(rows: impl IntoIterator<Item = Option<(&'static str, Option<String>)>>) -> Result<ArrayRef, ArrowError> {
    // As Parquet's specification has them.
    let names = MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in rows {
        if let Some((key, value)) = row {
            maps.keys().append_value(key);
            maps.values().append_option(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}

/// When the run began that wrote a file, in milliseconds, as its name says.
fn written_at(file: &DataFile) -> Option<i64> {
    let name = file.name.rsplit('/').next()?.get(..15)?;
    let time = DateTime::strptime("%Y%m%d-%H%M%S", name).ok()?.to_zoned_datetime(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_millisecond())
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_version_has_one() {
        let due: Vec<_> = (0..=30).filter(|&version| is_due(version)).collect();
        assert_eq!(due, [10, 20, 30]);
    }

    #[test]
    fn files_tell_when_their_run_began() {
        let file = |name: &str| DataFile {
            name: name.to_owned(),
            rows: 0,
            bytes: 0,
            row_groups: 0,
            sha256: String::new(),
            columns: None,
            statistics: None,
        };
        for (name, expected) in [
            ("20261124-193000-0123abcd-part-00000.parquet", Some(1_795_548_600_000)),
            ("window_start=2026-01-01/20261124-193000-0123abcd-part-00000.parquet", Some(1_795_548_600_000)),
            ("part-00000.parquet", None),
            ("é", None),
        ] {
            assert_eq!(written_at(&file(name)), expected, "{name}");
        }
    }
}
