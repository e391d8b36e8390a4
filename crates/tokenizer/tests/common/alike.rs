//! Tokenizers side by side. The structural index handles whole blocks of 64 bytes; all else goes the
//! careful way, byte by byte. A reader that gives a byte at a time, with the smallest window, never
//! fills a block, so that the careful way is the reference for all others: whatever the backend, the
//! window and the pieces are, each call must give the same.

use super::{Failure, Pieces, dump, failure, random::Random, tokens};
use apsides_tokenizer::{Backend, Limits, Next, Text, Token, Tokens};
use std::{
    fmt, iter,
    time::{Duration, Instant},
};

/// How a document is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) backend: Backend,
    pub(crate) limits: Limits,
    pub(crate) sizes: &'a [usize],
}

pub(crate) const WHOLE: &[usize] = &[usize::MAX];

impl<'a> Setup<'a> {
    /// The reference: no block is ever complete.
    pub(crate) fn careful(limits: Limits) -> Self {
        let limits = Limits { window_bytes: 16, ..limits };
        Self { backend: Backend::Scalar, limits, sizes: &[1] }
    }

    /// Every backend, with these windows and pieces.
    pub(crate) fn fast(limits: Limits, windows: &[usize], sizes: &'a [usize]) -> Vec<Self> {
        let setup = |backend| {
            let limits = move |&window_bytes| Limits { window_bytes, ..limits };
            windows.iter().map(limits).map(move |limits| Self { backend, limits, sizes })
        };
        Backend::available().flat_map(setup).collect()
    }

    pub(crate) fn tokens(self, input: &'a [u8]) -> Tokens<Pieces<'a>> {
        tokens(Pieces::new(input, self.sizes), self.backend, self.limits)
    }
}

/// Which calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Every token.
    Pull,
    /// So many tokens, then whole values to the end.
    Skip(usize),
    /// The same, handed out.
    Raw(usize),
    /// Any call at any place, by this seed.
    Mixed(u64),
    /// A token, then whole values for a while, or token after token for a while, and so on, by this seed: what is made ready
    /// depends on how much was passed over before.
    Phases(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Pull,
    Peek,
    Scalar,
    EnterObject,
    Skip,
    Raw,
}

impl Way {
    fn calls(self) -> impl Iterator<Item = Call> {
        let mut random = Random(if let Self::Mixed(seed) | Self::Phases(seed) = self { seed } else { 0 });
        let (mut made, mut skipping, mut left) = (0, false, 1);
        iter::from_fn(move || {
            made += 1;
            if left == 0 {
                (skipping, left) = (!skipping, [1, 10, 100, 3000][random.below(4)]);
            }
            left -= 1;
            Some(match self {
                Self::Skip(pulled) if made > pulled => Call::Skip,
                Self::Raw(pulled) if made > pulled => Call::Raw,
                Self::Mixed(_) => match random.below(16) {
                    0 => Call::Skip,
                    1 => Call::Raw,
                    2 | 3 => Call::Peek,
                    4 | 5 => Call::Scalar,
                    6 | 7 => Call::EnterObject,
                    _ => Call::Pull,
                },
                Self::Phases(_) if skipping => Call::Skip,
                _ => Call::Pull,
            })
        })
    }
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer<'w> {
    Token(Option<Token<'w>>),
    Next(Next),
    Entered(bool),
    Skipped,
    Raw(&'w str),
}

type Shown<'w> = Result<Answer<'w>, Failure>;

fn make<'w>(tokens: &'w mut Tokens<Pieces<'_>>, call: Call) -> Shown<'w> {
    let answer = match call {
        Call::Pull => tokens.pull().map(Answer::Token),
        Call::Peek => tokens.peek().map(Answer::Next),
        Call::Scalar => tokens.scalar().map(Answer::Token),
        Call::EnterObject => tokens.enter_object().map(Answer::Entered),
        Call::Skip => tokens.skip().map(|()| Answer::Skipped),
        Call::Raw => tokens.raw().map(Answer::Raw),
    };
    answer.map_err(|error| failure(&error))
}

/// Writes what was read as it should stand in the document; nothing for what was not handed out.
fn write(shown: &Shown<'_>, written: &mut Vec<u8>) {
    written.clear();
    let mut quoted = |text: Text<'_>| written.extend([b"\"", text.text().as_bytes(), b"\""].concat());
    match shown {
        Ok(Answer::Raw(text)) => written.extend(text.as_bytes()),
        Ok(Answer::Token(Some(Token::Key(text) | Token::String(text)))) => quoted(*text),
        Ok(Answer::Token(Some(token))) => written.extend(dump(*token).as_bytes()),
        Ok(_) | Err(_) => {}
    }
}

/// Offset, consumed bytes, and depth.
fn position(tokens: &Tokens<Pieces<'_>>) -> (u64, u64, u16) {
    (tokens.offset(), tokens.consumed(), tokens.depth())
}

/// The first call of which something else comes than the careful way gives.
#[derive(Debug)]
pub(crate) struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Reads the input in all these ways side by side; how the document ended on the careful way.
pub(crate) fn compare(
    input: &[u8],
    limits: Limits,
    setups: &[Setup<'_>],
    way: Way,
) -> Result<Option<Failure>, Difference> {
    let mut careful = Setup::careful(limits).tokens(input);
    let mut others: Vec<_> = setups.iter().map(|setup| setup.tokens(input)).collect();
    let (mut ends, mut written) = (0, Vec::new());
    for (number, call) in way.calls().enumerate() {
        let expected = make(&mut careful, call);
        let differs = |setup: &Setup<'_>, expected: String, got: String| {
            let of = format!("call {number}, {call:?}, of {way:?}, with {setup:?}");
            Err(Difference(format!("{of}\n   careful: {}\n       got: {}", shortened(expected), shortened(got))))
        };
        for (other, setup) in others.iter_mut().zip(setups) {
            let got = make(other, call);
            if got != expected {
                return differs(setup, format!("{expected:?}"), format!("{got:?}"));
            }
        }
        write(&expected, &mut written);
        // Where nothing was read it does not matter how far was looked ahead.
        let read = match expected {
            Err(failed) => return Ok(Some(failed)),
            Ok(Answer::Token(token)) => token.is_some() || call == Call::Pull,
            Ok(Answer::Entered(entered)) => entered,
            Ok(Answer::Next(_)) => false,
            Ok(Answer::Skipped | Answer::Raw(_)) => true,
        };
        if read {
            let expected = position(&careful);
            for (other, setup) in others.iter().zip(setups) {
                let got = position(other);
                if got != expected {
                    return differs(setup, format!("{expected:?}"), format!("{got:?}"));
                }
            }
            let (offset, consumed, depth) = expected;
            if !written.is_empty() && input[offset as usize..consumed as usize] != written[..] {
                let got = String::from_utf8_lossy(&written).into_owned();
                let setup = Setup::careful(limits);
                return differs(&setup, format!("the bytes {offset} to {consumed} as they stand"), got);
            }
            // The end is asked for twice.
            ends += u32::from(consumed == input.len() as u64 && depth == 0);
            if ends == 3 {
                return Ok(None);
            }
        }
    }
    unreachable!("there is always another call")
}

fn shortened(text: String) -> String {
    if text.len() <= 400 {
        return text;
    }
    let (start, end) = (text.floor_char_boundary(200), text.floor_char_boundary(text.len() - 150));
    format!("{} … {}", &text[..start], &text[end..])
}

/// The input is read alike in all these setups and ways; else a part of it is shown, as small as it
/// could be made, that is not.
#[track_caller]
pub(crate) fn assert_alike(input: &[u8], limits: Limits, setups: &[Setup<'_>], ways: &[Way]) -> Option<Failure> {
    let mut failed = None;
    for &way in ways {
        match compare(input, limits, setups, way) {
            Ok(ended) => failed = ended,
            Err(_) => {
                let small = reduced(input, |input| compare(input, limits, setups, way).is_err());
                let difference = compare(&small, limits, setups, way).expect_err("the reduced input still differs");
                panic!("{difference}\n        in: b\"{}\" ({} bytes)", small.escape_ascii(), small.len());
            }
        }
    }
    failed
}

/// The input without all stretches that can be left out while it stays `bad`; bytes then become
/// plain ones. It ends after some seconds with what it has.
fn reduced(input: &[u8], bad: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let start = Instant::now();
    let bad = |input: &[u8]| start.elapsed() < Duration::from_secs(10) && bad(input);
    let mut input = input.to_vec();
    let mut length = input.len();
    while length > 0 {
        let mut at = 0;
        let before = input.len();
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..(at + length).min(input.len()));
            if bad(&shorter) {
                input = shorter;
            } else {
                at += length;
            }
        }
        if length > 1 || input.len() == before {
            length /= 2;
        }
    }
    for at in 0..input.len() {
        for plain in [b' ', b'x', b'1'] {
            let mut plainer = input.clone();
            plainer[at] = plain;
            if input[at] != plain && bad(&plainer) {
                input = plainer;
                break;
            }
        }
    }
    input
}
