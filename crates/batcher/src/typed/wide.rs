//! The table `wide`: a row per profile × section, filled while the export is read.
//!
//! The same ids come in the same order again and again: the column of an id is predicted from the
//! one before it, and looked up only where that was wrong.
//!
//! Where an object names a member twice, the last one stands, as in any JSON parser: an attribute's
//! value, a section's `attributes`, a profile's section. Of several versions of an attribute in one
//! section, the one that is listed first in its column's ids stands.

use super::{
    cells::{Cells, Mismatch},
    kind::Kind,
    schema::TypedTable,
};
use crate::{
    column::{Names, finish_text},
    facts::Value,
    schema::TableRef,
    table::{BatchLimits, Columns},
};
use arrow::{
    array::{ArrayRef, BooleanArray, StringBuilder},
    compute::filter,
    error::ArrowError,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Which id belongs to which column.
#[derive(Debug)]
pub(crate) struct WidePlan {
    table: TableRef,
    kinds: Vec<Kind>,
    /// Whether nothing fills the column, so that it is null.
    retired: Vec<bool>,
    targets: Vec<Target>,
    by_id: HashMap<Box<str>, u32>,
    sections: BTreeMap<String, String>,
}

/// Where the values of an id go.
#[derive(Debug)]
struct Target {
    id: Box<str>,
    column: usize,
    /// The least wins where several versions have a value.
    rank: u32,
}

impl WidePlan {
    pub(crate) fn new(schema: &TypedTable, sections: &BTreeMap<String, String>, table: TableRef) -> Self {
        let mut targets = Vec::new();
        for (column, typed) in schema.columns.iter().enumerate() {
            for (rank, id) in typed.ids.iter().enumerate().filter(|_| !typed.retired) {
                targets.push(Target { id: id.as_str().into(), column, rank: rank as u32 });
            }
        }
        let by_id = targets.iter().enumerate().map(|(index, target)| (target.id.clone(), index as u32)).collect();
        Self {
            table,
            kinds: schema.columns.iter().map(|column| column.kind).collect(),
            retired: schema.columns.iter().map(|column| column.retired).collect(),
            targets,
            by_id,
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

/// The rows under construction.
pub(crate) struct Wide {
    plan: Option<Arc<WidePlan>>,
    export_key: StringBuilder,
    section_id: Names,
    section_name: Names,
    columns: Vec<Cells>,
    /// For each column, the row that was last set by one of its ids, and the rank of that.
    ranks: Vec<(usize, u32)>,
    /// For each target, the one that came after it the last time.
    next: Vec<u32>,
    /// The target that came last.
    last: usize,
    /// The row under construction, its number in the batch.
    row: usize,
    text_bytes: usize,
    current_key: String,
    current_section: String,
    /// The sections of this profile, and their rows in the batch.
    profile_sections: HashMap<Box<str>, usize>,
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
        Self {
            columns: kinds.iter().map(|&kind| Cells::new(kind)).collect(),
            ranks: vec![(usize::MAX, 0); kinds.len()],
            next: plan.map_or(Vec::new(), |plan| (1..=plan.targets.len() as u32).collect()),
            plan: plan.cloned(),
            export_key: StringBuilder::new(),
            section_id: Names::default(),
            section_name: Names::default(),
            last: 0,
            row: 0,
            text_bytes: 0,
            current_key: String::new(),
            current_section: String::new(),
            profile_sections: HashMap::new(),
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
        self.profile_sections.len()
    }

    pub(crate) fn begin_profile(&mut self, export_key: &str) {
        self.current_key.clear();
        self.current_key.push_str(export_key);
        self.profile_sections.clear();
    }

    pub(crate) fn begin_section(&mut self, id: &str) {
        self.current_section.clear();
        self.current_section.push_str(id);
        if let Some(earlier) = self.profile_sections.insert(id.into(), self.row) {
            self.dead.push(earlier);
        }
    }

    pub(crate) fn begin_attributes(&mut self) {
        for (cells, rank) in self.columns.iter_mut().zip(&mut self.ranks) {
            if rank.0 == self.row {
                cells.clear(self.row);
                rank.0 = usize::MAX;
            }
        }
    }

    #[inline]
    pub(crate) fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<(), Misfit> {
        let Some((column, rank)) = self.find(id) else { return Err(Misfit::NoColumn) };
        let set = &mut self.ranks[column];
        if set.0 == self.row && set.1 < rank {
            return Ok(());
        }
        // A null is no value that an older version would have to give way to.
        *set = if matches!(value, Value::Null) { (usize::MAX, 0) } else { (self.row, rank) };
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
        let Some((column, rank)) = self.find(id) else { return false };
        // An attribute without a value, where its id was not known as an attribute's, leaves its cell empty.
        if self.columns[column].kind() == Kind::Tag {
            self.ranks[column] = (self.row, rank);
            self.columns[column].tag(self.row);
        }
        true
    }

    #[inline]
    fn find(&mut self, id: &str) -> Option<(usize, u32)> {
        let plan = self.plan.as_deref()?;
        let predicted = self.next.get(self.last).copied().unwrap_or_default();
        let index = match plan.targets.get(predicted as usize) {
            Some(target) if *target.id == *id => predicted,
            _ => {
                let found = *plan.by_id.get(id)?;
                self.next[self.last] = found;
                found
            }
        };
        self.last = index as usize;
        let target = &plan.targets[self.last];
        Some((target.column, target.rank))
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
            let is_asked_tag = cells.kind() == Kind::Tag && !retired;
            columns.push(if is_asked_tag { cells.finish_or_false(rows)? } else { cells.finish(rows)? });
        }
        self.ranks.fill((usize::MAX, 0));
        // Rows of the profile that is being read are out of reach from here on.
        self.profile_sections.clear();
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
