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
    catalogue::{Catalogue, Selection},
    destination::{Destination, Staged, Staging},
    duplicates::Seen,
    encode::{EncodedBatch, PageEncoder},
    error::{Error, Result},
    export::{Export, Findings},
    facts::Facts,
    gate::Gate,
    manifest::{Manifest, TableFiles},
    privacy::{Guarded, Privacy, PrivacyRules},
    progress::Progress,
    schema::TableRef,
    table::{Batch, BatchLimits, BatchSink},
    tables::Tables,
    typed::{self, ByType, ByTypePlan, Change, Learner, Typed, TypedSchema, TypedTable, Wide},
    upload::Uploads,
    writer::{Codec, FileOptions, TableWriter},
};
use apsides_definitions::Definitions;
use apsides_tokenizer::{Limits, Tokens};
use std::{
    collections::HashSet,
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
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
    /// Which long tables are written. Default: all.
    pub selection: Selection,
    /// Which typed tables are written besides, and how. Default: none.
    pub typed: Typed,
    /// What the ids stand for, where that is known. Its attributes are attributes even where their value is null; and
    /// the dimension tables are written.
    pub definitions: Option<Definitions>,
    /// What is withheld.
    pub privacy: PrivacyRules,
    /// Bytes at the export's start from which is learned what the definitions don't tell of the typed
    /// tables' columns. Default 4 MiB.
    pub sample_bytes: usize,
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
    /// The most bytes of the attributes and tags of one section where `wide` is written. Default 32 MiB.
    pub section_bytes: usize,
    /// Threads that encode. Default: as many as there are processors besides the one that reads, which
    /// has more to do than any of them; where typed tables are written, as many as there are processors.
    /// The output does not depend on them.
    pub threads: Option<usize>,
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
            selection: Selection::default(),
            typed: Typed::default(),
            definitions: None,
            privacy: PrivacyRules::default(),
            sample_bytes: memory / 48,
            files: FileOptions { row_group_bytes, ..FileOptions::default() },
            limits: Limits::default(),
            batch_rows: 32 << 10,
            batch_bytes,
            dictionary_bytes: memory / 24,
            section_bytes: memory / 6,
            threads: None,
            bytes_under_way: memory / 12,
            // A table of twelve in a hundred, half as much again while it grows.
            duplicates_in_memory: memory / 128,
        }
    }
}

impl Options {
    fn encoder_threads(&self) -> usize {
        let processors = available_parallelism().map_or(1, usize::from);
        let has_typed = self.typed.wide || self.typed.events;
        let default = if has_typed { processors } else { processors.saturating_sub(1) };
        self.threads.unwrap_or(default).max(1)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::within(Self::MEMORY_DEFAULT)
    }
}

/// Reads an export to its end and writes its tables to `destination`, where readers do not take
/// notice of them yet. `runtime` does the writing; it must not be the one this thread works for.
pub fn stage(
    mut input: impl Read,
    destination: impl Into<Destination>,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    // From here on nothing is generic, so that the hot code is compiled here, once.
    stage_from(&mut input, &destination.into(), options, runtime, progress)
}

fn stage_from(
    input: &mut dyn Read,
    destination: &Destination,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    let staging = Staging::open(destination, options, runtime)?;
    let uploads = staging.uploads();
    let before = staging.before()?.and_then(|manifest| manifest.typed);
    let known = Known::new(options)?;
    let Planned { sample, mut typed, remembered, changes } = plan(input, options, &known, before)?;
    let catalogue = Catalogue::new(&options.selection, &typed, options.definitions.as_ref());
    let writers = writers(&catalogue, uploads, options)?;
    let input = &mut io::Cursor::new(sample).chain(input);
    let gate = Gate::new(options.bytes_under_way);
    let complete = AtomicBool::new(false);
    let (findings, tables) = thread::scope(|scope| {
        let (batches, queue) = channel();
        let (encoded, written) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let gate = &gate;
        let mut encoders = Vec::new();
        for number in 0..options.encoder_threads() {
            let (queue, encoded) = (Arc::clone(&queue), encoded.clone());
            let catalogue = &catalogue;
            encoders.push(spawn(scope, format!("encode-{number}"), move || {
                let _closer = gate.closer();
                let maker = Maker::new(catalogue, options);
                encode(&queue, &encoded, options.files.codec, maker)
            })?);
        }
        drop((queue, encoded));
        let complete = &complete;
        let writer = spawn(scope, "write".to_owned(), move || {
            let _closer = gate.closer();
            write(&written, writers, gate, complete)
        })?;
        let read = read(input, Batches { batches, gate, complete }, options, &known, &catalogue, progress);
        join(read, encoders, writer)
    })?;
    typed.tables.extend(remembered);
    let manifest = Manifest {
        version: Manifest::VERSION,
        tool: format!("apsides {}", env!("CARGO_PKG_VERSION")),
        source: options.source.clone(),
        json_bytes: progress.bytes(),
        findings,
        tables,
        typed: Some(typed).filter(|typed| !typed.tables.is_empty()),
        schema_changes: changes,
        publication: None,
    };
    Ok(staging.stage(manifest))
}

/// What was found out before the export is read.
struct Planned {
    /// The bytes that were read for it.
    sample: Vec<u8>,
    /// The typed tables that are written.
    typed: TypedSchema,
    /// Those that are not, but were once.
    remembered: Vec<TypedTable>,
    changes: Vec<Change>,
}

/// What is known of the export's ids.
struct Known {
    /// Those that are attributes'.
    attribute_ids: HashSet<String>,
    /// Those whose values are withheld.
    privacy: Option<Privacy>,
}

impl Known {
    fn new(options: &Options) -> Result<Self> {
        let mut attribute_ids = options.attribute_ids.clone();
        let attributes = options.definitions.iter().flat_map(|definitions| &definitions.attributes);
        attribute_ids.extend(attributes.flat_map(|attribute| &attribute.versions).map(|version| version.id.clone()));
        let rules = Some(&options.privacy).filter(|rules| !rules.is_empty());
        let privacy = rules.map(|rules| Privacy::new(rules, options.definitions.as_ref())).transpose()?;
        Ok(Self { attribute_ids, privacy })
    }

    /// A reading of an export that tells what may be known of it.
    fn export<'p, R: Read, F: Facts>(
        &'p self,
        input: R,
        facts: F,
        options: &Options,
        progress: &'p Progress,
    ) -> Export<'p, R, Guarded<'p, F>> {
        let tokens = Tokens::with_limits(input, options.limits);
        let seen = Seen::new(options.duplicates_in_memory);
        let hides_keys = self.privacy.as_ref().is_some_and(Privacy::hides_export_keys);
        let guarded = Guarded::new(facts, self.privacy.as_ref());
        Export::new(tokens, guarded, seen, &self.attribute_ids, progress).hiding_keys(hides_keys)
    }
}

/// Finds out which typed tables there are to be, and their columns.
fn plan(input: &mut dyn Read, options: &Options, known: &Known, before: Option<TypedSchema>) -> Result<Planned> {
    let typed = &options.typed;
    let mut before = before;
    let remembered = before.as_mut().map_or(Vec::new(), |before| before.split_off(typed.wide, typed.events));
    let mut sample = Vec::new();
    if !typed.wide && !typed.events {
        return Ok(Planned { sample, typed: before.unwrap_or_default(), remembered, changes: Vec::new() });
    }
    // A first run of these tables has none to compare with.
    let before = before.filter(|before| !before.tables.is_empty());
    input
        .take(options.sample_bytes as u64)
        .read_to_end(&mut sample)
        .map_err(|source| Error::Read { source, offset: sample.len() as u64 })?;
    let progress = Progress::default();
    let learned = known.export(sample.as_slice(), Learner::default(), options, &progress).read_sample().into_inner();
    let definitions = options.definitions.clone().unwrap_or_default();
    let (typed, definitions) = match &known.privacy {
        Some(privacy) => privacy.typed(typed, &definitions),
        None => (typed.clone(), definitions),
    };
    let now = typed::plan(&typed, &definitions, &learned);
    let merged = typed::merge(before.as_ref(), now, typed.mode, &typed.asked);
    let (typed, changes) = merged.map_err(|changes| Error::Frozen { changes })?;
    for change in &changes {
        tracing::warn!(table = change.table, column = change.column, "schema: {change}");
    }
    Ok(Planned { sample, typed, remembered, changes })
}

/// A writer for each table.
fn writers(catalogue: &Catalogue, uploads: &Uploads, options: &Options) -> Result<Vec<TableWriter>> {
    let mut writers: Vec<TableWriter> = Vec::new();
    for table in &catalogue.tables {
        let writer = TableWriter::new(Arc::clone(&table.schema), uploads.clone(), options.files)?;
        let of_same = writers.iter().filter(|other| other.table().name == writer.table().name).count();
        writers.push(match of_same {
            0 => writer,
            // Values that do not fit typed columns: first those of the one kind of tables, then of the other.
            number => writer.beside(["typed", "typed-more"][number.min(2) - 1]),
        });
    }
    Ok(writers)
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
fn read(
    input: &mut dyn Read,
    mut batches: Batches<'_>,
    options: &Options,
    known: &Known,
    catalogue: &Catalogue,
    progress: &Progress,
) -> Result<Findings> {
    let limits = BatchLimits {
        rows: options.batch_rows,
        bytes: options.batch_bytes,
        group_rows: options.files.row_group_rows,
        group_bytes: options.files.row_group_bytes,
        file_bytes: options.files.file_bytes,
        dictionary_bytes: options.dictionary_bytes,
        section_bytes: options.section_bytes,
    };
    for (table, rows) in &catalogue.dimensions {
        batches.send(Batch::whole(table.clone(), rows.clone()))?;
    }
    let tables = Tables::new(batches, limits, catalogue);
    let (tables, findings) = known.export(input, tables, options, progress).read()?;
    // Set before the last sender of batches is dropped, which the encoders and then the writer wait for.
    let batches = tables.into_inner().finish()?;
    batches.complete.store(true, Relaxed);
    Ok(findings)
}

/// Where batches go to be encoded.
struct Batches<'g> {
    batches: Sender<Batch>,
    gate: &'g Gate,
    /// All batches have been sent.
    complete: &'g AtomicBool,
}

impl BatchSink for Batches<'_> {
    fn send(&mut self, batch: Batch) -> Result<()> {
        let gone = Error::EncoderGone { table: batch.table.schema.name.clone().into_owned() };
        // The gate bounds the queue.
        if self.gate.enter(batch.all_bytes()) && self.batches.send(batch).is_ok() { Ok(()) } else { Err(gone) }
    }
}

/// Makes batches of typed tables from those of long ones.
struct Maker {
    wide: Option<Wide>,
    events: Option<(TableRef, ByType)>,
}

impl Maker {
    fn new(catalogue: &Catalogue, options: &Options) -> Self {
        let by_type = |plan: &Arc<ByTypePlan>| (plan.events.clone(), ByType::new(plan, options.limits));
        Self { wide: catalogue.wide.as_ref().map(Wide::new), events: catalogue.by_type.as_ref().map(by_type) }
    }

    /// The batch, and all that is made from it.
    fn batches(&mut self, mut batch: Batch) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        if let (Some(beside), Some(wide)) = (batch.beside.take(), &mut self.wide) {
            batches.extend(wide.rows(&beside.sections, &batch, &beside.tags)?);
            batches.push(beside.tags);
        }
        if let Some((_, by_type)) = self.events.as_mut().filter(|(events, _)| events.is(&batch.table)) {
            batches.extend(by_type.split(&batch)?);
        }
        batches.push(batch);
        Ok(batches)
    }

    fn without_column(&self) -> u64 {
        self.wide.as_ref().map_or(0, |wide| wide.without_column)
            + self.events.as_ref().map_or(0, |(_, by_type)| by_type.without_column)
    }
}

/// An encoder's thread. Gives how many values had no column in typed tables.
fn encode(
    queue: &Mutex<Receiver<Batch>>,
    encoded: &Sender<EncodedBatch>,
    codec: Codec,
    mut maker: Maker,
) -> Result<u64> {
    let mut encoder = PageEncoder::with_codec(codec)?;
    loop {
        let batch = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { break };
        for batch in maker.batches(batch)? {
            // A table that is not written has come this far only for those that are made from it. Without
            // a writer there is nothing to do; the writer tells why.
            if encoded.send(encoder.batch(&batch)?).is_err() {
                return Ok(0);
            }
        }
    }
    Ok(maker.without_column())
}

/// The writer's thread. Gives the tables' files.
fn write(
    encoded: &Receiver<EncodedBatch>,
    mut writers: Vec<TableWriter>,
    gate: &Gate,
    complete: &AtomicBool,
) -> Result<Vec<TableFiles>> {
    for batch in encoded {
        gate.leave(match writers.get_mut(batch.table.index) {
            Some(writer) => writer.write(batch)?,
            None => batch.bytes,
        });
    }
    let mut tables: Vec<TableFiles> = Vec::new();
    // That was all, or the reading failed; then nobody wants the files. If it was an encoder, they are thrown away.
    if !complete.load(Relaxed) {
        return Ok(tables);
    }
    for writer in writers {
        let table = Arc::clone(writer.table());
        let files = writer.finish()?;
        match tables.iter_mut().find(|other| other.name == table.name) {
            Some(table) => table.add(files),
            None => tables.push(TableFiles::new(&table, files)),
        }
    }
    Ok(tables)
}

/// Waits for the threads. Of several errors, the one that caused the others is told.
fn join(
    read: Result<Findings>,
    encoders: Vec<Thread<'_, u64>>,
    writer: Thread<'_, Vec<TableFiles>>,
) -> Result<(Findings, Vec<TableFiles>)> {
    let encoded: Result<u64> = encoders.into_iter().map(joined).sum();
    let written = joined(writer);
    match (read, encoded, written) {
        (Ok(findings), Ok(without_column), Ok(tables)) => Ok((Findings { without_column, ..findings }, tables)),
        (Err(Error::EncoderGone { .. }) | Ok(_), Err(error), _) => Err(error),
        (Err(Error::EncoderGone { .. }) | Ok(_), _, Err(error)) => Err(error),
        (Err(error), ..) => Err(error),
    }
}

fn joined<T>(thread: Thread<'_, T>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
