//! The sections whose attributes and tags are in a pair of batches.

use super::wide::WidePlan;
use crate::column::{Names, finish_text};
use arrow::{
    array::{ArrayRef, AsArray, StringBuilder},
    datatypes::UInt32Type,
    error::ArrowError,
};
use std::{ops::Range, sync::Arc};

/// The sections of a pair of batches: what rows of the long tables are of each.
#[derive(Debug)]
pub(crate) struct Sections {
    /// Rows of the bundle before these.
    pub(super) before: usize,
    pub(super) rows: Vec<Rows>,
    /// Rows of the bundle that gave way to a later section of the same name in the same profile.
    dead: Vec<usize>,
    /// What the last pair of the bundle tells of all its rows.
    pub(super) all: Option<AllSections>,
}

/// All sections of a bundle.
#[derive(Debug)]
pub(crate) struct AllSections {
    /// Export key, section id and name.
    pub(super) columns: [ArrayRef; 3],
    /// The row group of `wide` ends with them.
    pub(super) ends_group: bool,
}

/// The rows of a section, in the batch of attributes and that of tags.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) attributes: Range<u32>,
    pub(super) tags: Range<u32>,
}

impl Sections {
    /// Rows of the bundle up to the last one of these.
    pub(super) fn until(&self) -> usize {
        self.before + self.rows.len()
    }

    /// Notes which sections of the bundle do not stand.
    pub(super) fn bury(&self, alive: &mut [bool]) {
        self.dead.iter().for_each(|&row| alive[row] = false);
    }
}

impl AllSections {
    pub(super) fn export_key(&self, row: usize) -> &str {
        self.columns[0].as_string::<i32>().value(row)
    }

    pub(super) fn section_id(&self, row: usize) -> &str {
        let ids = self.columns[1].as_dictionary::<UInt32Type>();
        ids.values().as_string::<i32>().value(ids.keys().value(row) as usize)
    }
}

/// Lists sections while an export is read.
pub(crate) struct SectionList {
    plan: Arc<WidePlan>,
    /// Rows of the bundle that were handed on.
    before: usize,
    rows: Vec<Rows>,
    export_key: StringBuilder,
    section_id: Names,
    section_name: Names,
    dead: Vec<usize>,
    current_key: String,
    current_section: String,
    current: Rows,
    /// The sections of this profile, so many of these, and their rows.
    of_profile: Vec<(String, usize)>,
    of_profile_count: usize,
}

/// Sections of a profile of which the same name is looked for.
const OF_PROFILE_MAX: usize = 1024;

impl SectionList {
    pub(crate) fn new(plan: &Arc<WidePlan>) -> Self {
        Self {
            plan: Arc::clone(plan),
            before: 0,
            rows: Vec::new(),
            export_key: StringBuilder::new(),
            section_id: Names::default(),
            section_name: Names::default(),
            dead: Vec::new(),
            current_key: String::new(),
            current_section: String::new(),
            current: Rows { attributes: 0..0, tags: 0..0 },
            of_profile: Vec::new(),
            of_profile_count: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn begin_profile(&mut self, export_key: &str) {
        self.current_key.clear();
        self.current_key.push_str(export_key);
        self.of_profile_count = 0;
    }

    /// Begins a section, at these rows of the batches.
    pub(crate) fn begin(&mut self, id: &str, attributes: usize, tags: usize) {
        self.current_section.clear();
        self.current_section.push_str(id);
        self.begin_attributes(attributes, tags);
        let (row, known) = (self.before + self.rows.len(), self.of_profile_count.min(self.of_profile.len()));
        let (known, free) = self.of_profile.split_at_mut(known);
        if let Some((_, earlier)) = known.iter_mut().find(|(section, _)| section == id) {
            self.dead.push(std::mem::replace(earlier, row));
            return;
        }
        match free.first_mut() {
            Some((section, place)) => {
                section.clear();
                section.push_str(id);
                *place = row;
            }
            None if known.len() < OF_PROFILE_MAX => self.of_profile.push((id.to_owned(), row)),
            None => return,
        }
        self.of_profile_count += 1;
    }

    /// What came of the section's attributes before gives way to what comes from these rows on.
    pub(crate) fn begin_attributes(&mut self, attributes: usize, tags: usize) {
        (self.current.attributes.start, self.current.tags.start) = (attributes as u32, tags as u32);
    }

    /// Ends the section, before these rows of the batches.
    pub(crate) fn end(&mut self, attributes: usize, tags: usize) {
        (self.current.attributes.end, self.current.tags.end) = (attributes as u32, tags as u32);
        self.rows.push(self.current.clone());
        self.export_key.append_value(&self.current_key);
        self.section_id.push(&self.current_section);
        match self.plan.sections.get(&self.current_section) {
            Some(name) => self.section_name.push(name),
            None => self.section_name.push_none(),
        };
    }

    /// The sections so far; those of the profile that is being read are out of reach from here on.
    pub(crate) fn finish(&mut self, ends_bundle: bool, ends_group: bool) -> Result<Sections, ArrowError> {
        self.of_profile_count = 0;
        let (rows, dead) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.dead));
        let mut sections = Sections { before: self.before, rows, dead, all: None };
        self.before = sections.until();
        if ends_bundle {
            self.before = 0;
            let columns =
                [finish_text(&mut self.export_key), self.section_id.take().build()?, self.section_name.take().build()?];
            sections.all = Some(AllSections { columns, ends_group });
        }
        if ends_group {
            self.section_id.end_group();
            self.section_name.end_group();
        }
        Ok(sections)
    }
}
