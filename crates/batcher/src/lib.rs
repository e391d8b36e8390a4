//! From an APSIS One profile export to Parquet tables, published whole or not at all.
//!
//! ```text
//! io::Read ─▶ tokenizer ─▶ export (rows) ─▶ table (columns, batches) ═▶ encode (pages) ═▶ writer (files) ─▶ staging
//!                       one thread                           a thread per further processor    one thread
//! ```
//!
//! [`stage()`] reads an export to its end and writes its tables under a hidden name;
//! [`Staged::publish`] then shows them to readers. Whatever goes wrong before leaves the
//! destination as it was. All queues and buffers are bounded, so memory does not grow with the
//! input.
#![forbid(unsafe_code)]

mod column;
mod dictionary;
mod dimensions;
mod duplicates;
mod encode;
mod error;
mod event;
mod export;
mod gate;
mod manifest;
mod progress;
mod schema;
mod scope;
mod stage;
mod staging;
mod table;
mod time;
mod upload;
mod writer;

pub use dimensions::dimension_tables;
pub use error::{Error, Result};
pub use export::Findings;
pub use manifest::{DataFile, Manifest, TableFiles};
pub use progress::Progress;
pub use schema::{Column, ColumnType, TableId};
pub use stage::{Options, stage};
pub use staging::{Staged, published};
pub use writer::{Codec, FileOptions};
