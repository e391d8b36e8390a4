//! The tables of a run, filled side by side from the facts of an export.
//!
//! The typed tables are not filled here, but made from batches of the long ones; only where their row
//! groups end is decided here, as for all. For `wide`, the batches of `attributes` and `tags` end
//! together, with a profile, or at least with a section.

use crate::{
    catalogue::Catalogue,
    error::{Error, Result},
    event::Event,
    facts::{Facts, ProfileCounts, Unplaced, Value},
    parts::{Adds, MergedColumns, MergedProfiles},
    table::{AnyTable, Attributes, BatchLimits, BatchSink, Beside, Events, Profiles, Table, Tags, Unmapped},
    typed::{InBundle, SectionList},
};

/// The tables under construction.
pub(crate) struct Tables<S> {
    sink: S,
    limits: BatchLimits,
    profiles: Table<Profiles>,
    attributes: Table<Attributes>,
    tags: Table<Tags>,
    events: Table<Events>,
    unmapped: Table<Unmapped>,
    /// What rows of `wide` are made from, if it is written and that is at hand.
    wide: Option<WideRows>,
    /// What they are made from when all parts are read, and that table.
    wide_later: Option<(MergedColumns, Catalogue)>,
    /// The tables by event type, if they are written.
    by_type: Option<(Group, Bundle)>,
    /// What of the part that is being read goes into the tables.
    adds: Adds,
    /// Where profiles are counted if there are several parts.
    merged: Option<MergedProfiles>,
}

/// The sections whose attributes and tags are in the batches under construction.
struct WideRows {
    sections: SectionList,
    group: Group,
    bundle: Bundle,
    /// The batches are to be handed on as soon as they can.
    is_due: bool,
    /// Row groups that end then.
    ends: Vec<Slot>,
}

/// The row groups under construction of typed tables.
#[derive(Default)]
struct Group {
    rows: usize,
    bytes: usize,
}

impl Group {
    /// Counts a batch; true if the row group ends with it.
    fn add(&mut self, rows: usize, bytes: usize, is_last: bool, limits: &BatchLimits) -> bool {
        self.rows += rows;
        self.bytes += bytes;
        let ends = is_last || self.rows + limits.rows > limits.group_rows || self.bytes >= limits.file_bytes;
        if ends {
            *self = Self::default();
        }
        ends
    }
}

/// The batches so far from which typed rows are made together.
#[derive(Default)]
struct Bundle {
    next: InBundle,
    rows: usize,
    bytes: usize,
}

impl Bundle {
    /// The most rows of a bundle, in relation to those of a batch: of events, each type has some of them.
    const ROWS_FACTOR: usize = 4;

    /// Counts a batch and gives its place. The bundle ends with it if it `is_last` of its typed row group, or if another
    /// one might be too much.
    fn add(&mut self, rows: usize, bytes: usize, is_last: bool, limits: &BatchLimits) -> InBundle {
        self.rows += rows;
        self.bytes += bytes;
        let is_last =
            is_last || self.rows + rows > Self::ROWS_FACTOR * limits.rows || self.bytes + bytes > limits.bundle_bytes;
        let place = InBundle { is_last, ..self.next };
        if is_last {
            *self = Self { next: InBundle { number: place.number + 1, ..InBundle::default() }, ..Self::default() };
        } else {
            self.next.place += 1;
        }
        place
    }
}

/// What has a row group under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Profiles,
    Attributes,
    Tags,
    Events,
    Unmapped,
    Wide,
    ByType,
}

impl Slot {
    /// In the order in which they end where several are as large.
    const ALL: [Self; 7] =
        [Self::Profiles, Self::Attributes, Self::Tags, Self::Events, Self::Unmapped, Self::Wide, Self::ByType];
}

impl<S: BatchSink> Tables<S> {
    pub(crate) fn new(sink: S, limits: BatchLimits, catalogue: &Catalogue) -> Self {
        let long = &catalogue.long;
        let wide = catalogue.wide.as_ref().map(|_| WideRows {
            sections: SectionList::default(),
            group: Group::default(),
            bundle: Bundle::default(),
            is_due: false,
            ends: Vec::new(),
        });
        Self {
            sink,
            limits,
            profiles: Table::new(long.profiles.clone(), limits, Profiles::default()),
            attributes: Table::new(long.attributes.clone(), limits, Attributes::new()),
            tags: Table::new(long.tags.clone(), limits, Tags::default()),
            events: Table::new(long.events.clone(), limits, Events::new()),
            unmapped: Table::new(long.unmapped.clone(), limits, Unmapped::new()),
            wide,
            wide_later: None,
            by_type: catalogue.by_type.as_ref().map(|_| <_>::default()),
            adds: Adds::All,
            merged: None,
        }
    }

    /// There are several parts: profiles have their rows at the end.
    pub(crate) fn merge(&mut self, merged: MergedProfiles) {
        self.merged = Some(merged).filter(|_| self.profiles.is_written());
    }

    /// Attributes and tags are in several parts: rows of `wide` are made when all are read.
    pub(crate) fn make_wide_later(&mut self, columns: MergedColumns, of_wide: Catalogue) {
        self.wide = None;
        self.wide_later = Some((columns, of_wide));
    }

    /// The facts to come are of a part of which only this is kept.
    pub(crate) fn begin_part(&mut self, adds: Adds) -> Result<()> {
        self.adds = adds;
        if adds == Adds::Columns && self.wide.is_some() { Err(Error::WideInParts) } else { Ok(()) }
    }

    /// What rows of `wide` are made from, if this part has any.
    fn wide(&mut self) -> Option<&mut WideRows> {
        self.wide.as_mut().filter(|_| self.adds == Adds::All)
    }

    /// What is wanted later for rows of `wide`, if this part has any of it.
    #[inline]
    fn columns(&mut self) -> Option<&mut MergedColumns> {
        self.wide_later.as_mut().map(|(columns, _)| columns).filter(|_| self.adds != Adds::Events)
    }

    fn profile(&mut self, export_key: &str, counts: ProfileCounts) -> Result<()> {
        if !self.profiles.is_written() {
            return Ok(());
        }
        let bytes = self.profiles.columns.push(export_key, counts);
        if self.profiles.row(bytes) { self.flush(Slot::Profiles) } else { Ok(()) }
    }

    /// Hands on what is left. Gives back the sink.
    pub(crate) fn finish(mut self) -> Result<S> {
        for profiles in self.merged.take().into_iter().flat_map(MergedProfiles::sums) {
            for (export_key, counts) in profiles.map_err(Error::Profiles)? {
                self.profile(&export_key, counts)?;
            }
        }
        if let Some(wide) = &mut self.wide {
            wide.ends = vec![Slot::Attributes, Slot::Tags, Slot::Wide];
            self.hand_on_pair()?;
        }
        for slot in [Slot::Profiles, Slot::Attributes, Slot::Tags, Slot::Events, Slot::Unmapped] {
            let is_paired = self.wide.is_some() && matches!(slot, Slot::Attributes | Slot::Tags);
            let of_type = slot == Slot::Events && self.by_type.as_ref().is_some_and(|(group, _)| group.rows > 0);
            if !is_paired && (self.table(slot).group_rows() > 0 || of_type) {
                self.hand_on(slot, true, true)?;
            }
        }
        let Some((columns, of_wide)) = self.wide_later else { return Ok(self.sink) };
        let mut wide = Tables::new(self.sink, self.limits, &of_wide);
        columns.tell(&mut wide)?;
        wide.finish()
    }

    /// Hands on a table's batch. If row groups have grown to their limit by that, one of them ends.
    #[cold]
    fn flush(&mut self, slot: Slot) -> Result<()> {
        let ends_group = self.is_group_full(slot);
        self.hand_on(slot, ends_group, false)?;
        self.bound_groups()
    }

    fn is_group_full(&mut self, slot: Slot) -> bool {
        let limits = self.limits;
        let this = self.table(slot);
        this.group_rows() >= limits.group_rows
            || this.group_bytes() >= limits.file_bytes
            || this.dictionary_bytes() >= limits.dictionary_bytes
    }

    /// Ends the largest row group if all of them together have grown to their limit.
    fn bound_groups(&mut self) -> Result<()> {
        let group_bytes = Slot::ALL.map(|slot| self.group_bytes(slot));
        if group_bytes.iter().sum::<usize>() < self.limits.group_bytes {
            return Ok(());
        }
        // It is the first of the largest, not the one that happens to be here.
        let largest = Slot::ALL.into_iter().rev().max_by_key(|&slot| group_bytes[slot as usize]);
        match (largest, &mut self.wide) {
            (None, _) => Ok(()),
            (Some(Slot::ByType), _) => self.hand_on(Slot::Events, false, true),
            (Some(slot @ (Slot::Attributes | Slot::Tags | Slot::Wide)), Some(wide)) => {
                wide.is_due = true;
                wide.ends.push(slot);
                Ok(())
            }
            (Some(slot), _) => self.hand_on(slot, true, false),
        }
    }

    fn group_bytes(&mut self, slot: Slot) -> usize {
        match slot {
            Slot::Wide => self.wide.as_ref().map_or(0, |wide| wide.group.bytes),
            Slot::ByType => self.by_type.as_ref().map_or(0, |(group, _)| group.bytes),
            slot => self.table(slot).group_bytes(),
        }
    }

    fn hand_on(&mut self, slot: Slot, ends_group: bool, ends_typed_group: bool) -> Result<()> {
        let rows = self.table(slot).rows();
        let mut batch = self.table(slot).take(ends_group);
        if let (Slot::Events, Some((group, bundle))) = (slot, &mut self.by_type) {
            let bytes = batch.bytes;
            batch.made_bytes = bytes;
            batch.ends_typed_group = group.add(rows, bytes, ends_typed_group, &self.limits);
            batch.in_bundle = bundle.add(rows, bytes, batch.ends_typed_group, &self.limits);
        }
        self.sink.send(batch)
    }

    /// Hands on the batches of attributes and tags, with their sections.
    #[cold]
    fn hand_on_pair(&mut self) -> Result<()> {
        let Some(wide) = &mut self.wide else { return Ok(()) };
        let ends = std::mem::take(&mut wide.ends);
        wide.is_due = false;
        let [ends_attributes, ends_tags] =
            [Slot::Attributes, Slot::Tags].map(|slot| ends.contains(&slot) || self.is_group_full(slot));
        let mut attributes = self.attributes.take(ends_attributes);
        let tags = self.tags.take(ends_tags);
        let Some(wide) = &mut self.wide else { return Ok(()) };
        let bytes = attributes.bytes + tags.bytes;
        let rows = wide.sections.len();
        let ends_wide = wide.group.add(rows, bytes, ends.contains(&Slot::Wide), &self.limits);
        attributes.in_bundle = wide.bundle.add(rows, bytes, ends_wide, &self.limits);
        let is_last = attributes.in_bundle.is_last;
        let sections = wide.sections.finish(is_last, ends_wide);
        let sections = sections.map_err(|source| Error::encode("wide", source.into()))?;
        attributes.made_bytes = bytes;
        attributes.beside = Some(Box::new(Beside { tags, sections }));
        self.sink.send(attributes)
    }

    fn table(&mut self, slot: Slot) -> &mut dyn AnyTable {
        match slot {
            Slot::Profiles => &mut self.profiles,
            Slot::Attributes | Slot::Wide => &mut self.attributes,
            Slot::Tags => &mut self.tags,
            Slot::Events | Slot::ByType => &mut self.events,
            Slot::Unmapped => &mut self.unmapped,
        }
    }

    /// The batch of attributes or tags is full: it goes as soon as it can.
    #[cold]
    fn pair_is_full(&mut self, slot: Slot) -> Result<()> {
        let Some(wide) = &mut self.wide else { return self.flush(slot) };
        wide.is_due = true;
        let limit = self.limits.section_bytes;
        if self.attributes.bytes() + self.tags.bytes() > limit {
            return Err(Error::SectionTooLarge { limit });
        }
        Ok(())
    }

    /// Hands on the batches of attributes and tags if they are due, between two sections.
    fn between_sections(&mut self) -> Result<()> {
        if self.wide.as_ref().is_some_and(|wide| wide.is_due) {
            self.hand_on_pair()?;
            self.bound_groups()?;
        }
        Ok(())
    }
}

impl<S: BatchSink> Facts for Tables<S> {
    fn begin_profile(&mut self, export_key: &str) -> Result<()> {
        self.attributes.columns.ids.export_key.set(export_key);
        self.tags.columns.ids.export_key.set(export_key);
        self.events.columns.ids.export_key.set(export_key);
        if let Some(wide) = self.wide() {
            wide.sections.begin_profile(export_key);
        }
        if let Some(merged) = &mut self.merged {
            merged.begin_profile();
        }
        Ok(())
    }

    fn begin_section(&mut self, id: &str) -> Result<()> {
        self.attributes.columns.ids.section_id.set(id);
        self.tags.columns.ids.section_id.set(id);
        self.events.columns.ids.section_id.set(id);
        let (attributes, tags) = (self.attributes.rows(), self.tags.rows());
        if let Some(wide) = self.wide() {
            wide.sections.begin(id, attributes, tags);
        }
        if let Some(columns) = self.columns() {
            columns.begin_section(id)?;
        }
        if let Some(merged) = &mut self.merged {
            merged.section(id);
        }
        Ok(())
    }

    fn begin_attributes(&mut self) -> Result<()> {
        let (attributes, tags) = (self.attributes.rows(), self.tags.rows());
        if let Some(wide) = self.wide() {
            wide.sections.begin_attributes(attributes, tags);
        }
        match self.columns() {
            Some(columns) => columns.begin_attributes(),
            None => Ok(()),
        }
    }

    #[inline]
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        if let Some(columns) = self.columns() {
            columns.attribute(id, value)?;
        }
        if (!self.attributes.is_written() && self.wide.is_none()) || self.adds == Adds::Events {
            return Ok(());
        }
        let bytes = self.attributes.columns.push(id, value);
        if self.attributes.row(bytes) { self.pair_is_full(Slot::Attributes) } else { Ok(()) }
    }

    #[inline]
    fn tag(&mut self, id: &str) -> Result<()> {
        if let Some(columns) = self.columns() {
            columns.tag(id)?;
        }
        if (!self.tags.is_written() && self.wide.is_none()) || self.adds == Adds::Events {
            return Ok(());
        }
        let bytes = self.tags.columns.ids.push(Some(id));
        if self.tags.row(bytes) { self.pair_is_full(Slot::Tags) } else { Ok(()) }
    }

    fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        if (!self.events.is_written() && self.by_type.is_none()) || self.adds == Adds::Columns {
            return Ok(());
        }
        let bytes = self.events.columns.push(ordinal, event, is_duplicate);
        if self.events.row(bytes) { self.flush(Slot::Events) } else { Ok(()) }
    }

    fn end_section(&mut self) -> Result<()> {
        let Some(wide) = self.wide.as_mut().filter(|_| self.adds == Adds::All) else { return Ok(()) };
        wide.sections.end(self.attributes.rows(), self.tags.rows());
        // A later section of the same name takes the place of an earlier one as long as that is here: until
        // the end of the profile, or until its batches take twice their room.
        let bytes = self.attributes.bytes() + self.tags.bytes();
        if bytes >= 4 * self.limits.bytes || wide.sections.len() >= 4 * self.limits.rows {
            wide.is_due = true;
            return self.between_sections();
        }
        Ok(())
    }

    fn end_profile(&mut self, export_key: &str, counts: ProfileCounts) -> Result<()> {
        if let Some(wide) = self.wide.as_mut().filter(|wide| wide.sections.len() >= self.limits.rows) {
            wide.is_due = true;
        }
        self.between_sections()?;
        if let Some(columns) = self.columns() {
            columns.end_profile(export_key)?;
        }
        let Some(merged) = &mut self.merged else { return self.profile(export_key, counts) };
        let counts = match self.adds {
            Adds::All => counts,
            Adds::Columns => ProfileCounts { events: 0, ..counts },
            Adds::Events => ProfileCounts { attributes: 0, tags: 0, ..counts },
        };
        merged.add(export_key, counts).map_err(Error::Profiles)
    }

    fn unmapped(&mut self, value: Unplaced<'_>) -> Result<()> {
        if !self.adds.has_pointer(value.pointer) {
            return Ok(());
        }
        let bytes = self.unmapped.columns.push(value);
        if self.unmapped.row(bytes) { self.flush(Slot::Unmapped) } else { Ok(()) }
    }
}
