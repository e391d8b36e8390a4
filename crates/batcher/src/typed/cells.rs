//! The columns of typed tables while they are filled. Rows without a value are not visited: they are
//! nulls once a later row has one.
//!
//! The value of a row can be set again while the row is the last one. A number then gives way where it stands. For a text
//! that is rare, so it is noted aside and made good when the column is finished.
//!
//! Structs and lists hold cells in turn: those of a struct's members have its rows, those of a list's
//! elements rows of their own.

use super::{
    kind::{Cell, Kind},
    nested::{ListCells, StructCells},
    numbers::Numbers,
    schema::TypedColumn,
};
use crate::{column::finish_text, facts::Value};
use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BooleanArray, BooleanBufferBuilder, StringBuilder, TimestampMicrosecondArray,
        UInt32Array,
    },
    compute::{concat, take},
    datatypes::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    error::ArrowError,
};
use std::sync::Arc;

/// The cells of a column.
pub(crate) struct Cells {
    kind: Kind,
    cells: AnyCells,
    /// Rows that were set again, in that order; and their later values.
    patched: Vec<u32>,
    patches: Option<Box<AnyCells>>,
}

pub(super) enum AnyCells {
    Text(StringBuilder),
    Integer(Numbers<i64>),
    Double(Numbers<f64>),
    Boolean(Numbers<bool>),
    Date(Numbers<i32>),
    Timestamp(Numbers<i64>),
    /// The rows that have the tag.
    Tag(Vec<u32>),
    Struct(Box<StructCells>),
    List(Box<ListCells>),
}

/// The value does not fit its column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch;

impl Cells {
    pub(crate) fn new(column: &TypedColumn) -> Self {
        let cells = match column.kind {
            Kind::Struct => AnyCells::Struct(Box::new(StructCells::new(column))),
            Kind::List => AnyCells::List(Box::new(ListCells::new(column))),
            kind => AnyCells::new(kind),
        };
        Self { kind: column.kind, cells, patched: Vec::new(), patches: None }
    }

    /// Makes room for so many rows, so that none has to be made while they are filled.
    pub(super) fn make_room(&mut self, rows: usize) {
        match &mut self.cells {
            // What the last ones had is at hand.
            AnyCells::Text(cells) if cells.is_empty() && cells.offsets_capacity() <= rows => {
                *cells = StringBuilder::with_capacity(rows, cells.values_capacity());
            }
            AnyCells::Integer(cells) | AnyCells::Timestamp(cells) => cells.make_room(rows),
            AnyCells::Double(cells) => cells.make_room(rows),
            AnyCells::Boolean(cells) => cells.make_room(rows),
            AnyCells::Date(cells) => cells.make_room(rows),
            AnyCells::Text(_) | AnyCells::Tag(_) | AnyCells::Struct(_) | AnyCells::List(_) => {}
        }
    }

    /// Sets the cell of a row, which is the last, in place of what it was. A value that does not fit
    /// leaves it without a value.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: Value<'_>, scratch: &mut String) -> Result<(), Mismatch> {
        let cell = match value {
            Value::Null => None,
            value => self.kind.cell(value, scratch),
        };
        let mismatch = cell.is_none() && !matches!(value, Value::Null);
        match cell {
            Some(cell) if self.cells.are_by_row() || self.cells.len() <= row => self.cells.push(row, cell),
            None if self.cells.len() <= row => {}
            cell => self.patch(row, cell),
        }
        if mismatch { Err(Mismatch) } else { Ok(()) }
    }

    /// Notes that the row, which is the last, has the tag.
    #[inline]
    pub(crate) fn tag(&mut self, row: usize) {
        if let AnyCells::Tag(rows) = &mut self.cells
            && rows.last() != Some(&(row as u32))
        {
            rows.push(row as u32);
        }
    }

    /// The kind of the cells, and these.
    pub(super) fn of_kind(&mut self) -> (Kind, &mut AnyCells) {
        (self.kind, &mut self.cells)
    }

    /// The column as one of structs.
    pub(super) fn as_struct(&mut self) -> Option<&mut StructCells> {
        if let AnyCells::Struct(cells) = &mut self.cells { Some(cells) } else { None }
    }

    /// The column as one of lists.
    pub(super) fn as_list(&mut self) -> Option<&mut ListCells> {
        if let AnyCells::List(cells) = &mut self.cells { Some(cells) } else { None }
    }

    /// Leaves a row, which is the last, without a value.
    pub(super) fn clear(&mut self, row: usize) {
        if self.cells.len() > row {
            self.patch(row, None);
        }
    }

    #[cold]
    fn patch(&mut self, row: usize, cell: Option<Cell<'_>>) {
        match &mut self.cells {
            AnyCells::Struct(cells) => return cells.clear(row),
            AnyCells::List(cells) => return cells.clear(row),
            AnyCells::Integer(cells) | AnyCells::Timestamp(cells) => return cells.clear(row),
            AnyCells::Double(cells) => return cells.clear(row),
            AnyCells::Boolean(cells) => return cells.clear(row),
            AnyCells::Date(cells) => return cells.clear(row),
            AnyCells::Text(_) | AnyCells::Tag(_) => {}
        }
        let patch = self.patched.len();
        self.patched.push(row as u32);
        let patches = self.patches.get_or_insert_with(|| Box::new(AnyCells::new(self.kind)));
        match cell {
            Some(cell) => patches.push(patch, cell),
            None => {
                if let AnyCells::Text(patches) = &mut **patches {
                    fill(patches, patch + 1);
                }
            }
        }
    }

    /// The column of so many rows.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let cells = self.cells.finish(rows)?;
        let Some(mut patches) = self.patches.take() else { return Ok(cells) };
        let patches = patches.finish(self.patched.len())?;
        let mut places: Vec<u32> = (0..rows as u32).collect();
        for (patch, row) in (rows as u32..).zip(self.patched.drain(..)) {
            places[row as usize] = patch;
        }
        take(&concat(&[&cells, &patches])?, &UInt32Array::from(places), None)
    }
}

impl AnyCells {
    fn new(kind: Kind) -> Self {
        match kind {
            // Structs and lists are made of their columns, and hold no cells of one kind.
            Kind::Text | Kind::Json | Kind::Struct | Kind::List => Self::Text(StringBuilder::new()),
            Kind::Integer => Self::Integer(Numbers::default()),
            Kind::Double => Self::Double(Numbers::default()),
            Kind::Boolean => Self::Boolean(Numbers::default()),
            Kind::Date => Self::Date(Numbers::default()),
            Kind::TimestampS | Kind::TimestampMs => Self::Timestamp(Numbers::default()),
            Kind::Tag => Self::Tag(Vec::new()),
        }
    }

    /// Whether the cell of any row can be set.
    #[inline]
    fn are_by_row(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Double(_) | Self::Boolean(_) | Self::Date(_) | Self::Timestamp(_))
    }

    /// The row behind the last one that has a value, or a place for one.
    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Integer(cells) | Self::Timestamp(cells) => cells.len(),
            Self::Double(cells) => cells.len(),
            Self::Boolean(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
            Self::Tag(rows) => rows.last().map_or(0, |&row| row as usize + 1),
            Self::Struct(cells) => cells.len(),
            Self::List(cells) => cells.len(),
        }
    }

    /// Adds the value of a row; a text behind those that have one.
    #[inline]
    fn push(&mut self, row: usize, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(cells), Cell::Text(text)) => {
                fill(cells, row);
                cells.append_value(text);
            }
            (Self::Integer(cells), Cell::Integer(value)) => cells.set(row, value),
            (Self::Double(cells), Cell::Double(value)) => cells.set(row, value),
            (Self::Boolean(cells), Cell::Boolean(value)) => cells.set(row, value),
            (Self::Date(cells), Cell::Date(value)) => cells.set(row, value),
            (Self::Timestamp(cells), Cell::Timestamp(value)) => cells.set(row, value),
            // A kind's cells are those of its column.
            (_, _) => {}
        }
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(cells) => {
                fill(cells, rows);
                finish_text(cells)
            }
            Self::Integer(cells) => Arc::new(cells.finish::<Int64Type>(rows)?),
            Self::Double(cells) => Arc::new(cells.finish::<Float64Type>(rows)?),
            Self::Boolean(cells) => Arc::new(cells.finish_booleans(rows)),
            Self::Date(cells) => Arc::new(cells.finish::<Date32Type>(rows)?),
            Self::Timestamp(cells) => {
                let times: TimestampMicrosecondArray = cells.finish::<TimestampMicrosecondType>(rows)?;
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Tag(with) => {
                let mut tags = BooleanBufferBuilder::new(rows);
                tags.append_n(rows, false);
                with.drain(..).for_each(|row| tags.set_bit(row as usize, true));
                Arc::new(BooleanArray::new(tags.finish(), None))
            }
            Self::Struct(cells) => return cells.finish(rows),
            Self::List(cells) => return cells.finish(rows),
        })
    }
}

/// Adds nulls up to this row.
#[inline]
fn fill(cells: &mut StringBuilder, row: usize) {
    let nulls = row - cells.len().min(row);
    if nulls > 0 {
        cells.append_nulls(nulls);
    }
}

/// A tag's column where it is not known which profiles have it.
pub(crate) fn unknown_tags(rows: usize) -> ArrayRef {
    Arc::new(BooleanArray::new_null(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    #[test]
    fn the_last_value_of_a_row_stands() {
        fn string(text: &str) -> Value<'_> {
            Value::String { decoded: text, raw: Some(text) }
        }
        let integer = |value| Value::Integer { text: "?", value };
        for (kind, sets, expected) in [
            (Kind::Text, vec![(0, string("a")), (2, string("b")), (2, string("cd"))], "a|-|cd|-"),
            (Kind::Text, vec![(1, string("a")), (1, Value::Null), (3, string(""))], "-|-|-|"),
            (Kind::Text, vec![(1, string("a")), (1, integer(7))], "-|-|-|-"),
            (Kind::Integer, vec![(0, integer(1)), (3, integer(3)), (3, integer(4))], "1|-|-|4"),
            (Kind::Boolean, vec![(2, Value::Boolean(false))], "-|-|false|-"),
            (Kind::Date, vec![(2, string("1970-01-03"))], "-|-|1970-01-03|-"),
        ] {
            let mut cells = Cells::new(&TypedColumn::of("a", kind));
            for _ in 0..2 {
                for (row, value) in &sets {
                    drop(cells.set(*row, *value, &mut String::new()));
                }
                let column = cells.finish(4).expect("a column");
                let options = FormatOptions::new().with_null("-");
                let shown = ArrayFormatter::try_new(&column, &options).expect("a type that can be shown");
                let found: Vec<_> = (0..4).map(|row| shown.value(row).to_string()).collect();
                assert_eq!(found.join("|"), expected);
            }
        }
    }
}
