//! The columns of typed tables while they are filled: a row that has no value costs nothing, and a
//! value can be taken back while its row is the last.

use super::kind::{Cell, Kind};
use crate::{column::Sparse, facts::Value};
use arrow::{
    array::{ArrayRef, BooleanBufferBuilder, StringArray},
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    error::ArrowError,
};
use std::sync::Arc;

/// The cells of a column.
pub(crate) struct Cells {
    kind: Kind,
    cells: AnyCells,
}

enum AnyCells {
    Text(Texts),
    Integer(Sparse<i64>),
    Double(Sparse<f64>),
    Boolean(Sparse<bool>),
    Date(Sparse<i32>),
    Timestamp(Sparse<i64>),
}

/// The value does not fit its column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch;

impl Cells {
    pub(crate) fn new(kind: Kind) -> Self {
        let cells = match kind {
            Kind::Text | Kind::Json => AnyCells::Text(Texts::default()),
            Kind::Integer => AnyCells::Integer(Sparse::default()),
            Kind::Double => AnyCells::Double(Sparse::default()),
            Kind::Boolean | Kind::Tag => AnyCells::Boolean(Sparse::default()),
            Kind::Date => AnyCells::Date(Sparse::default()),
            Kind::TimestampS | Kind::TimestampMs => AnyCells::Timestamp(Sparse::default()),
        };
        Self { kind, cells }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Sets the cell of a row, which is the last, in place of what it was; gives the bytes of text
    /// that took. A value that does not fit leaves it without a value.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: Value<'_>, scratch: &mut String) -> Result<usize, Mismatch> {
        self.clear(row);
        let cell = match value {
            Value::Null => return Ok(0),
            value => self.kind.cell(value, scratch).ok_or(Mismatch)?,
        };
        match (&mut self.cells, cell) {
            (AnyCells::Text(cells), Cell::Text(text)) => {
                cells.push(row, text);
                return Ok(text.len());
            }
            (AnyCells::Integer(cells), Cell::Integer(value)) => cells.push(row, value),
            (AnyCells::Double(cells), Cell::Double(value)) => cells.push(row, value),
            (AnyCells::Boolean(cells), Cell::Boolean(value)) => cells.push(row, value),
            (AnyCells::Date(cells), Cell::Date(value)) => cells.push(row, value),
            (AnyCells::Timestamp(cells), Cell::Timestamp(value)) => cells.push(row, value),
            _ => return Err(Mismatch),
        }
        Ok(0)
    }

    /// Notes that the row, which is the last, has the tag.
    #[inline]
    pub(crate) fn tag(&mut self, row: usize) {
        self.clear(row);
        if let AnyCells::Boolean(cells) = &mut self.cells {
            cells.push(row, true);
        }
    }

    /// Takes back the cell of a row, which is the last.
    #[inline]
    pub(crate) fn clear(&mut self, row: usize) {
        match &mut self.cells {
            AnyCells::Text(cells) => cells.clear(row),
            AnyCells::Integer(cells) => cells.clear(row),
            AnyCells::Double(cells) => cells.clear(row),
            AnyCells::Boolean(cells) => cells.clear(row),
            AnyCells::Date(cells) => cells.clear(row),
            AnyCells::Timestamp(cells) => cells.clear(row),
        }
    }

    /// The column of so many rows, of which those without a value are null.
    pub(crate) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        match &mut self.cells {
            AnyCells::Text(cells) => cells.finish(rows),
            AnyCells::Integer(cells) => cells.finish::<Int64Type>(rows),
            AnyCells::Double(cells) => cells.finish::<Float64Type>(rows),
            AnyCells::Boolean(cells) => Ok(cells.finish_booleans(rows)),
            AnyCells::Date(cells) => cells.finish::<Date32Type>(rows),
            AnyCells::Timestamp(cells) => cells.finish_times::<TimestampMicrosecondType>(rows),
        }
    }

    /// The column of so many rows, of which those without a value are false.
    pub(crate) fn finish_or_false(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        match &mut self.cells {
            AnyCells::Boolean(cells) => Ok(cells.finish_or_false(rows)),
            _ => self.finish(rows),
        }
    }
}

/// A text column of which many rows have no value.
#[derive(Default)]
struct Texts {
    /// The rows that have a value, and where its text ends.
    rows: Vec<u32>,
    ends: Vec<u32>,
    text: Vec<u8>,
}

impl Texts {
    #[inline]
    fn push(&mut self, row: usize, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.rows.push(row as u32);
        self.ends.push(self.text.len() as u32);
    }

    #[inline]
    fn clear(&mut self, row: usize) {
        if self.rows.last() == Some(&(row as u32)) {
            self.rows.pop();
            self.ends.pop();
            self.text.truncate(self.ends.last().map_or(0, |&end| end as usize));
        }
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let mut offsets = Vec::with_capacity(rows + 1);
        let mut valid = BooleanBufferBuilder::new(rows);
        valid.append_n(rows, false);
        offsets.push(0);
        let mut end = 0;
        for (row, next) in self.rows.drain(..).zip(self.ends.drain(..)) {
            offsets.resize(row as usize + 1, end);
            end = next as i32;
            offsets.push(end);
            valid.set_bit(row as usize, true);
        }
        offsets.resize(rows + 1, end);
        let room = self.text.len() + self.text.len() / 8;
        let text = std::mem::replace(&mut self.text, Vec::with_capacity(room));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let valid = NullBuffer::new(valid.finish());
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(text), Some(valid))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    #[test]
    fn the_last_value_of_a_row_stands() {
        fn string(text: &str) -> Option<Value<'_>> {
            Some(Value::String { decoded: text, raw: text })
        }
        let integer = |value| Some(Value::Integer { text: "?", value });
        for (kind, sets, expected) in [
            (Kind::Text, vec![(0, string("a")), (2, string("b")), (2, string("cd"))], "a|-|cd|-"),
            (Kind::Text, vec![(1, string("a")), (1, Some(Value::Null)), (3, string(""))], "-|-|-|"),
            (Kind::Text, vec![(1, string("a")), (1, integer(7))], "-|-|-|-"),
            (Kind::Text, vec![(1, string("a")), (1, None)], "-|-|-|-"),
            (Kind::Integer, vec![(0, integer(1)), (3, integer(3)), (3, integer(4))], "1|-|-|4"),
            (Kind::Boolean, vec![(2, Some(Value::Boolean(false)))], "-|-|false|-"),
            (Kind::Date, vec![(2, string("1970-01-03"))], "-|-|1970-01-03|-"),
        ] {
            let mut cells = Cells::new(kind);
            for _ in 0..2 {
                for (row, value) in &sets {
                    match value {
                        Some(value) => drop(cells.set(*row, *value, &mut String::new())),
                        None => cells.clear(*row),
                    }
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
