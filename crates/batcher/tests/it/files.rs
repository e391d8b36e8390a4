//! How the rows of a table are cut into files and row groups; and that it is only a cut.

use apsides_batcher::{Codec, FileOptions, Manifest, Options, Progress, TableId, stage};
use apsides_simulator::{CorpusSpec, Size, write_export};
use arrow::{array::RecordBatch, compute::concat_batches};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
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
struct Tables {
    folder: TempDir,
    manifest: Manifest,
}

fn export(profiles: u64) -> Vec<u8> {
    let mut export = Vec::new();
    let spec = CorpusSpec { size: Size::Profiles(profiles), ..CorpusSpec::default() };
    write_export(&spec, &mut export).unwrap();
    export
}

fn convert(input: impl Read, options: &Options) -> Tables {
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
    fn files(&self, table: TableId) -> Vec<File> {
        let files = self.manifest.table(table.name()).unwrap().files.iter();
        files.map(|file| File::open(self.folder.path().join(table.name()).join(&file.name)).unwrap()).collect()
    }

    fn metadata(&self, table: TableId) -> Vec<ParquetMetaData> {
        let files = self.files(table).into_iter();
        files.map(|file| SerializedFileReader::new(file).unwrap().metadata().clone()).collect()
    }

    fn rows(&self, table: TableId) -> RecordBatch {
        let files = self.files(table).into_iter();
        let readers: Vec<_> = files.map(|file| ParquetRecordBatchReaderBuilder::try_new(file).unwrap()).collect();
        let schema = readers[0].schema().clone();
        let batches = readers.into_iter().flat_map(|reader| reader.build().unwrap());
        concat_batches(&schema, &batches.collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
    }

    /// Every Parquet file's bytes, by table and name.
    fn bytes(&self) -> BTreeMap<(&'static str, String), Vec<u8>> {
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
    assert!(TableId::ALL.iter().all(|table| whole.files(*table).len() == 1));
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
    for (batch_rows, batch_bytes, queue_batches) in [(1, 2 << 20, 0), (32 << 10, 1, 1), (7, 300, 64)] {
        let options = Options { batch_rows, batch_bytes, queue_batches, ..Options::default() };
        assert_same_rows(&whole, &convert(export.as_slice(), &options));
    }
}
