//! An export in parts, by windows of time, against the same in one piece.

use crate::files::{Tables, convert};
use apsides_batcher::{Adds, Error, Options, Part, Progress, Selection as Selected, TableId, Typed, stage_parts};
use apsides_definitions::Snapshot;
use apsides_simulator::{CorpusSpec, Selection, Size, Window, catalogue, write_export};
use apsides_tokenizer::{Token, Tokens};
use arrow::{
    array::{Array, AsArray, RecordBatch, StringArray},
    compute::{SortColumn, lexsort_to_indices, take_record_batch},
    datatypes::{Int32Type, Int64Type, TimestampMicrosecondType},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};
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

/// What the API has of some columns of the same account; its profiles are in the order of their keys, or in another.
fn columns(attributes: &[String], tags: Option<BTreeSet<String>>, by_key: bool) -> Vec<u8> {
    let mut spec = CorpusSpec { size: Size::Profiles(300), ..CorpusSpec::default() };
    spec.selection =
        Selection { attributes: Some(attributes.iter().cloned().collect()), tags, events: Some([].into()) };
    let mut export = Vec::new();
    write_export(&spec, &mut export).unwrap();
    if by_key {
        let (mut tokens, mut profiles) = (Tokens::new(export.as_slice()), BTreeMap::new());
        assert!(tokens.enter_object().unwrap());
        while let Some(Token::Key(key)) = tokens.pull().unwrap() {
            let key = key.text().to_owned();
            profiles.insert(key, tokens.raw().unwrap().to_owned());
        }
        let profiles: Vec<_> = profiles.into_iter().map(|(key, profile)| format!("\"{key}\":{profile}")).collect();
        return format!("{{{}}}", profiles.join(",")).into_bytes();
    }
    export
}

fn staged(first: &[u8], rest: &[&[u8]], options: &Options) -> Result<Tables, Error> {
    let rest = rest.iter().map(|&input| Ok(Part { input, adds: Adds::Columns }));
    let (folder, runtime, progress) = (tempdir().unwrap(), Runtime::new().unwrap(), Progress::default());
    let manifest = stage_parts(first, rest, folder.path(), options, runtime.handle(), &progress)?.publish()?;
    Ok(Tables { folder, manifest })
}

/// With `wide`, of attributes and tags in several parts.
fn of_columns() -> Options {
    let definitions = Snapshot::parse(catalogue::definitions(false).to_string().as_bytes()).unwrap().definitions;
    let typed = Typed { wide: true, ..Typed::default() };
    Options { typed, definitions: Some(definitions), columns_in_parts: true, ..Options::default() }
}

/// The rows of `wide`, by export key and section.
fn wide(tables: &Tables) -> RecordBatch {
    let rows = tables.rows_of("wide");
    let by = rows.columns()[..2].iter().map(|column| SortColumn { values: column.clone(), options: None });
    let order = lexsort_to_indices(&by.collect::<Vec<_>>(), None).unwrap();
    take_record_batch(&rows, &order).unwrap()
}

#[test]
fn columns_can_come_in_parts_too() {
    let ids: Vec<_> = catalogue::attributes().map(|attribute| attribute.id.to_owned()).collect();
    let tags: BTreeSet<_> = catalogue::tags().map(|tag| tag.id.to_owned()).collect();
    let (tags, more_tags) = (tags.iter().take(6).cloned().collect(), tags.into_iter().skip(6).collect());
    let all = columns(&ids, None, false);
    let options = Options { columns_in_parts: false, ..of_columns() };
    let whole = convert(all.as_slice(), &options);
    let first = columns(&ids[..20], Some([].into()), false);
    let rest = [columns(&ids[20..40], Some(tags), true), columns(&ids[40..], Some(more_tags), false)];
    let rest: Vec<_> = rest.iter().map(Vec::as_slice).collect();
    let tables = staged(&first, &rest, &of_columns()).unwrap();
    assert!(profiles(&tables.rows(TableId::Profiles)) == profiles(&whole.rows(TableId::Profiles)));
    for table in [TableId::Attributes, TableId::Tags] {
        assert!(tables.rows(table).num_rows() == whole.rows(table).num_rows() && whole.rows(table).num_rows() > 0);
    }
    let expected = wide(&whole);
    assert!(expected.num_rows() > 300 && wide(&tables) == expected);
    // However they are spread over files, and batches cut, there are the same rows; and the same files of the same parts.
    for section_bytes in [20_000, 100_000] {
        let options = Options { section_bytes, batch_rows: 100, ..of_columns() };
        let tables = staged(&first, &rest, &options).unwrap();
        assert!(wide(&tables) == expected);
        assert!(tables.bytes() == staged(&first, &rest, &options).unwrap().bytes());
    }
    // It is made of nothing else, and nothing is made where it is not wanted.
    let only = Options { selection: Selected::of([]), ..of_columns() };
    assert!(wide(&staged(&first, &rest, &only).unwrap()) == expected);
    let long = Options { typed: Typed::default(), ..of_columns() };
    assert!(staged(&first, &rest, &long).unwrap().manifest.table("wide").is_none());
    // Nobody has said so.
    assert!(matches!(staged(&first, &rest, &options).err(), Some(Error::WideInParts)));
}

#[test]
fn a_profile_with_too_many_columns_is_refused() {
    let values =
        (0..100).map(|id| format!(r#""{id}":{{"value":"{}"}}"#, "x".repeat(100))).collect::<Vec<_>>().join(",");
    let export = format!(r#"{{"key":{{"sections":{{"1":{{"attributes":{{{values}}}}}}}}}}}"#);
    let options = |section_bytes| Options { section_bytes, ..of_columns() };
    let staged = |section_bytes| staged(export.as_bytes(), &[export.as_bytes()], &options(section_bytes));
    // In one part; in both together; in none.
    for (section_bytes, is_refused) in [(5_000, true), (15_000, true), (40_000, false)] {
        match staged(section_bytes) {
            Err(Error::ProfileTooLarge { limit }) => assert!(is_refused && limit == section_bytes),
            other => assert!(!is_refused && other.is_ok()),
        }
    }
}

#[test]
fn within_a_part_the_last_stands_and_parts_add_to_each_other() {
    let definitions = r#"{"attributes": [{"name": "a", "type": "text", "versions": [{"id": "1"}]}, {"name": "b", "type": "text", "versions": [{"id": "2"}]}],
                          "tags": [{"name": "t", "id": "3"}]}"#;
    let definitions = Some(Snapshot::parse(definitions.as_bytes()).unwrap().definitions);
    let options = Options { definitions, ..of_columns() };
    let section = |attributes: &str| format!(r#"{{"attributes":{{{attributes}}}}}"#);
    let (a, other_a, b, t) =
        (r#""1":{"value":"a"}"#, r#""1":{"value":"A"}"#, r#""2":{"value":"b"}"#, r#""3":{"value":null}"#);
    for (first, second, expected) in [
        (format!(r#""7":{}"#, section(a)), format!(r#""7":{}"#, section(b)), vec!["7 a b false"]),
        (format!(r#""7":{}"#, section(a)), format!(r#""8":{}"#, section(t)), vec!["7 a - false", "8 - - true"]),
        (
            format!(r#""7":{0},"8":{1},"7":{1}"#, section(other_a), section(a)),
            format!(r#""8":{}"#, section(b)),
            vec!["7 a - false", "8 a b false"],
        ),
        (
            format!(r#""7":{{"attributes":{{{other_a}}},"attributes":{{}}}}"#),
            format!(r#""7":{}"#, section(b)),
            vec!["7 - b false"],
        ),
        (String::new(), r#""7":{}"#.to_owned(), vec!["7 - - false"]),
    ] {
        let [first, second] = [first, second].map(|sections| format!(r#"{{"key":{{"sections":{{{sections}}}}}}}"#));
        let rows = wide(&staged(first.as_bytes(), &[second.as_bytes()], &options).unwrap());
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (sections, a, b) = (text("section_id"), text("a"), text("b"));
        let t = rows.column_by_name("tag_t").unwrap().as_boolean();
        let cell =
            |column: &StringArray, row| if column.is_valid(row) { column.value(row).to_owned() } else { "-".into() };
        let found = (0..rows.num_rows())
            .map(|row| format!("{} {} {} {}", sections.value(row), cell(&a, row), cell(&b, row), t.value(row)));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{first} {second}");
    }
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
