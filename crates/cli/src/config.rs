//! The pipeline file.

mod defaults;
mod effective;
mod export;
mod reports;
mod schedule;
#[cfg(test)]
mod schema;
mod source;
mod suggest;
mod tables;
mod text;
mod units;

use crate::{
    args::{self, CodecName, CommitName, TableName},
    failure::{Exit, Failure},
    names::Lookup,
    reports::Told,
    run::Job,
    storage::Storage,
};
use apsides_batcher::{self as batcher, FileOptions, Options};
use apsides_fetcher::{ClientConfig, StatePlace};
use jiff::Timestamp;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) use effective::{Effective, Origin, effective};
pub(crate) use text::Place;

use export::Export;
use reports::{Lineage, Metrics, Otlp};
use schedule::Schedule;
use source::{Definitions, Source, lookup};
use tables::{Privacy, Schema};
use units::{ByteSize, MemorySize};

/// A pipeline: where an export comes from, what is in it, where its tables go.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipeline {
    /// The file, for messages.
    #[serde(skip)]
    path: PathBuf,
    /// Where exports come from.
    source: Source,
    /// What is asked for.
    #[serde(default)]
    export: Export,
    /// When which events are asked for.
    schedule: Option<Schedule>,
    /// What the ids stand for.
    definitions: Option<Definitions>,
    /// Where the tables go.
    destination: Option<Destination>,
    /// How the Parquet files are cut and compressed.
    #[serde(default)]
    files: Files,
    /// What is still taken for an export, and what may be used for it.
    #[serde(default)]
    limits: Limits,
    /// Columns of typed tables.
    #[serde(default)]
    schema: Schema,
    /// What is withheld from the tables.
    #[serde(default)]
    privacy: Privacy,
    /// Metrics of the runs.
    #[serde(default)]
    metrics: Metrics,
    /// Events of OpenLineage.
    #[serde(default)]
    lineage: Lineage,
    /// Traces and metrics by OTLP.
    #[serde(default)]
    otlp: Otlp,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Destination {
    /// A folder of its own, in which nothing else may be, or `s3://bucket/prefix`.
    path: String,
    /// How S3 is reached, and how files are kept there.
    #[serde(default)]
    s3: Storage,
    /// Whether tables that are there are replaced, whole, at the end.
    #[serde(default)]
    overwrite: bool,
    /// How it tells which files are its tables: `delta` makes each a Delta table. Default: manifest.
    #[serde(default)]
    commit: CommitName,
    /// The tables to write.
    tables: Option<Vec<TableName>>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Files {
    /// Compression of the pages. Default: zstd.
    codec: Option<CodecName>,
    /// A file that has reached it is closed. Default: 512M.
    file_size: Option<ByteSize>,
    /// The most bytes of all row groups under construction together.
    row_group_size: Option<ByteSize>,
    /// The most rows of a row group. Default: 1048576.
    row_group_rows: Option<std::num::NonZeroUsize>,
    /// Whether row groups have bloom filters of their export keys, so that readers who look for one profile skip the others.
    #[serde(default)]
    bloom_filters: bool,
}

/// What is still taken for an export.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Limits {
    /// The longest single text, number or raw value. Default: 64M.
    max_value_size: Option<ByteSize>,
    /// The deepest nesting. Default: 1024.
    max_depth: Option<u16>,
    /// Memory that a run stays within, at least 48M. Default: 192M.
    memory_limit: Option<MemorySize>,
    /// Threads that encode.
    threads: Option<std::num::NonZeroU16>,
}

impl Pipeline {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("the pipeline {} cannot be read: {error}", path.display());
            let next = "check the path; `apsides init FILE` writes a pipeline to start from";
            Failure::new(Exit::Configuration, message).next(next)
        })?;
        let pipeline: Self = toml::from_str(&text).map_err(|error| {
            // The error's own text shows the line, which may hold a secret.
            let place = error.span().map(|span| place(&text, span.start)).unwrap_or_default();
            wrong(&format!("{place}{}", suggest::in_plain_words(error.message()))).in_file(path)
        })?;
        Ok(Self { path: path.to_owned(), ..pipeline })
    }

    /// What `apsides definitions` needs, whatever else there is or is not yet.
    pub(crate) fn into_source(self) -> Result<(ClientConfig, Lookup), Failure> {
        let s3 = self.destination.map(|destination| destination.s3).unwrap_or_default();
        let lookup = lookup(self.definitions, self.export.versions);
        let source = lookup.and_then(|lookup| Ok((self.source.into_client(&s3)?, lookup)));
        source.map_err(|failure| failure.in_file(&self.path))
    }

    /// The same, with downloads kept there.
    pub(crate) fn keeping(mut self, keep_raw: Option<String>) -> Self {
        self.export.keep_raw = keep_raw.or(self.export.keep_raw);
        self
    }

    pub(crate) fn into_job(self) -> Result<Job, Failure> {
        let path = self.path.clone();
        self.job().map_err(|failure| failure.in_file(&path))
    }

    fn job(self) -> Result<Job, Failure> {
        let s3 = self.destination.as_ref().map(|destination| destination.s3.clone()).unwrap_or_default();
        let client = self.source.into_client(&s3)?;
        let destination = self
            .destination
            .ok_or_else(|| wrong("[destination] is missing, with the `path` of a folder, or `s3://bucket/prefix`"))?;
        let source = client.base_url.origin().ascii_serialization();
        let memory_limit = self.limits.memory_limit.map_or(Options::MEMORY_DEFAULT, |size| size.0);
        let options = self.limits.into_options();
        let lookup = lookup(self.definitions, self.export.versions)?;
        let keep_raw = self.export.keep_raw.as_deref().map(|place| destination.s3.destination(place)).transpose()?;
        let place = destination.s3.destination(&destination.path)?;
        if keep_raw.as_ref().is_some_and(|keep_raw| is_within(keep_raw, &place)) {
            return Err(wrong("[export] `keep_raw` is within [destination] `path`, where nothing but tables may be"));
        }
        if let (Some(StatePlace::Objects { name, .. }), batcher::Destination::Bucket { .. }) = (&client.state, &place)
            && is_below(name, &place.to_string())
            && !is_below(name, &format!("{place}/.apsides"))
        {
            let next = format!("`{place}/.apsides/state`");
            let message = "[source] `state` is within [destination] `path`, where nothing but tables may be";
            return Err(wrong(&format!("{message}; {next} is hidden from their readers")));
        }
        let spools = self.export.spool;
        let now = Timestamp::now();
        let schedule = self.schedule.map(|schedule| schedule.into_windows(now)).transpose()?;
        if schedule.is_some() && destination.overwrite {
            return Err(wrong(
                "[destination] has `overwrite`, but runs with [schedule] replace windows alone: leave it out",
            ));
        }
        let commit = destination.commit.into();
        if commit == batcher::Commit::Delta
            && schedule.as_ref().is_some_and(|schedule| schedule.keep_snapshots.get() > 1)
        {
            return Err(wrong(
                "[schedule] has `keep_snapshots`, but Delta tables have versions for that: leave it out; [destination.s3] \
                 `grace` says how long the files of earlier ones stay",
            ));
        }
        let export = self.export.into_spec(now, schedule.is_some())?;
        let tables = destination.tables.as_deref().unwrap_or(&TableName::LONG);
        args::check_memory(memory_limit, tables)?;
        let options = Options {
            commit,
            grace: destination.s3.settings().grace,
            files: self.files.into_options(options.files),
            selection: args::selection_of(tables),
            typed: self.schema.into_typed(tables),
            privacy: self.privacy.into_rules(),
            ..options
        };
        Ok(Job {
            client,
            lookup,
            export,
            schedule,
            source,
            keep_raw,
            spools,
            destination: place,
            overwrite: destination.overwrite,
            told: Told {
                metrics: self.metrics.textfile,
                lineage: self.lineage.into_lineage()?,
                otlp: self.otlp.into_otlp()?,
            },
            options,
        })
    }
}

fn is_within(place: &batcher::Destination, root: &batcher::Destination) -> bool {
    use batcher::Destination::{Bucket, Folder};
    match (place, root) {
        (Folder(place), Folder(root)) => place.starts_with(root),
        (Bucket { .. }, Bucket { .. }) => is_below(&place.to_string(), &root.to_string()),
        _ => false,
    }
}

/// Whether an address is another one, or below it.
fn is_below(address: &str, root: &str) -> bool {
    format!("{address}/").starts_with(&format!("{root}/"))
}

impl Files {
    fn into_options(self, default: FileOptions) -> FileOptions {
        FileOptions {
            codec: self.codec.map_or(default.codec, Into::into),
            file_bytes: self.file_size.map_or(default.file_bytes, |size| size.0),
            chunks_max: default.chunks_max,
            row_group_bytes: self.row_group_size.map_or(default.row_group_bytes, |size| size.0),
            row_group_rows: self.row_group_rows.map_or(default.row_group_rows, Into::into),
            bloom_filters: self.bloom_filters,
        }
    }
}

/// Where an offset is in a text, for people.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
    format!("line {line}, column {column}: ")
}

impl Limits {
    fn into_options(self) -> Options {
        let default = Options::within(self.memory_limit.map_or(Options::MEMORY_DEFAULT, |size| size.0));
        let limits = apsides_tokenizer::Limits {
            token_bytes_max: self.max_value_size.map_or(default.limits.token_bytes_max, |size| size.0),
            raw_bytes_max: self.max_value_size.map_or(default.limits.raw_bytes_max, |size| size.0),
            depth_max: self.max_depth.unwrap_or(default.limits.depth_max),
            ..default.limits
        };
        let threads = self.threads.map(|threads| threads.get().into());
        Options { limits, threads, ..default }
    }
}

fn wrong(message: &str) -> Failure {
    let next = "correct it, and try with `apsides check`; `apsides init FILE` writes a pipeline with comments";
    Failure::new(Exit::Configuration, message).next(next)
}

#[cfg(test)]
mod tests {
    use super::{export::VersionsName, *};
    use apsides_definitions::Versions;
    use apsides_fetcher::Rate;

    #[test]
    fn the_examples_are_pipelines() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
        let files: Vec<_> =
            fs::read_dir(folder).expect("the folder").map(|file| file.expect("an entry").path()).collect();
        assert!(files.len() >= 3, "{files:?}");
        for file in files {
            // Whoever runs the tests has no credentials.
            let text = fs::read_to_string(&file).expect("an example").replace("${env:", "").replace('}', "");
            let pipeline: Pipeline =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            pipeline.into_job().unwrap_or_else(|failure| panic!("{}: {failure}", file.display()));
        }
    }

    #[test]
    fn downloads_are_kept_outside_of_the_tables() {
        for (place, root, expected) in [
            ("out/raw", "out", true),
            ("out", "out", true),
            ("out-raw", "out", false),
            ("s3://lake/out/raw", "s3://lake/out", true),
            ("s3://lake/raw", "s3://lake", true),
            ("s3://lake/out-raw", "s3://lake/out", false),
            ("s3://lake/out", "out", false),
        ] {
            let parsed = |text| Storage::default().destination(text).expect("a place");
            assert_eq!(is_within(&parsed(place), &parsed(root)), expected, "{place} in {root}");
        }
    }

    #[test]
    fn a_state_is_not_among_the_tables() {
        for (state, root, expected) in [
            ("state", "out", true),
            ("s3://lake/state", "out", true),
            ("s3://lake/state", "s3://lake/apsis", true),
            ("s3://lake/apsis-state", "s3://lake/apsis", true),
            ("s3://lake/apsis/.apsides/state", "s3://lake/apsis", true),
            ("s3://lake/apsis/state", "s3://lake/apsis", false),
            ("s3://lake/apsis", "s3://lake/apsis", false),
            ("s3://lake/state", "s3://lake", false),
        ] {
            let text = format!(
                "[source]\nclient_id = 'a'\nclient_secret = 'b'\nstate = '{state}'\n[export]\nattributes = ['1']\n\
                 [destination]\npath = '{root}'\n"
            );
            let pipeline: Pipeline = toml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            match pipeline.into_job() {
                Ok(job) => {
                    let is_objects = matches!(job.client.state, Some(StatePlace::Objects { .. }));
                    assert!(expected && is_objects == state.starts_with("s3:"), "{state} in {root}");
                }
                Err(failure) => assert!(!expected && failure.to_string().contains("hidden from"), "{state}: {failure}"),
            }
        }
    }

    #[test]
    fn more_event_exports_than_one_a_second_are_allowed_by_all_rates() {
        for (setting, exports, event_exports) in [
            ("", Rate::new(1, 1), Rate::new(1, 60)),
            ("event_exports_per_minute = 20", Rate::new(1, 1), Rate::new(20, 60)),
            ("event_exports_per_minute = 600", Rate::new(600, 60), Rate::new(600, 60)),
        ] {
            let source: Source = toml::from_str(&format!("client_id = 'a'\nclient_secret = 'b'\n{setting}"))
                .unwrap_or_else(|error| panic!("{setting}: {error}"));
            let rates = source
                .into_client(&Storage::default())
                .unwrap_or_else(|failure| panic!("{setting}: {failure}"))
                .limits
                .rates;
            assert_eq!((rates.exports, rates.event_exports), (exports, event_exports), "{setting}");
        }
    }

    #[test]
    fn limits_are_those_of_the_tokenizer_and_the_conversion() {
        let limits: Limits =
            toml::from_str("max_value_size = '1K'\nmax_depth = 7\nmemory_limit = '64M'\nthreads = 3").expect("limits");
        let options = limits.into_options();
        let limits = options.limits;
        assert_eq!((limits.token_bytes_max, limits.raw_bytes_max, limits.depth_max), (1024, 1024, 7));
        assert_eq!(options.threads, Some(3));
        assert_eq!(options.files, Options::within(64 << 20).files);
        assert_eq!(Limits::default().into_options().limits, apsides_tokenizer::Limits::default());
        assert_eq!(Limits::default().into_options().files, Options::default().files);
        assert!(toml::from_str::<Limits>("memory_limit = '8M'").is_err());
    }

    #[test]
    fn definitions_are_looked_up_as_the_pipeline_says() {
        let found = |text: &str| {
            let definitions = toml::from_str(text).map_err(|error| error.message().to_owned())?;
            let lookup = lookup(Some(definitions), VersionsName::Live).map_err(|failure| failure.to_string())?;
            assert!(lookup.always);
            Ok(lookup.cache.map(|cache| cache.max_age.as_secs() / 60))
        };
        let error = |words: &str| Err(words.to_owned());
        for (text, minutes) in [
            ("", Ok(None)),
            ("cache = 'x'", Ok(Some(24 * 60))),
            ("cache = 'x'\nmax_age = '90m'", Ok(Some(90))),
            ("cache = 'x'\nmax_age = '1d 2h'", Ok(Some(26 * 60))),
            ("cache = 'x'\nmax_age = '0s'", Ok(Some(0))),
            ("cache = 'x'\nmax_age = '-1h'", error("no span of time; write \"24h\", \"90m\" or \"7d\"")),
            ("cache = 'x'\nmax_age = '1 month'", error("no span of time; write \"24h\", \"90m\" or \"7d\"")),
            (
                "max_age = '1h'",
                error(
                    "error: [definitions] has `max_age`, but no `cache` that could be too old\n  \
                     next: correct it, and try with `apsides check`; `apsides init FILE` writes a pipeline with comments",
                ),
            ),
        ] {
            assert_eq!(found(text), minutes, "{text}");
        }
        let none = lookup(None, VersionsName::All).expect("no definitions");
        assert!(!none.always && none.cache.is_none() && none.versions == Versions::All);
    }
}
