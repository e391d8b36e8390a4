//! What contenders prove by: the same counts, the same document read.

use std::{fmt, str::FromStr};

/// What a document contains. Contenders that agree on it have read the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects.
    pub objects: u64,
    /// Arrays.
    pub arrays: u64,
    /// Names of members.
    pub keys: u64,
    /// Strings that are values.
    pub strings: u64,
    /// Numbers.
    pub numbers: u64,
    /// `true` and `false`.
    pub booleans: u64,
    /// `null`.
    pub nulls: u64,
    /// UTF-8 bytes of all names and strings once they are decoded.
    pub text_bytes: u64,
}

impl Counts {
    pub(crate) fn key(&mut self, text: &str) {
        self.keys += 1;
        self.text_bytes += text.len() as u64;
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.strings += 1;
        self.text_bytes += text.len() as u64;
    }

    /// Adds what another part of the document contains.
    pub fn add(&mut self, other: Self) {
        let Self { objects, arrays, keys, strings, numbers, booleans, nulls, text_bytes } = other;
        self.objects += objects;
        self.arrays += arrays;
        self.keys += keys;
        self.strings += strings;
        self.numbers += numbers;
        self.booleans += booleans;
        self.nulls += nulls;
        self.text_bytes += text_bytes;
    }

    /// Objects, arrays, names, strings, numbers, booleans and nulls.
    pub fn values(&self) -> u64 {
        self.objects + self.arrays + self.keys + self.strings + self.numbers + self.booleans + self.nulls
    }
}

/// How one program tells another: the numbers, in the order of the fields.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, arrays, keys, strings, numbers, booleans, nulls, text_bytes } = self;
        write!(f, "{objects} {arrays} {keys} {strings} {numbers} {booleans} {nulls} {text_bytes}")
    }
}

impl FromStr for Counts {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[objects, arrays, keys, strings, numbers, booleans, nulls, text_bytes]) => {
                Ok(Self { objects, arrays, keys, strings, numbers, booleans, nulls, text_bytes })
            }
            _ => Err("expected eight counts"),
        }
    }
}
