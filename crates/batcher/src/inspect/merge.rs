//! What was found in one slice of an export, added to what was found in those before it.

use super::{Entry, EventType, Found, Rooms, Section, Totals, Unmapped, times::Days};

impl Rooms {
    /// Whether there may have been more than could be told apart.
    pub(super) fn is_any_full(&self) -> bool {
        [self.sections, self.entries, self.event_types, self.patterns].iter().any(|room| room.0 == 0)
    }
}

impl Found {
    /// Adds what is in the next slice. False if that is too much to be told apart; then some of it is missing.
    pub(super) fn add(&mut self, other: Self, rooms: &mut Rooms) -> bool {
        let Self { totals, sections, other_sections, days, sizes, unmapped, other_unmapped } = other;
        let Some(places) = self.days.places_of(&days) else { return false };
        self.totals.add(totals);
        self.sizes.add(&sizes);
        self.other_unmapped += other_unmapped;
        let mut fits = self.other_sections.add(other_sections, &places, &mut Rooms::default());
        for (id, section) in sections.into_counters() {
            fits &= match self.sections.get_any(&id, &mut rooms.sections) {
                Some(known) => known.add(section, &places, rooms),
                None => false,
            };
        }
        for (pattern, found) in unmapped.into_counters() {
            fits &= match self.unmapped.get_any(&pattern, &mut rooms.patterns) {
                Some(known) => {
                    known.iter_mut().zip(found).for_each(|(known, found)| known.add(found));
                    true
                }
                None => false,
            };
        }
        fits
    }
}

impl Section {
    fn add(&mut self, other: Self, places: &[usize], rooms: &mut Rooms) -> bool {
        let Self { profiles, entries, event_types, untyped, other_attributes, other_tags, other_events } = other;
        self.profiles += profiles;
        self.other_attributes += other_attributes;
        self.other_tags += other_tags;
        self.untyped.add(&untyped, places);
        self.other_events.add(&other_events, places);
        let mut fits = true;
        for (id, entry) in entries.into_counters() {
            match self.entries.get_any(&id, &mut rooms.entries) {
                Some(known) => known.add(&entry),
                None => fits = false,
            }
        }
        for (id, of) in event_types.into_counters() {
            match self.event_types.get_any(&id, &mut rooms.event_types) {
                Some(known) => known.add(&of, places),
                None => fits = false,
            }
        }
        fits
    }
}

impl Entry {
    fn add(&mut self, other: &Self) {
        self.values.iter_mut().zip(other.values).for_each(|(values, more)| *values += more);
        self.tags += other.tags;
    }
}

impl EventType {
    /// `places` are those of the other's days.
    fn add(&mut self, other: &Self, places: &[usize]) {
        self.events += other.events;
        self.duplicates += other.duplicates;
        self.data_bytes += other.data_bytes;
        self.data_bytes_max = self.data_bytes_max.max(other.data_bytes_max);
        self.without_data += other.without_data;
        self.source_event_time.add(&other.source_event_time);
        self.created_at.add(&other.created_at);
        self.per_day.add(&other.per_day, places);
    }
}

impl Unmapped {
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.bytes += other.bytes;
    }
}

impl Totals {
    fn add(&mut self, other: Self) {
        let Self { profiles, sections, attributes, tags, events, unmapped } = other;
        self.profiles += profiles;
        self.sections += sections;
        self.attributes += attributes;
        self.tags += tags;
        self.events += events;
        self.unmapped += unmapped;
    }
}

impl Days {
    /// The places here of the other's days; none if that is too many.
    fn places_of(&mut self, other: &Self) -> Option<Vec<usize>> {
        // A day that found no place in the other is not known here.
        let all = other.days().map(|day| self.place_of(day)).collect::<Option<Vec<_>>>();
        all.filter(|_| !self.is_full() && !other.is_full())
    }
}
