//! Who is told of a run.

use crate::reports::Told;
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Reports")]
pub(crate) struct Reports {
    /// Replace this file, at the end of the run and however it ended, with metrics for node_exporter's textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub(crate) metrics_textfile: Option<PathBuf>,
}

impl Reports {
    /// Those who are told: what is said here goes before what a pipeline says.
    pub(crate) fn or(self, pipeline: Told) -> Told {
        Told { metrics: self.metrics_textfile.or(pipeline.metrics) }
    }
}
