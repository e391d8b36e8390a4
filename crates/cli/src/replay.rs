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
use apsides_fetcher::{self as fetcher, Counts, Limits, Reader};
use std::{io, path::PathBuf};
use tokio::runtime::Handle;

pub(crate) async fn replay(args: Replay, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let destination = args.to.storage.destination(&args.to.out)?;
    let reports = Reports::new(args.to.reports.clone().or(Told::default()), "replay", &destination);
    reports.around(watch, Counts::default, published(args, &destination, watch, output, shutdown)).await
}

async fn published(
    args: Replay,
    destination: &Destination,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Option<Manifest>, Failure> {
    let run = RawRun::open(&args.folder)?;
    let options = convert::options(args.to, run.index.source.clone(), watch)?;
    let attribute_ids = options.attribute_ids.into_iter().chain(run.index.attribute_ids.iter().cloned()).collect();
    let options = Options { attribute_ids, ..options };
    let mut parts: Vec<_> = run.parts().collect();
    let (path, _) = parts.remove(0);
    let first = shutdown.or_interrupted(open(path)).await??;
    let runtime = Handle::current();
    let rest = parts.into_iter().map(move |(path, adds)| {
        let input = runtime.block_on(open(path)).map_err(io::Error::from)?;
        Ok(Part { input, adds })
    });
    let rest: Option<NextPart> = if rest.len() > 0 { Some(Box::new(rest)) } else { None };
    let published = tables::publish(Input { first, rest }, destination, options, watch, output, shutdown).await?;
    published.told(destination, output)
}

async fn open(path: PathBuf) -> fetcher::Result<Reader> {
    fetcher::open(&fetcher::Input::Path(path), &Limits::default()).await
}
