//! What can go wrong, and where. An error holds positions and kinds, never a byte of the document:
//! it may be logged.

use std::{fmt, io};

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a document could not be read further. After an error the tokenizer is spent: each further
/// call fails in the same way.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    offset: u64,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The reader below failed; its error is the [source](std::error::Error::source).
    Read,
    /// The input ends inside the document.
    UnexpectedEnd,
    /// A byte that the grammar does not allow here.
    Unexpected {
        /// What may stand here instead.
        expected: Expected,
    },
    /// A byte that breaks a number (`01`, `1.`, `-`, `1e+`).
    InvalidNumber,
    /// A backslash sequence that JSON does not know.
    InvalidEscape,
    /// A byte below 0x20 inside a string; it would have to be escaped.
    ControlCharacter,
    /// Bytes inside a string that are not UTF-8.
    InvalidUtf8,
    /// Something other than white space after the document's end.
    TrailingData,
    /// A string or number longer than [`Limits::token_bytes_max`](crate::Limits::token_bytes_max).
    TokenTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A value asked for as a whole that is longer than
    /// [`Limits::raw_bytes_max`](crate::Limits::raw_bytes_max).
    RawTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More arrays and objects inside each other than
    /// [`Limits::depth_max`](crate::Limits::depth_max).
    TooDeep {
        /// The limit, in levels.
        limit: u16,
    },
}

impl ErrorKind {
    /// Whether a larger limit would let the document through, as far as is known.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::TokenTooLong { .. } | Self::RawTooLong { .. } | Self::TooDeep { .. })
    }
}

/// What the grammar allows at the place of an [`ErrorKind::Unexpected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Any value.
    Value,
    /// Any value, or the end of an array that has just begun.
    ValueOrArrayEnd,
    /// A member's name.
    Key,
    /// A member's name, or the end of an object that has just begun.
    KeyOrObjectEnd,
    /// The colon after a member's name.
    Colon,
    /// A comma or the end of the object.
    CommaOrObjectEnd,
    /// A comma or the end of the array.
    CommaOrArrayEnd,
    /// The rest of `true`, `false` or `null`.
    Literal,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: u64) -> Self {
        Self(Box::new(Inner { kind, offset, source: None }))
    }

    pub(crate) fn read(source: io::Error, offset: u64) -> Self {
        Self(Box::new(Inner { kind: ErrorKind::Read, offset, source: Some(source) }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The offset in the stream, in bytes from its start, of the byte that is wrong; for a limit,
    /// of the start of the value that exceeds it; for an early end or a read error, the number of
    /// bytes that came.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The reader's error, if that was the reason; the offset and the kind are then lost.
    pub fn into_io(self) -> Option<io::Error> {
        self.0.source
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.0.kind, self.0.offset)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => out.write_str("the input could not be read"),
            Self::UnexpectedEnd => out.write_str("the input ends before the document does"),
            Self::Unexpected { expected } => write!(out, "expected {expected}"),
            Self::InvalidNumber => out.write_str("malformed number"),
            Self::InvalidEscape => out.write_str("unknown escape sequence in a string"),
            Self::ControlCharacter => out.write_str("unescaped control character in a string"),
            Self::InvalidUtf8 => out.write_str("invalid UTF-8 in a string"),
            Self::TrailingData => out.write_str("unexpected data after the document's end"),
            Self::TokenTooLong { limit } => {
                write!(out, "a string or number longer than the limit of {limit} bytes")
            }
            Self::RawTooLong { limit } => write!(out, "a value longer than the limit of {limit} bytes"),
            Self::TooDeep { limit } => write!(out, "nesting deeper than the limit of {limit} levels"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Value => "a value",
            Self::ValueOrArrayEnd => "a value or `]`",
            Self::Key => "a member name in quotes",
            Self::KeyOrObjectEnd => "a member name in quotes or `}`",
            Self::Colon => "`:` after a member name",
            Self::CommaOrObjectEnd => "`,` or `}`",
            Self::CommaOrArrayEnd => "`,` or `]`",
            Self::Literal => "`true`, `false` or `null`",
        })
    }
}
