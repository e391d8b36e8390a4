//! Going along the marks: here everything is known to be right.
//!
//! A token costs little more than telling its kind. What else the tokenizer has to know, where it is
//! and what the grammar allows there, follows from the token that was passed last, and is found out
//! when the marks are left ([`Tokens::settle`]).

use super::{Next, Place, Token, Tokens};
use crate::{
    index::ESCAPED,
    number::Number,
    simd::marked::{byte, text},
    text::Text,
};
use std::io::Read;

impl<R: Read> Tokens<R> {
    /// Where the next token starts, if it is marked or can be.
    #[inline(always)]
    pub(super) fn marked(&mut self) -> Option<usize> {
        self.index.start().or_else(|| self.extend())
    }

    /// Indexes on; gives where the next token starts.
    #[inline(never)]
    pub(super) fn extend(&mut self) -> Option<usize> {
        self.settle();
        let bytes = self.window.bytes();
        // Tokens in the window may be as long as the window; one that is too long is found by
        // reading carefully. And a mark has no more bits.
        if bytes.len() > self.limits.token_bytes_max.min(ESCAPED as usize) {
            return None;
        }
        let ready = self.index.extend(bytes, self.position, self.place, &mut self.nesting);
        if ready { self.index.start() } else { None }
    }

    /// Leaves the marks: finds out what they did not need.
    #[inline]
    pub(super) fn settle(&mut self) {
        let Some((at, end)) = self.index.passed() else { return };
        self.index.settle();
        (self.position, self.place) = self.behind(at, end);
        self.offset = self.window.offset(at);
    }

    /// Where the token with these marks ends, and what the grammar allows then.
    #[inline]
    pub(super) fn behind(&self, at: usize, end: u32) -> (usize, Place) {
        let (bytes, end) = (self.window.bytes(), (end & !ESCAPED) as usize);
        let place = match bytes[at] {
            b'"' if is_colon_next(bytes, end) => Place::Colon,
            b'{' => Place::FirstKey,
            b'[' => Place::FirstValue,
            _ => Place::AfterValue,
        };
        (end, place)
    }

    /// The token that starts here, the next one marked.
    #[inline(always)]
    pub(super) fn walk(&mut self, at: usize) -> Token<'_> {
        let end = self.index.end();
        self.index.pass();
        token(self.window.room(), at, end, &mut self.depth)
    }

    /// Gives all tokens that are marked to `f`.
    #[inline(always)]
    pub(super) fn walk_all(&mut self, mut f: impl FnMut(Token<'_>)) {
        let bytes = self.window.room();
        let mut depth = self.depth;
        for (&at, &end) in self.index.rest() {
            f(token(bytes, at as usize, end, &mut depth));
        }
        self.depth = depth;
        self.index.pass_all();
    }

    /// Passes over marked tokens, at least one, until the depth is `depth` or less; false if there are
    /// too few.
    #[inline]
    pub(super) fn walk_over(&mut self, depth: u16) -> bool {
        let Some(at) = self.index.start() else { return false };
        if self.depth == depth {
            let first = byte(self.window.room(), at);
            if !matches!(first, b'{' | b'[') {
                self.index.pass();
                self.depth -= u16::from(matches!(first, b'}' | b']'));
                return true;
            }
        }
        self.depth = self.index.pass_container(self.depth, depth);
        self.depth <= depth
    }

    /// What the token is whose first mark this is.
    #[inline(always)]
    pub(super) fn marked_kind(&self, at: usize) -> Next {
        let bytes = self.window.room();
        match byte(bytes, at) {
            b'"' if is_colon_next(bytes, (self.index.end() & !ESCAPED) as usize) => Next::Key,
            b'"' => Next::String,
            b'{' => Next::Object,
            b'[' => Next::Array,
            b'}' | b']' => Next::End,
            b't' | b'f' => Next::Bool,
            b'n' => Next::Null,
            _ => Next::Number,
        }
    }
}

/// The token with these marks.
#[inline(always)]
pub(super) fn token<'w>(bytes: &'w [u8], at: usize, end: u32, depth: &mut u16) -> Token<'w> {
    let first = byte(bytes, at);
    if first == b'"' {
        let text = string(bytes, at, end);
        return if is_colon_next(bytes, (end & !ESCAPED) as usize) { Token::Key(text) } else { Token::String(text) };
    }
    match first {
        b'{' => {
            *depth += 1;
            Token::ObjectStart
        }
        b'}' => {
            *depth -= 1;
            Token::ObjectEnd
        }
        b'[' => {
            *depth += 1;
            Token::ArrayStart
        }
        b']' => {
            *depth -= 1;
            Token::ArrayEnd
        }
        b't' => Token::Bool(true),
        b'f' => Token::Bool(false),
        b'n' => Token::Null,
        _ => Token::Number(Number::new(text(bytes, at, end as usize))),
    }
}

/// The string or name with these marks.
#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize, end: u32) -> Text<'_> {
    Text::new(text(bytes, at + 1, (end & !ESCAPED) as usize - 1), end & ESCAPED != 0)
}

/// Whether the next byte that is not white is a colon. Behind a string that is ready there is one.
#[inline(always)]
pub(super) fn is_colon_next(bytes: &[u8], at: usize) -> bool {
    match byte(bytes, at) {
        b':' => true,
        ..=b' ' => is_colon_behind_white(&bytes[at..]),
        _ => false,
    }
}

#[cold]
fn is_colon_behind_white(bytes: &[u8]) -> bool {
    bytes.iter().find(|&&byte| byte > b' ') == Some(&b':')
}
