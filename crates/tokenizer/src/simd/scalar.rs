//! The scalar twin: eight bytes a step in plain Rust, for processors without known vectors, and for
//! the tests to compare with.

use crate::index::{
    kernel::{BLOCK, Classes, Escapes, Kernel},
    words::Plain,
};

pub(super) struct Scalar;

// What a byte is: four bits of a code, and four bits of their own.
const QUOTE: u8 = 1;
const BACKSLASH: u8 = 2;
const COMMA: u8 = 3;
const COLON: u8 = 4;
const ZERO: u8 = 5;
const BRACKET: u8 = 8;
const OPEN: u8 = 4;
const CURLY: u8 = 2;
const WHITE: u8 = 1 << 4;
const CONTROL: u8 = 1 << 5;
const HIGH: u8 = 1 << 6;
const DIGIT: u8 = 1 << 7;

const fn class(byte: u8) -> u8 {
    match byte {
        b'"' => QUOTE,
        b'\\' => BACKSLASH,
        b',' => COMMA,
        b':' => COLON,
        b'{' => BRACKET | OPEN | CURLY,
        b'[' => BRACKET | OPEN,
        b'}' => BRACKET | CURLY,
        b']' => BRACKET,
        b'0' => ZERO | DIGIT,
        b'1'..=b'9' => DIGIT,
        b' ' => WHITE,
        b'\t' | b'\n' | b'\r' => WHITE | CONTROL,
        0..0x20 => CONTROL,
        0x80.. => HIGH,
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

#[inline(always)]
pub(super) fn extract(bits: u64, mut mask: u64) -> u64 {
    let (mut extracted, mut to) = (0, 0);
    while mask != 0 {
        extracted |= (bits >> mask.trailing_zeros() & 1) << to;
        mask &= mask - 1;
        to += 1;
    }
    extracted
}

#[inline(always)]
pub(super) fn deposit(bits: u64, mut mask: u64) -> u64 {
    let (mut deposited, mut from) = (0, 0);
    while mask != 0 {
        deposited |= (bits >> from & 1) << mask.trailing_zeros();
        mask &= mask - 1;
        from += 1;
    }
    deposited
}

impl Kernel for Scalar {
    type Group = Plain;

    #[inline(always)]
    fn classes(block: &[u8; BLOCK]) -> Classes {
        let [one, two, four, bracket, white, control, high, digit] = planes(block, &CLASSES);
        let other = !bracket;
        Classes {
            quote: other & !four & !two & one,
            backslash: other & !four & two & !one,
            open: bracket & four,
            close: bracket & !four,
            curly: two,
            comma: other & !four & two & one,
            colon: other & four & !one,
            white,
            control,
            high,
            digit,
            zero: other & four & one,
        }
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
    fn extract(bits: u64, mask: u64) -> u64 {
        extract(bits, mask)
    }

    #[inline(always)]
    fn deposit(bits: u64, mask: u64) -> u64 {
        deposit(bits, mask)
    }

    #[inline(always)]
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
        flatten(bits, base, marks);
    }
}
