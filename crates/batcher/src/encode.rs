//! Record batches to the pages of Parquet column chunks, by our own hand.
//!
//! The parquet crate's writer finds out what a column is like by hashing every value of it. Here
//! that is known beforehand ([`Habit`](crate::schema::Habit)): which columns repeat a value for a
//! run of rows, which have few values, which go up in small steps. So a page is made in one pass
//! over its column, and most of its time is the compression. The crate still writes the headers of
//! the pages, the row groups' metadata, the indexes and the footer.
//!
//! | column | encoding |
//! |---|---|
//! | in runs, of few values | `RLE_DICTIONARY`, in every page of a chunk |
//! | in runs of a few rows | `DELTA_BYTE_ARRAY`: each text once ([`repeats`]) |
//! | text | `DELTA_LENGTH_BYTE_ARRAY`: all lengths, then all bytes, as Arrow holds them |
//! | text of typed tables | the same, or `RLE_DICTIONARY` where a page has few ([`few`]) |
//! | steady numbers, times, days | `DELTA_BINARY_PACKED` |
//! | other numbers, booleans | `PLAIN` |
//!
//! A batch's column is one page, version 1, which all readers know. Batches can be encoded in any
//! order: the indices of dictionaries are in them, or the page waits until its chunk is whole. Structs and lists are as many columns as they have
//! scalars ([`nested`]).

mod bits;
mod bounds;
mod chunk;
mod compress;
mod delta;
mod few;
mod nested;
mod page;
mod range;
mod repeats;
mod rle;

pub(crate) use bounds::Bounds;
pub(crate) use chunk::Chunk;
pub(crate) use nested::paths;
pub(crate) use page::{Entries, Page, PageEncoder};

use crate::{
    error::{Error, Result},
    profile::{ColumnCost, Profile},
    schema::TableRef,
    statistics::COLUMNS_MAX,
    table::Batch,
    writer::Codec,
};
use compress::Compressor;
use std::time::Instant;

/// A batch as pages, one for each column of its file; none if it has no rows.
pub(crate) struct EncodedBatch {
    pub(crate) table: TableRef,
    pub(crate) sequence: u64,
    pub(crate) rows: usize,
    /// What the batch took before it was encoded.
    pub(crate) bytes: usize,
    /// In the order of the file's own columns, of which structs and lists have several.
    pub(crate) columns: Vec<(Page, Entries)>,
    pub(crate) ends_group: bool,
}

impl PageEncoder {
    pub(crate) fn with_codec(codec: Codec) -> Result<Self> {
        Compressor::new(codec).map(Self::new).map_err(Error::Codec)
    }

    /// Pages tell the least and the greatest value of their columns, of those that a log says them of.
    pub(crate) fn telling_bounds(mut self, tells_bounds: bool) -> Self {
        self.tells_bounds = tells_bounds;
        self
    }

    pub(crate) fn batch(&mut self, batch: &Batch, profile: &mut Profile) -> Result<EncodedBatch> {
        let Batch { ref table, sequence, ref records, bytes, first_index, ends_group, .. } = *batch;
        let rows = records.num_rows();
        let mut columns = Vec::new();
        if rows > 0 && table.is_written() {
            let failed = |source| Error::encode(&table.schema.name, source);
            for (column, array) in table.schema.columns.iter().zip(records.columns()) {
                let tells_bounds = self.tells_bounds && columns.len() < COLUMNS_MAX;
                if column.members.is_empty() {
                    let encode = |this: &mut Self| {
                        let (mut page, entries) = this.column(column, array, first_index)?;
                        page.bounds = if tells_bounds { Bounds::of(column, array) } else { Bounds::Unknown };
                        Ok((page, entries))
                    };
                    columns.push(self.measured(table, &column.name, profile, encode).map_err(failed)?);
                    continue;
                }
                for leaf in nested::leaves(column, array).map_err(|source| failed(source.into()))? {
                    let encode = |this: &mut Self| {
                        let (mut page, entries) = this.leaf(&leaf, rows)?;
                        page.bounds =
                            if tells_bounds { Bounds::of(leaf.column, &leaf.values) } else { Bounds::Unknown };
                        Ok((page, entries))
                    };
                    columns.push(self.measured(table, &leaf.path, profile, encode).map_err(failed)?);
                }
            }
        }
        Ok(EncodedBatch { table: table.clone(), sequence, rows, bytes, columns, ends_group })
    }

    /// Encodes a column of a file, and notes what that took.
    fn measured(
        &mut self,
        table: &TableRef,
        name: &str,
        profile: &mut Profile,
        encode: impl FnOnce(&mut Self) -> parquet::errors::Result<(Page, Entries)>,
    ) -> parquet::errors::Result<(Page, Entries)> {
        let (began, compressed) = (Instant::now(), self.compress_time);
        let (page, entries) = encode(self)?;
        let compress = self.compress_time - compressed;
        let cost = ColumnCost {
            encode: began.elapsed().saturating_sub(compress),
            compress,
            plain_bytes: page.plain_bytes as u64,
            bytes: page.bytes.len() as u64,
        };
        profile.column(&table.schema.name, name, cost);
        Ok((page, entries))
    }
}
