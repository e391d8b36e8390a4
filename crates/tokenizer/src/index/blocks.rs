//! The first step: from bytes to tokens, a block at a time.
//!
//! A bit for each byte tells what it is; from these follow where strings are, and from that where
//! tokens start and end. Strings are checked here, whole (escapes, control characters, UTF-8), and so
//! are numbers and literals, each for itself: digits alone many at once, what is more one by one.

use super::{
    STRETCH_BLOCKS,
    carry::Bytes as Carry,
    kernel::{BLOCK, CODES, Kernel},
    marks::Bitmap,
};
use crate::number;

/// A bit of a string's second mark: the string has an escape.
pub(crate) const ESCAPED: u32 = 1 << 31;

/// What is found out about the tokens of a stretch.
pub(super) struct Found<'f> {
    /// Where they start and end.
    pub(super) bitmaps: &'f mut [Bitmap; STRETCH_BLOCKS],
    /// What each is; commas and colons are tokens here.
    pub(super) codes: &'f mut [u64; CODES],
    pub(super) later: &'f mut Later,
}

/// How many tokens there are.
pub(super) struct Counts {
    /// Without commas and colons.
    pub(super) starts: usize,
    pub(super) codes: usize,
}

/// What is left for later, so that what cannot be foreseen does not hold up what comes behind it.
#[derive(Debug)]
pub(super) struct Later {
    /// Blocks that have bytes from 0x80 up, or that have such before them: their numbers.
    high: Box<[u32; LATER]>,
    /// Blocks in which scalars end that are more than digits.
    complex: Box<[Complex; LATER]>,
}

/// One is written behind the last.
const LATER: usize = STRETCH_BLOCKS + 1;

#[derive(Clone, Copy, Debug, Default)]
struct Complex {
    /// The block's number.
    number: u32,
    /// Where those scalars end.
    ends: u64,
}

impl Later {
    pub(super) fn new() -> Self {
        Self { high: Box::new([0; LATER]), complex: Box::new([Complex::default(); LATER]) }
    }
}

/// Finds the tokens of the blocks from `at` up to `end`. None if any string or scalar is wrong; then what is found is of no
/// meaning, nor is the carry. If a token goes on at `at`, it starts at `last_start`.
#[inline(always)]
pub(super) fn find<K: Kernel>(
    bytes: &[u8],
    at: usize,
    end: usize,
    last_start: u32,
    carry: &mut Carry,
    found: &mut Found<'_>,
) -> Option<Counts> {
    let Found { bitmaps, codes, later } = found;
    let mut wrong = 0;
    let mut c = *carry;
    let mut counts = Counts { starts: 0, codes: 0 };
    let (mut high_count, mut complex_count) = (0, 0);
    let (blocks, _) = bytes[at..end].as_chunks::<BLOCK>();
    for (number, (block, bitmap)) in blocks.iter().zip(&mut **bitmaps).enumerate() {
        let classes = K::classes(block);
        let [code_0, code_1, code_2] = classes.code;

        later.high[high_count] = number as u32;
        high_count += usize::from((classes.high | c.high) != 0);
        c.high = classes.high >> 61;
        let mut quote = classes.quote;
        let has_escapes = (classes.backslash | c.escaped | c.hex | c.has_escape) != 0;
        if has_escapes {
            let escaped = escaped(classes.backslash, &mut c.escaped);
            let escapes = K::escapes(block);
            let u = escaped & escapes.u;
            let hex = c.hex | u << 1 | u << 2 | u << 3 | u << 4;
            c.hex = u >> 63 | u >> 62 | u >> 61 | u >> 60;
            wrong |= escaped & !escapes.letter | hex & !escapes.hex;
            quote &= !escaped;
        }
        // With the opening quotes, but without the closing ones.
        let string = K::prefix_xor(quote) ^ c.in_string;
        c.in_string = ((string as i64) >> 63) as u64;
        wrong |= classes.control & string;

        let scalar = !(code_0 | code_1 | code_2 | string);
        let going_on = scalar << 1 | c.scalar;
        let scalar_start = scalar & !going_on;
        let scalar_end = going_on & !scalar;
        c.scalar = scalar >> 63;
        let closing = quote & !string;
        let tokens = (code_1 | code_2) & !string | quote & string | scalar_start;
        let starts = tokens & (code_2 | !code_1);
        let last = code_2 & !string | closing;
        let ends = last << 1 | c.last | scalar_end;
        c.last = last >> 63;

        // Digits alone are right, unless they start with a zero and go on, or may go on.
        let more = scalar & !classes.digit | scalar_start & classes.zero & (scalar >> 1 | 1 << 63);
        let complex = behind(more, scalar, &mut c.complex) & scalar_end;
        later.complex[complex_count] = Complex { number: number as u32, ends: complex };
        complex_count += usize::from(complex != 0);

        let mut escaped = 0;
        if has_escapes {
            // Whether the last byte ended a string with an escape is kept beside whether such a one goes on.
            let ended = c.has_escape >> 1;
            c.has_escape &= 1;
            let escaped_ends = behind(classes.backslash & string, string, &mut c.has_escape) & closing;
            escaped = escaped_ends << 1 | ended;
            c.has_escape |= escaped_ends >> 63 << 1;
        }
        *bitmap = Bitmap { starts, ends, escaped };
        counts.starts += starts.count_ones() as usize;
        K::push(codes, counts.codes, block, classes.code, tokens);
        counts.codes += tokens.count_ones() as usize;
    }
    *carry = c;
    for &number in &later.high[..high_count] {
        wrong |= u64::from(K::breaks_utf8(bytes, at + number as usize * BLOCK));
    }
    for complex in &later.complex[..complex_count] {
        wrong |= u64::from(!are_scalars::<K>(bytes, at, complex, bitmaps, last_start));
    }
    (wrong == 0).then_some(counts)
}

/// Whether all scalars are right that end in a block and are more than digits. The first block is at `at`.
#[inline(always)]
fn are_scalars<K: Kernel>(
    bytes: &[u8],
    at: usize,
    complex: &Complex,
    bitmaps: &[Bitmap; STRETCH_BLOCKS],
    last_start: u32,
) -> bool {
    let &Complex { number, mut ends } = complex;
    let number = number as usize;
    let starts_before = number.checked_sub(1).map_or(0, |before| bitmaps[before].starts);
    let starts = u128::from(bitmaps[number].starts) << BLOCK | u128::from(starts_before);
    let at_before = (at + number * BLOCK).wrapping_sub(BLOCK);
    let mut right = true;
    while ends != 0 {
        let end = BLOCK as u32 + ends.trailing_zeros();
        ends &= ends - 1;
        let start = match (starts & !(!0 << end)).checked_ilog2() {
            Some(start) => at_before.wrapping_add(start as usize),
            None => last_start_before(at, number, bitmaps).unwrap_or(last_start as usize),
        };
        let end = at_before.wrapping_add(end as usize);
        if !is_common_scalar::<K>(bytes, start, end) {
            right &= number::is_scalar(&bytes[start..end]);
        }
    }
    right
}

/// Where the last token starts before a block, if any does since the stretch began.
fn last_start_before(at: usize, block: usize, bitmaps: &[Bitmap; STRETCH_BLOCKS]) -> Option<usize> {
    let (number, bitmap) = bitmaps[..block].iter().enumerate().rev().find(|(_, bitmap)| bitmap.starts != 0)?;
    Some(at + number * BLOCK + bitmap.starts.ilog2() as usize)
}

/// Whether this is a literal, or a number without an exponent, with enough before it in the window. Without branches, since
/// which of them it is cannot be foreseen.
#[inline(always)]
fn is_common_scalar<K: Kernel>(bytes: &[u8], start: usize, end: usize) -> bool {
    // It and the byte behind it are the last of a block.
    const END: u32 = BLOCK as u32 - 1;
    let from = end.wrapping_sub(END as usize);
    let Some(block) = bytes.get(from..).and_then(<[u8]>::first_chunk) else { return false };
    if start < from {
        return false;
    }
    let (digit, start) = (K::digits(block), (start - from) as u32);
    let first = byte(block, start);
    let last_four = u32::from_le_bytes([block[59], block[60], block[61], block[62]]);
    let length = END - start;
    let literal = (length == 4)
        & ((last_four == u32::from_le_bytes(*b"null")) | (last_four == u32::from_le_bytes(*b"true")))
        | (length == 5) & (first == b'f') & (last_four == u32::from_le_bytes(*b"alse"));

    let digits = start + u32::from(first == b'-');
    let others = !digit & !(!0 << END) & !0 << digits;
    let point = others.trailing_zeros().min(END);
    let no_more = others & others.wrapping_sub(1) == 0;
    let integer = (point > digits) & ((byte(block, digits) != b'0') | (point == digits + 1));
    let fraction = (point == END) | (byte(block, point) == b'.') & (point + 1 < END);
    literal | no_more & integer & fraction
}

#[inline(always)]
fn byte(block: &[u8; BLOCK], index: u32) -> u8 {
    block[index as usize % BLOCK]
}

/// Brings bits of `from` inside runs to the places behind the runs; other places are of no meaning.
/// A run may reach into the block or out of it.
#[inline(always)]
fn behind(from: u64, runs: u64, carry: &mut u64) -> u64 {
    let (sum, one) = runs.overflowing_add(from);
    let (sum, two) = sum.overflowing_add(*carry);
    *carry = u64::from(one | two);
    sum
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
