//! What is told of a run in numbers: one list, which the text file for Prometheus and OTLP tell alike.
//!
//! `apsides_last_run_…` are of the last run, whatever became of it, and `apsides_last_success_…` of the last one that
//! published. docs/operations.md lists them; a test holds the list to this file.

use crate::{
    failure::Failure,
    measure,
    watch::{Phase, Watch},
};
use apsides_batcher::{Manifest, TableFiles};
use apsides_fetcher::Counts;
use jiff::Timestamp;
use std::{fmt, time::Duration};

/// What there is to tell.
pub(super) struct Run<'a> {
    pub(super) watch: &'a Watch,
    /// How long it took.
    pub(super) elapsed: Duration,
    pub(super) counts: Counts,
    /// Until when all events are there, where a schedule asks for them.
    pub(super) watermark: Option<Timestamp>,
    /// What is published then.
    pub(super) ended: Result<&'a Manifest, &'a Failure>,
}

/// One of them, with a value for each value of its label.
#[derive(Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) help: &'static str,
    /// In UCUM; empty of what is no quantity.
    pub(super) unit: &'static str,
    pub(super) kind: Kind,
    /// Empty where there is but one value.
    pub(super) label: &'static str,
    /// By the label's value. None where this run knows nothing of it, so that what an earlier one said still holds.
    pub(super) samples: Option<Vec<(String, Number)>>,
}

/// What its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// How something is.
    Gauge,
    /// What has added up since the run began.
    Sum,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Whole(u64),
    /// Of a second.
    Thousandths(u64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<Duration> for Number {
    fn from(time: Duration) -> Self {
        Self::Thousandths((time.as_secs_f64() * 1000.0).round() as u64)
    }
}

impl From<Timestamp> for Number {
    /// None of them is before 1970.
    fn from(time: Timestamp) -> Self {
        Self::Whole(time.as_second().unsigned_abs())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(out),
            Self::Thousandths(number) => write!(out, "{}.{:03}", number / 1000, number % 1000),
        }
    }
}

/// All of them, of a run that ended at `now`.
pub(super) fn of(run: &Run<'_>, now: Timestamp) -> Vec<Metric> {
    let mut all = of_run(run, now);
    all.extend(of_success(run, now));
    all
}

fn of_run(run: &Run<'_>, now: Timestamp) -> Vec<Metric> {
    use Kind::{Gauge, Sum};
    let Run { watch, elapsed, counts, ended, .. } = run;
    let exit_status = ended.err().map_or(0, |failure| failure.exit as u64);
    let one = |number: Number| vec![(String::new(), number)];
    let phases = Phase::ALL.map(|phase| (phase.name().to_owned(), watch.time_of(phase).into()));
    let metrics = [
        ("timestamp_seconds", "When the last run ended", "s", Gauge, "", Some(one(now.into()))),
        (
            "success",
            "Whether it published all that was asked for",
            "",
            Gauge,
            "",
            Some(one(u64::from(ended.is_ok()).into())),
        ),
        ("exit_status", "Its exit status", "", Gauge, "", Some(one(exit_status.into()))),
        ("duration_seconds", "How long it took", "s", Gauge, "", Some(one((*elapsed).into()))),
        ("phase_duration_seconds", "How long its phases took", "s", Sum, "phase", Some(phases.into())),
        ("json_bytes", "JSON that it read, inflated", "By", Sum, "", Some(one(watch.json_bytes().into()))),
        ("requests", "Requests that it sent to the API", "{request}", Sum, "", Some(one(counts.requests.into()))),
        ("retries", "Those that sent a call again", "{request}", Sum, "", Some(one(counts.retries.into()))),
        (
            "rate_limited",
            "Those that were answered with 429",
            "{request}",
            Sum,
            "",
            Some(one(counts.rate_limited.into())),
        ),
        (
            "peak_memory_bytes",
            "The most memory that it had",
            "By",
            Gauge,
            "",
            measure::peak_memory().map(|bytes| one(bytes.into())),
        ),
    ];
    // What nobody measures now is not as an earlier run has measured it.
    let known = metrics.into_iter().filter(|metric| metric.5.is_some());
    known.map(|metric| named("apsides_last_run_", metric)).collect()
}

/// What was published, by this run or else by an earlier one.
fn of_success(run: &Run<'_>, now: Timestamp) -> Vec<Metric> {
    use Kind::Gauge;
    let published = run.ended.ok();
    let of_tables = |number: fn(&TableFiles) -> u64| {
        let sample = |table: &TableFiles| (table.name.clone(), number(table).into());
        published.map(|manifest| manifest.tables.iter().map(sample).collect::<Vec<_>>())
    };
    let one = |number: fn(&Manifest) -> u64| published.map(|manifest| vec![(String::new(), number(manifest).into())]);
    let time = |time: Timestamp| vec![(String::new(), time.into())];
    let unmapped = |manifest: &Manifest| manifest.table("unmapped").map_or(0, |table| table.rows);
    [
        ("timestamp_seconds", "When a run succeeded last", "s", Gauge, "", published.map(|_| time(now))),
        ("watermark_timestamp_seconds", "Until when all events are there", "s", Gauge, "", run.watermark.map(time)),
        ("rows", "Rows that it published", "{row}", Gauge, "table", of_tables(|table| table.rows)),
        ("bytes", "Bytes that they take", "By", Gauge, "table", of_tables(|table| table.bytes)),
        ("files", "Files that they are in", "{file}", Gauge, "table", of_tables(|table| table.files.len() as u64)),
        ("json_bytes", "JSON that they come from, inflated", "By", Gauge, "", one(|manifest| manifest.json_bytes)),
        (
            "unmapped_rows",
            "Values without a column, which are in the table unmapped",
            "{row}",
            Gauge,
            "",
            one(unmapped),
        ),
        (
            "duplicate_events",
            "Events that the source sent again",
            "{event}",
            Gauge,
            "",
            one(|manifest| manifest.findings.duplicate_events),
        ),
    ]
    .map(|metric| named("apsides_last_success_", metric))
    .into()
}

/// Name, help, unit, kind, label, samples.
type Row = (&'static str, &'static str, &'static str, Kind, &'static str, Option<Vec<(String, Number)>>);

fn named(prefix: &str, (name, help, unit, kind, label, samples): Row) -> Metric {
    Metric { name: format!("{prefix}{name}"), help, unit, kind, label, samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_alike_everywhere() {
        for (number, text) in [
            (Number::from(7), "7"),
            (Duration::from_micros(1_234_567).into(), "1.235"),
            (Duration::from_millis(12_003).into(), "12.003"),
            (Duration::ZERO.into(), "0.000"),
        ] {
            assert_eq!(number.to_string(), text);
        }
    }
}
