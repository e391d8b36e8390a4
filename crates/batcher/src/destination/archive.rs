//! Objects that are no tables: downloads that a run keeps as they came, beside its tables or in another bucket.

use super::{
    address::Address,
    client::{StorageSettings, connect},
    objects::Bucket,
};
use crate::{
    error::Result,
    upload::{Parts, Uploads},
};
use bytes::Bytes;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutOptions, path::Path};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The smallest part that S3 takes, but for the last.
const PART_BYTES_MIN: usize = 5 << 20;
/// After so many parts they grow by as much again, since S3 takes 10,000 of an object: that is enough for 268 GiB.
const PARTS_OF_A_SIZE: usize = 1_000;
/// Parts of an object on their way at once, besides the one that fills.
const PARTS_IN_FLIGHT: usize = 2;

/// A prefix in a bucket, for objects of any kind.
#[derive(Clone, Debug)]
pub struct Archive {
    bucket: Bucket,
}

impl Archive {
    /// Nothing is sent yet.
    pub fn new(address: &Address, settings: &StorageSettings) -> Result<Self> {
        Ok(Self { bucket: connect(address, settings)? })
    }

    /// Its objects, by their names below the prefix.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.bucket.store)
    }

    /// A small object, whole; none if there is no such.
    pub async fn read(&self, name: &str) -> Result<Option<Bytes>> {
        Ok(self.bucket.read(name).await?.map(|seen| seen.bytes))
    }

    /// Writes a small object, or replaces it.
    pub async fn write(&self, name: &str, bytes: Bytes) -> Result<()> {
        put(&self.bucket, name, bytes).await
    }

    /// Removes an object, if it is there.
    pub async fn remove(&self, name: &str) -> Result<()> {
        match self.bucket.store.delete(&Path::from(name)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.bucket.failed("remove", name, error)),
        }
    }

    /// Whether an object is there.
    pub async fn has(&self, name: &str) -> Result<bool> {
        match self.bucket.store.head(&Path::from(name)).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.bucket.failed("read", name, error)),
        }
    }

    /// Begins an object of any size. To be called within a runtime.
    pub fn create(&self, name: &str) -> NewObject {
        let store = Arc::clone(&self.bucket.store);
        NewObject {
            bucket: self.bucket.clone(),
            name: name.to_owned(),
            uploads: Uploads::new(store, Handle::current(), PART_BYTES_MIN, PARTS_IN_FLIGHT),
            parts: None,
            sent: 0,
            buffer: Vec::new(),
            bytes: 0,
        }
    }
}

/// An object on its way, in parts of 5 MiB that grow after the first 1,000. The store shows it, whole, only after
/// [`finish`](Self::finish). One that is not wanted is to be discarded: the store keeps the parts of one that is merely
/// dropped until it expires them.
#[must_use = "it is there once it is finished"]
pub struct NewObject {
    bucket: Bucket,
    name: String,
    uploads: Uploads,
    /// None until a first part is full.
    parts: Option<Parts>,
    /// How many.
    sent: usize,
    /// What is not yet sent, less than a part.
    buffer: Vec<u8>,
    /// All that was written.
    bytes: u64,
}

impl NewObject {
    /// Adds bytes at its end. It waits while too many parts are under way.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        if self.buffer.len() < part_bytes(self.sent) {
            return Ok(());
        }
        self.send().await.map_err(|error| self.bucket.failed("write", &self.name, error))
    }

    /// Bytes that were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sends the rest, and lets it be seen.
    pub async fn finish(self) -> Result<()> {
        let Self { bucket, name, uploads, parts, buffer, bytes, .. } = self;
        let Some(parts) = parts else { return put(&bucket, &name, buffer.into()).await };
        let finished = parts.finish(&uploads, &Path::from(name.as_str()), buffer.into(), bytes).await;
        finished.map_err(|error| bucket.failed("write", &name, error))
    }

    /// Removes what has been sent.
    pub async fn discard(self) {
        if let Some(parts) = self.parts {
            parts.abort().await;
        }
    }

    async fn send(&mut self) -> object_store::Result<()> {
        let part = Bytes::from(std::mem::take(&mut self.buffer));
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(Parts::start(&self.uploads, &Path::from(self.name.as_str())).await?),
        };
        self.sent += 1;
        parts.put(&self.uploads, part).await
    }
}

async fn put(bucket: &Bucket, name: &str, bytes: Bytes) -> Result<()> {
    let put = bucket.store.put_opts(&Path::from(name), bytes.into(), PutOptions::default()).await;
    put.map(drop).map_err(|error| bucket.failed("write", name, error))
}

/// The size of the part that comes after so many.
fn part_bytes(sent: usize) -> usize {
    PART_BYTES_MIN * (sent / PARTS_OF_A_SIZE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_they_are_enough() {
        for (sent, mebibytes) in [(0, 5), (999, 5), (1_000, 10), (9_999, 50)] {
            assert_eq!(part_bytes(sent), mebibytes << 20);
        }
        assert_eq!((0..10_000).map(part_bytes).sum::<usize>() >> 30, 268);
    }
}
