//! What is told of a run to those who watch many: metrics for Prometheus, events of OpenLineage, traces and
//! metrics of OpenTelemetry.
//!
//! Nothing here decides whether a run has succeeded: what cannot be told is a warning.

mod lineage;
mod metrics;
mod otlp;
mod textfile;

pub(crate) use lineage::Lineage;
pub(crate) use otlp::Otlp;

use crate::{args, failure::Failure, run::Job, schedule::Schedule, watch::Watch};
use apsides_batcher::{Destination, Manifest, Shard};
use apsides_fetcher::{Counts, Network};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The file for Prometheus's node_exporter.
    pub(crate) metrics: Option<PathBuf>,
    pub(crate) lineage: Lineage,
    pub(crate) otlp: Otlp,
}

/// What is told of one run.
pub(crate) struct Reports {
    told: Told,
    /// As it is called on the command line.
    command: &'static str,
    /// The pipeline's name, or that of the command.
    pipeline: String,
    destination: Destination,
    /// Tells until when all events are there.
    schedule: Option<Schedule>,
    /// The way to those who are told.
    network: Network,
}

impl Reports {
    /// Those of a command without a pipeline.
    pub(crate) fn new(command: &'static str, told: Told, destination: &Destination) -> Self {
        let (destination, network) = (destination.clone(), Network::default());
        Self { told, command, pipeline: command.to_owned(), destination, schedule: None, network }
    }

    /// Those of a pipeline's run.
    pub(crate) fn of(command: &'static str, job: &Job, args: args::Reports, pipeline: &Path) -> Result<Self, Failure> {
        let name = pipeline.file_stem().unwrap_or_default().to_string_lossy();
        let (schedule, network) = (job.schedule.clone(), job.client.network.clone());
        let reports = Self::new(command, args.or(job.told.clone())?, &job.destination);
        Ok(Self { pipeline: name.into(), schedule, network, ..reports })
    }

    /// The same of a shard, which writes apart, and knows only its share of what is to be there.
    pub(crate) fn of_shard(self, shard: Option<Shard>) -> Self {
        match shard {
            None => self,
            Some(shard) => Self { destination: self.destination.shard(shard), schedule: None, ..self },
        }
    }

    /// Tells of a run when it has ended, which gives what is published then. `counts` are those of its calls.
    pub(crate) async fn around(
        &self,
        watch: &Watch,
        counts: impl FnOnce() -> Counts,
        run: impl Future<Output = Result<Manifest, Failure>>,
    ) -> Result<(), Failure> {
        let of = lineage::Of { id: watch.run().uuid(), job: &self.pipeline, destination: &self.destination };
        self.told.lineage.started(&of, &self.network).await;
        let ended = run.await;
        let elapsed = watch.elapsed();
        let watermark = |of: &Manifest| self.schedule.as_ref()?.watermark(&of.windows);
        let run = metrics::Run {
            watch,
            elapsed,
            counts: counts(),
            watermark: ended.as_ref().ok().and_then(watermark),
            ended: ended.as_ref(),
        };
        let metrics = metrics::of(&run, Timestamp::now());
        let destination = self.destination.to_string();
        let labels = [("pipeline", self.pipeline.as_str()), ("destination", destination.as_str())];
        if let Some(path) = &self.told.metrics
            && let Err(error) = textfile::write(path, &metrics, &labels)
        {
            tracing::warn!(path = %path.display(), "the metrics could not be written: {error}");
        }
        let lineage = self.told.lineage.ended(&of, ended.as_ref(), &self.network);
        let collector = self.told.otlp.clone().resolved(|name| std::env::var(name).ok());
        let otlp = async {
            if let Some(collector) = collector {
                let (command, labels, ended) = (self.command, &labels, ended.as_ref());
                let run = otlp::Run { command, watch, elapsed, labels, metrics: &metrics, ended };
                collector.tell(&run, &self.network).await;
            }
        };
        // At once, so that they keep nobody longer than the slowest.
        tokio::join!(lineage, otlp);
        ended.map(drop)
    }
}
