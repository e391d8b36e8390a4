//! An export in parts, by windows of time, against the same in one piece.

use crate::files::{Tables, convert};
use apsides_batcher::{Adds, Error, Options, Part, Progress, TableId, Typed, stage_parts};
use apsides_simulator::{CorpusSpec, Size, Window, catalogue, write_export};
use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{Int32Type, Int64Type, TimestampMicrosecondType},
};
use std::io;
use tempfile::tempdir;
use tokio::runtime::Runtime;

const DAY_MS: i64 = 86_400_000;

/// A month, or some days of it; the further parts ask for one attribute only, without which there are no profiles.
fn export(days: std::ops::Range<i64>, is_first: bool) -> Vec<u8> {
    let start = Window::default().start_ms;
    let window = Window { start_ms: start + days.start * DAY_MS, end_ms: start + days.end * DAY_MS };
    let mut spec = CorpusSpec { size: Size::Profiles(500), window, ..CorpusSpec::default() };
    if !is_first {
        let carrier = catalogue::attributes().next().unwrap().id.to_owned();
        spec.selection.attributes = Some([carrier].into());
        spec.selection.tags = Some([].into());
    }
    let mut export = Vec::new();
    write_export(&spec, &mut export).unwrap();
    export
}

fn in_parts(options: &Options) -> Tables {
    let further = [10..11, 11..30].map(|days| export(days, false));
    let rest = further.iter().map(|input| Ok(Part { input: input.as_slice(), adds: Adds::Events }));
    let (folder, runtime) = (tempdir().unwrap(), Runtime::new().unwrap());
    let first = export(0..10, true);
    let progress = Progress::default();
    let staged = stage_parts(first.as_slice(), rest, folder.path(), options, runtime.handle(), &progress).unwrap();
    let manifest = staged.publish().unwrap();
    let bytes = first.len() + further.iter().map(Vec::len).sum::<usize>();
    assert_eq!(manifest.json_bytes, bytes as u64);
    Tables { folder, manifest }
}

/// Profiles by their keys.
fn profiles(rows: &RecordBatch) -> Vec<(String, i32, [i64; 3])> {
    let keys = rows.column_by_name("export_key").unwrap().as_string::<i32>();
    let count = |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
    let counts = ["attribute_count", "tag_count", "event_count"].map(count);
    let sections = rows.column_by_name("section_count").unwrap().as_primitive::<Int32Type>();
    let row = |row: usize| {
        let counts = [0, 1, 2].map(|column: usize| counts[column].value(row));
        (keys.value(row).to_owned(), sections.value(row), counts)
    };
    let mut rows: Vec<_> = (0..rows.num_rows()).map(row).collect();
    rows.sort();
    rows
}

/// Events by what they are, without their place and without whether they are repeated, which are a part's.
pub(crate) fn events(rows: &RecordBatch) -> Vec<(Vec<Option<String>>, i64)> {
    let texts = ["export_key", "section_id", "correlation_id", "type_id", "data"];
    let texts = texts.map(|name| rows.column_by_name(name).unwrap().as_string::<i32>().clone());
    let created = rows.column_by_name("created_at").unwrap().as_primitive::<TimestampMicrosecondType>();
    let row = |row: usize| {
        let texts = texts.iter().map(|column| column.is_valid(row).then(|| column.value(row).to_owned())).collect();
        (texts, created.value(row))
    };
    let mut rows: Vec<_> = (0..rows.num_rows()).map(row).collect();
    rows.sort();
    rows
}

#[test]
fn parts_make_the_tables_of_the_whole() {
    let wide = Options { typed: Typed { wide: true, ..Typed::default() }, ..Options::default() };
    for options in [Options::default(), wide] {
        let whole = convert(export(0..30, true).as_slice(), &options);
        let parts = in_parts(&options);
        for table in [TableId::Attributes, TableId::Tags, TableId::Unmapped] {
            assert!(parts.rows(table) == whole.rows(table), "{}", table.name());
        }
        assert!(profiles(&parts.rows(TableId::Profiles)) == profiles(&whole.rows(TableId::Profiles)));
        let all = events(&whole.rows(TableId::Events));
        assert!(all.len() > 1_000 && events(&parts.rows(TableId::Events)) == all);
        let of_wide = |tables: &Tables| tables.manifest.table("wide").map(|table| table.rows);
        assert_eq!(of_wide(&parts), of_wide(&whole));
    }
}

#[test]
fn columns_can_come_in_parts_too_but_not_for_wide() {
    let ids: Vec<_> = catalogue::attributes().map(|attribute| attribute.id.to_owned()).collect();
    let export = |attributes: &[String], tags: Option<std::collections::BTreeSet<String>>| {
        let mut spec = CorpusSpec { size: Size::Profiles(300), ..CorpusSpec::default() };
        spec.selection.attributes = Some(attributes.iter().cloned().collect());
        spec.selection.tags = tags;
        spec.selection.events = Some([].into());
        let mut export = Vec::new();
        write_export(&spec, &mut export).unwrap();
        export
    };
    let whole = convert(export(&ids, None).as_slice(), &Options::default());
    let (first, second) = (export(&ids[..40], Some([].into())), export(&ids[40..], None));
    let parts = |options: &Options| {
        let rest = [Ok(Part { input: second.as_slice(), adds: Adds::Columns })];
        let (folder, runtime, progress) = (tempdir().unwrap(), Runtime::new().unwrap(), Progress::default());
        let staged = stage_parts(first.as_slice(), rest, folder.path(), options, runtime.handle(), &progress)?;
        let manifest = staged.publish().unwrap();
        Ok(Tables { folder, manifest })
    };
    let tables = parts(&Options::default()).unwrap_or_else(|error: Error| panic!("{error}"));
    assert!(profiles(&tables.rows(TableId::Profiles)) == profiles(&whole.rows(TableId::Profiles)));
    for table in [TableId::Attributes, TableId::Tags] {
        assert!(tables.rows(table).num_rows() == whole.rows(table).num_rows() && whole.rows(table).num_rows() > 0);
    }
    let wide = Options { typed: Typed { wide: true, ..Typed::default() }, ..Options::default() };
    assert!(matches!(parts(&wide).err(), Some(Error::WideInParts)));
}

#[test]
fn the_same_parts_give_the_same_files() {
    let options = Options { batch_rows: 100, ..Options::default() };
    assert!(in_parts(&options).bytes() == in_parts(&options).bytes());
}

#[test]
fn a_part_that_does_not_come_or_is_broken_publishes_nothing() {
    let first = export(0..1, true);
    let broken: &[u8] = br#"{"key":{"sections":{"#;
    let parts = [Err(io::Error::other("the network")), Ok(Part { input: broken, adds: Adds::Events })];
    for part in parts {
        let (folder, runtime) = (tempdir().unwrap(), Runtime::new().unwrap());
        let (options, progress) = (Options::default(), Progress::default());
        let staged = stage_parts(first.as_slice(), [part], folder.path(), &options, runtime.handle(), &progress);
        assert!(matches!(staged.err(), Some(Error::Read { .. } | Error::Json { .. })));
        assert!(!folder.path().join("profiles").exists());
    }
}
