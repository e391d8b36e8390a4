//! Which objects below a prefix are ours, and which of them nobody needs any more.

use super::Vacuumed;
use super::objects::Bucket;
use crate::{
    error::{Error, Result},
    extent::{PARTITION, SNAPSHOT_PARTITION},
    manifest::{Manifest, Retired},
    views,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use object_store::path::Path;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Where all is that is no table.
pub(super) const HIDDEN: &str = ".apsides";

/// The folder of a Delta table's log, in that of the table.
pub(super) const DELTA_LOG: &str = "_delta_log";

/// What a run's name looks like; see [`is_run`].
const RUN_TIME: &str = "dddddddd-dddddd-";
const RUN_NONCE: usize = 8;

/// Whether an object is of the kind that this program writes: a table's file or log, a view, or hidden.
pub(super) fn is_ours(path: &Path) -> bool {
    let parts: Vec<_> = path.parts().collect();
    match parts.as_slice() {
        [hidden, ..] if hidden.as_ref() == HIDDEN => true,
        [folder, file] if folder.as_ref() == views::FOLDER => views::FILES.contains(&file.as_ref()),
        _ => logged(path).is_some() || is_data(path),
    }
}

/// The table whose log an object is of.
fn logged(path: &Path) -> Option<String> {
    let mut parts = path.parts();
    let (table, log) = (parts.next()?, parts.next()?);
    (log.as_ref() == DELTA_LOG && parts.next().is_some()).then(|| table.as_ref().to_owned())
}

/// Whether an object is a table's file, `<table>/<run>-….parquet`, or in the folder of a window or snapshot there.
fn is_data(path: &Path) -> bool {
    let parts: Vec<_> = path.parts().collect();
    match parts.as_slice() {
        [hidden, ..] if hidden.as_ref() == HIDDEN => false,
        [_, file] => is_data_file(file.as_ref()),
        [_, partition, file] => is_partition(partition.as_ref()) && is_data_file(file.as_ref()),
        _ => false,
    }
}

fn is_partition(folder: &str) -> bool {
    [PARTITION, SNAPSHOT_PARTITION].iter().any(|partition| folder.starts_with(partition))
}

/// Whether a file's name begins with that of a run.
fn is_data_file(file: &str) -> bool {
    let length = RUN_TIME.len() + RUN_NONCE;
    let Some((run, rest)) = file.split_at_checked(length) else { return false };
    is_run(run) && rest.starts_with('-') && rest.ends_with(".parquet")
}

fn is_run(name: &str) -> bool {
    let (time, nonce) = name.split_at(RUN_TIME.len());
    let as_made = time.bytes().zip(RUN_TIME.bytes()).all(|(byte, made)| match made {
        b'd' => byte.is_ascii_digit(),
        made => byte == made,
    });
    as_made && nonce.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is below a prefix.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The data files, with their bytes.
    pub(super) files: HashMap<Path, u64>,
    /// The tables that have a log, as Delta tables have.
    pub(super) logs: BTreeSet<String>,
}

/// Finds what is there. Refuses a prefix with anything in it that is not ours.
pub(super) async fn find(bucket: &Bucket) -> Result<Found> {
    let mut found = Found::default();
    bucket
        .each(|object| {
            // Some tools write an empty object for a folder.
            if !is_ours(&object.location) && object.size > 0 {
                let entry = object.location.to_string();
                return Err(Error::Foreign { place: bucket.address.clone(), entry });
            }
            if let Some(table) = logged(&object.location) {
                found.logs.insert(table);
            }
            if is_data(&object.location) {
                found.files.insert(object.location, object.size);
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

/// The paths of all files that a manifest names.
pub(super) fn named(manifest: &Manifest) -> impl Iterator<Item = String> {
    let tables = manifest.tables.iter();
    tables.flat_map(|table| table.files.iter().map(|file| format!("{}/{}", table.name, file.name)))
}

/// What the next manifest says of files that are there, but that it does not name: those that this one says it of, with
/// their time, which is known by now.
pub(super) fn still_retired(before: &Manifest, written: Timestamp, there: &HashMap<Path, u64>) -> Vec<Retired> {
    let retired = before.publication.iter().flat_map(|publication| &publication.retired);
    retired
        .filter(|file| there.contains_key(&Path::from(file.path.as_str())))
        .map(|file| Retired { path: file.path.clone(), since: Some(file.since.unwrap_or(written)) })
        .collect()
}

/// Removes the files that nobody needs any more, of those that were `there` when the run that has replaced the manifest began.
/// To be called only by a run that has just replaced the manifest: then none that began before can still publish what it has
/// written.
///
/// The files are not listed once more. One that has come since is named by the manifest; or it is of a run that began before
/// the manifest was replaced, and cannot publish it any more: the next run finds it when it begins; or of one that began after,
/// and must not be touched. One that was there and is not named now is never named again: whoever publishes after this goes on
/// from this manifest, with files of names that nobody had before.
pub(super) async fn sweep(
    bucket: &Bucket,
    manifest: &Manifest,
    written: Timestamp,
    there: &HashMap<Path, u64>,
) -> Result<Vacuumed> {
    let now = bucket.clock.now();
    let grace = SignedDuration::try_from(bucket.grace).unwrap_or(SignedDuration::MAX);
    let named: HashSet<Path> = named(manifest).map(Path::from).collect();
    let retired = manifest.publication.iter().flat_map(|publication| &publication.retired);
    let waiting: HashSet<Path> = retired
        .filter(|file| now.duration_since(file.since.unwrap_or(written)) < grace)
        .map(|file| Path::from(file.path.as_str()))
        .collect();
    let mut swept = Vacuumed::default();
    let mut unneeded = Vec::new();
    for (path, bytes) in there {
        if waiting.contains(path) {
            swept.kept += 1;
        } else if !named.contains(path) {
            swept.files += 1;
            swept.bytes += bytes;
            unneeded.push(path.clone());
        }
    }
    remove(bucket, unneeded).await?;
    Ok(swept)
}

/// Removes objects, those too that are gone already.
pub(super) async fn remove(bucket: &Bucket, paths: Vec<Path>) -> Result<()> {
    let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
    let removed: Result<Vec<_>, _> = bucket.store.delete_stream(paths).try_collect().await;
    match removed {
        Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(bucket.failed("remove files of", "", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_program_writes_is_ours() {
        for (path, expected) in [
            ("tags/20261124-193000-0123abcd-part-00000.parquet", true),
            ("unmapped/20261124-193000-0123abcd-typed-00000.parquet", true),
            ("views/duckdb.sql", true),
            ("tags/_delta_log/00000000000000000000.json", true),
            ("tags/_delta_log/_last_checkpoint", true),
            ("_delta_log/00000000000000000000.json", false),
            (".apsides/manifest.json", true),
            ("views/mine.sql", false),
            ("tags/part-00000.parquet", false),
            ("tags/20261124-193000-0123abcd.parquet", false),
            ("tags/20261124-193000-0123abcg-part-00000.parquet", false),
            ("events/window_start=2026-11-24/20261124-193000-0123abcd-part-00000.parquet", true),
            ("events/window_start=2026-11-24/part-00000.parquet", false),
            ("events/window_start=1/2/20261124-193000-0123abcd-part-00000.parquet", false),
            ("tags/more/20261124-193000-0123abcd-part-00000.parquet", false),
            ("20261124-193000-0123abcd-part-00000.parquet", false),
            ("tags/ééééééééééééééééééééééééé.parquet", false),
            ("readme.txt", false),
        ] {
            assert_eq!(is_ours(&Path::from(path)), expected, "{path}");
        }
    }

    #[test]
    fn logs_are_those_of_their_tables() {
        for (path, expected) in [
            ("tags/_delta_log/00000000000000000000.json", Some("tags")),
            ("tags/_delta_log/more/0.json", Some("tags")),
            ("tags/_delta_log", None),
            ("_delta_log/00000000000000000000.json", None),
            (".apsides/shards/0-of-2/tags/_delta_log/0.json", None),
        ] {
            assert_eq!(logged(&Path::from(path)).as_deref(), expected, "{path}");
        }
    }
}
