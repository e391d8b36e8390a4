//! Column buffers that Arrow's own builders don't have: they keep what is known of a column, so
//! that nobody has to find it out again.
//!
//! Dictionaries belong to a row group. Their indices are given here, in the order of the rows, so
//! that batches can be encoded in any order and at the same time.
//!
//! A finished buffer goes to another thread and is freed there. So each buffer is made as large as
//! the last one was: it need not grow, and what the allocator gets back fits what it is asked for.

use crate::dictionary::Dictionary;
use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, BooleanBufferBuilder, DictionaryArray, Int32Array, PrimitiveArray, RunArray,
        StringArray, StringBuilder, UInt32Array,
    },
    buffer::NullBuffer,
    datatypes::{ArrowNativeType, ArrowPrimitiveType, Int32Type, UInt32Type},
    error::ArrowError,
};
use std::sync::Arc;

/// A text column of many values, each of which stays for a run of rows: a row costs nothing, a run
/// its text.
#[derive(Default)]
pub(crate) struct Runs {
    /// For each run but the last, the row behind it.
    ends: Vec<i32>,
    values: StringBuilder,
    rows: i32,
    /// The value of the rows to come.
    current: String,
    /// A row of this batch has it.
    is_open: bool,
    /// A row of this row group has it.
    is_used: bool,
    /// Runs of this row group, so also the values in its dictionary; and bytes of these.
    group_runs: u32,
    group_bytes: usize,
    /// Runs before this batch's first one.
    first: u32,
}

impl Runs {
    /// Sets the value of the rows to come.
    pub(crate) fn set(&mut self, value: &str) {
        if self.current != value {
            self.end_run();
            self.current.clear();
            self.current.push_str(value);
            self.is_used = false;
        }
    }

    /// Adds a row with the value set; gives the bytes that took.
    #[inline(always)]
    pub(crate) fn push(&mut self) -> usize {
        self.rows += 1;
        if self.is_open { 0 } else { self.begin_run() }
    }

    #[inline(never)]
    fn begin_run(&mut self) -> usize {
        if self.rows == 1 {
            // A run that went on when the last batch ended has its index already.
            self.first = self.group_runs - u32::from(self.is_used);
        }
        if !self.is_used {
            self.group_runs += 1;
            self.group_bytes += self.current.len();
            self.is_used = true;
        }
        self.is_open = true;
        self.values.append_value(&self.current);
        self.current.len() + 8
    }

    fn end_run(&mut self) {
        if self.is_open {
            self.ends.push(self.rows);
            self.is_open = false;
        }
    }

    /// The index, in the row group's dictionary, of the first value of the batch so far.
    pub(crate) fn first_index(&self) -> u32 {
        self.first
    }

    /// Bytes in the row group's dictionary.
    pub(crate) fn group_bytes(&self) -> usize {
        self.group_bytes
    }

    /// The column of the rows so far; the value set stays.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.end_run();
        self.rows = 0;
        let ends = Int32Array::from(take(&mut self.ends));
        Ok(Arc::new(RunArray::<Int32Type>::try_new(&ends, &finish_text(&mut self.values))?))
    }

    /// Begins a new row group, and a new batch.
    pub(crate) fn end_group(&mut self) {
        (self.is_used, self.group_runs, self.group_bytes, self.first) = (false, 0, 0, 0);
    }
}

/// A text column of few values, each of which stays for a run of rows but comes again and again: a row costs
/// nothing until the run has ended, and then the index of its value.
#[derive(Default)]
pub(crate) struct Stays {
    /// For each row of runs that have ended, the index of its value.
    indices: Vec<u32>,
    /// Rows, with those of the run that has not ended.
    rows: usize,
    names: Dictionary,
    /// The value set.
    current: String,
    /// A row of this row group may have it: its index is known.
    is_used: bool,
    index: u32,
}

impl Stays {
    /// Sets the value of the rows to come.
    pub(crate) fn set(&mut self, name: &str) {
        if self.current != name {
            self.end_run();
            self.current.clear();
            self.current.push_str(name);
            self.is_used = false;
        }
    }

    /// Adds a row with the value set; gives the bytes that took.
    #[inline(always)]
    pub(crate) fn push(&mut self) -> usize {
        self.rows += 1;
        if !self.is_used {
            self.look_up();
        }
        4
    }

    #[inline(never)]
    fn look_up(&mut self) {
        self.index = self.names.index(&self.current);
        self.is_used = true;
    }

    fn end_run(&mut self) {
        self.indices.resize(self.rows, self.index);
    }

    /// Bytes in the row group's dictionary.
    pub(crate) fn group_bytes(&self) -> usize {
        self.names.bytes()
    }

    /// The column of the rows so far, over a dictionary that has all values of the row group so far; the value set stays.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.end_run();
        self.rows = 0;
        let indices = UInt32Array::try_new(take(&mut self.indices).into(), None)?;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(indices, self.names.array())?))
    }

    /// Begins a new row group, and a new batch; the value set stays.
    pub(crate) fn end_group(&mut self) {
        self.names.clear();
        self.is_used = false;
    }
}

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
        let index = self.names.index(name);
        self.push_index(index);
        4
    }

    /// Adds a row without a value; gives the bytes that took.
    pub(crate) fn push_none(&mut self) -> usize {
        self.valid.resize(self.indices.len(), true);
        self.valid.push(false);
        self.indices.push(0);
        4
    }

    #[inline(always)]
    fn push_index(&mut self, index: u32) {
        self.indices.push(index);
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
    }

    /// Bytes in the row group's dictionary.
    pub(crate) fn group_bytes(&self) -> usize {
        self.names.bytes()
    }

    /// The column of the rows so far, over a dictionary that has all values of the row group so far.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let valid = (!self.valid.is_empty()).then(|| NullBuffer::from(std::mem::take(&mut self.valid)));
        let indices = UInt32Array::try_new(take(&mut self.indices).into(), valid)?;
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(indices, self.names.array())?))
    }

    /// Begins a new row group.
    pub(crate) fn end_group(&mut self) {
        self.names.clear();
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

    /// The values of so many rows, and which of them are any.
    fn spread(&mut self, rows: usize) -> (Vec<T>, NullBuffer) {
        let mut values = vec![T::default(); rows];
        let mut valid = BooleanBufferBuilder::new(rows);
        valid.append_n(rows, false);
        for (row, value) in self.rows.drain(..).zip(self.values.drain(..)) {
            values[row as usize] = value;
            valid.set_bit(row as usize, true);
        }
        (values, NullBuffer::new(valid.finish()))
    }

    /// The column of so many rows.
    pub(crate) fn finish<P>(&mut self, rows: usize) -> Result<ArrayRef, ArrowError>
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
    pub(crate) fn finish_booleans(&mut self, rows: usize) -> ArrayRef {
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

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let indices = UInt32Array::from(take(&mut self.indices));
        Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(indices, Arc::clone(&self.labels))?))
    }
}

/// The texts so far; the builder is ready for as many again.
pub(crate) fn finish_text(builder: &mut StringBuilder) -> ArrayRef {
    let array = builder.finish();
    *builder = StringBuilder::with_capacity(room(array.len()), room(array.value_data().len()));
    Arc::new(array)
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
    fn a_run_that_crosses_batches_keeps_its_index() {
        let mut runs = Runs::default();
        let mut batch = |values: &[&str], end_group: bool| {
            for value in values {
                runs.set(value);
                runs.push();
            }
            let first = runs.first_index();
            let array = runs.finish().expect("a column");
            if end_group {
                runs.end_group();
            }
            let array = array.as_run::<Int32Type>().clone();
            let texts: Vec<_> = array.values().as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            (first, array.run_ends().values().to_vec(), texts.join(" "))
        };
        assert_eq!(batch(&["a", "a", "b"], false), (0, vec![2, 3], "a b".to_owned()));
        assert_eq!(batch(&["b", "c"], false), (1, vec![1, 2], "b c".to_owned()));
        assert_eq!(batch(&["d", "d"], true), (3, vec![2], "d".to_owned()));
        assert_eq!(batch(&["d"], false), (0, vec![1], "d".to_owned()));
        assert_eq!(batch(&["e"], false), (1, vec![1], "e".to_owned()));
    }

    #[test]
    fn what_stays_keeps_its_index_in_a_row_group() {
        let mut stays = Stays::default();
        let mut batch = |values: &[&str], end_group: bool| {
            for value in values {
                stays.set(value);
                stays.push();
            }
            let array = stays.finish().expect("a column");
            if end_group {
                stays.end_group();
            }
            let array = array.as_dictionary::<UInt32Type>().clone();
            let texts: Vec<_> = array.values().as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            (array.keys().values().to_vec(), texts.join(" "))
        };
        assert_eq!(batch(&["a", "a", "b", "a"], false), (vec![0, 0, 1, 0], "a b".to_owned()));
        assert_eq!(batch(&[], false), (vec![], "a b".to_owned()));
        assert_eq!(batch(&["a", "c"], true), (vec![0, 2], "a b c".to_owned()));
        assert_eq!(batch(&["c", "c", "b"], false), (vec![0, 0, 1], "c b".to_owned()));
    }

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
            let array = names.finish().expect("a column");
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
