//! Who is told of a run.

use crate::reports::{Lineage, Told};
use clap::Args as ClapArgs;
use std::path::PathBuf;
use url::Url;

#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Reports")]
pub(crate) struct Reports {
    /// Replace this file, at the end of the run and however it ended, with metrics for node_exporter's textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub(crate) metrics_textfile: Option<PathBuf>,
    /// Send events of OpenLineage there: when the run starts, and when it has ended
    #[arg(long, value_name = "URL", value_parser = lineage_url)]
    pub(crate) lineage_url: Option<Url>,
    /// Add these events to a file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) lineage_file: Option<PathBuf>,
}

impl Reports {
    /// Those who are told: what is said here goes before what a pipeline says.
    pub(crate) fn or(self, pipeline: Told) -> Told {
        let lineage = Lineage {
            url: self.lineage_url.or(pipeline.lineage.url),
            file: self.lineage_file.or(pipeline.lineage.file),
            namespace: pipeline.lineage.namespace,
        };
        Told { metrics: self.metrics_textfile.or(pipeline.metrics), lineage }
    }
}

/// An address that events can be sent to.
pub(crate) fn lineage_url(text: &str) -> Result<Url, String> {
    // What stands there may hold a password, so it is not shown.
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "it is no address; write https://host/api/v1/lineage".to_owned())
}
