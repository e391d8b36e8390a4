//! A copy of a download as it comes, compressed: kept for later, or to be read only when it is whole.

use crate::{Error, Result};
use bytes::Bytes;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// A file in the making. It has its name only once it is whole; before, `.part` follows it.
pub(crate) struct Keep {
    path: PathBuf,
    part: PathBuf,
    file: Arc<Mutex<File>>,
}

impl Keep {
    /// Begins the file, which only its owner may read: it is full of personal data.
    pub(crate) async fn create(path: &Path) -> Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let (part, path) = (PathBuf::from(part), path.to_owned());
        let opened = blocking(&path, {
            let part = part.clone();
            move || {
                part.parent().map_or(Ok(()), fs::create_dir_all)?;
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)
            }
        });
        Ok(Self { file: Arc::new(Mutex::new(opened.await?)), part, path })
    }

    pub(crate) async fn write(&self, chunk: Bytes) -> Result<()> {
        self.with(move |file| file.write_all(&chunk)).await
    }

    /// Begins anew.
    pub(crate) async fn restart(&self) -> Result<()> {
        self.with(|file| {
            file.set_len(0)?;
            file.rewind()
        })
        .await
    }

    /// Says that it is whole.
    pub(crate) async fn finish(&self) -> Result<()> {
        let (part, path) = (self.part.clone(), self.path.clone());
        self.with(move |file| {
            file.sync_all()?;
            fs::rename(part, path)
        })
        .await
    }

    async fn with(&self, work: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) -> Result<()> {
        let file = self.file.clone();
        blocking(&self.path, move || work(&mut file.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn blocking<T: Send + 'static>(path: &Path, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(|source| Error::Keep { path: path.to_owned(), source })
}
