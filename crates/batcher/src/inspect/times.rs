//! When events happened: the span, and how many a day.

use super::Span;
use std::fmt;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Days that can be told apart: from 1970 to the middle of 2149.
const DAYS_KNOWN: usize = 1 << 16;

/// Days that have counts of their own. All others are counted together.
pub(super) const DAYS_MAX: usize = 4096;

/// A time, none of which is known at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    known: u64,
    first: i64,
    last: i64,
}

impl Default for Times {
    fn default() -> Self {
        Self { known: 0, first: i64::MAX, last: i64::MIN }
    }
}

impl Times {
    #[inline]
    pub(super) fn see(&mut self, micros: i64) {
        self.known += 1;
        self.first = self.first.min(micros);
        self.last = self.last.max(micros);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.known += other.known;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    pub(super) fn span(&self) -> Span {
        let is_known = self.known > 0;
        Span {
            known: self.known,
            first_micros: is_known.then_some(self.first),
            last_micros: is_known.then_some(self.last),
        }
    }
}

/// The days that were seen, in the order in which they first came.
pub(super) struct Days {
    /// For each day since 1970, one more than its place in `seen`; 0 if it was not seen.
    places: Vec<u16>,
    seen: Vec<u16>,
}

impl Default for Days {
    fn default() -> Self {
        Self { places: vec![0; DAYS_KNOWN], seen: Vec::new() }
    }
}

impl fmt::Debug for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.fmt(out)
    }
}

impl Days {
    /// The place of a time's day; none if it is beyond all bounds.
    #[inline]
    pub(super) fn place(&mut self, micros: i64) -> Option<usize> {
        self.place_of(usize::try_from(micros.div_euclid(DAY)).ok()?)
    }

    /// The place of a day since 1970.
    #[inline]
    pub(super) fn place_of(&mut self, day: usize) -> Option<usize> {
        match *self.places.get(day)? {
            0 => self.add(day),
            place => Some(usize::from(place) - 1),
        }
    }

    #[cold]
    fn add(&mut self, day: usize) -> Option<usize> {
        if self.seen.len() == DAYS_MAX {
            return None;
        }
        self.seen.push(u16::try_from(day).ok()?);
        self.places[day] = self.seen.len() as u16;
        Some(self.seen.len() - 1)
    }

    /// The days, in the order of their places.
    pub(super) fn days(&self) -> impl Iterator<Item = usize> {
        self.seen.iter().map(|&day| day.into())
    }

    /// Whether there may have been more days.
    pub(super) fn is_full(&self) -> bool {
        self.seen.len() == DAYS_MAX
    }

    /// Counts by place, as pairs of a day (since 1970) and its count, in order.
    pub(super) fn dated(&self, counts: &[u64]) -> Vec<(u16, u64)> {
        let dated = self.seen.iter().copied().zip(counts.iter().copied());
        let mut dated: Vec<_> = dated.filter(|(_, count)| *count > 0).collect();
        dated.sort_unstable();
        dated
    }
}

/// Events by the place of their day.
#[derive(Clone, Debug, Default)]
pub(super) struct PerDay {
    pub(super) counts: Vec<u64>,
    /// Events without any time, and those of days beyond the bounds.
    pub(super) undated: u64,
}

impl PerDay {
    #[inline]
    pub(super) fn see(&mut self, place: Option<usize>) {
        match place {
            Some(place) => {
                if place >= self.counts.len() {
                    self.counts.resize(place + 1, 0);
                }
                self.counts[place] += 1;
            }
            None => self.undated += 1,
        }
    }

    /// Adds counts whose days have these places here.
    pub(super) fn add(&mut self, other: &Self, places: &[usize]) {
        self.undated += other.undated;
        for (&place, count) in places.iter().zip(&other.counts).filter(|(_, count)| **count > 0) {
            if place >= self.counts.len() {
                self.counts.resize(place + 1, 0);
            }
            self.counts[place] += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_of_utc_and_bounded() {
        let mut days = Days::default();
        for (micros, expected) in [
            (0, Some(0)),
            (DAY - 1, Some(0)),
            (DAY, Some(1)),
            (-1, None),
            (DAY * DAYS_KNOWN as i64 - 1, Some(2)),
            (DAY * DAYS_KNOWN as i64, None),
            (i64::MAX, None),
            (i64::MIN, None),
            (5, Some(0)),
        ] {
            assert_eq!(days.place(micros), expected, "{micros}");
        }
        assert_eq!(days.dated(&[7, 0, 9]), [(0, 7), (u16::MAX, 9)]);
        for day in 100..100 + DAYS_MAX as i64 {
            days.place(day * DAY);
        }
        assert_eq!(days.seen.len(), DAYS_MAX);
        assert_eq!(days.place(DAY * 60_000), None);
    }

    #[test]
    fn spans() {
        let mut times = Times::default();
        assert_eq!(times.span(), Span { known: 0, first_micros: None, last_micros: None });
        for micros in [5, -3, 9] {
            times.see(micros);
        }
        times.add(&Times::default());
        assert_eq!(times.span(), Span { known: 3, first_micros: Some(-3), last_micros: Some(9) });
    }
}
