//! Encoded batches of one table to Parquet files.

use crate::{
    destination::told_or,
    encode::{Chunk, EncodedBatch, PageEncoder, paths},
    error::{Error, Result},
    extent::Extent,
    manifest::DataFile,
    profile::Profile,
    schema::TableSchema,
    statistics::Collected,
    upload::{Upload, Uploads},
};
use object_store::path::Path;
use parquet::{
    arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{BloomFilterPosition, WriterProperties},
        writer::SerializedFileWriter,
    },
};
use std::{collections::BTreeMap, sync::Arc};

/// How pages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard at level 1: hardly slower than Snappy, and far smaller.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// LZ4, raw blocks.
    Lz4,
    /// None.
    Uncompressed,
}

impl Codec {
    fn compression(self) -> Compression {
        match self {
            Self::Zstd => Compression::ZSTD(ZstdLevel::default()),
            Self::Snappy => Compression::SNAPPY,
            Self::Lz4 => Compression::LZ4_RAW,
            Self::Uncompressed => Compression::UNCOMPRESSED,
        }
    }
}

/// How files are cut and encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// How pages are compressed.
    pub codec: Codec,
    /// The most rows of a row group. Default 1 Mi.
    pub row_group_rows: usize,
    /// The most bytes of the row groups of all tables together before they are encoded. Encoded,
    /// they are held in memory until they are whole. Default 64 MiB.
    pub row_group_bytes: usize,
    /// A file that has reached this many bytes is closed, and the next one begun. Default 512 MiB.
    pub file_bytes: usize,
    /// The most column chunks of one file of each table together: what is said of them waits in memory, about 800 bytes each,
    /// until the file is closed. A file has one row group at least. Default 12 Ki.
    pub chunks_max: usize,
    /// Whether row groups have a bloom filter of their export keys, where a profile has many rows: readers that look for
    /// one profile skip the others. Default false.
    pub bloom_filters: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            codec: Codec::default(),
            row_group_rows: 1 << 20,
            row_group_bytes: 64 << 20,
            file_bytes: 512 << 20,
            chunks_max: 12 << 10,
            bloom_filters: false,
        }
    }
}

/// The column that may have bloom filters.
const BLOOM_COLUMN: &str = "export_key";

/// The files of one table, one after the other.
pub(crate) struct TableWriter {
    table: Arc<TableSchema>,
    /// The folder in the table's where its files go; none if they go there themselves.
    partition: Option<String>,
    /// What its files' names begin with.
    prefix: &'static str,
    /// Without rows, it has no file.
    is_optional: bool,
    uploads: Uploads,
    options: FileOptions,
    /// The most row groups of a file.
    groups_max: usize,
    encoder: PageEncoder,
    /// Batches that came before their turn.
    waiting: BTreeMap<u64, EncodedBatch>,
    /// The batch whose turn it is.
    next: u64,
    /// What the columns of its files are called.
    paths: Vec<String>,
    /// The row group under construction.
    chunks: Vec<Chunk>,
    rows: usize,
    current: Option<SerializedFileWriter<Upload>>,
    /// What is known of the rows of the current file and the row group under construction, if that is wanted.
    statistics: Option<Collected>,
    files: Vec<DataFile>,
}

impl TableWriter {
    pub(crate) fn new(
        table: Arc<TableSchema>,
        uploads: Uploads,
        options: FileOptions,
        groups_max: usize,
        extent: &Extent,
    ) -> Result<Self> {
        Ok(Self {
            partition: extent.partition(&table.name),
            is_optional: extent.needs_no_file(&table.name),
            prefix: "part",
            uploads,
            options,
            groups_max,
            encoder: PageEncoder::with_codec(options.codec)?,
            waiting: BTreeMap::new(),
            next: 0,
            paths: paths(&table),
            chunks: Vec::new(),
            rows: 0,
            current: None,
            statistics: None,
            files: Vec::new(),
            table,
        })
    }

    /// A further writer for a table that has one already: its files have names of their own.
    pub(crate) fn beside(self, prefix: &'static str) -> Self {
        Self { prefix, is_optional: true, ..self }
    }

    /// Files have what the log of a Delta table says of them.
    pub(crate) fn with_statistics(self) -> Self {
        Self { statistics: Some(Collected::default()), ..self }
    }

    pub(crate) fn table(&self) -> &Arc<TableSchema> {
        &self.table
    }

    /// Takes a batch. Gives the bytes of the batches that were put into their places by that.
    pub(crate) fn write(&mut self, batch: EncodedBatch, profile: &mut Profile) -> Result<usize> {
        self.waiting.insert(batch.sequence, batch);
        let mut placed = 0;
        while let Some(batch) = self.waiting.remove(&self.next) {
            placed += batch.bytes;
            self.place(batch, profile)?;
            self.next += 1;
        }
        Ok(placed)
    }

    fn place(&mut self, batch: EncodedBatch, profile: &mut Profile) -> Result<()> {
        self.rows += batch.rows;
        if let Some(statistics) = &mut self.statistics {
            statistics.add(&batch);
        }
        self.chunks.resize_with(self.table.leaves(), Chunk::default);
        for (chunk, (page, entries)) in self.chunks.iter_mut().zip(batch.columns) {
            chunk.push(page, entries).map_err(|source| Error::encode(&self.table.name, source))?;
        }
        if batch.ends_group && self.rows > 0 { self.finish_group(profile) } else { Ok(()) }
    }

    fn finish_group(&mut self, profile: &mut Profile) -> Result<()> {
        let mut file = match self.current.take() {
            Some(file) => file,
            None => self.start_file()?,
        };
        self.rows = 0;
        self.write_group(&mut file, profile).map_err(|error| self.failed(error, &mut file))?;
        if file.bytes_written() >= self.options.file_bytes || file.flushed_row_groups().len() >= self.groups_max {
            return self.finish_file(file);
        }
        self.current = Some(file);
        Ok(())
    }

    fn write_group(
        &mut self,
        file: &mut SerializedFileWriter<Upload>,
        profile: &mut Profile,
    ) -> Result<(), ParquetError> {
        let columns = file.schema_descr().columns().to_vec();
        let mut group = file.next_row_group()?;
        for ((mut chunk, column), path) in self.chunks.drain(..).zip(&columns).zip(&self.paths) {
            if let Some(cost) = chunk.make_few(&mut self.encoder)? {
                profile.column(&self.table.name, path, cost);
            }
            let has_bloom_filter = self.options.bloom_filters && column.name() == BLOOM_COLUMN;
            let compression = self.options.codec.compression();
            let (pages, closed) = chunk.close(column, compression, &mut self.encoder, has_bloom_filter)?;
            group.append_column(&pages, closed)?;
        }
        group.close()?;
        Ok(())
    }

    /// Closes the last file. A table without rows has one as well, for its schema.
    pub(crate) fn finish(mut self) -> Result<Vec<DataFile>> {
        match self.current.take() {
            Some(file) => self.finish_file(file)?,
            None if self.files.is_empty() && !self.is_optional => {
                let file = self.start_file()?;
                self.finish_file(file)?;
            }
            None => {}
        }
        Ok(self.files)
    }

    fn start_file(&self) -> Result<SerializedFileWriter<Upload>> {
        let upload = self.uploads.start(Path::from(self.path()));
        let schema = self.table.file_schema();
        // Parquet's own schema has no place for what is known of a column.
        let has_metadata = self.table.columns.iter().any(|column| !column.metadata.is_empty());
        let metadata =
            has_metadata.then(|| vec![KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&schema))]);
        let properties = WriterProperties::builder()
            // In the form that the format asks for: in another, parquet-java takes the writer for one that had an old defect of
            // its own, and reads no `DELTA_BYTE_ARRAY` of it (PARQUET-246).
            .set_created_by(format!("apsides version {}", env!("CARGO_PKG_VERSION")))
            .set_compression(self.options.codec.compression())
            // Else all of them would wait in memory for the file's end.
            .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
            .set_key_value_metadata(metadata)
            .build();
        ArrowSchemaConverter::new()
            .convert(&schema)
            .and_then(|schema| SerializedFileWriter::new(upload, schema.root_schema_ptr(), properties.into()))
            .map_err(|error| Error::encode(&self.table.name, error))
    }

    fn finish_file(&mut self, mut file: SerializedFileWriter<Upload>) -> Result<()> {
        let metadata = file.finish().map_err(|error| self.failed(error, &mut file))?;
        let bytes = file.bytes_written() as u64;
        let sha256 = file.inner_mut().finish().map_err(|error| self.write_error(error))?;
        self.files.push(DataFile {
            name: self.file_name(),
            rows: metadata.file_metadata().num_rows() as u64,
            bytes,
            row_groups: metadata.num_row_groups() as u64,
            sha256,
            columns: None,
            statistics: self.statistics.as_mut().map(|collected| std::mem::take(collected).of(&self.table)),
        });
        Ok(())
    }

    fn file_name(&self) -> String {
        let name = format!("{}{}-{:05}.parquet", self.uploads.prefix(), self.prefix, self.files.len());
        self.partition.iter().cloned().chain([name]).collect::<Vec<_>>().join("/")
    }

    fn path(&self) -> String {
        format!("{}/{}", self.table.name, self.file_name())
    }

    /// The store's error, if that is what made the encoder fail.
    fn failed(&self, error: ParquetError, file: &mut SerializedFileWriter<Upload>) -> Error {
        match file.inner_mut().take_failure() {
            Some(failure) => self.write_error(failure),
            None => Error::encode(&self.table.name, error),
        }
    }

    fn write_error(&self, source: object_store::Error) -> Error {
        told_or(&self.path(), source, |path, source| Error::Write { path, source })
    }
}
