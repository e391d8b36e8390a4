//! `apsides replay`: tables from the downloads that a run has kept, without the API.

use crate::{
    args::{Output, Replay},
    convert,
    failure::Failure,
    raw::RawRun,
    reports::{Reports, Told},
    shutdown::Shutdown,
    tables::{self, Input, NextPart},
    watch::Watch,
};
use apsides_batcher::{Destination, Manifest, Options, Part};
use apsides_fetcher::Counts;
use std::io;
use tokio::runtime::Handle;

pub(crate) async fn replay(args: Replay, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let destination = args.to.storage.destination(&args.to.out)?;
    let reports = Reports::new("replay", args.to.reports.clone().or(Told::default())?, &destination);
    reports.around(watch, Counts::default, published(args, &destination, watch, output, shutdown)).await
}

async fn published(
    args: Replay,
    destination: &Destination,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Manifest, Failure> {
    let run = args.to.storage.destination(&args.run)?;
    let run = shutdown.or_interrupted(RawRun::open(&run)).await??;
    let options = convert::options(args.to, run.index.source.clone(), watch)?;
    let attribute_ids = options.attribute_ids.into_iter().chain(run.index.attribute_ids.iter().cloned()).collect();
    let options = Options { attribute_ids, columns_in_parts: run.has_columns_in_parts(), ..options };
    let (first, _) = shutdown.or_interrupted(run.read(0)).await??;
    let (runtime, more) = (Handle::current(), 1..run.parts());
    let rest: Option<NextPart> = if more.is_empty() {
        None
    } else {
        Some(Box::new(more.map(move |part| {
            let (input, adds) = runtime.block_on(run.read(part)).map_err(io::Error::other)?;
            Ok(Part { input, adds })
        })))
    };
    let published =
        tables::publish(Input { first, reading: "reading", rest }, destination, options, watch, output, shutdown)
            .await?;
    published.printed(destination, output)
}
