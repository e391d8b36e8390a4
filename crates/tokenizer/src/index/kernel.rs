//! What the index needs of a processor, and how vectors of any width provide it.

use super::utf8;

/// Bytes that are looked at in one step: one bit each in a word.
pub(crate) const BLOCK: usize = 64;

/// Room for the codes of a stretch's tokens: how they lie there is a kernel's own matter.
pub(crate) const CODES: usize = super::STRETCH_BLOCKS * BLOCK / 8 + 8;

/// What the bytes of a block are, a bit for each, the first the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    /// `"`
    pub(crate) quote: u64,
    /// The bits of a code, the lowest first:
    ///
    /// ```text
    /// 0 anything else   2 comma   4 {   6 }
    /// 1 white space, "  3 colon   5 [   7 ]
    /// ```
    pub(crate) code: [u64; 3],
    /// Below 0x20.
    pub(crate) control: u64,
    /// `0` to `9`
    pub(crate) digit: u64,
    /// `0`
    pub(crate) zero: u64,
    /// `\`
    pub(crate) backslash: u64,
    /// From 0x80 up.
    pub(crate) high: u64,
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
    /// Classifies a block.
    fn classes(block: &[u8; BLOCK]) -> Classes;

    /// Of the classes of a block, its digits.
    #[inline(always)]
    fn digits(block: &[u8; BLOCK]) -> u64 {
        Self::classes(block).digit
    }

    /// Classifies a block that may have escapes.
    fn escapes(block: &[u8; BLOCK]) -> Escapes;

    /// Whether the block at `at` breaks UTF-8, given what stands before it. A character that the
    /// block leaves incomplete is the next block's matter; bytes before the first are taken for
    /// ASCII.
    fn breaks_utf8(bytes: &[u8], at: usize) -> bool;

    /// Each bit the sum, modulo 2, of the bits up to and with it: of quotes, the strings' insides.
    fn prefix_xor(bits: u64) -> u64;

    /// Of each word the bits at which `mask` is set, together at the lower end.
    fn extract<const N: usize>(words: [u64; N], mask: u64) -> [u64; N];

    /// Writes the indices of the bits that are set, each plus `base`, in their order. What is
    /// written behind them is of no meaning.
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]);

    /// Adds a flag to those marks that [`flatten`](Self::flatten) has written for `bits`, at which `flagged` is set.
    #[inline(always)]
    fn flag(mut flagged: u64, bits: u64, flag: u32, marks: &mut [u32; BLOCK]) {
        while flagged != 0 {
            let before = bits & (flagged - 1) & !flagged;
            marks[before.count_ones() as usize % BLOCK] |= flag;
            flagged &= flagged - 1;
        }
    }

    /// Appends the codes of the bytes at which `tokens` is set to the `count` that there are. `code` has those of the block.
    fn push(codes: &mut [u64; CODES], count: usize, block: &[u8; BLOCK], code: [u64; 3], tokens: u64);

    /// The bits of the `word`-th 64 codes, those behind the last being of no meaning.
    fn codes(codes: &[u64; CODES], word: usize) -> [u64; 3];
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
    /// All ones in bytes that are equal, zero in the others.
    fn is(self, other: Self) -> Self;
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
    // Tables of what is looked for by its lower half, which no two of them share. Elsewhere stands what has another one, so
    // that it is not found.
    const WHITE_OR_QUOTE: [u8; 16] = [b' ', 0, b'"', 0, 0, 0, 0, 0, 0, b'\t', b'\n', 0, 0, b'\r', 0, 0];
    const COLON_OR_SQUARE: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, b':', b'[', 0, b']', 0, 0];
    const SEPARATOR_OR_CURLY: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, b':', 0, b',', b'}', 0, 0];
    const BRACKET: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'{', 0, b'}', 0, 0];
    const DIGIT: [u8; 16] = [b'0', b'1', b'2', b'3', b'4', b'5', b'6', b'7', b'8', b'9', 0, 0, 0, 0, 0, 0];
    let mut classes = Classes::default();
    for part in 0..BLOCK / V::LANES {
        let v = V::load(block, part);
        let shift = part * V::LANES;
        let white_or_quote = v.is(v.lookup(V::table(&WHITE_OR_QUOTE)));
        let colon_or_square = v.is(v.lookup(V::table(&COLON_OR_SQUARE)));
        let separator_or_curly = v.is(v.lookup(V::table(&SEPARATOR_OR_CURLY)));
        // `[` and `{`, `]` and `}` differ in one bit.
        let bracket = v.or(V::splat(0x20)).is(v.lookup(V::table(&BRACKET)));
        classes.code[0] |= white_or_quote.or(colon_or_square).high() << shift;
        classes.code[1] |= separator_or_curly.or(v.is(V::splat(b']'))).high() << shift;
        classes.code[2] |= bracket.high() << shift;
        classes.quote |= v.equals(V::splat(b'"')) << shift;
        classes.backslash |= v.equals(V::splat(b'\\')) << shift;
        classes.high |= v.high() << shift;
        classes.control |= v.at_most(V::splat(0x1f)) << shift;
        classes.digit |= v.equals(v.lookup(V::table(&DIGIT))) << shift;
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

// The codes as three rows of bits, each as long as a stretch needs and a word longer.

const ROW: usize = super::STRETCH_BLOCKS + 1;

/// Makes room for the first codes of a stretch.
#[inline(always)]
pub(crate) fn clear(codes: &mut [u64; CODES]) {
    for row in 0..3 {
        codes[row * ROW] = 0;
    }
}

/// [`Kernel::push`] to rows of bits.
#[inline(always)]
pub(crate) fn push<K: Kernel>(codes: &mut [u64; CODES], count: usize, code: [u64; 3], tokens: u64) {
    let (word, shift) = (count / 64, count % 64);
    assert!(word + 1 < ROW, "there is room for a block's codes");
    let bits = K::extract(code, tokens);
    let mut row = 0;
    while row < 3 {
        let at = row * ROW + word;
        // What there is of this word was written with the codes before, be it nothing.
        codes[at] |= bits[row] << shift;
        codes[at + 1] = bits[row] >> 1 >> (63 - shift);
        row += 1;
    }
}

/// [`Kernel::codes`] from rows of bits.
#[inline(always)]
pub(crate) fn codes(codes: &[u64; CODES], word: usize) -> [u64; 3] {
    [codes[word], codes[ROW + word], codes[2 * ROW + word]]
}
