//! A streaming JSON tokenizer: strict, bounded, and without copies.
//!
//! [`Tokens`] reads any [`std::io::Read`] through a small window that slides over the stream. Each
//! [`Token`] borrows the window and dies at the next pull, so that nothing is copied that nobody
//! asks for, and memory does not grow with the input: a document of 100 GiB needs the same few
//! hundred KiB as one of 1 MiB. The grammar is RFC 8259 to the letter; what deviates from it is an
//! [`Error`] with the exact offset in the stream, beyond 4 GiB too. On request, a [`Path`] says in
//! which member or item that is, and a [`Picture`] shows the structure around it, without any value.
//!
//! The crate knows nothing of any particular document, of HTTP, or of tables.
//!
//! ```
//! use apsides_tokenizer::{Token, Tokens};
//!
//! let json = r#"{"name":"Zo\u00eb","visits":[3,14],"raw":{"kept": 1.50}}"#;
//! let mut tokens = Tokens::new(json.as_bytes());
//! let mut scratch = String::new();
//!
//! assert_eq!(tokens.pull()?, Some(Token::ObjectStart));
//! while let Some(Token::Key(key)) = tokens.pull()? {
//!     match key.text() {
//!         // A string is decoded only where it is asked for.
//!         "name" => match tokens.pull()? {
//!             Some(Token::String(name)) => assert_eq!(name.decode(&mut scratch).text, "Zoë"),
//!             other => panic!("{other:?}"),
//!         },
//!         // A whole value, byte for byte.
//!         "raw" => assert_eq!(tokens.raw()?, r#"{"kept": 1.50}"#),
//!         // Checked as strictly as the rest, and passed over.
//!         _ => tokens.skip()?,
//!     }
//! }
//! assert_eq!(tokens.pull()?, None);
//! # Ok::<(), apsides_tokenizer::Error>(())
//! ```
//!
//! # Bounds and instructions
//!
//! [`Options`] say how a tokenizer works: within which [`Limits`], and with which [`Backend`], the instructions that
//! the window is indexed with. What is not said is as usual: the fastest backend that the processor has, unless the
//! environment variable `APSIDES_SIMD` names another. All give the same tokens and the same errors.
//!
//! ```
//! use apsides_tokenizer::{Backend, ErrorKind, Limits, Options, Tokens};
//!
//! let limits = Limits { depth_max: 2, ..Limits::default() };
//! for backend in Backend::available() {
//!     let options = Options { limits, backend: Some(backend) };
//!     assert!(Tokens::with_options("[[1], [2]]".as_bytes(), options).skip().is_ok());
//!     let error = Tokens::with_options("[[1], [[2]]]".as_bytes(), options).skip().expect_err("one level too many");
//!     assert_eq!((error.kind(), error.offset()), (ErrorKind::TooDeep { limit: 2 }, 7), "{backend}");
//! }
//! ```
//!
//! # Where an error is
//!
//! An error has its offset. Two that cost nothing unless they are asked for say more: a [`Path`], which is shown every
//! token, in which member or item the document stands; [`Tokens::picture`], what the structure around the place looks
//! like. `Path::redacted` and [`Picture`] hold nothing of what the document says, so that they may be logged.
//!
//! ```
//! use apsides_tokenizer::{Path, Token, Tokens};
//!
//! let json = r#"{"zoe@example.com": {"raw": [1, 2], "visits": [3, 4 5]}}"#;
//! let (mut tokens, mut path) = (Tokens::new(json.as_bytes()), Path::new());
//! let error = loop {
//!     match tokens.pull() {
//!         Ok(Some(token)) => {
//!             let passed_over = matches!(token, Token::Key(key) if key.is("raw"));
//!             path.note(&token);
//!             if passed_over {
//!                 tokens.skip()?;
//!                 path.note_skipped(); // What is not pulled is told as well.
//!             }
//!         }
//!         Ok(None) => unreachable!("a comma is missing"),
//!         Err(error) => break error,
//!     }
//! };
//! assert_eq!(error.to_string(), "expected `,` or `]` at byte 52");
//! assert_eq!(path.redacted().to_string(), r#"$."…".visits[2]"#);
//! let picture = r#"
//! {"…": {"…": [0, 0], "…": [0, 0 0]}}
//!                                ^ byte 52"#;
//! assert_eq!(format!("\n{}", tokens.picture()), picture);
//! # Ok::<(), apsides_tokenizer::Error>(())
//! ```
#![deny(unsafe_code)]

mod backend;
mod error;
mod index;
mod nesting;
mod number;
mod path;
mod picture;
mod simd;
mod text;
mod tokens;
mod window;

pub use backend::{Backend, UnknownBackend};
pub use error::{Error, ErrorKind, Expected, Result};
pub use number::Number;
pub use path::Path;
pub use picture::Picture;
pub use text::{Decoded, Text};
pub use tokens::{Limits, Next, Options, Token, Tokens};

/// The code of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
