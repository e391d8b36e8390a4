//! How the program says that something went wrong: what, where, what to do next, and an exit
//! status per kind.

mod converting;

use crate::{
    args::LogFormat,
    progress::colours,
    wrap::{self, wrapped},
};
use apsides_batcher as batcher;
use apsides_definitions as definitions;
use apsides_fetcher as fetcher;
use std::{
    error::Error,
    fmt,
    io::{self, Write},
    iter,
    path::Path,
    process::ExitCode,
};

/// The kinds of failures, each with its exit status. They are documented in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Unexpected = 1,
    Configuration = 2,
    Input = 3,
    Destination = 4,
    Locked = 5,
    Credentials = 6,
    Api = 7,
    Network = 8,
    Storage = 9,
    /// The shell's 128 + SIGINT; for SIGTERM too, since both were somebody's wish.
    Interrupted = 130,
}

impl Exit {
    /// The kind in a word, for machines.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Configuration => "configuration",
            Self::Input => "input",
            Self::Destination => "destination",
            Self::Locked => "locked",
            Self::Credentials => "credentials",
            Self::Api => "api",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    /// The errors behind it, the nearest first.
    causes: Vec<String>,
    next: Option<String>,
    /// The export is not what it should be, however often it is read.
    pub(crate) is_malformed_export: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), next: None, is_malformed_export: false }
    }

    fn of(exit: Exit, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        let mut source = error.source();
        let mut shown = failure.message.clone();
        while let Some(cause) = source {
            // Some errors show their source themselves.
            let text = cause.to_string();
            if !shown.contains(&text) {
                failure.causes.push(text.clone());
                shown = text;
            }
            source = cause.source();
        }
        failure
    }

    /// Of the causes of a broken connection, only the last one says something.
    fn of_fetch(error: &fetcher::Error) -> Self {
        let (message, next) = error.told();
        let root = iter::successors(error.source(), |&cause| cause.source()).last();
        let causes = root.map(ToString::to_string).into_iter().collect();
        Self { causes, ..Self::new(fetch_exit(error), message).next(next) }
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The same, of this.
    pub(crate) fn of_part(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same, and which file it is about.
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.message = format!("{}: {}", file.display(), self.message);
        self
    }

    /// The same of a command that publishes nothing in any case.
    pub(crate) fn of_reading(mut self) -> Self {
        let next = self.next.map(|next| next.trim_start_matches("nothing was published; ").to_owned());
        self.next = next;
        self
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted; nothing was published").next("run the same command again")
    }

    /// As [`interrupted`](Self::interrupted), where the work could not be waited for.
    pub(crate) fn interrupted_at_work() -> Self {
        Self::new(Exit::Interrupted, "interrupted, and did not stop in time; no table is published in part")
            .next("run the same command again; it first finishes or removes what this run left")
    }

    /// What went wrong, with its causes, and what to do next.
    pub(crate) fn told(&self) -> (String, Option<String>) {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        (self.message.clone() + &causes.collect::<String>(), self.next.clone())
    }

    /// The message, in lines of so many characters.
    fn text(&self, width: Option<usize>) -> String {
        let error = wrapped("error: ", &self.message, width);
        let causes = self.causes.iter().map(|cause| wrapped("  because: ", cause, width));
        let next = self.next.iter().map(|next| wrapped("  next: ", next, width));
        iter::once(error).chain(causes).chain(next).collect::<Vec<_>>().join("\n")
    }

    /// Prints the failure and gives its exit status. To programs it is a line of the log like any other.
    pub(crate) fn report(&self, format: LogFormat) -> ExitCode {
        let exit_status = self.exit as u8;
        match format {
            LogFormat::Json if tracing::enabled!(tracing::Level::ERROR) => {
                let (message, next) = self.told();
                tracing::error!(exit_status, next, "{message}");
            }
            LogFormat::Json | LogFormat::Text => {
                // Where nobody listens, there is still the exit status.
                let mut text = self.text(wrap::width_of(io::stderr()));
                if colours() {
                    text = text.replacen("error:", "\x1b[1;31merror\x1b[0m:", 1);
                }
                let _ = writeln!(io::stderr(), "{text}");
            }
        }
        ExitCode::from(exit_status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text(None))
    }
}

impl Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of(Exit::Unexpected, &error)
    }
}

impl From<fetcher::Error> for Failure {
    fn from(error: fetcher::Error) -> Self {
        Self::of_fetch(&error)
    }
}

fn fetch_exit(error: &fetcher::Error) -> Exit {
    match error.kind() {
        fetcher::ErrorKind::Config => Exit::Configuration,
        fetcher::ErrorKind::Credentials => Exit::Credentials,
        fetcher::ErrorKind::Api | fetcher::ErrorKind::Export => Exit::Api,
        fetcher::ErrorKind::Network => Exit::Network,
        fetcher::ErrorKind::Disk if is_refused(error) => Exit::Storage,
        fetcher::ErrorKind::Disk => Exit::Destination,
        fetcher::ErrorKind::Data | fetcher::ErrorKind::Input => Exit::Input,
        _ => Exit::Unexpected,
    }
}

/// Whether a bucket that a download is kept in does not let us write.
fn is_refused(error: &fetcher::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(batcher::Error::NoCredentials { .. } | batcher::Error::StorageRefused { .. }))
}

impl From<definitions::Error> for Failure {
    fn from(error: definitions::Error) -> Self {
        use definitions::Error as E;
        let (exit, next) = match error {
            E::Write { .. } => (Exit::Destination, "check the folder, its permissions and its free space"),
            E::Read { .. } => (Exit::Configuration, "check the path and its permissions"),
            _ => (Exit::Configuration, "`apsides definitions PIPELINE.toml --out FILE` writes such a file"),
        };
        Self::of(exit, &error).next(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batcher::Error as E;

    #[test]
    fn stores_fail_in_three_ways() {
        let address = || "s3://bucket/lake".to_owned();
        let undecided = |source| E::Undecided { address: address(), source: Box::new(source) };
        let unfinished = |source| E::Unfinished { place: address(), source: Box::new(source) };
        let unreachable = || E::Unreachable { address: address(), problem: "timed out".to_owned() };
        let refused = || E::StorageRefused { address: address(), answer: "AccessDenied".to_owned() };
        let storage = || E::Storage { action: "read", address: address(), problem: "NoSuchBucket".to_owned() };
        for (error, exit) in [
            (unreachable(), Exit::Network),
            (refused(), Exit::Storage),
            (E::NoCredentials { address: address() }, Exit::Storage),
            (storage(), Exit::Destination),
            (undecided(unreachable()), Exit::Network),
            (undecided(refused()), Exit::Storage),
            (undecided(storage()), Exit::Destination),
            (unfinished(unreachable()), Exit::Network),
        ] {
            let shown = error.to_string();
            let failure = Failure::from(error);
            assert_eq!(failure.exit, exit, "{shown}");
            // What is not known to be unpublished is not called so.
            let next = failure.told().1.unwrap_or_default();
            assert!(!(shown.starts_with("it is not known") && next.contains("nothing was published")), "{next}");
        }
    }
}
