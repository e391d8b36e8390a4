//! What is told of a run to those who watch many: metrics for Prometheus.
//!
//! Nothing here decides whether a run has succeeded: what cannot be told is a warning.

mod metrics;

use crate::{args, failure::Failure, run::Job, schedule::Schedule, watch::Watch};
use apsides_batcher::{Destination, Manifest};
use apsides_fetcher::Counts;
use std::path::{Path, PathBuf};

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
    /// Tells until when all events are there.
    schedule: Option<Schedule>,
}

impl Reports {
    pub(crate) fn new(told: Told, pipeline: impl Into<String>, destination: &Destination) -> Self {
        Self { told, pipeline: pipeline.into(), destination: destination.to_string(), schedule: None }
    }

    /// Those of a pipeline's run.
    pub(crate) fn of(job: &Job, args: args::Reports, pipeline: &Path) -> Self {
        let name = pipeline.file_stem().unwrap_or_default().to_string_lossy();
        Self { schedule: job.schedule.clone(), ..Self::new(args.or(job.told.clone()), name, &job.destination) }
    }

    /// Tells of a run when it has ended, which gives what is published then. `counts` are those of its calls.
    pub(crate) async fn around(
        &self,
        watch: &Watch,
        counts: impl FnOnce() -> Counts,
        run: impl Future<Output = Result<Option<Manifest>, Failure>>,
    ) -> Result<(), Failure> {
        let ended = run.await;
        if let Some(path) = &self.told.metrics {
            let published = ended.as_ref().ok().and_then(Option::as_ref);
            let run = metrics::Run {
                pipeline: &self.pipeline,
                destination: &self.destination,
                watch,
                counts: counts(),
                watermark: self
                    .schedule
                    .as_ref()
                    .zip(published)
                    .and_then(|(schedule, of)| schedule.watermark(&of.windows)),
                ended: ended.as_ref().map(Option::as_ref),
            };
            if let Err(error) = metrics::write(path, &run) {
                tracing::warn!(path = %path.display(), "the metrics could not be written: {error}");
            }
        }
        ended.map(drop)
    }
}
