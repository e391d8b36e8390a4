//! Text in bytes. Most texts of most documents are short and ASCII, for which the standard
//! library's check costs more in its preparations than in its work.

use std::{mem::MaybeUninit, str::Utf8Error};

/// The bytes as text. They must be known to be UTF-8: the inside of a string, a number, or a whole
/// value that the index or the reading byte by byte has found to be right.
#[inline(always)]
pub(crate) fn known(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok(), "only what was checked is text");
    // SAFETY: all callers are in `tokens`, directly or by `marked`; they hand on what lies between two marks, or between the
    // ends of two tokens that were read, in a window that has not changed since. Marks are only made
    // of blocks whose UTF-8 was checked, and tokens read byte by byte are checked by `from_utf8`.
    // Both cut at ASCII bytes.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

/// The bytes as text, if they are UTF-8.
#[inline]
pub(crate) fn from_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    if is_ascii(bytes) {
        // SAFETY: all bytes are below 0x80, as has just been checked, and any sequence of such
        // bytes is valid UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes)
}

/// Whether all bytes are below 0x80.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a word is eight bytes"));
    if bytes.len() < 8 {
        return bytes.iter().fold(0, |seen, byte| seen | byte) < 0x80;
    }
    // The last word overlaps the one before where the length is no multiple of eight.
    let last = word(&bytes[bytes.len() - 8..]);
    bytes.chunks_exact(8).fold(last, |seen, chunk| seen | word(chunk)) & HIGHS == 0
}

/// How many bytes from the start stand in a string for themselves: up to a quote, a backslash or a
/// control character, eight bytes a step.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Sets the high bit of each byte that is zero; bytes above the lowest such may be marked
    // wrongly, which does not matter, since only the lowest is looked at.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut length = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks are of eight bytes"));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = control | zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    length + bytes[length..].iter().position(is_special).unwrap_or(bytes.len() - length)
}

/// Writes a text without its escapes over `out`; they must be known to be right. Gives how many lone surrogates
/// became U+FFFD.
pub(crate) fn unescape(raw: &str, out: &mut String) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let raw = raw.as_bytes();
    out.clear();
    // No escape is shorter than what it stands for, and a word is written where fewer bytes may be left.
    out.reserve(raw.len() + WORD);
    // SAFETY: what is written below is UTF-8: stretches of `raw` between escapes, which are ASCII, and characters.
    let out = unsafe { out.as_mut_vec() };
    let room = out.spare_capacity_mut();
    let (mut from, mut to, mut replaced) = (0, 0, 0);
    while from < raw.len() {
        if raw[from] != b'\\' {
            let length = match raw[from..].first_chunk() {
                Some(bytes) => {
                    let word = u64::from_le_bytes(*bytes) ^ (ONES * u64::from(b'\\'));
                    // The lowest byte found is right, as in `plain_length`.
                    let found = word.wrapping_sub(ONES) & !word & HIGHS;
                    write(room, to, *bytes);
                    if found == 0 { WORD } else { found.trailing_zeros() as usize / 8 }
                }
                None => {
                    write(room, to, [raw[from]]);
                    1
                }
            };
            (from, to) = (from + length, to + length);
            continue;
        }
        let letter = raw[from + 1];
        if letter != b'u' {
            write(room, to, [ESCAPED[usize::from(letter)]]);
            (from, to) = (from + 2, to + 1);
            continue;
        }
        let mut character = code_unit(raw, from);
        from += 6;
        if character & 0xf800 == 0xd800 {
            let second = if character < 0xdc00 && raw[from..].starts_with(b"\\u") { code_unit(raw, from) } else { 0 };
            if second & 0xfc00 == 0xdc00 {
                character = 0x10000 + ((character & 0x3ff) << 10 | second & 0x3ff);
                from += 6;
            } else {
                character = 0xfffd;
                replaced += 1;
            }
        }
        // As much as the longest character has is written, whatever its length.
        let part = |shift: u32| (character >> shift) as u8 & 0x3f | 0x80;
        let (bytes, length) = match character {
            ..0x80 => ([character as u8, 0, 0, 0], 1),
            0x80..0x800 => ([(character >> 6) as u8 | 0xc0, part(0), 0, 0], 2),
            0x800..0x1_0000 => ([(character >> 12) as u8 | 0xe0, part(6), part(0), 0], 3),
            _ => ([(character >> 18) as u8 | 0xf0, part(12), part(6), part(0)], 4),
        };
        write(room, to, bytes);
        to += length;
    }
    // SAFETY: so many bytes have been written, none of them behind what is reserved.
    unsafe { out.set_len(to) };
    replaced
}

const WORD: usize = 8;

/// Writes bytes that there must be room for.
#[inline(always)]
fn write<const N: usize>(room: &mut [MaybeUninit<u8>], at: usize, bytes: [u8; N]) {
    room[at..at + N].copy_from_slice(&bytes.map(MaybeUninit::new));
}

/// The code unit of the escape `\uXXXX` that starts at `at`.
#[inline(always)]
fn code_unit(raw: &[u8], at: usize) -> u32 {
    let digit = |place: usize| u32::from(HEX[usize::from(raw[at + 2 + place])]);
    digit(0) << 12 | digit(1) << 8 | digit(2) << 4 | digit(3)
}

/// The values of hexadecimal digits.
static HEX: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            digit @ b'A'..=b'F' => digit - b'A' + 10,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// What a letter behind a backslash stands for; most for themselves.
static ESCAPED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            itself => itself,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_length_stops_at_every_special_byte() {
        for length in 0..40 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                let mut bytes = vec![0xe9; length];
                bytes.push(special);
                bytes.extend([b'"', 0, 0x1f, b' ', 0xff, 0x80, b'a', b'\\']);
                assert_eq!(plain_length(&bytes), length, "{special}");
            }
            assert_eq!(plain_length(&vec![b' '; length]), length);
        }
    }

    #[test]
    fn it_says_what_the_standard_library_says() {
        for length in 0..40 {
            let plain = vec![b'a'; length];
            assert_eq!(from_utf8(&plain), std::str::from_utf8(&plain));
            for at in 0..length {
                for other in [0, 0x7f, 0x80, 0xc3, 0xff] {
                    let mut bytes = plain.clone();
                    bytes[at] = other;
                    assert_eq!(from_utf8(&bytes), std::str::from_utf8(&bytes), "{other:#x} at {at} of {length}");
                    if at + 1 < length {
                        bytes[at + 1] = 0xa9;
                        assert_eq!(from_utf8(&bytes), std::str::from_utf8(&bytes), "{other:#x} at {at} of {length}");
                    }
                }
            }
        }
    }
}
