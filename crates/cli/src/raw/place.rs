//! Where the downloads of a run are: a folder, or a prefix in a bucket.

use super::object::KeptObject;
use crate::{
    failure::{Exit, Failure},
    storage,
};
use apsides_batcher::{Address, Archive, Destination, StorageSettings};
use apsides_fetcher::{self as fetcher, Download, Reader};
use std::{
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

/// How long the removal of a download that is not whole may take: perhaps somebody waits for the program to stop.
const DISCARD_WAIT: Duration = Duration::from_secs(2);

pub(super) enum Place {
    Folder(PathBuf),
    Bucket(Box<Bucket>),
}

pub(super) struct Bucket {
    address: Address,
    settings: StorageSettings,
    archive: Archive,
    /// What is being kept there.
    objects: Vec<Arc<KeptObject>>,
}

impl Place {
    /// What another run has made.
    pub(super) fn of(run: &Destination) -> Result<Self, Failure> {
        Ok(match run {
            Destination::Folder(folder) => Self::Folder(folder.clone()),
            Destination::Bucket { address, settings } => Self::bucket(address.clone(), settings)?,
        })
    }

    /// A new one of this name, which no other run has, below `root`.
    pub(super) fn begin(root: &Destination, name: &str) -> Result<Self, Failure> {
        match root {
            Destination::Folder(root) => new_folder(root, name).map(Self::Folder),
            // Nothing tells whether another run has begun in the same second.
            Destination::Bucket { address, settings } => {
                Self::bucket(address.join(&format!("{name}-{:08x}", fastrand::u32(..))), settings)
            }
        }
    }

    fn bucket(address: Address, settings: &StorageSettings) -> Result<Self, Failure> {
        let archive = Archive::new(&address, settings)?;
        Ok(Self::Bucket(Box::new(Bucket { address, settings: settings.clone(), archive, objects: Vec::new() })))
    }

    /// A small file, if it is there.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Folder(folder) => match fs::read(folder.join(name)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Failure::new(Exit::Input, format!("{} cannot be read: {error}", self.at(name)))
                    .next("check the path and its permissions")),
            },
            Self::Bucket(bucket) => Ok(bucket.archive.read(name).await?.map(Vec::from)),
        }
    }

    /// Writes a small file, or replaces it.
    pub(super) async fn write(&self, name: &str, text: String) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
                let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
                written.map_err(|error| unwritable(&path, "cannot be written", &error))
            }
            Self::Bucket(bucket) => Ok(bucket.archive.write(name, text.into()).await?),
        }
    }

    /// Whether a file is there.
    pub(super) async fn has(&self, name: &str) -> Result<bool, Failure> {
        match self {
            Self::Folder(folder) => Ok(folder.join(name).exists()),
            Self::Bucket(bucket) => Ok(bucket.archive.has(name).await?),
        }
    }

    /// A download that is there.
    pub(super) async fn open(&self, name: &str) -> Result<Reader, Failure> {
        match self {
            Self::Folder(folder) => {
                Ok(fetcher::open(&fetcher::Input::Path(folder.join(name)), &fetcher::Limits::default()).await?)
            }
            Self::Bucket(bucket) => storage::open(&bucket.address.join(name), &bucket.settings).await,
        }
    }

    /// Keeps a download while it is read.
    pub(super) async fn keep(&mut self, download: Download, name: &str) -> Result<Download, Failure> {
        let place = self.at(name);
        match self {
            Self::Folder(folder) => Ok(download.keep(&folder.join(name)).await?),
            Self::Bucket(bucket) => {
                let object = Arc::new(KeptObject::new(&bucket.archive, name, place));
                bucket.objects.push(Arc::clone(&object));
                Ok(download.keep_in(object))
            }
        }
    }

    /// Removes from a bucket what is not whole: unlike in a folder, nobody could see it, and it would still be paid for.
    pub(super) async fn discard(&self) {
        let Self::Bucket(bucket) = self else { return };
        let discarded = async {
            for object in &bucket.objects {
                object.discard().await;
            }
        };
        // What is left then is the store's to expire.
        let _ = timeout(DISCARD_WAIT, discarded).await;
    }

    /// Where a file is, for messages.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{self}/{name}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(out, "{}", folder.display()),
            Self::Bucket(bucket) => write!(out, "{}", bucket.address),
        }
    }
}

/// Makes the folder of a run, by this name or a similar one: two runs may begin in the same second.
fn new_folder(root: &Path, name: &str) -> Result<PathBuf, Failure> {
    let failed = |error| unwritable(root, "cannot be made", &error);
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
    for number in 1_u32.. {
        let folder = root.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    unreachable!("some number is free")
}

fn unwritable(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Destination, format!("{} {what}: {error}", path.display()))
        .next("check the folder, its permissions and its free space")
}
