//! `apsides plan`: what the next run of a pipeline would ask for and write, without doing it.

use crate::{
    args::{Output, Plan},
    config::Pipeline,
    failure::Failure,
    measure, names,
    run::{Job, asked},
    schedule::{Clock, Schedule},
    shards::Share,
    shutdown::Shutdown,
    summary::print,
    windows::{Steps, events, profiles},
};
use apsides_batcher::{Change, Commit, Manifest, Options, SchemaOutlook, TableId, Typed, manifest_of};
use apsides_fetcher::{self as fetcher, Adds, Client, ExportSpec, Part};
use jiff::Timestamp;
use serde::Serialize;

/// Requests that are listed for people.
const SHOWN_MAX: usize = 40;

/// What a run would do.
#[derive(Debug, Serialize)]
struct Outlook {
    destination: String,
    /// Which of several machines it is of, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    /// How it tells which files are its tables.
    commit: &'static str,
    /// Until when all events are there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<Timestamp>,
    /// The exports that would be asked for.
    requests: Vec<Request>,
    /// Windows that are due, but the run's after that.
    left: usize,
    /// When the next window is due, if there is nothing to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<Timestamp>,
    /// The tables that would be written, but those by event type and of what ids stand for.
    tables: Vec<&'static str>,
    /// What would be new in the typed tables that are there, by the definitions and by what is asked for.
    schema_changes: Vec<Change>,
    /// Whether the run would fail, since nothing may be new.
    schema_refused: bool,
}

/// An export that would be asked for.
#[derive(Debug, Serialize)]
struct Request {
    /// What it is for.
    step: String,
    /// Why.
    why: &'static str,
    attributes: usize,
    tags: usize,
    events: usize,
    start_at: Option<Timestamp>,
    end_at: Option<Timestamp>,
}

pub(crate) async fn plan(args: Plan, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let job = Pipeline::read(&args.pipeline)?.into_job()?;
    job.options.check()?;
    let client = Client::new(job.client.clone())?;
    // Of a shard too, it is that of where it is published.
    let commit = job.options.commit;
    let (job, share) = Share::of_any(job, args.scheduled.shard, shutdown).await?;
    let share = share.as_ref();
    let job = names::resolved(job, &client, output, shutdown).await?;
    let published = shutdown.or_interrupted(manifest_of(&job.destination)).await??;
    let published = published.as_ref();
    let outlook = match &job.schedule {
        None => of_export(&job, published)?,
        Some(schedule) => of_schedule(&job, schedule, share, published, Clock::of(args.scheduled.now).now())?,
    };
    let outlook = Outlook { commit: commit.name(), ..outlook };
    if output.json {
        return print(&serde_json::to_string_pretty(&outlook).expect("an outlook is plain data"));
    }
    print(&outlook.text())
}

fn of_export(job: &Job, published: Option<&Manifest>) -> Result<Outlook, Failure> {
    let SchemaOutlook { changes, is_refused } = schema(job, published)?;
    Ok(Outlook {
        destination: job.destination.to_string(),
        shard: None,
        commit: job.options.commit.name(),
        watermark: None,
        requests: requests("export", "asked for", &job.export)?,
        left: 0,
        next_due: None,
        tables: tables(job),
        schema_changes: changes,
        schema_refused: is_refused,
    })
}

fn of_schedule(
    job: &Job,
    schedule: &Schedule,
    share: Option<&Share>,
    published: Option<&Manifest>,
    now: Timestamp,
) -> Result<Outlook, Failure> {
    let steps = Steps::due(schedule, share, published, now);
    let mut all = Vec::new();
    if steps.snapshot {
        all.extend(requests("profiles", "now", &profiles(&job.export))?);
    }
    for due in &steps.windows {
        let step = format!("window {}", due.bounds);
        all.extend(requests(&step, due.why.words(), &events(&job.export, due.bounds))?);
    }
    let at_last = share.map_or(published, |share| share.published.as_ref());
    let windows = at_last.map_or(&[][..], |manifest| &manifest.windows);
    let SchemaOutlook { changes, is_refused } = schema(job, at_last)?;
    Ok(Outlook {
        destination: share.map_or(&job.destination, |share| &share.destination).to_string(),
        shard: share.map(|share| share.shard.to_string()),
        commit: job.options.commit.name(),
        watermark: schedule.watermark(windows),
        next_due: schedule.next_due(windows).filter(|_| steps.windows.is_empty()),
        requests: all,
        left: steps.left,
        tables: tables(job),
        schema_changes: changes,
        schema_refused: is_refused,
    })
}

/// What would be new of the typed tables.
fn schema(job: &Job, published: Option<&Manifest>) -> Result<SchemaOutlook, Failure> {
    let typed = Typed { asked: asked(&job.export), ..job.options.typed.clone() };
    Ok(SchemaOutlook::new(&Options { typed, ..job.options.clone() }, published)?)
}

/// The exports that the API makes of one.
fn requests(step: &str, why: &'static str, export: &ExportSpec) -> Result<Vec<Request>, Failure> {
    let parts = fetcher::parts(export)?.into_iter().map(|Part { spec, adds }| Request {
        step: match adds {
            Adds::All => step.to_owned(),
            Adds::Columns => format!("{step}, more columns"),
            Adds::Events => format!("{step}, more events"),
        },
        why,
        attributes: spec.attributes.len(),
        tags: spec.tags.len(),
        events: spec.events.len(),
        start_at: spec.start_at,
        end_at: spec.end_at,
    });
    Ok(parts.collect())
}

fn tables(job: &Job) -> Vec<&'static str> {
    let long = TableId::ALL.into_iter().filter(|&table| job.options.selection.has(table)).map(TableId::name);
    let typed = &job.options.typed;
    long.chain(typed.wide.then_some("wide")).chain(typed.events.then_some("events_*")).collect()
}

impl Outlook {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        match (self.requests.len(), self.next_due) {
            (0, Some(next)) => lines.push(format!("nothing is due until {next}")),
            (1, _) => lines.push("1 export would be asked for".to_owned()),
            (number, _) => lines.push(format!("{} exports would be asked for", measure::count(number as u64))),
        }
        for request in self.requests.iter().take(SHOWN_MAX) {
            let Request { step, why, attributes, tags, events, .. } = request;
            lines.push(format!(
                "  {step:<32} {why:<12} {attributes:>3} attributes {tags:>3} tags {events:>3} event types"
            ));
        }
        if self.requests.len() > SHOWN_MAX {
            lines.push(format!(
                "  and {} more; --json lists all",
                measure::count((self.requests.len() - SHOWN_MAX) as u64)
            ));
        }
        if self.left > 0 {
            lines.push(format!("{} more windows are due; they are the next runs'", measure::count(self.left as u64)));
        }
        lines.push(format!("tables: {}", self.tables.join(", ")));
        let shown = self.schema_changes.iter().take(SHOWN_MAX);
        lines.extend(shown.map(|change| format!("schema: {change}")));
        if let more @ 1.. = self.schema_changes.len().saturating_sub(SHOWN_MAX) {
            lines.push(format!("schema: {} more changes; --json lists all", measure::count(more as u64)));
        }
        if self.schema_refused {
            lines.push("schema: nothing new is allowed (`mode`), so that the run would fail".to_owned());
        }
        lines.extend(self.shard.as_ref().map(|shard| format!("shard: {shard}")));
        lines.push(format!("destination: {}", self.destination));
        if self.commit != Commit::default().name() {
            lines.push(format!("commit: {}", self.commit));
        }
        if let Some(watermark) = self.watermark {
            lines.push(format!("all events until {watermark} are there"));
        }
        lines.join("\n")
    }
}
