//! Runs of a schedule: first how profiles are now, then the events of each window that is due, each published by itself.
//! What an interrupted run has published stands, and the next run goes on from there.

use crate::{
    args::{Backfill, Output},
    config::Pipeline,
    failure::{Exit, Failure},
    measure, names,
    reports::Reports,
    run::{self, Job},
    schedule::{Bounds, Clock, Due, Schedule},
    shards::Share,
    shutdown::Shutdown,
    summary::print,
    tables::Published,
    watch::{Watch, Written},
};
use apsides_batcher::{Extent, Manifest, Options, Window, settle};
use apsides_fetcher::{self as fetcher, Client, ExportSpec};
use jiff::Timestamp;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tracing::Instrument;

/// How long a shard's step waits until the shard is free, and how often it looks.
const LOCK_WAIT: Duration = Duration::from_secs(60);
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// What a run of a schedule has to do, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Whether it begins with how profiles are.
    pub(crate) snapshot: bool,
    pub(crate) windows: Vec<Due>,
    /// Windows that are due, but the next run's.
    pub(crate) left: usize,
}

impl Steps {
    /// What is due now.
    pub(crate) fn due(
        schedule: &Schedule,
        share: Option<&Share>,
        published: Option<&Manifest>,
        now: Timestamp,
    ) -> Self {
        let known = match share {
            None => published.map_or_else(Vec::new, |manifest| manifest.windows.clone()),
            Some(share) => share.windows(published),
        };
        Self::of(schedule.due(&known, now), schedule, share, published, true)
    }

    /// Those of these windows that are the share's, if there is one.
    fn of(
        mut windows: Vec<Due>,
        schedule: &Schedule,
        share: Option<&Share>,
        published: Option<&Manifest>,
        refreshes: bool,
    ) -> Self {
        windows.retain(|due| share.is_none_or(|share| share.has(schedule, due.bounds)));
        let left = windows.len().saturating_sub(schedule.windows_per_run);
        windows.truncate(windows.len() - left);
        // Without it there would be no tables of profiles at all.
        let all = published.into_iter().chain(share.and_then(|share| share.published.as_ref()));
        let is_missing = all.into_iter().all(|manifest| manifest.snapshot.is_none());
        let snapshot = is_missing || (refreshes && !windows.is_empty());
        Self { snapshot: snapshot && share.is_none_or(Share::has_snapshot), windows, left }
    }
}

/// Does what is due. Gives what is published then.
pub(crate) async fn run(work: &Work<'_>) -> Result<Manifest, Failure> {
    let published = work.published().await?;
    let steps = Steps::due(work.schedule, work.share, published.as_ref(), work.clock.now());
    work.all(steps, published).await?.printed(work.output)
}

pub(crate) async fn backfill(
    args: Backfill,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let job = Pipeline::read(&args.pipeline)?.into_job()?;
    let Some(schedule) = job.schedule.clone() else {
        let failure = Failure::new(Exit::Configuration, "the pipeline has no [schedule], so there are no windows");
        return Err(failure.next("add [schedule] with its `start`; docs/schedules.md tells how"));
    };
    let clock = Clock::of(args.scheduled.now);
    let mut windows = schedule.within(args.from, args.to, clock.now());
    if windows.is_empty() {
        let message = format!("no window of the schedule lies between {} and {} and has ended", args.from, args.to);
        let next = format!("the first begins at {}; `apsides plan` shows more", schedule.start);
        return Err(Failure::new(Exit::Configuration, message).next(next));
    }
    let client = Client::new(job.client.clone())?;
    let reports = Reports::of("backfill", &job, args.reports, &args.pipeline)?.of_shard(args.scheduled.shard);
    let run = async {
        let (job, share) = Share::of_any(job, args.scheduled.shard, shutdown).await?;
        let share = share.as_ref();
        let job = names::resolved(job, &client, output, shutdown).await?;
        let work = Work { job: &job, schedule: &schedule, share, client: &client, clock, watch, output, shutdown };
        let published = work.published().await?;
        if let (Some(_), Some(made)) = (share, &published) {
            // A shard that is run again goes on, until what it has made is published.
            windows.retain(|due| !made.windows.iter().any(|window| due.bounds == window.into()));
        }
        // All that somebody asks for is done in one run.
        let all = Schedule { windows_per_run: usize::MAX, ..schedule.clone() };
        work.all(Steps::of(windows, &all, share, published.as_ref(), false), published).await?.printed(output)
    };
    reports.around(watch, || client.counts(), run).await
}

/// A run of a schedule, and all that it works with.
pub(crate) struct Work<'a> {
    pub(crate) job: &'a Job,
    pub(crate) schedule: &'a Schedule,
    /// The part of it that is done here, if it is not all.
    pub(crate) share: Option<&'a Share>,
    pub(crate) client: &'a Client,
    pub(crate) clock: Clock,
    pub(crate) watch: &'a Watch,
    pub(crate) output: &'a Output,
    pub(crate) shutdown: &'a Shutdown,
}

/// What a run of a schedule has done.
#[derive(Debug, Serialize)]
struct Report {
    destination: String,
    /// Which of several machines this is, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    steps: Vec<Done>,
    /// Windows that are due, but the next run's.
    left: usize,
    /// Until when all events are there.
    watermark: Option<Timestamp>,
    /// When the next window is due.
    next_due: Option<Timestamp>,
    /// All that is at the destination then.
    #[serde(skip)]
    published: Manifest,
}

/// A step that is published.
#[derive(Debug, Serialize)]
struct Done {
    /// None of how profiles are.
    #[serde(flatten)]
    window: Option<Due>,
    rows: u64,
    bytes: u64,
    json_bytes: u64,
    seconds: f64,
    /// What it has written.
    manifest: Manifest,
}

impl Work<'_> {
    /// What is published before the first step.
    async fn published(&self) -> Result<Option<Manifest>, Failure> {
        Ok(self.shutdown.or_interrupted(settle(&self.job.destination)).await??)
    }

    async fn all(&self, steps: Steps, mut published: Option<Manifest>) -> Result<Report, Failure> {
        let mut done = Vec::new();
        let windows = steps.windows.iter().map(|due| Some(*due));
        let all: Vec<_> = steps.snapshot.then_some(None).into_iter().chain(windows).collect();
        // While a step waits, downloads and publishes, the API makes the exports of those that follow.
        let _ahead = self.client.ahead(all.iter().flat_map(|window| self.requests(*window)).collect());
        for window in &all {
            let what = window.map_or("profiles".to_owned(), |due| format!("window {}", due.bounds));
            let span = match window {
                None => tracing::error_span!("snapshot"),
                Some(due) => tracing::error_span!("window", window = %due.bounds),
            };
            let watch = self.watch.step(*window);
            let step = self.step_when_free(*window, &watch).instrument(span).await;
            watch.end_step(step.as_ref().map(Published::total).map_err(|failure| failure.exit));
            let step = step.map_err(|failure| match done.len() {
                0 => failure.of_part(&what),
                so_far => failure.of_part(&format!("{what} (after {so_far} of {} steps)", all.len())),
            })?;
            let (step, now) = Done::of(*window, step);
            if !self.output.json {
                print(&line(&step))?;
            }
            done.push(step);
            published = Some(now);
        }
        // Without shards, the first step of all is how profiles are; a shard may have nothing to do.
        let published = published.unwrap_or_else(|| Manifest::nothing(&self.job.source));
        let destination = self.share.map_or(&self.job.destination, |share| &share.destination);
        Ok(Report {
            destination: destination.to_string(),
            shard: self.share.map(|share| share.shard.to_string()),
            steps: done,
            left: steps.left,
            watermark: self.schedule.watermark(&published.windows).filter(|_| self.share.is_none()),
            next_due: self.schedule.next_due(&published.windows).filter(|_| self.share.is_none()),
            published,
        })
    }

    /// The step, once nobody holds the lock: of a shard, `commit` does for a moment, when it removes what is published.
    async fn step_when_free(&self, window: Option<Due>, watch: &Watch) -> Result<Published, Failure> {
        let began = Instant::now();
        loop {
            match self.step(window, watch).await {
                Err(failure) if failure.exit == Exit::Locked && self.share.is_some() && began.elapsed() < LOCK_WAIT => {
                    tracing::info!("the shard is in use; trying again");
                    self.shutdown.or_interrupted(sleep(LOCK_PAUSE)).await?;
                }
                step => return step,
            }
        }
    }

    /// What a step asks for.
    fn export(&self, window: Option<Due>) -> ExportSpec {
        match window {
            None => profiles(&self.job.export),
            Some(due) => events(&self.job.export, due.bounds),
        }
    }

    /// The requests that it makes of that; none where it cannot, which is for the step itself to say.
    fn requests(&self, window: Option<Due>) -> Vec<ExportSpec> {
        let parts = fetcher::parts(&self.export(window)).unwrap_or_default();
        parts.into_iter().map(|part| part.spec).collect()
    }

    /// What is replaced by how profiles are. A shard has one snapshot for `commit`, which keeps several.
    fn snapshot(&self, asked_at: Timestamp) -> Extent {
        if self.share.is_some() { Extent::snapshot(asked_at) } else { self.schedule.snapshot(asked_at) }
    }

    /// How profiles are, or a window's events.
    async fn step(&self, window: Option<Due>, watch: &Watch) -> Result<Published, Failure> {
        let asked_at = self.clock.now();
        let extent = match window {
            None => self.snapshot(asked_at),
            Some(Due { bounds: Bounds { start, end }, .. }) => Extent::Window(Window { start, end, asked_at }),
        };
        let options = Options { extent, ..self.job.options.clone() };
        let job = Job { export: self.export(window), options, ..self.job.clone() };
        run::execute(&job, self.client, watch, self.output, self.shutdown).await
    }
}

impl Done {
    /// A step, and what is published after it.
    fn of(window: Option<Due>, published: Published) -> (Self, Manifest) {
        let Written { rows, bytes } = published.total();
        let Published { written, all, elapsed, .. } = published;
        let (json_bytes, seconds) = (written.json_bytes, elapsed.as_secs_f64());
        (Self { window, rows, bytes, json_bytes, seconds, manifest: written }, all)
    }
}

impl Report {
    /// Prints it, and gives what is at the destination.
    fn printed(self, output: &Output) -> Result<Manifest, Failure> {
        print(&if output.json {
            serde_json::to_string_pretty(&self).expect("a report is plain data")
        } else {
            self.text()
        })?;
        Ok(self.published)
    }

    fn of_shard(&self, is_empty: bool) -> String {
        let shard = self.shard.as_deref().unwrap_or_default();
        let what = if is_empty { "nothing is due" } else { "all is made that is due" };
        format!("{what} of shard {shard}; `apsides commit` publishes what shards have made in {}", self.destination)
    }

    fn text(&self) -> String {
        let mut text = match (self.steps.is_empty(), self.next_due) {
            (is_empty, _) if self.shard.is_some() => self.of_shard(is_empty),
            (true, Some(next)) => format!("nothing is due in {} until {next}", self.destination),
            (true, None) => format!("nothing is due in {}", self.destination),
            (false, _) => format!("published in {}", self.destination),
        };
        if let Some(watermark) = self.watermark {
            text.push_str(&format!("\nall events until {watermark} are there"));
        }
        if self.left > 0 {
            let left = measure::count(self.left as u64);
            text.push_str(&format!("\nnote: {left} more windows are due; the next run goes on"));
        }
        text
    }
}

fn line(done: &Done) -> String {
    let rows = |table: &str| measure::count(done.manifest.table(table).map_or(0, |table| table.rows));
    let (what, why, found) = match done.window {
        None => ("profiles".to_owned(), "now", format!("{} profiles", rows("profiles"))),
        Some(due) => (format!("window {}", due.bounds), due.why.words(), format!("{} events", rows("events"))),
    };
    let (size, seconds) = (measure::size(done.bytes), done.seconds);
    let unmapped = match done.manifest.table("unmapped").map_or(0, |table| table.rows) {
        0 => String::new(),
        number => format!("  ({} unmapped)", measure::count(number)),
    };
    format!("{what:<24} {why:<12} {found:>20} {size:>10} {seconds:>7.1} s{unmapped}")
}

/// The export of how profiles are: all but events.
pub(crate) fn profiles(export: &ExportSpec) -> ExportSpec {
    ExportSpec { events: Vec::new(), start_at: None, end_at: None, ..export.clone() }
}

/// The export of a window's events. It has one attribute or tag only because the API demands one.
pub(crate) fn events(export: &ExportSpec, bounds: Bounds) -> ExportSpec {
    ExportSpec { start_at: Some(bounds.start), end_at: Some(bounds.end), ..export.with_one_column() }
}

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod year;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Why;
    use std::num::NonZeroUsize;

    #[test]
    fn profiles_come_first_and_windows_are_bounded() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let hours = jiff::SignedDuration::from_hours;
        let schedule = Schedule {
            start,
            every: hours(24),
            lookback: hours(0),
            lag: hours(0),
            windows_per_run: 3,
            keep_snapshots: NonZeroUsize::MIN,
        };
        let steps = Steps::due(&schedule, None, None, start + hours(24 * 5));
        assert_eq!((steps.snapshot, steps.windows.len(), steps.left), (true, 3, 2));
        assert!(steps.windows.iter().all(|due| due.why == Why::New));
        assert!(Steps::due(&schedule, None, None, start).snapshot, "even if no window has ended");
    }
}
