//! Which windows of time a scheduled run has to do. Nothing is remembered but what is published: a window is due if it
//! is not there, or if what is there was asked for before all of its late events can have come.
//!
//! ```text
//!          start    every
//!            ├────────┼────────┼────────┼────────┼──▶
//! end of a window:    │◀─ lag ─▶ asked for first
//!                     │◀─ lag ─▶◀──── lookback ────▶ asked for the last time
//! ```
//!
//! So an outage of any length is made up for by the next runs, and a run that is started twice has nothing to do.

use apsides_batcher::{Extent, Kept, Window};
use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use serde::Serialize;
use std::{collections::HashMap, fmt, num::NonZeroUsize};

/// The most windows that a schedule may have had until now: more are a slip of `start` or `every`.
pub(crate) const WINDOWS_MAX: i64 = 100_000;

/// What time it is for a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    ahead: SignedDuration,
}

impl Clock {
    /// One that shows this time now, or else the real one.
    pub(crate) fn of(now: Option<Timestamp>) -> Self {
        Self { ahead: now.map_or(SignedDuration::ZERO, |now| now.duration_since(Timestamp::now())) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }
}

/// A pipeline's windows. All of them begin `every` after the one before, and end where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Where the first one begins.
    pub(crate) start: Timestamp,
    /// How long each is: at least a minute, in whole seconds.
    pub(crate) every: SignedDuration,
    /// How long events may be late.
    pub(crate) lookback: SignedDuration,
    /// How long after its end a window is asked for.
    pub(crate) lag: SignedDuration,
    /// The most windows of one run.
    pub(crate) windows_per_run: usize,
    /// How many snapshots of profiles there are at most.
    pub(crate) keep_snapshots: NonZeroUsize,
}

/// A window's bounds: its first moment, and the first after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Bounds {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl From<&Window> for Bounds {
    fn from(window: &Window) -> Self {
        Self { start: window.start, end: window.end }
    }
}

impl fmt::Display for Bounds {
    /// How a window is called: a day by its date.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [start, end] = [self.start, self.end].map(|moment| moment.to_zoned_datetime(TimeZone::UTC));
        let are_days = start.time() == Time::midnight() && end.time() == Time::midnight();
        let format = if are_days { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" };
        write!(out, "{}", start.strftime(format))?;
        match are_days && self.end.duration_since(self.start).as_hours() == 24 {
            true => Ok(()),
            false => write!(out, " to {}", end.strftime(format)),
        }
    }
}

/// A window that is to be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Due {
    #[serde(flatten)]
    pub(crate) bounds: Bounds,
    pub(crate) why: Why,
}

/// Why a window is to be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Why {
    /// It is not there yet.
    New,
    /// Events may have come late.
    Late,
    /// Somebody asked for it.
    Asked,
}

impl Why {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Late => "late events",
            Self::Asked => "asked for",
        }
    }
}

impl Schedule {
    /// What is replaced by how profiles are now. Of those that stay there is one of each window's time, so that a run that is
    /// made again replaces its own.
    pub(crate) fn snapshot(&self, asked_at: Timestamp) -> Extent {
        let kept = Kept { origin: self.start, every: self.every, number: self.keep_snapshots };
        let kept = Some(kept).filter(|kept| kept.number > NonZeroUsize::MIN);
        Extent::Snapshot { asked_at, kept }
    }

    /// The windows that are due, by time.
    pub(crate) fn due(&self, published: &[Window], now: Timestamp) -> Vec<Due> {
        let known = by_bounds(published);
        let ended = self.windows().take_while(|bounds| self.is_after(now, bounds.end, self.lag));
        let due = ended.filter_map(|bounds| {
            let why = match known.get(&bounds) {
                None => Why::New,
                Some(asked_at) if self.may_be_late(bounds, *asked_at, now) => Why::Late,
                Some(_) => return None,
            };
            Some(Due { bounds, why })
        });
        due.collect()
    }

    /// Whether events may have come that an export asked for at `asked_at` cannot have, so that it is time for another:
    /// once in each `every` while there is more to come, and for the last time when there is not.
    fn may_be_late(&self, bounds: Bounds, asked_at: Timestamp, now: Timestamp) -> bool {
        let settled = |moment| self.is_after(moment, bounds.end, self.lag.saturating_add(self.lookback));
        // Half of it, since runs do not start to the second.
        !settled(asked_at) && (settled(now) || self.is_after(now, asked_at, self.every / 2))
    }

    /// Whether a moment is at least so long after another.
    fn is_after(&self, moment: Timestamp, other: Timestamp, by: SignedDuration) -> bool {
        moment.duration_since(other) >= by
    }

    /// Until when all events are there: the end of the last window that is, without a gap since the start.
    pub(crate) fn watermark(&self, published: &[Window]) -> Option<Timestamp> {
        let known = by_bounds(published);
        self.windows().take_while(|bounds| known.contains_key(bounds)).last().map(|bounds| bounds.end)
    }

    /// When the next window is due, if nothing is now.
    pub(crate) fn next_due(&self, published: &[Window]) -> Option<Timestamp> {
        let known = by_bounds(published);
        let new = self.windows().find(|bounds| !known.contains_key(bounds));
        new.and_then(|bounds| bounds.end.checked_add(self.lag).ok())
    }

    /// The windows that lie within these bounds, the last of them one that has ended.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp, now: Timestamp) -> Vec<Due> {
        let until = to.min(now);
        let windows = self.windows().skip_while(|bounds| bounds.start < from);
        let windows = windows.take_while(|bounds| bounds.end <= until);
        windows.map(|bounds| Due { bounds, why: Why::Asked }).collect()
    }

    /// How many windows there have been until a moment.
    pub(crate) fn count_until(&self, moment: Timestamp) -> i64 {
        moment.duration_since(self.start).as_secs() / self.every.as_secs().max(1)
    }

    /// All windows, from the first one on.
    fn windows(&self) -> impl Iterator<Item = Bounds> {
        let every = self.every;
        let mut next = Some(self.start);
        std::iter::from_fn(move || {
            let start = next?;
            next = start.checked_add(every).ok();
            Some(Bounds { start, end: next? })
        })
    }
}

/// When each window was asked for.
fn by_bounds(published: &[Window]) -> HashMap<Bounds, Timestamp> {
    published.iter().map(|window| (window.into(), window.asked_at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}:00Z") };
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Of a day each, from the first of January on, a part of an hour after midnight.
    fn daily(lookback_days: i64) -> Schedule {
        Schedule {
            start: at("2026-01-01"),
            every: SignedDuration::from_hours(24),
            lookback: SignedDuration::from_hours(24 * lookback_days),
            lag: SignedDuration::from_mins(30),
            windows_per_run: 31,
            keep_snapshots: NonZeroUsize::MIN,
        }
    }

    fn day(day: i64) -> Bounds {
        let start = at("2026-01-01") + SignedDuration::from_hours(24 * (day - 1));
        Bounds { start, end: start + SignedDuration::from_hours(24) }
    }

    fn published(day_of_month: i64, asked_at: &str) -> Window {
        let Bounds { start, end } = day(day_of_month);
        Window { start, end, asked_at: at(asked_at) }
    }

    /// Days of the month, `+` for new ones and `~` for those with late events.
    fn shown(due: &[Due]) -> String {
        let shown = due.iter().map(|due| {
            let sign = if due.why == Why::New { '+' } else { '~' };
            format!("{sign}{}", (due.bounds.start.duration_since(at("2026-01-01")).as_hours() / 24) + 1)
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn windows_are_due_when_they_have_ended_and_until_they_are_settled() {
        let two = [published(1, "2026-01-02T02:00"), published(2, "2026-01-03T02:00")];
        let again = [1, 2].map(|day| published(day, "2026-01-03T02:00"));
        for (name, lookback, there, now, expected) in [
            ("nothing has ended", 0, &two[..0], "2026-01-02T00:29", ""),
            ("the first has", 0, &two[..0], "2026-01-02T00:30", "+1"),
            ("all since the start", 0, &two[..0], "2026-01-04T02:00", "+1 +2 +3"),
            ("what is there is not due", 0, &two, "2026-01-04T02:00", "+3"),
            ("a gap is filled", 0, &two[1..], "2026-01-04T02:00", "+1 +3"),
            ("a second run in a night", 3, &again, "2026-01-03T03:00", ""),
            ("late events", 3, &two, "2026-01-04T02:00", "~1 ~2 +3"),
            ("the runs are not on the second", 3, &two, "2026-01-04T01:59", "~1 ~2 +3"),
            ("the last time for the first", 3, &two, "2026-01-05T00:30", "~1 ~2 +3 +4"),
            ("after an outage", 3, &two, "2026-01-12T02:00", "~1 ~2 +3 +4 +5 +6 +7 +8 +9 +10 +11"),
            (
                "settled",
                3,
                &[published(1, "2026-01-05T00:30")],
                "2026-01-20",
                "+2 +3 +4 +5 +6 +7 +8 +9 +10 +11 +12 +13 +14 +15 +16 +17 +18",
            ),
        ] {
            assert_eq!(shown(&daily(lookback).due(there, at(now))), expected, "{name}");
        }
    }

    #[test]
    fn the_watermark_is_before_the_first_gap() {
        let days = |days: &[i64]| days.iter().map(|&day| published(day, "2026-02-01")).collect::<Vec<_>>();
        for (there, watermark, next) in [
            (days(&[]), None, "2026-01-02T00:30"),
            (days(&[1, 2]), Some("2026-01-03"), "2026-01-04T00:30"),
            (days(&[1, 3]), Some("2026-01-02"), "2026-01-03T00:30"),
            (days(&[2, 3]), None, "2026-01-02T00:30"),
        ] {
            assert_eq!(daily(0).watermark(&there), watermark.map(at), "{there:?}");
            assert_eq!(daily(0).next_due(&there), Some(at(next)), "{there:?}");
        }
    }

    #[test]
    fn windows_of_a_span_are_those_that_lie_in_it() {
        for (from, to, now, expected) in [
            ("2026-01-02", "2026-01-04", "2026-02-01", vec![day(2), day(3)]),
            ("2026-01-02T00:01", "2026-01-04T23:59", "2026-02-01", vec![day(3)]),
            ("2025-01-01", "2026-01-02", "2026-02-01", vec![day(1)]),
            ("2026-01-02", "2026-01-10", "2026-01-03T12:00", vec![day(2)]),
            ("2026-01-02", "2026-01-02", "2026-02-01", vec![]),
        ] {
            let due = daily(0).within(at(from), at(to), at(now));
            assert_eq!(due.iter().map(|due| due.bounds).collect::<Vec<_>>(), expected, "{from} {to}");
        }
    }

    #[test]
    fn windows_have_short_names() {
        for (start, end, expected) in [
            ("2026-01-31", "2026-02-01", "2026-01-31"),
            ("2026-01-26", "2026-02-02", "2026-01-26 to 2026-02-02"),
            ("2026-01-31T06:00", "2026-01-31T07:00", "2026-01-31T06:00:00Z to 2026-01-31T07:00:00Z"),
            ("2026-01-31T06:00", "2026-02-01T06:00", "2026-01-31T06:00:00Z to 2026-02-01T06:00:00Z"),
        ] {
            assert_eq!(Bounds { start: at(start), end: at(end) }.to_string(), expected);
        }
    }

    #[test]
    fn hours_are_windows_too() {
        let hourly = Schedule { every: SignedDuration::from_hours(1), ..daily(0) };
        assert_eq!(hourly.due(&[], at("2026-01-01T03:30")).len(), 3);
        assert_eq!(hourly.count_until(at("2026-01-02")), 24);
    }

    #[test]
    fn of_several_snapshots_there_is_one_of_each_window() {
        let [one, several] = [1, 3].map(|number| NonZeroUsize::new(number).expect("some"));
        let schedule = |keep_snapshots| Schedule { keep_snapshots, ..daily(0) };
        let asked_at = at("2026-01-03T02:00");
        assert_eq!(schedule(one).snapshot(asked_at), Extent::snapshot(asked_at));
        let kept = Kept { origin: at("2026-01-01"), every: schedule(several).every, number: several };
        assert_eq!(schedule(several).snapshot(asked_at), Extent::Snapshot { asked_at, kept: Some(kept) });
    }
}
