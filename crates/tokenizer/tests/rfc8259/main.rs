//! Conformance with RFC 8259: every production, and each way to break it, by the section that says
//! so; one line a case. How a case is run tells [`common::case`]: whole and cut at every place, at
//! every alignment, on every backend, pulled, skipped and taken raw.
//!
//! A case that is JSON says its tokens as written; one that is not, what is wrong with it and the
//! offset of the byte that is.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod encoding;
mod scalars;
mod strings;
mod structure;

use apsides_tokenizer::{ErrorKind, Limits};

/// The input is JSON of these tokens.
#[track_caller]
fn ok(input: impl AsRef<[u8]>, tokens: &str) {
    assert_eq!(common::accepts(Limits::default(), input).dump(), tokens);
}

/// The input is JSON of the one token that it is.
#[track_caller]
fn itself(input: &str) {
    ok(input, input);
}

/// The input is broken in this way at this byte.
#[track_caller]
fn no(input: impl AsRef<[u8]>, kind: ErrorKind, offset: u64) {
    common::rejects(Limits::default(), input, kind, offset);
}
