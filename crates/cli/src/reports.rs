//! What is told of a run to those who watch many: metrics for Prometheus.
//!
//! Nothing here decides whether a run has succeeded: what cannot be told is a warning.

mod metrics;

use crate::{failure::Failure, watch::Watch};
use apsides_batcher::{Destination, Manifest};
use apsides_fetcher::Counts;
use std::path::PathBuf;

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The file for Prometheus's node_exporter.
    pub(crate) metrics: Option<PathBuf>,
}

/// What is told of one run.
pub(crate) struct Reports {
    told: Told,
    /// The pipeline's name, or that of the command.
    pipeline: String,
    destination: String,
}

impl Reports {
    pub(crate) fn new(told: Told, pipeline: impl Into<String>, destination: &Destination) -> Self {
        Self { told, pipeline: pipeline.into(), destination: destination.to_string() }
    }

    /// Tells of a run when it has ended. `counts` are those of its calls.
    pub(crate) async fn around(
        &self,
        watch: &Watch,
        counts: impl FnOnce() -> Counts,
        run: impl Future<Output = Result<Manifest, Failure>>,
    ) -> Result<(), Failure> {
        let ended = run.await;
        if let Some(path) = &self.told.metrics {
            let run = metrics::Run {
                pipeline: &self.pipeline,
                destination: &self.destination,
                watch,
                counts: counts(),
                ended: ended.as_ref(),
            };
            if let Err(error) = metrics::write(path, &run) {
                tracing::warn!(path = %path.display(), "the metrics could not be written: {error}");
            }
        }
        ended.map(drop)
    }
}
