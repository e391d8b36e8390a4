//! Numbers: checked where they stand, parsed only where asked.

/// A number as it stands in the document, for as long as the window stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'w> {
    text: &'w str,
}

impl<'w> Number<'w> {
    #[inline]
    pub(crate) fn new(text: &'w str) -> Self {
        Self { text }
    }

    /// The number if `text` is exactly one by the grammar of RFC 8259.
    ///
    /// ```
    /// use apsides_tokenizer::Number;
    /// assert!(Number::parse("-1.5e3").is_some());
    /// assert!(Number::parse("01").is_none());
    /// ```
    pub fn parse(text: &'w str) -> Option<Self> {
        check(text.as_bytes()).is_ok().then_some(Self { text })
    }

    /// The text, byte for byte.
    #[inline]
    pub fn text(self) -> &'w str {
        self.text
    }

    /// The value, if it is written without fraction and exponent and fits.
    #[inline]
    pub fn to_i64(self) -> Option<i64> {
        let text = self.text.as_bytes();
        let (is_negative, digits) = match text.split_first() {
            Some((b'-', digits)) => (true, digits),
            _ => (false, text),
        };
        if digits.len() > SAFE_DIGITS {
            // The grammar's integers are a subset of what `i64` parses; a fraction or exponent fails.
            return self.text.parse().ok();
        }
        let magnitude = unsigned(digits)? as i64;
        Some(if is_negative { -magnitude } else { magnitude })
    }

    /// The nearest double, ties to even; infinite where none is near.
    pub fn to_f64(self) -> f64 {
        // The grammar's numbers are a subset of what `f64` parses; the standard library rounds
        // correctly.
        self.text.parse().unwrap_or(f64::NAN)
    }
}

/// So many digits fit in an `i64`, whatever they are.
const SAFE_DIGITS: usize = 18;

/// The value of at most [`SAFE_DIGITS`] digits; none if something else is among them.
#[inline]
fn unsigned(digits: &[u8]) -> Option<u64> {
    let (eights, rest) = digits.as_chunks::<8>();
    let mut value = 0;
    for eight in eights {
        value = value * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?;
    }
    if let Some(last) = digits.last_chunk() {
        // The rest together with digits before it, which are zeros here.
        let known = u64::MAX.checked_shl(64 - 8 * rest.len() as u32).unwrap_or(0);
        let rest_of = eight_digits(u64::from_le_bytes(*last) & known | ZEROS & !known)?;
        return Some(value * POWERS[rest.len()] + rest_of);
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Eight times `0`.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// Of ten.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The value of eight digits, the first in the lowest byte: neighbours are joined three times, all
/// pairs at once (Lemire, "Number parsing at a gigabyte per second", 2021).
#[inline]
fn eight_digits(text: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let digits = text ^ (b'0' as u64 * ONES);
    // Above nine or not seven bits, a byte's upper half is set by adding six or is set already.
    if (digits | digits.wrapping_add(6 * ONES)) & (0xf0 * ONES) != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// Bytes that can stand in a number.
#[inline]
pub(crate) fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Whether `text` is a number, `true`, `false` or `null`.
#[inline]
pub(crate) fn is_scalar(text: &[u8]) -> bool {
    match text.first() {
        Some(b't') => text == b"true",
        Some(b'f') => text == b"false",
        Some(b'n') => text == b"null",
        _ => check(text).is_ok(),
    }
}

/// Checks that `text` is a number; else the index of the first byte that breaks the grammar, which
/// is the length where something is missing at the end.
pub(crate) fn check(text: &[u8]) -> Result<(), usize> {
    let digits = |from: usize| from + text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    at = match text.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => digits(at),
        _ => return Err(at),
    };
    if text.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(fraction);
        if at == fraction {
            return Err(at);
        }
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        let exponent = at;
        at = digits(exponent);
        if at == exponent {
            return Err(at);
        }
    }
    if at == text.len() { Ok(()) } else { Err(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_the_grammar() {
        for good in ["0", "-0", "10", "1.5", "-0.0", "1e5", "1E+5", "1.25e-7", "123456789012345678901"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for (bad, at) in [
            ("", 0),
            ("-", 1),
            ("01", 1),
            ("-01", 2),
            ("+1", 0),
            (".5", 0),
            ("1.", 2),
            ("1.e5", 2),
            ("1e", 2),
            ("1e+", 3),
            ("1-2", 1),
            ("1.2.3", 3),
            ("1e5.0", 3),
        ] {
            assert_eq!(check(bad.as_bytes()), Err(at), "{bad}");
        }
    }

    #[test]
    fn parses_exactly() {
        let number = |text| Number::parse(text).expect(text);
        for text in ["0", "7", "12345678", "-12345678", "1234567890123", "99999999999999999", "999999999999999999"] {
            assert_eq!(number(text).to_i64(), text.parse().ok(), "{text}");
        }
        for length in 1..=18 {
            let text = &"987654321012345678"[..length];
            assert_eq!(number(text).to_i64(), text.parse().ok(), "{text}");
            // Whatever is no digit, wherever it is.
            for at in 1..length {
                for other in ['.', '/', ':', 'e', '\u{f}', 'p'] {
                    let text = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    assert_eq!(Number::new(&text).to_i64(), None, "{text}");
                }
            }
        }
        for text in ["1234567.8", "1.2345678", "123456789e1", "12345678.90123456", "1e5", "-1E7", "1234567e"] {
            assert_eq!(Number::new(text).to_i64(), None, "{text}");
        }
        assert_eq!(number("-9223372036854775808").to_i64(), Some(i64::MIN));
        assert_eq!(number("9223372036854775808").to_i64(), None);
        assert_eq!(number("-0").to_i64(), Some(0));
        assert_eq!(number("1.0").to_i64(), None);
        assert_eq!(number("0.1").to_f64(), 0.1);
        assert_eq!(number("9007199254740993").to_f64(), 9007199254740992.0);
        assert!(number("1e400").to_f64().is_infinite());
    }
}
