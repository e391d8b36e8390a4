//! The cells of structs and lists while they are filled.
//!
//! As in flat columns, the value of a row can be set again while the row is the last one: what came of
//! the earlier value is cleared then, member by member, and elements that nothing points to any more
//! are left out when the column is finished.

use super::{cells::Cells, schema::TypedColumn};
use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBufferBuilder, ListArray, StructArray},
    buffer::{NullBuffer, OffsetBuffer},
    compute::filter,
    datatypes::{FieldRef, Fields},
    error::ArrowError,
};
use std::{ops::Range, sync::Arc};

/// The cells of a column of structs.
pub(super) struct StructCells {
    fields: Fields,
    /// Of the members, with the same rows.
    members: Vec<Cells>,
    /// The rows that have a value.
    rows: Vec<u32>,
}

/// The cells of a column of lists.
pub(super) struct ListCells {
    field: FieldRef,
    /// Of the elements of all lists.
    elements: Cells,
    count: u32,
    /// The rows that have a value, and the elements of each.
    lists: Vec<(u32, Range<u32>)>,
    /// Elements that no list has any more.
    has_dead: bool,
}

impl StructCells {
    pub(super) fn new(column: &TypedColumn) -> Self {
        let members = column.members.iter().map(Cells::new).collect();
        Self { fields: column.column().member_fields(), members, rows: Vec::new() }
    }

    /// The row behind the last one that has a value.
    pub(super) fn len(&self) -> usize {
        self.rows.last().map_or(0, |&row| row as usize + 1)
    }

    /// Gives a row, which is the last, a value in place of what it was; its members are null.
    pub(super) fn begin(&mut self, row: usize) {
        self.clear(row);
        self.rows.push(row as u32);
    }

    /// The members' cells.
    pub(super) fn members(&mut self) -> &mut [Cells] {
        &mut self.members
    }

    /// Leaves a row, which is the last, without a value.
    pub(super) fn clear(&mut self, row: usize) {
        if self.rows.pop_if(|last| *last as usize == row).is_some() {
            self.members.iter_mut().for_each(|member| member.clear(row));
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let members = self.members.iter_mut().map(|member| member.finish(rows)).collect::<Result<Vec<_>, _>>()?;
        let valid = valid(self.rows.drain(..), rows);
        Ok(Arc::new(StructArray::try_new_with_length(self.fields.clone(), members, valid, rows)?))
    }
}

impl ListCells {
    /// `column` has its elements for its only member.
    pub(super) fn new(column: &TypedColumn) -> Self {
        let element = column.element();
        let field = column.column().member_fields().first().map_or_else(|| element.field(), FieldRef::clone);
        Self { field, elements: Cells::new(&element), count: 0, lists: Vec::new(), has_dead: false }
    }

    /// The row behind the last one that has a value.
    pub(super) fn len(&self) -> usize {
        self.lists.last().map_or(0, |(row, _)| *row as usize + 1)
    }

    /// Gives a row, which is the last, an empty list in place of what it was.
    pub(super) fn begin(&mut self, row: usize) {
        self.clear(row);
        self.lists.push((row as u32, self.count..self.count));
    }

    /// Adds a null to the last list; gives its row among the elements, and their cells.
    pub(super) fn element(&mut self) -> (usize, &mut Cells) {
        let row = self.count;
        self.count += 1;
        if let Some((_, elements)) = self.lists.last_mut() {
            elements.end = self.count;
        }
        (row as usize, &mut self.elements)
    }

    /// Leaves a row, which is the last, without a value.
    pub(super) fn clear(&mut self, row: usize) {
        if let Some((_, elements)) = self.lists.pop_if(|(last, _)| *last as usize == row) {
            self.has_dead |= !elements.is_empty();
        }
    }

    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let count = std::mem::take(&mut self.count) as usize;
        let mut elements = self.elements.finish(count)?;
        if std::mem::take(&mut self.has_dead) {
            let mut alive = vec![false; count];
            self.lists.iter().for_each(|(_, of)| alive[of.start as usize..of.end as usize].fill(true));
            elements = filter(&elements, &BooleanArray::from(alive))?;
        }
        let mut lengths = vec![0; rows];
        self.lists.iter().for_each(|(row, of)| lengths[*row as usize] = of.len());
        let valid = valid(self.lists.drain(..).map(|(row, _)| row), rows);
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.field), offsets, elements, valid)?))
    }
}

/// Which of so many rows have a value; none if all have one.
fn valid(with: impl ExactSizeIterator<Item = u32>, rows: usize) -> Option<NullBuffer> {
    if with.len() == rows {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, false);
    with.for_each(|row| valid.set_bit(row as usize, true));
    Some(NullBuffer::new(valid.finish()))
}
