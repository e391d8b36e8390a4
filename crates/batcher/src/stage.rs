//! The threads of a conversion: the caller's reads the export, one per table encodes.

use crate::{
    duplicates::Seen,
    error::{Error, Result},
    export::{Export, Findings},
    manifest::{DataFile, Manifest, TableFiles},
    progress::Progress,
    schema::TableId,
    staging::{Staged, Staging},
    table::{BatchLimits, BatchSink, Tables},
    writer::{FileOptions, TableWriter},
};
use apsides_tokenizer::{Limits, Tokens};
use arrow::array::RecordBatch;
use object_store::{ObjectStore, local::LocalFileSystem};
use std::{
    collections::HashSet,
    io::Read,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, ScopedJoinHandle},
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
    /// How files are cut and encoded.
    pub files: FileOptions,
    /// Bounds of the tokenizer.
    pub limits: Limits,
    /// The most rows of a record batch. Default 32 Ki.
    pub batch_rows: usize,
    /// The most bytes of a record batch, give or take one row. Default 2 MiB.
    pub batch_bytes: usize,
    /// Record batches that wait for each table's encoder. Default 2.
    pub queue_batches: usize,
    /// Events of one profile that are remembered in memory to find repetitions; beyond that, in a
    /// temporary file. Default 256 Ki.
    pub duplicates_in_memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: String::new(),
            overwrite: false,
            attribute_ids: HashSet::new(),
            files: FileOptions::default(),
            limits: Limits::default(),
            batch_rows: 32 << 10,
            batch_bytes: 2 << 20,
            queue_batches: 2,
            duplicates_in_memory: 256 << 10,
        }
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
    let (findings, tables) = thread::scope(|scope| {
        let mut queues = Queues::default();
        let mut encoders = Vec::new();
        for table in TableId::ALL {
            let (sender, receiver) = sync_channel(options.queue_batches);
            let writer = TableWriter::new(table, Arc::clone(&store), runtime.clone(), options.files);
            let encoder = thread::Builder::new()
                .name(table.name().to_owned())
                .spawn_scoped(scope, move || encode(&receiver, writer))
                .map_err(Error::Thread)?;
            queues.0.push(sender);
            encoders.push(encoder);
        }
        let read = read(input, queues, options, progress);
        join(read, encoders)
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

/// Reads the export, hands its batches to the encoders and tells them that they were all.
fn read(input: &mut dyn Read, queues: Queues, options: &Options, progress: &Progress) -> Result<Findings> {
    let tokens = Tokens::with_limits(input, options.limits);
    let limits = BatchLimits { rows: options.batch_rows, bytes: options.batch_bytes };
    let seen = Seen::new(options.duplicates_in_memory);
    let tables = Tables::new(queues, limits);
    let (queues, findings) = Export::new(tokens, tables, seen, &options.attribute_ids, progress).read()?;
    queues.finish()?;
    Ok(findings)
}

enum Message {
    Batch(RecordBatch),
    /// There are no more. A queue that ends without it belongs to a reading that failed.
    Finish,
}

/// The queue of each table's encoder, in the order of [`TableId::ALL`].
#[derive(Default)]
struct Queues(Vec<SyncSender<Message>>);

impl Queues {
    fn finish(self) -> Result<()> {
        TableId::ALL.into_iter().try_for_each(|table| self.put(table, Message::Finish))
    }

    fn put(&self, table: TableId, message: Message) -> Result<()> {
        self.0[table as usize].send(message).map_err(|_| Error::EncoderGone { table: table.name() })
    }
}

impl BatchSink for Queues {
    fn send(&mut self, table: TableId, batch: RecordBatch) -> Result<()> {
        self.put(table, Message::Batch(batch))
    }
}

/// An encoder's thread. Gives the table's files, or none if the reading failed.
fn encode(batches: &Receiver<Message>, mut writer: TableWriter) -> Result<Option<Vec<DataFile>>> {
    loop {
        match batches.recv() {
            Ok(Message::Batch(batch)) => writer.write(&batch)?,
            Ok(Message::Finish) => return writer.finish().map(Some),
            Err(_) => return Ok(None),
        }
    }
}

type Encoder<'scope> = ScopedJoinHandle<'scope, Result<Option<Vec<DataFile>>>>;

/// Waits for the encoders. Of several errors, the one that caused the others is told.
fn join(read: Result<Findings>, encoders: Vec<Encoder<'_>>) -> Result<(Findings, Vec<TableFiles>)> {
    let mut tables = Vec::new();
    let mut failure = None;
    for (table, encoder) in TableId::ALL.into_iter().zip(encoders) {
        match encoder.join() {
            Ok(Ok(files)) => tables.push(TableFiles::new(table.name(), files.unwrap_or_default())),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    match (read, failure) {
        (Err(Error::EncoderGone { .. }) | Ok(_), Some(failure)) => Err(failure),
        (Err(error), _) => Err(error),
        (Ok(findings), None) => Ok((findings, tables)),
    }
}
