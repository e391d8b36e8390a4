//! `apsides status`: what is published, whether a run is writing, what is waiting. It takes no lock and writes nothing.

use crate::{
    args::{Output, Status},
    config::Pipeline,
    failure::Failure,
    measure,
    progress::duration,
    schedule::{Bounds, Schedule},
    shutdown::Shutdown,
    summary::{notes, print, tables},
};
use apsides_batcher::{
    Commit, Destination, Findings, Holder, Manifest, TableFiles, Window, holder, manifest_of, shards, view_paths,
};
use apsides_fetcher::{PendingExport, pending_exports};
use jiff::Timestamp;
use serde::Serialize;

/// What there is to know of a destination.
#[derive(Debug, Serialize)]
struct Known {
    destination: String,
    /// None if nothing is.
    published: Option<Published>,
    /// The run that is writing, or has died while it was.
    lock: Option<Holder>,
    /// Exports that an earlier run has asked for and not published, where a pipeline says where they are remembered.
    pending: Option<Vec<PendingExport>>,
    /// What shards have made and nobody has published yet.
    shards: Vec<Made>,
    /// None without a schedule.
    schedule: Option<Outlook>,
    #[serde(skip)]
    manifest: Option<Manifest>,
}

#[derive(Debug, Serialize)]
struct Published {
    at: Option<Timestamp>,
    run: Option<String>,
    tool: String,
    commit: &'static str,
    source: String,
    json_bytes: u64,
    findings: Findings,
    tables: Vec<Table>,
    /// The windows whose events are there.
    windows: Vec<Window>,
    /// The snapshots of profiles that are there, where several are kept.
    snapshots: Vec<Window>,
    views: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Made {
    shard: String,
    /// Whether it tells how profiles are.
    snapshot: bool,
    windows: Vec<Window>,
    rows: u64,
    bytes: u64,
    /// The run that is at work there, or has died while it was.
    lock: Option<Holder>,
}

#[derive(Debug, Serialize)]
struct Table {
    name: String,
    rows: u64,
    files: u64,
    bytes: u64,
}

/// How far a schedule is.
#[derive(Debug, Serialize)]
struct Outlook {
    /// Until when all events are there.
    watermark: Option<Timestamp>,
    /// Windows that are due now.
    due: usize,
    /// When the next one is, or was.
    next_due: Option<Timestamp>,
}

pub(crate) async fn status(args: Status, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let known = shutdown.or_interrupted(known(args)).await??;
    if output.json {
        return print(&serde_json::to_string_pretty(&known).expect("plain data"));
    }
    print(&text(&known, Timestamp::now()))
}

async fn known(args: Status) -> Result<Known, Failure> {
    if !args.is_pipeline() {
        return of_destination(&args.storage.destination(&args.of)?).await;
    }
    let job = Pipeline::read(args.of.as_ref())?.into_job()?;
    let known = of_destination(&job.destination).await?;
    let pending = match job.client.state {
        Some(_) => Some(pending_exports(&job.client).await),
        None => None,
    };
    let windows = known.manifest.as_ref().map_or(&[][..], |manifest| &manifest.windows);
    let schedule = job.schedule.as_ref().map(|schedule| Outlook::of(schedule, windows, Timestamp::now()));
    Ok(Known { pending, schedule, ..known })
}

async fn of_destination(destination: &Destination) -> Result<Known, Failure> {
    let manifest = manifest_of(destination).await?;
    Ok(Known {
        destination: destination.to_string(),
        published: manifest.as_ref().map(|manifest| Published::of(manifest, destination)),
        lock: holder(destination).await?,
        pending: None,
        shards: made(destination).await?,
        schedule: None,
        manifest,
    })
}

async fn made(destination: &Destination) -> Result<Vec<Made>, Failure> {
    let mut made = Vec::new();
    for (shard, manifest) in shards(destination).await? {
        let sum = |of: fn(&TableFiles) -> u64| manifest.tables.iter().map(of).sum();
        made.push(Made {
            shard: shard.to_string(),
            snapshot: manifest.snapshot.is_some(),
            rows: sum(|table| table.rows),
            bytes: sum(|table| table.bytes),
            lock: holder(&destination.shard(shard)).await?,
            windows: manifest.windows,
        });
    }
    Ok(made)
}

impl Published {
    fn of(manifest: &Manifest, destination: &Destination) -> Self {
        let commit = manifest.commit().name();
        let Manifest { published_at, run, tool, source, json_bytes, findings, tables, windows, snapshots, .. } =
            manifest.clone();
        let tables = tables.into_iter().map(|table| Table {
            name: table.name,
            rows: table.rows,
            files: table.files.len() as u64,
            bytes: table.bytes,
        });
        let tables = tables.collect();
        let views = view_paths().iter().map(|view| format!("{destination}/{view}")).collect();
        Self { at: published_at, run, tool, commit, source, json_bytes, findings, tables, windows, snapshots, views }
    }
}

impl Outlook {
    fn of(schedule: &Schedule, windows: &[Window], now: Timestamp) -> Self {
        Self {
            watermark: schedule.watermark(windows),
            due: schedule.due(windows, now).len(),
            next_due: schedule.next_due(windows),
        }
    }
}

fn text(known: &Known, now: Timestamp) -> String {
    let mut lines = vec![("destination", known.destination.clone())];
    if let Some(published) = &known.published {
        lines.push(("published", when(published, now)));
        if published.commit != Commit::default().name() {
            lines.push(("commit", published.commit.to_owned()));
        }
        lines.push(("source", published.source.clone()));
        lines.extend(windows_of(&published.windows).map(|windows| ("windows", windows)));
        lines.extend(snapshots_of(&published.snapshots).map(|snapshots| ("snapshots", snapshots)));
    } else {
        lines.push(("published", "nothing".to_owned()));
    }
    lines.extend(known.schedule.as_ref().map(|schedule| ("schedule", outlook(schedule, now))));
    lines.push(("lock", known.lock.as_ref().map_or_else(|| "free".to_owned(), held)));
    match known.pending.as_deref() {
        None => {}
        Some([]) => lines.push(("pending", "no export".to_owned())),
        Some(exports) => lines.extend(exports.iter().map(|export| {
            let expired = if export.is_expired { ", expired" } else { "" };
            ("pending", format!("asked for {}{expired}: {}", ago(export.requested_at, now), export.poll_url))
        })),
    }
    lines.extend(known.shards.iter().map(|made| ("shard", of_shard(made))));
    if let Some(published) = &known.published {
        lines.extend(published.views.iter().map(|view| ("views", view.clone())));
    }
    let mut last = "";
    let mut text = String::new();
    for (name, value) in lines {
        // Of several lines of a kind, the first has its name.
        let shown = if name == last { "" } else { name };
        text.push_str(&format!("{shown:<12} {value}\n"));
        last = name;
    }
    if let Some(manifest) = &known.manifest {
        text.push_str(&format!("\n{}", tables(manifest)));
        let notes = notes(manifest);
        if !notes.is_empty() {
            text.push('\n');
        }
        text.extend(notes.iter().map(|note| format!("\nnote: {note}")));
    }
    text.trim_end().to_owned()
}

fn when(published: &Published, now: Timestamp) -> String {
    let at = published.at.map_or_else(|| "some time ago".to_owned(), |at| format!("{}, at {at}", ago(at, now)));
    let run = published.run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
    format!("{at}, by {}{run}", published.tool)
}

fn windows_of(windows: &[Window]) -> Option<String> {
    let (first, last) = (windows.first()?, windows.last()?);
    let [first, last] = [first, last].map(Bounds::from);
    Some(if windows.len() == 1 { format!("1: {first}") } else { format!("{}: {first} to {last}", windows.len()) })
}

fn snapshots_of(snapshots: &[Window]) -> Option<String> {
    let known = windows_of(snapshots)?;
    Some(if snapshots.len() == 1 { known } else { format!("{known}; rows and files below are of all of them") })
}

fn of_shard(made: &Made) -> String {
    let mut has: Vec<String> = made.snapshot.then(|| "profiles".to_owned()).into_iter().collect();
    has.extend(windows_of(&made.windows).map(|windows| format!("windows {windows}")));
    let (rows, size) = (measure::count(made.rows), measure::size(made.bytes));
    let lock = made.lock.as_ref().map(|holder| format!("; {}", held(holder))).unwrap_or_default();
    format!("{}: {}; {rows} rows, {size}, wait for `apsides commit`{lock}", made.shard, has.join(", "))
}

fn outlook(schedule: &Outlook, now: Timestamp) -> String {
    let until = schedule.watermark.map_or_else(
        || "no events are there".to_owned(),
        |watermark| format!("all events until {watermark} ({}) are there", ago(watermark, now)),
    );
    match (schedule.due, schedule.next_due) {
        (0, Some(next)) => format!("{until}; the next window is due at {next}"),
        (0, None) => until,
        (1, _) => format!("{until}; 1 window is due"),
        (due, _) => format!("{until}; {due} windows are due"),
    }
}

fn held(holder: &Holder) -> String {
    let run = holder.run.as_ref().map_or_else(|| "a run".to_owned(), |run| format!("run {run}"));
    let heard = holder.silent_seconds.map(|silent| {
        let silent = duration(silent.unsigned_abs());
        format!(", last heard of {silent} ago")
    });
    let state = if holder.keeps_others_away { "held by" } else { "left behind by" };
    format!("{state} {run}{}", heard.unwrap_or_default())
}

/// How long ago something was, for people.
fn ago(at: Timestamp, now: Timestamp) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default();
    match seconds / DAY {
        0 | 1 => format!("{} ago", duration(seconds)),
        days => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn published() -> Manifest {
        let json = r#"{
            "version": 1, "tool": "apsides 0.1.0", "run": "20260131-020000-0123abcd", "published_at": "2026-01-31T02:10:00Z",
            "source": "https://api.apsis.one", "json_bytes": 7,
            "findings": {"duplicate_events": 2, "replaced_surrogates": 0, "superseded_members": 0},
            "tables": [{"name": "tags", "rows": 3000, "bytes": 40000, "files": [
                {"name": "part-00000.parquet", "rows": 3000, "bytes": 40000, "row_groups": 1}]}],
            "windows": [
                {"start": "2026-01-29T00:00:00Z", "end": "2026-01-30T00:00:00Z", "asked_at": "2026-01-30T02:00:00Z"},
                {"start": "2026-01-30T00:00:00Z", "end": "2026-01-31T00:00:00Z", "asked_at": "2026-01-31T02:00:00Z"}]
        }"#;
        serde_json::from_str(json).expect("a manifest")
    }

    #[test]
    fn all_that_is_known_is_told() {
        let manifest = published();
        let destination = Destination::Folder("/data/apsis".into());
        let pending = PendingExport {
            requested_at: time("2026-01-31T23:00:00Z"),
            poll_url: "https://api.apsis.one/x".to_owned(),
            is_expired: false,
        };
        let known = Known {
            destination: destination.to_string(),
            published: Some(Published::of(&manifest, &destination)),
            lock: Some(Holder { run: Some("r".to_owned()), silent_seconds: Some(7), keeps_others_away: true }),
            pending: Some(vec![pending]),
            shards: vec![Made {
                shard: "0/3".to_owned(),
                snapshot: true,
                windows: manifest.windows.clone(),
                rows: 4_000,
                bytes: 50_000,
                lock: None,
            }],
            schedule: Some(Outlook { watermark: Some(time("2026-01-31T00:00:00Z")), due: 1, next_due: None }),
            manifest: Some(manifest),
        };
        assert_eq!(
            text(&known, time("2026-02-01T00:15:00Z")),
            "\
destination  /data/apsis
published    22 h 05 min ago, at 2026-01-31T02:10:00Z, by apsides 0.1.0, run 20260131-020000-0123abcd
source       https://api.apsis.one
windows      2: 2026-01-29 to 2026-01-30
schedule     all events until 2026-01-31T00:00:00Z (24 h 15 min ago) are there; 1 window is due
lock         held by run r, last heard of 7 s ago
pending      asked for 1 h 15 min ago: https://api.apsis.one/x
shard        0/3: profiles, windows 2: 2026-01-29 to 2026-01-30; 4,000 rows, 50.0 kB, wait for `apsides commit`
views        /data/apsis/views/duckdb.sql
             /data/apsis/views/spark.sql

table   rows  files  row groups     size
tags   3,000      1           1  40.0 kB

note: 2 events were sent again by their source; see `is_duplicate`"
        );
    }

    #[test]
    fn where_nothing_is_little_is_told() {
        let known = Known {
            destination: "s3://lake/apsis".to_owned(),
            published: None,
            lock: Some(Holder { run: None, silent_seconds: Some(90_000), keeps_others_away: false }),
            pending: Some(Vec::new()),
            shards: Vec::new(),
            schedule: None,
            manifest: None,
        };
        let expected = "destination  s3://lake/apsis\npublished    nothing\n\
                        lock         left behind by a run, last heard of 25 h 00 min ago\npending      no export";
        assert_eq!(text(&known, time("2026-02-01T00:00:00Z")), expected);
    }

    #[test]
    fn long_ago_is_in_days() {
        let now = time("2026-02-01T00:00:00Z");
        for (at, expected) in [
            ("2026-01-31T23:59:58Z", "2 s ago"),
            ("2026-01-30T00:00:01Z", "47 h 59 min ago"),
            ("2026-01-30T00:00:00Z", "2 days ago"),
            ("2026-02-01T00:00:09Z", "0 s ago"),
        ] {
            assert_eq!(ago(time(at), now), expected);
        }
    }
}
