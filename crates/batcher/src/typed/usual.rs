//! Cells of `wide` that are set one after the other without looking at each: values of the column's own type, each the
//! only one for its row, behind all that are set. Nearly all are.

use super::{
    cells::{AnyCells, Cells},
    kind::Kind,
    wide::{Found, Values},
};
use crate::facts::ValueType;
use arrow::{
    array::{Array, ArrayBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder},
    datatypes::ArrowPrimitiveType,
};

/// Sets cells from the first of these values on, as long as they are usual; gives how many that were.
pub(super) fn set(cells: &mut Cells, found: &[Found], values: &Values<'_>) -> usize {
    let has = |at: usize, value_type: ValueType| values.types[at] == value_type as u32;
    let integer = |at: usize| has(at, ValueType::Integer).then(|| values.integers.value(at));
    let (kind, cells) = cells.of_kind();
    match (kind, cells) {
        (Kind::Text, AnyCells::Text(cells)) => {
            let text = |at: usize| has(at, ValueType::String).then(|| values.texts.value(at));
            push_all(cells, found, text, |cells, text| cells.append_value(text))
        }
        (Kind::Integer, AnyCells::Integer(cells)) => push_all(cells, found, integer, PrimitiveBuilder::append_value),
        (Kind::TimestampS, AnyCells::Timestamp(cells)) => {
            let micros = |at| integer(at)?.checked_mul(1_000_000);
            push_all(cells, found, micros, PrimitiveBuilder::append_value)
        }
        (Kind::TimestampMs, AnyCells::Timestamp(cells)) => {
            let micros = |at| integer(at)?.checked_mul(1_000);
            push_all(cells, found, micros, PrimitiveBuilder::append_value)
        }
        // Integers have a double as well.
        (Kind::Double, AnyCells::Double(cells)) => {
            let double = |at: usize| values.doubles.is_valid(at).then(|| values.doubles.value(at));
            push_all(cells, found, double, PrimitiveBuilder::append_value)
        }
        (Kind::Boolean, AnyCells::Boolean(cells)) => {
            let boolean = |at: usize| has(at, ValueType::Boolean).then(|| values.booleans.value(at));
            push_all(cells, found, boolean, BooleanBuilder::append_value)
        }
        _ => 0,
    }
}

#[inline(always)]
fn push_all<C: Nulls, V>(
    cells: &mut C,
    found: &[Found],
    value: impl Fn(usize) -> Option<V>,
    push: impl Fn(&mut C, V),
) -> usize {
    for (count, one) in found.iter().enumerate() {
        let is_only = found.get(count + 1).is_none_or(|next| next.row != one.row);
        let (row, rows) = (one.row as usize, cells.len());
        if !is_only || rows > row {
            return count;
        }
        let Some(value) = value(one.at as usize) else { return count };
        if rows < row {
            cells.append_nulls(row - rows);
        }
        push(cells, value);
    }
    found.len()
}

/// What Arrow's builders have in common, but for its name.
trait Nulls: ArrayBuilder {
    fn append_nulls(&mut self, count: usize);
}

impl Nulls for StringBuilder {
    fn append_nulls(&mut self, count: usize) {
        StringBuilder::append_nulls(self, count);
    }
}

impl<T: ArrowPrimitiveType> Nulls for PrimitiveBuilder<T> {
    fn append_nulls(&mut self, count: usize) {
        PrimitiveBuilder::append_nulls(self, count);
    }
}

impl Nulls for BooleanBuilder {
    fn append_nulls(&mut self, count: usize) {
        BooleanBuilder::append_nulls(self, count);
    }
}
