//! Typed tables from outside: where their definitions come from, and that nothing about the running
//! changes them. What they hold is compared with an oracle in `tests/readers`.

use apsides_batcher::{Error, Manifest, Options, Progress, Typed, stage};
use apsides_simulator::{CorpusSpec, Size, write_export};
use arrow::{array::AsArray, compute::concat_batches, record_batch::RecordBatch};
use parquet::{
    arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    basic::{Encoding, PageType},
    file::metadata::PageIndexPolicy,
};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use tempfile::tempdir;

fn typed() -> Options {
    Options { typed: Typed { wide: true, events: true, ..Typed::default() }, ..Options::default() }
}

fn convert(export: &[u8], folder: &Path, options: &Options) -> Result<Manifest, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    stage(export, folder, options, runtime.handle(), &Progress::default())?.publish()
}

fn columns(manifest: &Manifest, table: &str) -> Vec<String> {
    let schema = manifest.typed.as_ref().unwrap();
    let table = schema.tables.iter().find(|known| known.name == table).unwrap_or_else(|| panic!("no {table}"));
    table.columns.iter().map(|column| format!("{} {}", column.name, column.kind.name())).collect()
}

#[test]
fn metadata_at_the_start_are_definitions() {
    let metadata = r#"{"attributes": [{"discriminator": "x.attributes.city", "type": "text", "versions": [{"id": "5"}]}],
                       "events": [{"discriminator": "x.events.sent", "versions": [{"id": "30", "fields": ["to"]}]}]}"#;
    let profiles = r#""profiles": {"p": {"sections": {"1": {"attributes": {"5": {"value": null}},
                       "events": [{"typeId": "30", "data": {"to": "x"}}]}}}}"#;
    for (export, attributes) in [
        (format!(r#"{{"metadata": {metadata}, {profiles}}}"#), 1),
        (format!(r#"{{{profiles}, "metadata": {metadata}}}"#), 1),
        // Metadata in a form that is not known are not definitions.
        (format!(r#"{{"metadata": {{"version": 3}}, {profiles}}}"#), 0),
    ] {
        let folder = tempdir().unwrap();
        let manifest = convert(export.as_bytes(), folder.path(), &typed()).unwrap();
        // An attribute that is known as one is no tag, though it has no value.
        assert_eq!(manifest.table("attributes").unwrap().rows, attributes, "{export}");
        assert_eq!(manifest.table("unmapped").unwrap().rows, 1, "{export}");
        if attributes == 1 {
            assert_eq!(columns(&manifest, "wide"), ["city text"]);
            assert_eq!(columns(&manifest, "events_sent"), ["to text"]);
            assert_eq!(manifest.table("attribute_definitions").unwrap().rows, 1);
        } else {
            assert_eq!(columns(&manifest, "wide"), ["tag_5 tag"]);
            assert_eq!(columns(&manifest, "events_30"), ["to text"]);
            assert!(manifest.table("attribute_definitions").is_none());
        }
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let tables = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tables = tables.filter(|table| !table.ends_with(".apsides") && !table.ends_with("views"));
    tables
        .flat_map(|table| fs::read_dir(table).unwrap().map(|entry| entry.unwrap().path()))
        .map(|file| (file.strip_prefix(folder).unwrap().display().to_string(), fs::read(&file).unwrap()))
        .collect()
}

#[test]
fn threads_and_bytes_under_way_change_nothing() {
    let mut export = Vec::new();
    write_export(&CorpusSpec { size: Size::Bytes(3 << 20), ..CorpusSpec::default() }, &mut export).unwrap();
    let run = |threads, bytes_under_way| {
        let folder = tempdir().unwrap();
        let options = Options {
            threads: Some(threads),
            bytes_under_way,
            batch_rows: 1000,
            batch_bytes: 30_000,
            sample_bytes: 1 << 20,
            ..typed()
        };
        convert(&export, folder.path(), &options).unwrap();
        files(folder.path())
    };
    let one = run(1, 1 << 20);
    assert!(one.len() > 12, "{:?}", one.keys());
    for (threads, bytes_under_way) in [(2, 20_000), (5, 1 << 20), (3, 1)] {
        assert!(run(threads, bytes_under_way) == one, "{threads} threads, {bytes_under_way} bytes under way");
    }
}

/// The pages of a table's first column, and all of its rows.
fn pages(folder: &Path, table: &str) -> (usize, RecordBatch) {
    let (mut count, mut batches) = (0, Vec::new());
    for entry in fs::read_dir(folder.join(table)).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
        let metadata = Arc::clone(reader.metadata());
        let groups = (0..metadata.num_row_groups()).map(|group| metadata.page_index_for_row_group(group));
        count += groups.map(|pages| pages.offset_index(0).unwrap().page_locations().len()).sum::<usize>();
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    (count, concat_batches(&batches[0].schema(), &batches).unwrap())
}

#[test]
fn pages_of_typed_tables_are_made_of_some_batches() {
    let mut export = Vec::new();
    write_export(&CorpusSpec { size: Size::Bytes(3 << 20), ..CorpusSpec::default() }, &mut export).unwrap();
    let run = |bundle_bytes| {
        let folder = tempdir().unwrap();
        let options = Options { bundle_bytes, batch_rows: 2000, batch_bytes: 60_000, ..typed() };
        convert(&export, folder.path(), &options).unwrap();
        folder
    };
    let (single, bundled) = (run(1), run(1 << 20));
    let tables = fs::read_dir(single.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let tables: Vec<_> = tables.filter(|table| table == "wide" || table.starts_with("events_")).collect();
    assert!(tables.len() > 3, "{tables:?}");
    for table in tables {
        let ((many, rows), (few, same)) = (pages(single.path(), &table), pages(bundled.path(), &table));
        assert!(rows == same, "{table}");
        assert!(few * 3 <= many, "{table}: {few} pages in place of {many}");
    }
}

#[test]
fn texts_that_are_few_in_some_pages_are_the_same_in_all() {
    let city = |at: usize| match at / 500 {
        2 => format!("a place that is called {at}"),
        part => format!("{part} of {}, which is no place of its own", at % 5),
    };
    let profile = |at: usize| match at % 7 {
        0 => format!(r#""{at}":{{"sections":{{"1":{{"attributes":{{"6":{{"value":true}}}}}}}}}}"#),
        _ => format!(r#""{at}":{{"sections":{{"1":{{"attributes":{{"5":{{"value":"{}"}}}}}}}}}}"#, city(at)),
    };
    let export = format!("{{{}}}", (0..2000).map(profile).collect::<Vec<_>>().join(","));
    let folder = tempdir().unwrap();
    convert(export.as_bytes(), folder.path(), &Options { bundle_bytes: 1, batch_rows: 500, ..typed() }).unwrap();
    let file = fs::File::open(folder.path().join("wide/part-00000.parquet")).unwrap();
    let options = ArrowReaderOptions::new().with_encoding_stats_as_mask(false);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let groups = reader.metadata().row_groups();
    let column = groups[0].columns().iter().find(|column| column.column_path().string() == "attribute_5").unwrap();
    let found =
        column.page_encoding_stats().unwrap().iter().map(|pages| (pages.page_type, pages.encoding, pages.count));
    let expected = [
        (PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
        (PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, 2),
        // Also the one behind it, whose texts are few.
        (PageType::DATA_PAGE, Encoding::DELTA_LENGTH_BYTE_ARRAY, 2),
    ];
    assert_eq!((groups.len(), found.collect::<Vec<_>>()), (1, expected.to_vec()));
    let (_, rows) = pages(folder.path(), "wide");
    let cities = rows.column_by_name("attribute_5").unwrap().as_string::<i32>();
    let expected = (0..2000).map(|at| (at % 7 != 0).then(|| city(at)));
    assert!(cities.iter().eq(expected.collect::<Vec<_>>().iter().map(Option::as_deref)));
}

#[test]
fn export_keys_are_what_they_were_whatever_they_have_in_common() {
    let keys = ["abcdé", "abcdè", "abcd", "abcdef", "", "x", "abcdef", "abcdefgh", "abcdefgh"];
    // A section that comes again stands in place of the one before.
    let sections = |at: usize| {
        ["1", "2", "1", "3", "3"][..at % 6].iter().map(|id| format!(r#""{id}":{{"attributes":{{"7":{{"value":1}}}}}}"#))
    };
    let profile = |(at, key): (usize, &&str)| {
        format!(r#""{key}":{{"sections":{{{}}}}}"#, sections(at).collect::<Vec<_>>().join(","))
    };
    let export = format!("{{{}}}", keys.iter().enumerate().map(profile).collect::<Vec<_>>().join(","));
    let expected = [
        "abcdè 1",
        "abcd 1",
        "abcd 2",
        "abcdef 2",
        "abcdef 1",
        " 2",
        " 1",
        " 3",
        "x 2",
        "x 1",
        "x 3",
        "abcdefgh 1",
        "abcdefgh 1",
        "abcdefgh 2",
    ];
    for bundle_bytes in [1, 1 << 20] {
        let folder = tempdir().unwrap();
        convert(export.as_bytes(), folder.path(), &Options { bundle_bytes, batch_rows: 2, ..typed() }).unwrap();
        let (_, rows) = pages(folder.path(), "wide");
        let column = |name| rows.column_by_name(name).unwrap().as_string::<i32>().iter().flatten();
        let found: Vec<_> =
            column("export_key").zip(column("section_id")).map(|(key, id)| format!("{key} {id}")).collect();
        assert_eq!(found, expected, "bundles of {bundle_bytes} bytes");
    }
}

#[test]
fn a_section_beyond_all_measure_is_told() {
    let attributes: Vec<_> = (0..2000).map(|id| format!(r#""{id}":{{"value":"{id:0>100}"}}"#)).collect();
    let export = format!(r#"{{"p":{{"sections":{{"1":{{"attributes":{{{}}}}}}}}}}}"#, attributes.join(","));
    let options = |section_bytes| Options { batch_bytes: 10_000, section_bytes, ..typed() };
    let folder = tempdir().unwrap();
    let error = convert(export.as_bytes(), folder.path(), &options(100_000)).unwrap_err();
    let message = "a section's attributes take more than 100000 bytes, which is too much for a row of `wide`";
    assert_eq!(error.to_string(), message);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let manifest = convert(export.as_bytes(), folder.path(), &options(1_000_000)).unwrap();
    assert_eq!(manifest.table("wide").unwrap().rows, 1);
    // Without `wide`, there is no such limit.
    let long = Options { typed: Typed::default(), ..options(1) };
    let elsewhere = tempdir().unwrap();
    assert_eq!(convert(export.as_bytes(), elsewhere.path(), &long).unwrap().table("attributes").unwrap().rows, 2000);
}
