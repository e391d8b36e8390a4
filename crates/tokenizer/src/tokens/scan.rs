//! Scanning a single token, from its first byte to its end, wherever the window ends meanwhile.

use super::{Place, Token, Tokens};
use crate::{
    error::{Error, ErrorKind, Expected, Result},
    number::{self, Number},
    simd,
    text::Text,
};
use std::io::Read;

impl<R: Read> Tokens<R> {
    pub(super) fn literal(&mut self, expected: &[u8], token: Token<'static>) -> Result<Token<'static>> {
        for &byte in expected {
            // Nothing of a literal needs to stay.
            self.token = self.position;
            match self.current()? {
                Some(found) if found == byte => self.position += 1,
                Some(_) => return Err(self.fail(ErrorKind::Unexpected { expected: Expected::Literal })),
                None => return Err(self.fail(ErrorKind::UnexpectedEnd)),
            }
        }
        self.after_value();
        Ok(token)
    }

    pub(super) fn number(&mut self) -> Result<Number<'_>> {
        loop {
            let rest = &self.window.bytes()[self.position..];
            let length = rest.iter().position(|&byte| !number::is_number_byte(byte));
            self.position += length.unwrap_or(rest.len());
            if length.is_some() || !self.more()? {
                break;
            }
        }
        self.check_lengths()?;
        let bytes = &self.window.bytes()[self.token..self.position];
        if let Err(at) = number::check(bytes) {
            let at = self.token + at;
            let at_end = at == self.window.bytes().len();
            return Err(self.fail_at(if at_end { ErrorKind::UnexpectedEnd } else { ErrorKind::InvalidNumber }, at));
        }
        Ok(Number::new(ascii(&self.window.bytes()[self.token..self.position])))
    }

    /// Reads a string from its opening quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'_>> {
        // Most strings are in the window, whole, and nothing in them is escaped.
        let content = self.position + 1;
        let rest = &self.window.bytes()[content..];
        let length = simd::text::plain_length(rest);
        if rest.get(length) == Some(&b'"') && length + 2 <= self.limits.token_bytes_max {
            self.position = content + length + 1;
            return self.text(false);
        }
        self.string_anywhere()
    }

    /// As [`string`](Self::string), without assumptions.
    fn string_anywhere(&mut self) -> Result<Text<'_>> {
        self.position += 1;
        let mut escaped = false;
        loop {
            let bytes = self.window.bytes();
            self.position += simd::text::plain_length(&bytes[self.position..]);
            match bytes.get(self.position) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fail(ErrorKind::ControlCharacter)),
                None => {
                    if !self.more()? {
                        return Err(self.fail(ErrorKind::UnexpectedEnd));
                    }
                }
            }
        }
        self.position += 1;
        self.check_lengths()?;
        self.text(escaped)
    }

    /// The string that has been passed, from its opening to its closing quote.
    #[inline]
    fn text(&mut self, escaped: bool) -> Result<Text<'_>> {
        let content = self.token + 1;
        match simd::text::from_utf8(&self.window.bytes()[content..self.position - 1]) {
            Ok(raw) => Ok(Text::new(raw, escaped)),
            Err(error) => {
                let invalid = (ErrorKind::InvalidUtf8, content + error.valid_up_to());
                let (kind, index) = self.exceeded().unwrap_or(invalid);
                let offset = self.window.offset(index);
                (self.failed, self.place) = (Some((kind, offset)), Place::Failed);
                Err(Error::new(kind, offset))
            }
        }
    }

    /// Passes over an escape sequence from its backslash.
    fn escape(&mut self) -> Result<()> {
        self.position += 1;
        let digits = match self.current()? {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            Some(_) => return Err(self.fail(ErrorKind::InvalidEscape)),
            None => return Err(self.fail(ErrorKind::UnexpectedEnd)),
        };
        self.position += 1;
        for _ in 0..digits {
            match self.current()? {
                Some(byte) if byte.is_ascii_hexdigit() => self.position += 1,
                Some(_) => return Err(self.fail(ErrorKind::InvalidEscape)),
                None => return Err(self.fail(ErrorKind::UnexpectedEnd)),
            }
        }
        Ok(())
    }
}

/// A checked number as text.
#[inline]
fn ascii(bytes: &[u8]) -> &str {
    simd::text::from_utf8(bytes).expect("a number is ASCII")
}
