//! The sections whose attributes and tags are in a pair of batches.

use crate::column::{Names, Runs};
use arrow::{
    array::{ArrayRef, AsArray, DictionaryArray, StringArray, UInt32Array},
    datatypes::{Int32Type, UInt32Type},
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
    /// Export key and section id.
    pub(super) columns: [ArrayRef; 2],
    /// The row group of `wide` ends with them.
    pub(super) ends_group: bool,
}

/// The rows of a section, in the batch of attributes and that of tags.
#[derive(Clone, Debug, Default)]
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
        let keys = self.columns[0].as_run::<Int32Type>();
        keys.values().as_string::<i32>().value(keys.get_physical_index(row))
    }

    pub(super) fn section_id(&self, row: usize) -> &str {
        let ids = self.columns[1].as_dictionary::<UInt32Type>();
        ids.values().as_string::<i32>().value(ids.keys().value(row) as usize)
    }

    /// The names that the sections have by their ids, if they have any.
    pub(super) fn names(&self, names: &foldhash::HashMap<String, String>) -> Result<ArrayRef, ArrowError> {
        let ids = self.columns[1].as_dictionary::<UInt32Type>();
        let names: Vec<_> = ids.values().as_string::<i32>().iter().map(|id| names.get(id?)).collect();
        let values = StringArray::from_iter_values(names.iter().flatten());
        let keys = if names.iter().all(Option::is_some) {
            ids.keys().clone()
        } else {
            let mut next = 0..;
            let indices: Vec<_> = names.iter().map(|name| name.and_then(|_| next.next())).collect();
            UInt32Array::from_iter(ids.keys().values().iter().map(|&id| indices[id as usize]))
        };
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
    }
}

/// Lists sections while an export is read.
#[derive(Default)]
pub(crate) struct SectionList {
    /// Rows of the bundle that were handed on.
    before: usize,
    rows: Vec<Rows>,
    export_key: Runs,
    section_id: Names,
    dead: Vec<usize>,
    /// The index of its id.
    current_section: u32,
    current: Rows,
    /// The sections of this profile by the index of their ids, and their rows.
    of_profile: Vec<(u32, usize)>,
}

/// Sections of a profile of which the same name is looked for.
const OF_PROFILE_MAX: usize = 1024;

impl SectionList {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn begin_profile(&mut self, export_key: &str) {
        self.export_key.set(export_key);
        self.of_profile.clear();
    }

    /// Begins a section, at these rows of the batches.
    pub(crate) fn begin(&mut self, id: &str, attributes: usize, tags: usize) {
        let section = self.section_id.index(id);
        self.current_section = section;
        self.begin_attributes(attributes, tags);
        let row = self.before + self.rows.len();
        match self.of_profile.iter().position(|(known, _)| *known == section) {
            Some(at) => self.dead.push(std::mem::replace(&mut self.of_profile[at].1, row)),
            None if self.of_profile.len() < OF_PROFILE_MAX => self.of_profile.push((section, row)),
            None => {}
        }
    }

    /// What came of the section's attributes before gives way to what comes from these rows on.
    pub(crate) fn begin_attributes(&mut self, attributes: usize, tags: usize) {
        (self.current.attributes.start, self.current.tags.start) = (attributes as u32, tags as u32);
    }

    /// Ends the section, before these rows of the batches.
    pub(crate) fn end(&mut self, attributes: usize, tags: usize) {
        (self.current.attributes.end, self.current.tags.end) = (attributes as u32, tags as u32);
        self.rows.push(self.current.clone());
        self.export_key.push();
        self.section_id.push_index(self.current_section);
    }

    /// The sections so far; those of the profile that is being read are out of reach from here on.
    pub(crate) fn finish(&mut self, ends_bundle: bool, ends_group: bool) -> Result<Sections, ArrowError> {
        self.of_profile.clear();
        let next = Vec::with_capacity(self.rows.len() + self.rows.len() / 8);
        let (rows, dead) = (std::mem::replace(&mut self.rows, next), std::mem::take(&mut self.dead));
        let mut sections = Sections { before: self.before, rows, dead, all: None };
        self.before = sections.until();
        if ends_bundle {
            self.before = 0;
            let columns = [self.export_key.take().build()?, self.section_id.take().build()?];
            // Its pages have no dictionary, so there is nothing to go on with.
            self.export_key.end_group();
            sections.all = Some(AllSections { columns, ends_group });
        }
        if ends_group {
            self.section_id.end_group();
        }
        Ok(sections)
    }
}
