//! The second step: whether the tokens may stand where they do.
//!
//! Commas and colons are tokens here, and there is nothing but tokens: white space and what is in
//! strings does not matter any more. So what may follow what is a matter of neighbours, 64 at a time:
//!
//! ```text
//! value        not behind the end of a value; behind `{` only a string
//! comma        behind the end of a value
//! `}` `]`      behind the end of a value, or `{` `[`
//! colon        behind a string that is behind `{` or a comma
//! string       behind `{`: only before a colon
//! ```
//!
//! The end of a value is a string, a scalar, or a closing bracket. All rules look back, at most two
//! tokens. Whether a comma is one of an object or of an array is told by the second token behind
//! it, which is a colon or is not; so the rules of containers ([`super::brackets`]) come two tokens
//! late, and the last two tokens wait for those behind them.

use super::{
    brackets,
    carry::Tokens as Carry,
    containers::Containers,
    kernel::{CODES, Kernel},
};
use crate::nesting::Nesting;

/// Checks tokens, as many as `count`. The first in `containers` is the first that was due. False if
/// they are wrong, or end the document, or are beyond what is told from here; then the carry and the nesting
/// are of no meaning.
#[inline(always)]
pub(super) fn check<K: Kernel>(
    codes: &[u64; CODES],
    count: usize,
    carry: &mut Carry,
    nesting: &mut Nesting,
    containers: &mut Containers,
) -> bool {
    let mut wrong = 0;
    for word in 0..count.div_ceil(64) {
        let here = 64.min(count - word * 64) as u32;
        let valid = !0 >> (64 - here);
        let [a, b, c] = K::codes(codes, word);
        let [a, b, c] = [a & valid, b & valid, c & valid];
        // The tokens one before, and two before.
        let [a1, b1, c1] =
            [one_before(a, carry.codes[0]), one_before(b, carry.codes[1]), one_before(c, carry.codes[2])];
        let [a2, b2, c2] =
            [two_before(a, carry.codes[0]), two_before(b, carry.codes[1]), two_before(c, carry.codes[2])];
        let due = two_before(valid, carry.due) & valid;

        let value = !b;
        let string = !b & !c & a;
        let comma = b & !c & !a;
        let colon = b & !c & a;
        let close = b & c;
        let after_end = !(b1 ^ c1);
        let after_separator = b1 & !c1;
        let after_object_start = c1 & !b1 & !a1;
        let after_string = !b1 & !c1 & a1;
        let [object_start_2, comma_2] = [c2 & !b2 & !a2, b2 & !c2 & !a2];
        let misplaced = value & after_end
            | comma & !after_end
            | close & after_separator
            | colon & !(after_string & (object_start_2 | comma_2))
            | value & !string & after_object_start
            | after_string & object_start_2 & !colon;
        wrong |= misplaced & valid;

        let [open_2, close_2, comma_2] = [c2 & !b2 & due, c2 & b2 & due, comma_2 & due];
        let object = c2 & !a2 | comma_2 & colon;
        let Some(down) = brackets::pass::<K>(open_2, close_2, comma_2, object, nesting) else { return false };
        let kept = due & !(b2 & !c2);
        let [opens, closes] = K::extract([open_2, close_2], kept);
        containers.push(opens, closes, kept.count_ones(), down);

        let [last_a, last_b, last_c] = carry.codes;
        carry.codes = [last_two(a, last_a, here), last_two(b, last_b, here), last_two(c, last_c, here)];
        carry.due = last_two(valid, carry.due, here);
    }
    wrong == 0
}

#[inline(always)]
fn one_before(word: u64, carry: u64) -> u64 {
    word << 1 | carry >> 1
}

#[inline(always)]
fn two_before(word: u64, carry: u64) -> u64 {
    word << 2 | carry
}

/// The last two of so many bits, and of two before them.
#[inline(always)]
fn last_two(word: u64, before: u64, count: u32) -> u64 {
    if count == 64 { word >> 62 } else { ((u128::from(word) << 2 | u128::from(before)) >> count) as u64 & 0b11 }
}

impl Carry {
    /// How many of the last two tokens are not through yet, without commas and colons.
    pub(super) fn waiting(&self) -> usize {
        let [_, b, c] = self.codes;
        (self.due & !(b & !c)).count_ones() as usize
    }
}
