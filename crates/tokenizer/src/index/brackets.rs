//! The brackets of a group of blocks: whether they match, and what stands in an object.
//!
//! The brackets are taken together, a bit for each, without the bytes between them. Most are pairs, one
//! that opens and right behind it one that closes: these are checked all at once, and only the rest is
//! passed one by one.

use super::{
    group::each_bit,
    kernel::Kernel,
    words::{GROUP, Words},
};
use crate::nesting::{Inner, Nesting};

/// What the brackets of a group say.
pub(super) struct Passed {
    /// Two do not match, or there are too many levels.
    pub(super) wrong: bool,
    /// The depth has come down to the goal.
    pub(super) closed: bool,
    /// The innermost levels before.
    pub(super) before: Inner,
}

/// Passes the brackets; `in_object` gets the bytes inside an object, but not inside an array therein.
#[inline(always)]
pub(super) fn pass<K: Kernel, W: Words>(
    open: &[u64; GROUP],
    close: &[u64; GROUP],
    curly: &[u64; GROUP],
    nesting: &mut Nesting,
    goal: u16,
    in_object: &mut [u64; GROUP],
) -> Passed {
    let (mut opens, mut curlies, mut count) = (0, 0, 0);
    for n in 0..W::COUNT {
        let brackets = open[n] | close[n];
        // Beyond 64 brackets this is of no meaning, and nobody looks at it.
        opens |= K::extract(open[n], brackets).wrapping_shl(count);
        curlies |= K::extract(curly[n], brackets).wrapping_shl(count);
        count += brackets.count_ones();
    }
    if count > u64::BITS {
        return Passed { wrong: true, closed: false, before: nesting.inner() };
    }
    let all = if count == 0 { 0 } else { !0 >> (u64::BITS - count) };
    let first = opens & !(opens >> 1) & all >> 1;
    let pairs = first | first << 1;
    let mut mismatched = (curlies ^ curlies >> 1) & first;

    let rest = all & !pairs;
    let opening = (opens & rest).count_ones();
    let closing = rest.count_ones() - opening;
    let fits = nesting.make_room(opening + 1, closing);
    let before = nesting.inner();
    let mut inner = before;
    let goal = nesting.inner_count(goal);
    let mut closed = false;
    // Brackets at which it changes whether the innermost container is an object.
    let mut changes = 0;
    let mut passed = 0;
    for bit in each_bit(rest) {
        let was = inner.in_object();
        let until = bit | (bit - 1);
        changes |= pairs & until & !passed & (curlies ^ was);
        passed = until;
        let is_curly = u64::from(curlies & bit != 0);
        if opens & bit != 0 {
            inner = inner.opened(is_curly);
        } else {
            mismatched |= (was ^ is_curly) & 1;
            inner = inner.closed();
            closed |= inner.count() <= goal;
        }
        changes |= (was ^ inner.in_object()) & bit;
    }
    changes |= pairs & !passed & (curlies ^ inner.in_object());
    nesting.set_inner(inner);

    let mut now = before.in_object();
    if changes == 0 {
        *in_object = [now; GROUP];
    } else {
        for n in 0..W::COUNT {
            let brackets = open[n] | close[n];
            let here = K::prefix_xor(K::deposit(changes, brackets)) ^ now;
            changes = changes.checked_shr(brackets.count_ones()).unwrap_or(0);
            in_object[n] = here;
            now = ((here as i64) >> 63) as u64;
        }
    }
    Passed { wrong: mismatched != 0 || !fits, closed, before }
}

/// Passes the brackets of a block that is right, up to that which closes the container asked for, and
/// gives its place.
#[cold]
pub(super) fn close(
    open: &[u64; GROUP],
    close: &[u64; GROUP],
    curly: &[u64; GROUP],
    nesting: &mut Nesting,
    goal: u16,
) -> usize {
    let [open, close, curly] = [open[0], close[0], curly[0]];
    for bit in each_bit(open | close) {
        if close & bit == 0 {
            nesting.open(curly & bit != 0);
            continue;
        }
        nesting.close();
        if nesting.depth() <= goal {
            return bit.trailing_zeros() as usize;
        }
    }
    unreachable!("the depth comes down to the goal in this block")
}
