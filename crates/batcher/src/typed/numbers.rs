//! Numbers by row, of which any can be set at any time. A row without one costs nothing but its place.

use arrow::{
    array::{BooleanArray, PrimitiveArray},
    buffer::{BooleanBuffer, MutableBuffer, NullBuffer},
    datatypes::ArrowPrimitiveType,
    error::ArrowError,
    util::bit_util::{set_bit, unset_bit},
};

#[derive(Default)]
pub(super) struct Numbers<T> {
    /// By row; any, where there is none.
    values: Vec<T>,
    /// For each row a bit, whether there is one.
    valid: Vec<u8>,
}

impl<T: Copy + Default> Numbers<T> {
    /// Rows that have a place.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Gives so many rows a place.
    pub(super) fn make_room(&mut self, rows: usize) {
        if rows > self.len() {
            self.values.resize(rows, T::default());
            self.valid.resize(rows.div_ceil(8), 0);
        }
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, value: T) {
        if row >= self.len() {
            self.make_room(row + 1);
        }
        self.values[row] = value;
        set_bit(&mut self.valid, row);
    }

    /// Leaves a row without a value.
    pub(super) fn clear(&mut self, row: usize) {
        if row < self.len() {
            unset_bit(&mut self.valid, row);
        }
    }

    /// The values of so many rows, and which of them there are, if there are not all.
    fn take(&mut self, rows: usize) -> (Vec<T>, Option<NullBuffer>) {
        self.make_room(rows);
        let (values, valid) = (std::mem::take(&mut self.values), std::mem::take(&mut self.valid));
        let valid = NullBuffer::new(BooleanBuffer::new(MutableBuffer::from(valid).into(), 0, rows));
        (values, Some(valid).filter(|valid| valid.null_count() > 0))
    }

    /// The column of so many rows.
    pub(super) fn finish<P>(&mut self, rows: usize) -> Result<PrimitiveArray<P>, ArrowError>
    where
        P: ArrowPrimitiveType<Native = T>,
        T: arrow::datatypes::ArrowNativeType,
    {
        let (values, valid) = self.take(rows);
        PrimitiveArray::try_new(values.into(), valid)
    }
}

impl Numbers<bool> {
    /// The column of so many rows.
    pub(super) fn finish_booleans(&mut self, rows: usize) -> BooleanArray {
        let (values, valid) = self.take(rows);
        BooleanArray::new(values.into(), valid)
    }
}
