//! Metrics of a run as a text file for Prometheus: node_exporter's textfile collector serves what it finds in a folder.
//!
//! They are gauges, since a run is over before anybody can ask it twice. What is of the last run that published, a failed
//! run takes over from the file as it was.
//!
//! The format is written here, since it is a name, labels and a number a line. The crates that know it keep a registry of
//! counters for a server that is asked again and again, or write OpenMetrics, which node_exporter does not read; and none
//! could take over lines. A test has them read by Prometheus's own parser.

use super::metrics::{Metric, Number};
use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Everybody may read it: node_exporter is another user.
const MODE: u32 = 0o644;

/// Labels that all samples have, with their values.
pub(super) type Labels<'a> = [(&'static str, &'a str); 2];

/// Replaces the file, whole.
pub(super) fn write(path: &Path, metrics: &[Metric], labels: &Labels<'_>) -> io::Result<()> {
    let former = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        former => former?,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not `.prom`, which would be read before it is whole.
    let mut file = tempfile::Builder::new().prefix(".apsides-").suffix(".part").tempfile_in(folder)?;
    file.write_all(text(metrics, labels, &former).as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn text(metrics: &[Metric], labels: &Labels<'_>, former: &str) -> String {
    let mut text = Text { out: String::new(), former, labels };
    for metric in metrics {
        match &metric.samples {
            Some(samples) => text.all(metric, samples),
            None => text.kept(metric),
        }
    }
    text.out
}

struct Text<'a> {
    out: String,
    former: &'a str,
    labels: &'a Labels<'a>,
}

impl Text<'_> {
    /// A metric with a value for each value of its label.
    fn all(&mut self, metric: &Metric, samples: &[(String, Number)]) {
        self.head(metric);
        for (of, value) in samples {
            let own = (!metric.label.is_empty()).then_some((metric.label, of.as_str()));
            let labels = self.labels.iter().copied().chain(own);
            let labels: Vec<_> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(self.out, "{}{{{}}} {value}", metric.name, labels.join(","));
        }
    }

    /// A metric as it was.
    fn kept(&mut self, metric: &Metric) {
        let former = self.former;
        let name = metric.name.as_str();
        let lines = former.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
        let lines: Vec<_> = lines.filter(|line| is_sample(line)).collect();
        if !lines.is_empty() {
            self.head(metric);
            self.out.extend(lines.into_iter().flat_map(|line| [line, "\n"]));
        }
    }

    fn head(&mut self, metric: &Metric) {
        let Metric { name, help, .. } = metric;
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
    use crate::{
        failure::{Exit, Failure},
        reports::metrics::{self, Run},
        watch::Watch,
    };
    use apsides_batcher::Manifest;
    use apsides_fetcher::Counts;
    use jiff::Timestamp;

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
        let run = Run { watch: &watch, elapsed: watch.elapsed(), counts, watermark, ended };
        let metrics = metrics::of(&run, Timestamp::from_second(now).expect("a time"));
        text(&metrics, &[("pipeline", "nightly"), ("destination", "/data/\"a\\b\"")], former)
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
