//! Strings and member names: borrowed as they stand, decoded only where asked and only where
//! escaped.

use crate::simd;

/// A string or a member name, for as long as the window stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'w> {
    /// What stands between the quotes: valid UTF-8 with valid escapes.
    raw: &'w str,
    escaped: bool,
}

/// A decoded [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'s> {
    /// The string's characters.
    pub text: &'s str,
    /// How many lone surrogate escapes became U+FFFD, since no UTF-8 can hold them.
    pub replaced: u32,
}

impl<'w> Text<'w> {
    #[inline]
    pub(crate) fn new(raw: &'w str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// What stands between the quotes, escapes and all.
    #[inline]
    pub fn text(self) -> &'w str {
        self.raw
    }

    /// Whether there is any escape, so that decoding makes a difference.
    #[inline]
    pub fn is_escaped(self) -> bool {
        self.escaped
    }

    /// The decoded string's characters.
    pub(crate) fn characters(self) -> impl Iterator<Item = char> + 'w {
        Characters::new(self.raw)
    }

    /// Whether the decoded string equals `expected`; costs a comparison of bytes where nothing is
    /// escaped.
    #[inline]
    pub fn is(self, expected: &str) -> bool {
        if self.escaped { Characters::new(self.raw).eq(expected.chars()) } else { self.raw == expected }
    }

    /// The decoded string: borrowed from the window where nothing is escaped, else written over
    /// `scratch`.
    #[inline(always)]
    pub fn decode<'s>(self, scratch: &'s mut String) -> Decoded<'s>
    where
        'w: 's,
    {
        if self.escaped { decode(self.raw, scratch) } else { Decoded { text: self.raw, replaced: 0 } }
    }
}

#[inline(never)]
fn decode<'s>(raw: &str, scratch: &'s mut String) -> Decoded<'s> {
    let replaced = simd::text::unescape(raw, scratch);
    Decoded { text: scratch, replaced }
}

/// The characters of a string whose escapes are known to be valid.
struct Characters<'w> {
    rest: &'w str,
    replaced: u32,
}

impl<'w> Characters<'w> {
    fn new(raw: &'w str) -> Self {
        Self { rest: raw, replaced: 0 }
    }

    /// The code unit of a `\uXXXX` at the start of the rest, which is then dropped from it.
    fn code_unit(&mut self) -> Option<u16> {
        let digits = self.rest.strip_prefix("\\u")?.get(..4)?;
        let unit = u16::from_str_radix(digits, 16).ok()?;
        self.rest = &self.rest[6..];
        Some(unit)
    }

    fn unicode(&mut self) -> Option<char> {
        let unit = self.code_unit()?;
        if let Some(character) = char::from_u32(u32::from(unit)) {
            return Some(character);
        }
        let after_first = self.rest;
        if unit < 0xdc00
            && let Some(second) = self.code_unit()
        {
            if let Some(Ok(pair)) = char::decode_utf16([unit, second]).next() {
                return Some(pair);
            }
            // What follows is a character of its own.
            self.rest = after_first;
        }
        self.replaced += 1;
        Some(char::REPLACEMENT_CHARACTER)
    }
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let first = characters.next()?;
        if first != '\\' {
            self.rest = characters.as_str();
            return Some(first);
        }
        let escaped = match characters.next()? {
            'u' => return self.unicode(),
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            itself => itself,
        };
        self.rest = characters.as_str();
        Some(escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_escape() {
        for (raw, decoded, replaced) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t", 0),
            (r"a\u0041\u00e9\u4e2d", "aAé中", 0),
            (r"\ud83d\uDE00!", "😀!", 0),
            (r"\ud800", "\u{fffd}", 1),
            (r"\udc00\ud800", "\u{fffd}\u{fffd}", 2),
            (r"\ud800A", "\u{fffd}A", 1),
            (r"\ud800\ud83d\ude00", "\u{fffd}😀", 1),
            (r"\ud800\n", "\u{fffd}\n", 1),
            (r"é\u0000é", "é\0é", 0),
        ] {
            let text = Text::new(raw, true);
            let mut scratch = String::from("old");
            assert_eq!(text.decode(&mut scratch), Decoded { text: decoded, replaced }, "{raw}");
            assert!(text.is(decoded), "{raw}");
            assert!(!text.is("other"), "{raw}");
        }
    }

    #[test]
    fn borrows_what_is_not_escaped() {
        let raw = String::from("plain é");
        let mut scratch = String::new();
        let decoded = Text::new(&raw, false).decode(&mut scratch).text;
        assert_eq!(decoded.as_ptr(), raw.as_ptr());
    }
}
