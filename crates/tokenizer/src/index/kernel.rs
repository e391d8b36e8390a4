//! What the index needs of a processor, and how vectors of any width provide it.

use super::{utf8, words::Words};

/// Bytes that are looked at in one step: one bit each in a word.
pub(crate) const BLOCK: usize = 64;

/// What bytes are, a bit for each, the first the lowest, whether inside strings or out: of a block, or a
/// word for each of several blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes<T = u64> {
    /// `"`
    pub(crate) quote: T,
    /// `\`
    pub(crate) backslash: T,
    /// `{` and `[`
    pub(crate) open: T,
    /// `}` and `]`
    pub(crate) close: T,
    /// Of the brackets, the curly ones; elsewhere anything.
    pub(crate) curly: T,
    /// `,`
    pub(crate) comma: T,
    /// `:`
    pub(crate) colon: T,
    /// Space, tab, line feed, carriage return.
    pub(crate) white: T,
    /// Below 0x20.
    pub(crate) control: T,
    /// From 0x80 up.
    pub(crate) high: T,
    /// `0` to `9`
    pub(crate) digit: T,
    /// `0`
    pub(crate) zero: T,
}

/// What matters behind a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escapes {
    /// What may follow a backslash.
    pub(crate) letter: u64,
    /// `u`
    pub(crate) u: u64,
    /// Hexadecimal digits.
    pub(crate) hex: u64,
}

/// An implementation of the steps that depend on the processor. All give the same.
pub(crate) trait Kernel {
    /// A group of blocks.
    type Group: Words;

    /// Classifies a block.
    fn classes(block: &[u8; BLOCK]) -> Classes;

    /// Classifies a block that has escapes.
    fn escapes(block: &[u8; BLOCK]) -> Escapes;

    /// Whether the block at `at` breaks UTF-8, given what stands before it. A character that the
    /// block leaves incomplete is the next block's matter; bytes before the first are taken for
    /// ASCII.
    fn breaks_utf8(bytes: &[u8], at: usize) -> bool;

    /// Each bit the sum, modulo 2, of the bits up to and with it: of quotes, the strings' insides.
    fn prefix_xor(bits: u64) -> u64;

    /// The bits at which `mask` is set, together at the lower end.
    fn extract(bits: u64, mask: u64) -> u64;

    /// The lower bits at the places at which `mask` is set: the inverse of `extract`.
    fn deposit(bits: u64, mask: u64) -> u64;

    /// Writes the indices of the bits that are set, each plus `base`, in their order. What is
    /// written behind them is of no meaning.
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]);
}

/// A vector of bytes, as wide as the processor likes. Comparisons give a bit for each byte.
pub(crate) trait Vector: Copy {
    /// How many bytes it holds; divides [`BLOCK`].
    const LANES: usize;

    /// The `part`-th vector of a block.
    fn load(block: &[u8; BLOCK], part: usize) -> Self;
    fn splat(byte: u8) -> Self;
    /// A table for [`lookup`](Self::lookup).
    fn table(entries: &[u8; 16]) -> Self;
    fn or(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Wraps around.
    fn minus(self, other: Self) -> Self;
    /// Stops at zero.
    fn minus_saturating(self, other: Self) -> Self;
    /// The upper half of each byte, as a number.
    fn upper(self) -> Self;
    /// Looks up each byte's lower half; a byte from 0x80 up may find the entry or zero.
    fn lookup(self, table: Self) -> Self;
    fn equals(self, other: Self) -> u64;
    /// Unsigned.
    fn at_most(self, other: Self) -> u64;
    /// From 0x80 up.
    fn high(self) -> u64;
    /// Whether any byte is not zero.
    fn any(self) -> bool;
}

// The functions below have no closures: one is compiled for any processor of the kind before it is
// inlined, and the instructions in it would become calls.

/// [`Kernel::classes`] with vectors.
#[inline(always)]
pub(crate) fn classes<V: Vector>(block: &[u8; BLOCK]) -> Classes {
    // At each white byte's lower half that byte; elsewhere a byte with another lower half.
    const WHITE: [u8; 16] = [b' ', 0, 0, 0, 0, 0, 0, 0, 0, b'\t', b'\n', 0, 0, b'\r', 0, 0];
    let mut classes = Classes::default();
    for part in 0..BLOCK / V::LANES {
        let v = V::load(block, part);
        // `[` and `{`, `]` and `}` differ in one bit.
        let folded = v.or(V::splat(0x20));
        let shift = part * V::LANES;
        classes.quote |= v.equals(V::splat(b'"')) << shift;
        classes.backslash |= v.equals(V::splat(b'\\')) << shift;
        classes.open |= folded.equals(V::splat(b'{')) << shift;
        classes.close |= folded.equals(V::splat(b'}')) << shift;
        classes.curly |= folded.equals(v) << shift;
        classes.comma |= v.equals(V::splat(b',')) << shift;
        classes.colon |= v.equals(V::splat(b':')) << shift;
        classes.white |= v.lookup(V::table(&WHITE)).equals(v) << shift;
        classes.control |= v.at_most(V::splat(0x1f)) << shift;
        classes.high |= v.high() << shift;
        classes.digit |= v.minus(V::splat(b'0')).at_most(V::splat(9)) << shift;
        classes.zero |= v.equals(V::splat(b'0')) << shift;
    }
    classes
}

/// [`Kernel::escapes`] with vectors.
#[inline(always)]
pub(crate) fn escapes<V: Vector>(block: &[u8; BLOCK]) -> Escapes {
    // What may follow a backslash starts with 2 (`"/`), 5 (`\`), 6 (`bfn`) or 7 (`rtu`), each a bit;
    // which of them there are with the same lower half, and which bit an upper half is.
    const LOWER: [u8; 16] = [0, 0, 1 | 4 | 8, 0, 8, 8, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1];
    const UPPER: [u8; 16] = [0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut escapes = Escapes { letter: 0, u: 0, hex: 0 };
    for part in 0..BLOCK / V::LANES {
        let v = V::load(block, part);
        let lower = v.and(V::splat(0x0f)).lookup(V::table(&LOWER));
        let both = lower.and(v.upper().lookup(V::table(&UPPER)));
        let shift = part * V::LANES;
        escapes.u |= v.equals(V::splat(b'u')) << shift;
        escapes.letter |= V::splat(1).at_most(both) << shift;
        escapes.hex |= v.minus(V::splat(b'0')).at_most(V::splat(9)) << shift;
        escapes.hex |= v.or(V::splat(0x20)).minus(V::splat(b'a')).at_most(V::splat(5)) << shift;
    }
    escapes
}

/// [`Kernel::breaks_utf8`] with vectors.
#[inline(always)]
pub(crate) fn breaks_utf8<V: Vector>(bytes: &[u8], at: usize) -> bool {
    let mut padded = [0; BLOCK + 3];
    let around = if at >= 3 {
        &bytes[at - 3..at + BLOCK]
    } else {
        padded[3 - at..].copy_from_slice(&bytes[..at + BLOCK]);
        &padded
    };
    let mut error = V::splat(0);
    for part in 0..BLOCK / V::LANES {
        let v = V::load(block_at(around, 3), part);
        let one = V::load(block_at(around, 2), part);
        let two = V::load(block_at(around, 1), part);
        let three = V::load(block_at(around, 0), part);
        error = error.or(utf8::errors(v, one, two, three));
    }
    error.any()
}

#[inline(always)]
fn block_at(bytes: &[u8], at: usize) -> &[u8; BLOCK] {
    bytes[at..].first_chunk().expect("there is a whole block")
}
