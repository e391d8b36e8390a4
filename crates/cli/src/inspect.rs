//! `apsides inspect`: what is in an export at hand, for a terminal, for machines, and as a page.

mod page;
mod plot;
mod shown;
mod text;

use crate::{
    args::{Inspect, Output},
    convert::{definitions, open},
    damage::LastRead,
    failure::{Exit, Failure},
    progress::{Converting, Phases},
    shutdown::Shutdown,
    summary::print,
};
use apsides_batcher::{Error, InspectOptions, Inspection, Progress, inspect_slices};
use apsides_fetcher::Reader;
use shown::by_id;
use std::{fs, sync::Arc};
use text::Look;
use tokio::task::spawn_blocking;

pub(crate) async fn inspect(args: Inspect, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let definitions = args.definitions.as_deref().map(definitions).transpose()?;
    let reader = shutdown.or_interrupted(open(&args.input, &args.storage)).await??;
    let default = InspectOptions::default();
    let options = InspectOptions {
        attribute_ids: args.attribute_ids.into_iter().collect(),
        definitions,
        duplicates: args.duplicates,
        limits: args.limits.tokenizer(),
        threads: args.threads.map_or(default.threads, |threads| usize::from(threads.get())),
        ..default
    };
    let found = read(reader, options, output, shutdown).await?;
    if let Some(file) = args.html {
        fs::write(&file, page::page(&by_id(&found))).map_err(|error| {
            let message = format!("could not write {}: {error}", file.display());
            Failure::new(Exit::Destination, message).next("check the folder, its permissions and its free space")
        })?;
    }
    if output.json {
        print(&serde_json::to_string_pretty(&found).expect("an inspection is plain data"))
    } else {
        print(&text::text(&by_id(&found), Look::of_stdout()))
    }
}

async fn read(
    input: Reader,
    options: InspectOptions,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Inspection, Failure> {
    let progress = Arc::new(Progress::default());
    let phases = Phases { reading: "reading", writing: None };
    let _line = Converting::new(output, phases, input.progress(), Arc::clone(&progress));
    // If it cannot be opened again, it is read as it is.
    let (whole, readers) = (input.whole().ok().flatten(), shutdown.clone());
    let work = spawn_blocking(move || {
        if let Some(whole) = whole {
            let slice = |range| readers.reader(whole.slice(range));
            if let Some(found) = inspect_slices(whole.bytes(), slice, &options, &progress)? {
                return Ok(found);
            }
            whole.start_over();
        }
        let last_read = LastRead::default();
        let found = apsides_batcher::inspect(readers.reader(last_read.reader(input)), &options, &progress);
        found.map_err(|error| last_read.blamed(error))
    });
    let found = match shutdown.or_interrupted(work).await? {
        Ok(found) => found,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    found.map_err(|error| match error {
        Error::Read { .. } if shutdown.is_requested() => Failure::interrupted(),
        error => Failure::from(error).of_reading(),
    })
}
