//! Text in bytes. Most texts of most documents are short and ASCII, for which the standard
//! library's check costs more in its preparations than in its work.

use std::str::Utf8Error;

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
