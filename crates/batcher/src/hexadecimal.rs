//! Bytes as text.

/// Two digits per byte, in lower case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_two_digits() {
        for (bytes, expected) in [(&[] as &[u8], ""), (&[0x00, 0x0f, 0xa0, 0xff], "000fa0ff"), (b"Az", "417a")] {
            assert_eq!(hexadecimal(bytes), expected);
        }
    }
}
