//! Rate limits on our own side, shared by everything a client does, so that it is not us who cause a 429.
//!
//! A budget is a number of places. A call takes one, and the place is free again a span of time after the call's answer
//! has come: at that moment the server had surely counted the call, so that no span on the server's clock ever holds
//! more calls than there are places, however long they were on the way. Whoever waits is served in order.

use crate::Limits;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

/// So many calls in any span of so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The calls.
    pub calls: u32,
    /// The span.
    pub per: Duration,
}

impl Rate {
    /// So many calls in so many seconds.
    pub const fn new(calls: u32, seconds: u64) -> Self {
        Self { calls, per: Duration::from_secs(seconds) }
    }
}

/// The documented rate limits of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Token requests. Default 10 a minute.
    pub tokens: Rate,
    /// Requests for exports. Default 1 a second.
    pub exports: Rate,
    /// Those among them that ask for events. Default 1 a minute.
    pub event_exports: Rate,
    /// Polls and downloads. Default 60 a minute.
    pub downloads: Rate,
    /// Every other call. Default 100 a second.
    pub others: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            tokens: Rate::new(10, 60),
            exports: Rate::new(1, 1),
            event_exports: Rate::new(1, 60),
            downloads: Rate::new(60, 60),
            others: Rate::new(100, 1),
        }
    }
}

impl Rates {
    /// The same limits where a second is as long as `second`.
    #[must_use]
    pub fn scaled(self, second: Duration) -> Self {
        let scaled = |rate: Rate| Rate { per: second.mul_f64(rate.per.as_secs_f64()), ..rate };
        Self {
            tokens: scaled(self.tokens),
            exports: scaled(self.exports),
            event_exports: scaled(self.event_exports),
            downloads: scaled(self.downloads),
            others: scaled(self.others),
        }
    }
}

/// A kind of call, as far as rate limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Token,
    Export,
    EventExport,
    Download,
    Other,
}

/// The budgets of one client.
pub(crate) struct Budgets {
    tokens: Budget,
    exports: Budget,
    event_exports: Budget,
    downloads: Budget,
    others: Budget,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rates = limits.rates;
        Self {
            tokens: Budget::new(rates.tokens),
            exports: Budget::new(rates.exports),
            event_exports: Budget::new(rates.event_exports),
            downloads: Budget::new(rates.downloads),
            others: Budget::new(rates.others),
        }
    }

    /// Waits until a call of this class may be sent. What comes back is to be dropped when its answer has come.
    pub(crate) async fn take(&self, class: Class) -> [Option<Place<'_>>; 2] {
        match class {
            Class::Token => [Some(self.tokens.take().await), None],
            Class::Export => [Some(self.exports.take().await), None],
            Class::EventExport => {
                let rare = self.event_exports.take().await;
                [Some(rare), Some(self.exports.take().await)]
            }
            Class::Download => [Some(self.downloads.take().await), None],
            Class::Other => [Some(self.others.take().await), None],
        }
    }
}

/// Shorter waits are no news.
const WORTH_SAYING: Duration = Duration::from_secs(2);

struct Budget {
    calls: u32,
    places: Semaphore,
    per: Duration,
    /// From when on each of the places that nobody holds may be used: as many as the semaphore has permits.
    free_from: Mutex<BinaryHeap<Reverse<Instant>>>,
}

/// A place in a budget.
pub(crate) struct Place<'b> {
    budget: &'b Budget,
    /// None once a call has been sent on it.
    unused_since: Option<Instant>,
    /// Dropped after the place is back in the heap.
    _permit: SemaphorePermit<'b>,
}

impl Budget {
    fn new(rate: Rate) -> Self {
        let calls = rate.calls.max(1) as usize;
        let free_from = std::iter::repeat_n(Reverse(Instant::now()), calls).collect();
        Self { calls: rate.calls, places: Semaphore::new(calls), per: rate.per, free_from: Mutex::new(free_from) }
    }

    async fn take(&self) -> Place<'_> {
        let permit = self.places.acquire().await.expect("a budget is never closed");
        let free_from = self.free_from().pop().map_or_else(Instant::now, |Reverse(free_from)| free_from);
        let mut place = Place { budget: self, unused_since: Some(free_from), _permit: permit };
        let wait = free_from.saturating_duration_since(Instant::now());
        if wait > WORTH_SAYING {
            tracing::info!(?wait, calls = self.calls, per = ?self.per, "waiting for a rate limit");
        }
        sleep_until(free_from).await;
        place.unused_since = None;
        place
    }

    fn free_from(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Instant>>> {
        self.free_from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let free_from = self.unused_since.unwrap_or_else(|| Instant::now() + self.budget.per);
        self.budget.free_from().push(Reverse(free_from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn budget(calls: u32, per: u64) -> Arc<Budget> {
        Arc::new(Budget::new(Rate::new(calls, per)))
    }

    #[tokio::test(start_paused = true)]
    async fn no_span_has_more_calls_than_there_are_places() {
        let budget = budget(3, 60);
        let start = Instant::now();
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let budget = budget.clone();
                tokio::spawn(async move {
                    let place = budget.take().await;
                    let sent = start.elapsed();
                    // Each answer takes another time.
                    tokio::time::sleep(Duration::from_secs(n * 7 % 5)).await;
                    drop(place);
                    sent
                })
            })
            .collect();
        let mut sent = Vec::new();
        for task in tasks {
            sent.push(task.await.unwrap());
        }
        sent.sort();
        assert!(sent.windows(4).all(|calls| calls[3] - calls[0] >= Duration::from_secs(60)), "{sent:?}");
        assert!(sent[9] < Duration::from_secs(200), "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_long_counts_from_its_answer_on() {
        let budget = budget(1, 60);
        let start = Instant::now();
        let place = budget.take().await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(place);
        drop(budget.take().await);
        assert_eq!(start.elapsed(), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_waiting_takes_nothing() {
        let budget = budget(1, 60);
        let start = Instant::now();
        drop(budget.take().await);
        assert!(tokio::time::timeout(Duration::from_secs(10), budget.take()).await.is_err());
        drop(budget.take().await);
        assert_eq!(start.elapsed(), Duration::from_secs(60));
    }
}
