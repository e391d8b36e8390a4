//! What a pipeline says of those who are told of its runs.

use serde::Deserialize;
use std::path::PathBuf;

/// Metrics of the runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    /// A file of this pipeline's own for node_exporter's textfile collector, replaced at the end of each run.
    pub(super) textfile: Option<PathBuf>,
}
