//! `apsides run`: one run of a pipeline, the whole of it on this page.

use crate::{
    args::{Output, Run},
    check::is_writable,
    config::Pipeline,
    failure::{Exit, Failure},
    intake::{Intake, Taken},
    names::{self, Lookup},
    progress::{Waiting, duration},
    raw::RawRun,
    reports::{Reports, Told},
    schedule::{Clock, Schedule},
    shards::Share,
    shutdown::Shutdown,
    tables::{self, Input, NextPart, Published},
    watch::Watch,
    windows::{self, Work},
};
use apsides_batcher::{Asked, Destination, Error, Extent, Options, Part, Typed, Window, look};
use apsides_fetcher::{self as fetcher, Client, ClientConfig, ExportSpec};
use jiff::{SignedDuration, Timestamp};
use std::{
    io, iter,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// All that a run needs to know.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) client: ClientConfig,
    /// What is asked for; in a pipeline's own words, until [`names::resolved`].
    pub(crate) export: ExportSpec,
    /// The windows of its events, if there are any.
    pub(crate) schedule: Option<Schedule>,
    /// How those words are looked up.
    pub(crate) lookup: Lookup,
    /// What the manifest says where the tables come from.
    pub(crate) source: String,
    /// Where downloads are kept as they come, if they are.
    pub(crate) keep_raw: Option<Destination>,
    /// Whether a download is whole before it is read.
    pub(crate) spools: bool,
    pub(crate) destination: Destination,
    pub(crate) overwrite: bool,
    /// Who is told how it went.
    pub(crate) told: Told,
    /// How the export is converted. What is above, and what was asked for, is added.
    pub(crate) options: Options,
}

pub(crate) async fn run(args: Run, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let job = Pipeline::read(&args.pipeline)?.keeping(args.keep_raw).into_job()?;
    let client = Client::new(job.client.clone())?;
    let reports = Reports::of("run", &job, args.reports, &args.pipeline)?.of_shard(args.scheduled.shard);
    let run = async {
        let (job, share) = Share::of_any(job, args.scheduled.shard, shutdown).await?;
        let share = share.as_ref();
        let job = names::resolved(job, &client, output, shutdown).await?;
        match &job.schedule {
            None => {
                let parts = fetcher::parts(&job.export)?;
                let _ahead = client.ahead(parts.into_iter().map(|part| part.spec).collect());
                execute(&job, &client, watch, output, shutdown).await?.printed(&job.destination, output)
            }
            Some(schedule) => {
                let clock = Clock::of(args.scheduled.now);
                windows::run(&Work { job: &job, schedule, share, client: &client, clock, watch, output, shutdown })
                    .await
            }
        }
    };
    reports.around(watch, || client.counts(), run).await
}

/// Requests an export, in parts if need be, waits until each is there, downloads it and publishes the tables.
pub(crate) async fn execute(
    job: &Job,
    client: &Client,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Published, Failure> {
    let began = Timestamp::now();
    // What would only show when the export has come must not cost one.
    job.options.check()?;
    let parts = fetcher::parts(&job.export)?;
    shutdown.or_interrupted(look_at(job, watch)).await??;
    if parts.len() > 1 {
        tracing::info!(parts = parts.len(), "the API makes this export in parts");
    }
    let raw = match &job.keep_raw {
        Some(place) => Some(RawRun::begin(place, &job.source, &job.export.attributes).await?),
        None => None,
    };
    let waiting = Waiting::new(output, format!("requesting an export from {}", job.client.base_url));
    // Gone once the first part is there: from then on, another line tells how far it is.
    let waiting = Arc::new(Mutex::new(Some(waiting)));
    let exports = client.exports(parts, {
        let waiting = Arc::clone(&waiting);
        move |wait| say(&waiting, wait)
    });
    let intake = Arc::new(tokio::sync::Mutex::new(Intake::new(exports, raw, job.spools, watch)));
    let first = shutdown.or_interrupted(async { intake.lock().await.next().await }).await;
    drop(waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
    let published = match first.flatten() {
        Ok(Some(first)) => publish(job, first, began, &intake, watch, output, shutdown).await,
        Ok(None) => Err(Failure::new(Exit::Unexpected, "there is no part of the export")),
        Err(failure) => Err(failure),
    };
    let mut intake = intake.lock().await;
    intake.end().await;
    // An export that cannot be read is of no more use than one that is published: the next run asks for another.
    if published.as_ref().map_or_else(|failure| failure.is_malformed_export, |_| true) {
        intake.done().await;
    }
    published
}

/// Publishes tables of the first part and those that follow.
async fn publish(
    job: &Job,
    first: Taken,
    began: Timestamp,
    intake: &Arc<tokio::sync::Mutex<Intake>>,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Published, Failure> {
    let options = Options {
        source: job.source.clone(),
        run: Some(watch.run().clone()),
        overwrite: job.overwrite,
        // What was asked for as an attribute is one, even where it has no value.
        attribute_ids: job.export.attributes.iter().cloned().collect(),
        columns_in_parts: first.has_more_columns,
        extent: asked_earlier(job.options.extent, began.duration_since(first.asked_at)),
        typed: Typed { asked: asked(&job.export), ..job.options.typed.clone() },
        ..job.options.clone()
    };
    let rest = first.has_next.then(|| rest_of(Arc::clone(intake), shutdown.clone()));
    let input = Input { first: first.reader, reading: "downloading", rest };
    tables::publish(input, &job.destination, options, watch, output, shutdown).await
}

/// What is replaced by an export that was asked for so long before the run or its step began: ahead of it, or by an
/// earlier run.
fn asked_earlier(extent: Extent, earlier: SignedDuration) -> Extent {
    let shifted = |moment: Timestamp| moment.checked_sub(earlier.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MIN);
    match extent {
        Extent::All => Extent::All,
        Extent::Snapshot { asked_at, kept } => Extent::Snapshot { asked_at: shifted(asked_at), kept },
        Extent::Window(window) => Extent::Window(Window { asked_at: shifted(window.asked_at), ..window }),
    }
}

/// Fails if the tables could not be published now.
async fn look_at(job: &Job, watch: &Watch) -> Result<(), Failure> {
    look(&job.destination, job.options.commit, &job.options.extent, job.overwrite, Some(watch.run())).await?;
    match &job.destination {
        Destination::Folder(folder) => is_writable(folder),
        Destination::Bucket { .. } => Ok(()),
    }
}

/// What typed tables have columns for.
pub(crate) fn asked(export: &ExportSpec) -> Asked {
    let ids = |ids: &[String]| Some(ids.iter().cloned().collect());
    Asked { attributes: ids(&export.attributes), tags: ids(&export.tags), events: ids(&export.events) }
}

fn say(waiting: &Mutex<Option<Waiting>>, wait: fetcher::Waiting) {
    let fetcher::Waiting { part, parts, poll } = wait;
    let (waited, next_in) = (duration(poll.waited.as_secs()), duration(poll.next_in.as_secs().max(1)));
    let of = if parts > 1 { format!(" ({part} of {parts})") } else { String::new() };
    tracing::info!(part, parts, waited, next_in, "waiting for the export");
    if let Some(line) = &*waiting.lock().unwrap_or_else(PoisonError::into_inner) {
        line.say(format!("waiting for the export{of}: not ready after {waited}, asking again in {next_in}"));
    }
}

/// The parts after the first, for the thread that reads.
fn rest_of(intake: Arc<tokio::sync::Mutex<Intake>>, shutdown: Shutdown) -> NextPart {
    let runtime = Handle::current();
    let next = move || {
        let next = async { shutdown.or_interrupted(async { intake.lock().await.next().await }).await? };
        let next = runtime.block_on(next).transpose()?;
        Some(next.map(|taken| Part { input: taken.reader, adds: taken.adds }).map_err(io::Error::other))
    };
    Box::new(iter::from_fn(next))
}

/// The failure of a part that did not come, as it was.
pub(crate) fn failure_of(error: Error) -> Failure {
    match error {
        Error::Read { source, offset } => match source.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(source) => Error::Read { source, offset }.into(),
        },
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_batcher::Kept;

    #[test]
    fn typed_tables_are_of_what_was_asked_for() {
        let asked = asked(&ExportSpec { attributes: vec!["7".into()], ..ExportSpec::default() });
        assert_eq!(asked.attributes, Some(["7".to_owned()].into()));
        assert_eq!((asked.tags, asked.events), (Some([].into()), Some([].into())));
    }

    /// Before midnight, that is, by a run whose export this one has taken up.
    #[test]
    fn a_snapshot_that_was_asked_for_earlier_is_of_that_time() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let every = SignedDuration::from_hours(24);
        let number = std::num::NonZeroUsize::new(7).expect("some");
        let kept = Some(Kept { origin: time("2026-01-01T00:00:00Z"), every, number });
        let extent = |asked_at| Extent::Snapshot { asked_at: time(asked_at), kept };
        let earlier = SignedDuration::from_mins(20);
        assert_eq!(asked_earlier(extent("2026-01-03T00:10:00Z"), earlier), extent("2026-01-02T23:50:00Z"));
    }
}
