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
    shutdown::Shutdown,
    summary::print,
    tables::Published,
    watch::Watch,
};
use apsides_batcher::{Extent, Manifest, Options, Window, settle};
use apsides_fetcher::{Client, ExportSpec};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

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
    pub(crate) fn due(schedule: &Schedule, published: Option<&Manifest>, now: Timestamp) -> Self {
        let windows = published.map_or(&[][..], |manifest| &manifest.windows);
        Self::of(schedule.due(windows, now), schedule, published, true)
    }

    fn of(mut windows: Vec<Due>, schedule: &Schedule, published: Option<&Manifest>, refreshes: bool) -> Self {
        let left = windows.len().saturating_sub(schedule.windows_per_run);
        windows.truncate(windows.len() - left);
        // Without it there would be no tables of profiles at all.
        let is_missing = published.is_none_or(|manifest| manifest.snapshot.is_none());
        Self { snapshot: is_missing || (refreshes && !windows.is_empty()), windows, left }
    }
}

/// The run of a pipeline with a schedule.
pub(crate) async fn run(
    job: &Job,
    schedule: &Schedule,
    client: &Client,
    clock: &Clock,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Option<Manifest>, Failure> {
    let published = shutdown.or_interrupted(settle(&job.destination)).await??;
    let steps = Steps::due(schedule, published.as_ref(), clock.now());
    Work { job, schedule, client, clock, watch, output, shutdown }.all(steps, published).await?.told(output)
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
    let clock = Clock::of(args.now);
    let windows = schedule.within(args.from, args.to, clock.now());
    if windows.is_empty() {
        let message = format!("no window of the schedule lies between {} and {} and has ended", args.from, args.to);
        let next = format!("the first begins at {}; `apsides plan` shows more", schedule.start);
        return Err(Failure::new(Exit::Configuration, message).next(next));
    }
    let client = Client::new(job.client.clone())?;
    let reports = Reports::of(&job, args.reports, &args.pipeline);
    let run = async {
        let job = names::resolved(job, &client, output, shutdown).await?;
        let published = shutdown.or_interrupted(settle(&job.destination)).await??;
        // All that somebody asks for is done in one run.
        let all = Schedule { windows_per_run: usize::MAX, ..schedule.clone() };
        let steps = Steps::of(windows, &all, published.as_ref(), false);
        let work = Work { job: &job, schedule: &schedule, client: &client, clock: &clock, watch, output, shutdown };
        work.all(steps, published).await?.told(output)
    };
    reports.around(watch, || client.counts(), run).await
}

struct Work<'a> {
    job: &'a Job,
    schedule: &'a Schedule,
    client: &'a Client,
    clock: &'a Clock,
    watch: &'a Watch,
    output: &'a Output,
    shutdown: &'a Shutdown,
}

/// What a run of a schedule has done.
#[derive(Debug, Serialize)]
struct Report {
    destination: String,
    steps: Vec<Done>,
    /// Windows that are due, but the next run's.
    left: usize,
    /// Until when all events are there.
    watermark: Option<Timestamp>,
    /// When the next window is due.
    next_due: Option<Timestamp>,
    /// All that is at the destination then.
    #[serde(skip)]
    published: Option<Manifest>,
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
    async fn all(&self, steps: Steps, published: Option<Manifest>) -> Result<Report, Failure> {
        let mut published = published;
        let mut done = Vec::new();
        if steps.snapshot {
            let extent = Extent::Snapshot { asked_at: self.clock.now() };
            let step = self.step(extent, profiles(&self.job.export)).await;
            self.tell(None, step, &steps, &mut done, &mut published)?;
        }
        for &due in &steps.windows {
            let Bounds { start, end } = due.bounds;
            let extent = Extent::Window(Window { start, end, asked_at: self.clock.now() });
            let step = self.step(extent, events(&self.job.export, due.bounds)).await;
            self.tell(Some(due), step, &steps, &mut done, &mut published)?;
        }
        Ok(self.report(&steps, done, published))
    }

    async fn step(&self, extent: Extent, export: ExportSpec) -> Result<Published, Failure> {
        let options = Options { extent, ..self.job.options.clone() };
        let job = Job { export, options, ..self.job.clone() };
        run::execute(&job, self.client, self.watch, self.output, self.shutdown).await
    }

    /// Takes down what a step has done.
    fn tell(
        &self,
        window: Option<Due>,
        step: Result<Published, Failure>,
        steps: &Steps,
        done: &mut Vec<Done>,
        published: &mut Option<Manifest>,
    ) -> Result<(), Failure> {
        let Published { written, all, elapsed, .. } = step.map_err(|failure| {
            let what = window.map_or("profiles".to_owned(), |due| format!("window {}", label(due.bounds)));
            let all = steps.windows.len() + usize::from(steps.snapshot);
            let so_far =
                if done.is_empty() { String::new() } else { format!(" (after {} of {all} steps)", done.len()) };
            failure.of_part(&format!("{what}{so_far}"))
        })?;
        let step = Done {
            window,
            rows: written.tables.iter().map(|table| table.rows).sum(),
            bytes: written.tables.iter().map(|table| table.bytes).sum(),
            json_bytes: written.json_bytes,
            seconds: elapsed.as_secs_f64(),
            manifest: written,
        };
        if !self.output.json {
            print(&line(&step))?;
        }
        done.push(step);
        *published = Some(all);
        Ok(())
    }

    fn report(&self, steps: &Steps, done: Vec<Done>, published: Option<Manifest>) -> Report {
        let windows = published.as_ref().map_or(&[][..], |manifest| &manifest.windows);
        Report {
            destination: self.job.destination.to_string(),
            steps: done,
            left: steps.left,
            watermark: self.schedule.watermark(windows),
            next_due: self.schedule.next_due(windows),
            published,
        }
    }
}

impl Report {
    /// Prints it, and gives what is at the destination.
    fn told(self, output: &Output) -> Result<Option<Manifest>, Failure> {
        if output.json {
            print(&serde_json::to_string_pretty(&self).expect("a report is plain data"))?;
        } else {
            print(&self.text())?;
        }
        Ok(self.published)
    }

    fn text(&self) -> String {
        let mut text = match (self.steps.is_empty(), self.next_due) {
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
        Some(due) => (format!("window {}", label(due.bounds)), due.why.words(), format!("{} events", rows("events"))),
    };
    let (size, seconds) = (measure::size(done.bytes), done.seconds);
    let unmapped = match done.manifest.table("unmapped").map_or(0, |table| table.rows) {
        0 => String::new(),
        number => format!("  ({} unmapped)", measure::count(number)),
    };
    format!("{what:<24} {why:<12} {found:>20} {size:>10} {seconds:>7.1} s{unmapped}")
}

/// Those of a window that is published.
pub(crate) fn bounds(window: &Window) -> Bounds {
    Bounds { start: window.start, end: window.end }
}

/// How a window is called: a day by its date.
pub(crate) fn label(bounds: Bounds) -> String {
    let zoned = |moment: Timestamp| moment.to_zoned_datetime(TimeZone::UTC);
    let (start, end) = (zoned(bounds.start), zoned(bounds.end));
    let midnight = jiff::civil::Time::midnight();
    match (start.time() == midnight && end.time() == midnight, bounds.end.duration_since(bounds.start).as_hours()) {
        (true, 24) => start.strftime("%Y-%m-%d").to_string(),
        (true, _) => format!("{} to {}", start.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d")),
        _ => format!("{} to {}", start.strftime("%Y-%m-%dT%H:%M:%SZ"), end.strftime("%Y-%m-%dT%H:%M:%SZ")),
    }
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
mod year;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Why;

    #[test]
    fn windows_have_short_names() {
        for (start, end, expected) in [
            ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z", "2026-01-31"),
            ("2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z", "2026-01-26 to 2026-02-02"),
            ("2026-01-31T06:00:00Z", "2026-01-31T07:00:00Z", "2026-01-31T06:00:00Z to 2026-01-31T07:00:00Z"),
        ] {
            let [start, end] = [start, end].map(|text| text.parse().expect("a time"));
            assert_eq!(label(Bounds { start, end }), expected);
        }
    }

    #[test]
    fn profiles_come_first_and_windows_are_bounded() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let hours = jiff::SignedDuration::from_hours;
        let schedule = Schedule { start, every: hours(24), lookback: hours(0), lag: hours(0), windows_per_run: 3 };
        let steps = Steps::due(&schedule, None, start + hours(24 * 5));
        assert_eq!((steps.snapshot, steps.windows.len(), steps.left), (true, 3, 2));
        assert!(steps.windows.iter().all(|due| due.why == Why::New));
        assert!(Steps::due(&schedule, None, start).snapshot, "even if no window has ended");
    }
}
