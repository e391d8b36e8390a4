//! The tables of a run, filled side by side from the facts of an export.

use crate::{
    catalogue::Catalogue,
    error::{Error, Result},
    event::Event,
    facts::{Facts, ProfileCounts, Reason, Value},
    table::{AnyTable, Attributes, BatchLimits, BatchSink, Events, Profiles, Table, Tags, Unmapped},
    typed::{Misfit, Wide},
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
    wide: Table<Wide>,
    /// Its row group is to end with the profile.
    wide_group_is_full: bool,
    by_type: ByType,
    /// Values that no column of the typed tables is for.
    without_column: u64,
}

/// The tables by event type. They are made from the batches of events by those who encode; here is
/// decided where their row groups end.
#[derive(Default)]
struct ByType {
    are_written: bool,
    group_rows: usize,
    group_bytes: usize,
}

/// The tables that are filled here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Profiles,
    Attributes,
    Tags,
    Events,
    Unmapped,
    Wide,
}

impl Part {
    const ALL: [Self; 6] = [Self::Profiles, Self::Attributes, Self::Tags, Self::Events, Self::Unmapped, Self::Wide];
}

impl<S: BatchSink> Tables<S> {
    pub(crate) fn new(sink: S, limits: BatchLimits, catalogue: &Catalogue) -> Self {
        let long = &catalogue.long;
        let wide = Wide::new(catalogue.wide.as_ref());
        Self {
            sink,
            limits,
            profiles: Table::new(long.profiles.clone(), limits, Profiles::default()),
            attributes: Table::new(long.attributes.clone(), limits, Attributes::new()),
            tags: Table::new(long.tags.clone(), limits, Tags::default()),
            events: Table::new(long.events.clone(), limits, Events::new()),
            unmapped: Table::new(long.unmapped.clone(), limits, Unmapped::new()),
            wide: Table::new(wide.table(), wide.limits(limits), wide),
            wide_group_is_full: false,
            by_type: ByType { are_written: catalogue.by_type.is_some(), ..ByType::default() },
            without_column: 0,
        }
    }

    /// Hands on what is left. Gives back the sink, and how many values had no column in the typed
    /// tables.
    pub(crate) fn finish(mut self) -> Result<(S, u64)> {
        for part in Part::ALL {
            let is_open = self.table(part).group_rows() > 0 && self.is_wanted(part);
            if is_open || (part == Part::Events && self.by_type.group_rows > 0) {
                self.hand_on(part, Ends { group: true, typed_group: true })?;
            }
        }
        Ok((self.sink, self.without_column))
    }

    fn is_wanted(&self, part: Part) -> bool {
        match part {
            Part::Profiles => self.profiles.is_written(),
            Part::Attributes => self.attributes.is_written(),
            Part::Tags => self.tags.is_written(),
            Part::Events => self.events.is_written() || self.by_type.are_written,
            Part::Unmapped => self.unmapped.is_written(),
            Part::Wide => self.wide.is_written(),
        }
    }

    /// Hands on a table's batch. If row groups have grown to their limit by that, one of them ends.
    #[cold]
    fn flush(&mut self, part: Part) -> Result<()> {
        let limits = self.limits;
        let this = self.table(part);
        let ends_group = this.group_rows() >= limits.group_rows
            || this.group_bytes() >= limits.file_bytes
            || this.dictionary_bytes() >= limits.dictionary_bytes;
        self.hand_on(part, Ends { group: ends_group, typed_group: false })?;
        let group_bytes = Part::ALL.map(|part| self.table(part).group_bytes());
        let typed_bytes = self.by_type.group_bytes;
        if group_bytes.iter().sum::<usize>() + typed_bytes < limits.group_bytes {
            return Ok(());
        }
        // It is the first of the largest, not the one that happens to be here.
        let largest = Part::ALL.into_iter().rev().max_by_key(|&part| group_bytes[part as usize]);
        match largest {
            // Its last row may be under construction; the group ends with the profile.
            Some(Part::Wide) if group_bytes[Part::Wide as usize] >= typed_bytes => {
                self.wide_group_is_full = true;
                Ok(())
            }
            Some(part) if group_bytes[part as usize] >= typed_bytes => {
                self.hand_on(part, Ends { group: true, typed_group: false })
            }
            _ => self.hand_on(Part::Events, Ends { group: false, typed_group: true }),
        }
    }

    fn hand_on(&mut self, part: Part, ends: Ends) -> Result<()> {
        let limits = self.limits;
        let table = self.table(part);
        let finished = table.finish(ends.group).map_err(|source| Error::encode(table.name(), source.into()));
        let mut batch = finished?;
        if part == Part::Events && self.by_type.are_written {
            let by_type = &mut self.by_type;
            by_type.group_rows += batch.records.num_rows();
            by_type.group_bytes += batch.bytes;
            batch.ends_typed_group = ends.typed_group
                || by_type.group_rows + limits.rows > limits.group_rows
                || by_type.group_bytes >= limits.file_bytes;
            if batch.ends_typed_group {
                (by_type.group_rows, by_type.group_bytes) = (0, 0);
            }
        }
        self.sink.send(batch)
    }

    fn table(&mut self, part: Part) -> &mut dyn AnyTable {
        match part {
            Part::Profiles => &mut self.profiles,
            Part::Attributes => &mut self.attributes,
            Part::Tags => &mut self.tags,
            Part::Events => &mut self.events,
            Part::Unmapped => &mut self.unmapped,
            Part::Wide => &mut self.wide,
        }
    }

    /// Takes note of what became of a value in the table `wide`.
    #[cold]
    fn misfit(&mut self, misfit: &Misfit, id: &str, value: Value<'_>) -> Result<()> {
        match misfit {
            Misfit::NoColumn => {
                self.without_column += 1;
                Ok(())
            }
            Misfit::Mismatch => {
                let (export_key, section_id) = (self.wide.columns.export_key(), self.wide.columns.section_id());
                let pointer = crate::scope::attribute_pointer(section_id, id);
                let value = value.json();
                let columns = &mut self.unmapped.columns;
                let bytes = columns.push(Some(export_key), Some(section_id), &pointer, Reason::TypeMismatch, &value);
                if self.unmapped.row(bytes) { self.flush(Part::Unmapped) } else { Ok(()) }
            }
        }
    }
}

/// Sections of a profile of which the same name is looked for.
const SECTIONS_MAX: usize = 1024;

/// What a batch is the last of.
#[derive(Clone, Copy)]
struct Ends {
    group: bool,
    typed_group: bool,
}

impl<S: BatchSink> Facts for Tables<S> {
    fn begin_profile(&mut self, export_key: &str) -> Result<()> {
        self.attributes.columns.ids.export_key.set(export_key);
        self.tags.columns.ids.export_key.set(export_key);
        self.events.columns.ids.export_key.set(export_key);
        if self.wide.is_written() {
            self.wide.columns.begin_profile(export_key);
        }
        Ok(())
    }

    fn begin_section(&mut self, id: &str) -> Result<()> {
        self.attributes.columns.ids.section_id.set(id);
        self.tags.columns.ids.section_id.set(id);
        self.events.columns.ids.section_id.set(id);
        if self.wide.is_written() {
            self.wide.columns.begin_section(id);
        }
        Ok(())
    }

    fn begin_attributes(&mut self) -> Result<()> {
        if self.wide.is_written() {
            self.wide.columns.begin_attributes();
        }
        Ok(())
    }

    #[inline]
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        if self.attributes.is_written() {
            let bytes = self.attributes.columns.push(id, value);
            if self.attributes.row(bytes) {
                self.flush(Part::Attributes)?;
            }
        }
        if self.wide.is_written()
            && let Err(misfit) = self.wide.columns.attribute(id, value)
        {
            self.misfit(&misfit, id, value)?;
        }
        Ok(())
    }

    #[inline]
    fn tag(&mut self, id: &str) -> Result<()> {
        if self.tags.is_written() {
            let bytes = self.tags.columns.ids.push(Some(id));
            if self.tags.row(bytes) {
                self.flush(Part::Tags)?;
            }
        }
        if self.wide.is_written() && !self.wide.columns.tag(id) {
            self.without_column += 1;
        }
        Ok(())
    }

    fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        if !self.is_wanted(Part::Events) {
            return Ok(());
        }
        let bytes = self.events.columns.push(ordinal, event, is_duplicate);
        if self.events.row(bytes) { self.flush(Part::Events) } else { Ok(()) }
    }

    fn end_section(&mut self) -> Result<()> {
        if self.wide.is_written() {
            let bytes = self.wide.columns.end_section();
            // A later section of the same name takes the place of this one, as long as it is here.
            if self.wide.row(bytes) && self.wide.columns.sections() >= SECTIONS_MAX {
                return self.flush(Part::Wide);
            }
        }
        Ok(())
    }

    fn end_profile(&mut self, export_key: &str, counts: ProfileCounts) -> Result<()> {
        if std::mem::take(&mut self.wide_group_is_full) {
            self.hand_on(Part::Wide, Ends { group: true, typed_group: false })?;
        } else if self.wide.is_written() && self.wide.is_full() {
            self.flush(Part::Wide)?;
        }
        if !self.profiles.is_written() {
            return Ok(());
        }
        let bytes = self.profiles.columns.push(export_key, counts);
        if self.profiles.row(bytes) { self.flush(Part::Profiles) } else { Ok(()) }
    }

    fn unmapped(
        &mut self,
        export_key: Option<&str>,
        section_id: Option<&str>,
        pointer: &str,
        reason: Reason,
        value: &str,
    ) -> Result<()> {
        let bytes = self.unmapped.columns.push(export_key, section_id, pointer, reason, value);
        if self.unmapped.row(bytes) { self.flush(Part::Unmapped) } else { Ok(()) }
    }
}
