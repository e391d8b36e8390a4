//! What a pipeline asks the API for.

use super::wrong;
use crate::{args::moment, failure::Failure};
use apsides_fetcher::ExportSpec;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::path::PathBuf;

/// What the export is to hold: ids, discriminators, names and patterns.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    /// Only profiles of this segment.
    segment: Option<String>,
    /// By display name, discriminator, version id or pattern.
    #[serde(default)]
    attributes: Vec<String>,
    /// By display name, discriminator, version id or pattern.
    #[serde(default)]
    tags: Vec<String>,
    /// By display name, discriminator, version id or pattern.
    #[serde(default)]
    events: Vec<String>,
    /// Which versions a name stands for. Default: the live ones.
    #[serde(default)]
    pub(super) versions: VersionsName,
    /// The time of the events.
    #[serde(default)]
    window: Window,
    /// Members added to the body of the request as they are.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, serde_json::Value>"))]
    extra: toml::Table,
    /// A JSON Pointer to the poll URL in the answer to the request.
    poll_url_pointer: Option<String>,
    /// Where downloads are kept as they come.
    pub(super) keep_raw: Option<PathBuf>,
    /// A download goes to a temporary file before it is read.
    #[serde(default)]
    pub(super) spool: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionsName {
    #[default]
    Live,
    All,
}

/// The time of the events.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Window {
    /// The start.
    start: Option<Moment>,
    /// The end.
    end: Option<Moment>,
    /// So many whole days of UTC before the day of the run.
    last_days: Option<u16>,
}

impl Export {
    /// What an export is asked for; where a schedule says when, without a window.
    pub(super) fn into_spec(self, now: Timestamp, is_scheduled: bool) -> Result<ExportSpec, Failure> {
        if self.attributes.is_empty() && self.tags.is_empty() {
            return Err(wrong("[export] asks for no attribute and no tag, so that no profile would show up"));
        }
        let (start_at, end_at) = self.window.bounds(now)?;
        match (is_scheduled, self.events.is_empty(), start_at.or(end_at)) {
            (true, _, Some(_)) => {
                return Err(wrong("[export.window] and [schedule] both say which events; leave one out"));
            }
            (true, true, _) => return Err(wrong("[schedule] is for events, but [export] asks for none")),
            (false, false, _) if start_at.is_none() => {
                let wanted = "neither `start` nor `last_days`, and there is no [schedule]";
                return Err(wrong(&format!("[export] asks for events, but [export.window] has {wanted}")));
            }
            _ => {}
        }
        let extra = serde_json::to_value(self.extra).map_err(|error| wrong(&format!("[export.extra]: {error}")))?;
        Ok(ExportSpec {
            segment_filter: self.segment,
            attributes: self.attributes,
            tags: self.tags,
            events: self.events,
            start_at,
            end_at,
            extra: extra.as_object().cloned().unwrap_or_default(),
            poll_url_pointer: self.poll_url_pointer,
        })
    }
}

impl Window {
    fn bounds(&self, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
        let (start, end) = (self.start.map(|start| start.0), self.end.map(|end| end.0));
        match (self.last_days, start, end) {
            (Some(days @ 1..), None, None) => {
                let today = now.to_zoned_datetime(TimeZone::UTC).start_of_day();
                let today = today.map_err(|error| wrong(&error.to_string()))?.timestamp();
                Ok((Some(today - SignedDuration::from_hours(24 * i64::from(days))), Some(today)))
            }
            (Some(0), ..) => Err(wrong("[export.window] `last_days` is 0; it is at least 1")),
            (Some(_), ..) => Err(wrong("[export.window] has `last_days` and also `start` or `end`")),
            (None, Some(start), Some(end)) if start >= end => Err(wrong("[export.window] ends before it starts")),
            (None, start, end) => Ok((start, end)),
        }
    }
}

/// An instant, written as `2026-01-31T00:00:00Z` or as a date, which starts in UTC.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Moment(#[cfg_attr(test, schemars(with = "String"))] pub(super) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        moment(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_days_or_what_is_said() {
        let now = "2026-03-01T05:00:00Z".parse().expect("a time");
        let bounds = |text: &str| {
            let window: Window = toml::from_str(text).expect(text);
            let time = |bound: Option<Timestamp>| bound.map_or("-".to_owned(), |bound| bound.to_string());
            window.bounds(now).map(|(start, end)| format!("{} {}", time(start), time(end))).ok()
        };
        for (text, expected) in [
            ("", Some("- -")),
            ("last_days = 1", Some("2026-02-28T00:00:00Z 2026-03-01T00:00:00Z")),
            ("last_days = 30", Some("2026-01-30T00:00:00Z 2026-03-01T00:00:00Z")),
            ("start = '2026-01-01'", Some("2026-01-01T00:00:00Z -")),
            (
                "start = '2026-01-01'\nend = '2026-01-02T03:00:00+01:00'",
                Some("2026-01-01T00:00:00Z 2026-01-02T02:00:00Z"),
            ),
            ("start = '2026-01-02'\nend = '2026-01-02'", None),
            ("last_days = 0", None),
            ("last_days = 1\nend = '2026-01-02'", None),
        ] {
            assert_eq!(bounds(text).as_deref(), expected, "{text}");
        }
    }
}
