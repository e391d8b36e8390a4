//! A column of a record batch to a page of its column chunk.

use super::{
    bits::{self, width},
    bounds::Bounds,
    compress::Compressor,
    delta,
    few::{FewTexts, Finder},
    nested::Leaf,
    range::Range,
    repeats, rle,
};
use crate::schema::{Column, ColumnType, Habit};
use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, StringArray},
    buffer::NullBuffer,
    datatypes::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type},
};
use bytes::Bytes;
use parquet::{
    basic::Encoding,
    column::page::{CompressedPage, Page as PlainPage, PageWriter},
    errors::{ParquetError, Result},
    file::writer::{SerializedPageWriter, TrackedWrite},
};
use std::time::{Duration, Instant};

/// A page as it stands in the file.
#[derive(Debug)]
pub(crate) struct Page {
    /// Header and compressed values.
    pub(crate) bytes: Bytes,
    /// The length of header and values before compression.
    pub(crate) plain_bytes: usize,
    pub(crate) encoding: Encoding,
    pub(crate) rows: usize,
    /// Places for values: as many as rows, but for what lists hold.
    pub(crate) slots: usize,
    pub(crate) nulls: usize,
    /// The least and the greatest value, where they are wanted, known, and short.
    pub(crate) range: Option<Range>,
    /// The same for the log of a Delta table.
    pub(crate) bounds: Bounds,
}

/// What a batch adds to the dictionary of its column chunk.
#[derive(Debug)]
pub(crate) enum Entries {
    /// The column has none.
    NoDictionary,
    /// These are all so far.
    All(ArrayRef),
    /// These come at this index; what was there is the same.
    At(u32, ArrayRef),
    /// The page is yet to be made of these, when all of its chunk are known.
    Few(FewTexts),
}

impl Entries {
    /// What their page takes, about, if it is yet to be made.
    pub(crate) fn bytes(&self, page: &Page) -> usize {
        if let Self::Few(few) = self { few.bytes() } else { page.bytes.len() }
    }
}

impl Page {
    /// A page of so many rows, of which nothing is made yet.
    fn new(encoding: Encoding, slots: usize) -> Self {
        Self {
            bytes: Bytes::new(),
            plain_bytes: 0,
            encoding,
            rows: slots,
            slots,
            nulls: 0,
            range: None,
            bounds: Bounds::Unknown,
        }
    }
}

/// Makes pages. Its buffers are kept from page to page.
pub(crate) struct PageEncoder {
    compressor: Compressor,
    /// The page before it is compressed.
    plain: Vec<u8>,
    compressed: Vec<u8>,
    indices: Vec<u32>,
    finder: Finder,
    /// What compression has taken so far.
    pub(super) compress_time: Duration,
    pub(super) tells_bounds: bool,
}

impl PageEncoder {
    pub(crate) fn new(compressor: Compressor) -> Self {
        Self {
            compressor,
            plain: Vec::new(),
            compressed: Vec::new(),
            indices: Vec::new(),
            finder: Finder::default(),
            compress_time: Duration::ZERO,
            tells_bounds: false,
        }
    }

    /// Encodes a column of at least one row. `first_index` is the index of the first value of a
    /// column in runs.
    pub(crate) fn column(&mut self, column: &Column, array: &ArrayRef, first_index: u32) -> Result<(Page, Entries)> {
        self.plain.clear();
        let rows = array.len();
        // Runs and dictionaries have their nulls in the indices; runs have none.
        let nulls = array.nulls().filter(|_| column.nullable);
        if column.nullable {
            rle::levels(nulls.map(NullBuffer::inner), rows, &mut self.plain);
        }
        self.values(column, array, nulls, first_index, [rows, rows])
    }

    /// Encodes a scalar of a column of structs or lists, of so many rows.
    pub(crate) fn leaf(&mut self, leaf: &Leaf<'_>, rows: usize) -> Result<(Page, Entries)> {
        self.plain.clear();
        if leaf.repetition_max > 0 {
            rle::many_levels(&leaf.repetition, leaf.repetition_max, &mut self.plain);
        }
        rle::many_levels(&leaf.definition, leaf.definition_max, &mut self.plain);
        let slots = leaf.definition.len();
        let (mut page, entries) = self.values(leaf.column, &leaf.values, leaf.values.nulls(), 0, [rows, slots])?;
        page.nulls = slots - (leaf.values.len() - leaf.values.null_count());
        Ok((page, entries))
    }

    /// Adds the values behind their levels; the page of so many rows and places is whole then.
    fn values(
        &mut self,
        column: &Column,
        array: &ArrayRef,
        nulls: Option<&NullBuffer>,
        first_index: u32,
        [rows, slots]: [usize; 2],
    ) -> Result<(Page, Entries)> {
        let mut entries = Entries::NoDictionary;
        let mut range = None;
        let encoding = match (column.habit, column.column_type) {
            (Habit::Runs, _) => {
                let runs = array.as_run::<Int32Type>();
                let values = runs.values();
                self.runs(runs.run_ends().values(), first_index);
                range = column.has_range.then(|| Range::of_texts(values.as_string())).flatten();
                entries = Entries::At(first_index, values.clone());
                Encoding::RLE_DICTIONARY
            }
            (Habit::Repeats, _) => {
                let runs = array.as_run::<Int32Type>();
                let texts = runs.values().as_string();
                repeats::texts(runs.run_ends().values(), texts, &mut self.plain);
                range = column.has_range.then(|| Range::of_texts(texts)).flatten();
                Encoding::DELTA_BYTE_ARRAY
            }
            (Habit::Few, _) => {
                let names = array.as_dictionary::<UInt32Type>();
                self.names(names.keys().values(), nulls, names.values().len());
                entries = Entries::All(names.values().clone());
                Encoding::RLE_DICTIONARY
            }
            (habit, ColumnType::String) => {
                let texts = array.as_string();
                let few = if habit == Habit::PerhapsFew { self.finder.find(&self.plain, texts, nulls) } else { None };
                if let Some(few) = few {
                    let nulls = nulls.map_or(0, NullBuffer::null_count);
                    let page = Page::new(Encoding::RLE_DICTIONARY, slots);
                    return Ok((Page { rows, nulls, ..page }, Entries::Few(few)));
                }
                self.texts(texts, nulls)?;
                range = column.has_range.then(|| Range::of_texts(texts)).flatten();
                Encoding::DELTA_LENGTH_BYTE_ARRAY
            }
            (_, ColumnType::Int32) => {
                let values = array.as_primitive::<Int32Type>().values();
                delta::numbers(values.iter().map(|&value| i64::from(value)), &mut self.plain);
                Encoding::DELTA_BINARY_PACKED
            }
            (Habit::Steady, ColumnType::Date) => {
                let values = array.as_primitive::<Date32Type>().values();
                self.numbers(values.len(), nulls, |row| i64::from(values[row]))
            }
            (_, ColumnType::Date) => {
                let values = array.as_primitive::<Date32Type>().values();
                each_valid(nulls, values.len(), |row| self.plain.extend_from_slice(&values[row].to_le_bytes()));
                Encoding::PLAIN
            }
            (habit, ColumnType::Int64) => self.integers(array.as_primitive::<Int64Type>().values(), nulls, habit),
            (habit, ColumnType::TimestampMicrosUtc) => {
                let times = array.as_primitive::<TimestampMicrosecondType>();
                range = column.has_range.then(|| Range::of_times(times)).flatten();
                self.integers(times.values(), nulls, habit)
            }
            (_, ColumnType::Double) => {
                let values = array.as_primitive::<Float64Type>().values();
                each_valid(nulls, values.len(), |row| self.plain.extend_from_slice(&values[row].to_le_bytes()));
                Encoding::PLAIN
            }
            (_, ColumnType::Boolean) => {
                self.booleans(array.as_boolean(), nulls);
                Encoding::PLAIN
            }
            (_, ColumnType::Struct | ColumnType::List) => {
                return Err(ParquetError::General("structs and lists have no values of their own".to_owned()));
            }
        };
        let nulls = nulls.map_or(0, NullBuffer::null_count);
        let page = self.finish(encoding, slots)?;
        Ok((Page { rows, nulls, range, ..page }, entries))
    }

    /// The page with the values of a dictionary.
    pub(crate) fn dictionary<'a>(&mut self, values: impl Iterator<Item = &'a str>) -> Result<Page> {
        self.plain.clear();
        let mut count = 0;
        for value in values {
            self.plain.extend_from_slice(&(value.len() as u32).to_le_bytes());
            self.plain.extend_from_slice(value.as_bytes());
            count += 1;
        }
        let is_sorted = false;
        self.page(Encoding::PLAIN, count, |buf, num_values| PlainPage::DictionaryPage {
            buf,
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted,
        })
    }

    /// Makes the page of few texts, whose indices in the chunk's dictionary are these.
    pub(crate) fn few(&mut self, page: &mut Page, few: &FewTexts, indices: &[u32]) -> Result<()> {
        self.plain.clear();
        self.plain.extend_from_slice(&few.levels);
        self.indices.clear();
        self.indices.extend(few.indices.iter().map(|&index| indices[usize::from(index)]));
        rle::indices(&self.indices, indices.iter().copied().max().unwrap_or(0), &mut self.plain);
        self.finish_few(page, Encoding::RLE_DICTIONARY)
    }

    /// Makes the same page as if its texts were not few.
    pub(crate) fn not_few(&mut self, page: &mut Page, few: &FewTexts) -> Result<()> {
        self.plain.clear();
        self.plain.extend_from_slice(&few.levels);
        let texts: Vec<&str> = few.texts().collect();
        let of = |&index: &u8| texts[usize::from(index)];
        delta::numbers(few.indices.iter().map(|index| of(index).len() as i64), &mut self.plain);
        few.indices.iter().for_each(|index| self.plain.extend_from_slice(of(index).as_bytes()));
        self.finish_few(page, Encoding::DELTA_LENGTH_BYTE_ARRAY)
    }

    fn finish_few(&mut self, page: &mut Page, encoding: Encoding) -> Result<()> {
        let made = self.finish(encoding, page.slots)?;
        (page.bytes, page.plain_bytes, page.encoding) = (made.bytes, made.plain_bytes, encoding);
        Ok(())
    }

    fn runs(&mut self, ends: &[i32], first_index: u32) {
        let width = width(u64::from(first_index) + ends.len() as u64);
        self.plain.push(width as u8);
        let mut start = 0;
        for (index, &end) in (first_index..).zip(ends) {
            rle::run(index, (end - start) as usize, width, &mut self.plain);
            start = end;
        }
    }

    fn names(&mut self, indices: &[u32], nulls: Option<&NullBuffer>, names: usize) {
        let max = names.saturating_sub(1) as u32;
        match nulls {
            None => rle::indices(indices, max, &mut self.plain),
            Some(nulls) => {
                self.indices.clear();
                self.indices.extend(nulls.valid_indices().map(|row| indices[row]));
                rle::indices(&self.indices, max, &mut self.plain);
            }
        }
    }

    fn texts(&mut self, texts: &StringArray, nulls: Option<&NullBuffer>) -> Result<()> {
        let offsets = texts.value_offsets();
        self.numbers(texts.len(), nulls, |row| i64::from(offsets[row + 1] - offsets[row]));
        // Rows without a value have no bytes there.
        let (Some(&start), Some(&end)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        let bytes = texts.values().get(start as usize..end as usize);
        let bytes = bytes.ok_or_else(|| ParquetError::General("offsets beyond the text".to_owned()))?;
        self.plain.extend_from_slice(bytes);
        Ok(())
    }

    fn integers(&mut self, values: &[i64], nulls: Option<&NullBuffer>, habit: Habit) -> Encoding {
        if habit != Habit::Steady {
            each_valid(nulls, values.len(), |row| self.plain.extend_from_slice(&values[row].to_le_bytes()));
            return Encoding::PLAIN;
        }
        self.numbers(values.len(), nulls, |row| values[row])
    }

    /// Adds the numbers of so many rows as differences.
    fn numbers(&mut self, rows: usize, nulls: Option<&NullBuffer>, number: impl Fn(usize) -> i64) -> Encoding {
        match nulls {
            None => delta::numbers((0..rows).map(number), &mut self.plain),
            Some(nulls) => {
                let valid: Vec<i64> = nulls.valid_indices().map(number).collect();
                delta::numbers(valid.iter().copied(), &mut self.plain);
            }
        }
        Encoding::DELTA_BINARY_PACKED
    }

    fn booleans(&mut self, values: &BooleanArray, nulls: Option<&NullBuffer>) {
        let values = values.values();
        let bit = |row: usize| u64::from(values.value(row));
        match nulls {
            None => bits::bitmap(values, &mut self.plain),
            Some(nulls) => bits::pack(nulls.valid_indices().map(bit), 1, &mut self.plain),
        }
    }

    fn finish(&mut self, encoding: Encoding, slots: usize) -> Result<Page> {
        self.page(encoding, slots, |buf, num_values| PlainPage::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })
    }

    fn page(&mut self, encoding: Encoding, slots: usize, page: impl FnOnce(Bytes, u32) -> PlainPage) -> Result<Page> {
        let began = Instant::now();
        self.compressor.compress(&self.plain, &mut self.compressed)?;
        self.compress_time += began.elapsed();
        let compressed = Bytes::from(std::mem::take(&mut self.compressed));
        let page = page(compressed.clone(), slots as u32);
        /// More than a header without statistics has.
        const HEADER_BYTES: usize = 64;
        let mut sink = TrackedWrite::new(Vec::with_capacity(compressed.len() + HEADER_BYTES));
        let written = SerializedPageWriter::new(&mut sink).write_page(CompressedPage::new(page, self.plain.len()))?;
        // Nobody else has it any more, so that nothing is copied.
        self.compressed = compressed.into();
        Ok(Page {
            bytes: sink.into_inner()?.into(),
            plain_bytes: written.uncompressed_size,
            ..Page::new(encoding, slots)
        })
    }
}

/// Calls `each` with the rows that have a value.
fn each_valid(nulls: Option<&NullBuffer>, rows: usize, each: impl FnMut(usize)) {
    match nulls {
        None => (0..rows).for_each(each),
        Some(nulls) => nulls.valid_indices().for_each(each),
    }
}
