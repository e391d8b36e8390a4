//! What was found, for whoever reads it: in order, with names, and with the sums that were not counted one by one.

use super::{
    EventType, Found, Section, Unmapped,
    names::Names,
    times::{Days, PerDay, Times},
};
use crate::facts::Reason;
use apsides_definitions::{Definitions, Index};
use jiff::{Span as Duration, civil};
use serde::Serialize;

/// What is in an export. Its JSON has the members as they are named here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Bytes of JSON.
    pub json_bytes: u64,
    /// What the long tables would have as rows.
    pub totals: Totals,
    /// Events that the source sent again; none if they were not counted.
    pub duplicate_events: Option<u64>,
    /// Bytes of the events' `data`.
    pub data_bytes: u64,
    /// The largest single `data`, in bytes.
    pub data_bytes_max: u64,
    /// How large profiles are.
    pub profile_sizes: Sizes,
    /// When events happened.
    pub source_event_time: Span,
    /// When the product received them.
    pub created_at: Span,
    /// The sections.
    pub sections: Vec<SectionFound>,
    /// The attributes, by section.
    pub attributes: Vec<AttributeFound>,
    /// The tags, by section.
    pub tags: Vec<TagFound>,
    /// The event types, by section.
    pub event_types: Vec<EventTypeFound>,
    /// Where values stand that no column is for.
    pub unmapped: Vec<UnmappedFound>,
    /// What was not told apart.
    pub others: Others,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Profiles.
    pub profiles: u64,
    /// Sections of all profiles.
    pub sections: u64,
    /// Attributes of all sections of all profiles.
    pub attributes: u64,
    /// Tags of all sections of all profiles.
    pub tags: u64,
    /// Events of all sections of all profiles.
    pub events: u64,
    /// Values that no column is for.
    pub unmapped: u64,
}

/// How large profiles are, as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Bytes of all profiles.
    pub bytes: u64,
    /// Bytes of the largest one.
    pub bytes_max: u64,
    /// How many have which size, from the smallest to the largest that there are, without gaps.
    pub histogram: Vec<SizeBucket>,
}

/// Profiles of about the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SizeBucket {
    /// At least so many bytes; the next bucket starts at twice as many.
    pub from_bytes: u64,
    /// Profiles of this size.
    pub profiles: u64,
}

/// A span of time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Events whose time is known.
    pub known: u64,
    /// The first of these times.
    pub first_micros: Option<i64>,
    /// The last.
    pub last_micros: Option<i64>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SectionFound {
    /// Its id.
    pub id: String,
    /// Its name, if there are definitions that know it.
    pub name: Option<String>,
    /// How often a profile has it.
    pub profiles: u64,
    /// Attributes in it.
    pub attributes: u64,
    /// Tags in it.
    pub tags: u64,
    /// Events in it.
    pub events: u64,
    /// Bytes of its events' `data`.
    pub data_bytes: u64,
}

/// An attribute of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeFound {
    /// The section.
    pub section_id: String,
    /// Its id.
    pub id: String,
    /// Its name, if there are definitions that know it.
    pub name: Option<String>,
    /// The type by definition: `text`, `boolean`, `date`, `timestamp`, `integer`, `double`, `json`.
    pub defined_type: Option<String>,
    /// Its values, by type.
    pub values: ValueCounts,
    /// How often it has no value where that makes a tag of it, since no definition says that it is an attribute.
    pub as_tag: u64,
    /// How often a profile has the section.
    pub of: u64,
}

/// Values by type, as `value_type` of the table `attributes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ValueCounts {
    /// Texts.
    pub string: u64,
    /// Whole numbers of 64 bits.
    pub integer: u64,
    /// Other numbers.
    pub double: u64,
    /// `true` or `false`.
    pub boolean: u64,
    /// Objects.
    pub object: u64,
    /// Arrays.
    pub array: u64,
    /// Nulls, or no value at all.
    pub null: u64,
}

/// A tag of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagFound {
    /// The section.
    pub section_id: String,
    /// Its id.
    pub id: String,
    /// Its name, if there are definitions that know it.
    pub name: Option<String>,
    /// How often a profile has it.
    pub tags: u64,
    /// How often a profile has the section.
    pub of: u64,
}

/// An event type of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventTypeFound {
    /// The section.
    pub section_id: String,
    /// Its id; none of events without a type.
    pub id: Option<String>,
    /// Its name, if there are definitions that know it.
    pub name: Option<String>,
    /// Its events.
    pub events: u64,
    /// Those that the source sent again; none if they were not counted.
    pub duplicates: Option<u64>,
    /// Bytes of their `data`.
    pub data_bytes: u64,
    /// The largest single one, in bytes.
    pub data_bytes_max: u64,
    /// Events without `data`.
    pub without_data: u64,
    /// When they happened.
    pub source_event_time: Span,
    /// When the product received them.
    pub created_at: Span,
    /// Events by the day (UTC) on which they happened, or else were received. Days without events are left out.
    pub days: Vec<DayCount>,
    /// Events of no day, or of days that are not told apart.
    pub other_days: u64,
}

/// The events of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayCount {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// Its events.
    pub events: u64,
}

/// Values that no column is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnmappedFound {
    /// Where they stand: a JSON Pointer with `*` for ids, and `…` for names that may be personal data.
    pub pattern: String,
    /// `unknown_member` or `type_mismatch`.
    pub reason: &'static str,
    /// How many there are.
    pub values: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is counted in the totals, but was not told apart: there was too much of it, or its id does not look like one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Others {
    /// Sections of all profiles.
    pub sections: u64,
    /// Attributes.
    pub attributes: u64,
    /// Tags.
    pub tags: u64,
    /// Events.
    pub events: u64,
    /// Values that no column is for.
    pub unmapped: u64,
}

impl ValueCounts {
    /// All values but nulls.
    pub fn values(&self) -> u64 {
        self.string + self.integer + self.double + self.boolean + self.object + self.array
    }
}

/// What was found, in order.
pub(super) fn report(
    found: Found,
    duplicates: Option<u64>,
    json_bytes: u64,
    definitions: Option<&Definitions>,
) -> Inspection {
    let index = definitions.map(Index::new);
    let mut report = Report {
        days: found.days,
        counts_duplicates: duplicates.is_some(),
        index,
        source_event_time: Times::default(),
        created_at: Times::default(),
        all: Inspection {
            json_bytes,
            totals: found.totals,
            duplicate_events: duplicates,
            data_bytes: 0,
            data_bytes_max: 0,
            profile_sizes: found.sizes.sizes(),
            source_event_time: Times::default().span(),
            created_at: Times::default().span(),
            sections: Vec::new(),
            attributes: Vec::new(),
            tags: Vec::new(),
            event_types: Vec::new(),
            unmapped: unmapped(found.unmapped),
            others: Others { unmapped: found.other_unmapped, ..Others::default() },
        },
    };
    for (id, section) in found.sections.into_sorted() {
        report.section(id, section);
    }
    let others = &mut report.all.others;
    others.sections = found.other_sections.profiles;
    others.attributes += found.other_sections.other_attributes;
    others.tags += found.other_sections.other_tags;
    report.other_events(&found.other_sections.untyped);
    report.other_events(&found.other_sections.other_events);
    Inspection {
        source_event_time: report.source_event_time.span(),
        created_at: report.created_at.span(),
        ..report.all
    }
}

struct Report<'d> {
    days: Days,
    counts_duplicates: bool,
    index: Option<Index<'d>>,
    source_event_time: Times,
    created_at: Times,
    all: Inspection,
}

impl Report<'_> {
    fn section(&mut self, id: String, section: Section) {
        let Section { profiles, entries, event_types, untyped, other_attributes, other_tags, other_events } = section;
        let of = profiles;
        let (mut attributes, mut tags) = (other_attributes, other_tags);
        for (entry_id, entry) in entries.into_sorted() {
            let [string, integer, double, boolean, object, array, null] = entry.values;
            let values = ValueCounts { string, integer, double, boolean, object, array, null };
            let rows = values.values() + null;
            attributes += rows;
            tags += entry.tags;
            if entry.tags > 0 {
                let name = self.tag_name(&entry_id);
                let (section_id, id) = (id.clone(), entry_id.clone());
                self.all.tags.push(TagFound { section_id, id, name, tags: entry.tags, of });
            }
            if rows > 0 {
                let (name, defined_type) = self.attribute(&entry_id);
                let (section_id, as_tag) = (id.clone(), entry.tags);
                let found = AttributeFound { section_id, id: entry_id, name, defined_type, values, as_tag, of };
                self.all.attributes.push(found);
            }
        }
        let types = event_types.into_sorted().into_iter().map(|(type_id, of)| (Some(type_id), of));
        let untyped = Some((None, untyped)).filter(|(_, of)| of.events > 0);
        let mut events = other_events.events;
        let mut data_bytes = other_events.data_bytes;
        for (type_id, of) in types.chain(untyped) {
            events += of.events;
            data_bytes += of.data_bytes;
            self.event_type(id.clone(), type_id, of);
        }
        self.all.others.attributes += other_attributes;
        self.all.others.tags += other_tags;
        self.other_events(&other_events);
        let name = self.index.as_ref().and_then(|index| index.section(&id)).and_then(|section| named(&section.name));
        self.all.sections.push(SectionFound { id, name, profiles, attributes, tags, events, data_bytes });
    }

    fn other_events(&mut self, of: &EventType) {
        self.all.others.events += of.events;
        self.sum(of);
    }

    fn event_type(&mut self, section_id: String, id: Option<String>, of: EventType) {
        self.sum(&of);
        let name = self.index.as_ref().zip(id.as_deref()).and_then(|(index, id)| index.event(id));
        let name = name.and_then(|(event, _)| named(&event.name));
        let (days, other_days) = days(&self.days, &of.per_day);
        self.all.event_types.push(EventTypeFound {
            section_id,
            id,
            name,
            events: of.events,
            duplicates: self.counts_duplicates.then_some(of.duplicates),
            data_bytes: of.data_bytes,
            data_bytes_max: of.data_bytes_max,
            without_data: of.without_data,
            source_event_time: of.source_event_time.span(),
            created_at: of.created_at.span(),
            days,
            other_days,
        });
    }

    fn sum(&mut self, of: &EventType) {
        self.all.data_bytes += of.data_bytes;
        self.all.data_bytes_max = self.all.data_bytes_max.max(of.data_bytes_max);
        self.source_event_time.add(&of.source_event_time);
        self.created_at.add(&of.created_at);
    }

    fn tag_name(&self, id: &str) -> Option<String> {
        named(&self.index.as_ref()?.tag(id)?.0.name)
    }

    /// The name and the type.
    fn attribute(&self, id: &str) -> (Option<String>, Option<String>) {
        let Some((attribute, version)) = self.index.as_ref().and_then(|index| index.attribute(id)) else {
            return (None, None);
        };
        (named(&attribute.name), version.value_type.map(|known| known.name().to_owned()))
    }
}

fn named(name: &str) -> Option<String> {
    Some(name).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn days(days: &Days, per_day: &PerDay) -> (Vec<DayCount>, u64) {
    let epoch = civil::date(1970, 1, 1);
    let dated = days.dated(&per_day.counts).into_iter();
    let dated = dated.map(|(day, events)| DayCount {
        // Every day that is told apart is one of the calendar's.
        day: epoch.saturating_add(Duration::new().days(i64::from(day))).to_string(),
        events,
    });
    (dated.collect(), per_day.undated)
}

fn unmapped(unmapped: Names<[Unmapped; 2]>) -> Vec<UnmappedFound> {
    let mut found = Vec::new();
    for (pattern, by_reason) in unmapped.into_sorted() {
        for (reason, Unmapped { values, bytes }) in Reason::NAMES.into_iter().zip(by_reason) {
            if values > 0 {
                found.push(UnmappedFound { pattern: pattern.clone(), reason, values, bytes });
            }
        }
    }
    found
}
