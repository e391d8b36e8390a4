//! What blocks, and the tokens in them, need to know of those before.

use crate::{nesting::Nesting, tokens::Place};

/// What passes from one stretch to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    pub(super) bytes: Bytes,
    pub(super) tokens: Tokens,
}

/// What passes from one block to the next: the lowest bit, unless something else is said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bytes {
    /// All bits set inside a string.
    pub(super) in_string: u64,
    /// The first byte is escaped by a backslash.
    pub(super) escaped: u64,
    /// The bytes, up to four, that have to be hexadecimal digits of a `\u`.
    pub(super) hex: u64,
    /// The string that goes on has an escape, or so had the one that ended with the last byte.
    pub(super) has_escape: u64,
    /// Not zero if any of the last three bytes is no ASCII.
    pub(super) high: u64,
    /// The last byte belongs to a number or literal, or to what should be one.
    pub(super) scalar: u64,
    /// That scalar is more than digits.
    pub(super) complex: u64,
    /// The last byte is one after which a token ends, unless it is of a scalar that goes on.
    pub(super) last: u64,
}

/// The last two tokens; commas and colons are tokens here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tokens {
    /// The three bits of their codes, of the later token the higher one.
    pub(super) codes: [u64; 3],
    /// Which of them still have to go through the rules of containers.
    pub(super) due: u64,
}

// The codes of tokens. Of the bytes of a string and of white space the code is that of a string, of all
// else that of a scalar.
pub(super) const SCALAR: u8 = 0;
pub(super) const STRING: u8 = 1;
pub(super) const COMMA: u8 = 2;
pub(super) const COLON: u8 = 3;
pub(super) const OBJECT_START: u8 = 4;
pub(super) const ARRAY_START: u8 = 5;

impl Carry {
    /// Between two tokens; none where the index cannot start.
    pub(super) fn between(place: Place, nesting: &Nesting) -> Option<Self> {
        if nesting.depth() == 0 {
            return None;
        }
        // Tokens that could stand there. They have been checked, but what a comma promises is kept by
        // the tokens behind it.
        let (before, last) = match place {
            Place::FirstKey => (SCALAR, OBJECT_START),
            Place::FirstValue => (SCALAR, ARRAY_START),
            Place::Key => (SCALAR, COMMA),
            Place::Value if nesting.in_object() => (STRING, COLON),
            Place::Value => (SCALAR, COMMA),
            Place::Colon => (OBJECT_START, STRING),
            Place::AfterValue => (SCALAR, SCALAR),
            Place::Root | Place::Done | Place::Failed => return None,
        };
        let bits = |bit: u8| u64::from(before >> bit & 1) | u64::from(last >> bit & 1) << 1;
        let due = if last == COMMA { 0b10 } else { 0 };
        Some(Self { bytes: Bytes::default(), tokens: Tokens { codes: [bits(0), bits(1), bits(2)], due } })
    }
}
