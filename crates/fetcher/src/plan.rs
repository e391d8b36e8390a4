//! One export in several, where the API does not make it in one: windows of at most three months, and at most 75
//! attributes and 25 tags. Parts that turn out to be too large are cut in half, and the plan goes on.
//!
//! ```text
//! part     attributes, tags      events of       what of it is wanted
//! first    the first 75, 25      first window    all
//! columns  the next 75, 25       none            attributes, tags
//! events   one, as it must be    next window     events
//! ```
//!
//! Windows are half-open: each begins where the one before has ended. An event at the very moment of that would come
//! twice, should the API count the end of a window to it.

use crate::{Client, Error, ExportSpec, Poll, Ready, Result};
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use std::{collections::VecDeque, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument;

/// What the API allows in one export.
pub(crate) const ATTRIBUTES_MAX: usize = 75;
pub(crate) const TAGS_MAX: usize = 25;
const MONTHS_MAX: i32 = 3;
/// What the API takes for the end of a window that has none.
const WINDOW_DEFAULT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What a part adds to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adds {
    /// All that is in it: it is the first.
    All,
    /// Its attributes and tags.
    Columns,
    /// Its events. Its attribute or tag is there only because the API demands one.
    Events,
}

/// One export of several that together are what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What to ask for.
    pub spec: ExportSpec,
    /// What of it is wanted.
    pub adds: Adds,
}

/// Cuts what is asked for into parts that the API makes. The first one has all; for a small export there is no other.
pub fn parts(spec: &ExportSpec) -> Result<Vec<Part>> {
    let mut attributes = spec.attributes.chunks(ATTRIBUTES_MAX);
    let mut tags = spec.tags.chunks(TAGS_MAX);
    let mut windows = match (spec.events.is_empty(), spec.start_at) {
        (false, Some(start)) => windows(start, spec.end_at)?,
        _ => vec![(spec.start_at, spec.end_at)],
    }
    .into_iter();
    let mut next = || (attributes.next(), tags.next());
    let ids = |ids: Option<&[String]>| ids.unwrap_or_default().to_vec();
    let (first_attributes, first_tags) = next();
    let (start_at, end_at) = windows.next().unwrap_or_default();
    let first =
        ExportSpec { attributes: ids(first_attributes), tags: ids(first_tags), start_at, end_at, ..spec.clone() };
    let mut parts = vec![Part { spec: first.clone(), adds: Adds::All }];
    loop {
        let (attributes, tags) = next();
        if attributes.is_none() && tags.is_none() {
            break;
        }
        let (attributes, tags) = (ids(attributes), ids(tags));
        let events = Vec::new();
        let (start_at, end_at) = (None, None);
        parts.push(Part {
            spec: ExportSpec { attributes, tags, events, start_at, end_at, ..spec.clone() },
            adds: Adds::Columns,
        });
    }
    parts.extend(windows.map(|(start_at, end_at)| {
        let spec = ExportSpec { start_at, end_at, ..first.with_one_column() };
        Part { spec, adds: Adds::Events }
    }));
    Ok(parts)
}

impl ExportSpec {
    /// The same export with as few columns as the API allows, for its events.
    pub fn with_one_column(&self) -> Self {
        let attributes: Vec<_> = self.attributes.iter().take(1).cloned().collect();
        let tags = self.tags.iter().take(1 - attributes.len()).cloned().collect();
        Self { attributes, tags, ..self.clone() }
    }
}

type Window = (Option<Timestamp>, Option<Timestamp>);

fn windows(start: Timestamp, end: Option<Timestamp>) -> Result<Vec<Window>> {
    let beyond = |_| Error::EventWindow { start: start.to_string(), end: "(beyond time)".into() };
    let end = end.map_or_else(|| start.checked_add(WINDOW_DEFAULT).map_err(beyond), Ok)?;
    let mut windows = Vec::new();
    let mut from = start;
    while from < end {
        let zoned = from.to_zoned_datetime(TimeZone::UTC);
        let until = zoned.checked_add(MONTHS_MAX.months()).map_or(end, |zoned| zoned.timestamp().min(end));
        windows.push((Some(from), Some(until)));
        from = until;
    }
    if windows.is_empty() {
        Err(Error::EventWindow { start: start.to_string(), end: end.to_string() })
    } else {
        Ok(windows)
    }
}

impl Part {
    /// The same in two, unless it is too small for that: first by its window, then by its columns.
    fn halves(&self, window_min: Duration) -> Option<[Part; 2]> {
        let Self { spec, adds } = self;
        let window_min = SignedDuration::try_from(window_min).unwrap_or(SignedDuration::MAX);
        if let (false, Some(start), Some(end)) = (spec.events.is_empty(), spec.start_at, spec.end_at)
            && end.duration_since(start) > window_min
        {
            let middle = start.as_second().midpoint(end.as_second());
            let middle = Timestamp::from_second(middle).ok().filter(|middle| start < *middle && *middle < end)?;
            let earlier = ExportSpec { end_at: Some(middle), ..spec.clone() };
            let later = ExportSpec { start_at: Some(middle), ..spec.with_one_column() };
            return Some([Part { spec: earlier, adds: *adds }, Part { spec: later, adds: Adds::Events }]);
        }
        // A part for events has one column, and no fewer.
        if *adds == Adds::Events || spec.attributes.len() + spec.tags.len() < 2 {
            return None;
        }
        let (attributes, more_attributes) = spec.attributes.split_at(spec.attributes.len().div_ceil(2));
        let (tags, more_tags) = spec.tags.split_at(spec.tags.len() / 2);
        let one = ExportSpec { attributes: attributes.to_vec(), tags: tags.to_vec(), ..spec.clone() };
        let other = ExportSpec {
            attributes: more_attributes.to_vec(),
            tags: more_tags.to_vec(),
            events: Vec::new(),
            start_at: None,
            end_at: None,
            ..spec.clone()
        };
        Some([Part { spec: one, adds: *adds }, Part { spec: other, adds: Adds::Columns }])
    }
}

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting {
    /// The part that is waited for, from 1 on.
    pub part: usize,
    /// The parts there are, as far as is known.
    pub parts: usize,
    /// The poll that found nothing.
    pub poll: Poll,
}

/// A part whose export is ready.
#[derive(Debug)]
pub struct PartReady {
    /// What was asked for.
    pub part: Part,
    /// Its export.
    pub ready: Ready,
    /// What the parts that follow add. Should some be too large, there are more of them, which add no other things. After the
    /// last part there are none.
    pub left: Vec<Adds>,
}

/// The exports of a plan, as they become ready, in order. While one is downloaded, the next is asked for and waited for.
pub struct Exports {
    ready: mpsc::Receiver<Result<PartReady>>,
    task: JoinHandle<()>,
}

impl Exports {
    pub(crate) fn start(client: Client, parts: Vec<Part>, mut observer: impl FnMut(Waiting) + Send + 'static) -> Self {
        // One is with the consumer, one waits in the task for its place.
        let (sender, ready) = mpsc::channel(1);
        let task = async move {
            let mut parts = VecDeque::from(parts);
            let mut done = 0;
            while let Some(part) = parts.pop_front() {
                // Waited for only when there is a place, so that its day does not run out unused. It may have been asked
                // for before: see `ahead`.
                let Ok(place) = sender.reserve().await else { return };
                let (number, all) = (done + 1, done + parts.len() + 1);
                // The export is filled in once there is one.
                let span = tracing::error_span!("part", part = number, export = tracing::field::Empty);
                let ready = client.export(&part.spec, |poll| observer(Waiting { part: number, parts: all, poll }));
                let ready = ready.instrument(span).await;
                let ready = match ready {
                    Err(error) if error.wants_less() => {
                        let Some([one, other]) = part.halves(client.http().limits.window_min) else {
                            return place.send(Err(error));
                        };
                        tracing::warn!(%error, part = number, "too large: asking for it in two parts");
                        parts.push_front(other);
                        parts.push_front(one);
                        continue;
                    }
                    ready => ready,
                };
                done += 1;
                let failed = ready.is_err();
                let left = parts.iter().map(|part| part.adds).collect();
                place.send(ready.map(|ready| PartReady { part, ready, left }));
                if failed {
                    return;
                }
            }
        };
        let task = tokio::spawn(task.in_current_span());
        Self { ready, task }
    }

    /// The next export that is ready; none if that was the last.
    pub async fn next(&mut self) -> Option<Result<PartReady>> {
        self.ready.recv().await
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|id| id.to_string()).collect()
    }

    fn spec(attributes: usize, tags: usize, window: Option<(&str, Option<&str>)>) -> ExportSpec {
        ExportSpec {
            attributes: ids(attributes),
            tags: ids(tags),
            events: window.map(|_| "e".to_owned()).into_iter().collect(),
            start_at: window.map(|(start, _)| start.parse().unwrap()),
            end_at: window.and_then(|(_, end)| end).map(|end| end.parse().unwrap()),
            ..ExportSpec::default()
        }
    }

    fn shown(parts: &[Part]) -> Vec<String> {
        let day = |at: Option<Timestamp>| at.map_or("-".into(), |at| at.to_string().replace("T00:00:00Z", ""));
        let shown = |Part { spec, adds }: &Part| {
            let (attributes, tags, events) = (spec.attributes.len(), spec.tags.len(), spec.events.len());
            format!("{adds:?} {attributes}+{tags} {events} {} {}", day(spec.start_at), day(spec.end_at))
        };
        parts.iter().map(shown).collect()
    }

    #[test]
    fn an_export_is_cut_into_what_the_api_makes() {
        for (attributes, tags, window, expected) in [
            (3, 1, None, vec!["All 3+1 0 - -"]),
            (75, 25, Some(("2026-01-01T00:00:00Z", None)), vec!["All 75+25 1 2026-01-01 2026-01-08"]),
            (
                1,
                0,
                Some(("2026-01-01T00:00:00Z", Some("2026-04-01T00:00:00Z"))),
                vec!["All 1+0 1 2026-01-01 2026-04-01"],
            ),
            (
                5,
                2,
                Some(("2025-11-30T00:00:00Z", Some("2026-06-01T00:00:00Z"))),
                vec![
                    "All 5+2 1 2025-11-30 2026-02-28",
                    "Events 1+0 1 2026-02-28 2026-05-28",
                    "Events 1+0 1 2026-05-28 2026-06-01",
                ],
            ),
            (
                80,
                60,
                Some(("2026-01-01T00:00:00Z", Some("2026-05-01T00:00:00Z"))),
                vec![
                    "All 75+25 1 2026-01-01 2026-04-01",
                    "Columns 5+25 0 - -",
                    "Columns 0+10 0 - -",
                    "Events 1+0 1 2026-04-01 2026-05-01",
                ],
            ),
            (
                0,
                2,
                Some(("2026-01-01T00:00:00Z", Some("2026-05-01T00:00:00Z"))),
                vec!["All 0+2 1 2026-01-01 2026-04-01", "Events 0+1 1 2026-04-01 2026-05-01"],
            ),
        ] {
            assert_eq!(shown(&parts(&spec(attributes, tags, window)).unwrap()), expected);
        }
        let backwards = spec(1, 0, Some(("2026-01-02T00:00:00Z", Some("2026-01-01T00:00:00Z"))));
        assert!(parts(&backwards).is_err());
    }

    #[test]
    fn what_is_too_large_is_halved_by_time_and_then_by_columns() {
        let window_min = Duration::from_secs(24 * 3600);
        let halves = |part: &Part| part.halves(window_min).map(|halves| shown(&halves));
        let part = |spec, adds| Part { spec, adds };
        let days = |end| Some(("2026-01-01T00:00:00Z", Some(end)));
        for (part, expected) in [
            (
                part(spec(5, 2, days("2026-01-03T00:00:00Z")), Adds::All),
                Some(["All 5+2 1 2026-01-01 2026-01-02", "Events 1+0 1 2026-01-02 2026-01-03"]),
            ),
            (
                part(spec(5, 2, days("2026-01-02T00:00:00Z")), Adds::All),
                Some(["All 3+1 1 2026-01-01 2026-01-02", "Columns 2+1 0 - -"]),
            ),
            (part(spec(1, 0, days("2026-01-02T00:00:00Z")), Adds::All), None),
            (part(spec(1, 0, days("2026-01-02T00:00:00Z")), Adds::Events), None),
            (part(spec(1, 1, None), Adds::Columns), Some(["Columns 1+0 0 - -", "Columns 0+1 0 - -"])),
            (part(spec(0, 3, None), Adds::All), Some(["All 0+1 0 - -", "Columns 0+2 0 - -"])),
            (part(spec(0, 1, None), Adds::Columns), None),
        ] {
            assert_eq!(halves(&part), expected.map(|halves| halves.map(str::to_owned).to_vec()));
        }
    }
}
