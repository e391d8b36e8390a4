//! Cells of `wide` that are set one after the other without looking at each: values of the column's own type, each the
//! only one for its row. Nearly all are.

use super::{
    cells::{AnyCells, Cells},
    kind::{Kind, date},
    wide::{Found, Values},
};
use crate::facts::ValueType;
use arrow::array::{Array, ArrayBuilder, StringBuilder};

/// Sets cells from the first of these values on, as long as they are usual; gives how many that were.
pub(super) fn set(cells: &mut Cells, found: &[Found], values: &Values<'_>) -> usize {
    let has = |one: &Found, value_type: ValueType| values.types[one.at as usize] == value_type as u32;
    let text = |one: &Found| has(one, ValueType::String).then(|| values.texts.value(one.at as usize));
    let integer = |one: &Found| has(one, ValueType::Integer).then_some(one.number as i64);
    let (kind, cells) = cells.of_kind();
    match (kind, cells) {
        (Kind::Text, AnyCells::Text(cells)) => push_texts(cells, found, text),
        (Kind::Integer, AnyCells::Integer(cells)) => set_all(found, integer, |row, value| cells.set(row, value)),
        (Kind::TimestampS, AnyCells::Timestamp(cells)) => {
            let micros = |one: &Found| integer(one)?.checked_mul(1_000_000);
            set_all(found, micros, |row, value| cells.set(row, value))
        }
        (Kind::TimestampMs, AnyCells::Timestamp(cells)) => {
            let micros = |one: &Found| integer(one)?.checked_mul(1_000);
            set_all(found, micros, |row, value| cells.set(row, value))
        }
        (Kind::Double, AnyCells::Double(cells)) => {
            let double = |one: &Found| match integer(one) {
                Some(integer) => Some(integer as f64),
                // Doubles alone have one then; but not those that no double is near.
                None => values.doubles.is_valid(one.at as usize).then_some(f64::from_bits(one.number)),
            };
            set_all(found, double, |row, value| cells.set(row, value))
        }
        (Kind::Boolean, AnyCells::Boolean(cells)) => {
            let boolean = |one: &Found| has(one, ValueType::Boolean).then(|| values.booleans.value(one.at as usize));
            set_all(found, boolean, |row, value| cells.set(row, value))
        }
        (Kind::Date, AnyCells::Date(cells)) => {
            set_all(found, |one| date(text(one)?), |row, value| cells.set(row, value))
        }
        _ => 0,
    }
}

#[inline(always)]
fn set_all<V>(found: &[Found], value: impl Fn(&Found) -> Option<V>, mut set: impl FnMut(usize, V)) -> usize {
    for (count, one) in found.iter().enumerate() {
        if !is_only(found, count) {
            return count;
        }
        let Some(value) = value(one) else { return count };
        set(one.row as usize, value);
    }
    found.len()
}

/// The same of texts, which are behind all that are set.
#[inline(always)]
fn push_texts<'a>(cells: &mut StringBuilder, found: &[Found], text: impl Fn(&Found) -> Option<&'a str>) -> usize {
    let mut rows = cells.len();
    for (count, one) in found.iter().enumerate() {
        let row = one.row as usize;
        if !is_only(found, count) || rows > row {
            return count;
        }
        let Some(text) = text(one) else { return count };
        if rows < row {
            cells.append_nulls(row - rows);
        }
        cells.append_value(text);
        rows = row + 1;
    }
    found.len()
}

/// Whether no other value is for the same row as this one; those before it are for earlier rows.
#[inline(always)]
fn is_only(found: &[Found], at: usize) -> bool {
    found.get(at + 1).is_none_or(|next| next.row != found[at].row)
}
