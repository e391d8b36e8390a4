//! The command line's words.

mod limits;
mod privacy;
mod reports;
mod runs;
mod simulate;
mod tables;

pub(crate) use limits::{CodecName, Files, Limits, TokenLimits, bytes, memory};
pub(crate) use privacy::Privacy;
pub(crate) use reports::{Reports, lineage_url, otlp_endpoint};
pub(crate) use runs::{Backfill, Commit, Plan, Run};
pub(crate) use simulate::{PollUrlKind, Simulate};
pub(crate) use tables::{CommitName, ModeName, NestedName, TableName, Tables, check_memory, selection_of, typed_of};

use crate::storage::Storage;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::path::PathBuf;

/// Turns APSIS One profile exports into Parquet tables for DuckDB, Spark and every lake.
#[derive(Debug, Parser)]
#[command(name = "apsides", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Exit status:
  0  all is published                 5  another run writes to the destination
  1  something unexpected             6  the API refused the credentials
  2  usage or configuration           7  the API said no, or the export failed
  3  the input is no valid export     8  the network, or the store is down
  4  the destination                  9  the store (S3) refused the credentials
                                    130  interrupted; nothing was published")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: the whole job against a simulated API on this machine
    Demo(Demo),
    /// One run of a pipeline: request an export, wait for it, publish its tables
    Run(Run),
    /// What the next run of a pipeline would ask for and write, without doing it
    Plan(Plan),
    /// Ask once more for the windows of a span of time, of a pipeline with a schedule
    Backfill(Backfill),
    /// Publish what the shards of a pipeline have made: those of `run --shard` and `backfill --shard`
    Commit(Commit),
    /// Turn an export at hand into tables
    Convert(Convert),
    /// Turn the downloads that a run has kept into tables, without the API
    Replay(Replay),
    /// Tell what is in an export at hand: counts, types, times and sizes, and nobody's data
    Inspect(Inspect),
    /// List what the ids of an account stand for: sections, attributes, tags, event types and segments
    Definitions(Definitions),
    /// Tell what is published, when and by which run, whether one is writing, and what is waiting
    Status(Status),
    /// Take the lock of a destination away from a run that has died
    Unlock(Unlock),
    /// Remove the files in S3, or of Delta tables, that are published no longer, or never were
    Vacuum(Vacuum),
    /// Serve a simulated API, or write a simulated export
    Simulate(Simulate),
    /// Write a commented pipeline to start from; with APSIS_CLIENT_ID and APSIS_CLIENT_SECRET set, with what the account has
    Init(Init),
    /// Tell whether a run of a pipeline could work: configuration, credentials, clock, folders, free space
    Check(Check),
    /// Show what a pipeline amounts to
    #[command(subcommand)]
    Config(Config),
    /// Print completions for a shell
    Completions(Completions),
    /// Write man pages
    Manual(Manual),
}

/// How often it is logged how far a command is.
const PROGRESS_SECONDS: u32 = 30;

/// What is shown, and where.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print the summary, or what is listed, as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress, and only errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log what is done; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where standard error is no terminal: log how far it is every so many seconds; 0 for never
    #[arg(long, global = true, default_value_t = PROGRESS_SECONDS, value_name = "SECONDS")]
    pub(crate) progress_interval: u32,
    /// Form of the log lines on standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// An instant, or a date, which starts in UTC.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let date =
        || text.parse::<Date>().and_then(|date| date.to_zoned_datetime(TimeZone::UTC)).map(|start| start.timestamp());
    let moment = text.parse().or_else(|_| date());
    moment.map_err(|_| "no time; write \"2026-01-31\" or \"2026-01-31T00:00:00Z\"".to_owned())
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Folder for the tables
    #[arg(long, default_value = "warehouse", value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Profiles in the simulated account
    #[arg(long, default_value_t = 20_000)]
    pub(crate) profiles: u64,
    /// Replace the tables that are there, whatever they came from
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    /// The folder of the run, below that of `run --keep-raw`, or s3://bucket/prefix/run
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) to: To,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Convert {
    /// A file, `-` for standard input, an https:// address or s3://bucket/object; JSON, or JSON in gzip or zstd, told by
    /// content
    pub(crate) input: String,
    #[command(flatten)]
    pub(crate) to: To,
}

/// What becomes of an export, and where.
#[derive(Debug, ClapArgs)]
pub(crate) struct To {
    /// Folder for the tables, or s3://bucket/prefix
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) out: String,
    /// Replace the tables that are there, at the end, once all is read and checked
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// How the destination tells which files are its tables
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub(crate) commit: CommitName,
    /// Show where the time went, stage by stage and column by column
    #[arg(long)]
    pub(crate) profile: bool,
    /// An id that is an attribute even where its value is null, which else marks a tag; can be repeated
    #[arg(long = "attribute-id", value_name = "ID")]
    pub(crate) attribute_ids: Vec<String>,
    /// What the ids stand for: a file of `apsides definitions`, or a folder of the API's listings. Its attributes are
    /// attributes even where their value is null
    #[arg(long, value_name = "FILE")]
    pub(crate) definitions: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tables: Tables,
    #[command(flatten)]
    pub(crate) privacy: Privacy,
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) storage: Storage,
    #[command(flatten)]
    pub(crate) reports: Reports,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Status {
    /// A destination, as s3://bucket/prefix or a folder; or a pipeline file, whose schedule and pending exports are told, too
    #[arg(value_name = "DESTINATION|PIPELINE.toml")]
    pub(crate) of: String,
    #[command(flatten)]
    pub(crate) storage: Storage,
}

impl Status {
    /// A folder may be called like a pipeline, too.
    pub(crate) fn is_pipeline(&self) -> bool {
        self.of.ends_with(".toml") && !self.of.starts_with("s3:") && !std::path::Path::new(&self.of).is_dir()
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Unlock {
    /// The destination: s3://bucket/prefix, or a folder, whose lock ends with its process
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) storage: Storage,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Vacuum {
    /// The destination: s3://bucket/prefix, or a folder of Delta tables; in any other folder there is nothing to remove
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) storage: Storage,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// A file, `-` for standard input, or an https:// or s3:// address; JSON, or JSON in gzip or zstd, told by content
    pub(crate) input: String,
    /// Count the events that the source sent again, too; it takes about a quarter as long again
    #[arg(long)]
    pub(crate) duplicates: bool,
    /// Write a report as one HTML page that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// An id that is an attribute even where its value is null, which else marks a tag; can be repeated
    #[arg(long = "attribute-id", value_name = "ID")]
    pub(crate) attribute_ids: Vec<String>,
    /// What the ids stand for, to show names: a file of `apsides definitions`, or a folder of the API's listings. Its
    /// attributes are attributes even where their value is null
    #[arg(long, value_name = "FILE")]
    pub(crate) definitions: Option<PathBuf>,
    /// Threads that read a file which is not compressed [default: as many as there are processors, 8 at the most]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    pub(crate) threads: Option<std::num::NonZeroU16>,
    #[command(flatten)]
    pub(crate) limits: TokenLimits,
    #[command(flatten)]
    pub(crate) storage: Storage,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Definitions {
    /// The pipeline file, whose `[source]` says whose
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
    /// As lines to paste below `[export]`
    #[arg(long, conflicts_with = "json")]
    pub(crate) toml: bool,
    /// Write them to a file, as JSON or --toml: for `convert --definitions`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// The file to write; one that is there is left as it is
    #[arg(value_name = "PATH", default_value = "pipeline.toml")]
    pub(crate) path: PathBuf,
    /// Where the account is
    #[arg(long, value_parser = ["emea", "apac"], value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The API, instead of a region
    #[arg(long, conflicts_with = "region", value_name = "URL")]
    pub(crate) base_url: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Each line is ok, a warning or failed; the exit status is that of the first which failed, or 0. One token is
fetched; no export is requested, and nothing is left in any folder or bucket.")]
pub(crate) struct Check {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Every setting of a pipeline with its value, and where that comes from; secrets are masked
    Show(ConfigShow),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigShow {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
To install:
  bash  apsides completions bash > ~/.local/share/bash-completion/completions/apsides
  zsh   apsides completions zsh > \"${fpath[1]}/_apsides\"
  fish  apsides completions fish > ~/.config/fish/completions/apsides.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Manual {
    /// Folder for the pages, as `~/.local/share/man/man1`
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
