//! How the rows of a table are cut into files and row groups; and that it is only a cut.

use apsides_batcher::{Codec, FileOptions, Manifest, Options, Progress, TableId, stage};
use apsides_definitions::Snapshot;
use apsides_simulator::{CorpusSpec, Size, write_export};
use arrow::{
    array::{Array, AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::{Int64Type, TimestampMicrosecondType},
};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::{
        metadata::ParquetMetaData,
        properties::ReaderProperties,
        reader::{FileReader, SerializedFileReader},
        serialized_reader::ReadOptionsBuilder,
        statistics::Statistics,
    },
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};
use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;

/// Published tables.
pub(crate) struct Tables {
    pub(crate) folder: TempDir,
    pub(crate) manifest: Manifest,
}

pub(crate) fn export(profiles: u64) -> Vec<u8> {
    let mut export = Vec::new();
    let spec = CorpusSpec { size: Size::Profiles(profiles), ..CorpusSpec::default() };
    write_export(&spec, &mut export).unwrap();
    export
}

pub(crate) fn convert(input: impl Read, options: &Options) -> Tables {
    let (folder, runtime) = (tempdir().unwrap(), Runtime::new().unwrap());
    let staged = stage(input, folder.path(), options, runtime.handle(), &Progress::default()).unwrap();
    let manifest = staged.publish().unwrap();
    Tables { folder, manifest }
}

/// Options that cut often: small batches, so that the bounds of files and row groups are looked at after few rows.
fn cut(files: FileOptions) -> Options {
    Options { files, batch_rows: 100, ..Options::default() }
}

impl Tables {
    /// A table's files in the order of the manifest.
    fn files(&self, table: &str) -> Vec<File> {
        let files = self.manifest.table(table).unwrap().files.iter();
        files.map(|file| File::open(self.folder.path().join(table).join(&file.name)).unwrap()).collect()
    }

    fn metadata(&self, table: TableId) -> Vec<ParquetMetaData> {
        let files = self.files(table.name()).into_iter();
        files.map(|file| SerializedFileReader::new(file).unwrap().metadata().clone()).collect()
    }

    pub(crate) fn rows(&self, table: TableId) -> RecordBatch {
        self.rows_of(table.name())
    }

    /// The rows of any table, by its name.
    pub(crate) fn rows_of(&self, table: &str) -> RecordBatch {
        let files = self.files(table).into_iter();
        let readers: Vec<_> = files.map(|file| ParquetRecordBatchReaderBuilder::try_new(file).unwrap()).collect();
        let schema = readers[0].schema().clone();
        let batches = readers.into_iter().flat_map(|reader| reader.build().unwrap());
        concat_batches(&schema, &batches.collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
    }

    /// Every Parquet file's bytes, by table and name.
    pub(crate) fn bytes(&self) -> BTreeMap<(&'static str, String), Vec<u8>> {
        let read = |table: TableId, name: &str| fs::read(self.folder.path().join(table.name()).join(name)).unwrap();
        let files = TableId::ALL.into_iter().flat_map(|table| {
            let files = &self.manifest.table(table.name()).unwrap().files;
            files.iter().map(move |file| ((table.name(), file.name.clone()), read(table, &file.name)))
        });
        files.collect()
    }
}

#[track_caller]
fn assert_same_rows(one: &Tables, other: &Tables) {
    for table in TableId::ALL {
        assert!(one.rows(table) == other.rows(table), "{}", table.name());
    }
}

#[test]
fn files_roll_by_size_and_hold_the_same_rows() {
    let export = export(600);
    let whole = convert(export.as_slice(), &Options::default());
    assert!(TableId::ALL.iter().all(|table| whole.files(table.name()).len() == 1));
    for file_bytes in [1, 2_000, 30_000] {
        let rolled = convert(export.as_slice(), &cut(FileOptions { file_bytes, ..FileOptions::default() }));
        assert_same_rows(&whole, &rolled);
        for table in TableId::ALL {
            let files = &rolled.manifest.table(table.name()).unwrap().files;
            let names: Vec<_> = (0..files.len()).map(|index| format!("part-{index:05}.parquet")).collect();
            assert!(files.iter().map(|file| &file.name).eq(&names), "{files:?}");
            let folder = fs::read_dir(rolled.folder.path().join(table.name())).unwrap();
            assert_eq!(folder.count(), files.len(), "files that the manifest does not know");
        }
        let files = &rolled.manifest.table("attributes").unwrap().files;
        let rows = rolled.manifest.table("attributes").unwrap().rows;
        if file_bytes == 1 {
            // Every batch is a file of its own; none is left over.
            assert_eq!(files.len() as u64, rows.div_ceil(100));
        } else {
            assert!(files.len() > 3, "{} files of {file_bytes} bytes", files.len());
        }
        assert!(files.iter().all(|file| file.rows > 0));
    }
}

#[test]
fn the_manifest_counts_what_the_files_hold() {
    let tables = convert(export(600).as_slice(), &cut(FileOptions { file_bytes: 20_000, ..FileOptions::default() }));
    for table in TableId::ALL {
        let counted = tables.manifest.table(table.name()).unwrap();
        for (file, metadata) in counted.files.iter().zip(tables.metadata(table)) {
            assert_eq!(file.rows, metadata.file_metadata().num_rows() as u64);
            assert_eq!(file.row_groups, metadata.num_row_groups() as u64);
            assert_eq!(file.bytes, size(&tables.folder.path().join(table.name()).join(&file.name)));
        }
        assert_eq!(counted.rows, counted.files.iter().map(|file| file.rows).sum::<u64>());
        assert_eq!(counted.bytes, counted.files.iter().map(|file| file.bytes).sum::<u64>());
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn files_have_no_more_row_groups_than_there_is_room_for_what_is_said_of_them() {
    let export = export(600);
    let whole = convert(export.as_slice(), &Options::default());
    let leaves: usize = TableId::ALL.iter().map(|table| whole.rows(*table).num_columns()).sum();
    for (chunks_max, groups_max) in [(0, 1), (1, 1), (leaves, 1), (2 * leaves - 1, 1), (2 * leaves, 2), (7 * leaves, 7)]
    {
        let files = FileOptions { row_group_rows: 100, chunks_max, ..FileOptions::default() };
        let rolled = convert(export.as_slice(), &cut(files));
        assert_same_rows(&whole, &rolled);
        for table in TableId::ALL {
            let files = rolled.metadata(table);
            let groups: Vec<_> = files.iter().map(ParquetMetaData::num_row_groups).collect();
            let (last, full) = groups.split_last().unwrap();
            let is_cut = full.iter().all(|&count| count == groups_max) && *last <= groups_max;
            assert!(is_cut, "{}: {groups:?} of {chunks_max}", table.name());
        }
    }
}

#[test]
fn row_groups_are_bounded_by_rows() {
    let export = export(600);
    let whole = convert(export.as_slice(), &Options::default());
    for row_group_rows in [33, 500] {
        let tables = convert(export.as_slice(), &cut(FileOptions { row_group_rows, ..FileOptions::default() }));
        assert_same_rows(&whole, &tables);
        for metadata in tables.metadata(TableId::Events) {
            let groups: Vec<_> = metadata.row_groups().iter().map(|group| group.num_rows() as usize).collect();
            let (last, full) = groups.split_last().unwrap();
            assert!(full.iter().all(|&rows| rows == row_group_rows) && *last <= row_group_rows, "{groups:?}");
            assert!(groups.len() > 1);
        }
    }
}

#[test]
fn row_groups_are_bounded_by_bytes() {
    let export = export(600);
    let whole = convert(export.as_slice(), &Options::default());
    let row_group_bytes = 50_000;
    let tables = convert(export.as_slice(), &cut(FileOptions { row_group_bytes, ..FileOptions::default() }));
    assert_same_rows(&whole, &tables);
    for table in [TableId::Attributes, TableId::Events] {
        for metadata in tables.metadata(table) {
            let groups = metadata.row_groups();
            assert!(groups.len() > 2, "{} row groups of {}", groups.len(), table.name());
            // The bound is on what is held in memory, and is looked at after each batch.
            for group in groups {
                assert!(group.compressed_size() < 2 * row_group_bytes as i64, "{} bytes", group.compressed_size());
            }
        }
    }
}

#[test]
fn every_codec_holds_the_same_rows() {
    let export = export(100);
    let whole = convert(export.as_slice(), &Options::default());
    for codec in [Codec::Snappy, Codec::Lz4, Codec::Uncompressed] {
        let tables = convert(export.as_slice(), &cut(FileOptions { codec, ..FileOptions::default() }));
        assert_same_rows(&whole, &tables);
    }
}

#[test]
fn a_reader_that_trickles_gives_the_same_files() {
    /// Gives so many bytes at a time, at most.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.1);
            self.0.read(&mut buffer[..length])
        }
    }

    let export = export(60);
    let options = cut(FileOptions { file_bytes: 10_000, ..FileOptions::default() });
    let whole = convert(export.as_slice(), &options).bytes();
    assert!(whole.len() > TableId::ALL.len());
    for piece in [1, 2, 7, 4095] {
        assert!(convert(Trickle(&export, piece), &options).bytes() == whole, "{piece} bytes at a time");
    }
}

#[test]
fn queues_and_batches_of_one_row_give_the_same_rows() {
    let export = export(60);
    let whole = convert(export.as_slice(), &Options::default());
    for (batch_rows, batch_bytes, bytes_under_way) in [(1, 2 << 20, 0), (32 << 10, 1, 9_000), (7, 300, 1 << 20)] {
        let options = Options { batch_rows, batch_bytes, bytes_under_way, ..Options::default() };
        assert_same_rows(&whole, &convert(export.as_slice(), &options));
    }
}

#[test]
fn threads_give_the_same_files() {
    let export = export(300);
    let options = |threads, bytes_under_way| Options {
        threads: Some(threads),
        bytes_under_way,
        ..cut(FileOptions { file_bytes: 30_000, ..FileOptions::default() })
    };
    let one = convert(export.as_slice(), &options(1, 0)).bytes();
    for (threads, bytes_under_way) in [(1, 1 << 20), (2, 20_000), (7, 1 << 20)] {
        assert!(convert(export.as_slice(), &options(threads, bytes_under_way)).bytes() == one, "{threads} threads");
    }
}

/// Events with these times, and the times of the table, in milliseconds.
#[track_caller]
fn assert_times(times: &[Option<i64>]) {
    let events = times.iter().map(|time| match time {
        Some(time) => format!(r#"{{"correlationId":"a","createdAt":{time}}}"#),
        None => "{}".to_owned(),
    });
    let events = events.collect::<Vec<_>>().join(",");
    let export = format!(r#"{{"p":{{"sections":{{"1":{{"events":[{events}]}}}}}}}}"#);
    let tables = convert(export.as_bytes(), &cut(FileOptions { row_group_rows: 450, ..FileOptions::default() }));
    let rows = tables.rows(TableId::Events);
    let read = rows["created_at"].as_primitive::<TimestampMicrosecondType>();
    assert!(read.iter().eq(times.iter().map(|time| time.map(|time| time * 1000))), "{times:?}");
    let ordinals = rows["ordinal"].as_primitive::<Int64Type>();
    assert!(ordinals.values().iter().copied().eq(0..times.len() as i64));
    let ids = rows["correlation_id"].as_string::<i32>();
    assert!(ids.iter().eq(times.iter().map(|time| time.map(|_| "a"))));

    // What readers prune by is what is there.
    let mut left = times;
    for group in tables.metadata(TableId::Events).iter().flat_map(ParquetMetaData::row_groups) {
        let here;
        (here, left) = left.split_at(group.num_rows() as usize);
        let bounds = here.iter().flatten().min().zip(here.iter().flatten().max());
        let column = group.columns().iter().find(|column| column.column_path().string() == "created_at").unwrap();
        let written = column.statistics().map(|statistics| match statistics {
            Statistics::Int64(values) => (*values.min_opt().unwrap(), *values.max_opt().unwrap()),
            other => panic!("{other:?}"),
        });
        assert_eq!(written, bounds.map(|(min, max)| (min * 1000, max * 1000)));
    }
}

#[test]
fn times_are_what_they_were_however_far_apart() {
    const MOST: i64 = i64::MAX / 1000;
    for length in [0, 1, 2, 31, 32, 33, 127, 128, 129, 130, 1000] {
        let index = 0..length;
        assert_times(&index.clone().map(|_| None).collect::<Vec<_>>());
        assert_times(&index.clone().map(|_| Some(7)).collect::<Vec<_>>());
        assert_times(&index.clone().map(|index| Some(if index % 2 == 0 { MOST } else { -MOST })).collect::<Vec<_>>());
        assert_times(&index.clone().map(|index| (index % 3 > 0).then_some(index * index - 500)).collect::<Vec<_>>());
        let scattered = |index: i64| index.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> (index % 60);
        assert_times(&index.map(|index| (index % 500 > 40).then(|| scattered(index) / 1000)).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_defined_as_an_attribute_is_none_of_the_tags() {
    let export = br#"{"p":{"sections":{"1":{"attributes":{"7":{"value":null},"8":{},"9":{"value":null},"10":{}}}}}}"#;
    let definitions = Snapshot::parse(br#"{"attributes":[{"versions":[{"id":7},{"id":8}]}],"tags":[{"id":10}]}"#);
    let tables =
        convert(&export[..], &Options { definitions: Some(definitions.unwrap().definitions), ..Options::default() });
    for (table, ids) in [(TableId::Attributes, ["7", "8"]), (TableId::Tags, ["9", "10"])] {
        let rows = tables.rows(table);
        let column = rows.column(2).as_string::<i32>();
        assert_eq!(column.iter().flatten().collect::<Vec<_>>(), ids, "{table:?}");
    }
}

#[test]
fn texts_are_what_they_were_whatever_their_length() {
    let texts: Vec<String> = (0..700).map(|index| "é".repeat(index * index % 97)).collect();
    let entries = texts.iter().enumerate().map(|(index, text)| match index % 5 {
        0 => format!(r#""{index}":{{"value":null}}"#),
        1 => format!(r#""{index}":{{"value":true}}"#),
        2 => format!(r#""{index}":{{"value":-{index}}}"#),
        _ => format!(r#""{}":{{"value":"{text}"}}"#, index % 9),
    });
    let entries = entries.collect::<Vec<_>>().join(",");
    let export = format!(r#"{{"p":{{"sections":{{"1":{{"attributes":{{{entries}}}}}}}}}}}"#);
    let attribute_ids = (0..700).step_by(5).map(|index| index.to_string()).collect();
    let tables = convert(export.as_bytes(), &Options { attribute_ids, ..cut(FileOptions::default()) });
    let rows = tables.rows(TableId::Attributes);
    assert_eq!(rows.num_rows(), texts.len());
    for (index, text) in texts.iter().enumerate() {
        let id = rows["attribute_id"].as_string::<i32>().value(index).to_owned();
        let cell = rows["value_text"].as_string::<i32>();
        let cell = cell.is_valid(index).then(|| cell.value(index).to_owned());
        let integer = rows["value_integer"].as_primitive::<Int64Type>();
        let integer = integer.is_valid(index).then(|| integer.value(index));
        let boolean = rows["value_boolean"].as_boolean();
        let boolean = boolean.is_valid(index).then(|| boolean.value(index));
        let expected = match index % 5 {
            0 => (index.to_string(), None, None, None),
            1 => (index.to_string(), Some("true".to_owned()), None, Some(true)),
            2 => (index.to_string(), Some(format!("-{index}")), Some(-(index as i64)), None),
            _ => ((index % 9).to_string(), Some(text.clone()), None, None),
        };
        assert_eq!((id, cell, integer, boolean), expected, "row {index}");
    }
}

#[test]
fn bloom_filters_have_all_keys_and_few_others() {
    let files = FileOptions { row_group_rows: 500, ..FileOptions::default() };
    let without = convert(export(600).as_slice(), &cut(files));
    let tables = convert(export(600).as_slice(), &cut(FileOptions { bloom_filters: true, ..files }));
    assert_same_rows(&tables, &without);
    for table in [TableId::Attributes, TableId::Tags, TableId::Events] {
        let file = tables.files(table.name()).remove(0);
        let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
        let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
        let reader = SerializedFileReader::new_with_options(file.try_clone().unwrap(), options).unwrap();
        let mut taken = 0;
        for index in 0..reader.num_row_groups() {
            let group = reader.get_row_group(index).unwrap();
            assert!((1..group.num_columns()).all(|column| group.get_column_bloom_filter(column).is_none()));
            let filter = group.get_column_bloom_filter(0).expect("of the export keys");
            let rows = ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
            for batch in rows.with_row_groups(vec![index]).build().unwrap() {
                let keys = batch.unwrap().column(0).as_string::<i32>().clone();
                assert!(keys.iter().flatten().all(|key| filter.check(key)));
            }
            taken += (0..1_000).filter(|number| filter.check(format!("nobody-{number}").as_str())).count();
        }
        let groups = reader.num_row_groups();
        assert!(groups > 1 && taken < 30 * groups, "{}: {taken} of {groups} thousand others", table.name());
    }
}
