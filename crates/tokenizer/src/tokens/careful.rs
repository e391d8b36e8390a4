//! Reading byte by byte, and all errors.
//!
//! The tokenizer is a small machine. [`Place`] says what the grammar allows next, [`Nesting`] which
//! container is open. Each pull first settles what stands between tokens (white space, comma,
//! colon), then reads one token:
//!
//! ```text
//! next_byte: loop { skip white space
//!                   after a value: a comma moves to Key or Value and loops; a bracket is a token
//!                   after a key:   a colon moves to Value and loops
//!                   else:          the byte starts a token }
//! pull:      by that byte, scan to the token's end, and lend it out
//! ```
//!
//! Scanning works on indices into the window. Where it reaches the end of the bytes held, it calls
//! [`Tokens::more`], which slides the window and adjusts all indices; slices are taken only once
//! the token is whole. So the result cannot depend on how the input was cut.
//!
//! [`Nesting`]: crate::nesting::Nesting

use super::{Limits, Next, Place, Token, Tokens};
use crate::error::{Error, ErrorKind, Expected, Result};
use std::io::Read;

impl<R: Read> Tokens<R> {
    pub(super) fn pull_carefully(&mut self) -> Result<Option<Token<'_>>> {
        let Some(byte) = self.next_byte()? else { return Ok(None) };
        self.offset = self.window.offset(self.position);
        match (self.place, byte) {
            (Place::FirstKey | Place::Key, b'"') => {
                self.place = Place::Colon;
                self.string().map(|text| Some(Token::Key(text)))
            }
            (Place::FirstKey | Place::AfterValue, b'}') => {
                self.close();
                Ok(Some(Token::ObjectEnd))
            }
            (Place::FirstValue | Place::AfterValue, b']') => {
                self.close();
                Ok(Some(Token::ArrayEnd))
            }
            (Place::Root | Place::Value | Place::FirstValue, _) => self.value(byte).map(Some),
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn peek_carefully(&mut self) -> Result<Next> {
        let Some(byte) = self.next_byte()? else { return Ok(Next::Eof) };
        Ok(match (self.place, byte) {
            (Place::FirstKey | Place::Key, b'"') => Next::Key,
            (Place::FirstKey | Place::AfterValue, b'}') | (Place::FirstValue | Place::AfterValue, b']') => Next::End,
            (Place::Root | Place::Value | Place::FirstValue, _) => match byte {
                b'{' => Next::Object,
                b'[' => Next::Array,
                b'"' => Next::String,
                b'-' | b'0'..=b'9' => Next::Number,
                b't' | b'f' => Next::Bool,
                b'n' => Next::Null,
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        })
    }

    /// Settles what stands between tokens; the byte that then comes next starts a token (or is
    /// none that may stand there). None at the end of the document.
    pub(super) fn next_byte(&mut self) -> Result<Option<u8>> {
        self.settle();
        self.index.clear();
        if let Some((kind, offset)) = self.failed {
            return Err(Error::new(kind, offset));
        }
        loop {
            self.token = self.position;
            let Some(byte) = self.skip_white_space()? else {
                return if self.place == Place::Done { Ok(None) } else { Err(self.fail(ErrorKind::UnexpectedEnd)) };
            };
            self.token = self.position;
            match (self.place, byte) {
                (Place::AfterValue, b',') => {
                    self.position += 1;
                    self.place = if self.nesting.in_object() { Place::Key } else { Place::Value };
                }
                (Place::AfterValue, b'}') if self.nesting.in_object() => return Ok(Some(byte)),
                (Place::AfterValue, b']') if !self.nesting.in_object() => return Ok(Some(byte)),
                (Place::Colon, b':') => {
                    self.position += 1;
                    self.place = Place::Value;
                }
                (Place::AfterValue | Place::Colon, _) => return Err(self.unexpected()),
                (Place::Done, _) => return Err(self.fail(ErrorKind::TrailingData)),
                (Place::Root, 0xef) if self.window.offset(self.position) == 0 => self.byte_order_mark()?,
                _ => return Ok(Some(byte)),
            }
        }
    }

    /// Moves to the next byte that is not white space.
    #[inline]
    fn skip_white_space(&mut self) -> Result<Option<u8>> {
        loop {
            let rest = &self.window.bytes()[self.position..];
            if let Some(length) = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                self.position += length;
                return Ok(Some(rest[length]));
            }
            self.position += rest.len();
            self.token = self.position;
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// A UTF-8 byte-order mark is allowed at the very start.
    fn byte_order_mark(&mut self) -> Result<()> {
        for expected in [0xef, 0xbb, 0xbf] {
            self.token = self.position;
            match self.current()? {
                Some(found) if found == expected => self.position += 1,
                Some(_) => return Err(self.unexpected()),
                None => return Err(self.fail(ErrorKind::UnexpectedEnd)),
            }
        }
        Ok(())
    }

    fn value(&mut self, byte: u8) -> Result<Token<'_>> {
        match byte {
            b'"' => {
                self.after_value();
                self.string().map(Token::String)
            }
            b'{' => {
                self.open(true)?;
                self.place = Place::FirstKey;
                Ok(Token::ObjectStart)
            }
            b'[' => {
                self.open(false)?;
                self.place = Place::FirstValue;
                Ok(Token::ArrayStart)
            }
            b'-' | b'0'..=b'9' => {
                self.after_value();
                self.number().map(Token::Number)
            }
            b't' => self.literal(b"true", Token::Bool(true)),
            b'f' => self.literal(b"false", Token::Bool(false)),
            b'n' => self.literal(b"null", Token::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn open(&mut self, object: bool) -> Result<()> {
        if !self.nesting.open(object) {
            return Err(self.fail(ErrorKind::TooDeep { limit: self.nesting.depth_max() }));
        }
        self.depth = self.nesting.depth();
        self.position += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.position += 1;
        self.nesting.close();
        self.depth = self.nesting.depth();
        self.after_value();
    }

    pub(super) fn after_value(&mut self) {
        self.place = if self.nesting.depth() == 0 { Place::Done } else { Place::AfterValue };
    }

    /// The byte at the position, read on if need be; none at the end of the stream.
    pub(super) fn current(&mut self) -> Result<Option<u8>> {
        if self.position == self.window.bytes().len() && !self.more()? {
            return Ok(None);
        }
        Ok(Some(self.window.bytes()[self.position]))
    }

    /// Reads on, keeping what the token and the held value still need, and a little before that for a
    /// picture. All bytes in the window have been passed when this is called. False at the end of the stream.
    #[cold]
    pub(super) fn more(&mut self) -> Result<bool> {
        self.check_lengths()?;
        let needed = self.hold.unwrap_or(self.token);
        let keep = needed.saturating_sub(self.window.before_max());
        let slid = self.window.slide(keep);
        self.index.slide(keep);
        self.position -= keep;
        self.token -= keep;
        self.hold = self.hold.map(|hold| hold - keep);
        slid.map_err(|error| {
            let offset = self.window.offset(self.window.bytes().len());
            (self.failed, self.place) = (Some((ErrorKind::Read, offset)), Place::Failed);
            Error::read(error, offset)
        })
    }

    /// Checks the limits against what has been passed.
    pub(super) fn check_lengths(&mut self) -> Result<()> {
        match self.exceeded() {
            None => Ok(()),
            Some((kind, from)) => Err(self.fail_at(kind, from)),
        }
    }

    /// The limit that the bytes passed exceed, the one that was exceeded first, and the index of
    /// the start of what is too long. It is asked wherever the input may have been cut and before
    /// each error, so that an error depends on the bytes alone: behind a limit nobody looks.
    #[inline]
    pub(super) fn exceeded(&self) -> Option<(ErrorKind, usize)> {
        let Limits { token_bytes_max, raw_bytes_max, .. } = self.limits;
        let token_end = self.token.saturating_add(token_bytes_max);
        if let Some(hold) = self.hold {
            let raw_end = hold.saturating_add(raw_bytes_max);
            if self.position > raw_end && raw_end < token_end {
                return Some((ErrorKind::RawTooLong { limit: raw_bytes_max }, hold));
            }
        }
        (self.position > token_end).then_some((ErrorKind::TokenTooLong { limit: token_bytes_max }, self.token))
    }

    /// The error of a byte that the grammar does not allow at this place.
    fn unexpected(&mut self) -> Error {
        let in_object = self.nesting.in_object();
        let expected = match self.place {
            Place::FirstKey => Expected::KeyOrObjectEnd,
            Place::Key => Expected::Key,
            Place::Colon => Expected::Colon,
            Place::FirstValue => Expected::ValueOrArrayEnd,
            Place::AfterValue if in_object => Expected::CommaOrObjectEnd,
            Place::AfterValue => Expected::CommaOrArrayEnd,
            Place::Root | Place::Value | Place::Done | Place::Failed => Expected::Value,
        };
        self.fail(ErrorKind::Unexpected { expected })
    }

    /// An error at the position, which ends the document; unless a limit was exceeded before.
    #[cold]
    pub(super) fn fail(&mut self, kind: ErrorKind) -> Error {
        let (kind, at) = self.exceeded().unwrap_or((kind, self.position));
        self.fail_at(kind, at)
    }

    /// An error at the byte at this index, which ends the document.
    #[cold]
    pub(super) fn fail_at(&mut self, kind: ErrorKind, index: usize) -> Error {
        self.position = index;
        let offset = self.window.offset(index);
        (self.failed, self.place) = (Some((kind, offset)), Place::Failed);
        Error::new(kind, offset)
    }
}
