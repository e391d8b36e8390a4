//! Column buffers that Arrow's own builders don't have: they keep what is known of a column, so
//! that nobody has to find it out again.
//!
//! Dictionaries belong to a row group. Their indices are given here, in the order of the rows, so
//! that batches can be encoded in any order and at the same time.
//!
//! A full buffer is taken, goes to another thread, is built into an array and freed there: the thread that reads has
//! the least time. So each buffer is made as large as the last one was: it need not grow, and what the allocator gets
//! back fits what it is asked for.

mod runs;

pub(crate) use runs::{NameRuns, RunRows, Runs};

use crate::dictionary::Dictionary;
use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BooleanArray, BooleanBufferBuilder, DictionaryArray, PrimitiveArray, StringArray,
        StringBuilder, UInt32Array,
    },
    buffer::NullBuffer,
    datatypes::{ArrowNativeType, ArrowPrimitiveType, UInt32Type},
    error::ArrowError,
};
use std::sync::Arc;

/// A text column of few values that come in any order: a row costs the index of its value.
#[derive(Default)]
pub(crate) struct Names {
    /// For each row, the index of its value; any, where it has none.
    indices: Vec<u32>,
    /// For each row, whether it has a value; empty as long as all have.
    valid: Vec<bool>,
    names: Dictionary,
}

impl Names {
    /// Adds a row; gives the bytes that took.
    #[inline(always)]
    pub(crate) fn push(&mut self, name: &str) -> usize {
        let index = self.index(name);
        self.push_index(index);
        4
    }

    /// The index of a value of rows to come.
    #[inline(always)]
    pub(crate) fn index(&mut self, name: &str) -> u32 {
        self.names.index(name)
    }

    /// Adds a row without a value; gives the bytes that took.
    pub(crate) fn push_none(&mut self) -> usize {
        self.valid.resize(self.indices.len(), true);
        self.valid.push(false);
        self.indices.push(0);
        4
    }

    /// Adds a row with the value that has this index in the row group.
    #[inline(always)]
    pub(crate) fn push_index(&mut self, index: u32) {
        self.indices.push(index);
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
    }

    /// Bytes in the row group's dictionary.
    pub(crate) fn group_bytes(&self) -> usize {
        self.names.bytes()
    }

    /// The rows so far, over a dictionary that has all values of the row group so far.
    pub(crate) fn take(&mut self) -> NameRows {
        let (indices, valid) = (take(&mut self.indices), std::mem::take(&mut self.valid));
        NameRows { indices, valid, names: self.names.array() }
    }

    /// Begins a new row group.
    pub(crate) fn end_group(&mut self) {
        self.names.clear();
    }
}

/// Rows of a column of few values.
pub(crate) struct NameRows {
    indices: Vec<u32>,
    valid: Vec<bool>,
    names: ArrayRef,
}

impl NameRows {
    pub(crate) fn build(self) -> Result<ArrayRef, ArrowError> {
        let valid = (!self.valid.is_empty()).then(|| NullBuffer::from(self.valid));
        let indices = UInt32Array::try_new(self.indices.into(), valid)?;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(indices, self.names)?))
    }
}

/// A column of which most rows have no value; those cost nothing.
pub(crate) struct Sparse<T> {
    /// The rows that have a value, and these.
    rows: Vec<u32>,
    values: Vec<T>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), values: Vec::new() }
    }
}

impl<T: Copy + Default> Sparse<T> {
    /// Sets the value of a row, behind those that have one.
    #[inline]
    pub(crate) fn push(&mut self, row: usize, value: T) {
        self.rows.push(row as u32);
        self.values.push(value);
    }

    /// The rows so far.
    pub(crate) fn take(&mut self) -> Self {
        Self { rows: take(&mut self.rows), values: take(&mut self.values) }
    }

    /// The values of so many rows, and which of them are any.
    fn spread(self, rows: usize) -> (Vec<T>, NullBuffer) {
        let mut values = vec![T::default(); rows];
        let mut valid = BooleanBufferBuilder::new(rows);
        valid.append_n(rows, false);
        for (row, value) in self.rows.into_iter().zip(self.values) {
            values[row as usize] = value;
            valid.set_bit(row as usize, true);
        }
        (values, NullBuffer::new(valid.finish()))
    }

    /// The column of so many rows.
    pub(crate) fn build<P>(self, rows: usize) -> Result<ArrayRef, ArrowError>
    where
        T: ArrowNativeType,
        P: ArrowPrimitiveType<Native = T>,
    {
        let (values, valid) = self.spread(rows);
        Ok(Arc::new(PrimitiveArray::<P>::try_new(values.into(), Some(valid))?))
    }
}

impl Sparse<bool> {
    /// The column of so many rows.
    pub(crate) fn build_booleans(self, rows: usize) -> ArrayRef {
        let (values, valid) = self.spread(rows);
        Arc::new(BooleanArray::new(values.into(), Some(valid)))
    }
}

/// A text column with a handful of values known beforehand.
pub(crate) struct Labels {
    indices: Vec<u32>,
    labels: ArrayRef,
}

impl Labels {
    pub(crate) fn new(labels: &[&str]) -> Self {
        Self { indices: Vec::new(), labels: Arc::new(StringArray::from(labels.to_vec())) }
    }

    /// Rows so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.indices.len()
    }

    /// Adds a row with the label at `index`.
    #[inline]
    pub(crate) fn push(&mut self, index: u32) {
        self.indices.push(index);
    }

    /// The rows so far.
    pub(crate) fn take(&mut self) -> NameRows {
        NameRows { indices: take(&mut self.indices), valid: Vec::new(), names: Arc::clone(&self.labels) }
    }
}

/// The texts so far; the builder is ready for as many again.
pub(crate) fn finish_text(builder: &mut StringBuilder) -> ArrayRef {
    Arc::new(take_text(builder).finish())
}

/// The same, to be finished elsewhere.
pub(crate) fn take_text(builder: &mut StringBuilder) -> StringBuilder {
    let next = StringBuilder::with_capacity(room(builder.len()), room(builder.values_slice().len()));
    std::mem::replace(builder, next)
}

fn take<T>(values: &mut Vec<T>) -> Vec<T> {
    let capacity = room(values.len());
    std::mem::replace(values, Vec::with_capacity(capacity))
}

/// Room for the next batch, which may be a little larger.
fn room(last: usize) -> usize {
    last + last / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn names_have_the_same_index_in_a_row_group() {
        let mut names = Names::default();
        let mut batch = |values: &[Option<&str>], end_group: bool| {
            for value in values {
                match value {
                    Some(value) => names.push(value),
                    None => names.push_none(),
                };
            }
            let array = names.take().build().expect("a column");
            if end_group {
                names.end_group();
            }
            let array = array.as_dictionary::<UInt32Type>().clone();
            let texts: Vec<_> = array.values().as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            (array.keys().iter().collect::<Vec<_>>(), texts.join(" "))
        };
        let (a, b, c) = (Some(0), Some(1), Some(2));
        assert_eq!(batch(&[Some("a"), Some("b"), Some("a"), Some("b")], false), (vec![a, b, a, b], "a b".into()));
        assert_eq!(batch(&[Some("b"), None, Some("c")], true), (vec![b, None, c], "a b c".into()));
        assert_eq!(batch(&[None, Some("c"), Some("")], false), (vec![None, a, b], "c ".into()));
    }
}
