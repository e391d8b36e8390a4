//! What the tests share: a reader that cuts its input, a record of what a tokenizer said, two
//! tokenizers side by side ([`alike`]), and how a case is run ([`case`]).

#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

pub(crate) mod alike;
pub(crate) mod case;
pub(crate) mod random;

pub(crate) use case::{accepts, expected, rejects};

use apsides_tokenizer::{Backend, Error, ErrorKind, Limits, Next, Options, Token, Tokens};
use std::io::{self, Read};

/// A reader that gives its input in pieces of the given sizes, the last size again and again.
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
}

impl<'a> Pieces<'a> {
    /// No size may be zero: that would be the end.
    pub(crate) fn new(input: &'a [u8], sizes: &'a [usize]) -> Self {
        assert!(!sizes.is_empty() && !sizes.contains(&0), "a piece has at least one byte");
        Self { rest: input, sizes }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.sizes[0].min(buffer.len()).min(self.rest.len());
        if self.sizes.len() > 1 {
            self.sizes = &self.sizes[1..];
        }
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// The same, that fails at the end of its input.
pub(crate) struct Failing<'a>(pub(crate) Pieces<'a>);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("hung up")),
            count => Ok(count),
        }
    }
}

/// A token as the tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// As written in the document; a key has a colon behind it.
    pub(crate) dump: String,
    pub(crate) offset: u64,
    pub(crate) consumed: u64,
    pub(crate) depth: u16,
}

/// Kind and offset of an error.
pub(crate) type Failure = (ErrorKind, u64);

/// All that a tokenizer said of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) tokens: Vec<Seen>,
    pub(crate) failure: Option<Failure>,
}

impl Heard {
    /// The tokens on one line.
    pub(crate) fn dump(&self) -> String {
        let dumps: Vec<&str> = self.tokens.iter().map(|seen| seen.dump.as_str()).collect();
        dumps.join(" ")
    }

    /// The index behind the last token of the value that starts with the token at `from`, if it was
    /// heard to its end.
    pub(crate) fn value_end(&self, from: usize) -> Option<usize> {
        let mut open = 0;
        for (index, seen) in self.tokens.iter().enumerate().skip(from) {
            match seen.dump.as_str() {
                "{" | "[" => open += 1,
                "}" | "]" => open -= 1,
                _ => {}
            }
            if open <= 0 {
                return Some(index + 1);
            }
        }
        None
    }
}

pub(crate) fn failure(error: &Error) -> Failure {
    (error.kind(), error.offset())
}

pub(crate) fn dump(token: Token<'_>) -> String {
    match token {
        Token::ObjectStart => "{".into(),
        Token::ObjectEnd => "}".into(),
        Token::ArrayStart => "[".into(),
        Token::ArrayEnd => "]".into(),
        Token::Key(text) => format!("\"{}\":", text.text()),
        Token::String(text) => format!("\"{}\"", text.text()),
        Token::Number(number) => number.text().into(),
        Token::Bool(value) => value.to_string(),
        Token::Null => "null".into(),
    }
}

/// Pulls to the end or to the error.
pub(crate) fn hear<R: Read>(tokens: &mut Tokens<R>) -> Heard {
    let mut seen = Vec::new();
    loop {
        let dump = match tokens.pull() {
            Ok(Some(token)) => dump(token),
            Ok(None) => return Heard { tokens: seen, failure: None },
            Err(error) => return Heard { tokens: seen, failure: Some(failure(&error)) },
        };
        let (offset, consumed, depth) = (tokens.offset(), tokens.consumed(), tokens.depth());
        seen.push(Seen { dump, offset, consumed, depth });
    }
}

/// As [`hear`], but peeks before each pull: the same must come of it, and what was promised.
pub(crate) fn hear_peeking<R: Read>(tokens: &mut Tokens<R>) -> Heard {
    let mut seen = Vec::new();
    loop {
        let next = match tokens.peek() {
            Ok(next) => next,
            Err(error) => {
                let failed = failure(&error);
                assert_eq!(tokens.pull().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
                return Heard { tokens: seen, failure: Some(failed) };
            }
        };
        assert_eq!(tokens.peek().ok(), Some(next), "a peek moves nothing");
        let dump = match tokens.pull() {
            Ok(Some(token)) => {
                assert_eq!(next, announced(token));
                dump(token)
            }
            Ok(None) => {
                assert_eq!(next, Next::Eof);
                return Heard { tokens: seen, failure: None };
            }
            Err(error) => return Heard { tokens: seen, failure: Some(failure(&error)) },
        };
        let (offset, consumed, depth) = (tokens.offset(), tokens.consumed(), tokens.depth());
        seen.push(Seen { dump, offset, consumed, depth });
    }
}

fn announced(token: Token<'_>) -> Next {
    match token {
        Token::ObjectStart => Next::Object,
        Token::ArrayStart => Next::Array,
        Token::ObjectEnd | Token::ArrayEnd => Next::End,
        Token::Key(_) => Next::Key,
        Token::String(_) => Next::String,
        Token::Number(_) => Next::Number,
        Token::Bool(_) => Next::Bool,
        Token::Null => Next::Null,
    }
}

/// Every way in which the tests cut an input: whole, at each place once, and at each byte.
pub(crate) fn cuts(length: usize) -> Vec<Vec<usize>> {
    let whole = vec![usize::MAX];
    let bytes = vec![1];
    let splits = (1..length).map(|at| vec![at, usize::MAX]);
    [whole, bytes].into_iter().chain(splits).collect()
}

/// A tokenizer that is forced to use these instructions. With most windows it has read another document before, of which
/// nothing may be left.
pub(crate) fn tokens<R: Read>(reader: R, backend: Backend, limits: Limits) -> Tokens<R> {
    let options = Options { limits, backend: Some(backend) };
    let tokens = || Tokens::with_options(&b""[..], options);
    match limits.window_bytes.max(1).ilog2() % 3 {
        // Left in the midst of what is indexed, and deeper than a word has bits.
        0 => after(tokens(), &["[".repeat(70), "[1,\"a\",{}],".repeat(40)].concat(), 80).restart(reader),
        // Left where it is broken, at a block that was indexed in vain.
        1 => after(tokens(), &["[", &"1, ".repeat(40), "\u{7}", &" ".repeat(400)].concat(), 50).restart(reader),
        _ => Tokens::with_options(reader, options),
    }
}

/// Pulls so many tokens of a document.
fn after<'a>(tokens: Tokens<&[u8]>, document: &'a str, pulls: usize) -> Tokens<&'a [u8]> {
    let mut tokens = tokens.restart(document.as_bytes());
    for _ in 0..pulls {
        let _ = tokens.pull();
    }
    tokens
}

/// Limits of this kind with two windows: a usual one, and the smallest, which slides and grows.
pub(crate) fn windows(limits: Limits) -> [Limits; 2] {
    [Limits { window_bytes: 4096, ..limits }, Limits { window_bytes: 16, ..limits }]
}
