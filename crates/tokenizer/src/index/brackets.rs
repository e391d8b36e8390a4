//! The third step: whether brackets match, and whether commas are of the kind of their container.
//!
//! Of the tokens only brackets and commas are taken, together in a word, a bit for each. Each has a kind,
//! object or array. What stands behind an opening bracket or a comma, up to the next of them, is in a
//! container of that kind; so there neighbours must agree. What stands behind a closing bracket is in
//! the container around, whose kind is therefore known twice: from what stands before the opening bracket
//! and from what stands behind the closing one.
//!
//! Pairs, an opening bracket and right behind it the closing one, are checked all at once and taken out,
//! which makes new pairs of what stood around them, until none are left. Then there are closing
//! brackets, which must be of the kinds on the stack, and behind them opening ones, which go there:
//!
//! ```text
//! } , { { } , { } } } , { [        all
//! } , { } } , { [                  neighbours agree, pairs are right
//! } } , { [                        and the pairs that these were in
//! ```

use super::kernel::Kernel;
use crate::nesting::Nesting;

/// Passes brackets and commas; `object` tells their kinds. Gives how many containers are closed that were open before. None
/// if they are wrong, or beyond the limit of nesting or near it, or if one closes the outermost container; then the nesting
/// is of no meaning.
#[inline(always)]
pub(super) fn pass<K: Kernel>(open: u64, close: u64, comma: u64, object: u64, nesting: &mut Nesting) -> Option<u32> {
    let all = open | close | comma;
    if all == 0 {
        return Some(0);
    }
    let [open, close, object] = K::extract([open, close, object], all);
    let here = lowest(all.count_ones());
    // What the container is behind the one before; behind a closing bracket it is not known yet.
    let inside = object << 1 | nesting.inner().in_object() & 1;
    let mut wrong = (object ^ inside) & !(close << 1) & !open & here;
    // The kind of the container around, as known from before an opening or from behind a closing bracket.
    let around = open & inside | close & object >> 1;
    let is_known = open | here >> 1;

    let brackets = open | close;
    let [mut open, mut object, mut around, mut is_known] = K::extract([open, object, around, is_known], brackets);
    let mut count = brackets.count_ones();
    let mut levels = 0;
    loop {
        let pairs = open & !(open >> 1) & lowest(count) >> 1;
        if pairs == 0 {
            break;
        }
        wrong |= pairs & (object ^ object >> 1 | (around ^ around >> 1) & is_known >> 1);
        let rest = lowest(count) & !(pairs | pairs << 1);
        [open, object, around, is_known] = K::extract([open, object, around, is_known], rest);
        count = rest.count_ones();
        levels += 1;
    }
    let opening = open.count_ones();
    let closing = count - opening;
    if !nesting.make_room(opening + levels, closing) {
        return None;
    }
    if count == 0 {
        return (wrong == 0).then_some(0);
    }
    let inner = nesting.inner();
    let closed = lowest(closing);
    wrong |= (object ^ inner.kinds()) & closed;
    wrong |= (around ^ inner.kinds() >> 1) & is_known & closed;
    let ends = closing >= inner.count() as u32;
    if wrong != 0 || ends {
        return None;
    }
    nesting.set_inner(inner.replaced(closing, object >> closing, opening));
    Some(closing)
}

/// So many bits, the lowest ones.
#[inline(always)]
fn lowest(count: u32) -> u64 {
    if count == 0 { 0 } else { !0 >> (64 - count) }
}
