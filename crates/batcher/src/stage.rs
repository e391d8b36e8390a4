//! The threads of a conversion: the caller's reads the export, some encode, one writes.
//!
//! ```text
//!            batches ═▶ encoder ═▶ pages
//! read ─ gate ═▶        encoder       ═▶ write
//!          ▲            …                  │
//!          └──── so many have arrived ─────┘
//! ```
//!
//! Encoders take any batch, whatever its table. The writer puts them into their places again.

use crate::{
    duplicates::Seen,
    encode::{EncodedBatch, PageEncoder},
    error::{Error, Result},
    export::{Export, Findings},
    gate::Gate,
    manifest::{Manifest, TableFiles},
    progress::Progress,
    schema::TableId,
    staging::{Staged, Staging},
    table::{Batch, BatchLimits, BatchSink, Tables},
    writer::{Codec, FileOptions, TableWriter},
};
use apsides_definitions::Definitions;
use apsides_tokenizer::{Limits, Tokens};
use object_store::{ObjectStore, local::LocalFileSystem};
use std::{
    collections::HashSet,
    io::Read,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, ScopedJoinHandle, available_parallelism},
};
use tokio::runtime::Handle;

/// How an export becomes tables. Every bound of memory is here.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the export is, for the manifest: a file's name, an address without secrets.
    pub source: String,
    /// Whether tables at the destination are replaced.
    pub overwrite: bool,
    /// Ids that are attributes even where their value is null, which else marks a tag.
    pub attribute_ids: HashSet<String>,
    /// What the ids stand for, where that is known. Its attributes are attributes even where their value is null.
    pub definitions: Option<Definitions>,
    /// How files are cut and encoded.
    pub files: FileOptions,
    /// Bounds of the tokenizer.
    pub limits: Limits,
    /// The most rows of a record batch. Default 32 Ki.
    pub batch_rows: usize,
    /// The most bytes of a record batch, give or take one row. Default 2 MiB.
    pub batch_bytes: usize,
    /// The most bytes of a dictionary; a row group ends when it is full. Default 8 MiB.
    pub dictionary_bytes: usize,
    /// Threads that encode. Default: as many as there are processors besides the one that reads, which
    /// has more to do than any of them. The output does not depend on
    /// them.
    pub threads: usize,
    /// Bytes of record batches on their way from the reading to their row groups, or one batch if it is
    /// larger. Default 16 MiB.
    pub bytes_under_way: usize,
    /// Events of one profile that are remembered in memory to find repetitions; beyond that, in a
    /// temporary file. Each takes 21 to 43 bytes, once half as much again while their table grows.
    /// Default 1.5 Mi.
    pub duplicates_in_memory: usize,
}

impl Options {
    /// The least that [`within`](Self::within) can do with, in bytes.
    pub const MEMORY_MIN: usize = 48 << 20;
    /// What [`default`](Self::default) stays within, in bytes.
    pub const MEMORY_DEFAULT: usize = 192 << 20;

    /// Options with which a process stays within so many bytes of memory, whatever the export, as long
    /// as no single value of it is larger than about a thirty-second of them: a value is held in the
    /// tokenizer's window, a batch and a page at the same time.
    ///
    /// About 32 MiB are the program's own. Row groups get the largest part, since readers like them
    /// large; they are counted before they are encoded, and mostly take a quarter of that then.
    pub fn within(memory_bytes: usize) -> Self {
        let memory = memory_bytes.max(Self::MEMORY_MIN);
        let batch_bytes = (memory / 96).min(2 << 20);
        let row_group_bytes = (memory - (32 << 20)) * 2 / 5;
        Self {
            source: String::new(),
            overwrite: false,
            attribute_ids: HashSet::new(),
            definitions: None,
            files: FileOptions { row_group_bytes, ..FileOptions::default() },
            limits: Limits::default(),
            batch_rows: 32 << 10,
            batch_bytes,
            dictionary_bytes: memory / 24,
            threads: available_parallelism().map_or(1, |processors| usize::from(processors).saturating_sub(1).max(1)),
            bytes_under_way: memory / 12,
            // A table of twelve in a hundred, half as much again while it grows.
            duplicates_in_memory: memory / 128,
        }
    }

    /// The ids that are attributes whatever their values.
    fn known_attribute_ids(&self) -> HashSet<String> {
        let attributes = self.definitions.iter().flat_map(|definitions| &definitions.attributes);
        let defined = attributes.flat_map(|attribute| &attribute.versions).map(|version| version.id.clone());
        self.attribute_ids.iter().cloned().chain(defined).collect()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::within(Self::MEMORY_DEFAULT)
    }
}

/// Reads an export to its end and writes its tables into `destination`, a folder, where readers do
/// not see them yet. `runtime` does the writing; it must not be the one this thread works for.
pub fn stage(
    mut input: impl Read,
    destination: &Path,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    // From here on nothing is generic, so that the hot code is compiled here, once.
    stage_from(&mut input, destination, options, runtime, progress)
}

fn stage_from(
    input: &mut dyn Read,
    destination: &Path,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    let staging = Staging::open(destination, options.overwrite)?;
    let folder = staging.tables();
    let store = LocalFileSystem::new_with_prefix(&folder)
        .map_err(|source| Error::Write { path: folder.display().to_string(), source })?;
    // What is published must survive a loss of power.
    let store: Arc<dyn ObjectStore> = Arc::new(store.with_fsync(true));
    let writers = TableId::ALL.map(|table| TableWriter::new(table, Arc::clone(&store), runtime.clone(), options.files));
    let writers = writers.into_iter().collect::<Result<Vec<_>>>()?;
    let gate = Gate::new(options.bytes_under_way);
    let (findings, tables) = thread::scope(|scope| {
        let (batches, queue) = channel();
        let (encoded, written) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let gate = &gate;
        let mut encoders = Vec::new();
        for number in 0..options.threads.max(1) {
            let (queue, encoded) = (Arc::clone(&queue), encoded.clone());
            let codec = options.files.codec;
            encoders.push(spawn(scope, format!("encode-{number}"), move || {
                let _closer = gate.closer();
                encode(&queue, &encoded, codec)
            })?);
        }
        drop((queue, encoded));
        let writer = spawn(scope, "write".to_owned(), move || {
            let _closer = gate.closer();
            write(&written, writers, gate)
        })?;
        let read = read(input, Batches { batches, gate }, options, progress);
        join(read, encoders, writer)
    })?;
    let manifest = Manifest {
        version: Manifest::VERSION,
        tool: format!("apsides {}", env!("CARGO_PKG_VERSION")),
        source: options.source.clone(),
        json_bytes: progress.bytes(),
        findings,
        tables,
    };
    Ok(staging.stage(manifest))
}

type Thread<'scope, T> = ScopedJoinHandle<'scope, Result<T>>;

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: String,
    run: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Result<Thread<'scope, T>> {
    thread::Builder::new().name(name).spawn_scoped(scope, run).map_err(Error::Thread)
}

/// Reads the export and hands its batches to the encoders.
fn read(input: &mut dyn Read, batches: Batches<'_>, options: &Options, progress: &Progress) -> Result<Findings> {
    let tokens = Tokens::with_limits(input, options.limits);
    let limits = BatchLimits {
        rows: options.batch_rows,
        bytes: options.batch_bytes,
        group_rows: options.files.row_group_rows,
        group_bytes: options.files.row_group_bytes,
        file_bytes: options.files.file_bytes,
        dictionary_bytes: options.dictionary_bytes,
    };
    let seen = Seen::new(options.duplicates_in_memory);
    let tables = Tables::new(batches, limits);
    let attribute_ids = options.known_attribute_ids();
    let (_, findings) = Export::new(tokens, tables, seen, &attribute_ids, progress).read()?;
    Ok(findings)
}

/// Where batches go to be encoded.
struct Batches<'g> {
    batches: Sender<Batch>,
    gate: &'g Gate,
}

impl BatchSink for Batches<'_> {
    fn send(&mut self, batch: Batch) -> Result<()> {
        let gone = Error::EncoderGone { table: batch.table.name() };
        // The gate bounds the queue.
        if self.gate.enter(batch.bytes) && self.batches.send(batch).is_ok() { Ok(()) } else { Err(gone) }
    }
}

/// An encoder's thread.
fn encode(queue: &Mutex<Receiver<Batch>>, encoded: &Sender<EncodedBatch>, codec: Codec) -> Result<()> {
    let mut encoder = PageEncoder::with_codec(TableId::Profiles, codec)?;
    loop {
        let batch = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return Ok(()) };
        // Without a writer there is nothing to do; the writer tells why.
        if encoded.send(encoder.batch(&batch)?).is_err() {
            return Ok(());
        }
    }
}

/// The writer's thread. Gives the tables' files.
fn write(encoded: &Receiver<EncodedBatch>, mut writers: Vec<TableWriter>, gate: &Gate) -> Result<Vec<TableFiles>> {
    for batch in encoded {
        gate.leave(writers[batch.table as usize].write(batch)?);
    }
    // That was all, or the reading or an encoder failed; then what is finished here is thrown away.
    let files = TableId::ALL.into_iter().zip(writers);
    files.map(|(table, writer)| Ok(TableFiles::new(table.name(), writer.finish()?))).collect()
}

/// Waits for the threads. Of several errors, the one that caused the others is told.
fn join(
    read: Result<Findings>,
    encoders: Vec<Thread<'_, ()>>,
    writer: Thread<'_, Vec<TableFiles>>,
) -> Result<(Findings, Vec<TableFiles>)> {
    let encoded = encoders.into_iter().try_for_each(joined);
    let written = joined(writer);
    match (read, encoded, written) {
        (Ok(findings), Ok(()), Ok(tables)) => Ok((findings, tables)),
        (Err(Error::EncoderGone { .. }) | Ok(_), Err(error), _) => Err(error),
        (Err(Error::EncoderGone { .. }) | Ok(_), _, Err(error)) => Err(error),
        (Err(error), ..) => Err(error),
    }
}

fn joined<T>(thread: Thread<'_, T>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
