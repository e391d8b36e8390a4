//! The threads of a conversion: the caller's reads the export, some encode, one writes.
//!
//! ```text
//!            batches ═▶ encoder ═▶ pages
//! read ─ gate ═▶        encoder       ═▶ write
//!          ▲            …                  │
//!          └──── so many have arrived ─────┘
//! ```
//!
//! Encoders take any batch, whatever its table; the thread that reads is one of them while there is no room for what it has
//! read ([`crate::encoder`]). The writer puts pages into their places again.

use crate::{
    catalogue::Catalogue,
    destination::{Destination, Staged, Staging},
    encode::EncodedBatch,
    encoder::{Batches, Encoder, Equipment, Queue},
    error::{Error, Result},
    export::Findings,
    gate::Gate,
    manifest::{Manifest, TableFiles},
    options::Options,
    parts::{Adds, MergedColumns, MergedProfiles, Part},
    prepare::{Known, Prepared, prepare},
    profile::{self, Profile, Timed},
    progress::Progress,
    run::RunId,
    table::{Batch, BatchLimits, BatchSink},
    tables::Tables,
    typed::Workshop,
    upload::Uploads,
    writer::TableWriter,
};
use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread::{self, ScopedJoinHandle},
    time::Instant,
};
use tokio::runtime::Handle;
use tracing::Span;

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
    stage_from(&mut input, None, &destination.into(), options, runtime, progress)
}

/// The same of an export that comes in parts: the first, which is kept whole, and the `rest` in turn. Each further part
/// is asked for when those before it are read, and an error of its own is one of reading.
///
/// There is one row per profile, with what all parts together have; `profiles` is then in no particular order, and so is
/// `wide` where attributes and tags are in several parts ([`Options::columns_in_parts`]). The
/// `ordinal` of events begins anew in each part, and only repetitions within a part are found.
pub fn stage_parts<R: Read>(
    mut first: impl Read,
    rest: impl IntoIterator<Item = io::Result<Part<R>>>,
    destination: impl Into<Destination>,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    let mut rest = rest.into_iter().map(|part| part.map(|Part { input, adds }| (input, adds)));
    let mut read_next = |each: &mut dyn FnMut(&mut dyn Read, Adds) -> Result<()>| match rest.next() {
        None => Ok(false),
        Some(Ok((mut input, adds))) => each(&mut input, adds).map(|()| true),
        Some(Err(source)) => Err(Error::Read { source, offset: progress.bytes() }),
    };
    stage_from(&mut first, Some(&mut read_next), &destination.into(), options, runtime, progress)
}

/// Gives the next part to a function; false if there is none.
type NextPart<'a> = dyn FnMut(&mut dyn FnMut(&mut dyn Read, Adds) -> Result<()>) -> Result<bool> + 'a;

fn stage_from(
    input: &mut dyn Read,
    rest: Option<&mut NextPart<'_>>,
    destination: &Destination,
    options: &Options,
    runtime: &Handle,
    progress: &Progress,
) -> Result<Staged> {
    let extent = &options.extent;
    let options = &Options { typed: extent.typed(&options.typed), ..options.clone() };
    let run = options.run.clone().map_or_else(RunId::new, Ok)?;
    let staging = Staging::open(destination, &run.next_name(), options, runtime)?;
    let uploads = staging.uploads();
    let before = staging.before()?.and_then(|manifest| manifest.typed).or_else(|| options.schema.clone());
    let Prepared { known, sample, mut typed, remembered, changes } = prepare(input, options, before)?;
    let dimensions = known.definitions.as_ref().filter(|_| extent.has_dimensions());
    let catalogue = Catalogue::new(&extent.selection(&options.selection), &typed, dimensions);
    let writers = writers(&catalogue, uploads, options)?;
    let mut input = Timed::new(io::Cursor::new(&sample).chain(input));
    let gate = Gate::new(options.bytes_under_way);
    let workshop = &Workshop::new(&gate);
    let complete = AtomicBool::new(false);
    let (batches, queue) = channel();
    let queue = &Queue::new(queue);
    let (findings, tables, mut profile) = thread::scope(|scope| {
        let (encoded, written) = channel();
        let equipment = Equipment { queue, workshop, catalogue: &catalogue, options, encoded };
        let gate = &gate;
        let mut encoders = Vec::new();
        for number in 0..options.encoder_threads() {
            let equipment = equipment.clone();
            encoders.push(spawn(scope, format!("encode-{number}"), move || {
                let _closer = gate.closer();
                Encoder::new(&equipment)?.all(equipment.queue)
            })?);
        }
        let complete = &complete;
        let writer = spawn(scope, "write".to_owned(), move || {
            let _closer = gate.closer();
            write(&written, writers, gate, complete, progress)
        })?;
        let began = Instant::now();
        let batches = Batches::new(batches, gate, equipment);
        let read = read(&mut input, rest, batches, &known, complete, progress)
            .map(|(findings, profile)| (findings, Profile { reader: began.elapsed(), input: input.time, ..profile }));
        join(read, encoders, writer)
    })?;
    if options.profile {
        profile.tokens = profile::time_of_tokens(&sample, options, progress.bytes());
    }
    typed.tables.extend(remembered);
    let manifest = Manifest {
        run: Some(run.to_string()),
        json_bytes: progress.bytes(),
        findings,
        tables,
        typed: Some(typed).filter(|typed| !typed.tables.is_empty()),
        schema_changes: changes,
        ..Manifest::nothing(&options.source)
    };
    staging.stage(manifest, profile, extent)
}

/// A writer for each table.
fn writers(catalogue: &Catalogue, uploads: &Uploads, options: &Options) -> Result<Vec<TableWriter>> {
    let mut writers: Vec<TableWriter> = Vec::new();
    // Each file has as many row groups, so that where they end depends on no other table's rows.
    let leaves: usize = catalogue.tables.iter().map(|table| table.schema.leaves()).sum();
    let groups_max = (options.files.chunks_max / leaves.max(1)).max(1);
    for table in &catalogue.tables {
        let writer =
            TableWriter::new(Arc::clone(&table.schema), uploads.clone(), options.files, groups_max, &options.extent)?;
        let writer = if options.wants_statistics() { writer.with_statistics() } else { writer };
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
    // What it logs belongs to the run, too.
    let span = Span::current();
    thread::Builder::new().name(name).spawn_scoped(scope, move || span.in_scope(run)).map_err(Error::Thread)
}

/// Reads the export and hands its batches to the encoders. Gives what this thread has found and has counted.
fn read(
    input: &mut dyn Read,
    rest: Option<&mut NextPart<'_>>,
    mut batches: Batches<'_>,
    known: &Known,
    complete: &AtomicBool,
    progress: &Progress,
) -> Result<(Findings, Profile)> {
    let Equipment { options, catalogue, .. } = *batches.equipment();
    let limits = BatchLimits {
        rows: options.batch_rows,
        bytes: options.batch_bytes,
        group_rows: options.files.row_group_rows,
        group_bytes: options.files.row_group_bytes,
        file_bytes: options.files.file_bytes,
        dictionary_bytes: options.dictionary_bytes,
        bundle_bytes: options.bundle_bytes,
        section_bytes: options.section_bytes,
    };
    for (table, rows) in &catalogue.dimensions {
        batches.send(Batch::whole(table.clone(), rows.clone()))?;
    }
    let mut tables = Tables::new(batches, limits, catalogue);
    tables.begin_part(options.extent.adds())?;
    if rest.is_some() {
        tables.merge(MergedProfiles::new().map_err(Error::Profiles)?);
    }
    if options.columns_in_parts && catalogue.wide.is_some() {
        tables.make_wide_later(MergedColumns::new(options.section_bytes)?, catalogue.of_wide());
    }
    let (guarded, mut findings) = known.export(input, tables, options, progress).read()?;
    let mut tables = Some(guarded.into_inner());
    if let Some(rest) = rest {
        let mut read_part = |input: &mut dyn Read, adds| {
            let Some(mut facts) = tables.take() else { return Ok(()) };
            facts.begin_part(adds)?;
            progress.begin_part();
            let (guarded, found) = known.export(input, facts, options, progress).read()?;
            findings.add(found);
            tables = Some(guarded.into_inner());
            Ok(())
        };
        while rest(&mut read_part)? {}
    }
    let Some(tables) = tables else { return Ok((findings, Profile::default())) };
    let batches = tables.finish()?;
    // Set before the last sender of batches is dropped, which the encoders and then the writer wait for.
    complete.store(true, Relaxed);
    let (without_column, profile) = batches.finish()?;
    findings.without_column += without_column;
    Ok((findings, profile))
}

/// The writer's thread. Gives the tables' files, and its times.
fn write(
    encoded: &Receiver<EncodedBatch>,
    mut writers: Vec<TableWriter>,
    gate: &Gate,
    complete: &AtomicBool,
    progress: &Progress,
) -> Result<(Vec<TableFiles>, Profile)> {
    let mut profile = Profile::default();
    for batch in encoded {
        let began = Instant::now();
        gate.leave(match writers.get_mut(batch.table.index) {
            Some(writer) => {
                progress.add_rows(batch.rows, batch.columns.iter().map(|(page, entries)| entries.bytes(page)).sum());
                writer.write(batch, &mut profile)?
            }
            None => batch.bytes,
        });
        profile.write += began.elapsed();
    }
    let began = Instant::now();
    let mut tables: Vec<TableFiles> = Vec::new();
    // That was all, or the reading failed; then nobody wants the files. If it was an encoder, they are thrown away.
    if !complete.load(Relaxed) {
        return Ok((tables, profile));
    }
    for writer in writers {
        let table = Arc::clone(writer.table());
        let files = writer.finish()?;
        match tables.iter_mut().find(|other| other.name == table.name) {
            Some(table) => table.add(files),
            None => tables.push(TableFiles::new(&table, files)),
        }
    }
    profile.write += began.elapsed();
    Ok((tables, profile))
}

/// Waits for the threads. Of several errors, the one that caused the others is told.
fn join(
    read: Result<(Findings, Profile)>,
    encoders: Vec<Thread<'_, (u64, Profile)>>,
    writer: Thread<'_, (Vec<TableFiles>, Profile)>,
) -> Result<(Findings, Vec<TableFiles>, Profile)> {
    let encoded: Result<Vec<_>> = encoders.into_iter().map(joined).collect();
    let written = joined(writer);
    match (read, encoded, written) {
        (Ok((mut findings, mut profile)), Ok(encoded), Ok((tables, written))) => {
            profile.add(written);
            for (without_column, of_thread) in encoded {
                findings.without_column += without_column;
                profile.add(of_thread);
            }
            Ok((findings, tables, profile))
        }
        (Err(Error::EncoderGone { .. }) | Ok(_), Err(error), _) => Err(error),
        (Err(Error::EncoderGone { .. }) | Ok(_), _, Err(error)) => Err(error),
        (Err(error), ..) => Err(error),
    }
}

fn joined<T>(thread: Thread<'_, T>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
