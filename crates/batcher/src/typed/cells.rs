//! The columns of typed tables while they are filled. Rows without a value are not visited: they are
//! nulls once a later row has one.
//!
//! The value of a row can be set again while the row is the last one. That is rare,
//! so it is noted aside and made good when the column is finished.
//!
//! Structs and lists hold cells in turn: those of a struct's members have its rows, those of a list's
//! elements rows of their own.

use super::{
    kind::{Cell, Kind},
    nested::{ListCells, StructCells},
    schema::TypedColumn,
};
use crate::{column::finish_text, facts::Value};
use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BooleanArray, BooleanBufferBuilder, BooleanBuilder, Date32Builder, Float64Builder,
        Int64Builder, StringBuilder, TimestampMicrosecondBuilder, UInt32Array,
    },
    compute::{concat, take},
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
    Integer(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
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

    /// Sets the cell of a row, which is the last, in place of what it was. A value that does not fit
    /// leaves it without a value.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: Value<'_>, scratch: &mut String) -> Result<(), Mismatch> {
        let cell = match value {
            Value::Null => None,
            value => self.kind.cell(value, scratch),
        };
        let mismatch = cell.is_none() && !matches!(value, Value::Null);
        if self.cells.len() <= row {
            if let Some(cell) = cell {
                self.cells.push(row, cell);
            }
        } else {
            self.patch(row, cell);
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
            _ => {}
        }
        let patch = self.patched.len();
        self.patched.push(row as u32);
        let patches = self.patches.get_or_insert_with(|| Box::new(AnyCells::new(self.kind)));
        match cell {
            Some(cell) => patches.push(patch, cell),
            None => patches.fill(patch + 1),
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
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Double => Self::Double(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::TimestampS | Kind::TimestampMs => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Kind::Tag => Self::Tag(Vec::new()),
        }
    }

    /// The row behind the last one that has a value.
    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Integer(cells) => cells.len(),
            Self::Double(cells) => cells.len(),
            Self::Boolean(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
            Self::Timestamp(cells) => cells.len(),
            Self::Tag(rows) => rows.last().map_or(0, |&row| row as usize + 1),
            Self::Struct(cells) => cells.len(),
            Self::List(cells) => cells.len(),
        }
    }

    /// Adds the value of a row, behind those that have one.
    #[inline]
    fn push(&mut self, row: usize, cell: Cell<'_>) {
        self.fill(row);
        match (self, cell) {
            (Self::Text(cells), Cell::Text(text)) => cells.append_value(text),
            (Self::Integer(cells), Cell::Integer(value)) => cells.append_value(value),
            (Self::Double(cells), Cell::Double(value)) => cells.append_value(value),
            (Self::Boolean(cells), Cell::Boolean(value)) => cells.append_value(value),
            (Self::Date(cells), Cell::Date(value)) => cells.append_value(value),
            (Self::Timestamp(cells), Cell::Timestamp(value)) => cells.append_value(value),
            // A kind's cells are those of its column.
            (_, _) => {}
        }
    }

    /// Adds nulls up to this row.
    #[inline]
    fn fill(&mut self, row: usize) {
        let nulls = row - self.len().min(row);
        if nulls == 0 {
            return;
        }
        match self {
            Self::Text(cells) => cells.append_nulls(nulls),
            Self::Integer(cells) => cells.append_nulls(nulls),
            Self::Double(cells) => cells.append_nulls(nulls),
            Self::Boolean(cells) => cells.append_nulls(nulls),
            Self::Date(cells) => cells.append_nulls(nulls),
            Self::Timestamp(cells) => cells.append_nulls(nulls),
            Self::Tag(_) | Self::Struct(_) | Self::List(_) => {}
        }
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.fill(rows);
        Ok(match self {
            Self::Text(cells) => finish_text(cells),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Double(cells) => Arc::new(cells.finish()),
            Self::Boolean(cells) => Arc::new(cells.finish()),
            Self::Date(cells) => Arc::new(cells.finish()),
            Self::Timestamp(cells) => Arc::new(cells.finish()),
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
