//! Texts and their indices, in the order in which they first came.
//!
//! The same few texts come again and again. So a small table, found by a few instructions, knows where
//! they are; only what is new to it is hashed. Ids of up to 16 bytes are compared as two numbers, which stand in
//! that table: it is all that is looked at then, since what is not in the processor's first cache costs the most.

use arrow::array::{ArrayRef, StringArray};
use std::{collections::HashMap, sync::Arc};

/// Texts, each with its index.
pub(crate) struct Dictionary {
    texts: String,
    /// For each text, where it ends.
    ends: Vec<u32>,
    /// By the place of its signature, a text that was there lately.
    lately: Box<[Place; PLACES]>,
    indices: HashMap<Box<str>, u32>,
    /// The texts as an array, until there are more.
    array: Option<ArrayRef>,
}

/// Places for texts that came lately.
const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 11;
/// What a text takes besides its bytes, about.
const ENTRY_BYTES: usize = 32;

#[derive(Clone, Copy)]
struct Place {
    signature: Signature,
    index: u32,
}

/// No text has its length.
const NOBODY: Place = Place { signature: Signature { length: u32::MAX, head: 0, tail: 0 }, index: 0 };

/// A text's length, first and last bytes: all there is to a short text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Arrow's texts have no more than 31 bits of it.
    length: u32,
    head: u64,
    tail: u64,
}

impl Signature {
    #[inline]
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => Self::ends_of_short(bytes),
        };
        Self { length: bytes.len() as u32, head, tail }
    }

    /// Of less than eight bytes.
    #[inline]
    fn ends_of_short(bytes: &[u8]) -> (u64, u64) {
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(head), Some(tail)) => (u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into()),
            _ => (bytes.iter().fold(0, |head, &byte| head << 8 | u64::from(byte)), 0),
        }
    }

    /// Whether it tells all of the text.
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        self.length <= 16
    }

    /// Its place among so many that so many bits tell them apart.
    #[inline]
    pub(crate) fn place<const BITS: u32>(self) -> usize {
        let mixed =
            (self.head ^ self.tail.rotate_left(29) ^ u64::from(self.length)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (u64::BITS - BITS)) as usize
    }
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            texts: String::new(),
            ends: Vec::new(),
            lately: Box::new([NOBODY; PLACES]),
            indices: HashMap::new(),
            array: None,
        }
    }
}

impl Dictionary {
    /// The index of a text, which is added if it is new.
    #[inline]
    pub(crate) fn index(&mut self, text: &str) -> u32 {
        let signature = Signature::of(text);
        let Place { signature: lately, index } = self.lately[signature.place::<PLACE_BITS>()];
        if lately == signature && (signature.is_whole() || self.get(index) == Some(text)) {
            return index;
        }
        self.search(text, signature)
    }

    #[cold]
    fn search(&mut self, text: &str, signature: Signature) -> u32 {
        let index = match self.indices.get(text) {
            Some(&index) => index,
            None => self.add(text),
        };
        self.lately[signature.place::<PLACE_BITS>()] = Place { signature, index };
        index
    }

    fn add(&mut self, text: &str) -> u32 {
        let index = self.ends.len() as u32;
        self.texts.push_str(text);
        self.ends.push(self.texts.len() as u32);
        self.indices.insert(text.into(), index);
        self.array = None;
        index
    }

    fn get(&self, index: u32) -> Option<&str> {
        let end = *self.ends.get(index as usize)?;
        let start = (index as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        self.texts.get(start as usize..end as usize)
    }

    /// What the texts take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.len() + ENTRY_BYTES * self.ends.len()
    }

    /// All texts so far, in the order of their indices.
    pub(crate) fn array(&mut self) -> ArrayRef {
        if let Some(array) = &self.array {
            return Arc::clone(array);
        }
        let array = StringArray::from_iter_values((0..self.ends.len() as u32).filter_map(|index| self.get(index)));
        Arc::clone(self.array.insert(Arc::new(array)))
    }

    /// Forgets all texts.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.ends.clear();
        self.lately.fill(NOBODY);
        self.indices.clear();
        self.array = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn every_text_has_one_index_whatever_its_length() {
        // Of each length, texts that differ in one byte only, wherever it is.
        let texts: Vec<String> = (0..40)
            .flat_map(|length| {
                (0..=length).map(move |at| (0..length).map(|i| if i == at { 'b' } else { 'a' }).collect())
            })
            .collect();
        let mut dictionary = Dictionary::default();
        for _ in 0..2 {
            for _ in 0..3 {
                for (index, text) in texts.iter().enumerate() {
                    assert_eq!(dictionary.index(text) as usize, index, "{text}");
                }
            }
            let array = dictionary.array();
            assert!(array.as_string::<i32>().iter().flatten().eq(texts.iter().map(String::as_str)));
            dictionary.clear();
        }
    }
}
