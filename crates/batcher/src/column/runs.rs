//! Text columns whose value stays for a run of rows, as the export key and the section do: a row costs a count.

use super::{NameRows, take, take_text};
use crate::dictionary::Dictionary;
use arrow::{
    array::{ArrayRef, Int32Array, RunArray, StringBuilder},
    datatypes::Int32Type,
    error::ArrowError,
};
use std::sync::Arc;

/// A text column of many values, each of which stays for a run of rows: a row costs nothing, a run
/// its text.
#[derive(Default)]
pub(crate) struct Runs {
    /// For each run that has ended, the row behind it.
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
        if replace(&mut self.current, value) {
            self.end_run();
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

    /// The rows so far; the value set stays.
    pub(crate) fn take(&mut self) -> RunRows {
        self.end_run();
        self.rows = 0;
        RunRows { ends: take(&mut self.ends), values: take_text(&mut self.values) }
    }

    /// Begins a new row group, and a new batch.
    pub(crate) fn end_group(&mut self) {
        (self.is_used, self.group_runs, self.group_bytes, self.first) = (false, 0, 0, 0);
    }
}

/// Rows of a column in runs.
pub(crate) struct RunRows {
    ends: Vec<i32>,
    values: StringBuilder,
}

impl RunRows {
    pub(crate) fn build(mut self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(self.ends), &self.values.finish())?))
    }
}

/// A text column of few values, each of which stays for a run of rows but comes again and again: a row costs
/// nothing until the run has ended, and then the index of its value.
#[derive(Default)]
pub(crate) struct NameRuns {
    /// For each row of runs that have ended, the index of its value.
    indices: Vec<u32>,
    /// Rows, with those of the run that has not ended.
    rows: usize,
    names: Dictionary,
    /// The value set.
    current: String,
    /// Its index is known, which is this.
    is_indexed: bool,
    index: u32,
}

impl NameRuns {
    /// Sets the value of the rows to come.
    pub(crate) fn set(&mut self, name: &str) {
        if replace(&mut self.current, name) {
            self.end_run();
            self.is_indexed = false;
        }
    }

    /// Adds a row with the value set; gives the bytes that took.
    #[inline(always)]
    pub(crate) fn push(&mut self) -> usize {
        self.rows += 1;
        if !self.is_indexed {
            self.look_up();
        }
        4
    }

    #[inline(never)]
    fn look_up(&mut self) {
        self.index = self.names.index(&self.current);
        self.is_indexed = true;
    }

    fn end_run(&mut self) {
        self.indices.resize(self.rows, self.index);
    }

    /// Bytes in the row group's dictionary.
    pub(crate) fn group_bytes(&self) -> usize {
        self.names.bytes()
    }

    /// The rows so far, over a dictionary that has all values of the row group so far; the value set stays.
    pub(crate) fn take(&mut self) -> NameRows {
        self.end_run();
        self.rows = 0;
        NameRows { indices: take(&mut self.indices), valid: Vec::new(), names: self.names.array() }
    }

    /// Begins a new row group, and a new batch; the value set names.
    pub(crate) fn end_group(&mut self) {
        self.names.clear();
        self.is_indexed = false;
    }
}

/// Puts a value in place of the current one; true if it is another.
fn replace(current: &mut String, value: &str) -> bool {
    let is_other = current != value;
    if is_other {
        current.clear();
        current.push_str(value);
    }
    is_other
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::{array::AsArray, datatypes::UInt32Type};

    #[test]
    fn a_run_that_crosses_batches_keeps_its_index() {
        let mut runs = Runs::default();
        let mut batch = |values: &[&str], end_group: bool| {
            for value in values {
                runs.set(value);
                runs.push();
            }
            let first = runs.first_index();
            let array = runs.take().build().expect("a column");
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
        let mut names = NameRuns::default();
        let mut batch = |values: &[&str], end_group: bool| {
            for value in values {
                names.set(value);
                names.push();
            }
            let array = names.take().build().expect("a column");
            if end_group {
                names.end_group();
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
}
