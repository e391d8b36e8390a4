//! `apsides definitions`: what the ids of an account stand for, for people, machines and pipelines.

use crate::{
    args::{Definitions, Output},
    config::Pipeline,
    failure::{Exit, Failure},
    listing, measure, names,
    shutdown::Shutdown,
    summary::print,
};
use apsides_fetcher::{Client, DefinitionsCache};
use std::{fs, time::Duration};

pub(crate) async fn definitions(args: Definitions, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let (client, lookup) = Pipeline::read(&args.pipeline)?.into_source()?;
    // Who asks wants to know how it is now. The cache is for when that cannot be told, and is renewed.
    let cache = lookup.cache.map(|cache| DefinitionsCache { max_age: Duration::ZERO, ..cache });
    let snapshot = names::fetch(&Client::new(client)?, cache.as_ref(), output, shutdown).await?;
    let Some(file) = args.out else {
        return print(
            match (output.json, args.toml) {
                (true, _) => snapshot.to_json(),
                (_, true) => listing::toml(&snapshot),
                _ => listing::table(&snapshot),
            }
            .trim_end(),
        );
    };
    if args.toml {
        fs::write(&file, listing::toml(&snapshot)).map_err(|error| {
            let message = format!("could not write {}: {error}", file.display());
            Failure::new(Exit::Destination, message).next("check the folder, its permissions and its free space")
        })?;
    } else {
        snapshot.write(&file)?;
    }
    let all = &snapshot.definitions;
    let count = |count: usize| measure::count(count as u64);
    eprintln!(
        "{}: {} sections, with {} attributes, {} tags and {} event types; {} segments",
        file.display(),
        count(all.sections.len()),
        count(all.attributes.len()),
        count(all.tags.len()),
        count(all.events.len()),
        count(all.segments.len()),
    );
    Ok(())
}
