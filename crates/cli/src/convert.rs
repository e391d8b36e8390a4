//! `apsides convert`: an export at hand to tables.

use crate::{
    args::{Convert, Files, Output, To, check_memory},
    failure::Failure,
    reports::{Reports, Told},
    shutdown::Shutdown,
    storage::{self, Storage},
    tables,
    watch::Watch,
};
use apsides_batcher::{Address, FileOptions, Options};
use apsides_definitions::{Definitions, Snapshot};
use apsides_fetcher::{self as fetcher, Counts, Input, Reader};
use std::path::Path;

pub(crate) async fn convert(args: Convert, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let destination = args.to.storage.destination(&args.to.out)?;
    let reports = Reports::new("convert", args.to.reports.clone().or(Told::default())?, &destination);
    let run = async {
        let reader = shutdown.or_interrupted(open(&args.input, &args.to.storage)).await??;
        let options = options(args.to, reader.origin().to_string(), watch)?;
        let published = tables::publish(reader.into(), &destination, options, watch, output, shutdown).await?;
        published.printed(&destination, output)
    };
    reports.around(watch, Counts::default, run).await
}

/// How an export from this source is converted.
pub(crate) fn options(args: To, source: String, watch: &Watch) -> Result<Options, Failure> {
    let definitions = args.definitions.as_deref().map(definitions).transpose()?;
    check_memory(usize_of(args.limits.memory_limit), &args.tables.tables)?;
    let options = Options {
        source,
        run: Some(watch.run().clone()),
        overwrite: args.overwrite,
        commit: args.commit.into(),
        grace: args.storage.settings().grace,
        attribute_ids: args.attribute_ids.into_iter().collect(),
        definitions,
        profile: args.profile,
        privacy: args.privacy.rules()?,
        limits: args.limits.tokens.tokenizer(),
        ..Options::within(usize_of(args.limits.memory_limit))
    };
    let options = Options {
        files: file_options(&args.files, options.files),
        threads: args.limits.threads.map(|threads| threads.get().into()),
        ..options
    };
    Ok(args.tables.apply(options))
}

/// Opens an input, wherever it is.
pub(crate) async fn open(input: &str, storage: &Storage) -> Result<Reader, Failure> {
    let limits = fetcher::Limits::default();
    // Any other address is the fetcher's to know or refuse.
    if let Some(address) = input.starts_with("s3://").then(|| Address::parse(input)).transpose()?.flatten() {
        return storage::open(&address, &storage.settings()).await;
    }
    Ok(fetcher::open(&Input::parse(input)?, &limits).await?)
}

/// The definitions in a file or folder.
pub(crate) fn definitions(path: &Path) -> Result<Definitions, Failure> {
    let Snapshot { definitions, skipped, .. } = Snapshot::read(path)?;
    if skipped > 0 {
        tracing::warn!(file = %path.display(), skipped, "definitions without an id are left out");
    }
    Ok(definitions)
}

/// What was asked for; what was not is as by default.
fn file_options(files: &Files, default: FileOptions) -> FileOptions {
    FileOptions {
        codec: files.codec.into(),
        row_group_rows: files.row_group_rows as usize,
        row_group_bytes: files.row_group_size.map_or(default.row_group_bytes, usize_of),
        file_bytes: usize_of(files.file_size),
        chunks_max: default.chunks_max,
        bloom_filters: files.bloom_filters,
    }
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
