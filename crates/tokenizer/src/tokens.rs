//! The pull interface: grammar and scanning over the window.
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

mod scan;

use crate::{
    error::{Error, ErrorKind, Expected, Result},
    nesting::Nesting,
    number::Number,
    text::Text,
    window::Window,
};
use std::io::Read;

/// A unit of the document. It borrows the window and is gone at the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'w> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of a member, whose value comes next.
    Key(Text<'w>),
    /// A string.
    String(Text<'w>),
    /// A number.
    Number(Number<'w>),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

/// What comes next, told by its first byte; see [`Tokens::peek`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string that is a value.
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
    /// The name of a member.
    Key,
    /// The end of the open array or object.
    End,
    /// The end of the document.
    Eof,
}

/// Bounds of the tokenizer's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The window's usual size in bytes. Default 256 KiB: it stays in a core's cache.
    pub window_bytes: usize,
    /// The longest string or number in bytes as written, quotes included. The window grows up to
    /// it for such a token, and shrinks again. Default 64 MiB.
    pub token_bytes_max: usize,
    /// The longest value that [`Tokens::raw`] hands out, in bytes. Default 64 MiB.
    pub raw_bytes_max: usize,
    /// How many containers may be open at once. Default 1,024.
    pub depth_max: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { window_bytes: 256 << 10, token_bytes_max: 64 << 20, raw_bytes_max: 64 << 20, depth_max: 1024 }
    }
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The document's only value, perhaps behind a byte-order mark.
    Root,
    /// After `{`.
    FirstKey,
    /// After a comma in an object.
    Key,
    /// After a member's name.
    Colon,
    /// After a colon, or after a comma in an array.
    Value,
    /// After `[`.
    FirstValue,
    /// After a value inside a container.
    AfterValue,
    /// After the document's value.
    Done,
    /// After an error.
    Failed,
}

/// A tokenizer over a reader.
pub struct Tokens<R> {
    window: Window<R>,
    /// Index in the window of the next unread byte.
    position: usize,
    /// Index of the first byte of the token being read; the same as `position` between tokens.
    token: usize,
    /// Index of the first byte of the value that `raw` collects. Bytes from here on stay.
    hold: Option<usize>,
    place: Place,
    nesting: Nesting,
    limits: Limits,
    /// The error that ended the document, to be told again.
    failed: Option<(ErrorKind, u64)>,
    /// Offset in the stream of the last token lent out.
    offset: u64,
}

impl<R: Read> Tokens<R> {
    /// A tokenizer with the default [`Limits`].
    pub fn new(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// A tokenizer with limits of its own.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self {
            window: Window::new(reader, limits.window_bytes, limits.token_bytes_max.max(limits.raw_bytes_max)),
            position: 0,
            token: 0,
            hold: None,
            place: Place::Root,
            nesting: Nesting::new(limits.depth_max),
            limits,
            failed: None,
            offset: 0,
        }
    }

    /// The next token; none after the document's end, which is then known to be its end: only
    /// white space followed.
    pub fn pull(&mut self) -> Result<Option<Token<'_>>> {
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

    /// What the next [`pull`](Self::pull) will give, without reading it. The first byte tells, so
    /// what is promised may still turn out to be malformed.
    pub fn peek(&mut self) -> Result<Next> {
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

    /// Enters the next value if it is an object: the same as pulling its
    /// [`Token::ObjectStart`]. If it is anything else, nothing is read.
    #[inline]
    pub fn enter_object(&mut self) -> Result<bool> {
        let is_object = self.next_byte()? == Some(b'{') && self.at_value();
        if is_object {
            self.pull()?;
        }
        Ok(is_object)
    }

    /// The next token if it is a scalar: a string that is a value, a number, `true`, `false` or
    /// `null`. If it is anything else, nothing is read.
    #[inline]
    pub fn scalar(&mut self) -> Result<Option<Token<'_>>> {
        match self.next_byte()? {
            Some(b'{' | b'[') | None => Ok(None),
            Some(_) if !self.at_value() => Ok(None),
            Some(_) => self.pull(),
        }
    }

    /// Whether a value may come next.
    #[inline]
    fn at_value(&self) -> bool {
        matches!(self.place, Place::Root | Place::Value | Place::FirstValue)
    }

    /// Passes over the next value, whole: checked like everything else, and lent to nobody. Where
    /// no value comes next (a key, an end) it passes over that token.
    pub fn skip(&mut self) -> Result<()> {
        let depth = self.nesting.depth();
        while self.pull()?.is_some() && self.nesting.depth() > depth {}
        Ok(())
    }

    /// The next value, whole, byte for byte as it stands in the document: checked like everything
    /// else, at most [`Limits::raw_bytes_max`] long. Where no value comes next (a key, an end) it
    /// is that token.
    pub fn raw(&mut self) -> Result<&str> {
        self.next_byte()?;
        self.hold = Some(self.position);
        let start = self.window.offset(self.position);
        let skipped = self.skip();
        // The last token is whole; what is left to measure is the value.
        self.token = self.position;
        let skipped = skipped.and_then(|()| self.check_lengths());
        let from = self.hold.take().unwrap_or(self.position);
        skipped?;
        self.offset = start;
        let bytes = &self.window.bytes()[from..self.position];
        // Each string in it was checked, and all else is ASCII; so this cannot fail.
        std::str::from_utf8(bytes)
            .map_err(|error| Error::new(ErrorKind::InvalidUtf8, start + error.valid_up_to() as u64))
    }

    /// The offset in the stream, in bytes, of the token or value that was last lent out.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the stream have been read as tokens.
    pub fn consumed(&self) -> u64 {
        self.window.offset(self.position)
    }

    /// How many containers are open.
    pub fn depth(&self) -> u16 {
        self.nesting.depth()
    }

    /// Settles what stands between tokens; the byte that then comes next starts a token (or is
    /// none that may stand there). None at the end of the document.
    #[inline(always)]
    fn next_byte(&mut self) -> Result<Option<u8>> {
        // In a compact document there is no white space, and all bytes but a few are in the window.
        let bytes = self.window.bytes();
        if let Some(&byte) = bytes.get(self.position)
            && byte > b' '
        {
            let after = match (self.place, byte) {
                (Place::Value | Place::FirstKey | Place::FirstValue, _) => {
                    self.token = self.position;
                    return Ok(Some(byte));
                }
                (Place::Colon, b':') => Some(Place::Value),
                (Place::AfterValue, b',') if self.nesting.in_object() => Some(Place::Key),
                (Place::AfterValue, b',') => Some(Place::Value),
                _ => None,
            };
            if let Some(place) = after
                && let Some(&byte) = bytes.get(self.position + 1)
                && byte > b' '
            {
                self.place = place;
                self.position += 1;
                self.token = self.position;
                return Ok(Some(byte));
            }
        }
        self.next_byte_anywhere()
    }

    /// As [`next_byte`](Self::next_byte), without assumptions.
    #[inline(never)]
    fn next_byte_anywhere(&mut self) -> Result<Option<u8>> {
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
                (Place::Root, 0xef) if self.consumed() == 0 => self.byte_order_mark()?,
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
        self.position += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.position += 1;
        self.nesting.close();
        self.after_value();
    }

    fn after_value(&mut self) {
        self.place = if self.nesting.depth() == 0 { Place::Done } else { Place::AfterValue };
    }

    /// The byte at the position, read on if need be; none at the end of the stream.
    fn current(&mut self) -> Result<Option<u8>> {
        if self.position == self.window.bytes().len() && !self.more()? {
            return Ok(None);
        }
        Ok(Some(self.window.bytes()[self.position]))
    }

    /// Reads on, keeping what the token and the held value still need. All bytes in the window
    /// have been passed when this is called. False at the end of the stream.
    #[cold]
    fn more(&mut self) -> Result<bool> {
        self.check_lengths()?;
        let keep = self.hold.unwrap_or(self.token);
        let slid = self.window.slide(keep);
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
    fn check_lengths(&mut self) -> Result<()> {
        match self.exceeded() {
            None => Ok(()),
            Some((kind, from)) => Err(self.fail_at(kind, from)),
        }
    }

    /// The limit that the bytes passed exceed, the one that was exceeded first, and the index of
    /// the start of what is too long. It is asked wherever the input may have been cut and before
    /// each error, so that an error depends on the bytes alone: behind a limit nobody looks.
    #[inline]
    fn exceeded(&self) -> Option<(ErrorKind, usize)> {
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
    fn fail(&mut self, kind: ErrorKind) -> Error {
        let (kind, at) = self.exceeded().unwrap_or((kind, self.position));
        self.fail_at(kind, at)
    }

    /// An error at the byte at this index, which ends the document.
    #[cold]
    fn fail_at(&mut self, kind: ErrorKind, index: usize) -> Error {
        self.position = index;
        let offset = self.window.offset(index);
        (self.failed, self.place) = (Some((kind, offset)), Place::Failed);
        Error::new(kind, offset)
    }
}
