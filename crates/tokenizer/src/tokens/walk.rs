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
        self.index.first().or_else(|| self.extend())
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
        if ready { self.index.first() } else { None }
    }

    /// Leaves the marks: finds out what they did not need.
    #[inline]
    pub(super) fn settle(&mut self) {
        let Some((at, second)) = self.index.passed() else { return };
        self.index.settle();
        (self.position, self.place) = self.behind(at, second);
        self.offset = self.window.offset(at);
    }

    /// Where the token with these marks ends, and what the grammar allows then.
    #[inline]
    pub(super) fn behind(&self, at: usize, second: u32) -> (usize, Place) {
        let bytes = self.window.bytes();
        match bytes[at] {
            b'"' => {
                let end = (second & !ESCAPED) as usize + 1;
                (end, if is_colon_next(bytes, end) { Place::Colon } else { Place::AfterValue })
            }
            b'{' => (at + 1, Place::FirstKey),
            b'[' => (at + 1, Place::FirstValue),
            b'}' | b']' => (at + 1, Place::AfterValue),
            _ => (second as usize, Place::AfterValue),
        }
    }

    /// The token whose first mark this is.
    #[inline(always)]
    pub(super) fn walk(&mut self, at: usize) -> Token<'_> {
        let first = byte(self.window.room(), at);
        if first == b'"' {
            let bytes = self.window.room();
            let mark = self.index.second();
            let closing = (mark & !ESCAPED) as usize;
            self.index.pass(2);
            let text = Text::new(text(bytes, at + 1, closing), mark & ESCAPED != 0);
            return if is_colon_next(bytes, closing + 1) { Token::Key(text) } else { Token::String(text) };
        }
        match first {
            b'{' => {
                self.index.pass(1);
                self.depth += 1;
                Token::ObjectStart
            }
            b'}' => {
                self.index.pass(1);
                self.depth -= 1;
                Token::ObjectEnd
            }
            b'[' => {
                self.index.pass(1);
                self.depth += 1;
                Token::ArrayStart
            }
            b']' => {
                self.index.pass(1);
                self.depth -= 1;
                Token::ArrayEnd
            }
            _ => {
                let bytes = self.window.room();
                let end = self.index.second() as usize;
                self.index.pass(marks_of_scalar(byte(bytes, end)));
                match first {
                    b't' => Token::Bool(true),
                    b'f' => Token::Bool(false),
                    b'n' => Token::Null,
                    _ => Token::Number(Number::new(text(bytes, at, end))),
                }
            }
        }
    }

    /// Passes marked tokens, at least one, until the depth is `depth` or less; false if there are
    /// too few.
    #[inline]
    pub(super) fn walk_over(&mut self, depth: u16) -> bool {
        while let Some(at) = self.index.first() {
            let bytes = self.window.room();
            match byte(bytes, at) {
                b'"' => self.index.pass(2),
                b'{' | b'[' => {
                    self.index.pass(1);
                    self.depth += 1;
                }
                b'}' | b']' => {
                    self.index.pass(1);
                    self.depth -= 1;
                }
                _ => self.index.pass(marks_of_scalar(byte(bytes, self.index.second() as usize))),
            }
            if self.depth <= depth {
                return true;
            }
        }
        false
    }

    /// What the token is whose first mark this is.
    #[inline(always)]
    pub(super) fn marked_kind(&self, at: usize) -> Next {
        let bytes = self.window.room();
        match byte(bytes, at) {
            b'"' if is_colon_next(bytes, (self.index.second() & !ESCAPED) as usize + 1) => Next::Key,
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

/// Whether the next byte that is not white is a colon. Behind a string with marks there is one.
#[inline(always)]
fn is_colon_next(bytes: &[u8], at: usize) -> bool {
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

/// How many marks only this scalar has: the byte behind it may be a bracket, whose mark it is, too.
#[inline(always)]
fn marks_of_scalar(behind: u8) -> usize {
    if matches!(behind, b'}' | b']') { 1 } else { 2 }
}
