//! From an open input to published tables: what `convert`, `run` and `demo` have in common.

use crate::{args::Output, failure::Failure, progress::Converting, shutdown::Shutdown, summary::Summary};
use apsides_batcher::{Destination, Error, Manifest, Options, Progress, stage};
use apsides_fetcher::Reader;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};

/// How long a conversion may take to stop after a signal.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Converts an input and publishes its tables.
pub(crate) async fn publish(
    input: Reader,
    destination: &Destination,
    options: Options,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Manifest, Failure> {
    let started = Instant::now();
    let progress = Arc::new(Progress::default());
    let line = Converting::new(output, input.progress(), Arc::clone(&progress));
    let input = shutdown.reader(input);
    let place = destination.clone();
    let runtime = Handle::current();
    let mut work =
        spawn_blocking(move || stage(input, place, &options, &runtime, &progress).and_then(|staged| staged.publish()));
    let done = tokio::select! {
        done = &mut work => done,
        // The input fails at its next read, and what was staged is removed. If the thread hangs in
        // a read, the next run removes it.
        () = shutdown.requested() => match timeout(STOP_WAIT, work).await {
            Ok(done) => done,
            Err(_) => return Err(Failure::interrupted_at_work()),
        },
    };
    drop(line);
    let published = match done {
        Ok(published) => published,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    match published {
        Ok(manifest) => {
            Summary::new(destination, &manifest, started.elapsed()).print(output)?;
            Ok(manifest)
        }
        // What is decided will be published, and its error says so.
        Err(Error::Read { .. }) if shutdown.is_requested() => Err(Failure::interrupted()),
        Err(error) => Err(error.into()),
    }
}
