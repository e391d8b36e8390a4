//! The lock of a bucket: an object that a run takes by a conditional put, and keeps alive by replacing it
//! again and again. One that has not been replaced for as long as it says is free for anybody.
//!
//! It keeps two runs from working at once and one of them in vain. It decides nothing: what is published
//! is decided by the manifest's own conditional put, which a run that has lost its lease cannot do after
//! another has published.
//!
//! It is never deleted, since a deletion cannot be conditional: who gives it back writes that it is free.

use super::{
    Holder, Unlocked,
    objects::{Bucket, Seen, Swapped, nonce},
};
use crate::error::{Error, Result};
use bytes::Bytes;
use jiff::Timestamp;
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::Mutex,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::Instrument;

pub(super) const NAME: &str = ".apsides/lock";
/// So many times in the length of a lease its holder says that it is alive.
const RENEWALS: u32 = 4;

/// What stands in the lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lock {
    /// Who holds it, or held it last.
    run: String,
    /// Random, so that a run knows its own.
    nonce: String,
    /// Whether it was given back.
    is_free: bool,
    /// How long it is held if nothing is heard.
    seconds: i64,
    /// How often its holder has said that it is alive.
    renewals: u64,
}

impl Lock {
    fn bytes(&self) -> Bytes {
        Bytes::from(serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    fn of(seen: &Seen) -> Option<Self> {
        serde_json::from_slice(&seen.bytes).ok()
    }

    fn keeps_away(&self, silent_seconds: i64) -> bool {
        !self.is_free && silent_seconds <= self.seconds
    }
}

/// A lock that is held. It is kept alive in the background until it is given back.
#[derive(Debug)]
pub(super) struct Lease {
    bucket: Bucket,
    held: Arc<Mutex<Held>>,
    lost: Arc<AtomicBool>,
    renewal: JoinHandle<()>,
}

#[derive(Debug)]
struct Held {
    lock: Lock,
    version: UpdateVersion,
}

impl Lease {
    /// Takes the lock for a run, or tells that another has it.
    pub(super) async fn take(bucket: &Bucket, run: &str, runtime: &Handle) -> Result<Self> {
        let lock = Lock {
            run: run.to_owned(),
            nonce: nonce(16)?,
            is_free: false,
            seconds: i64::try_from(bucket.lease.as_secs()).unwrap_or(i64::MAX),
            renewals: 0,
        };
        let seen = free(bucket).await?;
        match bucket.swap(NAME, &lock.bytes(), seen.as_ref().map(|seen| &seen.version)).await? {
            Swapped::Lost => Err(locked(bucket)),
            Swapped::Done(version) => {
                let held = Arc::new(Mutex::new(Held { lock, version }));
                let lost = Arc::new(AtomicBool::new(false));
                let kept = keep(bucket.clone(), Arc::clone(&held), Arc::clone(&lost));
                let renewal = runtime.spawn(kept.in_current_span());
                Ok(Self { bucket: bucket.clone(), held, lost, renewal })
            }
        }
    }

    /// Fails if another run has taken the lock, which happens only to a run that was not heard of for long.
    pub(super) async fn confirm(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        if self.lost.load(Relaxed) || !renewed(&self.bucket, &mut held).await? {
            return Err(Error::LeaseLost { address: self.bucket.address.clone() });
        }
        Ok(())
    }

    /// Gives it back, or lets it run out if that takes too long.
    pub(super) async fn release(self, wait: Duration) {
        let release = async {
            // Waits for a renewal that is under way.
            let held = self.held.lock().await;
            self.renewal.abort();
            let free = Lock { is_free: true, ..held.lock.clone() };
            self.bucket.swap(NAME, &free.bytes(), Some(&held.version)).await
        };
        match timeout(wait, release).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("the lock could not be given back, and will run out: {error}"),
            Err(_) => tracing::warn!("the lock could not be given back in time, and will run out"),
        }
        self.renewal.abort();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The lock as it is, if there is one; an error if a run holds it.
pub(super) async fn free(bucket: &Bucket) -> Result<Option<Seen>> {
    let seen = bucket.read(NAME).await?;
    if let Some(seen) = &seen
        && let Some(other) = Lock::of(seen)
    {
        let silent = silence(bucket, seen);
        if other.keeps_away(silent) {
            tracing::info!(run = other.run, silent, "the lock is held");
            return Err(locked(bucket));
        }
        if !other.is_free {
            tracing::warn!(
                run = other.run,
                silent,
                "the lock is of a run that is not heard of any more, and can be taken"
            );
        }
    }
    Ok(seen)
}

fn locked(bucket: &Bucket) -> Error {
    Error::Locked { place: bucket.address.clone() }
}

/// Says again and again that the run is alive.
async fn keep(bucket: Bucket, held: Arc<Mutex<Held>>, lost: Arc<AtomicBool>) {
    loop {
        sleep(bucket.lease / RENEWALS).await;
        let mut held = held.lock().await;
        match renewed(&bucket, &mut held).await {
            Ok(true) => {}
            Ok(false) => {
                lost.store(true, Relaxed);
                tracing::warn!(run = held.lock.run, "the lock was taken away");
                return;
            }
            Err(error) => tracing::warn!("the lock could not be renewed: {error}"),
        }
    }
}

/// False if it is another's.
async fn renewed(bucket: &Bucket, held: &mut Held) -> Result<bool> {
    let lock = Lock { renewals: held.lock.renewals + 1, ..held.lock.clone() };
    match bucket.swap(NAME, &lock.bytes(), Some(&held.version)).await? {
        Swapped::Done(version) => {
            *held = Held { lock, version };
            Ok(true)
        }
        Swapped::Lost => Ok(false),
    }
}

/// Who has the lock.
pub(super) async fn holder(bucket: &Bucket) -> Result<Option<Holder>> {
    let Some(seen) = bucket.read(NAME).await? else { return Ok(None) };
    let Some(lock) = Lock::of(&seen).filter(|lock| !lock.is_free) else { return Ok(None) };
    let silent = silence(bucket, &seen);
    let keeps_others_away = lock.keeps_away(silent);
    Ok(Some(Holder { run: Some(lock.run), silent_seconds: Some(silent), keeps_others_away }))
}

/// Takes the lock away from whoever has it.
pub(super) async fn unlock(bucket: &Bucket) -> Result<Unlocked> {
    let Some(seen) = bucket.read(NAME).await? else { return Ok(Unlocked::WasFree) };
    let silent_seconds = silence(bucket, &seen);
    let lock = match Lock::of(&seen) {
        Some(lock) if lock.is_free => return Ok(Unlocked::WasFree),
        Some(lock) => lock,
        // Nobody can hold what nobody can read.
        None => Lock { run: "unknown".to_owned(), nonce: String::new(), is_free: false, seconds: 0, renewals: 0 },
    };
    let free = Lock { is_free: true, nonce: nonce(16)?, ..lock.clone() };
    match bucket.swap(NAME, &free.bytes(), Some(&seen.version)).await? {
        Swapped::Done(_) => Ok(Unlocked::From { run: lock.run, silent_seconds }),
        // It has been renewed or given back in this moment.
        Swapped::Lost => Err(locked(bucket)),
    }
}

/// Seconds since a lock was last written, by the store's clock.
fn silence(bucket: &Bucket, seen: &Seen) -> i64 {
    let now: Timestamp = bucket.clock.now();
    (now.as_second() - seen.modified.as_second()).max(0)
}
