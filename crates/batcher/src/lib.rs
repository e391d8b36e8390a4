//! From an APSIS One profile export to Parquet tables, published whole or not at all.
//!
//! ```text
//! io::Read ─▶ tokenizer ─▶ export (rows) ─▶ table (columns, batches) ═▶ encode (pages) ═▶ writer (files) ─▶ destination
//!                       one thread                           a thread per further processor    one thread
//! ```
//!
//! [`stage()`] reads an export to its end and writes its tables where readers take no notice of them;
//! [`Staged::publish`] then shows them. Whatever goes wrong before leaves the
//! destination as it was. All queues and buffers are bounded, so memory does not grow with the
//! input.
#![forbid(unsafe_code)]

mod at_hand;
mod catalogue;
mod column;
mod destination;
mod dictionary;
mod dimensions;
mod duplicates;
mod encode;
mod encoder;
mod error;
mod event;
mod export;
mod extent;
mod facts;
mod gate;
mod hexadecimal;
mod inspect;
mod manifest;
mod options;
mod parts;
mod prepare;
mod privacy;
mod profile;
mod progress;
mod run;
mod schema;
mod scope;
mod stage;
mod statistics;
mod table;
mod tables;
mod time;
mod typed;
mod upload;
mod views;
mod writer;

pub use catalogue::Selection;
pub use destination::{
    Address, Archive, Commit, DeltaLogs, Destination, Holder, NewObject, OpenObject, Shard, Staged, StorageSettings,
    TableLog, Unlocked, Vacuumed, clear_removed, holder, look, look_beside, manifest_of, open_object, published,
    remove_shard, settle, shards, stage_shard, try_puts, unlock, vacuum,
};
pub use dimensions::dimension_tables;
pub use error::{Error, Result};
pub use export::Findings;
pub use extent::{Extent, Kept, Window};
pub use inspect::{
    AttributeFound, DayCount, EventTypeFound, InspectOptions, Inspection, Others, SectionFound, SizeBucket, Sizes,
    Span, TagFound, Totals, UnmappedFound, ValueCounts, inspect, inspect_slices,
};
pub use manifest::{ColumnOf, DataFile, Manifest, Publication, Retired, TableFiles};
pub use options::Options;
pub use parts::{Adds, Part};
pub use prepare::SchemaOutlook;
pub use privacy::{PrivacyRules, Treatment};
pub use profile::{ColumnCost, Profile};
pub use progress::Progress;
pub use run::RunId;
pub use schema::{Column, ColumnType, TableId, TableSchema};
pub use stage::{stage, stage_parts};
pub use statistics::Statistics;
pub use typed::{Asked, Change, Kind, Nested, SchemaMode, Typed, TypedColumn, TypedOf, TypedSchema, TypedTable};
pub use views::view_paths;
pub use writer::{Codec, FileOptions};
