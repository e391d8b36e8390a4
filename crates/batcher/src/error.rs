//! What can stop a conversion.

use crate::{manifest::Manifest, typed::Change};
use apsides_tokenizer as json;
use parquet::errors::ParquetError;
use std::{io, path::PathBuf};

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an export did not become tables. Nothing is published then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is no export: not JSON, or not of the export's shape, or beyond a limit.
    #[error("{source}, in {path}")]
    Json {
        /// What, and at which offset.
        source: json::Error,
        /// Where in the export, as far as it had been read.
        path: String,
    },
    /// The input could not be read to its end.
    #[error("the input could not be read beyond byte {offset}: {source}")]
    Read {
        /// The reader's error.
        source: io::Error,
        /// How many bytes of (uncompressed) JSON had come.
        offset: u64,
    },
    /// The document is JSON, but no object.
    #[error("an export is one JSON object, but this is {found}, at byte {offset}")]
    NoObject {
        /// What it is instead.
        found: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A record batch could not be built or encoded.
    #[error("table {table}: could not be encoded as Parquet")]
    Encode {
        /// The table.
        table: String,
        /// The encoder's error.
        source: ParquetError,
    },
    /// An output file could not be written.
    #[error("could not write {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// The store's error.
        source: object_store::Error,
    },
    /// A file or folder of the destination could not be read, made, moved or removed.
    #[error("could not {action} {}: {source}", path.display())]
    Destination {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// All tables are written, but not all of them could be moved to where readers look. The next
    /// run to this destination does it first.
    #[error("the tables are written, but not all of them could be moved into {place}: {source}")]
    Unfinished {
        /// The destination.
        place: String,
        /// What failed.
        source: Box<Error>,
    },
    /// The destination has tables already.
    #[error("{place} already holds tables")]
    NotEmpty {
        /// The destination.
        place: String,
    },
    /// The destination is a scheduled pipeline's: its windows would be lost.
    #[error("{place} holds the windows of a scheduled pipeline")]
    HasWindows {
        /// The destination.
        place: String,
    },
    /// The destination has tables, but not those of a scheduled pipeline.
    #[error("{place} holds tables of a whole export, not of windows")]
    HasNoWindows {
        /// The destination.
        place: String,
    },
    /// The destination has a window that shares time with one that is to be published.
    #[error("{place} holds events from {other_start} to {other_end}, a window that overlaps {start} to {end}")]
    WindowOverlaps {
        /// The destination.
        place: String,
        /// The window's start.
        start: String,
        /// Its end.
        end: String,
        /// The start of the one that is there.
        other_start: String,
        /// The end of that.
        other_end: String,
    },
    /// The destination tells in another way which files are its tables.
    #[error("{place} was first published with commit `{there}`, not `{asked}`")]
    OtherCommit {
        /// The destination.
        place: String,
        /// How it tells it.
        there: &'static str,
        /// How it was to.
        asked: &'static str,
    },
    /// There is a log of a Delta table, but nothing of it in the manifest.
    #[error("{place} has the log of a Delta table, `{table}`, that is not in its manifest")]
    UnknownLog {
        /// The destination.
        place: String,
        /// The table.
        table: String,
    },
    /// Somebody has removed a Delta table's log, or its last versions.
    #[error("version {version} of the Delta table {place} is missing")]
    MissingVersion {
        /// The table.
        place: String,
        /// The version of its log.
        version: u64,
    },
    /// Somebody else has changed the files of a Delta table.
    #[error(
        "version {version} of the Delta table {place} was not written by apsides, and changes its files or columns"
    )]
    ForeignVersion {
        /// The table.
        place: String,
        /// The version of its log.
        version: u64,
    },
    /// The destination has something in it that this program did not write.
    #[error("{place} holds `{entry}`, which apsides did not write")]
    Foreign {
        /// The destination.
        place: String,
        /// The first such entry, relative to it.
        entry: String,
    },
    /// Another run writes to the same destination.
    #[error("another run is writing to {place}")]
    Locked {
        /// The destination.
        place: String,
    },
    /// This run was not heard of for so long that another took its place.
    #[error("another run has taken over {address}, since this one was not heard of for too long")]
    LeaseLost {
        /// The destination.
        address: String,
    },
    /// A bucket, or how it is to be reached, is not said in a way that can be used.
    #[error("{problem}")]
    StorageSettings {
        /// What is wrong.
        problem: String,
    },
    /// There are no credentials for a bucket.
    #[error("there are no credentials for {address}")]
    NoCredentials {
        /// The bucket, and a prefix or an object in it.
        address: String,
    },
    /// The store did not accept the credentials, or does not allow what was tried.
    #[error("the store of {address} refused: {answer}")]
    StorageRefused {
        /// The bucket, and a prefix or an object in it.
        address: String,
        /// The store's code and words.
        answer: String,
    },
    /// The store replaces objects whatever the condition, so that two runs could publish over each other.
    #[error(
        "the store of {address} takes no notice of conditions (If-None-Match, If-Match), by which tables are published"
    )]
    Unconditional {
        /// The destination.
        address: String,
    },
    /// An object that is to be converted could not be read.
    #[error("could not read {address}: {problem}")]
    InputObject {
        /// The bucket and the object.
        address: String,
        /// What the store said.
        problem: String,
    },
    /// The store did not answer, or said that it cannot serve now, again and again.
    #[error("the store of {address} does not answer as it should: {problem}")]
    Unreachable {
        /// The bucket, and a prefix or an object in it.
        address: String,
        /// What the store said, or why it could not be asked.
        problem: String,
    },
    /// The store did not do what was asked, and would not do it if it were asked again: there is no such bucket, for
    /// one.
    #[error("could not {action} {address}: {problem}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// On what.
        address: String,
        /// What the store said.
        problem: String,
    },
    /// The store did not say whether it has replaced the manifest.
    #[error("it is not known whether the tables are published in {address}: {source}")]
    Undecided {
        /// The destination.
        address: String,
        /// What failed.
        source: Box<Error>,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random,
    /// The manifest of the destination cannot be understood.
    #[error("the manifest {place} cannot be read: {source}")]
    Manifest {
        /// The manifest.
        place: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The manifest of the destination is of a later version of this program, which alone knows what it means.
    #[error("the manifest {place} has version {version}, but this apsides knows only version {}", Manifest::VERSION)]
    ManifestVersion {
        /// The manifest.
        place: String,
        /// The version of its format.
        version: u32,
    },
    /// The temporary file for the search for duplicate events failed.
    #[error("the temporary file for finding duplicate events: {0}")]
    Duplicates(#[source] io::Error),
    /// The temporary files in which the profiles of several parts are counted failed.
    #[error("the temporary files for counting profiles: {0}")]
    Profiles(#[source] io::Error),
    /// The temporary files in which attributes and tags of several parts are brought together for `wide` failed.
    #[error("the temporary files for attributes and tags in several parts: {0}")]
    Columns(#[source] io::Error),
    /// Rows of `wide` would have to be put together from several parts, which is to be said beforehand.
    #[error("attributes and tags come in several parts, which `Options::columns_in_parts` does not say")]
    WideInParts,
    /// The system gave no thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] io::Error),
    /// An encoding thread has gone, which happens only after an error of its own.
    #[error("table {table}: its encoder stopped early")]
    EncoderGone {
        /// The table.
        table: String,
    },
    /// The schema that was published is to stay, but the definitions or the export want another.
    #[error("the published schema is frozen, but would change: {}", shown(changes))]
    Frozen {
        /// What would change.
        changes: Vec<Change>,
    },
    /// A file is another than the one that was written.
    #[error("{path} is not what its manifest says")]
    Damaged {
        /// The file, below the destination.
        path: String,
    },
    /// Tables that were made apart have a column that is something else where they are to be published.
    #[error("column {column} of {table} is {apart} in the shard, and {published} where it is to be published")]
    SchemaApart {
        /// The table.
        table: String,
        /// The column, with the structs it is in.
        column: String,
        /// What it is where it is published.
        published: &'static str,
        /// What it is in the tables that were made apart.
        apart: &'static str,
    },
    /// A row of the table `wide` is made from all attributes of a section, which are too many.
    #[error("a section's attributes take more than {limit} bytes, which is too much for a row of `wide`")]
    SectionTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The same of a profile, where attributes and tags come in several parts.
    #[error(
        "a profile's attributes and tags take more than {limit} bytes, which is too much for rows of `wide` from several exports"
    )]
    ProfileTooLarge {
        /// The limit.
        limit: usize,
    },
    /// What is to be withheld is not clear.
    #[error("privacy: {problem}")]
    Privacy {
        /// What is wrong with the rules.
        problem: String,
    },
    /// The compression of pages could not be set up.
    #[error("the compression of pages could not be set up")]
    Codec(#[source] ParquetError),
}

impl Error {
    pub(crate) fn encode(table: &str, source: ParquetError) -> Self {
        Self::Encode { table: table.to_owned(), source }
    }

    /// For `map_err`: what was tried on which file or folder.
    pub(crate) fn destination(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Destination { action, path, source }
    }

    /// Gives an error of the tokenizer its place.
    pub(crate) fn json(error: json::Error, path: String) -> Self {
        let offset = error.offset();
        if error.kind() != json::ErrorKind::Read {
            return Self::Json { source: error, path };
        }
        let source = error.into_io().unwrap_or_else(|| io::Error::other("the reader failed before"));
        Self::Read { source, offset }
    }
}

/// The first few changes.
fn shown(changes: &[Change]) -> String {
    const SHOWN_MAX: usize = 5;
    let mut shown: Vec<_> = changes.iter().take(SHOWN_MAX).map(Change::to_string).collect();
    if changes.len() > SHOWN_MAX {
        shown.push(format!("{} more", changes.len() - SHOWN_MAX));
    }
    shown.join("; ")
}
