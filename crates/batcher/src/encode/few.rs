//! Texts that may be few: whether they are is found out page by page.
//!
//! What a typed column holds is for the account to say: a country, a tier, or remarks of which no two are the same. So a page
//! of it is looked through. As long as its texts are few and come again, each costs an index of one byte, and one look into a
//! small table; with one text too many, the page is given up, and is written as any other is:
//!
//! ```text
//! for each text, as long as there is room for one more of another kind:
//!     its index among those that have come, or the next one
//! ```
//!
//! The pages of a column chunk share one dictionary, but are made by several threads, in any order. So a page of few texts
//! waits, as indices into its own, until its chunk is whole ([`join`]). Only the first pages of a chunk are written so, up to one
//! that is not of few: where a page with indices comes behind one without, Spark's vectorized reader takes the texts of that for
//! indices, too.

use crate::dictionary::Signature;
use arrow::{
    array::{Array, StringArray},
    buffer::NullBuffer,
};

/// Texts of a page that are told apart: an index has eight bits.
const TEXTS_MAX: usize = 256;

/// How often they come again, on the average, or else they are as well written one by one.
const TIMES_MIN: usize = 4;

/// Places for them; few look for theirs twice.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 10;

/// No text has this index.
const FREE: u16 = u16::MAX;

/// A page of few texts.
#[derive(Debug)]
pub(crate) struct FewTexts {
    /// What stands in the page before its values.
    pub(super) levels: Vec<u8>,
    /// For each value, its index among the texts.
    pub(super) indices: Vec<u8>,
    /// The texts, in the order in which they first come, one behind the other; and where each ends.
    texts: String,
    ends: Vec<usize>,
}

/// Finds out whether texts are few.
pub(super) struct Finder {
    /// By the place of its signature, the index of a text.
    places: Box<[u16; PLACES]>,
    /// The texts so far, each with the row where it first came.
    texts: Vec<(Signature, usize)>,
    indices: Vec<u8>,
}

impl Default for Finder {
    fn default() -> Self {
        Self { places: Box::new([FREE; PLACES]), texts: Vec::new(), indices: Vec::new() }
    }
}

impl Finder {
    /// The texts of a page behind these levels, if they are few.
    pub(super) fn find(&mut self, levels: &[u8], page: &StringArray, nulls: Option<&NullBuffer>) -> Option<FewTexts> {
        let count = page.len() - nulls.map_or(0, NullBuffer::null_count);
        let most = TEXTS_MAX.min(count / TIMES_MIN);
        // Without any text, it is whatever the others are.
        if most == 0 && count > 0 {
            return None;
        }
        self.places.fill(FREE);
        self.texts.clear();
        self.indices.clear();
        self.indices.reserve(count);
        let are_few = match nulls {
            None => (0..page.len()).all(|row| self.add(page, row, most)),
            Some(nulls) => nulls.valid_indices().all(|row| self.add(page, row, most)),
        };
        are_few.then(|| {
            let texts = self.texts.iter().map(|&(_, row)| page.value(row));
            FewTexts::new(levels.to_vec(), self.indices.clone(), texts)
        })
    }

    /// Adds the index of the text in a row; false if that would be one too many.
    #[inline(always)]
    fn add(&mut self, page: &StringArray, row: usize, most: usize) -> bool {
        let text = page.value(row);
        let signature = Signature::of(text);
        let mut place = signature.place::<PLACE_BITS>();
        loop {
            let index = self.places[place];
            let Some(&(known, first)) = self.texts.get(usize::from(index)) else { break };
            if known == signature && (signature.is_whole() || page.value(first) == text) {
                self.indices.push(index as u8);
                return true;
            }
            place = (place + 1) % PLACES;
        }
        let index = self.texts.len();
        if index == most {
            return false;
        }
        self.places[place] = index as u16;
        self.texts.push((signature, row));
        self.indices.push(index as u8);
        true
    }
}

impl FewTexts {
    fn new<'a>(levels: Vec<u8>, indices: Vec<u8>, of: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let (mut texts, mut ends) = (String::new(), Vec::with_capacity(of.len()));
        for text in of {
            texts.push_str(text);
            ends.push(texts.len());
        }
        Self { levels, indices, texts, ends }
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.texts[start..end])
    }

    /// What it takes as long as it waits, about as much as in its page.
    pub(crate) fn bytes(&self) -> usize {
        self.levels.len() + self.indices.len() + self.texts.len()
    }
}

/// All texts of some pages, in the order in which they first come, and for each page the indices of its own among them.
pub(super) fn join<'p>(pages: impl Iterator<Item = &'p FewTexts>) -> (Vec<&'p str>, Vec<Vec<u32>>) {
    let mut places = foldhash::HashMap::default();
    let mut texts = Vec::new();
    let mut index = |text: &'p str| {
        *places.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() as u32 - 1
        })
    };
    let indices = pages.map(|page| page.texts().map(&mut index).collect()).collect();
    (texts, indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[Option<&str>]) -> Option<FewTexts> {
        let page = StringArray::from(texts.to_vec());
        Finder::default().find(&[7], &page, page.nulls())
    }

    #[test]
    fn texts_are_few_if_they_come_again() {
        let long = "a text of more than sixteen bytes, ";
        let (one, other) = (format!("{long}1{long}"), format!("{long}2{long}"));
        for (texts, expected) in [
            (vec![None, None], Some((vec![], vec![]))),
            (vec![Some("a"); 3], None),
            (vec![Some("a"); 4], Some((vec![0; 4], vec!["a"]))),
            (vec![Some(""), None, Some(""), Some(""), Some("")], Some((vec![0; 4], vec![""]))),
            ([[Some("b"), Some("a")]; 3].concat(), None),
            ([[Some("b"), Some("a")]; 4].concat(), Some(([[0, 1]; 4].concat(), vec!["b", "a"]))),
            // They have the same length, beginning and end.
            (
                [[Some(&*one), Some(&*other)]; 4].concat(),
                Some(([[0, 1]; 4].concat(), vec![one.as_str(), other.as_str()])),
            ),
        ] {
            let few = found(&texts);
            let found = few.as_ref().map(|few| (few.indices.clone(), few.texts().collect::<Vec<_>>()));
            assert_eq!(found, expected, "{texts:?}");
            assert!(few.is_none_or(|few| few.levels == [7]));
        }
    }

    #[test]
    fn more_texts_than_a_byte_can_tell_are_not_few() {
        for (distinct, are_few) in [(TEXTS_MAX, true), (TEXTS_MAX + 1, false)] {
            let texts: Vec<_> = (0..distinct * TIMES_MIN).map(|row| (row % distinct).to_string()).collect();
            let texts: Vec<_> = texts.iter().map(|text| Some(text.as_str())).collect();
            let found = found(&texts);
            assert_eq!(found.is_some(), are_few);
            let Some(few) = found else { continue };
            let distinct: Vec<_> = few.texts().collect();
            let again = few.indices.iter().map(|&index| Some(distinct[usize::from(index)]));
            assert!(again.eq(texts.iter().copied()));
        }
    }

    #[test]
    fn a_finder_forgets_the_page_before() {
        let mut finder = Finder::default();
        for texts in [vec!["a"; 8], vec!["b"; 8], vec!["a"; 8]] {
            let few = finder.find(&[], &StringArray::from(texts.clone()), None).expect("few");
            assert!(few.indices == [0; 8] && few.texts().eq([texts[0]]));
        }
    }

    #[test]
    fn pages_share_their_texts() {
        let page = |texts: [&'static str; 2]| FewTexts::new(Vec::new(), Vec::new(), texts.into_iter());
        let pages = [["a", "b"], ["c", "a"], ["b", "d"]].map(page);
        let (texts, indices) = join(pages.iter());
        assert_eq!(texts, ["a", "b", "c", "d"]);
        assert_eq!(indices, [[0, 1], [2, 0], [1, 3]]);
    }
}
