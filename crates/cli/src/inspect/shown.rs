//! What the terminal and the page have in common: shares, times, and events by day.

use apsides_batcher::{AttributeFound, DayCount, EventTypeFound, Inspection, Span, ValueCounts};
use jiff::{Timestamp, Unit, civil::Date};
use std::{collections::HashMap, hash::Hash};

/// A share for people, which is 0 and 100 only if it is exactly that.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match part as f64 * 100.0 / whole.max(1) as f64 {
        _ if part == 0 => "0 %".to_owned(),
        _ if part >= whole => "100 %".to_owned(),
        share if share < 1.0 => "<1 %".to_owned(),
        share if share > 99.0 => ">99 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

/// A time in UTC, to the second.
pub(super) fn time(micros: Option<i64>) -> String {
    match micros.map(Timestamp::from_microsecond) {
        Some(Ok(time)) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Some(Err(_)) => "beyond the calendar".to_owned(),
        None => String::new(),
    }
}

/// A day in UTC.
pub(super) fn day(micros: Option<i64>) -> String {
    time(micros).split(' ').next().unwrap_or_default().to_owned()
}

/// When events were, in words.
pub(super) fn span(span: &Span) -> String {
    match span.known {
        0 => "unknown".to_owned(),
        _ => format!("{} to {}", time(span.first_micros), time(span.last_micros)),
    }
}

/// When the events of a type happened, or else were received.
pub(super) fn span_of(found: &EventTypeFound) -> &Span {
    if found.source_event_time.known > 0 { &found.source_event_time } else { &found.created_at }
}

/// How many attributes were told apart without a value: null, or taken for a tag.
pub(super) fn nulls(found: &AttributeFound) -> u64 {
    found.values.null + found.as_tag
}

/// The types of an attribute's values and how many have them, the most frequent first.
pub(super) fn types(values: &ValueCounts) -> Vec<(&'static str, u64)> {
    let ValueCounts { string, integer, double, boolean, object, array, null: _ } = *values;
    let mut types = vec![
        ("string", string),
        ("integer", integer),
        ("double", double),
        ("boolean", boolean),
        ("object", object),
        ("array", array),
    ];
    types.retain(|(_, count)| *count > 0);
    types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    types
}

/// The same with each attribute, tag and event type once, whatever sections it is in: people think of them so.
pub(super) fn by_id(found: &Inspection) -> Inspection {
    let attributes = merged(
        &found.attributes,
        |of| (of.id.clone(), &mut of.section_id),
        |all, of| {
            all.values = sum(all.values, of.values);
            all.as_tag += of.as_tag;
            all.of += of.of;
        },
    );
    let tags = merged(
        &found.tags,
        |of| (of.id.clone(), &mut of.section_id),
        |all, of| {
            all.tags += of.tags;
            all.of += of.of;
        },
    );
    let event_types = merged(
        &found.event_types,
        |of| (of.id.clone(), &mut of.section_id),
        |all, of| {
            all.events += of.events;
            all.duplicates = all.duplicates.zip(of.duplicates).map(|(a, b)| a + b);
            all.data_bytes += of.data_bytes;
            all.data_bytes_max = all.data_bytes_max.max(of.data_bytes_max);
            all.without_data += of.without_data;
            all.source_event_time = joined(all.source_event_time, of.source_event_time);
            all.created_at = joined(all.created_at, of.created_at);
            all.days.extend(of.days.iter().cloned());
            all.other_days += of.other_days;
        },
    );
    Inspection { attributes, tags, event_types, ..found.clone() }
}

/// Rows of the same id as one, in the order in which the ids come first. The section of what is in several is how many.
fn merged<T: Clone, K: Eq + Hash>(
    rows: &[T],
    parts: impl Fn(&mut T) -> (K, &mut String),
    add: impl Fn(&mut T, &T),
) -> Vec<T> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut all: Vec<(T, usize)> = Vec::new();
    for row in rows {
        let mut row = row.clone();
        let place = *places.entry(parts(&mut row).0).or_insert(all.len());
        match all.get_mut(place) {
            Some((sum, sections)) => {
                add(sum, &row);
                *sections += 1;
                *parts(sum).1 = format!("{sections} sections");
            }
            None => all.push((row, 1)),
        }
    }
    all.into_iter().map(|(row, _)| row).collect()
}

fn sum(a: ValueCounts, b: ValueCounts) -> ValueCounts {
    ValueCounts {
        string: a.string + b.string,
        integer: a.integer + b.integer,
        double: a.double + b.double,
        boolean: a.boolean + b.boolean,
        object: a.object + b.object,
        array: a.array + b.array,
        null: a.null + b.null,
    }
}

fn joined(a: Span, b: Span) -> Span {
    Span {
        known: a.known + b.known,
        first_micros: [a.first_micros, b.first_micros].into_iter().flatten().min(),
        last_micros: [a.last_micros, b.last_micros].into_iter().flatten().max(),
    }
}

/// The days of all events, in bars of one or more days.
pub(super) struct Timeline {
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) days_per_bar: i64,
    bars: usize,
}

impl Timeline {
    /// With as many bars as there are days, or at most so many; none if no day is known.
    pub(super) fn new(found: &Inspection, bars_max: usize) -> Option<Self> {
        let days = || found.event_types.iter().flat_map(|of| &of.days).filter_map(|count| date(&count.day));
        let (first, last) = (days().min()?, days().max()?);
        let days = days_between(first, last) + 1;
        let days_per_bar = days.div_euclid(bars_max as i64) + i64::from(days.rem_euclid(bars_max as i64) > 0);
        let bars = usize::try_from((days - 1) / days_per_bar + 1).ok()?;
        Some(Self { first, last, days_per_bar, bars })
    }

    /// Events by bar.
    pub(super) fn bars(&self, days: &[DayCount]) -> Vec<u64> {
        let mut bars = vec![0; self.bars];
        for count in days {
            let bar = date(&count.day).map(|day| days_between(self.first, day) / self.days_per_bar);
            if let Some(bar) = bar.and_then(|bar| bars.get_mut(usize::try_from(bar).ok()?)) {
                *bar += count.events;
            }
        }
        bars
    }

    /// The first day of a bar.
    pub(super) fn day(&self, bar: usize) -> Date {
        let days = jiff::Span::new().days(bar as i64 * self.days_per_bar);
        self.first.saturating_add(days)
    }
}

fn date(day: &str) -> Option<Date> {
    day.parse().ok()
}

fn days_between(first: Date, last: Date) -> i64 {
    first.until((Unit::Day, last)).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_batcher::{InspectOptions, Progress, inspect};

    #[test]
    fn shares_for_people() {
        for (part, whole, expected) in [
            (0, 0, "0 %"),
            (0, 5, "0 %"),
            (5, 5, "100 %"),
            (1, 1000, "<1 %"),
            (999, 1000, ">99 %"),
            (1, 3, "33 %"),
            (990, 1000, "99 %"),
        ] {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn the_most_frequent_type_is_first() {
        let values = |string, integer| ValueCounts { string, integer, null: 9, ..ValueCounts::default() };
        for (values, expected) in [
            (values(0, 0), vec![]),
            (values(3, 0), vec![("string", 3)]),
            (values(1, 3), vec![("integer", 3), ("string", 1)]),
        ] {
            assert_eq!(types(&values), expected);
        }
    }

    #[test]
    fn what_several_sections_have_is_there_once() {
        let section = |id: u32| {
            format!(
                r#""{id}":{{"attributes":{{"7":{{"value":{id}}},"20":{{}}}},"events":[{{"typeId":9,"createdAt":{id}}},{{}}]}}"#
            )
        };
        let export = format!(
            r#"{{"k":{{"sections":{{{},{},"3":{{"attributes":{{"8":{{"value":""}}}}}}}}}}}}"#,
            section(1),
            section(2)
        );
        let found = inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        let all = by_id(&found);
        let attributes: Vec<_> =
            all.attributes.iter().map(|of| (&*of.section_id, &*of.id, of.values.values(), of.of)).collect();
        assert_eq!(attributes, [("2 sections", "7", 2, 2), ("3", "8", 1, 1)]);
        let tags: Vec<_> = all.tags.iter().map(|of| (&*of.section_id, &*of.id, of.tags)).collect();
        assert_eq!(tags, [("2 sections", "20", 2)]);
        let events: Vec<_> =
            all.event_types.iter().map(|of| (of.id.as_deref(), of.events, of.created_at.last_micros)).collect();
        assert_eq!(events, [(Some("9"), 2, Some(2000)), (None, 2, None)]);
        let timeline = Timeline::new(&all, 10).expect("a day");
        assert_eq!(timeline.bars(&all.event_types[0].days), [2]);
    }

    #[test]
    fn bars_are_of_one_day_or_more() {
        let export =
            r#"{"k":{"sections":{"1":{"events":[{"createdAt":0},{"createdAt":86400000},{"createdAt":864000000}]}}}}"#;
        let found = inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        let days = &found.event_types[0].days;
        for (bars_max, expected, last) in [
            (11, vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], "1970-01-11"),
            (10, vec![2, 0, 0, 0, 0, 1], "1970-01-11"),
            (1, vec![3], "1970-01-01"),
        ] {
            let timeline = Timeline::new(&found, bars_max).expect("days");
            assert_eq!(timeline.bars(days), expected);
            assert_eq!(timeline.day(expected.len() - 1).to_string(), last);
        }
        let none = inspect("{}".as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        assert!(Timeline::new(&none, 10).is_none());
    }

    #[test]
    fn times_are_of_utc() {
        for (micros, expected) in [
            (None, ""),
            (Some(0), "1970-01-01 00:00:00"),
            (Some(-1), "1969-12-31 23:59:59"),
            (Some(i64::MAX), "beyond the calendar"),
        ] {
            assert_eq!(time(micros), expected);
        }
    }
}
