//! A run that publishes to a bucket; and to a folder of Delta tables, which is [much the same](super::local).
//!
//! ```text
//! PREFIX/
//!   profiles/20261124-193000-0123abcd-part-00000.parquet …   files, each under a name that no other run gives
//!   views/                                                    SQL that names the published ones
//!   .apsides/
//!     manifest.json                                           which these are
//!     lock                                                    held by the run that writes; see `lease`
//! ```
//!
//! The files come first. Then one conditional put replaces the manifest: that is the commit point, for
//! all tables at once. It succeeds only if the manifest is still the one that the run found when it
//! began, whatever became of the lock. The views follow, each by a conditional put too. Then the files
//! of runs that never published are removed, and those that were replaced once they have been so for
//! the grace time.

use super::{
    Commit, FOLDER_PART_BYTES, FOLDER_PARTS, Vacuumed, delta, lease,
    lock::{self, Lock},
    objects::{Bucket, Seen, Swapped, nonce},
    sweep,
};
use crate::{
    error::{Error, Result},
    extent::Extent,
    manifest::{Manifest, Publication, Retired},
    options::Options,
    run::RunId,
    upload::Uploads,
    views::{self, views},
};
use bytes::Bytes;
use jiff::Timestamp;
use object_store::path::Path;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

pub(super) const MANIFEST: &str = ".apsides/manifest.json";
/// The smallest part that S3 takes, but for the last.
const PART_BYTES_MIN: usize = 5 << 20;
/// The most parts that S3 takes is 10,000; a file may grow beyond its bound by a row group.
const PARTS_MAX: usize = 5_000;
/// Parts on their way at once, of all files.
const PARTS_IN_FLIGHT: usize = 4;
/// How long removing a failed run's files may take, and giving back its lock: perhaps somebody waits for it to stop. Else
/// the next run does the one, and the other runs out.
const FAILED_WAIT: Duration = Duration::from_secs(2);
/// How long giving back the lock may take when all is done.
const DONE_WAIT: Duration = Duration::from_secs(20);

/// A place in a bucket where a run writes its tables. Dropped, it removes what it wrote.
#[derive(Debug)]
pub(super) struct Run {
    bucket: Bucket,
    runtime: Handle,
    name: String,
    uploads: Uploads,
    before: Before,
    commit: Commit,
    extent: Extent,
    /// None once it is given back.
    lock: Option<Lock>,
    /// The manifest may have been replaced, so the files are not this run's any more to remove.
    decided: bool,
}

/// What a run finds when it begins.
#[derive(Debug, Default)]
struct Before {
    manifest: Option<(Manifest, Seen)>,
    views: HashMap<&'static str, Seen>,
    files: HashMap<Path, u64>,
}

impl Run {
    /// Takes the lock, and finishes what an earlier run has left undone.
    pub(super) fn open(bucket: Bucket, name: &str, options: &Options, runtime: &Handle) -> Result<Self> {
        let name = name.to_owned();
        let (part_bytes, parts) = match bucket.folder {
            None => (PART_BYTES_MIN.max(options.files.file_bytes.div_ceil(PARTS_MAX)), PARTS_IN_FLIGHT),
            Some(_) => (FOLDER_PART_BYTES, FOLDER_PARTS),
        };
        let uploads = Uploads::new(Arc::clone(&bucket.store), runtime.clone(), part_bytes, parts)
            .named(format!("{name}-"), bucket.attributes.clone());
        let lock = runtime.block_on(take(&bucket, &name, runtime))?;
        // From here on, whatever goes wrong gives the lock back.
        let mut run = Self {
            bucket,
            runtime: runtime.clone(),
            name,
            uploads,
            before: Before::default(),
            commit: options.commit,
            extent: options.extent,
            lock: Some(lock),
            decided: false,
        };
        run.before = runtime.block_on(before(&run.bucket))?;
        options.commit.check(run.before(), &run.bucket.address)?;
        options.extent.check(run.before(), options.overwrite, &run.bucket.address)?;
        Ok(run)
    }

    pub(super) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub(super) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    pub(super) fn before(&self) -> Option<&Manifest> {
        self.before.manifest.as_ref().map(|(manifest, _)| manifest)
    }

    pub(super) fn publish(mut self, mut manifest: Manifest) -> Result<Manifest> {
        manifest.publication = Some(self.before.publication(&self.name, &manifest)?);
        manifest.delta = delta::next(self.commit, self.before(), &manifest, &self.extent)?;
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            if let Some(lock) = &self.lock {
                lock.confirm().await?;
            }
            // Also where no answer comes: then it is not known.
            self.decided = true;
            match replace(&self.bucket, &self.before, &manifest).await {
                Ok(true) => {}
                Ok(false) => {
                    self.decided = false;
                    return Err(Error::LeaseLost { address: self.bucket.address.clone() });
                }
                Err(source) => {
                    return Err(Error::Undecided { address: self.bucket.address.clone(), source: Box::new(source) });
                }
            }
            let told = tell(&self.bucket, &mut self.before, &manifest).await;
            // What could not be removed harms nobody; the next run tries again.
            if told.is_ok()
                && let Err(error) = swept(&self.bucket, &self.before, &manifest).await
            {
                tracing::warn!("files that nobody needs any more could not be removed: {error}");
            }
            if let Some(lock) = self.lock.take() {
                lock.release(DONE_WAIT).await;
            }
            told.map_err(|source| Error::Unfinished { place: self.bucket.address.clone(), source: Box::new(source) })
        })?;
        Ok(manifest)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let (written, lock) = (self.uploads.written(), self.lock.take());
        self.runtime.block_on(async {
            if !self.decided && !written.is_empty() {
                // Where removing fails, the next run does it.
                let _ = timeout(FAILED_WAIT, sweep::remove(&self.bucket, written)).await;
            }
            if let Some(lock) = lock {
                lock.release(FAILED_WAIT).await;
            }
        });
    }
}

/// See [`look`](super::look).
pub(super) async fn look(
    bucket: &Bucket,
    commit: Commit,
    extent: &Extent,
    overwrite: bool,
    run: Option<&RunId>,
) -> Result<Option<Manifest>> {
    // What else is there, a run has seen when it published there before; and it is looked at again before it publishes.
    let is_own = match run {
        Some(run) => published(bucket).await?.is_some_and(|(manifest, _)| manifest.run == Some(run.to_string())),
        None => false,
    };
    // A manifest is there before the logs that it knows, and is read after they are found.
    let found = if is_own { None } else { Some(sweep::find(bucket).await) };
    let manifest = published(bucket).await?.map(|(manifest, _)| manifest);
    commit.check(manifest.as_ref(), &bucket.address)?;
    let found = found.transpose()?;
    lock::free(bucket).await?;
    if let Some(found) = found {
        delta::check(&found.logs, manifest.as_ref(), &bucket.address)?;
    }
    extent.check(manifest.as_ref(), overwrite, &bucket.address)?;
    Ok(manifest)
}

/// See [`settle`](super::settle).
pub(super) async fn settle(bucket: Bucket) -> Result<Option<Manifest>> {
    let Some((manifest, _)) = published(&bucket).await? else { return Ok(None) };
    if is_told(&bucket, &manifest).await? {
        return Ok(Some(manifest));
    }
    let lock = take(&bucket, &RunId::new()?.next_name(), &Handle::current()).await?;
    let before = before(&bucket).await;
    lock.release(DONE_WAIT).await;
    Ok(before?.manifest.map(|(manifest, _)| manifest))
}

/// Whether the views, and the logs of Delta tables, say what the manifest does.
async fn is_told(bucket: &Bucket, manifest: &Manifest) -> Result<bool> {
    for (name, sql) in views(&bucket.root()?, manifest) {
        if bucket.read(&view(name)).await?.is_none_or(|seen| seen.bytes != sql.as_bytes()) {
            return Ok(false);
        }
    }
    delta::is_told(bucket, manifest).await
}

/// Lets the views, and the logs of Delta tables, say what the manifest does.
async fn tell(bucket: &Bucket, before: &mut Before, manifest: &Manifest) -> Result<()> {
    write_views(bucket, before, manifest).await?;
    delta::tell(bucket, manifest).await
}

/// Takes the lock. Where others have their files, not even a lock is written; where there is one, that was found out when it
/// was written first, and is again when it is taken.
async fn take(bucket: &Bucket, run: &str, runtime: &Handle) -> Result<Lock> {
    // Where it cannot be read, the listing tells best what is wrong.
    if bucket.folder.is_some() || !matches!(bucket.read(lease::NAME).await, Ok(Some(_))) {
        sweep::find(bucket).await?;
    }
    Lock::take(bucket, run, runtime).await
}

/// What is published.
pub(super) async fn published(bucket: &Bucket) -> Result<Option<(Manifest, Seen)>> {
    let Some(seen) = bucket.read(MANIFEST).await? else { return Ok(None) };
    Ok(Some((Manifest::parse(&seen.bytes, &manifest_place(bucket))?, seen)))
}

/// Reads what is there, refuses what is not ours, and brings up to date what follows the manifest: the run that published
/// may have died before it could.
async fn before(bucket: &Bucket) -> Result<Before> {
    if let Some(folder) = &bucket.folder {
        folder.remove_drafts()?;
    }
    let sweep::Found { files, logs } = sweep::find(bucket).await?;
    let manifest = published(bucket).await?;
    delta::check(&logs, manifest.as_ref().map(|(manifest, _)| manifest), &bucket.address)?;
    let mut found = HashMap::new();
    for name in views::FILES {
        if let Some(seen) = bucket.read(&view(name)).await? {
            found.insert(name, seen);
        }
    }
    let mut before = Before { manifest, views: found, files };
    if let Some((manifest, _)) = before.manifest.clone() {
        tell(bucket, &mut before, &manifest).await?;
    }
    Ok(before)
}

impl Before {
    /// How `next` is published: the files that it names no longer are retired.
    fn publication(&self, run: &str, next: &Manifest) -> Result<Publication> {
        let mut retired = Vec::new();
        if let Some((manifest, seen)) = &self.manifest {
            retired = sweep::still_retired(manifest, seen.modified, &self.files);
            let stay: HashSet<_> = sweep::named(next).collect();
            let gone = sweep::named(manifest).filter(|path| !stay.contains(path));
            retired.extend(gone.map(|path| Retired { path, since: None }));
        }
        Ok(Publication { run: run.to_owned(), nonce: nonce(16)?, retired })
    }
}

/// Replaces the manifest; false if another run has done so before.
async fn replace(bucket: &Bucket, before: &Before, manifest: &Manifest) -> Result<bool> {
    let json = manifest.json(&manifest_place(bucket))?;
    let seen = before.manifest.as_ref().map(|(_, seen)| &seen.version);
    Ok(matches!(bucket.swap(MANIFEST, &Bytes::from(json), seen).await?, Swapped::Done(_)))
}

/// Removes what nobody needs any more, after the manifest has been replaced.
async fn swept(bucket: &Bucket, before: &Before, manifest: &Manifest) -> Result<Vacuumed> {
    match published(bucket).await? {
        Some((there, seen)) if there == *manifest => sweep::sweep(bucket, manifest, seen.modified, &before.files).await,
        // That of another run that has come meanwhile.
        _ => Ok(Vacuumed::default()),
    }
}

/// Writes the views that are not as they should be. What another run has replaced meanwhile stays.
async fn write_views(bucket: &Bucket, before: &mut Before, manifest: &Manifest) -> Result<()> {
    for (name, sql) in views(&bucket.root()?, manifest) {
        let seen = before.views.get(name);
        if seen.is_some_and(|seen| seen.bytes == sql.as_bytes()) {
            continue;
        }
        let bytes = Bytes::from(sql);
        if let Swapped::Done(version) = bucket.swap(&view(name), &bytes, seen.map(|seen| &seen.version)).await? {
            before.views.insert(name, Seen { bytes, version, modified: Timestamp::UNIX_EPOCH });
        }
    }
    Ok(())
}

fn manifest_place(bucket: &Bucket) -> String {
    format!("{}/{MANIFEST}", bucket.address)
}

fn view(name: &str) -> String {
    format!("{}/{name}", views::FOLDER)
}

/// See [`vacuum`](super::vacuum).
pub(super) async fn vacuum(bucket: Bucket) -> Result<Vacuumed> {
    let lock = take(&bucket, &RunId::new()?.next_name(), &Handle::current()).await?;
    let vacuumed = async {
        let before = before(&bucket).await?;
        let Some((mut manifest, _)) = before.manifest.clone() else { return Ok(Vacuumed::default()) };
        let run = manifest.publication.as_ref().map_or_else(String::new, |publication| publication.run.clone());
        manifest.publication = Some(before.publication(&run, &manifest)?);
        lock.confirm().await?;
        // The same tables under another nonce: a run that has lost its lease cannot publish after that, so what it has
        // written can go.
        if !replace(&bucket, &before, &manifest).await? {
            return Err(Error::LeaseLost { address: bucket.address.clone() });
        }
        swept(&bucket, &before, &manifest).await
    };
    let vacuumed = vacuumed.await;
    lock.release(DONE_WAIT).await;
    vacuumed
}

#[cfg(test)]
mod tests;
