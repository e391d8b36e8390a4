//! An output file on its way to the object store: plain writes in, parts out.

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, path::Path};
use std::{io, sync::Arc};
use tokio::{runtime::Handle, task::JoinSet};

/// Size of the parts that a file is sent in. A folder takes any; S3 would take none smaller than 5 MiB.
const PART_BYTES: usize = 1 << 20;
/// Parts of one file on their way at once.
const PARTS_IN_FLIGHT: usize = 1;

/// A file being written, from a thread outside the runtime. The store shows it, whole, only after
/// [`Upload::finish`].
pub(crate) struct Upload {
    runtime: Handle,
    /// None once finished.
    parts: Option<Parts>,
    buffer: Vec<u8>,
    /// The store's error, which `io::Error` would hide from the caller.
    failure: Option<object_store::Error>,
}

impl Upload {
    pub(crate) fn start(
        store: &Arc<dyn ObjectStore>,
        path: &Path,
        runtime: &Handle,
    ) -> Result<Self, object_store::Error> {
        let upload = runtime.block_on(store.put_multipart(path))?;
        let parts = Parts { upload, in_flight: JoinSet::new() };
        Ok(Self { runtime: runtime.clone(), parts: Some(parts), buffer: empty_part(), failure: None })
    }

    /// The store's error that made a write fail.
    pub(crate) fn take_failure(&mut self) -> Option<object_store::Error> {
        self.failure.take()
    }

    /// Sends the rest and completes the file. Nothing can be written after that.
    pub(crate) fn finish(&mut self) -> Result<(), object_store::Error> {
        let Some(parts) = self.parts.take() else { return Ok(()) };
        let rest = Bytes::from(std::mem::take(&mut self.buffer));
        self.runtime.block_on(parts.finish(rest))
    }

    fn send(&mut self) -> Result<(), object_store::Error> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        let part = Bytes::from(std::mem::replace(&mut self.buffer, empty_part()));
        self.runtime.block_on(async {
            parts.wait(PARTS_IN_FLIGHT - 1).await?;
            parts.put(part);
            Ok(())
        })
    }
}

/// The parts of a file. Unlike `object_store::WriteMultipart`, it tells why a file could not be
/// completed, and not that it has then been aborted.
struct Parts {
    upload: Box<dyn MultipartUpload>,
    in_flight: JoinSet<Result<(), object_store::Error>>,
}

impl Parts {
    /// Within a runtime.
    fn put(&mut self, part: Bytes) {
        self.in_flight.spawn(self.upload.put_part(part.into()));
    }

    /// Waits until no more than so many parts are on their way.
    async fn wait(&mut self, most: usize) -> Result<(), object_store::Error> {
        while self.in_flight.len() > most
            && let Some(part) = self.in_flight.join_next().await
        {
            part??;
        }
        Ok(())
    }

    async fn finish(mut self, rest: Bytes) -> Result<(), object_store::Error> {
        self.put(rest);
        let finished = match self.wait(0).await {
            Ok(()) => self.upload.complete().await.map(|_| ()),
            Err(error) => Err(error),
        };
        if finished.is_err() {
            self.in_flight.shutdown().await;
            // The first error is the one to be told.
            let _ = self.upload.abort().await;
        }
        finished
    }
}

/// Room for a part, which the system gives only as it is filled.
fn empty_part() -> Vec<u8> {
    Vec::with_capacity(PART_BYTES + (1 << 16))
}

impl io::Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.send().map_err(|failure| {
                let error = io::Error::other(failure.to_string());
                self.failure = Some(failure);
                error
            })?;
        }
        Ok(bytes.len())
    }

    /// Does nothing: parts are sent as they fill.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
