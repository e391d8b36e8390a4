//! The exports that were requested: pending for some polls, then ready, gone after a day.

use crate::corpus::{CorpusSpec, Rng, push_uuid};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How long a poll URL lives.
pub(super) const LIFE: Duration = Duration::from_secs(86_400);
/// How long a gone export is told from one that never was; a bound on what is remembered.
const MEMORY: Duration = Duration::from_secs(2 * 86_400);
/// More exports than these may not be pending at a time.
pub(super) const PENDING_MAX: usize = 10;

/// All exports, by id.
#[derive(Debug)]
pub(super) struct Jobs {
    polls_until_ready: u32,
    /// Whether a poll of one brings all of them on.
    side_by_side: bool,
    created: u64,
    jobs: HashMap<String, Job>,
}

#[derive(Debug)]
struct Job {
    spec: CorpusSpec,
    created: Instant,
    polls_left: u32,
    fate: Option<Fate>,
}

/// What became of an export that will not be ready any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Gone,
    Failed,
    TooLarge,
}

/// What a poll finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Polled {
    Ready(CorpusSpec),
    NotReady,
    Gone,
    Failed,
    TooLarge,
    Unknown,
}

impl Jobs {
    pub(super) fn new(polls_until_ready: u32, side_by_side: bool) -> Jobs {
        Jobs { polls_until_ready, side_by_side, created: 0, jobs: HashMap::new() }
    }

    /// Takes an export on and returns its id, or nothing if too many are pending.
    pub(super) fn create(&mut self, spec: CorpusSpec, now: Instant) -> Option<String> {
        self.jobs.retain(|_, job| now.duration_since(job.created) < MEMORY);
        let pending = |job: &&Job| job.polls_left > 0 && job.fate.is_none() && !job.is_gone(now);
        if self.jobs.values().filter(pending).count() >= PENDING_MAX {
            return None;
        }
        let mut id = String::new();
        push_uuid(&mut Rng::of([spec.seed, u64::MAX, self.created]), &mut id);
        self.created += 1;
        let job = Job { spec, created: now, polls_left: self.polls_until_ready, fate: None };
        self.jobs.insert(id.clone(), job);
        Some(id)
    }

    /// Decides what becomes of an export.
    pub(super) fn end(&mut self, id: &str, fate: Fate) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.fate = Some(fate);
        }
    }

    /// What an export holds, if there is such a one.
    pub(super) fn spec(&self, id: &str) -> Option<CorpusSpec> {
        self.jobs.get(id).map(|job| job.spec.clone())
    }

    pub(super) fn poll(&mut self, id: &str, now: Instant) -> Polled {
        let Some(job) = self.jobs.get_mut(id) else {
            return Polled::Unknown;
        };
        if job.is_gone(now) {
            return Polled::Gone;
        }
        match job.fate {
            Some(Fate::Gone) => return Polled::Gone,
            Some(Fate::Failed) => return Polled::Failed,
            Some(Fate::TooLarge) if job.polls_left == 0 => return Polled::TooLarge,
            Some(Fate::TooLarge) | None => {}
        }
        let Some(left) = job.polls_left.checked_sub(1) else { return Polled::Ready(job.spec.clone()) };
        job.polls_left = left;
        if self.side_by_side {
            let others = self.jobs.iter_mut().filter(|(other, _)| *other != id);
            others.for_each(|(_, other)| other.polls_left = other.polls_left.saturating_sub(1));
        }
        Polled::NotReady
    }
}

impl Job {
    fn is_gone(&self, now: Instant) -> bool {
        now.duration_since(self.created) >= LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_pending_then_ready_then_gone_then_forgotten() {
        let spec = CorpusSpec::default();
        let start = Instant::now();
        let mut jobs = Jobs::new(2, false);
        let id = jobs.create(spec.clone(), start).unwrap();
        assert_eq!(jobs.poll(&id, start), Polled::NotReady);
        assert_eq!(jobs.poll(&id, start), Polled::NotReady);
        assert_eq!(jobs.poll(&id, start), Polled::Ready(spec.clone()));
        assert_eq!(jobs.poll(&id, start), Polled::Ready(spec.clone()));
        assert_eq!(jobs.poll(&id, start + LIFE), Polled::Gone);
        assert_eq!(jobs.poll("other", start), Polled::Unknown);
        let other = jobs.create(spec, start + MEMORY).unwrap();
        assert_ne!(other, id);
        assert_eq!(jobs.poll(&id, start + MEMORY), Polled::Unknown);
    }

    #[test]
    fn exports_can_be_made_side_by_side() {
        let start = Instant::now();
        for (side_by_side, second) in [(false, Polled::NotReady), (true, Polled::Ready(CorpusSpec::default()))] {
            let mut jobs = Jobs::new(2, side_by_side);
            let [one, other] = [(); 2].map(|()| jobs.create(CorpusSpec::default(), start).unwrap());
            for _ in 0..2 {
                assert_eq!(jobs.poll(&one, start), Polled::NotReady);
            }
            assert_eq!(jobs.poll(&other, start), second);
        }
    }

    #[test]
    fn an_export_can_be_lost() {
        let start = Instant::now();
        for (fate, first, then) in [
            (Fate::Gone, Polled::Gone, Polled::Gone),
            (Fate::Failed, Polled::Failed, Polled::Failed),
            (Fate::TooLarge, Polled::NotReady, Polled::TooLarge),
        ] {
            let mut jobs = Jobs::new(1, false);
            let id = jobs.create(CorpusSpec::default(), start).unwrap();
            jobs.end(&id, fate);
            assert_eq!((jobs.poll(&id, start), jobs.poll(&id, start)), (first, then));
        }
    }

    #[test]
    fn only_pending_exports_count_against_the_limit() {
        let start = Instant::now();
        let mut jobs = Jobs::new(1, false);
        let mut create = |now| jobs.create(CorpusSpec::default(), now);
        let ids: Vec<_> = (0..PENDING_MAX).map(|_| create(start).unwrap()).collect();
        assert_eq!(create(start), None);
        assert!(create(start + LIFE).is_some());
        assert_eq!(jobs.poll(&ids[0], start), Polled::NotReady);
        // That poll made it ready; but the one from a day later is pending.
        assert_eq!(jobs.create(CorpusSpec::default(), start), None);
        assert_eq!(jobs.poll(&ids[1], start), Polled::NotReady);
        assert!(jobs.create(CorpusSpec::default(), start).is_some());
    }
}
