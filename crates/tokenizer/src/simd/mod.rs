//! The only place with `unsafe` code: what the bytes of a window are, many at a time.
//!
//! So far that is one function on words of the machine; the vector kernels belong here.

#![allow(unsafe_code, reason = "this module is where it is allowed; each block says why it is sound")]

pub(crate) mod text;
