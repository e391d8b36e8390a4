//! Small objects that are read and replaced as a whole: the manifest, the lock, the views.
//!
//! Each is replaced only if it is still what was seen before, by a conditional put. An answer to it may
//! be lost, may be "it is there already" to a request that was sent twice, or may be a conflict in which
//! nothing landed. So the object is then read back: what has our bytes is ours, what is as it was is
//! tried again, and anything else is somebody else's. For that, no two writers ever write the same bytes,
//! unless it does not matter whose they are.

use super::{clock::Clock, local::Local};
use crate::{
    error::{Error, Result},
    hexadecimal::hexadecimal,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::{
    Attributes, Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult,
    UpdateVersion, client::HttpError, path::Path,
};
use ring::rand::{SecureRandom, SystemRandom};
use std::{error::Error as _, fmt::Write, iter, sync::Arc, time::Duration};
use tokio::time::sleep;

/// How often a conditional put is tried of which nothing landed. The store's client has tried each of them several
/// times before.
const ATTEMPTS: u32 = 8;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);

/// The objects below a destination's prefix.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    /// The destination, for messages.
    pub(super) address: String,
    pub(super) clock: Arc<Clock>,
    /// Of the tables' files.
    pub(super) attributes: Attributes,
    /// How long a run that is not heard of any more still keeps others away.
    pub(super) lease: Duration,
    /// How long files stay that are not named any more.
    pub(super) grace: Duration,
    /// Where it is, if it is a folder.
    pub(super) folder: Option<Local>,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) bytes: Bytes,
    pub(super) version: UpdateVersion,
    /// When it was written, by the store's clock.
    pub(super) modified: Timestamp,
}

/// How a replacement ended.
#[derive(Debug)]
pub(super) enum Swapped {
    /// The object has our bytes.
    Done(UpdateVersion),
    /// Somebody else has replaced it before.
    Lost,
}

impl Bucket {
    /// Where the views say that it is.
    pub(super) fn root(&self) -> Result<String> {
        self.folder.as_ref().map_or_else(|| Ok(self.address.clone()), Local::absolute)
    }

    /// The object, if there is one.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Seen>> {
        match self.try_read(name).await {
            Ok(seen) => Ok(Some(seen)),
            // A missing bucket is no missing object.
            Err(StoreError::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => Ok(None),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    /// Whether there is such an object.
    pub(super) async fn has(&self, name: &str) -> Result<bool> {
        match self.store.head(&Path::from(name)).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    async fn try_read(&self, name: &str) -> object_store::Result<Seen> {
        let object = self.store.get(&Path::from(name)).await?;
        let version = UpdateVersion { e_tag: object.meta.e_tag.clone(), version: object.meta.version.clone() };
        let modified = modified(&object.meta);
        Ok(Seen { bytes: object.bytes().await?, version, modified })
    }

    /// Writes an object, whatever is there.
    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let put = self.store.put(&Path::from(name), bytes.into()).await;
        put.map(drop).map_err(|error| self.failed("write", name, error))
    }

    /// Replaces an object that is as it was `seen`, or is not there if none was.
    pub(super) async fn swap(&self, name: &str, bytes: &Bytes, seen: Option<&UpdateVersion>) -> Result<Swapped> {
        let mut attempt = 1;
        loop {
            let error = match self.put_if(&Path::from(name), bytes, seen).await {
                Ok(put) => return Ok(Swapped::Done(UpdateVersion { e_tag: put.e_tag, version: put.version })),
                Err(error) if is_final(&error) => return Err(self.failed("write", name, error)),
                Err(error) => error,
            };
            tracing::info!(name, "a conditional put was not confirmed, looking at what is there: {}", brief(&error));
            match self.read(name).await {
                Ok(Some(there)) if there.bytes == *bytes => return Ok(Swapped::Done(there.version)),
                Ok(there) if there.as_ref().map(|there| &there.version.e_tag) == seen.map(|seen| &seen.e_tag) => {}
                Ok(_) => return Ok(Swapped::Lost),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => {}
            }
            if attempt == ATTEMPTS {
                return Err(self.failed("write", name, error));
            }
            sleep(ATTEMPT_PAUSE * attempt).await;
            attempt += 1;
        }
    }

    /// A put on condition that the object is as it was `seen`, or is not there if none was.
    async fn put_if(
        &self,
        path: &Path,
        bytes: &Bytes,
        seen: Option<&UpdateVersion>,
    ) -> object_store::Result<PutResult> {
        let mode = match (seen, &self.folder) {
            (None, _) => PutMode::Create,
            (Some(version), None) => PutMode::Update(version.clone()),
            // Nobody else writes while the lock of a folder is held.
            (Some(version), Some(_)) if self.store.head(path).await?.e_tag == version.e_tag => PutMode::Overwrite,
            (Some(_), Some(_)) => {
                let source = "it was replaced by somebody else".into();
                return Err(StoreError::Precondition { path: path.to_string(), source });
            }
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        self.store.put_opts(path, bytes.clone().into(), options).await
    }

    /// All objects, until `look` has seen enough of them.
    pub(super) async fn each(&self, mut look: impl FnMut(ObjectMeta) -> Result<()>) -> Result<()> {
        let mut objects = self.store.list(None);
        while let Some(object) = objects.try_next().await.map_err(|error| self.failed("list", "", error))? {
            look(object)?;
        }
        Ok(())
    }

    pub(super) fn failed(&self, action: &'static str, name: &str, source: StoreError) -> Error {
        told_or(&self.address, source, |address, source| {
            let address = if name.is_empty() { address } else { format!("{address}/{name}") };
            Error::Storage { action, address, problem: told(&source) }
        })
    }
}

/// When an object was written, by the store's clock.
pub(super) fn modified(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_millisecond(object.last_modified.timestamp_millis()).unwrap_or_default()
}

/// Random, in hexadecimal.
pub(super) fn nonce(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| Error::Random)?;
    Ok(hexadecimal(&random))
}

/// Trying again would not help.
fn is_final(error: &StoreError) -> bool {
    use StoreError as E;
    let is_final = matches!(error, E::NotFound { .. } | E::NotImplemented { .. } | E::NotSupported { .. });
    is_final || is_refusal(error) || has_no_credentials(error)
}

/// An error of the store: that it refused us, that it is out of reach, or what it is otherwise.
pub(crate) fn told_or(address: &str, source: StoreError, otherwise: impl FnOnce(String, StoreError) -> Error) -> Error {
    let address = address.to_owned();
    if has_no_credentials(&source) {
        Error::NoCredentials { address }
    } else if is_refusal(&source) {
        Error::StorageRefused { address, answer: told(&source) }
    } else if is_outage(&source) {
        Error::Unreachable { address, problem: told(&source) }
    } else {
        otherwise(address, source)
    }
}

fn is_refusal(error: &StoreError) -> bool {
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => true,
        // Listings do not say so themselves.
        StoreError::Generic { .. } => {
            let text = chain(error);
            ["status code: 403", "status code: 401"].iter().any(|status| text.contains(status))
        }
        _ => false,
    }
}

/// Nobody answered, or whoever did cannot serve now. The client has tried it several times by then.
fn is_outage(error: &StoreError) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    let text = chain(error);
    iter::successors(Some(first), |error| (*error).source()).any(|error| error.is::<HttpError>())
        || [429, 500, 502, 503, 504].iter().any(|status| text.contains(&format!("status code: {status}")))
}

/// The machine has no role that could be asked for credentials, and nothing else was set.
fn has_no_credentials(error: &StoreError) -> bool {
    chain(error).contains("169.254.169.254")
}

/// What a store answered: the code and the message of its XML, where it sent some; the rest may repeat what was signed.
pub(super) fn told(error: &StoreError) -> String {
    let text = chain(error);
    let element = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        Some(after.split_once('<')?.0.to_owned())
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => brief(error),
    }
}

fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// Without what a store's answer repeats.
fn brief(error: &StoreError) -> String {
    let text = error.to_string();
    text.split("<?xml").next().unwrap_or_default().trim_end_matches([' ', ':', '-']).to_owned()
}

#[cfg(test)]
pub(super) mod tests;
