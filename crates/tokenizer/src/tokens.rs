//! The pull interface.
//!
//! There are two ways to a token. The quick one ([`walk`]) goes along the marks of the index, in
//! which everything is known to be right, so that it only has to tell the tokens apart and to lend
//! them out. The careful one ([`careful`], [`scan`]) reads byte by byte what cannot be indexed: the
//! start and the end of the document, what the window's end cuts through, and errors, which it alone
//! reports. Both give the same for the same bytes.
//!
//! ```text
//! pull: a token is marked?                 walk
//!       more can be indexed from here on?  index, walk
//!       else                               read on if need be, one token carefully
//! ```

mod ahead;
mod careful;
mod scan;
mod walk;

use crate::{
    backend::Backend,
    error::{ErrorKind, Result},
    index::Index,
    nesting::Nesting,
    number::Number,
    picture::Picture,
    simd,
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

/// How a tokenizer works; what is not said is as usual.
///
/// ```
/// use apsides_tokenizer::{Backend, Options, Tokens};
/// let options = Options { backend: Some(Backend::Scalar), ..Options::default() };
/// let mut tokens = Tokens::with_options("[]".as_bytes(), options);
/// # tokens.skip()?;
/// # Ok::<(), apsides_tokenizer::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Bounds of the memory.
    pub limits: Limits,
    /// The instructions to use; none for [`Backend::preferred`]. One that this processor does not
    /// have is as none.
    pub backend: Option<Backend>,
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
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
    index: Index,
    /// Index in the window of the next unread byte.
    position: usize,
    /// Index of the first byte of the token being read carefully; the same as `position` between
    /// two such tokens.
    token: usize,
    /// Index of the first byte of the value that `raw` collects. Bytes from here on stay.
    hold: Option<usize>,
    place: Place,
    /// The containers open where the index ends. It may be ahead of the tokens.
    nesting: Nesting,
    /// How many containers are open after the tokens that were read.
    depth: u16,
    limits: Limits,
    /// The error that ended the document, to be told again.
    failed: Option<(ErrorKind, u64)>,
    /// Offset in the stream of the last token lent out.
    offset: u64,
}

impl<R: Read> Tokens<R> {
    /// A tokenizer with the default [`Options`].
    pub fn new(reader: R) -> Self {
        Self::with_options(reader, Options::default())
    }

    /// A tokenizer with limits of its own.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self::with_options(reader, Options { limits, ..Options::default() })
    }

    /// A tokenizer with options of its own.
    pub fn with_options(reader: R, options: Options) -> Self {
        let Options { limits, backend } = options;
        Self {
            window: Window::new(reader, limits.window_bytes, limits.token_bytes_max.max(limits.raw_bytes_max)),
            index: Index::new(backend),
            position: 0,
            token: 0,
            hold: None,
            place: Place::Root,
            nesting: Nesting::new(limits.depth_max),
            depth: 0,
            limits,
            failed: None,
            offset: 0,
        }
    }

    /// A tokenizer over another document, from its start, with the memory and the options of this one, whatever became of
    /// its own. For many small documents: to make a tokenizer anew takes longer than to read them.
    ///
    /// ```
    /// use apsides_tokenizer::{Token, Tokens};
    /// let mut tokens = Tokens::new(&b""[..]);
    /// let mut numbers = Vec::new();
    /// for document in ["[1, 2", "3"] {
    ///     tokens = tokens.restart(document.as_bytes());
    ///     while let Ok(Some(token)) = tokens.pull() {
    ///         numbers.extend(if let Token::Number(number) = token { number.to_i64() } else { None });
    ///     }
    /// }
    /// assert_eq!(numbers, [1, 2, 3]);
    /// ```
    #[must_use]
    pub fn restart<S: Read>(self, reader: S) -> Tokens<S> {
        let Self { window, mut index, mut nesting, limits, .. } = self;
        index.restart();
        nesting.clear();
        Tokens {
            window: window.restart(reader),
            index,
            position: 0,
            token: 0,
            hold: None,
            place: Place::Root,
            nesting,
            depth: 0,
            limits,
            failed: None,
            offset: 0,
        }
    }

    /// The next token; none after the document's end, which is then known to be its end: only
    /// white space followed.
    #[inline(always)]
    pub fn pull(&mut self) -> Result<Option<Token<'_>>> {
        if let Some(at) = self.index.start() {
            return Ok(Some(self.walk(at)));
        }
        self.pull_further()
    }

    #[inline(never)]
    fn pull_further(&mut self) -> Result<Option<Token<'_>>> {
        if let Some(at) = self.extend() {
            return Ok(Some(self.walk(at)));
        }
        self.pull_carefully()
    }

    /// Gives `f` all tokens that are left, to the end of the document: the same as pulling them, and faster, since many are
    /// passed without coming back here. Those before an error have been given to `f`.
    ///
    /// ```
    /// use apsides_tokenizer::{Token, Tokens};
    /// let mut strings = 0;
    /// let mut tokens = Tokens::new(r#"{"a":["b",{"c":"d"}]}"#.as_bytes());
    /// tokens.for_each(|token| strings += u32::from(matches!(token, Token::String(_))))?;
    /// assert_eq!(strings, 2);
    /// # Ok::<(), apsides_tokenizer::Error>(())
    /// ```
    #[inline]
    pub fn for_each(&mut self, mut f: impl FnMut(Token<'_>)) -> Result<()> {
        loop {
            self.walk_all(&mut f);
            match self.pull_further()? {
                Some(token) => f(token),
                None => return Ok(()),
            }
        }
    }

    /// What the next [`pull`](Self::pull) will give, without reading it. The first byte tells, so
    /// what is promised may still turn out to be malformed.
    #[inline]
    pub fn peek(&mut self) -> Result<Next> {
        match self.marked() {
            Some(at) => Ok(self.marked_kind(at)),
            None => self.peek_carefully(),
        }
    }

    /// Enters the next value if it is an object: the same as pulling its
    /// [`Token::ObjectStart`]. If it is anything else, nothing is read.
    #[inline]
    pub fn enter_object(&mut self) -> Result<bool> {
        let is_object = self.peek()? == Next::Object;
        if is_object {
            self.pull()?;
        }
        Ok(is_object)
    }

    /// The next token if it is a scalar: a string that is a value, a number, `true`, `false` or
    /// `null`. If it is anything else, nothing is read.
    #[inline]
    pub fn scalar(&mut self) -> Result<Option<Token<'_>>> {
        match self.peek()? {
            Next::String | Next::Number | Next::Bool | Next::Null => self.pull(),
            Next::Object | Next::Array | Next::Key | Next::End | Next::Eof => Ok(None),
        }
    }

    /// Passes over the next value, whole: checked like everything else, and lent to nobody. Where
    /// no value comes next (a key, an end) it passes over that token.
    pub fn skip(&mut self) -> Result<()> {
        let depth = self.depth;
        loop {
            if self.walk_over(depth) {
                return Ok(());
            }
            if self.extend().is_none() && (self.pull_carefully()?.is_none() || self.depth <= depth) {
                return Ok(());
            }
        }
    }

    /// Passes over the next value as [`skip`](Self::skip) does; gives its length in bytes as it stands in
    /// the document.
    ///
    /// ```
    /// use apsides_tokenizer::Tokens;
    /// let mut tokens = Tokens::new(r#"[ {"a": [1]} , 2]"#.as_bytes());
    /// tokens.pull()?;
    /// assert_eq!((tokens.measure()?, tokens.measure()?), (10, 1));
    /// # Ok::<(), apsides_tokenizer::Error>(())
    /// ```
    pub fn measure(&mut self) -> Result<u64> {
        let start = self.start()?;
        let offset = self.window.offset(start);
        self.skip()?;
        Ok(self.consumed() - offset)
    }

    /// Where in the window the next token starts.
    #[inline]
    fn start(&mut self) -> Result<usize> {
        match self.marked() {
            Some(at) => Ok(at),
            None => {
                self.next_byte()?;
                Ok(self.position)
            }
        }
    }

    /// The next value, whole, byte for byte as it stands in the document: checked like everything
    /// else, at most [`Limits::raw_bytes_max`] long. Where no value comes next (a key, an end) it
    /// is that token.
    pub fn raw(&mut self) -> Result<&str> {
        let start = self.start()?;
        self.hold = Some(start);
        let offset = self.window.offset(start);
        let skipped = self.skip();
        self.settle();
        let skipped = skipped.and_then(|()| {
            // The last token is whole; what is left to measure is the value.
            self.token = self.position;
            self.check_lengths()
        });
        let from = self.hold.take().unwrap_or(self.position);
        skipped?;
        self.offset = offset;
        Ok(simd::text::known(&self.window.bytes()[from..self.position]))
    }

    /// The offset in the stream, in bytes, of the token or value that was last lent out.
    pub fn offset(&self) -> u64 {
        self.index.passed().map_or(self.offset, |(at, _)| self.window.offset(at))
    }

    /// How many bytes of the stream have been read as tokens.
    pub fn consumed(&self) -> u64 {
        let position = self.index.passed().map_or(self.position, |(at, second)| self.behind(at, second).0);
        self.window.offset(position)
    }

    /// How many containers are open.
    pub fn depth(&self) -> u16 {
        self.depth
    }

    /// The structure around the byte that is wrong, without names and values; if nothing has failed,
    /// around the first that has not been read. It is drawn from what the window holds, so it is to be
    /// asked for before the tokenizer is dropped.
    #[cold]
    pub fn picture(&self) -> Picture {
        let (offset, token) = match self.failed {
            Some((_, offset)) => (offset, self.token),
            // It is between two tokens.
            None => (self.consumed(), usize::MAX),
        };
        let base = self.window.offset(0);
        Picture::new(self.window.bytes(), base, token, (offset - base) as usize)
    }
}
