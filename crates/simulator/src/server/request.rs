//! The body of a request for an export: validation, and what it means for the generator.

use super::{SizeMax, refusal::Refusal};
use crate::{
    catalogue,
    corpus::{CorpusSpec, Selection, Window},
};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest body.
pub(super) const BODY_BYTES_MAX: usize = 100_000;
const ATTRIBUTES_MAX: usize = 75;
const TAGS_MAX: usize = 25;
const DAY_MS: i64 = 86_400_000;
/// Three months, of 31 days each.
const WINDOW_MS_MAX: i64 = 93 * DAY_MS;
/// The window's length where `end_at` is missing.
const WINDOW_MS_DEFAULT: i64 = 7 * DAY_MS;

/// The members that the real API documents. Others are ignored: pipelines may add what is not known here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    /// Of a shape that is not documented: taken as it is.
    #[serde(rename = "segment_filter")]
    _segment_filter: Value,
    attributes: Vec<String>,
    tags: Vec<String>,
    events: Vec<String>,
    start_at: Option<String>,
    end_at: Option<String>,
}

/// Validates a body, and narrows the account's corpus to what it asks for.
pub(super) fn narrow(corpus: &CorpusSpec, body: &[u8]) -> Result<CorpusSpec, Refusal> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Refusal::too_large(format!("The body has more than {BODY_BYTES_MAX} bytes.")));
    }
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| Refusal::invalid(format!("The body is not as expected: {error}.")))?;
    check_length("attributes", &body.attributes, ATTRIBUTES_MAX)?;
    check_length("tags", &body.tags, TAGS_MAX)?;
    if body.attributes.is_empty() && body.tags.is_empty() {
        return Err(Refusal::invalid("At least one attribute or tag must be requested."));
    }
    check_ids("attributes", &body.attributes, |id| catalogue::knows_attribute(id, corpus.oddities))?;
    check_ids("tags", &body.tags, |id| catalogue::knows_tag(id, corpus.oddities))?;
    check_ids("events", &body.events, catalogue::knows_event)?;
    let window = match (&body.start_at, body.events.is_empty()) {
        (None, true) => corpus.window,
        (None, false) => return Err(Refusal::invalid("start_at is required for events.")),
        (Some(start_at), _) => window(start_at, body.end_at.as_deref())?,
    };
    let some = |ids: Vec<String>| Some(ids.into_iter().collect());
    let selection = Selection { attributes: some(body.attributes), tags: some(body.tags), events: some(body.events) };
    Ok(CorpusSpec { window, selection, ..corpus.clone() })
}

/// Whether an export is larger than the account's may be.
pub(super) fn is_too_large(spec: &CorpusSpec, max: &SizeMax) -> bool {
    let columns = |ids: &Option<BTreeSet<String>>| ids.as_ref().map_or(0, BTreeSet::len);
    let window_ms = spec.window.end_ms - spec.window.start_ms;
    (has_events(spec) && window_ms > i64::from(max.days) * DAY_MS)
        || columns(&spec.selection.attributes) + columns(&spec.selection.tags) > max.columns
}

/// Whether an export asks for events, which have a rate limit of their own.
pub(super) fn has_events(spec: &CorpusSpec) -> bool {
    spec.selection.events.as_ref().is_none_or(|events| !events.is_empty())
}

fn check_length(member: &str, ids: &[String], max: usize) -> Result<(), Refusal> {
    match ids.len() {
        len if len > max => Err(Refusal::too_large(format!("{member} has {len} ids, at most {max} are allowed."))),
        _ => Ok(()),
    }
}

fn check_ids(member: &str, ids: &[String], knows: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    match ids.iter().find(|id| !knows(id)) {
        Some(unknown) => Err(Refusal::invalid(format!("{member}: there is no version with the id {unknown:?}."))),
        None => Ok(()),
    }
}

fn window(start_at: &str, end_at: Option<&str>) -> Result<Window, Refusal> {
    let start_ms = milliseconds("start_at", start_at)?;
    let end_ms = match end_at {
        Some(end_at) => milliseconds("end_at", end_at)?,
        None => start_ms + WINDOW_MS_DEFAULT,
    };
    if end_ms <= start_ms {
        return Err(Refusal::invalid("end_at must be later than start_at."));
    }
    if end_ms - start_ms > WINDOW_MS_MAX {
        return Err(Refusal::invalid("The time between start_at and end_at is longer than three months."));
    }
    Ok(Window { start_ms, end_ms })
}

/// An ISO 8601 time, in milliseconds since the Unix epoch; without an offset it is UTC, without a time it is midnight.
fn milliseconds(member: &str, text: &str) -> Result<i64, Refusal> {
    let in_utc = || text.parse::<civil::DateTime>().and_then(|civil| TimeZone::UTC.to_timestamp(civil));
    text.parse::<Timestamp>()
        .or_else(|_| in_utc())
        .map(Timestamp::as_millisecond)
        .map_err(|_| Refusal::invalid(format!("{member} is not an ISO 8601 time: {text:?}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use serde_json::json;

    /// The status a body is refused with, or the window and the selection it gives.
    fn narrowed(body: &Value) -> Result<CorpusSpec, u16> {
        narrow(&CorpusSpec::default(), body.to_string().as_bytes()).map_err(|refusal| match refusal {
            Refusal::Service { status, .. } | Refusal::Gateway { status, .. } => StatusCode::as_u16(&status),
            other => unreachable!("{other:?} refuses no body"),
        })
    }

    fn attribute() -> &'static str {
        catalogue::STANDARD_ATTRIBUTES[0].id
    }

    fn event() -> &'static str {
        catalogue::EVENTS[0].id
    }

    fn window_of(start_at: &str, end_at: Option<&str>) -> Result<(i64, i64), u16> {
        let body = json!({"attributes": [attribute()], "events": [event()], "start_at": start_at, "end_at": end_at});
        narrowed(&body).map(|spec| (spec.window.start_ms, spec.window.end_ms))
    }

    #[test]
    fn an_export_has_what_its_request_asks_for() {
        let tag = catalogue::SECTIONS[0].tags[0].id;
        let spec =
            narrowed(&json!({"tags": [tag], "topics": ["unheard of"], "segment_filter": {"any": ["shape"]}})).unwrap();
        assert_eq!(spec.selection.attributes, Some([].into()));
        assert_eq!(spec.selection.tags, Some([tag.to_owned()].into()));
        assert_eq!(spec.window, CorpusSpec::default().window);
        assert!(!has_events(&spec));
        assert!(has_events(&CorpusSpec::default()));
    }

    #[test]
    fn everything_at_once_and_deprecated_versions_are_allowed() {
        let mut attributes: Vec<_> = catalogue::attributes().map(|attribute| attribute.id).collect();
        attributes.extend(catalogue::attributes().filter_map(|attribute| attribute.deprecated_id));
        let tags: Vec<_> = catalogue::tags().map(|tag| tag.id).collect();
        let events: Vec<_> = catalogue::EVENTS.iter().map(|event| event.id).collect();
        let body = json!({"attributes": attributes, "tags": tags, "events": events, "start_at": "2026-01-01"});
        assert!(narrowed(&body).is_ok());
    }

    #[test]
    fn windows() {
        let start = 1_767_225_600_000;
        assert_eq!(window_of("2026-01-01T00:00:00Z", None), Ok((start, start + 7 * DAY_MS)));
        assert_eq!(window_of("2026-01-01", Some("2026-01-01T00:00:00.001Z")), Ok((start, start + 1)));
        assert_eq!(window_of("2026-01-01T02:00:00+02:00", Some("2026-01-02T00:00:00")), Ok((start, start + DAY_MS)));
        assert_eq!(window_of("2026-01-01", Some("2026-04-04")), Ok((start, start + 93 * DAY_MS)));
        assert_eq!(window_of("2026-01-01", Some("2026-04-04T00:00:01Z")), Err(400));
        assert_eq!(window_of("2026-01-01", Some("2026-01-01")), Err(400));
        assert_eq!(window_of("2026-01-02", Some("2026-01-01")), Err(400));
        assert_eq!(window_of("yesterday", None), Err(400));
        assert_eq!(window_of("2026-01-01", Some("")), Err(400));
        // Jiff's last day leaves no room for the default week, which must not overflow.
        assert!(window_of("9999-12-30", None).is_ok());
    }

    #[test]
    fn refusals() {
        let many = |len: usize| vec![attribute(); len];
        assert!(narrowed(&json!({"attributes": many(75)})).is_ok());
        assert_eq!(narrowed(&json!({"attributes": many(76)})), Err(413));
        let tag = catalogue::SECTIONS[0].tags[0].id;
        assert_eq!(narrowed(&json!({"tags": vec![tag; 26]})), Err(413));
        assert_eq!(narrowed(&json!({})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [], "events": [event()], "start_at": "2026-01-01"})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [attribute()], "events": [event()]})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": ["1"]})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [attribute()], "tags": [attribute()]})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [attribute()], "events": [tag]})), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [7]})), Err(400));
        assert_eq!(narrowed(&json!([])), Err(400));
        assert_eq!(narrowed(&json!({"attributes": [attribute()], "x": "y".repeat(100_000)})), Err(413));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(narrow(&CorpusSpec::default(), b"{").is_err());
        assert!(narrow(&CorpusSpec::default(), b"").is_err());
    }
}
