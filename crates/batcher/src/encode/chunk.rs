//! The pages of a column chunk, and what a file says about them.

use super::{
    few::{self, FewTexts},
    page::{Entries, Page, PageEncoder},
    range::Range,
};
use crate::profile::ColumnCost;
use arrow::array::{ArrayRef, AsArray, StringArray};
use bytes::{Buf, Bytes, buf::Reader};
use parquet::{
    basic::{BoundaryOrder, Compression, Encoding, PageType},
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats},
        reader::{ChunkReader, Length},
    },
    schema::types::ColumnDescPtr,
};
use std::{collections::VecDeque, io, sync::Arc, time::Instant};

/// Of the values that a bloom filter does not have, so many it takes for its own.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// A column chunk under construction: its pages wait here until its row group is whole.
#[derive(Default)]
pub(crate) struct Chunk {
    pages: Vec<Page>,
    dictionary: Dictionary,
    /// Which of the pages are yet to be made, and of what.
    few: Vec<(usize, FewTexts)>,
}

/// The values that the pages' indices stand for.
#[derive(Default)]
enum Dictionary {
    #[default]
    None,
    /// All of them.
    Whole(ArrayRef),
    /// One array after the other.
    Parts { arrays: Vec<ArrayRef>, length: u32 },
}

impl Chunk {
    pub(crate) fn push(&mut self, page: Page, entries: Entries) -> Result<()> {
        match entries {
            Entries::NoDictionary => {}
            Entries::Few(few) => self.few.push((self.pages.len(), few)),
            Entries::All(values) => self.dictionary = Dictionary::Whole(values),
            Entries::At(index, values) => {
                if !matches!(self.dictionary, Dictionary::Parts { .. }) {
                    self.dictionary = Dictionary::Parts { arrays: Vec::new(), length: 0 };
                }
                let Dictionary::Parts { arrays, length } = &mut self.dictionary else { return Ok(()) };
                // A run that crosses two batches has its value in both.
                let known = length.checked_sub(index).filter(|&known| known as usize <= values.len());
                let known = known.ok_or_else(|| ParquetError::General("a gap in a dictionary".to_owned()))? as usize;
                *length = index + values.len() as u32;
                arrays.push(values.slice(known, values.len() - known));
            }
        }
        self.pages.push(page);
        Ok(())
    }

    /// Makes the pages of few texts, now that all of them are known; tells what that took, if there are any. Behind a page
    /// that is not of few, all are written as that is: Spark does not expect that a chunk goes back to its dictionary.
    pub(crate) fn make_few(&mut self, encoder: &mut PageEncoder) -> Result<Option<ColumnCost>> {
        let few = std::mem::take(&mut self.few);
        if few.is_empty() {
            return Ok(None);
        }
        let (began, compressed) = (Instant::now(), encoder.compress_time);
        let mut cost = ColumnCost::default();
        let first = few.iter().enumerate().take_while(|(place, (at, _))| place == at).count();
        let (texts, indices) = few::join(few[..first].iter().map(|(_, few)| few));
        for (place, (at, few)) in few.iter().enumerate() {
            let page = &mut self.pages[*at];
            match indices.get(place) {
                Some(indices) if !texts.is_empty() => encoder.few(page, few, indices)?,
                _ => encoder.not_few(page, few)?,
            }
            cost.plain_bytes += page.plain_bytes as u64;
            cost.bytes += page.bytes.len() as u64;
        }
        if !texts.is_empty() {
            self.dictionary = Dictionary::Whole(Arc::new(StringArray::from(texts)));
        }
        cost.compress = encoder.compress_time - compressed;
        cost.encode = began.elapsed().saturating_sub(cost.compress);
        Ok(Some(cost))
    }

    /// The chunk as it stands in the file, and its metadata as if it stood at the file's start. A bloom filter has the
    /// values of its dictionary, if there is one.
    pub(crate) fn close(
        self,
        column: &ColumnDescPtr,
        compression: Compression,
        encoder: &mut PageEncoder,
        has_bloom_filter: bool,
    ) -> Result<(Pages, ColumnCloseResult)> {
        let bloom_filter = if has_bloom_filter { self.dictionary.bloom_filter()? } else { None };
        let dictionary = self.dictionary.page(encoder)?;
        let rows: usize = self.pages.iter().map(|page| page.rows).sum();
        let slots: usize = self.pages.iter().map(|page| page.slots).sum();
        let (data_offset, mut plain_bytes) =
            dictionary.as_ref().map_or((0, 0), |page| (page.bytes.len(), page.plain_bytes));
        let mut offsets = OffsetIndexBuilder::new();
        let mut bytes = data_offset;
        for page in &self.pages {
            offsets.append_row_count(page.rows as i64);
            offsets.append_offset_and_size(bytes as i64, page.bytes.len() as i32);
            bytes += page.bytes.len();
            plain_bytes += page.plain_bytes;
        }
        let mut encodings = vec![Encoding::RLE];
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let mut encoding_stats = Vec::new();
        for page in &self.pages {
            if !encodings.contains(&page.encoding) {
                encodings.push(page.encoding);
                let count = self.pages.iter().filter(|other| other.encoding == page.encoding).count();
                encoding_stats.push(stats(PageType::DATA_PAGE, page.encoding, count as i32));
            }
        }
        if dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            encoding_stats.insert(0, stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(encoding_stats)
            .set_total_compressed_size(bytes as i64)
            .set_total_uncompressed_size(plain_bytes as i64)
            .set_num_values(slots as i64)
            .set_data_page_offset(data_offset as i64)
            .set_dictionary_page_offset(dictionary.as_ref().map(|_| 0));
        let range = range(&self.pages);
        let mut column_index = None;
        if let Some(range) = range {
            let nulls: usize = self.pages.iter().map(|page| page.nulls).sum();
            metadata = metadata.set_statistics(range.statistics(nulls as u64));
            column_index = Some(index(&self.pages, column).build()?);
        }
        let closed = ColumnCloseResult {
            bytes_written: bytes as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter,
            column_index,
            offset_index: Some(offsets.build()),
        };
        let pages = dictionary.into_iter().chain(self.pages).map(|page| page.bytes).collect();
        Ok((Pages(pages), closed))
    }
}

impl Dictionary {
    fn page(&self, encoder: &mut PageEncoder) -> Result<Option<Page>> {
        match self.arrays() {
            None => Ok(None),
            Some(arrays) => encoder.dictionary(texts(arrays)).map(Some),
        }
    }

    /// What a value is certainly not among.
    fn bloom_filter(&self) -> Result<Option<Sbbf>> {
        let Some(arrays) = self.arrays() else { return Ok(None) };
        let values: usize = arrays.iter().map(|values| values.len()).sum();
        let mut filter = Sbbf::new_with_ndv_fpp(values.max(1) as u64, BLOOM_FALSE_POSITIVES)?;
        texts(arrays).for_each(|text| filter.insert(text));
        Ok(Some(filter))
    }

    fn arrays(&self) -> Option<&[ArrayRef]> {
        match self {
            Self::None => None,
            Self::Whole(values) => Some(std::slice::from_ref(values)),
            Self::Parts { arrays, .. } => Some(arrays),
        }
    }
}

fn texts(arrays: &[ArrayRef]) -> impl Iterator<Item = &str> {
    arrays.iter().flat_map(|values| values.as_string::<i32>().iter().flatten())
}

/// The range of all pages; none if one of them has values and no range.
fn range(pages: &[Page]) -> Option<Range> {
    let mut ranges = pages.iter().filter(|page| page.nulls < page.slots).map(|page| page.range.clone());
    let first = ranges.next()??;
    ranges.try_fold(first, |range, page| Some(range.merge(page?)))
}

/// The ranges of pages that all have one, or only nulls.
fn index(pages: &[Page], column: &ColumnDescPtr) -> ColumnIndexBuilder {
    let mut index = ColumnIndexBuilder::new(column.physical_type());
    for page in pages {
        let (min, max) = page.range.as_ref().map(Range::bounds).unwrap_or_default();
        index.append(page.range.is_none(), min, max, page.nulls as i64, None);
    }
    let ranges: Vec<&Range> = pages.iter().filter_map(|page| page.range.as_ref()).collect();
    let is_ordered = |follows: fn(&Range, &Range) -> bool| ranges.windows(2).all(|pair| follows(pair[0], pair[1]));
    index.set_boundary_order(if is_ordered(|one, next| next.follows(one)) {
        BoundaryOrder::ASCENDING
    } else if is_ordered(Range::follows) {
        BoundaryOrder::DESCENDING
    } else {
        BoundaryOrder::UNORDERED
    });
    index
}

/// The bytes of a column chunk, to be read once from their start.
pub(crate) struct Pages(VecDeque<Bytes>);

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.iter().map(|page| page.len() as u64).sum()
    }
}

impl ChunkReader for Pages {
    type T = PagesReader;

    fn get_read(&self, start: u64) -> Result<PagesReader> {
        match start {
            0 => Ok(PagesReader { page: Bytes::new().reader(), rest: self.0.clone() }),
            _ => Err(ParquetError::NYI("reading a chunk from its middle".to_owned())),
        }
    }

    fn get_bytes(&self, _start: u64, _length: usize) -> Result<Bytes> {
        Err(ParquetError::NYI("reading a chunk in pieces".to_owned()))
    }
}

/// Reads page after page.
pub(crate) struct PagesReader {
    page: Reader<Bytes>,
    rest: VecDeque<Bytes>,
}

impl io::Read for PagesReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while !self.page.get_ref().has_remaining() {
            match self.rest.pop_front() {
                Some(page) => self.page = page.reader(),
                None => return Ok(0),
            }
        }
        self.page.read(target)
    }
}
