//! From an open input to published tables: what `convert`, `run` and `demo` have in common.

use crate::{
    args::Output,
    damage::LastRead,
    failure::Failure,
    progress::{Converting, Phases},
    run,
    shutdown::Shutdown,
    summary::Summary,
    watch::{Phase, Watch, Written},
};
use apsides_batcher::{Destination, Error, Manifest, Options, Part, Profile, Progress, stage, stage_parts};
use apsides_fetcher::Reader;
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// The parts of an export after the first; each is waited for by the thread that reads.
pub(crate) type NextPart = Box<dyn Iterator<Item = io::Result<Part<Reader>>> + Send>;

/// What is converted.
pub(crate) struct Input {
    pub(crate) first: Reader,
    /// What reading it is called.
    pub(crate) reading: &'static str,
    /// None if that was all.
    pub(crate) rest: Option<NextPart>,
}

impl From<Reader> for Input {
    fn from(first: Reader) -> Self {
        Self { first, reading: "reading", rest: None }
    }
}

/// What a run has published.
pub(crate) struct Published {
    /// What it has written.
    pub(crate) written: Manifest,
    /// All that is at the destination now.
    pub(crate) all: Manifest,
    pub(crate) elapsed: Duration,
    pub(crate) profile: Option<Profile>,
}

impl Published {
    /// Rows and bytes of what it has written.
    pub(crate) fn total(&self) -> Written {
        let tables = &self.written.tables;
        Written {
            rows: tables.iter().map(|table| table.rows).sum(),
            bytes: tables.iter().map(|table| table.bytes).sum(),
        }
    }

    /// Tells of a destination that is as this run has left it, and gives what is there.
    pub(crate) fn printed(self, destination: &Destination, output: &Output) -> Result<Manifest, Failure> {
        Summary::new(destination, &self.all, self.elapsed, self.profile.as_ref()).print(output)?;
        Ok(self.all)
    }
}

/// Converts an input and publishes its tables.
pub(crate) async fn publish(
    input: Input,
    destination: &Destination,
    options: Options,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Published, Failure> {
    let started = Instant::now();
    let progress = Arc::new(Progress::default());
    let writing = match destination {
        Destination::Folder(_) => "writing",
        Destination::Bucket { .. } => "uploading",
    };
    let phases = Phases { reading: input.reading, writing: Some(writing) };
    let line = Converting::new(output, phases, input.first.progress(), Arc::clone(&progress));
    let (rest, readers, measured) = (input.rest, shutdown.clone(), watch.clone());
    let last_read = LastRead::default();
    let held = last_read.clone();
    let reader = move |input| measured.reader(readers.reader(held.reader(input)));
    let first = reader(input.first);
    let (place, wants_profile) = (destination.clone(), options.profile);
    let runtime = Handle::current();
    let measured = watch.clone();
    // After a signal the input fails at its next read, and what was staged is removed. If the thread hangs in a
    // read, the next run removes it.
    let published = shutdown.or_left(move || {
        let staged = measured.time(Phase::Converting, || match rest {
            None => stage(first, &place, &options, &runtime, &progress),
            Some(rest) => {
                let rest = rest.map(|part| part.map(|Part { input, adds }| Part { input: reader(input), adds }));
                stage_parts(first, rest, &place, &options, &runtime, &progress)
            }
        });
        measured.add_json_bytes(progress.bytes());
        let staged = staged.map_err(|error| last_read.blamed(error))?;
        let (written, profile) = (staged.manifest().clone(), wants_profile.then(|| staged.profile().clone()));
        measured.time(Phase::Publishing, || staged.publish()).map(|all| (written, all, profile))
    });
    let published = published.await?;
    drop(line);
    match published {
        Ok((written, all, profile)) => Ok(Published { written, all, elapsed: started.elapsed(), profile }),
        // What is decided will be published, and its error says so.
        Err(Error::Read { .. }) if shutdown.is_requested() => Err(Failure::interrupted()),
        Err(error) => Err(run::failure_of(error)),
    }
}
