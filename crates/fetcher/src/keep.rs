//! A copy of a download as it comes, compressed: kept for later, or to be read only when it is whole.

use crate::{Error, Result, error::Cause};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A place where a download is kept besides being read: see [`Download::keep_in`](crate::Download::keep_in).
#[async_trait]
pub trait Keep: Send + Sync {
    /// Takes a chunk that begins at this byte of the file, right after the chunk before it. Or at byte 0: then the file
    /// begins anew, with nothing of what came before, since a download that broke may have to start over, and may be
    /// compressed differently then. What this waits for, the download waits for.
    async fn write(&self, chunk: Bytes, at: u64) -> Result<(), Cause>;

    /// Says that the file is whole, with so many bytes. Not before may it be taken for one.
    async fn finish(&self, bytes: u64) -> Result<(), Cause>;

    /// The place, for messages.
    fn place(&self) -> String;
}

/// For `map_err`: what a place said.
pub(crate) fn failed(keep: &dyn Keep) -> impl FnOnce(Cause) -> Error {
    let place = keep.place();
    move |source| Error::Keep { place, source }
}

/// A file in the making. It has its name only once it is whole; before, `.part` follows it.
pub(crate) struct KeptFile {
    path: PathBuf,
    part: PathBuf,
    file: Arc<File>,
}

impl KeptFile {
    /// Begins the file, which only its owner may read: it is full of personal data.
    pub(crate) async fn create(path: &Path) -> Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let (part, path) = (PathBuf::from(part), path.to_owned());
        let opened = blocking({
            let part = part.clone();
            move || {
                part.parent().map_or(Ok(()), fs::create_dir_all)?;
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)
            }
        });
        let opened = opened.await.map_err(|source| Error::Keep { place: path.display().to_string(), source })?;
        Ok(Self { file: Arc::new(opened), part, path })
    }
}

#[async_trait]
impl Keep for KeptFile {
    /// A download that starts over writes over what was there.
    async fn write(&self, chunk: Bytes, at: u64) -> Result<(), Cause> {
        let file = self.file.clone();
        blocking(move || file.write_all_at(&chunk, at)).await
    }

    /// Before it started over, it may have been longer.
    async fn finish(&self, bytes: u64) -> Result<(), Cause> {
        let (file, part, path) = (self.file.clone(), self.part.clone(), self.path.clone());
        blocking(move || {
            file.set_len(bytes)?;
            file.sync_all()?;
            fs::rename(part, path)
        })
        .await
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Cause> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_started_over_has_nothing_of_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let keep = KeptFile::create(&path).await.unwrap();
        for (chunk, at) in [("one that ", 0), ("was longer", 9), ("new", 0), (" one", 3)] {
            keep.write(Bytes::from_static(chunk.as_bytes()), at).await.unwrap();
        }
        keep.finish(7).await.unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "new one");
    }
}
