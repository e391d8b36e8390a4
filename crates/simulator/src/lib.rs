//! The simulated APSIS One API: what `apsides demo`, the tests and the benchmarks run against.
//!
//! Two parts share one [`catalogue`] of definitions:
//!
//! * the **corpus**: [`write_export`] streams an export file of any size in constant memory; the same [`CorpusSpec`]
//!   always gives the same bytes, and a profile keeps its attributes and events whatever window or selection is asked
//!   for;
//! * the **server**: [`Server`] offers the API over HTTP on that corpus, with real signed tokens, validation, polling
//!   and gzip.
//!
//! ```
//! use apsides_simulator::{CorpusSpec, Size, write_export};
//!
//! let mut export = Vec::new();
//! let spec = CorpusSpec { size: Size::Profiles(3), ..CorpusSpec::default() };
//! let written = write_export(&spec, &mut export)?;
//! assert_eq!(written.profiles, 3);
//! assert_eq!(written.bytes, export.len() as u64);
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod catalogue;
mod corpus;
mod server;

pub use corpus::{Arrivals, CorpusSpec, Layout, Selection, Shape, Size, Window, Written, write_export};
pub use server::{
    Class, Fault, Faults, PollUrl, RetryAfter, Server, Settings, SizeMax, StartError, Stats, UnknownFault, Words,
};
