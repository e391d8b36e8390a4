//! How far a conversion is, for whoever watches it from another thread.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Counters of a running conversion.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    /// Of the parts of the export before this one.
    bytes_before: AtomicU64,
    profiles: AtomicU64,
    rows: AtomicU64,
    written: AtomicU64,
    /// Those of the threads that read, where there are several.
    threads: Mutex<Vec<Arc<Progress>>>,
}

impl Progress {
    /// Bytes of (uncompressed) JSON read so far.
    pub fn bytes(&self) -> u64 {
        self.sum(&self.bytes, Self::bytes)
    }

    /// Profiles read so far; those of several parts as often as they are there.
    pub fn profiles(&self) -> u64 {
        self.sum(&self.profiles, Self::profiles)
    }

    fn sum(&self, own: &AtomicU64, of: fn(&Self) -> u64) -> u64 {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        own.load(Relaxed) + threads.iter().map(|thread| of(thread)).sum::<u64>()
    }

    /// What is read is what these tell, from now on.
    pub(crate) fn split(&self, threads: Vec<Arc<Self>>) {
        *self.threads.lock().unwrap_or_else(PoisonError::into_inner) = threads;
    }

    /// Rows of all tables that are in row groups so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    /// Bytes of their pages, compressed; what else is in the files is little.
    pub fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(self.bytes_before.load(Relaxed) + bytes, Relaxed);
    }

    /// The bytes to come are another part's.
    pub(crate) fn begin_part(&self) {
        self.bytes_before.store(self.bytes(), Relaxed);
    }

    pub(crate) fn add_profile(&self, bytes: u64) {
        self.set_bytes(bytes);
        // Only the parsing thread writes.
        self.profiles.store(self.profiles.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) fn add_rows(&self, rows: usize, bytes: usize) {
        // Only the writing thread writes.
        self.rows.store(self.rows() + rows as u64, Relaxed);
        self.written.store(self.written() + bytes as u64, Relaxed);
    }
}
