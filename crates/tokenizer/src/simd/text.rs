//! Bytes to text. Most texts of most documents are short and ASCII, for which the standard
//! library's check costs more in its preparations than in its work.

use std::str::Utf8Error;

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

#[cfg(test)]
mod tests {
    use super::*;

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
