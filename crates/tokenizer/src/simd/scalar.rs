//! The scalar twin: eight bytes a step in plain Rust, for processors without known vectors, and for
//! the tests to compare with.

use crate::index::kernel::{self, BLOCK, CODES, Classes, Escapes, Kernel};

pub(super) struct Scalar;

// Bits of a byte's class beside the three of its code.
pub(super) const DIGIT: u8 = 1 << 3;
pub(super) const ZERO: u8 = 1 << 4;
pub(super) const CONTROL: u8 = 1 << 5;
pub(super) const QUOTE: u8 = 1 << 6;
/// With this bit alone it is a backslash, and with [`ZERO`] a byte from 0x80 up.
pub(super) const BACKSLASH: u8 = 1 << 7;
const HIGH: u8 = BACKSLASH | ZERO;

pub(super) const fn class(byte: u8) -> u8 {
    match byte {
        b' ' => 1,
        b'\t' | b'\n' | b'\r' => 1 | CONTROL,
        b'"' => 1 | QUOTE,
        b',' => 2,
        b':' => 3,
        b'{' => 4,
        b'[' => 5,
        b'}' => 6,
        b']' => 7,
        b'\\' => BACKSLASH,
        0x80.. => HIGH,
        b'0' => DIGIT | ZERO,
        b'1'..=b'9' => DIGIT,
        0..0x20 => CONTROL,
        _ => 0,
    }
}

/// Bits of a byte spread over a word, the n-th to the lowest bit of the n-th byte.
const fn spread(byte: u8) -> u64 {
    let (mut word, mut n) = (0, 0);
    while n < 8 {
        word |= (byte as u64 >> n & 1) << (8 * n);
        n += 1;
    }
    word
}

/// [`class`] of each byte, spread.
static CLASSES: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = spread(class(byte as u8));
        byte += 1;
    }
    table
};

/// Of eight flags a byte, a word for each flag with a bit for each byte of the block.
#[inline(always)]
fn planes(block: &[u8; BLOCK], table: &[u64; 256]) -> [u64; 8] {
    let mut planes = [[0; 8]; 8];
    let (words, _) = block.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // Shifted by their places, the spread classes of eight bytes interleave.
        let mut joined = 0;
        for (place, &byte) in word.iter().enumerate() {
            joined |= table[usize::from(byte)] << place;
        }
        for (plane, bits) in joined.to_le_bytes().into_iter().enumerate() {
            planes[plane][at] = bits;
        }
    }
    planes.map(u64::from_le_bytes)
}

#[inline(always)]
pub(super) fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[inline(always)]
pub(super) fn flatten(mut bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
    for mark in marks {
        if bits == 0 {
            return;
        }
        *mark = base + bits.trailing_zeros();
        bits &= bits - 1;
    }
}

/// Bits are moved by powers of two, as far as there are bits between them that are not set in the mask
/// (Warren, "Hacker's Delight", 7-4).
#[inline(always)]
pub(super) fn extract<const N: usize>(mut words: [u64; N], mut mask: u64) -> [u64; N] {
    for word in &mut words {
        *word &= mask;
    }
    let mut gaps = !mask << 1;
    for shift in [1, 2, 4, 8, 16, 32] {
        let parity = prefix_xor(gaps);
        let moving = parity & mask;
        mask = mask ^ moving | moving >> shift;
        for word in &mut words {
            let moved = *word & moving;
            *word = *word ^ moved | moved >> shift;
        }
        gaps &= !parity;
    }
    words
}

impl Kernel for Scalar {
    #[inline(always)]
    fn classes(block: &[u8; BLOCK]) -> Classes {
        let [code_0, code_1, code_2, digit, zero, control, quote, other] = planes(block, &CLASSES);
        let code = [code_0, code_1, code_2];
        Classes { quote, code, control, digit, zero: zero & !other, backslash: other & !zero, high: other & zero }
    }

    #[inline(always)]
    fn digits(block: &[u8; BLOCK]) -> u64 {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let mut digits = [0; 8];
        for (bits, word) in digits.iter_mut().zip(block.as_chunks::<8>().0) {
            let value = u64::from_le_bytes(*word) ^ (b'0' as u64 * ONES);
            // Above nine or not seven bits, the top bit of a byte is set by adding, or is set already.
            let others = ((value & (0x7f * ONES)) + (0x76 * ONES)) | value;
            // The top bits of eight bytes come together in the top byte, that of the first as its lowest.
            *bits = ((!others >> 7 & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
        }
        u64::from_le_bytes(digits)
    }

    #[inline(always)]
    fn escapes(block: &[u8; BLOCK]) -> Escapes {
        static TABLE: [u64; 256] = {
            let mut table = [0; 256];
            let mut byte = 0;
            while byte < 256 {
                let letter = matches!(byte as u8, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') as u8;
                let u = (byte as u8 == b'u') as u8;
                let hex = (byte as u8).is_ascii_hexdigit() as u8;
                table[byte] = spread(letter | u << 1 | hex << 2);
                byte += 1;
            }
            table
        };
        let [letter, u, hex, ..] = planes(block, &TABLE);
        Escapes { letter, u, hex }
    }

    #[inline(always)]
    fn breaks_utf8(bytes: &[u8], at: usize) -> bool {
        // A character that reaches into the block starts at most three bytes before it.
        let before = &bytes[at.saturating_sub(3)..at];
        let reaching = before.iter().rev().position(|&byte| byte >= 0xc0).map_or(0, |back| back + 1);
        // One that is incomplete at the end is the next block's matter.
        std::str::from_utf8(&bytes[at - reaching..at + BLOCK]).is_err_and(|error| error.error_len().is_some())
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        prefix_xor(bits)
    }

    #[inline(always)]
    fn extract<const N: usize>(words: [u64; N], mask: u64) -> [u64; N] {
        extract(words, mask)
    }

    #[inline(always)]
    fn push(codes: &mut [u64; CODES], count: usize, _: &[u8; BLOCK], code: [u64; 3], tokens: u64) {
        kernel::push::<Self>(codes, count, code, tokens);
    }

    #[inline(always)]
    fn codes(codes: &[u64; CODES], word: usize) -> [u64; 3] {
        kernel::codes(codes, word)
    }

    #[inline(always)]
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
        flatten(bits, base, marks);
    }
}
