//! The rows of a table, collected column by column and handed on as record batches.
//!
//! Where a batch and a row group end depends on the rows alone, so that the files do not depend on
//! how the input came in, nor on the threads that encode.

mod long;

pub(crate) use long::{Attributes, Events, Ids, Profiles, Tags, Unmapped};

use crate::{
    error::{Error, Result},
    schema::TableRef,
    typed::{InBundle, Sections},
};
use arrow::{
    array::{ArrayRef, RecordBatch},
    error::ArrowError,
};
use std::fmt;

/// A record batch and its place in its table.
#[derive(Debug)]
pub(crate) struct Batch<R = RecordBatch> {
    pub(crate) table: TableRef,
    /// Batches of the table before this one.
    pub(crate) sequence: u64,
    pub(crate) records: R,
    /// What it takes in memory, about; at least [`BATCH_BYTES_MIN`].
    pub(crate) bytes: usize,
    /// The index of the first value of its column in runs, in the row group's dictionary.
    pub(crate) first_index: u32,
    /// It is the last of its row group.
    pub(crate) ends_group: bool,
    /// Of events: it is the last of the row groups of the tables by type that are made from it.
    pub(crate) ends_typed_group: bool,
    /// Of events and attributes: from which others typed rows are made together with those of this one.
    pub(crate) in_bundle: InBundle,
    /// What is made from it takes about as much on the way, in bytes.
    pub(crate) made_bytes: usize,
    /// Of attributes: what rows of `wide` are made from besides.
    pub(crate) beside: Option<Box<Beside<R>>>,
}

/// What comes with a batch of attributes.
#[derive(Debug)]
pub(crate) struct Beside<R> {
    pub(crate) tags: Batch<R>,
    pub(crate) sections: Sections,
}

impl Batch<Unbuilt> {
    /// All rows of a table.
    pub(crate) fn whole(table: TableRef, records: RecordBatch) -> Self {
        let bytes = records.get_array_memory_size().max(BATCH_BYTES_MIN);
        Self::new(table, 0, Unbuilt::new(move || Ok(records.columns().to_vec())), bytes, true)
    }

    /// The batch with its arrays.
    pub(crate) fn build(self) -> Result<Batch> {
        let failed = |source: ArrowError| Error::encode(&self.table.schema.name, source.into());
        let columns = self.records.build().map_err(failed)?;
        let records = RecordBatch::try_new(self.table.schema.batch_schema(), columns).map_err(failed)?;
        let build = |beside: Box<Beside<Unbuilt>>| {
            let Beside { tags, sections } = *beside;
            Ok::<_, Error>(Box::new(Beside { tags: tags.build()?, sections }))
        };
        let beside = self.beside.map(build).transpose()?;
        Ok(Batch {
            records,
            beside,
            table: self.table,
            sequence: self.sequence,
            bytes: self.bytes,
            first_index: self.first_index,
            ends_group: self.ends_group,
            ends_typed_group: self.ends_typed_group,
            in_bundle: self.in_bundle,
            made_bytes: self.made_bytes,
        })
    }
}

impl<R> Batch<R> {
    pub(crate) fn new(table: TableRef, sequence: u64, records: R, bytes: usize, ends_group: bool) -> Self {
        Self {
            table,
            sequence,
            records,
            bytes,
            first_index: 0,
            ends_group,
            ends_typed_group: false,
            in_bundle: InBundle::default(),
            made_bytes: 0,
            beside: None,
        }
    }

    /// What it takes in memory with all that comes with it, and is made from it.
    pub(crate) fn all_bytes(&self) -> usize {
        self.bytes + self.made_bytes + self.beside.as_ref().map_or(0, |beside| beside.tags.bytes)
    }
}

/// What the least batch takes.
const BATCH_BYTES_MIN: usize = 4 << 10;

/// Takes finished batches, in the order of each table.
pub(crate) trait BatchSink {
    /// Hands on a batch; waits while too many are on their way, or does some of what is to be done with them.
    fn send(&mut self, batch: Batch<Unbuilt>) -> Result<()>;
}

/// When a batch or a row group is full: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) group_rows: usize,
    /// Of the row groups of all tables together, before they are encoded.
    pub(crate) group_bytes: usize,
    /// Of each row group before it is encoded: what does not fit a file.
    pub(crate) file_bytes: usize,
    /// Of each dictionary.
    pub(crate) dictionary_bytes: usize,
    /// Of the batches of a bundle, from which typed rows are made together.
    pub(crate) bundle_bytes: usize,
    /// Of the attributes and tags of one section, and those of the batch before it, for `wide`.
    pub(crate) section_bytes: usize,
}

/// Columns whose arrays are still to be built, by another thread than the one that has filled them.
pub(crate) struct Unbuilt(Box<dyn FnOnce() -> Result<Vec<ArrayRef>, ArrowError> + Send>);

impl Unbuilt {
    fn new(build: impl FnOnce() -> Result<Vec<ArrayRef>, ArrowError> + Send + 'static) -> Self {
        Self(Box::new(build))
    }

    pub(crate) fn build(self) -> Result<Vec<ArrayRef>, ArrowError> {
        (self.0)()
    }
}

impl fmt::Debug for Unbuilt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Unbuilt")
    }
}

/// The columns of a table.
pub(crate) trait Columns {
    /// The columns of the rows so far, in the order of the schema; then there are none.
    fn take(&mut self) -> Unbuilt;

    /// Its columns with dictionaries that grow with the row group, if it has any.
    fn ids(&mut self) -> Option<&mut Ids> {
        None
    }
}

/// Columns with the count of what is in them.
pub(crate) struct Table<C> {
    table: TableRef,
    /// Its rows are wanted.
    is_written: bool,
    limits: BatchLimits,
    /// Of the batch.
    rows: usize,
    bytes: usize,
    /// What fills it.
    rows_max: usize,
    /// Of the batches of the row group that were handed on.
    group_rows: usize,
    group_bytes: usize,
    sequence: u64,
    pub(crate) columns: C,
}

impl<C: Columns> Table<C> {
    pub(crate) fn new(table: TableRef, limits: BatchLimits, columns: C) -> Self {
        Self {
            is_written: table.is_written(),
            table,
            limits,
            rows: 0,
            bytes: 0,
            rows_max: limits.rows.min(limits.group_rows),
            group_rows: 0,
            group_bytes: 0,
            sequence: 0,
            columns,
        }
    }

    /// Whether its rows are wanted.
    #[inline]
    pub(crate) fn is_written(&self) -> bool {
        self.is_written
    }

    /// Rows of the batch so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the batch so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts a row that was added; true if the batch is full by that.
    #[inline]
    pub(crate) fn row(&mut self, bytes: usize) -> bool {
        self.rows += 1;
        self.bytes += bytes;
        self.is_full()
    }

    /// Whether the batch is full.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= self.rows_max || self.bytes >= self.limits.bytes
    }
}

/// A table whatever its columns.
pub(crate) trait AnyTable {
    /// Rows of the batch so far.
    fn rows(&self) -> usize;
    fn group_rows(&self) -> usize;
    fn group_bytes(&self) -> usize;
    fn dictionary_bytes(&mut self) -> usize;
    /// The batch so far, which may be without rows; then there is none.
    fn take(&mut self, ends_group: bool) -> Batch<Unbuilt>;
}

impl<C: Columns> AnyTable for Table<C> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn group_rows(&self) -> usize {
        self.group_rows + self.rows
    }

    fn group_bytes(&self) -> usize {
        // What is not written is not held either.
        if self.is_written { self.group_bytes + self.bytes } else { 0 }
    }

    fn dictionary_bytes(&mut self) -> usize {
        self.columns.ids().map_or(0, |ids| ids.dictionary_bytes())
    }

    fn take(&mut self, ends_group: bool) -> Batch<Unbuilt> {
        let first_index = self.columns.ids().map_or(0, |ids| ids.export_key.first_index());
        let records = self.columns.take();
        let bytes = self.bytes.max(BATCH_BYTES_MIN);
        let (table, sequence) = (self.table.clone(), self.sequence);
        let batch = Batch { first_index, ..Batch::new(table, sequence, records, bytes, ends_group) };
        self.sequence += 1;
        (self.group_rows, self.group_bytes) = match ends_group {
            true => (0, 0),
            false => (self.group_rows(), self.group_bytes + self.bytes),
        };
        (self.rows, self.bytes) = (0, 0);
        // A row group has exactly as many rows as it may.
        self.rows_max = self.limits.rows.min(self.limits.group_rows.saturating_sub(self.group_rows));
        if ends_group && let Some(ids) = self.columns.ids() {
            ids.end_group();
        }
        batch
    }
}
