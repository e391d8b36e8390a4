//! The lock of a place whose files are published by one conditional put: a lease in a bucket; in a folder a lock of the
//! system, which ends with its process.

use super::{
    folder,
    lease::{self, Lease},
    objects::Bucket,
};
use crate::error::{Error, Result};
use std::{fs::File, path::PathBuf, time::Duration};
use tokio::runtime::Handle;

/// A lock that is held.
#[derive(Debug)]
pub(super) enum Lock {
    Lease(Lease),
    Folder(HeldFolder),
}

/// The lock of a folder. Given back, it leaves nothing where nothing was published.
#[derive(Debug)]
pub(super) struct HeldFolder {
    root: PathBuf,
    /// This run made it.
    made_root: bool,
    _file: File,
}

impl Lock {
    /// Takes the lock for a run, or tells that another has it.
    pub(super) async fn take(bucket: &Bucket, run: &str, runtime: &Handle) -> Result<Self> {
        match &bucket.folder {
            None => Lease::take(bucket, run, runtime).await.map(Self::Lease),
            Some(folder) => {
                let file = folder::lock(&folder.root)?;
                Ok(Self::Folder(HeldFolder { root: folder.root.clone(), made_root: folder.is_new, _file: file }))
            }
        }
    }

    /// Fails if another run has taken it.
    pub(super) async fn confirm(&self) -> Result<()> {
        match self {
            Self::Lease(lease) => lease.confirm().await,
            Self::Folder(_) => Ok(()),
        }
    }

    /// Gives it back.
    pub(super) async fn release(self, wait: Duration) {
        match self {
            Self::Lease(lease) => lease.release(wait).await,
            Self::Folder(folder) => drop(folder),
        }
    }
}

impl Drop for HeldFolder {
    fn drop(&mut self) {
        folder::remove_unused(&self.root, self.made_root);
    }
}

/// Fails if a run holds the lock.
pub(super) async fn free(bucket: &Bucket) -> Result<()> {
    match &bucket.folder {
        None => lease::free(bucket).await.map(drop),
        Some(folder) if folder::is_free(&folder.root)? => Ok(()),
        Some(_) => Err(Error::Locked { place: bucket.address.clone() }),
    }
}
