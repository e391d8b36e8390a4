//! When a pipeline asks for which events.

use super::{export::Moment, units::Age, wrong};
use crate::{
    failure::Failure,
    schedule::{Schedule as Windows, WINDOWS_MAX},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::num::NonZeroUsize;

/// The shortest window.
const EVERY_MIN: SignedDuration = SignedDuration::from_mins(1);
/// The most windows of one run, where the pipeline does not say.
pub(super) const WINDOWS_PER_RUN: usize = 31;
/// The most snapshots of profiles. The manifest and the views name each of their files.
const SNAPSHOTS_MAX: usize = 1_000;

/// Events window by window: each run asks for those that are missing, or of which events may have come late.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    /// Where the first window begins.
    start: Moment,
    /// The length of each window. Default: 1d.
    every: Option<Age>,
    /// How long events may be late: windows are asked for again, and replaced, until then. Default: 0s.
    lookback: Option<Age>,
    /// How long after its end a window is asked for. Default: 0s.
    lag: Option<Age>,
    /// The most windows of one run; those that are left are the next one's. Default: 31.
    windows_per_run: Option<NonZeroUsize>,
    /// How many snapshots of profiles stay, one of each window's time, in folders `snapshot=…` if it is more than one.
    /// Default: 1.
    keep_snapshots: Option<NonZeroUsize>,
}

impl Schedule {
    pub(super) fn into_windows(self, now: Timestamp) -> Result<Windows, Failure> {
        let span = |name: &str, span: Option<Age>, default: SignedDuration| match span {
            None => Ok(default),
            Some(span) => {
                SignedDuration::try_from(span.0).map_err(|_| wrong(&format!("[schedule] `{name}` is too long")))
            }
        };
        let windows = Windows {
            start: self.start.0,
            every: span("every", self.every, SignedDuration::from_hours(24))?,
            lookback: span("lookback", self.lookback, SignedDuration::ZERO)?,
            lag: span("lag", self.lag, SignedDuration::ZERO)?,
            windows_per_run: self.windows_per_run.map_or(WINDOWS_PER_RUN, NonZeroUsize::get),
            keep_snapshots: self.keep_snapshots.unwrap_or(NonZeroUsize::MIN),
        };
        if windows.keep_snapshots.get() > SNAPSHOTS_MAX {
            return Err(wrong(&format!("[schedule] `keep_snapshots` is more than {SNAPSHOTS_MAX}")));
        }
        if windows.every < EVERY_MIN || windows.every.subsec_nanos() > 0 {
            return Err(wrong("[schedule] `every` is less than a minute, or not of whole seconds"));
        }
        if windows.start.subsec_nanosecond() != 0 {
            return Err(wrong("[schedule] `start` is not a whole second"));
        }
        let count = windows.count_until(now);
        if count > WINDOWS_MAX {
            let message = format!(
                "[schedule] has {count} windows until now; {WINDOWS_MAX} are possible: let them start later, or be longer"
            );
            return Err(wrong(&message));
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read() {
        let now = "2026-03-01T05:00:00Z".parse().expect("a time");
        let read = |text: &str| {
            let schedule: Schedule = toml::from_str(text).map_err(|error| error.message().to_owned())?;
            let windows = schedule.into_windows(now).map_err(|failure| failure.to_string())?;
            let hours = [windows.every, windows.lookback, windows.lag].map(|span| span.as_secs_f64() / 3600.0);
            Ok::<_, String>((hours, windows.windows_per_run, windows.keep_snapshots.get()))
        };
        for (text, expected) in [
            ("start = '2026-01-01'", Some(([24.0, 0.0, 0.0], 31, 1))),
            (
                "start = '2026-01-01'\nevery = '1h'\nlookback = '3d'\nlag = '15m'\nwindows_per_run = 7\nkeep_snapshots = 9",
                Some(([1.0, 72.0, 0.25], 7, 9)),
            ),
            ("start = '2026-01-01'\nkeep_snapshots = 0", None),
            ("start = '2026-01-01'\nkeep_snapshots = 1001", None),
            ("every = '1d'", None),
            ("start = '2026-01-01'\nevery = '59s'", None),
            ("start = '2026-01-01'\nevery = '0s'", None),
            ("start = '2026-01-01'\nwindows_per_run = 0", None),
            ("start = '1970-01-01'\nevery = '1h'", None),
            ("start = '2026-01-01'\nevry = '1h'", None),
        ] {
            assert_eq!(read(text).ok(), expected, "{text}: {:?}", read(text));
        }
    }
}
