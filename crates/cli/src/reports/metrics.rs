//! Metrics of a run as a text file for Prometheus: node_exporter's textfile collector serves what it finds in a folder.
//!
//! They are gauges, since a run is over before anybody can ask it twice: `apsides_last_run_…` of the last run, whatever
//! became of it, and `apsides_last_success_…` of the last one that published, which a failed run takes over from the file
//! as it was. docs/operations.md lists them; a test holds the list to this file.
//!
//! The format is written here, since it is a name, labels and a number a line. The crates that know it keep a registry of
//! counters for a server that is asked again and again, or write OpenMetrics, which node_exporter does not read; and none
//! could take over lines. A test has them read by Prometheus's own parser.

use crate::{
    failure::Failure,
    measure,
    watch::{Phase, Watch},
};
use apsides_batcher::Manifest;
use apsides_fetcher::Counts;
use jiff::Timestamp;
use std::{
    fmt::{Display, Write as _},
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Everybody may read it: node_exporter is another user.
const MODE: u32 = 0o644;

/// What there is to tell.
pub(super) struct Run<'a> {
    pub(super) pipeline: &'a str,
    pub(super) destination: &'a str,
    pub(super) watch: &'a Watch,
    pub(super) counts: Counts,
    /// Until when all events are there, where a schedule asks for them.
    pub(super) watermark: Option<Timestamp>,
    /// What is published then.
    pub(super) ended: Result<&'a Manifest, &'a Failure>,
}

/// Replaces the file, whole.
pub(super) fn write(path: &Path, run: &Run<'_>) -> io::Result<()> {
    let former = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        former => former?,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not `.prom`, which would be read before it is whole.
    let mut file = tempfile::Builder::new().prefix(".apsides-").suffix(".part").tempfile_in(folder)?;
    file.write_all(text(run, &former, Timestamp::now()).as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn text(run: &Run<'_>, former: &str, now: Timestamp) -> String {
    let mut text = Text { out: String::new(), former, run };
    let Run { watch, counts, ended, .. } = run;
    let exit_status = ended.err().map_or(0, |failure| failure.exit as u8);
    text.one("apsides_last_run_timestamp_seconds", "When the last run ended", now.as_second());
    text.one("apsides_last_run_success", "Whether it published all that was asked for", u8::from(ended.is_ok()));
    text.one("apsides_last_run_exit_status", "Its exit status", exit_status);
    text.one("apsides_last_run_duration_seconds", "How long it took", seconds(watch.elapsed()));
    let phases = Phase::ALL.map(|phase| (phase.name(), seconds(watch.time_of(phase))));
    text.all("apsides_last_run_phase_duration_seconds", "How long its phases took", "phase", &phases);
    text.one("apsides_last_run_json_bytes", "JSON that it read, inflated", watch.json_bytes());
    text.one("apsides_last_run_requests", "Requests that it sent to the API", counts.requests);
    text.one("apsides_last_run_retries", "Those that sent a call again", counts.retries);
    text.one("apsides_last_run_rate_limited", "Those that were answered with 429", counts.rate_limited);
    if let Some(bytes) = measure::peak_memory() {
        text.one("apsides_last_run_peak_memory_bytes", "The most memory that it had", bytes);
    }
    text.last_success(ended.ok(), now);
    text.out
}

fn seconds(time: std::time::Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

struct Text<'a> {
    out: String,
    former: &'a str,
    run: &'a Run<'a>,
}

impl Text<'_> {
    /// What was published, by this run or else by an earlier one.
    fn last_success(&mut self, published: Option<&Manifest>, now: Timestamp) {
        let tables = published.map(|manifest| manifest.tables.as_slice());
        let of_tables = |number: fn(&apsides_batcher::TableFiles) -> u64| {
            tables.map(|tables| tables.iter().map(|table| (table.name.as_str(), number(table))).collect::<Vec<_>>())
        };
        let [rows, bytes] = [of_tables(|table| table.rows), of_tables(|table| table.bytes)];
        let files = of_tables(|table| table.files.len() as u64);
        let one = |number: fn(&Manifest) -> u64| published.map(|manifest| vec![("", number(manifest))]);
        let seconds = |time: Timestamp| vec![("", time.as_second().unsigned_abs())];
        let (at, watermark) = (published.map(|_| seconds(now)), self.run.watermark.map(seconds));
        for (name, help, label, samples) in [
            ("timestamp_seconds", "When a run succeeded last", "", at),
            ("watermark_timestamp_seconds", "Until when all events are there", "", watermark),
            ("rows", "Rows that it published", "table", rows),
            ("bytes", "Bytes that they take", "table", bytes),
            ("files", "Files that they are in", "table", files),
            ("json_bytes", "JSON that they come from, inflated", "", one(|manifest| manifest.json_bytes)),
            (
                "unmapped_rows",
                "Values without a column, which are in the table unmapped",
                "",
                one(|manifest| manifest.table("unmapped").map_or(0, |table| table.rows)),
            ),
            (
                "duplicate_events",
                "Events that the source sent again",
                "",
                one(|manifest| manifest.findings.duplicate_events),
            ),
        ] {
            let name = format!("apsides_last_success_{name}");
            match samples {
                Some(samples) => self.all(&name, help, label, &samples),
                None => self.kept(&name, help),
            }
        }
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.all(name, help, "", &[("", value)]);
    }

    /// A metric with a value for each value of a label; for one value without such a label, its name is empty.
    fn all(&mut self, name: &str, help: &str, label: &str, samples: &[(&str, impl Display)]) {
        self.head(name, help);
        for (of, value) in samples {
            let (pipeline, destination) = (escaped(self.run.pipeline), escaped(self.run.destination));
            let label = if label.is_empty() { String::new() } else { format!(",{label}=\"{}\"", escaped(of)) };
            // Writing to a string cannot fail.
            let _ =
                writeln!(self.out, "{name}{{pipeline=\"{pipeline}\",destination=\"{destination}\"{label}}} {value}");
        }
    }

    /// A metric as it was.
    fn kept(&mut self, name: &str, help: &str) {
        let former = self.former;
        let lines = former.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        let lines: Vec<_> = lines.filter(|line| is_sample(line)).collect();
        if !lines.is_empty() {
            self.head(name, help);
            self.out.extend(lines.into_iter().flat_map(|line| [line, "\n"]));
        }
    }

    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge");
    }
}

/// Whether a line is one of ours, and not cut short by whoever has edited the file.
fn is_sample(line: &str) -> bool {
    line.rsplit_once("\"} ").is_some_and(|(_, value)| value.parse::<f64>().is_ok())
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn manifest() -> Manifest {
        let json = r#"{
            "version": 1, "tool": "apsides", "source": "demo", "json_bytes": 7,
            "findings": {"duplicate_events": 2, "replaced_surrogates": 0, "superseded_members": 0, "without_column": 0},
            "tables": [{"name": "tags", "rows": 3, "bytes": 40, "files": []}, {"name": "unmapped", "rows": 5, "bytes": 6, "files": []}]
        }"#;
        serde_json::from_str(json).expect("a manifest")
    }

    fn told(ended: Result<&Manifest, &Failure>, former: &str, now: i64) -> String {
        let watch = Watch::begin().expect("a run");
        let counts = Counts { requests: 9, retries: 4, rate_limited: 1 };
        let watermark = ended.ok().and_then(|_| Timestamp::from_second(50).ok());
        let run = Run { pipeline: "nightly", destination: "/data/\"a\\b\"", watch: &watch, counts, watermark, ended };
        text(&run, former, Timestamp::from_second(now).expect("a time"))
    }

    fn value<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let lines = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        lines.map(|line| line.rsplit_once(' ').expect("a value").1).collect()
    }

    #[test]
    fn a_failed_run_keeps_what_was_published() {
        let (manifest, failure) = (manifest(), Failure::new(Exit::Network, "no way"));
        let good = told(Ok(&manifest), "", 100);
        let labels = "{pipeline=\"nightly\",destination=\"/data/\\\"a\\\\b\\\"\"";
        assert!(good.contains(&format!("apsides_last_success_rows{labels},table=\"tags\"}} 3\n")), "{good}");
        let bad = told(Err(&failure), &good, 200);
        for (name, after_good, after_bad) in [
            ("apsides_last_run_timestamp_seconds", vec!["100"], vec!["200"]),
            ("apsides_last_run_success", vec!["1"], vec!["0"]),
            ("apsides_last_run_exit_status", vec!["0"], vec!["8"]),
            ("apsides_last_run_retries", vec!["4"], vec!["4"]),
            ("apsides_last_success_timestamp_seconds", vec!["100"], vec!["100"]),
            ("apsides_last_success_watermark_timestamp_seconds", vec!["50"], vec!["50"]),
            ("apsides_last_success_rows", vec!["3", "5"], vec!["3", "5"]),
            ("apsides_last_success_bytes", vec!["40", "6"], vec!["40", "6"]),
            ("apsides_last_success_unmapped_rows", vec!["5"], vec!["5"]),
            ("apsides_last_success_duplicate_events", vec!["2"], vec!["2"]),
        ] {
            assert_eq!((value(&good, name), value(&bad, name)), (after_good, after_bad), "{name}");
        }
        // And a second one, too; without a former file there is nothing to keep.
        let success = |text: &str| {
            text.lines().filter(|line| line.contains("last_success")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(success(&told(Err(&failure), &bad, 300)), success(&good));
        assert_eq!(success(&told(Err(&failure), "", 200)), [""; 0]);
    }

    #[test]
    fn what_is_kept_is_ours() {
        let failure = Failure::new(Exit::Network, "no way");
        for former in [
            "apsides_last_success_rows{pipeline=\"x\",table=\"ta",
            "apsides_last_success_rows{} 1",
            "apsides_last_success_rows_more{a=\"b\"} 1",
            "apsides_last_success_rows{a=\"b\"} many",
        ] {
            assert!(!told(Err(&failure), former, 1).contains("last_success"), "{former}");
        }
    }

    #[test]
    fn every_metric_is_documented() {
        let docs = include_str!("../../../../docs/operations.md");
        let manifest = manifest();
        let text = told(Ok(&manifest), "", 1);
        let names: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")).collect();
        assert!(names.len() >= 16, "{names:?}");
        for name in &names {
            assert!(docs.contains(&format!("| `{name}` |")), "{name}");
        }
        let documented = docs.lines().filter(|line| line.starts_with("| `apsides_last_")).count();
        assert_eq!(documented, names.len());
    }
}
