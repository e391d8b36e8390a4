//! Where tables are published: a folder, or a prefix in a bucket of S3 or a store that speaks like it.
//!
//! Both are written through `object_store`, and both decide a publication in one step: a folder by the
//! rename of a manifest (see [`folder`]), a bucket by its conditional put (see
//! [`bucket`]). A folder of Delta tables is published as a bucket is (see [`local`] and [`delta`]).

mod address;
mod archive;
mod aws_profile;
mod bucket;
mod client;
mod clock;
mod commit;
mod delta;
mod folder;
mod lease;
mod local;
mod lock;
mod objects;
mod shard;
mod sweep;
mod trial;

use crate::{
    error::{Error, Result},
    extent::Extent,
    manifest::Manifest,
    options::Options,
    profile::Profile,
    run::RunId,
    upload::Uploads,
};
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Handle;

pub use address::Address;
pub use archive::{Archive, NewObject};
pub use client::{OpenObject, StorageSettings, open_object};
pub use commit::Commit;
pub use delta::{DeltaLogs, TableLog};
pub use folder::published;
pub use shard::{Shard, clear_removed, look_beside, remove_shard, shards, stage_shard};

pub(crate) use objects::told_or;

/// Size of the parts that a file goes to a folder in.
const FOLDER_PART_BYTES: usize = 256 << 10;
/// Parts on their way to a folder at once.
const FOLDER_PARTS: usize = 1;

/// Where tables are published.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A prefix in a bucket.
    Bucket {
        /// Which.
        address: Address,
        /// How it is reached, and how files are kept there.
        settings: Box<StorageSettings>,
    },
}

impl Destination {
    /// `s3://bucket/prefix`, or else the path of a folder. The settings are for the former.
    pub fn parse(text: &str, settings: StorageSettings) -> Result<Self> {
        Ok(match Address::parse(text)? {
            Some(address) => Self::Bucket { address, settings: Box::new(settings) },
            None => Self::Folder(text.into()),
        })
    }
}

impl From<&Path> for Destination {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<&Destination> for Destination {
    fn from(destination: &Destination) -> Self {
        destination.clone()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(out, "{}", path.display()),
            Self::Bucket { address, .. } => write!(out, "{address}"),
        }
    }
}

/// A place in a destination where a run writes its tables. Dropped, it removes what it wrote.
#[derive(Debug)]
pub(crate) struct Staging {
    place: Place,
    uploads: Uploads,
}

#[derive(Debug)]
enum Place {
    Folder(folder::Run),
    Bucket(Box<bucket::Run>),
}

/// Tables that are written and checked, but not yet published: readers take notice of them only after
/// [`Staged::publish`]. Dropped, they are removed.
#[must_use = "readers see staged tables only after publish"]
#[derive(Debug)]
pub struct Staged {
    place: Place,
    /// What this run has written, without values of rows: it is told elsewhere.
    written: Manifest,
    /// What is there after it.
    published: Manifest,
    profile: Profile,
}

/// What is published in a destination, or why a run could not begin there now: it cannot be reached or read, another
/// run is writing, it holds what is not ours, or tables that `overwrite` does not allow to replace. Nothing is written. A
/// `run` that has published there last need not look for what is not ours again.
pub async fn look(
    destination: &Destination,
    commit: Commit,
    extent: &Extent,
    overwrite: bool,
    run: Option<&RunId>,
) -> Result<Option<Manifest>> {
    match destination {
        Destination::Folder(root) if commit == Commit::Manifest || !root.exists() => {
            folder::look(root, commit, extent, overwrite)
        }
        Destination::Folder(root) => bucket::look(&local::look_into(root)?, commit, extent, overwrite, run).await,
        Destination::Bucket { address, settings } => {
            bucket::look(&client::connect(address, settings)?, commit, extent, overwrite, run).await
        }
    }
}

/// Whether objects can be written, replaced and removed below an address, and are replaced only on condition, as
/// publication needs it. Tries it with an object of its own, which is removed.
pub async fn try_puts(address: &Address, settings: &StorageSettings) -> Result<()> {
    trial::run(&client::connect(address, settings)?).await
}

impl Staging {
    pub(crate) fn open(destination: &Destination, run: &str, options: &Options, runtime: &Handle) -> Result<Self> {
        let run = match destination {
            Destination::Folder(root) if options.commit == Commit::Manifest => {
                let run = folder::Run::open(root, run, options)?;
                let folder = run.tables();
                let store = LocalFileSystem::new_with_prefix(&folder)
                    .map_err(|source| Error::Write { path: folder.display().to_string(), source })?;
                // What is published must survive a loss of power.
                let store = Arc::new(store.with_fsync(true));
                let uploads = Uploads::new(store, runtime.clone(), FOLDER_PART_BYTES, FOLDER_PARTS);
                return Ok(Self { place: Place::Folder(run), uploads });
            }
            Destination::Folder(root) => {
                // Its files are not named as those of a bucket if it is none of Delta tables.
                options.commit.check(folder::published(root)?.as_ref(), &root.display().to_string())?;
                bucket::Run::open(local::connect(root, options.grace)?, run, options, runtime)?
            }
            Destination::Bucket { address, settings } => {
                bucket::Run::open(client::connect(address, settings)?, run, options, runtime)?
            }
        };
        Ok(Self { uploads: run.uploads().clone(), place: Place::Bucket(Box::new(run)) })
    }

    /// Where the run's files go.
    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// What is published there so far.
    pub(crate) fn before(&self) -> Result<Option<Manifest>> {
        match &self.place {
            Place::Folder(run) => run.before(),
            Place::Bucket(run) => Ok(run.before().cloned()),
        }
    }

    /// Tables that are written, with what stays of those before them.
    pub(crate) fn stage(self, written: Manifest, profile: Profile, extent: &Extent) -> Result<Staged> {
        let published = written.clone().onto(self.before()?.as_ref(), extent);
        Ok(Staged { place: self.place, written: written.without_statistics(), published, profile })
    }
}

impl Staged {
    /// The rows and files that are waiting.
    pub fn manifest(&self) -> &Manifest {
        &self.written
    }

    /// Where the time went so far.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Lets readers see the tables, in place of those that were there before. Gives all that is published then, without
    /// values of rows.
    pub fn publish(mut self) -> Result<Manifest> {
        // Nobody needs to know it more exactly.
        self.published.published_at = Timestamp::from_second(Timestamp::now().as_second()).ok();
        let published = match self.place {
            Place::Folder(run) => run.publish(&self.published).map(|()| self.published),
            Place::Bucket(run) => run.publish(self.published),
        };
        published.map(Manifest::without_statistics)
    }
}

/// The manifest of what is published at a destination, if anything is, after what an earlier run has left undone: it may
/// have died when its tables were decided, but not all of them moved into place, or not yet named by the views.
pub async fn settle(destination: &Destination) -> Result<Option<Manifest>> {
    match destination {
        Destination::Folder(root) => match folder::settle(root)? {
            Some(manifest) if manifest.commit() == Commit::Delta => {
                bucket::settle(local::connect(root, Duration::MAX)?).await
            }
            published => Ok(published),
        },
        Destination::Bucket { address, settings } => bucket::settle(client::connect(address, settings)?).await,
    }
}

/// The manifest of what is published at a destination, if anything is. Takes no lock, and writes nothing.
pub async fn manifest_of(destination: &Destination) -> Result<Option<Manifest>> {
    match destination {
        Destination::Folder(root) => folder::published(root),
        Destination::Bucket { address, settings } => {
            let found = bucket::published(&client::connect(address, settings)?).await?;
            Ok(found.map(|(manifest, _)| manifest))
        }
    }
}

/// A run that holds the lock of a destination.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// Which, where the lock says so.
    pub run: Option<String>,
    /// Seconds since it last said that it was alive, by the store's clock; the lock of a folder ends with its process.
    pub silent_seconds: Option<i64>,
    /// Whether others cannot write yet; a run that is silent for long has died.
    pub keeps_others_away: bool,
}

/// The run that holds the lock of a destination, if one does. Takes no lock, and writes nothing.
pub async fn holder(destination: &Destination) -> Result<Option<Holder>> {
    match destination {
        Destination::Folder(root) if folder::is_free(root)? => Ok(None),
        Destination::Folder(_) => Ok(Some(Holder { run: None, silent_seconds: None, keeps_others_away: true })),
        Destination::Bucket { address, settings } => lease::holder(&client::connect(address, settings)?).await,
    }
}

/// What became of a lock that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlocked {
    /// Nobody held it.
    WasFree,
    /// It was this run's, which cannot publish any more.
    From {
        /// The run.
        run: String,
        /// Seconds since it last said that it was alive, by the store's clock.
        silent_seconds: i64,
    },
}

/// Takes a lock away from the run that holds it, which then cannot publish any more. That of a folder belongs to a
/// process, and ends with it: there is nothing to take away.
pub async fn unlock(destination: &Destination) -> Result<Unlocked> {
    match destination {
        Destination::Folder(root) if folder::is_free(root)? => Ok(Unlocked::WasFree),
        Destination::Folder(root) => Err(Error::Locked { place: root.display().to_string() }),
        Destination::Bucket { address, settings } => lease::unlock(&client::connect(address, settings)?).await,
    }
}

/// What a [`vacuum`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Vacuumed {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that no manifest names any more, but that readers of an earlier one may still need.
    pub kept: u64,
}

/// Removes the files that no manifest names: what dead runs left at once, what was replaced once it is older than a grace
/// time, which the settings say for a bucket. Only a folder of Delta tables has such files.
pub async fn vacuum(destination: &Destination, grace: Duration) -> Result<Vacuumed> {
    match destination {
        Destination::Folder(root) => match folder::published(root)?.map(|manifest| manifest.commit()) {
            Some(Commit::Delta) => bucket::vacuum(local::connect(root, grace)?).await,
            Some(Commit::Manifest) | None => Ok(Vacuumed::default()),
        },
        Destination::Bucket { address, settings } => bucket::vacuum(client::connect(address, settings)?).await,
    }
}
