//! Exports that the API does not make in one, against the simulated API.

use crate::{limits, read_all, resume::client_of, resume::corpus};
use apsides_fetcher::{Adds, Error, ExportSpec, Limits, Part, Rates, parts};
use apsides_simulator::{
    Class, CorpusSpec, Selection, Server, Settings, SizeMax, Stats, Window, catalogue, write_export,
};
use std::time::Duration;

/// How long a second of the API is.
const SECOND: Duration = Duration::from_millis(1);

fn day(text: &str) -> Option<jiff::Timestamp> {
    Some(format!("{text}T00:00:00Z").parse().unwrap())
}

/// Four attributes, two tags and all events of this time.
fn spec(start: &str, end: &str) -> ExportSpec {
    ExportSpec {
        attributes: catalogue::attributes().take(4).map(|attribute| attribute.id.to_owned()).collect(),
        tags: catalogue::tags().take(2).map(|tag| tag.id.to_owned()).collect(),
        events: catalogue::EVENTS.iter().map(|event| event.id.to_owned()).collect(),
        start_at: day(start),
        end_at: day(end),
        ..ExportSpec::default()
    }
}

/// The bytes of the export that was asked for like this.
fn content(spec: &ExportSpec) -> Vec<u8> {
    let some = |ids: &[String]| Some(ids.iter().cloned().collect());
    let selection =
        Selection { attributes: some(&spec.attributes), tags: some(&spec.tags), events: some(&spec.events) };
    let window = match (spec.start_at, spec.end_at) {
        (Some(start), Some(end)) => Window { start_ms: start.as_millisecond(), end_ms: end.as_millisecond() },
        _ => Window::default(),
    };
    let mut bytes = Vec::new();
    write_export(&CorpusSpec { selection, window, ..corpus() }, &mut bytes).unwrap();
    bytes
}

/// The parts that came, each with the right bytes.
async fn fetched(spec: &ExportSpec, size_max: Option<SizeMax>) -> (Result<Vec<Part>, Error>, Stats) {
    let settings = Settings {
        corpus: corpus(),
        polls_until_ready: 1,
        rate_limits: true,
        second: SECOND,
        size_max,
        ..Settings::default()
    };
    let server = Server::start(settings).await.unwrap();
    let limits =
        Limits { rates: Rates::default().scaled(SECOND), window_min: Duration::from_secs(24 * 3600), ..limits() };
    let mut exports = client_of(&server, limits).exports(parts(spec).unwrap(), |_| {});
    let mut came = Vec::new();
    while let Some(next) = exports.next().await {
        match next {
            Ok(next) => {
                let (bytes, end) = read_all(next.ready.download().await.unwrap().into_reader()).await;
                end.unwrap();
                assert!(bytes == content(&next.part.spec), "{:?}", next.part);
                came.push(next.part);
            }
            Err(error) => return (Err(error), server.stats()),
        }
    }
    (Ok(came), server.stats())
}

/// That these parts, and no two of them, have every event's time and every column.
fn assert_whole(parts: &[Part], spec: &ExportSpec) {
    assert_eq!(parts.iter().filter(|part| part.adds == Adds::All).count(), 1);
    let of_columns = parts.iter().filter(|part| part.adds != Adds::Events);
    let columns: Vec<_> = of_columns.flat_map(|part| part.spec.attributes.iter().chain(&part.spec.tags)).collect();
    let mut sorted = columns.clone();
    sorted.sort();
    let mut all: Vec<_> = spec.attributes.iter().chain(&spec.tags).collect();
    all.sort();
    assert_eq!(sorted, all);
    let mut windows: Vec<_> = parts.iter().filter(|part| !part.spec.events.is_empty()).map(|part| &part.spec).collect();
    windows.sort_by_key(|spec| spec.start_at);
    assert_eq!((windows[0].start_at, windows[windows.len() - 1].end_at), (spec.start_at, spec.end_at));
    assert!(windows.windows(2).all(|pair| pair[0].end_at == pair[1].start_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_comes_in_windows_of_three_months() {
    let year = spec("2025-06-01", "2026-06-01");
    let (came, stats) = fetched(&year, None).await;
    let came = came.unwrap();
    assert_eq!(came.len(), 4);
    assert_whole(&came, &year);
    assert_eq!((stats.exports, stats.limited), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_halved_until_it_is_not() {
    let month = spec("2026-01-01", "2026-01-31");
    for told_at in [Class::Export, Class::Poll] {
        let (came, stats) = fetched(&month, Some(SizeMax { days: 4, columns: 100, told_at })).await;
        let came = came.unwrap();
        assert_eq!(came.len(), 8);
        assert_whole(&came, &month);
        assert_eq!(stats.limited, 0);
        let (came, _) = fetched(&month, Some(SizeMax { days: 1, columns: 3, told_at })).await;
        let came = came.unwrap();
        assert!(came.len() > 30, "{}", came.len());
        assert_whole(&came, &month);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_halved_any_more_is_an_error() {
    for (days, columns) in [(0, 100), (100, 0)] {
        let month = spec("2026-01-01", "2026-01-31");
        let (came, stats) = fetched(&month, Some(SizeMax { days, columns, told_at: Class::Export })).await;
        assert!(matches!(came.unwrap_err(), Error::Status { status: 413, .. }));
        assert!(stats.exports < 12, "{}", stats.exports);
    }
}
