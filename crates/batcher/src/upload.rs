//! An output file on its way to the object store: plain writes in, parts out.

use crate::hexadecimal::hexadecimal;
use bytes::Bytes;
use object_store::{
    Attributes, MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, path::Path,
};
use ring::digest::{self, SHA256};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::Instrument;

/// How long the removal of a part-written file may take, when all has failed anyway.
const ABORT_WAIT: Duration = Duration::from_secs(2);
/// How often the beginning and the end of a file in parts is tried, where the store gives no answer.
const ATTEMPTS: u32 = 5;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(200);

/// Where a run's files go, and in which pieces. Clones share the bound on parts under way.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    /// What the run's file names begin with, so that no other run has them.
    prefix: String,
    /// Size of the parts that a file is sent in; a smaller file is sent whole.
    part_bytes: usize,
    /// Parts that may yet be sent, of all files.
    permits: Arc<Semaphore>,
    attributes: Attributes,
    /// All files that were completed.
    written: Arc<Mutex<Vec<Path>>>,
}

impl Uploads {
    /// Parts of so many bytes, so many of them under way at once.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, runtime: Handle, part_bytes: usize, parts: usize) -> Self {
        Self {
            store,
            runtime,
            prefix: String::new(),
            part_bytes,
            permits: Arc::new(Semaphore::new(parts)),
            attributes: Attributes::new(),
            written: Arc::default(),
        }
    }

    /// The same, with names that begin with `prefix`, for objects with these attributes.
    pub(crate) fn named(self, prefix: String, attributes: Attributes) -> Self {
        Self { prefix, attributes, ..self }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn start(&self, path: Path) -> Upload {
        Upload {
            uploads: self.clone(),
            path,
            parts: None,
            buffer: Vec::new(),
            bytes: 0,
            digest: digest::Context::new(&SHA256),
            failure: None,
        }
    }

    /// Whether its files are as any others.
    pub(crate) fn has_no_attributes(&self) -> bool {
        self.attributes.is_empty()
    }

    /// A file of the run has come to the store by another way.
    pub(crate) fn note(&self, path: Path) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// The files that were completed.
    pub(crate) fn written(&self) -> Vec<Path> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A file being written, from a thread outside the runtime. The store shows it, whole, only after
/// [`Upload::finish`]; dropped before, its parts are removed.
pub(crate) struct Upload {
    uploads: Uploads,
    path: Path,
    /// None until a first part is full, and once finished.
    parts: Option<Parts>,
    /// What is not yet sent, less than a part.
    buffer: Vec<u8>,
    /// All that was written.
    bytes: u64,
    digest: digest::Context,
    /// The store's error, which `io::Error` would hide from the caller.
    failure: Option<object_store::Error>,
}

impl Upload {
    /// The store's error that made a write fail.
    pub(crate) fn take_failure(&mut self) -> Option<object_store::Error> {
        self.failure.take()
    }

    /// Sends the rest, completes the file and gives the SHA-256 of its bytes, in hexadecimal. Nothing can be written
    /// after that.
    pub(crate) fn finish(&mut self) -> Result<String, object_store::Error> {
        let rest = Bytes::from(std::mem::take(&mut self.buffer));
        let (uploads, path, bytes) = (&self.uploads, &self.path, self.bytes);
        uploads.runtime.block_on(async {
            match self.parts.take() {
                Some(parts) => parts.finish(uploads, path, rest, bytes).await,
                None => {
                    let options = PutOptions { attributes: uploads.attributes.clone(), ..PutOptions::default() };
                    uploads.store.put_opts(path, rest.into(), options).await.map(|_| ())
                }
            }
        })?;
        uploads.written.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        let digest = std::mem::replace(&mut self.digest, digest::Context::new(&SHA256)).finish();
        Ok(hexadecimal(digest.as_ref()))
    }

    fn send(&mut self) -> Result<(), object_store::Error> {
        let part = Bytes::from(std::mem::replace(&mut self.buffer, empty_part(self.uploads.part_bytes)));
        let Self { uploads, path, parts, .. } = self;
        uploads.runtime.block_on(async {
            let parts = match parts {
                Some(parts) => parts,
                None => parts.insert(Parts::start(uploads, path).await?),
            };
            parts.put(uploads, part).await
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            // Nobody waits for this file any more, and a part that cannot be removed is the store's to expire.
            let _ = self.uploads.runtime.block_on(async { timeout(ABORT_WAIT, parts.abort()).await });
        }
    }
}

/// The parts of a file. Unlike `object_store::WriteMultipart`, it tells why a file could not be
/// completed, and not that it has then been aborted.
pub(crate) struct Parts {
    upload: Box<dyn MultipartUpload>,
    in_flight: JoinSet<Result<(), object_store::Error>>,
}

impl Parts {
    pub(crate) async fn start(uploads: &Uploads, path: &Path) -> Result<Self, object_store::Error> {
        let options = PutMultipartOptions { attributes: uploads.attributes.clone(), ..PutMultipartOptions::default() };
        let mut attempt = 1;
        // Without an answer it is begun again; should the first one have been begun too, it is the store's to expire.
        let upload = loop {
            match uploads.store.put_multipart_opts(path, options.clone()).await {
                Err(error @ object_store::Error::Generic { .. }) if attempt < ATTEMPTS => {
                    tracing::info!(%path, "beginning the file once more: {error}");
                    sleep(ATTEMPT_PAUSE * attempt).await;
                    attempt += 1;
                }
                begun => break begun?,
            }
        };
        Ok(Self { upload, in_flight: JoinSet::new() })
    }

    /// Sends a part as soon as not too many are under way.
    pub(crate) async fn put(&mut self, uploads: &Uploads, part: Bytes) -> Result<(), object_store::Error> {
        // What has failed already need not be waited for.
        while let Some(sent) = self.in_flight.try_join_next() {
            sent??;
        }
        let permit = Arc::clone(&uploads.permits).acquire_owned().await.ok();
        let part = self.upload.put_part(part.into());
        let sent = async move {
            let sent = part.await;
            drop(permit);
            sent
        };
        self.in_flight.spawn(sent.in_current_span());
        Ok(())
    }

    pub(crate) async fn finish(
        mut self,
        uploads: &Uploads,
        path: &Path,
        rest: Bytes,
        bytes: u64,
    ) -> Result<(), object_store::Error> {
        let sent = if rest.is_empty() { Ok(()) } else { self.put(uploads, rest).await };
        let finished = match sent {
            Ok(()) => self.complete(uploads, path, bytes).await,
            Err(error) => Err(error),
        };
        if finished.is_err() {
            // The first error is the one to be told.
            self.abort().await;
        }
        finished
    }

    async fn complete(&mut self, uploads: &Uploads, path: &Path, bytes: u64) -> Result<(), object_store::Error> {
        while let Some(sent) = self.in_flight.join_next().await {
            sent??;
        }
        let mut attempt = 1;
        loop {
            let Err(error) = self.upload.complete().await else { return Ok(()) };
            // The answer may have been lost, not the request: then the file is there, and the parts are gone.
            if uploads.store.head(path).await.is_ok_and(|there| there.size == bytes) {
                return Ok(());
            }
            if attempt == ATTEMPTS || !matches!(error, object_store::Error::Generic { .. }) {
                return Err(error);
            }
            sleep(ATTEMPT_PAUSE * attempt).await;
            attempt += 1;
        }
    }

    pub(crate) async fn abort(mut self) {
        self.in_flight.shutdown().await;
        let _ = self.upload.abort().await;
    }
}

/// Room for a part, which the system gives only as it is filled.
fn empty_part(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(bytes + (1 << 16))
}

impl io::Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= self.uploads.part_bytes {
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
