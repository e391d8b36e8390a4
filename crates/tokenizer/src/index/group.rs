//! The index of a group of blocks: where the tokens are, and whether all there is JSON.
//!
//! Grammar is checked with a bit for each byte, many blocks at once. The brackets are passed one by one
//! ([`super::brackets`]), which tells of each comma whether it stands in an object or in an array. All
//! else says what may follow what: for a few kinds of tokens the places where the next one stands are
//! computed ([`follow`]) and compared with the tokens that are there. A name is a string behind `{` or
//! behind a comma in an object; names are brought from their opening quotes to their closing ones
//! ([`behind`]), and behind these, and nowhere else, stand the colons.
//!
//! Nothing is ever reported from here: a group that is not provably right is tried again block by
//! block, and a block is left to be read byte by byte, which finds the error and its exact place. So is
//! the block in which the document ends.

use super::{
    brackets,
    carry::{After, Carry},
    kernel::{BLOCK, Classes, Kernel},
    words::{GROUP, Words},
};
use crate::{nesting::Nesting, number};

/// A mark's bit that says of a closing quote that its string has an escape.
pub(crate) const ESCAPED: u32 = 1 << 31;

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was indexed.
    Indexed,
    /// It was not, and cannot be.
    Broken,
    /// It is right, and a bracket in it closes the container that was asked for. Of a single block
    /// this is the bracket's index, and the nesting is that behind it; of more, nothing has changed.
    Closed(usize),
}

/// A word for each block.
pub(super) type Blocks = [u64; GROUP];

/// Where marks are put.
pub(super) struct Marks<'m> {
    pub(super) list: &'m mut [u32],
    pub(super) count: usize,
}

/// Indexes the blocks from `at` on, as many as `W` has words, which must be held whole. `goal` is the
/// depth that is asked for, or 0. Unless the outcome is that they are indexed, the carry is spoiled.
/// `classes` is room to work in.
#[inline(always)]
pub(super) fn index<K: Kernel, W: Words, const MARKS: bool>(
    bytes: &[u8],
    at: usize,
    carry: &mut Carry,
    nesting: &mut Nesting,
    marks: &mut Marks<'_>,
    goal: u16,
    classes: &mut Classes<Blocks>,
) -> Outcome {
    classify::<K, W>(bytes, at, classes);
    let mut strings = [0; GROUP];
    let mut wrong = find_strings::<K, W>(bytes, at, carry, classes, &mut strings);

    let [quote, string] = [W::load(&classes.quote), W::load(&strings)];
    let inside = string.or(quote);
    let white = W::load(&classes.white).without(inside);
    let open = W::load(&classes.open).without(inside);
    let close = W::load(&classes.close).without(inside);
    let comma = W::load(&classes.comma).without(inside);
    let colon = W::load(&classes.colon).without(inside);
    let bracket = open.or(close);
    let not_scalar = inside.or(white).or(bracket).or(comma).or(colon);
    let scalar = W::load(&[!0; GROUP]).without(not_scalar);
    let behind_scalar = scalar.up(&mut carry.scalar);
    let scalar_start = scalar.without(behind_scalar);
    let scalar_end = behind_scalar.without(scalar);
    let opening = quote.and(string);
    let closing = quote.without(string);
    wrong |= W::load(&classes.control).and(string).any();

    // Digits alone are right, unless they start with a zero and go on, or may go on.
    let zero = scalar_start.and(W::load(&classes.zero)).and(scalar.down());
    let not_digits = scalar.without(W::load(&classes.digit)).or(zero);
    let complex = behind(not_digits, scalar, &mut carry.complex).and(scalar_end);
    if complex.any() {
        let (mut starts, mut ends) = ([0; GROUP], [0; GROUP]);
        scalar_start.store(&mut starts);
        complex.store(&mut ends);
        wrong |= broken_scalars::<W>(bytes, at, &starts, &ends);
    }

    open.store(&mut classes.open);
    close.store(&mut classes.close);
    let mut in_object = [0; GROUP];
    let curly = W::load(&classes.curly);
    let passed = brackets::pass::<K, W>(&classes.open, &classes.close, &classes.curly, nesting, goal, &mut in_object);
    wrong |= passed.wrong;

    let order = Order { string, opening, closing, open, close, comma, colon, scalar_start, scalar_end, white };
    let key_start = open.and(curly).or(comma.and(W::load(&in_object)));
    // White space that goes on from before counts.
    let any_white = white.or(white.up(&mut carry.white)).any();
    let misplaced =
        if any_white { order.misplaced::<true>(key_start, carry) } else { order.misplaced::<false>(key_start, carry) };
    wrong |= misplaced.any();

    if !MARKS {
        // Nobody will ask.
        carry.has_escape = 0;
    }
    // Where there are marks, one of them tells.
    if !MARKS && carry.in_string != 0 {
        let mut openings = [0; GROUP];
        opening.store(&mut openings);
        if let Some(block) = openings[..W::COUNT].iter().rposition(|&word| word != 0) {
            carry.string_at = at + block * BLOCK + openings[block].ilog2() as usize;
        }
    }
    if wrong | passed.closed {
        nesting.set_inner(passed.before);
        if wrong || goal == 0 {
            return Outcome::Broken;
        }
        if W::COUNT > 1 {
            return Outcome::Closed(at);
        }
        let index = brackets::close(&classes.open, &classes.close, &classes.curly, nesting, goal);
        return Outcome::Closed(at + index);
    }
    if MARKS {
        let mut bits = [0; GROUP];
        quote.or(bracket).or(scalar_start).or(scalar_end).store(&mut bits);
        let mut escaped = [0; GROUP];
        let backslash = W::load(&classes.backslash).and(string);
        if carry.has_escape != 0 || backslash.any() {
            behind(backslash, string, &mut carry.has_escape).and(closing).store(&mut escaped);
        }
        for block in 0..W::COUNT {
            let room = marks.list[marks.count..].first_chunk_mut().expect("there is room for a block's marks");
            K::flatten(bits[block], (at + block * BLOCK) as u32, room);
            for bit in each_bit(escaped[block]) {
                room[(bits[block] & (bit - 1)).count_ones() as usize] |= ESCAPED;
            }
            marks.count += bits[block].count_ones() as usize;
        }
    }
    Outcome::Indexed
}

/// Classifies blocks.
#[inline(always)]
fn classify<K: Kernel, W: Words>(bytes: &[u8], at: usize, classes: &mut Classes<Blocks>) {
    for (n, block) in bytes[at..].as_chunks::<BLOCK>().0.iter().take(W::COUNT).enumerate() {
        let is = K::classes(block);
        classes.quote[n] = is.quote;
        classes.backslash[n] = is.backslash;
        classes.open[n] = is.open;
        classes.close[n] = is.close;
        classes.curly[n] = is.curly;
        classes.comma[n] = is.comma;
        classes.colon[n] = is.colon;
        classes.white[n] = is.white;
        classes.control[n] = is.control;
        classes.high[n] = is.high;
        classes.digit[n] = is.digit;
        classes.zero[n] = is.zero;
    }
}

/// Finds the strings: `strings` gets their insides with the opening quotes, and of the quotes those are
/// left that are not escaped. True if an escape or UTF-8 is broken.
#[inline(always)]
fn find_strings<K: Kernel, W: Words>(
    bytes: &[u8],
    at: usize,
    carry: &mut Carry,
    classes: &mut Classes<Blocks>,
    strings: &mut Blocks,
) -> bool {
    let mut wrong = 0;
    for (n, string) in strings.iter_mut().take(W::COUNT).enumerate() {
        let at = at + n * BLOCK;
        let backslash = classes.backslash[n];
        if (backslash | carry.escaped | carry.hex) != 0 {
            let Some(block) = bytes[at..].first_chunk() else { return true };
            let escaped = escaped(backslash, &mut carry.escaped);
            let escapes = K::escapes(block);
            let u = escaped & escapes.u;
            let hex = carry.hex | u << 1 | u << 2 | u << 3 | u << 4;
            carry.hex = u >> 63 | u >> 62 | u >> 61 | u >> 60;
            wrong |= escaped & !escapes.letter | hex & !escapes.hex;
            classes.quote[n] &= !escaped;
        }
        let high = classes.high[n];
        if (high | carry.high) != 0 {
            wrong |= u64::from(K::breaks_utf8(bytes, at));
            carry.high = high >> 61;
        }
        *string = K::prefix_xor(classes.quote[n]) ^ carry.in_string;
        carry.in_string = ((*string as i64) >> 63) as u64;
    }
    wrong != 0
}

/// Whether any number or literal that ends at `ends` is none.
#[inline(always)]
fn broken_scalars<W: Words>(bytes: &[u8], at: usize, starts: &Blocks, ends: &Blocks) -> bool {
    let mut broken = false;
    for n in 0..W::COUNT {
        let at = at + n * BLOCK;
        for bit in each_bit(ends[n]) {
            let starts = starts[n] & (bit - 1);
            let start = if starts == 0 { scalar_start(bytes, at) } else { at + starts.ilog2() as usize };
            broken |= !number::is_scalar(&bytes[start..at + bit.trailing_zeros() as usize]);
        }
    }
    broken
}

/// Where the number or literal starts that goes on, or has just ended, at `at`.
#[cold]
pub(super) fn scalar_start(bytes: &[u8], at: usize) -> usize {
    let is_before = |byte: &u8| matches!(byte, b',' | b':' | b'[' | b'{' | b' ' | b'\t' | b'\n' | b'\r');
    bytes[..at].iter().rposition(is_before).map_or(0, |before| before + 1)
}

/// The tokens by their kinds, outside strings but for quotes.
struct Order<W> {
    string: W,
    opening: W,
    closing: W,
    open: W,
    close: W,
    comma: W,
    colon: W,
    scalar_start: W,
    scalar_end: W,
    white: W,
}

impl<W: Words> Order<W> {
    /// The tokens that may not stand where they do.
    #[inline(always)]
    fn misplaced<const WHITE: bool>(&self, key_start: W, carry: &mut Carry) -> W {
        let Self { string, opening, closing, open, close, comma, colon, scalar_start, scalar_end, white } = *self;
        let nothing = W::load(&[0; GROUP]);
        let after_open = follow::<W, WHITE>(open, nothing, white, &mut carry.open);
        let after_separator = follow::<W, WHITE>(comma.or(colon), nothing, white, &mut carry.separator);
        let after_end = follow::<W, WHITE>(closing.or(close), scalar_end, white, &mut carry.end);
        let after_key_start = follow::<W, WHITE>(key_start, nothing, white, &mut carry.key_start);
        let keys = behind(opening.and(after_key_start), string, &mut carry.key).and(closing);
        let after_key = follow::<W, WHITE>(keys, nothing, white, &mut carry.key_end);

        let value = opening.or(scalar_start).or(open);
        (value.without(after_separator.or(after_open)))
            .or(comma.without(after_end))
            .or(close.without(after_end.or(after_open)))
            .or(after_key_start.without(opening.or(close)))
            .or(colon.xor(after_key))
    }
}

/// The places of the tokens that come next behind the last bytes of `tokens`, or at `places`; white
/// space is passed over.
#[inline(always)]
fn follow<W: Words, const WHITE: bool>(tokens: W, places: W, white: W, after: &mut After) -> W {
    let places = places.or(tokens.up(&mut after.last));
    if !WHITE {
        return places;
    }
    // Each run of white space that starts at such a place is carried over by adding one there.
    let passed = white.plus(places.and(white), &mut after.white);
    places.or(passed).without(white)
}

/// Brings bits of `from` inside runs to the places behind the runs; other places are of no meaning.
/// A run may reach into the group or out of it.
#[inline(always)]
fn behind<W: Words>(from: W, runs: W, carry: &mut u64) -> W {
    runs.plus(from, carry)
}

/// The characters that a backslash before them escapes. Of backslashes in a row each second is itself
/// escaped: runs that start at an odd place are told from the others by a subtraction that carries
/// through them, as in simdjson.
#[inline(always)]
fn escaped(backslash: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let starts = backslash & !*carry;
    let ends = ((starts << 1 | ODD).wrapping_sub(starts)) ^ ODD;
    let escaped = ends ^ (backslash | *carry);
    *carry = (ends & backslash) >> 63;
    escaped
}

/// The bits that are set, each alone, the lowest first.
#[inline(always)]
pub(super) fn each_bit(mut word: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = word & word.wrapping_neg();
        word ^= bit;
        (bit != 0).then_some(bit)
    })
}
