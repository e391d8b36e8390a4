//! Record batches of one table to Parquet files.

use crate::{
    error::{Error, Result},
    manifest::DataFile,
    schema::{ColumnType, TableId},
    upload::Upload,
};
use arrow::array::RecordBatch;
use object_store::{ObjectStore, path::Path};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use std::sync::Arc;
use tokio::runtime::Handle;

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
    /// The most encoded bytes of a row group, which is held in memory until it is whole. Default
    /// 16 MiB.
    pub row_group_bytes: usize,
    /// A file that has reached this many bytes is closed, and the next one begun. Default 512 MiB.
    pub file_bytes: usize,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { codec: Codec::default(), row_group_rows: 1 << 20, row_group_bytes: 16 << 20, file_bytes: 512 << 20 }
    }
}

/// The files of one table, one after the other.
pub(crate) struct TableWriter {
    table: TableId,
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    options: FileOptions,
    current: Option<ArrowWriter<Upload>>,
    files: Vec<DataFile>,
}

impl TableWriter {
    pub(crate) fn new(table: TableId, store: Arc<dyn ObjectStore>, runtime: Handle, options: FileOptions) -> Self {
        Self { table, store, runtime, options, current: None, files: Vec::new() }
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut writer = match self.current.take() {
            Some(writer) => writer,
            None => self.start_file()?,
        };
        writer.write(batch).map_err(|error| self.failed(error, &mut writer))?;
        if writer.memory_size() >= self.options.row_group_bytes {
            writer.flush().map_err(|error| self.failed(error, &mut writer))?;
        }
        if writer.bytes_written() + writer.in_progress_size() >= self.options.file_bytes {
            return self.finish_file(writer);
        }
        self.current = Some(writer);
        Ok(())
    }

    /// Closes the last file. A table without rows has one as well, for its schema.
    pub(crate) fn finish(mut self) -> Result<Vec<DataFile>> {
        match self.current.take() {
            Some(writer) => self.finish_file(writer)?,
            None if self.files.is_empty() => {
                let writer = self.start_file()?;
                self.finish_file(writer)?;
            }
            None => {}
        }
        Ok(self.files)
    }

    fn start_file(&self) -> Result<ArrowWriter<Upload>> {
        let path = Path::from(self.path());
        let upload = Upload::start(&self.store, &path, &self.runtime).map_err(|error| self.write_error(error))?;
        // Readers see the Parquet types; an Arrow schema beside them would only tell that
        // dictionaries were used on the way.
        let options = ArrowWriterOptions::new().with_properties(self.properties()).with_skip_arrow_metadata(true);
        ArrowWriter::try_new_with_options(upload, self.table.schema(), options)
            .map_err(|error| Error::encode(self.table, error))
    }

    fn finish_file(&mut self, mut writer: ArrowWriter<Upload>) -> Result<()> {
        let metadata = writer.finish().map_err(|error| self.failed(error, &mut writer))?;
        let bytes = writer.bytes_written() as u64;
        writer.inner_mut().finish().map_err(|error| self.write_error(error))?;
        self.files.push(DataFile {
            name: self.file_name(),
            rows: metadata.file_metadata().num_rows() as u64,
            bytes,
            row_groups: metadata.num_row_groups() as u64,
        });
        Ok(())
    }

    fn file_name(&self) -> String {
        format!("part-{:05}.parquet", self.files.len())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.table.name(), self.file_name())
    }

    fn properties(&self) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("apsides {}", env!("CARGO_PKG_VERSION")))
            .set_compression(self.options.codec.compression())
            .set_max_row_group_row_count(Some(self.options.row_group_rows));
        // Texts that hardly ever repeat: a dictionary would be built in vain, and nobody looks for
        // a range of them.
        let unique: &[&str] = match self.table {
            TableId::Profiles => &["export_key"],
            TableId::Events => &["correlation_id", "data"],
            TableId::Unmapped => &["value"],
            TableId::Attributes | TableId::Tags => &[],
        };
        for &column in unique {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
        }
        // Only times tell a reader which row groups to leave out: ids and values of all kinds stand
        // in every one of them, and their minima and maxima are dear.
        for column in self.table.columns().iter().filter(|column| column.column_type != ColumnType::TimestampMicrosUtc)
        {
            let path = ColumnPath::from(column.name);
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
        properties.build()
    }

    /// The store's error, if that is what made the encoder fail.
    fn failed(&self, error: parquet::errors::ParquetError, writer: &mut ArrowWriter<Upload>) -> Error {
        match writer.inner_mut().take_failure() {
            Some(failure) => self.write_error(failure),
            None => Error::encode(self.table, error),
        }
    }

    fn write_error(&self, source: object_store::Error) -> Error {
        Error::Write { path: self.path(), source }
    }
}
