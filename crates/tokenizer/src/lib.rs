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
