//! Shards: several machines do the windows of a schedule, each its share, which `apsides commit` publishes.

use crate::{
    failure::{Exit, Failure},
    run::Job,
    schedule::{Bounds, Schedule},
    shutdown::Shutdown,
};
use apsides_batcher::{Commit, Destination, Extent, Manifest, Options, Shard, Window, look_beside};
use jiff::Timestamp;

/// The part of a schedule that one of several machines does.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) shard: Shard,
    /// Where it is to be published.
    pub(crate) destination: Destination,
    /// What is published there.
    pub(crate) published: Option<Manifest>,
}

impl Share {
    /// The job of a shard, with what it is a share of: its tables go to a destination of their own.
    async fn of(job: Job, shard: Shard, shutdown: &Shutdown) -> Result<(Job, Self), Failure> {
        if job.schedule.is_none() {
            let failure =
                Failure::new(Exit::Configuration, "the pipeline has no [schedule], so there are no windows to share");
            return Err(failure.next("leave --shard out, or add [schedule]; docs/schedules.md tells how"));
        }
        // What would only show when all is made and to be published.
        let extent = Extent::snapshot(Timestamp::now());
        let look = look_beside(&job.destination, job.options.commit, &extent);
        let published = shutdown.or_interrupted(look).await??;
        let schema = published.as_ref().and_then(|manifest| manifest.typed.clone());
        let destination = job.destination.shard(shard);
        // Its files are told in logs where they are published.
        let with_statistics = job.options.commit == Commit::Delta;
        let options = Options { commit: Commit::Manifest, with_statistics, schema, ..job.options };
        let share = Self { shard, destination: job.destination, published };
        Ok((Job { destination, options, ..job }, share))
    }

    /// The job as it is, or that of a shard.
    pub(crate) async fn of_any(
        job: Job,
        shard: Option<Shard>,
        shutdown: &Shutdown,
    ) -> Result<(Job, Option<Self>), Failure> {
        match shard {
            None => Ok((job, None)),
            Some(shard) => Self::of(job, shard, shutdown).await.map(|(job, share)| (job, Some(share))),
        }
    }

    /// Whether a window is its to do.
    pub(crate) fn has(&self, schedule: &Schedule, bounds: Bounds) -> bool {
        // Windows begin at the start of the schedule or after it.
        let number = schedule.count_until(bounds.start);
        u64::try_from(number).is_ok_and(|number| self.shard.has(number))
    }

    /// Whether it is its to tell how profiles are.
    pub(crate) fn has_snapshot(&self) -> bool {
        self.shard.number() == 0
    }

    /// The windows that are published, or made by this shard, each as it was asked for last.
    pub(crate) fn windows(&self, made: Option<&Manifest>) -> Vec<Window> {
        let mut windows = made.map_or_else(Vec::new, |manifest| manifest.windows.clone());
        for window in self.published.iter().flat_map(|manifest| &manifest.windows) {
            match windows.iter_mut().find(|other| Bounds::from(&**other) == window.into()) {
                Some(made) => made.asked_at = made.asked_at.max(window.asked_at),
                None => windows.push(*window),
            }
        }
        windows
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::SignedDuration;
    use std::num::NonZeroUsize;

    pub(crate) fn at(day: i64, hour: i64) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        start + SignedDuration::from_hours(24 * (day - 1) + hour)
    }

    pub(crate) fn window(day: i64, asked: i64) -> Window {
        Window { start: at(day, 0), end: at(day + 1, 0), asked_at: at(asked, 2) }
    }

    pub(crate) fn manifest(snapshot: Option<i64>, windows: &[(i64, i64)]) -> Manifest {
        let windows = windows.iter().map(|&(day, asked)| window(day, asked)).collect();
        Manifest { snapshot: snapshot.map(|day| at(day, 2)), windows, ..Manifest::nothing("test") }
    }

    #[test]
    fn a_share_knows_what_is_published_and_what_it_has_made() {
        let share = Share {
            shard: "1/3".parse().expect("a shard"),
            destination: Destination::Folder("out".into()),
            published: Some(manifest(None, &[(1, 5), (2, 5)])),
        };
        let made = manifest(None, &[(2, 9), (5, 9)]);
        let mut windows = share.windows(Some(&made));
        windows.sort_by_key(|window| window.start);
        assert_eq!(windows, [window(1, 5), window(2, 9), window(5, 9)]);
        let schedule = Schedule {
            start: at(1, 0),
            every: SignedDuration::from_hours(24),
            lookback: SignedDuration::ZERO,
            lag: SignedDuration::ZERO,
            windows_per_run: 31,
            keep_snapshots: NonZeroUsize::MIN,
        };
        let has: Vec<_> = (1..=7).filter(|&day| share.has(&schedule, (&window(day, 9)).into())).collect();
        assert_eq!(has, [2, 5]);
    }
}
