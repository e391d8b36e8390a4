//! What the tests share: a reader that cuts its input, a record of what a tokenizer said, and how a
//! case is run.

#![allow(dead_code, reason = "each test file uses a part of it")]

use apsides_tokenizer::{Error, ErrorKind, Expected, Limits, Next, Token, Tokens};
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

/// Limits of this kind with two windows: a usual one, and the smallest, which slides and grows.
pub(crate) fn windows(limits: Limits) -> [Limits; 2] {
    [Limits { window_bytes: 4096, ..limits }, Limits { window_bytes: 16, ..limits }]
}

// ---- How a case is run ----

pub(crate) fn expected(expected: Expected) -> ErrorKind {
    ErrorKind::Unexpected { expected }
}

/// The input is JSON under these limits; what was heard of it.
#[track_caller]
pub(crate) fn accepts(limits: Limits, input: impl AsRef<[u8]>) -> Heard {
    let input = input.as_ref();
    let heard = always_heard(limits, input);
    assert_eq!(heard.failure, None, "{}", input.escape_ascii());
    assert_values(limits, input, &heard);
    heard
}

/// The input is broken in this way at this byte, or exceeds a limit there.
#[track_caller]
pub(crate) fn rejects(limits: Limits, input: impl AsRef<[u8]>, kind: ErrorKind, offset: u64) {
    let input = input.as_ref();
    let heard = always_heard(limits, input);
    assert_eq!(heard.failure, Some((kind, offset)), "{}", input.escape_ascii());
    assert_values(limits, input, &heard);
}

/// What pulling gives, however the input is cut.
#[track_caller]
fn always_heard(limits: Limits, input: &[u8]) -> Heard {
    let heard = hear(&mut Tokens::with_limits(input, limits));
    let mut end = 0;
    for seen in &heard.tokens {
        // Every token is where it says it is, and nothing overlaps.
        assert!(end <= seen.offset, "{}", input.escape_ascii());
        end = seen.consumed;
        let written = &input[seen.offset as usize..seen.consumed as usize];
        assert_eq!(written, seen.dump.strip_suffix(':').unwrap_or(&seen.dump).as_bytes());
    }
    for limits in windows(limits) {
        for cut in cuts(input.len()) {
            let context = || format!("{} cut {cut:?}", input.escape_ascii());
            let mut tokens = Tokens::with_limits(Pieces::new(input, &cut), limits);
            assert_eq!(hear(&mut tokens), heard, "{}", context());
            match heard.failure {
                Some(failed) => assert_spent(&mut tokens, failed),
                None => assert_eq!(tokens.consumed(), input.len() as u64, "{}", context()),
            }
            let mut tokens = Tokens::with_limits(Pieces::new(input, &cut), limits);
            assert_eq!(hear_peeking(&mut tokens), heard, "{}", context());
        }
    }
    heard
}

/// At each token of the document, `raw` gives what stands there, `skip` passes over it, and both
/// leave what follows as it is; where the document breaks inside, they break in the same way.
#[track_caller]
fn assert_values(limits: Limits, input: &[u8], heard: &Heard) {
    // The whole square is for short inputs; of long ones a few cuts do.
    let cuts = if input.len() <= 64 { cuts(input.len()) } else { vec![vec![usize::MAX], vec![1], vec![5]] };
    let whole = heard.failure.is_none();
    for limits in windows(limits) {
        for cut in &cuts {
            for from in 0..heard.tokens.len() {
                let start = || {
                    let mut tokens = Tokens::with_limits(Pieces::new(input, cut), limits);
                    for seen in &heard.tokens[..from] {
                        let token = tokens.pull().expect("this much was heard").map(dump);
                        assert_eq!(token.as_deref(), Some(seen.dump.as_str()));
                    }
                    tokens
                };
                let mut raw = start();
                let mut skipped = start();
                let got = raw.raw().map(String::from).map_err(|error| failure(&error));
                let passed = skipped.skip().map_err(|error| failure(&error));
                if got.is_err() || passed.is_err() {
                    let failed = heard.failure.expect("only a broken document fails");
                    assert_eq!((got, passed), (Err(failed), Err(failed)), "{}", input.escape_ascii());
                    assert_spent(&mut raw, failed);
                    continue;
                }
                let end = heard.value_end(from).expect("it was passed over");
                let span = heard.tokens[from].offset as usize..heard.tokens[end - 1].consumed as usize;
                assert_eq!(got.as_deref().map(str::as_bytes), Ok(&input[span.clone()]));
                assert_eq!((raw.offset(), raw.consumed()), (span.start as u64, span.end as u64));
                assert_eq!((skipped.consumed(), skipped.depth()), (span.end as u64, raw.depth()));
                let rest = Heard { tokens: heard.tokens[end..].to_vec(), failure: heard.failure };
                assert_eq!(hear(&mut raw), rest);
                assert_eq!(hear(&mut skipped), rest);
            }
            if whole {
                let mut tokens = Tokens::with_limits(Pieces::new(input, cut), limits);
                tokens.skip().expect("the document is one value");
                assert_eq!(tokens.pull().expect("nothing follows"), None);
                assert_eq!(tokens.consumed(), input.len() as u64);
            }
        }
    }
}

/// A tokenizer that has failed fails in the same way for ever.
#[track_caller]
pub(crate) fn assert_spent<R: Read>(tokens: &mut Tokens<R>, failed: Failure) {
    for _ in 0..2 {
        assert_eq!(tokens.pull().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.peek().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.skip().map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.raw().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
    }
}
