//! What is in an export, counted while it streams by: no table is built, no text decoded, and nothing kept but ids,
//! counts and times.
//!
//! ```
//! use apsides_batcher::{InspectOptions, Progress, inspect};
//! let export = r#"{"k": {"sections": {"1203": {"attributes": {"40103": {"value": "a@b"}, "40226": {"value": null}}}}}}"#;
//! let found = inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default())?;
//! assert_eq!((found.totals.profiles, found.totals.attributes, found.totals.tags), (1, 1, 1));
//! # Ok::<(), apsides_batcher::Error>(())
//! ```

mod merge;
mod names;
mod pattern;
mod report;
mod sizes;
mod slices;
mod times;

pub use report::{
    AttributeFound, DayCount, EventTypeFound, Inspection, Others, SectionFound, SizeBucket, Sizes, Span, TagFound,
    Totals, UnmappedFound, ValueCounts,
};
pub use slices::inspect_slices;

use crate::{
    duplicates::Seen,
    error::Result,
    event::Event,
    export::{Export, Findings, Top},
    facts::{Facts, ProfileCounts, Unplaced, Value, ValueType},
    progress::Progress,
};
use apsides_definitions::Definitions;
use apsides_tokenizer::{Limits, Tokens};
use names::{Names, Room};
use pattern::pattern;
use sizes::ProfileSizes;
use std::{collections::HashSet, io::Read, thread};
use times::{Days, PerDay, Times};

/// How an export is inspected. Every bound of memory is here.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// Ids that are attributes even where their value is null, which else marks a tag.
    pub attribute_ids: HashSet<String>,
    /// What the ids stand for, where that is known. Its attributes are attributes even where their value is null.
    pub definitions: Option<Definitions>,
    /// Whether events that the source sent again are counted. It takes about a quarter as long again. Default: no.
    pub duplicates: bool,
    /// Bounds of the tokenizer.
    pub limits: Limits,
    /// Sections that are told apart; others are counted together. Default 1,000.
    pub sections_max: usize,
    /// Attributes and tags of all sections that are told apart; others are counted together. Default 10,000.
    pub entries_max: usize,
    /// Event types of all sections that are told apart; others are counted together. Default 1,000.
    pub event_types_max: usize,
    /// Kinds of places of values without a column that are told apart; others are counted together. Default 1,000.
    pub patterns_max: usize,
    /// Events of one profile that are remembered in memory to find repetitions; beyond that, in a temporary file.
    /// Default 1.5 Mi.
    pub duplicates_in_memory: usize,
    /// Threads that read an export which is at hand whole. Default: as many as there are processors, but no more than 8.
    pub threads: usize,
    /// Bytes of a slice of it that are worth a thread. Default 8 MiB.
    pub slice_bytes: u64,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            attribute_ids: HashSet::new(),
            definitions: None,
            duplicates: false,
            limits: Limits::default(),
            sections_max: 1_000,
            entries_max: 10_000,
            event_types_max: 1_000,
            patterns_max: 1_000,
            duplicates_in_memory: 3 << 19,
            threads: thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX),
            slice_bytes: 8 << 20,
        }
    }
}

/// The most threads, if nobody says otherwise: each takes some MiB.
const THREADS_MAX: usize = 8;

impl InspectOptions {
    /// Those of one of so many slices.
    fn of_slice(&self, slices: usize) -> Self {
        Self { duplicates_in_memory: self.duplicates_in_memory / slices, ..self.clone() }
    }
}

/// Reads an export to its end and tells what is in it: in ids, counts and times, never values or export keys.
pub fn inspect(mut input: impl Read, options: &InspectOptions, progress: &Progress) -> Result<Inspection> {
    // From here on nothing is generic over the input, so that the hot code is compiled here.
    let input: &mut dyn Read = &mut input;
    if options.duplicates {
        Reading::<true>::new(input, options, progress).map(|reading| reading.report(progress.bytes(), options))
    } else {
        Reading::<false>::new(input, options, progress).map(|reading| reading.report(progress.bytes(), options))
    }
}

/// What was read of an export, or of a slice of it.
struct Reading<const DUPLICATES: bool> {
    inspector: Inspector<DUPLICATES>,
    findings: Findings,
    top: Top,
}

impl<const DUPLICATES: bool> Reading<DUPLICATES> {
    /// Reads to the end.
    fn new(input: &mut dyn Read, options: &InspectOptions, progress: &Progress) -> Result<Self> {
        let mut attribute_ids = options.attribute_ids.clone();
        let defined = options.definitions.iter().flat_map(|definitions| &definitions.attributes);
        attribute_ids.extend(defined.flat_map(|attribute| &attribute.versions).map(|version| version.id.clone()));
        let tokens = Tokens::with_limits(input, options.limits);
        let seen = Seen::new(options.duplicates_in_memory);
        let export = Export::new(tokens, Inspector::new(options), seen, &attribute_ids, progress);
        let (inspector, findings, top) = export.read_with_top()?;
        Ok(Self { inspector, findings, top })
    }

    /// Adds what is in the next slice; false if that is too much to be told apart.
    fn add(&mut self, next: Self) -> bool {
        self.findings.add(next.findings);
        self.inspector.found.add(next.inspector.found, &mut self.inspector.rooms)
    }

    /// What is in so many bytes of JSON.
    fn report(self, bytes: u64, options: &InspectOptions) -> Inspection {
        let duplicates = DUPLICATES.then_some(self.findings.duplicate_events);
        report::report(self.inspector.found, duplicates, bytes, options.definitions.as_ref())
    }
}

/// Counts the facts of an export.
struct Inspector<const DUPLICATES: bool> {
    found: Found,
    rooms: Rooms,
    /// For sections that are not told apart: what is in them is not, either.
    no_rooms: Rooms,
    /// The place of the section being read, if it is one of those told apart.
    section: Option<usize>,
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Found {
    totals: Totals,
    sections: Names<Section>,
    /// Of the sections that are not told apart.
    other_sections: Section,
    days: Days,
    sizes: ProfileSizes,
    unmapped: Names<[Unmapped; 2]>,
    other_unmapped: u64,
}

/// How much more may be told apart.
#[derive(Debug, Default)]
struct Rooms {
    sections: Room,
    entries: Room,
    event_types: Room,
    patterns: Room,
}

#[derive(Debug, Default)]
struct Section {
    profiles: u64,
    entries: Names<Entry>,
    event_types: Names<EventType>,
    /// Events without a type.
    untyped: EventType,
    other_attributes: u64,
    other_tags: u64,
    other_events: EventType,
}

/// An attribute or a tag: which, its values tell.
#[derive(Debug, Default)]
struct Entry {
    /// By the numbers of their types.
    values: [u64; ValueType::NAMES.len()],
    tags: u64,
}

#[derive(Debug, Default)]
struct EventType {
    events: u64,
    duplicates: u64,
    data_bytes: u64,
    data_bytes_max: u64,
    without_data: u64,
    source_event_time: Times,
    created_at: Times,
    per_day: PerDay,
}

#[derive(Clone, Copy, Debug, Default)]
struct Unmapped {
    values: u64,
    bytes: u64,
}

impl<const DUPLICATES: bool> Inspector<DUPLICATES> {
    fn new(options: &InspectOptions) -> Self {
        let rooms = Rooms {
            sections: Room(options.sections_max),
            entries: Room(options.entries_max),
            event_types: Room(options.event_types_max),
            patterns: Room(options.patterns_max),
        };
        Self { found: Found::default(), rooms, no_rooms: Rooms::default(), section: None }
    }

    /// The section being read.
    #[inline(always)]
    fn section(&mut self) -> (&mut Section, &mut Rooms) {
        match self.section {
            Some(place) => (self.found.sections.at(place), &mut self.rooms),
            None => (&mut self.found.other_sections, &mut self.no_rooms),
        }
    }
}

impl<const DUPLICATES: bool> Facts for Inspector<DUPLICATES> {
    const WANTS_TEXT: bool = DUPLICATES;

    fn begin_section(&mut self, id: &str) -> Result<()> {
        self.section = self.found.sections.slot(id, &mut self.rooms.sections);
        self.section().0.profiles += 1;
        Ok(())
    }

    #[inline]
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        let (section, rooms) = self.section();
        match section.entries.get(id, &mut rooms.entries) {
            Some(entry) => entry.values[value.value_type() as usize] += 1,
            None => section.other_attributes += 1,
        }
        Ok(())
    }

    #[inline]
    fn tag(&mut self, id: &str) -> Result<()> {
        let (section, rooms) = self.section();
        match section.entries.get(id, &mut rooms.entries) {
            Some(entry) => entry.tags += 1,
            None => section.other_tags += 1,
        }
        Ok(())
    }

    #[inline]
    fn event(&mut self, _: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        let place = event.source_event_time.or(event.created_at).and_then(|micros| self.found.days.place(micros));
        let (section, rooms) = self.section();
        let of = match event.type_id.get() {
            Some(id) => section.event_types.get(id, &mut rooms.event_types).unwrap_or(&mut section.other_events),
            None => &mut section.untyped,
        };
        of.events += 1;
        of.duplicates += u64::from(is_duplicate);
        match event.data_bytes.or(event.data.get().map(|data| data.len() as u64)) {
            Some(bytes) => {
                of.data_bytes += bytes;
                of.data_bytes_max = of.data_bytes_max.max(bytes);
            }
            None => of.without_data += 1,
        }
        if let Some(micros) = event.source_event_time {
            of.source_event_time.see(micros);
        }
        if let Some(micros) = event.created_at {
            of.created_at.see(micros);
        }
        of.per_day.see(place);
        Ok(())
    }

    fn end_profile(&mut self, _: &str, counts: ProfileCounts) -> Result<()> {
        let found = &mut self.found;
        found.totals.profiles += 1;
        found.totals.sections += u64::try_from(counts.sections).unwrap_or_default();
        found.totals.attributes += u64::try_from(counts.attributes).unwrap_or_default();
        found.totals.tags += u64::try_from(counts.tags).unwrap_or_default();
        found.totals.events += u64::try_from(counts.events).unwrap_or_default();
        found.sizes.see(counts.bytes);
        Ok(())
    }

    fn unmapped(&mut self, value: Unplaced<'_>) -> Result<()> {
        let found = &mut self.found;
        found.totals.unmapped += 1;
        let pattern = pattern(value.pointer, value.export_key.is_some());
        match found.unmapped.get_any(&pattern, &mut self.rooms.patterns) {
            Some(unmapped) => {
                let unmapped = &mut unmapped[value.reason as usize];
                unmapped.values += 1;
                unmapped.bytes += value.value.len() as u64;
            }
            None => found.other_unmapped += 1,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
