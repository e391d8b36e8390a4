//! What a client's calls have come to.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Numbers of a client's calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent, or could not be.
    pub requests: u64,
    /// Those that sent a call again, after an answer that said "not now", or none.
    pub retries: u64,
    /// Those that were answered with 429.
    pub rate_limited: u64,
}

/// Where they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    requests: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
}

impl Counting {
    pub(crate) fn add_request(&self, is_rate_limited: bool) {
        self.requests.fetch_add(1, Relaxed);
        self.rate_limited.fetch_add(is_rate_limited.into(), Relaxed);
    }

    pub(crate) fn add_retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            rate_limited: self.rate_limited.load(Relaxed),
        }
    }
}
