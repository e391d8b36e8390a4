//! Who is told of a run.

use crate::{
    failure::{Exit, Failure},
    reports::{Lineage, Otlp, Told},
};
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
    #[arg(long, value_name = "URL")]
    pub(crate) lineage_url: Option<String>,
    /// Add these events to a file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) lineage_file: Option<PathBuf>,
    /// Send traces and metrics of the run there when it has ended, by OTLP over HTTP in JSON; without it, what
    /// OTEL_EXPORTER_OTLP_ENDPOINT says
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
}

impl Reports {
    /// Those who are told: what is said here goes before what a pipeline says.
    ///
    /// Addresses are read here, and not by clap, which would show one that is wrong, with a password that may stand in it.
    pub(crate) fn or(self, pipeline: Told) -> Result<Told, Failure> {
        let read = |name: &str, text: Option<String>, address: fn(&str) -> Result<Url, String>| {
            let next = "correct it; docs/operations.md has examples";
            let wrong = |problem| Failure::new(Exit::Configuration, format!("{name}: {problem}")).next(next);
            text.map(|text| address(&text).map_err(wrong)).transpose()
        };
        let endpoint = read("--otlp-endpoint", self.otlp_endpoint, otlp_endpoint)?;
        let lineage = Lineage {
            url: read("--lineage-url", self.lineage_url, lineage_url)?.or(pipeline.lineage.url),
            file: self.lineage_file.or(pipeline.lineage.file),
            namespace: pipeline.lineage.namespace,
        };
        let otlp = Otlp { endpoint: endpoint.or(pipeline.otlp.endpoint), ..pipeline.otlp };
        Ok(Told { metrics: self.metrics_textfile.or(pipeline.metrics), lineage, otlp })
    }
}

/// An address that events can be sent to.
pub(crate) fn lineage_url(text: &str) -> Result<Url, String> {
    address(text).ok_or_else(|| "it is no address; write https://host/api/v1/lineage".to_owned())
}

/// The address of a collector.
pub(crate) fn otlp_endpoint(text: &str) -> Result<Url, String> {
    let url = address(text).ok_or("it is no address; write https://host:4318")?;
    if ["/v1/traces", "/v1/metrics"].iter().any(|path| url.path().trim_end_matches('/').ends_with(path)) {
        return Err("it is the address of one kind of signals; leave out what begins with /v1".to_owned());
    }
    Ok(url)
}

/// What stands there may hold a password, so it is not shown.
fn address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
