//! What conversions and destinations say went wrong, and what to do next.

use super::{Exit, Failure};
use apsides_batcher as batcher;
use apsides_fetcher as fetcher;
use apsides_tokenizer::ErrorKind as JsonError;
use std::{error::Error, io, iter};

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
            E::SectionTooLarge { .. } | E::ProfileTooLarge { .. } => {
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
