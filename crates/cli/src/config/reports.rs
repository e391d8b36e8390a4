//! What a pipeline says of those who are told of its runs.

use super::{text::Text, wrong};
use crate::{args::lineage_url, failure::Failure, reports};
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

/// Events of OpenLineage, of which run made which tables of what.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Lineage {
    /// Where events are sent: `https://host/api/v1/lineage`.
    url: Option<Text>,
    /// A file that events are added to, a line each.
    file: Option<PathBuf>,
    /// That of the jobs. Default: apsides.
    namespace: Option<String>,
}

impl Lineage {
    pub(super) fn into_lineage(self) -> Result<reports::Lineage, Failure> {
        let url = self.url.map(|url| lineage_url(&url.0).map_err(|error| wrong(&format!("[lineage] `url`: {error}"))));
        Ok(reports::Lineage { url: url.transpose()?, file: self.file, namespace: self.namespace })
    }
}
