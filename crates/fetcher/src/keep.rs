//! A copy of a download as it comes, compressed: kept for later, or to be read only when it is whole.

use crate::{Error, Result};
use bytes::Bytes;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A file in the making. It has its name only once it is whole; before, `.part` follows it.
pub(crate) struct Keep {
    path: PathBuf,
    part: PathBuf,
    file: Arc<File>,
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
        Ok(Self { file: Arc::new(opened.await?), part, path })
    }

    /// Puts a chunk in its place. A download that starts over writes over what was there.
    pub(crate) async fn write(&self, chunk: Bytes, at: u64) -> Result<()> {
        let file = self.file.clone();
        blocking(&self.path, move || file.write_all_at(&chunk, at)).await
    }

    /// Says that it is whole, with so many bytes: before it started over, it may have been longer.
    pub(crate) async fn finish(&self, bytes: u64) -> Result<()> {
        let (file, part, path) = (self.file.clone(), self.part.clone(), self.path.clone());
        blocking(&self.path, move || {
            file.set_len(bytes)?;
            file.sync_all()?;
            fs::rename(part, path)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(path: &Path, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(|source| Error::Keep { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_started_over_has_nothing_of_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let keep = Keep::create(&path).await.unwrap();
        for (chunk, at) in [("one that ", 0), ("was longer", 9), ("new", 0), (" one", 3)] {
            keep.write(Bytes::from_static(chunk.as_bytes()), at).await.unwrap();
        }
        keep.finish(7).await.unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "new one");
    }
}
