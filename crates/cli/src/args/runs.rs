//! What runs of a pipeline are asked for.

use super::{Reports, moment};
use apsides_batcher::Shard;
use clap::Args as ClapArgs;
use jiff::Timestamp;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
    /// Keep the downloads as they come, in a folder of their own below this one or s3://bucket/prefix, for `apsides
    /// replay`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep_raw: Option<String>,
    #[command(flatten)]
    pub(crate) scheduled: Scheduled,
    #[command(flatten)]
    pub(crate) reports: Reports,
}

/// Which part of a schedule is done, and when.
#[derive(Debug, ClapArgs)]
pub(crate) struct Scheduled {
    /// Do the share of one of several machines, 0/3 to 2/3 of three, which `apsides commit` publishes
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// As if it were this time: for rehearsals of a schedule
    #[arg(long, hide = true, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Plan {
    /// The pipeline file
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
    #[command(flatten)]
    pub(crate) scheduled: Scheduled,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Backfill {
    /// The pipeline file, one with a schedule
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
    /// The first moment, as 2026-01-31 or 2026-01-31T06:00:00Z
    #[arg(long, value_parser = moment, value_name = "TIME")]
    pub(crate) from: Timestamp,
    /// The first moment after it; windows that have not ended yet are left for later
    #[arg(long, value_parser = moment, value_name = "TIME")]
    pub(crate) to: Timestamp,
    #[command(flatten)]
    pub(crate) scheduled: Scheduled,
    #[command(flatten)]
    pub(crate) reports: Reports,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Commit {
    /// The pipeline file, one with a schedule
    #[arg(value_name = "PIPELINE.toml")]
    pub(crate) pipeline: PathBuf,
    #[command(flatten)]
    pub(crate) reports: Reports,
}
