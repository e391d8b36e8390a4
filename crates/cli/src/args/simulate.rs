//! What the simulated API is like.

use super::bytes;
use clap::{Args as ClapArgs, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, ClapArgs)]
pub(crate) struct Simulate {
    /// Write one export to a file (`-` for standard output) and exit, instead of serving
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Write the definitions of that export's ids to another file
    #[arg(long, value_name = "FILE", requires = "write")]
    pub(crate) definitions: Option<PathBuf>,
    /// Profiles in the account [default: 1000]
    #[arg(long, conflicts_with = "bytes")]
    pub(crate) profiles: Option<u64>,
    /// Stop once an export has this size
    #[arg(long, value_parser = bytes, value_name = "SIZE")]
    pub(crate) bytes: Option<u64>,
    /// The same seed gives the same account
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only one profile, with one section, whose events grow until the size is reached
    #[arg(long)]
    pub(crate) single_profile: bool,
    /// With definitions that are hard to deal with: namesakes, a changed type, an attribute no longer in use
    #[arg(long)]
    pub(crate) oddities: bool,
    /// With line breaks and indentation
    #[arg(long)]
    pub(crate) pretty: bool,
    /// With the profiles in a member `profiles`
    #[arg(long)]
    pub(crate) wrapped: bool,
    #[command(flatten)]
    pub(crate) server: SimulatedServer,
}

/// How the simulated API answers.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Server")]
pub(crate) struct SimulatedServer {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8089", value_name = "ADDRESS")]
    pub(crate) bind: SocketAddr,
    /// How many polls of an export are answered with "not ready"
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    pub(crate) polls: u32,
    /// Kind of poll URL given
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) poll_url: PollUrlKind,
    /// Apply the API's rate limits
    #[arg(long)]
    pub(crate) rate_limits: bool,
    /// Serve files with their length and an ETag, and from any byte on
    #[arg(long)]
    pub(crate) ranges: bool,
    /// Seconds that a token lives
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
    pub(crate) token_life: u64,
    /// Something that goes wrong, in turn: CLASS=FAULT or CLASS=FAULT*COUNT, as in `poll=503*2`; can be repeated, or
    /// separated by commas. A wrong one lists all
    #[arg(long, value_name = "FAULT", env = "APSIDES_SIMULATE_FAULTS", value_delimiter = ',')]
    pub(crate) fault: Vec<String>,
    /// So many calls in a hundred go wrong at random, by --seed
    #[arg(long, value_name = "PERCENT", default_value_t = 0, env = "APSIDES_SIMULATE_FAULT_RATE")]
    #[arg(value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) fault_rate: u32,
    /// The only client that gets a token
    #[arg(long, default_value = "simulated-client", value_name = "ID")]
    pub(crate) client_id: String,
    /// Its secret
    #[arg(long, default_value = "simulated-secret", value_name = "SECRET")]
    pub(crate) client_secret: String,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum PollUrlKind {
    #[default]
    V1,
    V2,
}
