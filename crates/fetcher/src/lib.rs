//! Credentials and a request in, a [`std::io::Read`] of inflated JSON bytes out.
//!
//! This crate is the near end of the pipeline: everything that speaks HTTP to APSIS One lives here, and nothing that
//! knows what the bytes mean. Each stage consumes or borrows the one before it, so that calling them out of order does
//! not compile:
//!
//! ```text
//! Client ── request ──▶ Pending ── ready (polls) ──▶ Ready ── download ──▶ Download ── into_reader ──▶ Reader: io::Read
//! ```
//!
//! ```no_run
//! use apsides_fetcher::{Client, ClientConfig, ExportSpec, Region, Secret};
//! use std::io::Read;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new(std::env::var("APSIS_CLIENT_SECRET")?);
//! let client = Client::new(ClientConfig::new(Region::Emea.base_url(), "the API key's id", secret))?;
//! let spec = ExportSpec { attributes: vec!["1203".into()], ..ExportSpec::default() };
//! let ready = client.export(&spec, |poll| println!("not yet; again in {:?}", poll.next_in)).await?;
//! let mut reader = ready.download().await?.into_reader();
//! // The reader blocks: it belongs on a thread of its own, never in async code.
//! let json = std::thread::spawn(move || {
//!     let mut json = String::new();
//!     reader.read_to_string(&mut json).map(|_| json)
//! });
//! # Ok(()) }
//! ```
//!
//! An export already at hand (a file, standard input, an `https://` address) comes in through [`open`] as the same
//! [`Reader`]. What the ids of an export stand for is told by [`Client::definitions`].
//!
//! Invariants of the crate: every wait and every buffer is bounded by a named member of [`Limits`]; the client secret
//! and the tokens leave it only in requests to the origin of the base URL, never in a message, a log or a `Debug`; a
//! stream that broke, was cut or is corrupt ends in an error, never in a short success.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ahead;
mod block_on;
mod budget;
mod client;
mod counts;
mod definitions;
mod download;
mod error;
mod export;
mod headers;
mod http;
mod inflate;
mod input;
mod keep;
mod limits;
mod network;
mod packed;
mod plan;
mod post;
mod pump;
mod reader;
mod resume;
mod retry;
mod secret;
mod source;
mod state;
mod token;
mod whole;
mod wire;

pub use ahead::Ahead;
pub use budget::{Rate, Rates};
pub use client::{Client, ClientConfig, Region};
pub use counts::Counts;
pub use definitions::DefinitionsCache;
pub use download::Download;
pub use error::{Error, ErrorKind, Result};
pub use export::{ExportSpec, Pending, Poll, Ready};
pub use headers::{HeaderError, Headers};
pub use input::{Input, from_stream, open};
pub use keep::Keep;
pub use limits::Limits;
pub use network::Network;
pub use plan::{Adds, Exports, Part, PartReady, Waiting, parts};
pub use post::post;
pub use reader::Reader;
pub use secret::Secret;
pub use source::{Origin, Progress};
pub use state::{PendingExport, StatePlace, pending_exports, try_state};
pub use token::TokenCheck;
pub use whole::Whole;
