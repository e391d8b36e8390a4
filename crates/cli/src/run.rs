//! `apsides run`: one run of a pipeline, the whole of it on this page.

use crate::{
    args::{Output, Run},
    config::Pipeline,
    failure::Failure,
    names::{self, Lookup},
    progress::{Waiting, duration},
    shutdown::Shutdown,
    tables,
};
use apsides_batcher::{Destination, Manifest, Options};
use apsides_fetcher::{Client, ClientConfig, ExportSpec};

/// All that a run needs to know.
pub(crate) struct Job {
    pub(crate) client: ClientConfig,
    /// What is asked for; in a pipeline's own words, until [`names::resolved`].
    pub(crate) export: ExportSpec,
    /// How those words are looked up.
    pub(crate) lookup: Lookup,
    /// What the manifest says where the tables come from.
    pub(crate) source: String,
    pub(crate) destination: Destination,
    pub(crate) overwrite: bool,
    /// How the export is converted. What is above, and what was asked for, is added.
    pub(crate) options: Options,
}

pub(crate) async fn run(args: Run, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let job = Pipeline::read(&args.pipeline)?.into_job()?;
    let job = names::resolved(job, output, shutdown).await?;
    execute(&job, output, shutdown).await?;
    Ok(())
}

/// Requests an export, waits until it is there, downloads it and publishes its tables.
pub(crate) async fn execute(job: &Job, output: &Output, shutdown: &Shutdown) -> Result<Manifest, Failure> {
    let waiting = Waiting::new(output, format!("requesting an export from {}", job.client.base_url));
    let client = Client::new(job.client.clone())?;
    let download = async {
        let pending = client.request(&job.export).await?;
        waiting.say("waiting for the export");
        let ready = pending
            .ready(|poll| {
                waiting.say(format!(
                    "waiting for the export: not ready after {}, asking again in {}",
                    duration(poll.waited.as_secs()),
                    duration(poll.next_in.as_secs().max(1)),
                ));
            })
            .await?;
        ready.download().await
    };
    let download = shutdown.or_interrupted(download).await??;
    drop(waiting);
    let options = Options {
        source: job.source.clone(),
        overwrite: job.overwrite,
        // What was asked for as an attribute is one, even where it has no value.
        attribute_ids: job.export.attributes.iter().cloned().collect(),
        ..job.options.clone()
    };
    tables::publish(download.into_reader(), &job.destination, options, output, shutdown).await
}
