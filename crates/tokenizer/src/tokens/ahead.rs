//! A member and its value in one step, where the marks of both are at hand and of a common form.
//!
//! Most of a document of records is `"name":scalar` and `"id":{"name":scalar}`. Asked token by token
//! that is a branch on each token's kind; here it is a few comparisons that nearly always go the same
//! way. It is never an obligation: what is not at hand or of another form is left as it is.

use super::{
    Token, Tokens,
    walk::{is_colon_next, string, token},
};
use crate::{index::ESCAPED, simd::marked::byte, text::Text};
use std::io::Read;

impl<R: Read> Tokens<R> {
    /// The next member, name and value, if the value is a scalar and both are at hand: the same as
    /// pulling both. None, and then nothing is read, if anything else comes next, or it is not known
    /// yet what does: then [`pull`](Self::pull).
    ///
    /// ```
    /// use apsides_tokenizer::Tokens;
    /// let mut tokens = Tokens::new(r#"{"a":1,"b":[2]}"#.as_bytes());
    /// tokens.pull()?;
    /// let mut found = Vec::new();
    /// while tokens.depth() > 0 {
    ///     found.push(match tokens.scalar_member() {
    ///         Some((name, value)) => format!("{} {value:?}", name.text()),
    ///         None => format!("{:?}", tokens.pull()?),
    ///     });
    /// }
    /// // Which of the two ways a member comes is not promised.
    /// assert!(found.len() <= 7);
    /// # Ok::<(), apsides_tokenizer::Error>(())
    /// ```
    #[inline]
    pub fn scalar_member(&mut self) -> Option<(Text<'_>, Token<'_>)> {
        let (starts, ends) = self.index.ahead::<2>()?;
        let bytes = self.window.room();
        let name = name(bytes, starts[0], ends[0])?;
        if matches!(byte(bytes, starts[1] as usize), b'{' | b'[') {
            return None;
        }
        self.index.pass_many(2);
        Some((name, token(bytes, starts[1] as usize, ends[1], &mut 0)))
    }

    /// The next member, if its value is an object of one member, which is called `only`, and that
    /// one's value is a scalar: `"id":{"only":scalar}`. Gives the outer name and the scalar: the same
    /// as pulling all five tokens. None, and then nothing is read, if anything else comes next, or it
    /// is not known yet what does: then [`pull`](Self::pull).
    #[inline(always)]
    pub fn entry(&mut self, only: &str) -> Option<(Text<'_>, Token<'_>)> {
        let (starts, ends) = self.index.ahead::<5>()?;
        let bytes = self.window.room();
        let at = |index: usize| byte(bytes, starts[index] as usize);
        // Without white space and escapes a single comparison tells. Only a name has a colon behind it.
        let between = bytes.get((ends[0] & !ESCAPED) as usize..starts[3] as usize)?;
        let is_plain = ends[2] & ESCAPED == 0 && is_opening(between, only);
        if !is_plain && !is_opening_anyhow(bytes, &starts, &ends, only) {
            return None;
        }
        if matches!(at(3), b'{' | b'[') || at(4) != b'}' {
            return None;
        }
        self.index.pass_many(5);
        Some((string(bytes, starts[0] as usize, ends[0]), token(bytes, starts[3] as usize, ends[3], &mut 0)))
    }
}

/// Whether this is `:{"only":`.
#[inline(always)]
fn is_opening(between: &[u8], only: &str) -> bool {
    between.len() == only.len() + 5
        && between.starts_with(b":{\"")
        && between[3..].starts_with(only.as_bytes())
        && between.ends_with(b"\":")
}

/// The same of the first tokens with these marks, however they are written.
#[inline(never)]
fn is_opening_anyhow(bytes: &[u8], starts: &[u32; 5], ends: &[u32; 5], only: &str) -> bool {
    // The first token of an object is a name or its end.
    name(bytes, starts[0], ends[0]).is_some()
        && byte(bytes, starts[1] as usize) == b'{'
        && matches!(token(bytes, starts[2] as usize, ends[2], &mut 1), Token::Key(inner) if inner.is(only))
}

/// The name with these marks, if it is one.
#[inline(always)]
fn name(bytes: &[u8], start: u32, end: u32) -> Option<Text<'_>> {
    // Only a name has a colon behind it.
    is_colon_next(bytes, (end & !ESCAPED) as usize).then(|| string(bytes, start as usize, end))
}
