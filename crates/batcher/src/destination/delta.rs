//! The logs of Delta tables, which say what the manifest says, table by table.
//!
//! ```text
//! events/_delta_log/00000000000000000007.json      what the publication changed that was the table's eighth
//! ```
//!
//! They follow the manifest, whose replacement stays the one decision. It says which tables the publication has
//! changed, and which version of their logs is to tell of it: no log need be read for that, and what is written there
//! follows from the manifest alone, byte for byte. So it does not matter who writes it, or how often: the run that
//! published, or, if that has died, the one after it, before it does anything of its own. A version is written only
//! where there is none yet. One that is there already is ours, and nothing is to be done; or that of somebody else. If it
//! leaves the files as they are, the next version is taken; if not, the table is no longer what the manifest says, and
//! nobody could tell what to do about it but people.
//!
//! In each version stands the transaction `apsides` with the number of the publication, which only goes up.

mod actions;
mod checkpoint;

use super::{
    Commit,
    objects::{Bucket, Swapped, nonce},
    sweep::DELTA_LOG,
};
use crate::{
    error::{Error, Result},
    extent::Extent,
    manifest::{ColumnOf, Manifest},
};
use actions::Seen;
use bytes::Bytes;
use checkpoint::Checkpoint;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// So many versions of others are stepped over at once.
const STEPS_MAX: u64 = 1_000;

/// What the logs of Delta tables are told of a publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaLogs {
    /// The publication's number: greater than that of any before.
    pub transaction: i64,
    /// What it replaces: `all`, `snapshot`, or the folder of a window.
    pub extent: String,
    /// All tables that have a log, those too that were published once, and are no longer.
    pub tables: Vec<TableLog>,
}

/// The log of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLog {
    /// The table.
    pub name: String,
    /// Its id in the log.
    pub id: String,
    /// When it was first published.
    pub created_at: Timestamp,
    /// Whether the files of each window are told apart.
    pub has_windows: bool,
    /// The version that tells of the last publication that changed the table, or a later one where others write, too.
    pub version: u64,
    /// Whether that is this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_changed: bool,
    /// Whether it changed the columns, too, or those that have bounds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_new_columns: bool,
}

/// What the logs are told when `next` is published after `before`; none without logs. The files of `next` are those of
/// its run and others that stay.
pub(super) fn next(
    commit: Commit,
    before: Option<&Manifest>,
    next: &Manifest,
    extent: &Extent,
) -> Result<Option<DeltaLogs>> {
    if commit == Commit::Manifest {
        return Ok(None);
    }
    let logs = before.and_then(|before| before.delta.as_ref());
    let mut tables = Vec::new();
    for log in logs.iter().flat_map(|logs| &logs.tables) {
        let of = |manifest: Option<&Manifest>| -> (Vec<String>, (Vec<ColumnOf>, Vec<String>)) {
            let Some(table) = manifest.and_then(|manifest| manifest.table(&log.name)) else {
                return Default::default();
            };
            let files = table.files.iter().map(|file| file.name.clone());
            (files.collect(), (table.columns.clone(), table.bounded.clone()))
        };
        let ((old_files, old_columns), (new_files, new_columns)) = (of(before), of(Some(next)));
        let is_changed = old_files != new_files;
        let has_new_columns = is_changed && !new_files.is_empty() && old_columns != new_columns;
        let version = log.version + u64::from(is_changed);
        tables.push(TableLog { version, is_changed, has_new_columns, ..log.clone() });
    }
    for table in next.tables.iter().filter(|table| !table.files.is_empty()) {
        if tables.iter().all(|log| log.name != table.name) {
            tables.push(TableLog {
                name: table.name.clone(),
                id: uuid()?,
                created_at: next.published_at.unwrap_or_default(),
                has_windows: table.has_partitions(),
                version: 0,
                is_changed: true,
                has_new_columns: true,
            });
        }
    }
    // It goes up whatever the clock says.
    let least = logs.map_or(0, |logs| logs.transaction).saturating_add(1);
    let transaction = Timestamp::now().as_millisecond().max(least);
    Ok(Some(DeltaLogs { transaction, extent: extent.name(), tables }))
}

/// Refuses logs that the manifest does not know: it has been removed, or others have written them. What they name would be
/// there twice, or not at all, with another first version on top.
pub(super) fn check(there: &BTreeSet<String>, manifest: Option<&Manifest>, place: &str) -> Result<()> {
    let known = manifest.and_then(|manifest| manifest.delta.as_ref());
    let is_known = |table: &String| known.is_some_and(|logs| logs.tables.iter().any(|log| log.name == *table));
    match there.iter().find(|table| !is_known(table)) {
        Some(table) => Err(Error::UnknownLog { place: place.to_owned(), table: table.clone() }),
        None => Ok(()),
    }
}

/// Whether the logs say what the manifest does.
pub(super) async fn is_told(bucket: &Bucket, manifest: &Manifest) -> Result<bool> {
    let Some(logs) = &manifest.delta else { return Ok(true) };
    for log in logs.tables.iter().filter(|log| log.is_changed) {
        if !matches!(place(bucket, log, logs.transaction).await?, Place::Told) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lets the logs say what the manifest does. What they say already is not said again.
pub(super) async fn tell(bucket: &Bucket, manifest: &Manifest) -> Result<()> {
    let Some(logs) = &manifest.delta else { return Ok(()) };
    for log in logs.tables.iter().filter(|log| log.is_changed) {
        loop {
            let version = match place(bucket, log, logs.transaction).await? {
                Place::Told => break,
                Place::Free(version) => version,
            };
            let is_whole = version == 0;
            if let Some(last) = version.checked_sub(1) {
                check_that_is_there(bucket, log, last).await?;
            }
            let actions = actions::of(manifest, logs, log, is_whole);
            if let Swapped::Done(_) = bucket.swap(&path(log, version), &Bytes::from(actions), None).await? {
                if checkpoint::is_due(version) {
                    checkpoint(bucket, manifest, logs, log, version).await;
                }
                break;
            }
        }
    }
    Ok(())
}

/// Writes a checkpoint, without which readers find all the same. So it is no failure if there is none.
async fn checkpoint(bucket: &Bucket, manifest: &Manifest, logs: &DeltaLogs, log: &TableLog, version: u64) {
    let place = format!("{}/{}", bucket.address, log.name);
    let written = async {
        let made = Checkpoint::of(manifest, logs, log, version).map_err(|source| Error::encode(&log.name, source))?;
        let Some(Checkpoint { file, last }) = made else { return Ok(()) };
        bucket.put(&checkpoint_path(log, version), file.into()).await?;
        bucket.put(&format!("{}/{DELTA_LOG}/_last_checkpoint", log.name), last.into()).await
    };
    if let Err::<(), Error>(error) = written.await {
        tracing::warn!(place, version, "no checkpoint of the Delta table: {error}");
    }
}

/// Where in a log a publication stands.
enum Place {
    /// It is there.
    Told,
    /// It is not, and is to be this version.
    Free(u64),
}

/// Finds a publication's place in a log.
async fn place(bucket: &Bucket, log: &TableLog, transaction: i64) -> Result<Place> {
    for version in log.version..log.version + STEPS_MAX {
        let Some(seen) = bucket.read(&path(log, version)).await? else { return Ok(Place::Free(version)) };
        match actions::read(&seen.bytes) {
            Some(Seen::Ours(other)) if other == transaction => return Ok(Place::Told),
            Some(Seen::Ours(_) | Seen::Harmless) => {}
            Some(Seen::Foreign) | None => return Err(foreign(bucket, log, version)),
        }
    }
    Err(foreign(bucket, log, log.version + STEPS_MAX))
}

fn foreign(bucket: &Bucket, log: &TableLog, version: u64) -> Error {
    let place = format!("{}/{}", bucket.address, log.name);
    Error::ForeignVersion { place, version }
}

/// A version on top of one that is missing would be no table. Others may have removed old versions that are in a
/// checkpoint.
async fn check_that_is_there(bucket: &Bucket, log: &TableLog, version: u64) -> Result<()> {
    if bucket.has(&path(log, version)).await? || bucket.has(&checkpoint_path(log, version)).await? {
        return Ok(());
    }
    Err(Error::MissingVersion { place: format!("{}/{}", bucket.address, log.name), version })
}

/// Random, in the form that ids of tables have.
fn uuid() -> Result<String> {
    let mut id = nonce(16)?;
    for at in [20, 16, 12, 8] {
        id.insert(at, '-');
    }
    // Of version 4, and of the usual variant.
    id.replace_range(14..15, "4");
    id.replace_range(19..20, "a");
    Ok(id)
}

fn path(log: &TableLog, version: u64) -> String {
    format!("{}/{DELTA_LOG}/{version:020}.json", log.name)
}

fn checkpoint_path(log: &TableLog, version: u64) -> String {
    format!("{}/{DELTA_LOG}/{version:020}.checkpoint.parquet", log.name)
}
