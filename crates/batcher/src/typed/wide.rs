//! The table `wide`: a row per profile × section.
//!
//! Its rows are made from the batches of the long tables `attributes` and `tags`, where these are
//! encoded: there, one column is filled after the other, which is far faster than to jump between a hundred of them while the
//! export is read. For that, batches of both tables end with the same section, and come with a list
//! of the sections that are in them ([`Sections`]). The rows of some pairs are made together ([`super::bundle`]).
//!
//! Where an object names a member twice, the last one stands, as in any JSON parser: an attribute's
//! value, a section's `attributes`, a profile's section. Of several versions of an attribute in one
//! section, the one that is listed first in its column's ids stands.

use super::{
    cells::{Cells, unknown_tags},
    kind::Kind,
    schema::{TypedColumn, TypedTable},
    sections::{AllSections, Sections},
    usual,
};
use crate::{
    error::Error,
    facts::{Reason, Unplaced, Value, ValueType},
    schema::TableRef,
    scope::attribute_pointer,
    table::{Batch, Columns, Unmapped},
};
use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray},
    compute::filter,
    datatypes::{Float64Type, Int64Type, UInt32Type},
    error::ArrowError,
};
use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    ops::Range,
    sync::Arc,
};

/// Which id belongs to which column.
#[derive(Debug)]
pub(crate) struct WidePlan {
    table: TableRef,
    /// Where values go that do not fit their column.
    misfits: TableRef,
    columns: Vec<TypedColumn>,
    targets: HashMap<String, Target>,
    /// The names of sections, by id.
    pub(super) sections: foldhash::HashMap<String, String>,
}

/// Where the values of an id go.
#[derive(Clone, Copy, Debug)]
struct Target {
    column: u32,
    /// The least wins where several versions have a value.
    rank: u32,
}

impl WidePlan {
    pub(crate) fn new(
        schema: &TypedTable,
        sections: &BTreeMap<String, String>,
        table: TableRef,
        misfits: TableRef,
    ) -> Self {
        let mut targets = HashMap::new();
        for (column, typed) in (0..).zip(&schema.columns) {
            for (rank, id) in (0..).zip(&typed.ids).filter(|_| !typed.retired) {
                targets.entry(id.clone()).or_insert(Target { column, rank });
            }
        }
        let sections = sections.iter().map(|(id, name)| (id.clone(), name.clone())).collect();
        Self { table, misfits, columns: schema.columns.clone(), targets, sections }
    }
}

/// A batch of attributes and the batch of tags that belongs to it.
pub(super) struct Pair {
    pub(super) attributes: RecordBatch,
    pub(super) tags: RecordBatch,
    pub(super) sections: Sections,
    /// What is made from them takes about so much on the way.
    pub(super) bytes: usize,
}

/// Makes rows of `wide` from batches of `attributes` and `tags`.
pub(crate) struct Wide {
    plan: Arc<WidePlan>,
    /// For each column, the rows that have a value for it, in their order, and what that is.
    found: Vec<Vec<Found>>,
    columns: Vec<Cells>,
    /// Values that do not fit: the row of `wide`, and that of `attributes`.
    unfit: Vec<(u32, u32)>,
    misfits: Unmapped,
    scratch: String,
    /// Attributes and tags that have no column.
    pub(crate) without_column: u64,
}

/// A value for a cell.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// The row of `wide`.
    pub(super) row: u32,
    /// The row of `attributes`.
    pub(super) at: u32,
    /// Its bits, if it is a number: they are read where they are near those of the value before.
    pub(super) number: u64,
}

impl Wide {
    pub(crate) fn new(plan: &Arc<WidePlan>) -> Self {
        Self {
            plan: Arc::clone(plan),
            found: plan.columns.iter().map(|_| Vec::new()).collect(),
            columns: plan.columns.iter().map(Cells::new).collect(),
            unfit: Vec::new(),
            misfits: Unmapped::new(),
            scratch: String::new(),
            without_column: 0,
        }
    }

    /// The rows of the sections in a bundle, and the values that do not fit.
    pub(super) fn rows(&mut self, bundle: u64, pairs: &[Pair]) -> Result<Vec<Batch>, Error> {
        let failed = |source: ArrowError| Error::encode("wide", source.into());
        let Some(all) = pairs.last().and_then(|pair| pair.sections.all.as_ref()) else { return Ok(Vec::new()) };
        let rows = self.columns(all, pairs).map_err(failed)?;
        let misfits = self.misfits.take().build().map_err(failed)?;
        let batch = |table: &TableRef, columns, bytes| {
            let records = RecordBatch::try_new(table.schema.batch_schema(), columns).map_err(failed)?;
            Ok(Batch::new(table.clone(), bundle, records, bytes, all.ends_group))
        };
        let bytes = pairs.iter().map(|pair| pair.bytes).sum();
        Ok(vec![batch(&self.plan.table, rows, bytes)?, batch(&self.plan.misfits, misfits, 0)?])
    }

    fn columns(&mut self, all: &AllSections, pairs: &[Pair]) -> Result<Vec<ArrayRef>, ArrowError> {
        let plan = Arc::clone(&self.plan);
        let rows = pairs.last().map_or(0, |pair| pair.sections.until());
        self.columns.iter_mut().for_each(|cells| cells.make_room(rows));
        let mut alive = vec![true; rows];
        pairs.iter().for_each(|pair| pair.sections.bury(&mut alive));
        for Pair { attributes, tags, sections, .. } in pairs {
            let values = Values::new(attributes);
            let targets: Vec<Option<Target>> =
                values.names.iter().map(|id| plan.targets.get(id.unwrap_or_default()).copied()).collect();
            let mut row = sections.before;
            while row < sections.until() {
                row = self.fill(sections, &alive, row, &values, &targets);
            }
            self.tell_misfits(all, &values);
            self.tag(sections, &alive, tags);
        }
        let mut columns = all.columns.to_vec();
        columns.push(all.names(&plan.sections)?);
        for (column, cells) in plan.columns.iter().zip(&mut self.columns) {
            let is_unknown = column.kind == Kind::Tag && column.retired;
            columns.push(if is_unknown { unknown_tags(rows) } else { cells.finish(rows)? });
        }
        if alive.iter().all(|&alive| alive) {
            return Ok(columns);
        }
        let alive = BooleanArray::from(alive);
        columns.iter().map(|column| filter(column, &alive)).collect()
    }

    /// Fills the cells of some rows from this one on, column by column; gives the row behind them.
    fn fill(
        &mut self,
        sections: &Sections,
        alive: &[bool],
        first: usize,
        values: &Values<'_>,
        targets: &[Option<Target>],
    ) -> usize {
        /// So many values at a time that they stay near the processor from one column to the next.
        const VALUES_MAX: usize = 2 << 10;
        let mut next = first;
        let mut count = 0;
        while next < sections.until() && count < VALUES_MAX {
            let of_section = sections.rows[next - sections.before].attributes.clone().filter(|_| alive[next]);
            for at in of_section {
                count += 1;
                match targets[values.ids[at as usize] as usize] {
                    Some(Target { column, .. }) => {
                        let number = values.number(at as usize);
                        self.found[column as usize].push(Found { row: next as u32, at, number });
                    }
                    None => self.without_column += 1,
                }
            }
            next += 1;
        }
        let rows = &sections.rows[first - sections.before..next - sections.before];
        if let (Some(one), Some(last)) = (rows.first(), rows.last()) {
            values.approach(one.attributes.start..last.attributes.end);
        }
        for column in 0..self.found.len() {
            let mut found = std::mem::take(&mut self.found[column]);
            let mut rest = &found[..];
            while !rest.is_empty() {
                rest = &rest[usual::set(&mut self.columns[column], rest, values)..];
                if let Some(of_row) = rest.chunk_by(|one, other| one.row == other.row).next() {
                    self.set(values, targets, column, of_row);
                    rest = &rest[of_row.len()..];
                }
            }
            found.clear();
            self.found[column] = found;
        }
        next
    }

    /// Sets the cell of a row from the values that there are for it. Those that do not fit are told, also
    /// where another stands.
    fn set(&mut self, values: &Values<'_>, targets: &[Option<Target>], column: usize, found: &[Found]) {
        let chosen = match found {
            [one] => *one,
            several => choose(several, values, targets),
        };
        for &Found { at, row, .. } in found.iter().filter(|other| other.at != chosen.at) {
            let value = values.get(at as usize);
            if !matches!(value, Value::Null) && self.plan.columns[column].kind.cell(value, &mut self.scratch).is_none()
            {
                self.unfit.push((row, at));
            }
        }
        let Found { row, at, .. } = chosen;
        if self.columns[column].set(row as usize, values.get(at as usize), &mut self.scratch).is_err() {
            self.unfit.push((row, at));
        }
    }

    /// Tells which values did not fit, in the order of the export, not in that in which they were found.
    fn tell_misfits(&mut self, sections: &AllSections, values: &Values<'_>) {
        self.unfit.sort_unstable();
        for (row, at) in self.unfit.drain(..) {
            let (key, section) = (sections.export_key(row as usize), sections.section_id(row as usize));
            let pointer = attribute_pointer(section, values.id(at as usize));
            let value = values.get(at as usize).json();
            self.misfits.push(Unplaced {
                export_key: Some(key),
                section_id: Some(section),
                pointer: &pointer,
                reason: Reason::TypeMismatch,
                value: &value,
            });
        }
    }

    /// Fills the columns of tags.
    fn tag(&mut self, sections: &Sections, alive: &[bool], tags: &RecordBatch) {
        let ids = tags.column(2).as_dictionary::<UInt32Type>();
        let names = ids.values().as_string::<i32>();
        let targets: Vec<Option<Target>> =
            names.iter().map(|id| self.plan.targets.get(id.unwrap_or_default()).copied()).collect();
        let ids = ids.keys().values();
        for (row, section) in (sections.before..).zip(&sections.rows).filter(|(row, _)| alive[*row]) {
            for at in section.tags.clone() {
                match targets[ids[at as usize] as usize] {
                    // An attribute without a value, where its id was not known as an attribute's, leaves its cell empty.
                    Some(Target { column, .. }) => self.columns[column as usize].tag(row),
                    None => self.without_column += 1,
                }
            }
        }
    }
}

/// The one of several values that stands: of each version the last, and of these the first that is
/// a value.
fn choose(found: &[Found], values: &Values<'_>, targets: &[Option<Target>]) -> Found {
    let rank = |found: Found| targets[values.ids[found.at as usize] as usize].map_or(u32::MAX, |target| target.rank);
    let mut chosen: Option<Found> = None;
    for (at, &candidate) in found.iter().enumerate() {
        let is_last = found[at + 1..].iter().all(|&later| rank(later) != rank(candidate));
        let is_value = !matches!(values.get(candidate.at as usize), Value::Null);
        if is_last && is_value && chosen.is_none_or(|chosen| rank(candidate) < rank(chosen)) {
            chosen = Some(candidate);
        }
    }
    chosen.unwrap_or(found[found.len() - 1])
}

/// The values in a batch of attributes.
pub(super) struct Values<'a> {
    ids: &'a [u32],
    names: &'a StringArray,
    pub(super) types: &'a [u32],
    pub(super) texts: &'a StringArray,
    pub(super) integers: &'a PrimitiveArray<Int64Type>,
    pub(super) doubles: &'a PrimitiveArray<Float64Type>,
    pub(super) booleans: &'a BooleanArray,
}

impl<'a> Values<'a> {
    fn new(attributes: &'a RecordBatch) -> Self {
        let column = |index: usize| -> &'a ArrayRef { attributes.column(index) };
        let ids = column(2).as_dictionary::<UInt32Type>();
        Self {
            ids: ids.keys().values(),
            names: ids.values().as_string(),
            types: column(3).as_dictionary::<UInt32Type>().keys().values(),
            texts: column(4).as_string(),
            integers: column(5).as_primitive(),
            doubles: column(6).as_primitive(),
            booleans: column(7).as_boolean(),
        }
    }

    fn id(&self, at: usize) -> &'a str {
        self.names.value(self.ids[at] as usize)
    }

    /// Reads the texts of some rows in their order, which is fast, so that they are near when they are picked out in another
    /// one, which would wait for each.
    fn approach(&self, rows: Range<u32>) {
        /// What the processor brings near at once.
        const LINE: usize = 64;
        let offsets = self.texts.value_offsets();
        let bytes = offsets[rows.start as usize] as usize..offsets[rows.end.max(rows.start) as usize] as usize;
        black_box(self.texts.value_data()[bytes].iter().step_by(LINE).fold(0, |all, byte| all ^ byte));
    }

    /// The bits of a number, as it is one or the other.
    #[inline]
    fn number(&self, at: usize) -> u64 {
        let (integer, double) = (self.integers.values()[at] as u64, self.doubles.values()[at].to_bits());
        if self.types[at] == ValueType::Integer as u32 { integer } else { double }
    }

    #[inline]
    fn get(&self, at: usize) -> Value<'a> {
        let text = self.texts.value(at);
        match ValueType::of_number(self.types[at]) {
            ValueType::String => Value::String { decoded: text, raw: None },
            ValueType::Integer => Value::Integer { text, value: self.integers.value(at) },
            // No double is near a number that has none.
            ValueType::Double if self.doubles.is_null(at) => Value::Double { text, value: f64::INFINITY },
            ValueType::Double => Value::Double { text, value: self.doubles.value(at) },
            ValueType::Boolean => Value::Boolean(self.booleans.value(at)),
            ValueType::Object => Value::Object(text),
            ValueType::Array => Value::Array(text),
            ValueType::Null => Value::Null,
        }
    }
}
