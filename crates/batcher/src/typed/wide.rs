//! The table `wide`: a row per profile × section, filled while the export is read.
//!
//! Where an object names a member twice, the last one stands, as in any JSON parser: an attribute's
//! value, a section's `attributes`, a profile's section. Of several versions of an attribute in one
//! section, the one that is listed first in its column's ids stands.

use super::{
    cells::{Cells, Mismatch, unknown_tags},
    kind::Kind,
    schema::TypedTable,
};
use crate::{
    column::{Names, finish_text},
    dictionary::Dictionary,
    facts::Value,
    schema::TableRef,
    table::{BatchLimits, Columns},
};
use arrow::{
    array::{ArrayRef, BooleanArray, StringBuilder},
    compute::filter,
    error::ArrowError,
};
use std::{collections::BTreeMap, sync::Arc};

/// Which id belongs to which column.
#[derive(Debug)]
pub(crate) struct WidePlan {
    table: TableRef,
    kinds: Vec<Kind>,
    /// Whether nothing fills the column, so that it is null.
    retired: Vec<bool>,
    targets: Vec<(String, Target)>,
    sections: BTreeMap<String, String>,
}

/// Where the values of an id go.
#[derive(Clone, Copy, Debug)]
struct Target {
    column: u32,
    /// The least wins where several versions have a value.
    rank: u32,
}

impl WidePlan {
    pub(crate) fn new(schema: &TypedTable, sections: &BTreeMap<String, String>, table: TableRef) -> Self {
        let mut targets: Vec<(String, Target)> = Vec::new();
        for (column, typed) in (0..).zip(&schema.columns) {
            for (rank, id) in (0..).zip(&typed.ids).filter(|_| !typed.retired) {
                // Two columns never have the same id by their making.
                if targets.iter().all(|(known, _)| known != id) {
                    targets.push((id.clone(), Target { column, rank }));
                }
            }
        }
        Self {
            table,
            kinds: schema.columns.iter().map(|column| column.kind).collect(),
            retired: schema.columns.iter().map(|column| column.retired).collect(),
            targets,
            sections: sections.clone(),
        }
    }

    /// What the cells of a row take at least, in bytes, once they stand in arrays.
    fn row_bytes(&self) -> usize {
        let cell = |kind: &Kind| match kind {
            Kind::Text | Kind::Json | Kind::Date => 4,
            Kind::Integer | Kind::Double | Kind::TimestampS | Kind::TimestampMs => 8,
            Kind::Boolean | Kind::Tag => 1,
        };
        self.kinds.iter().map(cell).sum::<usize>() + 16
    }
}

/// No row has been set.
const UNSET: (u32, u32) = (u32::MAX, 0);

/// The rows under construction.
pub(crate) struct Wide {
    plan: Option<Arc<WidePlan>>,
    export_key: StringBuilder,
    section_id: Names,
    section_name: Names,
    columns: Vec<Cells>,
    /// For each column, the row that was last set by one of its ids, and the rank of that.
    ranks: Vec<(u32, u32)>,
    /// The ids that have a column, and for each its target.
    ids: Dictionary,
    targets: Vec<Target>,
    /// The section has had attributes.
    has_attributes: bool,
    /// The row under construction, its number in the batch.
    row: usize,
    text_bytes: usize,
    current_key: String,
    current_section: String,
    /// The sections of this profile, so many of these, and their rows in the batch.
    profile_sections: Vec<(String, usize)>,
    section_count: usize,
    /// Rows that gave way to a later section of the same name.
    dead: Vec<usize>,
    scratch: String,
}

/// Why a value has no cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Its id has no column.
    NoColumn,
    /// It does not fit the column.
    Mismatch,
}

impl Wide {
    pub(crate) fn new(plan: Option<&Arc<WidePlan>>) -> Self {
        let kinds = plan.map_or(&[][..], |plan| &plan.kinds);
        let mut ids = Dictionary::default();
        let targets = plan.iter().flat_map(|plan| &plan.targets);
        // The index of an id there is that of its target here.
        let targets = targets.map(|(id, target)| (ids.index(id), *target).1).collect();
        Self {
            columns: kinds.iter().map(|&kind| Cells::new(kind)).collect(),
            ranks: vec![UNSET; kinds.len()],
            ids,
            targets,
            has_attributes: false,
            plan: plan.cloned(),
            export_key: StringBuilder::new(),
            section_id: Names::default(),
            section_name: Names::default(),
            row: 0,
            text_bytes: 0,
            current_key: String::new(),
            current_section: String::new(),
            profile_sections: Vec::new(),
            section_count: 0,
            dead: Vec::new(),
            scratch: String::new(),
        }
    }

    /// Its place among the run's tables.
    pub(crate) fn table(&self) -> TableRef {
        let nowhere = || TableRef::unwritten(crate::schema::TableSchema { name: "wide".into(), columns: Vec::new() });
        self.plan.as_ref().map_or_else(nowhere, |plan| plan.table.clone())
    }

    /// The limits of a batch of so many columns.
    pub(crate) fn limits(&self, limits: BatchLimits) -> BatchLimits {
        let row_bytes = self.plan.as_ref().map_or(1, |plan| plan.row_bytes());
        BatchLimits { rows: (limits.bytes / row_bytes).clamp(1, limits.rows), ..limits }
    }

    pub(crate) fn export_key(&self) -> &str {
        &self.current_key
    }

    pub(crate) fn section_id(&self) -> &str {
        &self.current_section
    }

    /// Sections of this profile that can still give way to a later one of the same name.
    pub(crate) fn sections(&self) -> usize {
        self.section_count
    }

    pub(crate) fn begin_profile(&mut self, export_key: &str) {
        self.current_key.clear();
        self.current_key.push_str(export_key);
        self.section_count = 0;
    }

    pub(crate) fn begin_section(&mut self, id: &str) {
        self.current_section.clear();
        self.current_section.push_str(id);
        self.has_attributes = false;
        let (known, free) = self.profile_sections.split_at_mut(self.section_count);
        if let Some((_, row)) = known.iter_mut().find(|(section, _)| section == id) {
            self.dead.push(std::mem::replace(row, self.row));
            return;
        }
        match free.first_mut() {
            Some((section, row)) => {
                section.clear();
                section.push_str(id);
                *row = self.row;
            }
            None => self.profile_sections.push((id.to_owned(), self.row)),
        }
        self.section_count += 1;
    }

    pub(crate) fn begin_attributes(&mut self) {
        if !std::mem::replace(&mut self.has_attributes, true) {
            return;
        }
        for (cells, rank) in self.columns.iter_mut().zip(&mut self.ranks) {
            cells.clear(self.row);
            *rank = UNSET;
        }
    }

    #[inline]
    pub(crate) fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<(), Misfit> {
        let Some(Target { column, rank }) = self.find(id) else { return Err(Misfit::NoColumn) };
        let (column, row) = (column as usize, self.row as u32);
        let set = &mut self.ranks[column];
        let is_null = matches!(value, Value::Null);
        // A null takes back what its own id has set, and nothing of another version's.
        let gives_way = set.0 == row && if is_null { set.1 != rank } else { set.1 < rank };
        if gives_way {
            let fits = is_null || self.columns[column].kind().cell(value, &mut self.scratch).is_some();
            return if fits { Ok(()) } else { Err(Misfit::Mismatch) };
        }
        *set = if is_null { UNSET } else { (row, rank) };
        match self.columns[column].set(self.row, value, &mut self.scratch) {
            Ok(bytes) => {
                self.text_bytes += bytes;
                Ok(())
            }
            Err(Mismatch) => Err(Misfit::Mismatch),
        }
    }

    /// Notes a tag; false if there is no column for it.
    #[inline]
    pub(crate) fn tag(&mut self, id: &str) -> bool {
        let Some(Target { column, .. }) = self.find(id) else { return false };
        let cells = &mut self.columns[column as usize];
        // An attribute without a value, where its id was not known as an attribute's, leaves its cell empty.
        if cells.kind() == Kind::Tag {
            cells.tag(self.row);
        }
        true
    }

    #[inline]
    fn find(&mut self, id: &str) -> Option<Target> {
        self.ids.find(id).map(|index| self.targets[index as usize])
    }

    /// Ends the row; gives the bytes that it took.
    pub(crate) fn end_section(&mut self) -> usize {
        let Some(plan) = self.plan.as_deref() else { return 0 };
        self.export_key.append_value(&self.current_key);
        self.section_id.push(&self.current_section);
        match plan.sections.get(&self.current_section) {
            Some(name) => self.section_name.push(name),
            None => self.section_name.push_none(),
        };
        self.row += 1;
        plan.row_bytes() + self.current_key.len() + std::mem::take(&mut self.text_bytes)
    }
}

impl Columns for Wide {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let rows = std::mem::take(&mut self.row);
        let mut columns =
            vec![finish_text(&mut self.export_key), self.section_id.finish()?, self.section_name.finish()?];
        let retired = self.plan.as_ref().map_or(&[][..], |plan| &plan.retired);
        for (cells, &retired) in self.columns.iter_mut().zip(retired) {
            let is_unknown = cells.kind() == Kind::Tag && retired;
            columns.push(if is_unknown { unknown_tags(rows) } else { cells.finish(rows)? });
        }
        self.ranks.fill(UNSET);
        // Rows of the profile that is being read are out of reach from here on.
        self.section_count = 0;
        if self.dead.is_empty() {
            return Ok(columns);
        }
        let mut alive = vec![true; rows];
        self.dead.drain(..).for_each(|row| alive[row] = false);
        let alive = BooleanArray::from(alive);
        columns.iter().map(|column| filter(column, &alive)).collect()
    }

    fn dictionary_bytes(&self) -> usize {
        self.section_id.group_bytes().max(self.section_name.group_bytes())
    }

    fn end_group(&mut self) {
        self.section_id.end_group();
        self.section_name.end_group();
    }
}
