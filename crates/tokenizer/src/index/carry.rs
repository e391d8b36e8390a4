//! What a group of blocks needs to know of those before it.

use super::group::scalar_start;
use crate::{nesting::Nesting, tokens::Place};

/// Bits that pass from one group of blocks to the next: the lowest bit, unless something else is said,
/// or the topmost bit of the last word, where that is said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    /// All bits set inside a string.
    pub(super) in_string: u64,
    /// The first byte is escaped by a backslash.
    pub(super) escaped: u64,
    /// The bytes, up to four, that have to be hexadecimal digits of a `\u`.
    pub(super) hex: u64,
    /// The string that goes on has an escape.
    pub(super) has_escape: u64,
    /// Not zero if any of the last three bytes is no ASCII.
    pub(super) high: u64,
    /// The string that goes on is a name.
    pub(super) key: u64,
    /// Where the string that goes on began, unless a mark tells.
    pub(super) string_at: usize,
    /// The last byte belongs to a number or literal, or to what should be one: the topmost bit.
    pub(super) scalar: u64,
    /// That scalar is more than digits.
    pub(super) complex: u64,
    /// The last byte is white space outside strings: the topmost bit.
    pub(super) white: u64,
    /// Behind an opening bracket.
    pub(super) open: After,
    /// Behind a comma or a colon.
    pub(super) separator: After,
    /// Behind any other token.
    pub(super) end: After,
    /// Behind `{`, or behind a comma in an object.
    pub(super) key_start: After,
    /// Behind a name.
    pub(super) key_end: After,
}

/// Whether what comes next stands behind some kind of token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct After {
    /// The last byte is the end of one: the topmost bit.
    pub(super) last: u64,
    /// White space goes on behind one.
    pub(super) white: u64,
}

impl After {
    const TOKEN: Self = Self { last: TOP, white: 0 };

    fn is_next(&self) -> bool {
        self.last & TOP | self.white != 0
    }
}

const TOP: u64 = 1 << 63;

impl Carry {
    /// Between two tokens; none where the index cannot start.
    pub(super) fn between(place: Place, nesting: &Nesting) -> Option<Self> {
        if nesting.depth() == 0 {
            return None;
        }
        let nothing = Self::default();
        Some(match place {
            Place::FirstKey => Self { open: After::TOKEN, key_start: After::TOKEN, ..nothing },
            Place::FirstValue => Self { open: After::TOKEN, ..nothing },
            Place::Key => Self { separator: After::TOKEN, key_start: After::TOKEN, ..nothing },
            Place::Value => Self { separator: After::TOKEN, ..nothing },
            Place::Colon => Self { end: After::TOKEN, key_end: After::TOKEN, ..nothing },
            Place::AfterValue => Self { end: After::TOKEN, ..nothing },
            Place::Root | Place::Done | Place::Failed => return None,
        })
    }

    /// Where to go on byte by byte if the next block, at `at`, cannot be indexed: at the token that
    /// has begun, or else here.
    pub(super) fn resume(&self, bytes: &[u8], at: usize, nesting: &Nesting) -> (usize, Place) {
        // Of what has begun, the token before is still in the window.
        let is_first = |from: usize| matches!(bytes[..from].trim_ascii_end().last(), Some(b'[' | b'{'));
        if self.in_string != 0 {
            let place = match (self.key != 0, is_first(self.string_at)) {
                (true, true) => Place::FirstKey,
                (true, false) => Place::Key,
                (false, true) => Place::FirstValue,
                (false, false) => Place::Value,
            };
            return (self.string_at, place);
        }
        if self.scalar & TOP != 0 {
            let from = scalar_start(bytes, at);
            return (from, if is_first(from) { Place::FirstValue } else { Place::Value });
        }
        let place = if self.open.is_next() {
            if nesting.in_object() { Place::FirstKey } else { Place::FirstValue }
        } else if self.key_start.is_next() {
            Place::Key
        } else if self.separator.is_next() {
            Place::Value
        } else if self.key_end.is_next() {
            Place::Colon
        } else {
            Place::AfterValue
        };
        (at, place)
    }

    /// A string is being read, or a number or literal.
    pub(super) fn in_token(&self) -> bool {
        self.in_string | self.scalar & TOP != 0
    }

    /// What comes next is behind a token that may be a string.
    pub(super) fn after_end(&self) -> bool {
        self.end.is_next()
    }
}
