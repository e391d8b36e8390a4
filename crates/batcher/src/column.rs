//! Column buffers that Arrow's own builders don't have.
//!
//! A finished buffer goes to another thread and is freed there. So each buffer is made as large as
//! the last one was: it need not grow, and what the allocator gets back fits what it is asked for.

use arrow::{
    array::{Array, ArrayBuilder, ArrayRef, DictionaryArray, Int32Array, StringArray, StringBuilder},
    datatypes::Int32Type,
    error::ArrowError,
};
use std::sync::Arc;

/// A text column whose value mostly repeats: a row costs four bytes, whatever the text.
#[derive(Default)]
pub(crate) struct Repeated {
    /// For each row, the index of its value.
    keys: Vec<i32>,
    values: StringBuilder,
    /// The value of the rows to come.
    current: String,
    /// Its index in `values`, once a row of this batch has it.
    index: Option<i32>,
}

impl Repeated {
    /// Sets the value of the rows to come.
    pub(crate) fn set(&mut self, value: &str) {
        self.current.clear();
        self.current.push_str(value);
        self.index = None;
    }

    /// Adds a row with the value set; gives the bytes that took.
    pub(crate) fn push(&mut self) -> usize {
        let (index, bytes) = match self.index {
            Some(index) => (index, 0),
            None => {
                let index = i32::try_from(self.values.len()).expect("a batch has fewer rows than 2^31");
                self.values.append_value(&self.current);
                self.index = Some(index);
                (index, self.current.len() + 4)
            }
        };
        self.keys.push(index);
        bytes + 4
    }

    /// The column of the rows so far; the value set stays.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.index = None;
        dictionary(take(&mut self.keys), finish_text(&mut self.values))
    }
}

/// A text column with a handful of values known beforehand.
pub(crate) struct Labels {
    keys: Vec<i32>,
    labels: ArrayRef,
}

impl Labels {
    pub(crate) fn new(labels: &[&str]) -> Self {
        Self { keys: Vec::new(), labels: Arc::new(StringArray::from(labels.to_vec())) }
    }

    /// Adds a row with the label at `index`.
    pub(crate) fn push(&mut self, index: i32) {
        self.keys.push(index);
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        dictionary(take(&mut self.keys), Arc::clone(&self.labels))
    }
}

/// The texts so far; the builder is ready for as many again.
pub(crate) fn finish_text(builder: &mut StringBuilder) -> ArrayRef {
    let array = builder.finish();
    *builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
    Arc::new(array)
}

fn take(keys: &mut Vec<i32>) -> Vec<i32> {
    let capacity = keys.len();
    std::mem::replace(keys, Vec::with_capacity(capacity))
}

fn dictionary(keys: Vec<i32>, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), values)?))
}
