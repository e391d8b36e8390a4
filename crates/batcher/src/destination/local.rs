//! A folder whose files are published as those of a bucket are: each under a name of its own run, by the replacement of
//! the manifest alone. Delta tables need it so, since their logs name files that were replaced.
//!
//! What a bucket has conditional puts for, a folder has its lock for; see [`lock`](super::lock).

use super::{clock::Clock, folder, objects::Bucket, shard, sweep};
use crate::error::{Error, Result};
use object_store::{Attributes, local::LocalFileSystem, path::Path as ObjectPath};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Where a folder is that is published like a bucket.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) root: PathBuf,
    /// It was not there before.
    pub(super) is_new: bool,
}

/// The files of a folder, which is made if it is not there, after what a run of the other kind has left undone.
pub(super) fn connect(root: &Path, grace: Duration) -> Result<Bucket> {
    let is_new = !root.exists();
    fs::create_dir_all(root).map_err(Error::destination("create the folder", root))?;
    folder::settle(root)?;
    open(root, is_new, grace)
}

/// The files of a folder that is there. Nothing is written.
pub(super) fn look_into(root: &Path) -> Result<Bucket> {
    open(root, false, Duration::MAX)
}

fn open(root: &Path, is_new: bool, grace: Duration) -> Result<Bucket> {
    let store = LocalFileSystem::new_with_prefix(root)
        .map_err(|source| Error::Write { path: root.display().to_string(), source })?;
    Ok(Bucket {
        // What is published must survive a loss of power. A folder of a window that is removed goes with its last file.
        store: Arc::new(store.with_fsync(true).with_automatic_cleanup(true)),
        address: root.display().to_string(),
        clock: Arc::new(Clock::default()),
        attributes: Attributes::new(),
        lease: Duration::ZERO,
        grace,
        folder: Some(Local { root: root.to_owned(), is_new }),
    })
}

impl Local {
    /// Where the views say that the files are.
    pub(super) fn absolute(&self) -> Result<String> {
        let root = self.root.canonicalize().map_err(Error::destination("find", &self.root))?;
        Ok(root.display().to_string())
    }

    /// Removes what dead runs have left half written. No listing shows it, and nobody else writes while the lock is held.
    pub(super) fn remove_drafts(&self) -> Result<()> {
        let shards = self.root.join(sweep::HIDDEN).join(shard::SHARDS);
        let mut left = vec![self.root.clone()];
        while let Some(folder) = left.pop() {
            let failed = || Error::destination("list", folder.clone());
            for entry in fs::read_dir(&folder).map_err(failed())? {
                let path = entry.map_err(failed())?.path();
                if path == shards {
                    // Runs may be at work there.
                    continue;
                }
                if path.is_dir() && !path.is_symlink() {
                    left.push(path);
                } else if self.is_draft(&path) {
                    tracing::info!(file = %path.display(), "removing what an interrupted run left half written");
                    fs::remove_file(&path).map_err(Error::destination("remove", &path))?;
                }
            }
        }
        Ok(())
    }

    /// Whether a file is one of ours on its way: the store writes it as `NAME#1`, and then calls it `NAME`.
    fn is_draft(&self, path: &Path) -> bool {
        let relative = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        let Some((name, number)) = relative.and_then(|relative| relative.rsplit_once('#')) else { return false };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && sweep::is_ours(&ObjectPath::from(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    #[test]
    fn only_our_drafts_are_removed() {
        let folder = tempdir().expect("a folder");
        let bucket = connect(folder.path(), Duration::ZERO).expect("a folder");
        for (name, is_removed) in [
            ("tags/20261124-193000-0123abcd-part-00000.parquet#1", true),
            ("tags/_delta_log/00000000000000000000.json#17", true),
            (".apsides/manifest.json#1", true),
            (".apsides/shards/0-of-2/.apsides/staging/x/tables/tags/part-00000.parquet#1", false),
            ("tags/20261124-193000-0123abcd-part-00000.parquet", false),
            ("tags/20261124-193000-0123abcd-part-00000.parquet#", false),
            ("tags/mine#1", false),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, "x").expect("a file");
            bucket.folder.as_ref().expect("a folder").remove_drafts().expect("a listing");
            assert_eq!(!path.exists(), is_removed, "{name}");
        }
    }
}
