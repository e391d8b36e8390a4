//! A year of nights, simulated: events that come late, an outage of nine days, an export that is too large, an attribute
//! that is new. In the end, every event is there once.

use super::*;
use crate::{args::LogFormat, reports::Told};
use apsides_batcher::{Progress, TableId, stage};
use apsides_fetcher::{ClientConfig, Limits, Rate, Rates, Secret};
use apsides_simulator::{
    Class, CorpusSpec, Fault, Selection, Server, Settings, Size, Window as Span, catalogue, write_export,
};
use arrow::array::{Array, AsArray};
use jiff::SignedDuration;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{collections::BTreeMap, fs::File, num::NonZeroUsize, path::Path, time::Duration};
use tempfile::{tempdir, tempdir_in};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const NIGHTS: i32 = 365;
const LATE_DAYS: i32 = 2;
const OUTAGE: std::ops::Range<i32> = 100..109;
const TOO_LARGE: i32 = 150;
const NEW_ATTRIBUTE: i32 = 200;

fn start() -> Timestamp {
    "2025-01-01T00:00:00Z".parse().expect("a time")
}

fn account() -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(12), ..CorpusSpec::default() }
}

pub(super) fn schedule() -> Schedule {
    let lag = SignedDuration::from_mins(30);
    let keep_snapshots = NonZeroUsize::MIN;
    Schedule { start: start(), every: DAY, lookback: DAY * LATE_DAYS, lag, windows_per_run: 8, keep_snapshots }
}

/// The run of a night begins at two, more or less.
fn begins(night: i32) -> Timestamp {
    start() + DAY * (night + 1) + SignedDuration::from_secs(7_200 + i64::from(night * 7 % 11))
}

pub(super) fn output() -> Output {
    Output { json: true, quiet: true, verbose: 0, progress_interval: 0, log_format: LogFormat::Text }
}

pub(super) fn job(base_url: &str, out: &Path, attributes: usize) -> Job {
    let fast = |calls| Rate { calls, per: Duration::from_millis(1) };
    let rates = Rates {
        tokens: fast(1000),
        exports: fast(1000),
        event_exports: fast(1000),
        downloads: fast(1000),
        others: fast(1000),
    };
    let limits = Limits { rates, poll_interval_first: Duration::ZERO, ..Limits::default() };
    let defaults = Settings::default();
    let client =
        ClientConfig::new(base_url.parse().expect("a URL"), defaults.client_id, Secret::new(defaults.client_secret));
    Job {
        client: ClientConfig { limits, ..client },
        export: ExportSpec {
            attributes: catalogue::attributes().take(attributes).map(|attribute| attribute.id.to_owned()).collect(),
            events: catalogue::EVENTS.iter().map(|event| event.id.to_owned()).collect(),
            ..ExportSpec::default()
        },
        schedule: Some(schedule()),
        lookup: names::Lookup::default(),
        source: "a year".to_owned(),
        keep_raw: None,
        spools: false,
        destination: out.into(),
        overwrite: false,
        told: Told::default(),
        options: Options::default(),
    }
}

/// The rows of a table of events, each a text, with the files that have it.
pub(super) fn events(folder: &Path, manifest: &Manifest, files: impl Fn(&str) -> bool) -> BTreeMap<String, usize> {
    let table = manifest.table(TableId::Events.name()).expect("there are events");
    let mut rows = BTreeMap::new();
    for file in table.files.iter().filter(|file| files(&file.name)) {
        let file = File::open(folder.join(&table.name).join(&file.name)).expect("a file");
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("rows") {
            let batch = batch.expect("rows");
            let column = |name| batch.column_by_name(name).expect("a column");
            let texts = ["export_key", "section_id", "type_id", "correlation_id", "data"]
                .map(|name| column(name).as_string::<i32>());
            let created = column("created_at").as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                let texts = texts.map(|column| column.is_valid(row).then(|| column.value(row)));
                *rows.entry(format!("{} {texts:?}", created.value(row))).or_default() += 1;
            }
        }
    }
    rows
}

/// All events until a moment, as one export has them.
fn whole(until: Timestamp) -> BTreeMap<String, usize> {
    let carrier = catalogue::attributes().next().expect("an attribute").id.to_owned();
    let selection = Selection { attributes: Some([carrier].into()), tags: Some([].into()), events: None };
    let window = Span { start_ms: start().as_millisecond(), end_ms: until.as_millisecond() };
    let mut export = Vec::new();
    write_export(&CorpusSpec { window, selection, ..account() }, &mut export).expect("an export");
    let folder = tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let staged = stage(export.as_slice(), folder.path(), &Options::default(), runtime.handle(), &Progress::default());
    let manifest = staged.and_then(|staged| staged.publish()).expect("tables");
    events(folder.path(), &manifest, |_| true)
}

#[test]
fn every_event_of_a_year_is_there_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // In memory where that is possible: a disk's syncs would take most of the time.
    let folder = tempdir_in("/dev/shm").or_else(|_| tempdir()).expect("a folder");
    let published = runtime.block_on(nights(folder.path()));
    let settled = start() + DAY * (NIGHTS - LATE_DAYS - 1);
    let name = |start: Timestamp| format!("window_start={}/", start.strftime("%Y-%m-%d"));
    let last = name(settled);
    let year = events(folder.path(), &published, |file| *file < *last);
    let whole = whole(settled);
    assert!(whole.len() > 300, "{}", whole.len());
    assert!(year == whole, "{} and {}", year.len(), whole.len());
}

async fn nights(folder: &Path) -> Manifest {
    let late_max = Some(Duration::try_from(DAY * LATE_DAYS).expect("a span"));
    let settings = Settings { corpus: account(), polls_until_ready: 0, late_max, ..Settings::default() };
    let server = Server::start(settings).await.expect("a server");
    let shutdown = Shutdown::listen().expect("signals");
    let watch = Watch::begin().expect("a run");
    let output = output();
    let schedule = schedule();
    let client = Client::new(job(server.base_url(), folder, 5).client).expect("a client");
    let mut published: Option<Manifest> = None;
    let mut exports = 0;
    for night in (0..NIGHTS).filter(|night| !OUTAGE.contains(night)) {
        let now = begins(night);
        server.set_now(now.as_millisecond());
        let job = job(server.base_url(), folder, if night < NEW_ATTRIBUTE { 5 } else { 6 });
        let clock = Clock::of(Some(now));
        let work = Work {
            job: &job,
            schedule: &schedule,
            share: None,
            client: &client,
            clock,
            watch: &watch,
            output: &output,
            shutdown: &shutdown,
        };
        let steps = Steps::due(&schedule, None, published.as_ref(), now);
        exports += 1 + steps.windows.len() as u64;
        if night == TOO_LARGE {
            // The first export of the night is asked for again, in two halves of its columns.
            server.plan_fault(Class::Export, Fault::TooLarge);
            exports += 2;
        }
        let report =
            work.all(steps, published.take()).await.unwrap_or_else(|failure| panic!("night {night}: {failure}"));
        assert_eq!(server.stats().exports, exports, "night {night}: as many requests as planned");
        if report.left == 0 {
            assert_eq!(report.watermark, Some(start() + DAY * (night + 1)), "night {night}");
        }
        published = apsides_batcher::published(folder).expect("a manifest");
        // A second run in the same night has nothing to do.
        let again = Steps::due(&schedule, None, published.as_ref(), now + SignedDuration::from_hours(1));
        assert!(report.left > 0 || (!again.snapshot && again.windows.is_empty()), "night {night}: {again:?}");
    }
    server.stop().await;
    let published = published.expect("tables");
    assert_eq!(published.windows.len(), NIGHTS as usize);
    assert_eq!(published.table("profiles").expect("profiles").rows, 12);
    published
}
