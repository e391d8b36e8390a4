//! `apsides replay`: tables from the downloads that a run has kept, without the API.

use crate::{
    args::{Output, Replay},
    convert,
    failure::Failure,
    raw::RawRun,
    shutdown::Shutdown,
    tables::{self, Input, NextPart},
};
use apsides_batcher::{Options, Part};
use std::io;
use tokio::runtime::Handle;

pub(crate) async fn replay(args: Replay, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let run = args.to.storage.destination(&args.run)?;
    let run = shutdown.or_interrupted(RawRun::open(&run)).await??;
    let destination = args.to.storage.destination(&args.to.out)?;
    let options = convert::options(args.to, run.index.source.clone())?;
    let attribute_ids = options.attribute_ids.into_iter().chain(run.index.attribute_ids.iter().cloned()).collect();
    let options = Options { attribute_ids, ..options };
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
    tables::publish(Input { first, rest }, &destination, options, output, shutdown).await?;
    Ok(())
}
