//! How the program says that something went wrong: what, where, what to do next, and an exit
//! status per kind.

use crate::{
    args::LogFormat,
    progress::colours,
    wrap::{self, wrapped},
};
use apsides_batcher as batcher;
use apsides_definitions as definitions;
use apsides_fetcher as fetcher;
use apsides_tokenizer::ErrorKind as JsonError;
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

impl From<batcher::Error> for Failure {
    fn from(error: batcher::Error) -> Self {
        use batcher::Error as E;
        // What the fetcher's reader says has its own next step.
        if let E::Read { source, offset } = &error
            && let Some(fetch) = fetcher::Error::of(source)
        {
            let mut failure = Self::of_fetch(fetch);
            failure.message.push_str(&format!(" (after {offset} bytes of JSON)"));
            failure.next = failure.next.map(|next| format!("nothing was published; {next}"));
            failure.is_malformed_export = fetch.kind() == fetcher::ErrorKind::Data;
            return failure;
        }
        let (exit, next) = match &error {
            E::Json { source, .. } => (Exit::Input, json_next(source.kind(), source.offset())),
            E::Damaged { .. } => {
                let next = "remove the folder of this shard, whose windows are due again then";
                (Exit::Destination, next.to_owned())
            }
            E::SchemaApart { .. } => {
                let next = "ask for it again without --shard, or say its type with `[schema] types`";
                (Exit::Destination, next.to_owned())
            }
            E::Frozen { .. } => {
                let next = "nothing was published; look at the changes, then allow them with schema mode `evolve`, or \
                            leave them out with `discard`";
                (Exit::Destination, next.to_owned())
            }
            E::Privacy { .. } => {
                let next = "nothing was published; correct [privacy], or give definitions that know the name";
                (Exit::Configuration, next.to_owned())
            }
            E::Read { .. } => (Exit::Input, "nothing was published; check the input and run again".to_owned()),
            E::NoObject { .. } => (Exit::Input, "nothing was published; check that this file is an export".to_owned()),
            E::SectionTooLarge { .. } => {
                (Exit::Input, "nothing was published; leave out the table wide, or raise the memory limit".to_owned())
            }
            E::NotEmpty { .. } => (
                Exit::Destination,
                "choose another folder, or replace the tables with --overwrite (in a pipeline: overwrite = true)"
                    .to_owned(),
            ),
            E::HasWindows { .. } => {
                let next = "choose another destination; those windows would be lost";
                (Exit::Destination, next.to_owned())
            }
            E::HasNoWindows { .. } => {
                let next = "choose another destination for a pipeline with [schedule]: its windows would stand beside \
                            events that are among them already";
                (Exit::Destination, next.to_owned())
            }
            E::WindowOverlaps { .. } => {
                let next = "keep `start` and `every` of [schedule] as they were, or choose another destination";
                (Exit::Configuration, next.to_owned())
            }
            E::OtherCommit { .. } => {
                let next = "leave `commit` as it was, or choose another destination";
                (Exit::Destination, next.to_owned())
            }
            E::ForeignVersion { .. } | E::MissingVersion { .. } | E::UnknownLog { .. } => {
                let next = "nobody but apsides may write there; choose another destination, and publish there anew";
                (Exit::Destination, next.to_owned())
            }
            E::Foreign { .. } => {
                (Exit::Destination, "choose an empty folder; what others wrote is never removed".to_owned())
            }
            E::Unfinished { .. } => {
                (place_exit(&error), "check the destination and run again: the next run finishes it first".to_owned())
            }
            // The lock of a folder ends with its process.
            E::Locked { place } if place.starts_with("s3:") => {
                (Exit::Locked, format!("wait until it has ended; if it has died, `apsides unlock {place}`"))
            }
            E::Locked { .. } => (Exit::Locked, "wait until it has ended, or choose another folder".to_owned()),
            E::InputObject { .. } => {
                (Exit::Input, "nothing was published; check the bucket and the object's name".to_owned())
            }
            E::LeaseLost { .. } => {
                (Exit::Locked, "what the other run publishes stands; run again if that is not wanted".to_owned())
            }
            E::StorageSettings { .. } => {
                (Exit::Configuration, "nothing was published; correct it; docs/s3.md has the settings".to_owned())
            }
            E::NoCredentials { .. } => {
                let next = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them";
                (place_exit(&error), next.to_owned())
            }
            E::StorageRefused { .. } => {
                let next = "nothing was published; check the credentials and what they are allowed to do: read, write, \
                            list and delete";
                (place_exit(&error), next.to_owned())
            }
            E::Unconditional { .. } => {
                (Exit::Destination, "choose a store that keeps to conditional puts; docs/s3.md names some".to_owned())
            }
            E::Undecided { .. } => {
                let next = "run again: it finds what was published, and removes what was not";
                (place_exit(&error), next.to_owned())
            }
            E::Unreachable { .. } => (
                place_exit(&error),
                "nothing was published; check the endpoint and the network, and run again".to_owned(),
            ),
            E::Storage { .. } => {
                (place_exit(&error), "check the bucket, its region and the endpoint, and run again".to_owned())
            }
            E::Manifest { place, .. } => {
                (Exit::Destination, format!("if the tables there are not needed, remove them and {place}"))
            }
            E::ManifestVersion { .. } => (
                Exit::Destination,
                "a newer apsides wrote it: use that one here too, or choose another destination".to_owned(),
            ),
            E::Write { .. } | E::Destination { .. } | E::Duplicates(_) | E::Profiles(_) | E::Columns(_) => {
                (Exit::Destination, format!("nothing was published; {}", disk_next(&error)))
            }
            _ => (Exit::Unexpected, "this should not happen; please report it".to_owned()),
        };
        let is_malformed_export = match &error {
            // What is beyond a limit is read once that is raised.
            E::Json { source, .. } => !source.kind().is_limit(),
            E::NoObject { .. } => true,
            _ => false,
        };
        Self { is_malformed_export, ..Self::of(exit, &error).next(next) }
    }
}

/// Whether it is the network, the credentials or the destination itself that is to be looked at.
fn place_exit(error: &batcher::Error) -> Exit {
    use batcher::Error as E;
    match error {
        E::Undecided { source, .. } | E::Unfinished { source, .. } => place_exit(source),
        E::Unreachable { .. } => Exit::Network,
        E::NoCredentials { .. } | E::StorageRefused { .. } => Exit::Storage,
        _ => Exit::Destination,
    }
}

/// What to do about a disk that cannot be written.
fn disk_next(error: &batcher::Error) -> &'static str {
    let of_system = |error: &(dyn Error + 'static)| error.downcast_ref::<io::Error>().map(io::Error::kind);
    let mut causes = iter::successors(error.source(), |&cause| cause.source());
    match causes.find_map(of_system) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => "make room on the disk, and run again",
        Some(io::ErrorKind::PermissionDenied) => "let the user that runs apsides write there, and run again",
        Some(io::ErrorKind::ReadOnlyFilesystem) => "choose another folder, or mount the disk so that it can be written",
        Some(io::ErrorKind::NotADirectory) => "choose a folder: what is there is a file",
        _ => "check free space and permissions, and run again",
    }
}

fn json_next(kind: JsonError, offset: u64) -> String {
    match kind {
        JsonError::UnexpectedEnd if offset == 0 => "nothing was published; the input is empty: fetch it again".to_owned(),
        JsonError::Unexpected { .. } if offset == 0 => {
            "nothing was published; this is no JSON: check that it is an export, and no web page or table".to_owned()
        }
        JsonError::UnexpectedEnd => "nothing was published; the export is cut short: fetch it again".to_owned(),
        JsonError::TokenTooLong { .. } | JsonError::RawTooLong { .. } => {
            "nothing was published; if the value is meant to be there, raise --max-value-size (in a pipeline: limits.max_value_size)".to_owned()
        }
        JsonError::TooDeep { .. } => {
            "nothing was published; if the nesting is meant to be there, raise --max-depth (in a pipeline: limits.max_depth)".to_owned()
        }
        JsonError::TrailingData => {
            "nothing was published; an export ends with its closing brace: cut off what follows, or convert it by itself"
                .to_owned()
        }
        _ => format!(
            "nothing was published; look at the file around byte {offset} of the (inflated) JSON, or fetch it again"
        ),
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
