//! The least and the greatest value of a column, as the log of a Delta table says them of a file.
//!
//! Unlike a [`Range`](super::range), which is of a page, they are of columns of numbers and days, too: a reader of the log
//! leaves out whole files by them, and they cost it no more than their text. Of texts they are of those columns alone whose
//! values come in order. A bound may lie beyond the values, and never within them: what cannot be said so is left out.

use super::range::{TEXT_BYTES_MAX, least_and_greatest};
use crate::schema::{Column, ColumnType, Habit};
use arrow::{
    array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray},
    compute::{max, min},
    datatypes::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use jiff::{Span, Timestamp, civil, tz::TimeZone};
use serde_json::Value;

/// The years that readers of all kinds know.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9999;

/// What is known of some values of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Bounds {
    /// There are none.
    #[default]
    Nothing,
    /// Nothing.
    Unknown,
    Integers {
        min: i64,
        max: i64,
    },
    /// They are numbers, and finite.
    Doubles {
        min: f64,
        max: f64,
    },
    /// Since the Unix epoch.
    Days {
        min: i32,
        max: i32,
    },
    /// Microseconds since the Unix epoch.
    Times {
        min: i64,
        max: i64,
    },
    Texts {
        min: Box<str>,
        /// None if there is no text that is short and greater than all.
        max: Option<Box<str>>,
    },
}

impl Bounds {
    pub(crate) fn of(column: &Column, array: &dyn Array) -> Self {
        if array.null_count() == array.len() {
            return Self::Nothing;
        }
        match (column.habit, column.column_type) {
            (Habit::Runs | Habit::Repeats, _) if column.has_range => {
                Self::of_texts(array.as_run::<Int32Type>().values().as_string())
            }
            (Habit::Any, ColumnType::String) if column.has_range => Self::of_texts(array.as_string()),
            (Habit::Runs | Habit::Repeats | Habit::Few, _) => Self::Unknown,
            (_, ColumnType::Int32) => {
                let bounds = both::<Int32Type>(array.as_primitive());
                bounds.map_or(Self::Nothing, |(min, max)| Self::Integers { min: min.into(), max: max.into() })
            }
            (_, ColumnType::Int64) => {
                let bounds = both::<Int64Type>(array.as_primitive());
                bounds.map_or(Self::Nothing, |(min, max)| Self::Integers { min, max })
            }
            (_, ColumnType::Double) => match both::<Float64Type>(array.as_primitive()) {
                None => Self::Nothing,
                // What is no number is beyond all numbers in this order.
                Some((min, max)) if min.is_finite() && max.is_finite() => Self::Doubles { min, max },
                Some(_) => Self::Unknown,
            },
            (_, ColumnType::Date) => {
                let bounds = both::<Date32Type>(array.as_primitive());
                bounds.map_or(Self::Nothing, |(min, max)| Self::Days { min, max })
            }
            (_, ColumnType::TimestampMicrosUtc) => {
                let bounds = both::<TimestampMicrosecondType>(array.as_primitive());
                bounds.map_or(Self::Nothing, |(min, max)| Self::Times { min, max })
            }
            (_, ColumnType::String | ColumnType::Boolean | ColumnType::Struct | ColumnType::List) => Self::Unknown,
        }
    }

    fn of_texts(texts: &StringArray) -> Self {
        least_and_greatest(texts).map_or(Self::Nothing, |(min, max)| Self::Texts {
            min: cut(min).into(),
            max: at_least(max).map(String::into_boxed_str),
        })
    }

    /// What is known of both. They are of one column.
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Integers { min, max }, Self::Integers { min: other_min, max: other_max }) => {
                Self::Integers { min: min.min(other_min), max: max.max(other_max) }
            }
            (Self::Doubles { min, max }, Self::Doubles { min: other_min, max: other_max }) => {
                Self::Doubles { min: min.min(other_min), max: max.max(other_max) }
            }
            (Self::Days { min, max }, Self::Days { min: other_min, max: other_max }) => {
                Self::Days { min: min.min(other_min), max: max.max(other_max) }
            }
            (Self::Times { min, max }, Self::Times { min: other_min, max: other_max }) => {
                Self::Times { min: min.min(other_min), max: max.max(other_max) }
            }
            (Self::Texts { min, max }, Self::Texts { min: other_min, max: other_max }) => {
                let max = max.zip(other_max).map(|(max, other)| max.max(other));
                Self::Texts { min: min.min(other_min), max }
            }
            _ => Self::Unknown,
        }
    }

    /// The least and the greatest value as the log has them, where it can.
    pub(crate) fn json(&self) -> [Option<Value>; 2] {
        match self {
            Self::Nothing | Self::Unknown => [None, None],
            Self::Integers { min, max } => [Some((*min).into()), Some((*max).into())],
            // To some readers the one zero is less than the other.
            Self::Doubles { min, max } => {
                let (min, max) = (if *min == 0.0 { -0.0 } else { *min }, if *max == 0.0 { 0.0 } else { *max });
                [Some(min.into()), Some(max.into())]
            }
            Self::Days { min, max } => [day(*min), day(*max)],
            // In milliseconds, as the protocol has them. It lets writers cut the greatest one, too, and readers add what that may
            // have been; but not all of them do.
            Self::Times { min, max } => {
                let is_between = max.rem_euclid(1_000) != 0;
                [time(min.div_euclid(1_000)), time(max.div_euclid(1_000) + i64::from(is_between))]
            }
            Self::Texts { min, max } => [Some(min.as_ref().into()), max.as_deref().map(Value::from)],
        }
    }
}

fn both<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>) -> Option<(T::Native, T::Native)>
where
    T::Native: arrow::datatypes::ArrowNativeTypeOp,
{
    Some((min(values)?, max(values)?))
}

fn day(since_epoch: i32) -> Option<Value> {
    let day = civil::date(1970, 1, 1).checked_add(Span::new().try_days(since_epoch).ok()?).ok()?;
    YEARS.contains(&day.year()).then(|| day.to_string().into())
}

fn time(milliseconds: i64) -> Option<Value> {
    let time = Timestamp::from_millisecond(milliseconds).ok()?.to_zoned_datetime(TimeZone::UTC);
    YEARS.contains(&time.year()).then(|| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into())
}

/// The first characters of a text, which are not greater than it.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// A text that is not less, and not much longer than what is kept of one: of those with the same first characters, none is
/// greater than what comes after these.
fn at_least(text: &str) -> Option<String> {
    let mut kept = cut(text).to_owned();
    if kept.len() == text.len() {
        return Some(kept);
    }
    while let Some(last) = kept.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::optional;
    use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray};
    use serde_json::json;
    use std::sync::Arc;

    fn of(column_type: ColumnType, array: ArrayRef) -> Bounds {
        Bounds::of(&optional("x", column_type).with_range(), array.as_ref())
    }

    fn texts(texts: &[Option<&str>]) -> Bounds {
        of(ColumnType::String, Arc::new(StringArray::from(texts.to_vec())))
    }

    #[test]
    fn bounds_hold_all_values() {
        use ColumnType as T;
        let integers = |values: &[Option<i64>]| of(T::Int64, Arc::new(Int64Array::from(values.to_vec())));
        let doubles = |values: &[f64]| of(T::Double, Arc::new(Float64Array::from(values.to_vec())));
        let days = |values: &[i32]| of(T::Date, Arc::new(Date32Array::from(values.to_vec())));
        let times = |values: &[i64]| {
            of(T::TimestampMicrosUtc, Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC")))
        };
        let known = |min: Value, max: Value| [Some(min), Some(max)];
        for (bounds, expected) in [
            (integers(&[Some(3), None, Some(-7)]), known(json!(-7), json!(3))),
            (integers(&[Some(i64::MIN), Some(i64::MAX)]), known(json!(i64::MIN), json!(i64::MAX))),
            (integers(&[None, None]), [None, None]),
            (doubles(&[1.5, -2.25e300]), known(json!(-2.25e300), json!(1.5))),
            (doubles(&[0.0]), known(json!(-0.0), json!(0.0))),
            (doubles(&[-0.0]), known(json!(-0.0), json!(0.0))),
            (doubles(&[1.0, f64::NAN]), [None, None]),
            (doubles(&[1.0, -f64::NAN]), [None, None]),
            (doubles(&[1.0, f64::INFINITY]), [None, None]),
            (days(&[0, -1, 20_000]), known(json!("1969-12-31"), json!("2024-10-04"))),
            // Beyond what all readers know.
            (days(&[i32::MIN, 0]), [None, Some(json!("1970-01-01"))]),
            (days(&[-719_162, 3_000_000]), [Some(json!("0001-01-01")), None]),
            (times(&[0, 1_999]), known(json!("1970-01-01T00:00:00.000Z"), json!("1970-01-01T00:00:00.002Z"))),
            (times(&[-1]), known(json!("1969-12-31T23:59:59.999Z"), json!("1970-01-01T00:00:00.000Z"))),
            (
                times(&[1_700_000_000_123_000]),
                known(json!("2023-11-14T22:13:20.123Z"), json!("2023-11-14T22:13:20.123Z")),
            ),
            (times(&[i64::MIN, i64::MAX]), [None, None]),
            (texts(&[Some("b"), None, Some(""), Some("é")]), known(json!(""), json!("é"))),
            (texts(&[None]), [None, None]),
            (of(T::Boolean, Arc::new(BooleanArray::from(vec![true]))), [None, None]),
        ] {
            assert_eq!(bounds.json(), expected, "{bounds:?}");
        }
        // Both zeros are equal to each other, so that is looked at apart.
        assert_eq!(doubles(&[0.0]).json().map(|bound| bound.expect("a bound").to_string()), ["-0.0", "0.0"]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let a = |times| "a".repeat(times);
        for (text, min, max) in [
            (a(128), a(128), Some(a(128))),
            (a(129), a(128), Some(a(127) + "b")),
            // The character does not fit as a whole.
            (a(127) + "éé", a(127), Some(a(126) + "b")),
            (a(126) + "éé", a(126) + "é", Some(a(126) + "ê")),
            (a(124) + "😀😀", a(124) + "😀", Some(a(124) + "😁")),
            // What comes next is longer, or not the next number.
            (a(127) + "\u{7f}x", a(127) + "\u{7f}", Some(a(127) + "\u{80}")),
            (a(125) + "\u{d7ff}x", a(125) + "\u{d7ff}", Some(a(125) + "\u{e000}")),
            // Nothing comes next.
            (a(124) + "\u{10ffff}x", a(124) + "\u{10ffff}", Some(a(123) + "b")),
            ("\u{10ffff}".repeat(33), "\u{10ffff}".repeat(32), None),
        ] {
            let bounds = texts(&[Some(&text)]);
            assert_eq!(bounds.json(), [Some(Value::from(min.clone())), max.clone().map(Value::from)], "{text}");
            assert!(*min <= *text && max.is_none_or(|max| *max >= *text), "{text}");
        }
    }

    #[test]
    fn bounds_of_several_pages() {
        let [nothing, unknown] = [Bounds::Nothing, Bounds::Unknown];
        let integers = |min, max| Bounds::Integers { min, max };
        let long = "\u{10ffff}".repeat(33);
        for (one, other, expected) in [
            (nothing.clone(), nothing.clone(), nothing.clone()),
            (nothing.clone(), integers(1, 2), integers(1, 2)),
            (integers(1, 2), integers(-5, 1), integers(-5, 2)),
            (integers(1, 2), unknown.clone(), unknown.clone()),
            (nothing, unknown.clone(), unknown),
            (
                Bounds::Doubles { min: -1.0, max: 1.0 },
                Bounds::Doubles { min: 0.0, max: 2.0 },
                Bounds::Doubles { min: -1.0, max: 2.0 },
            ),
            (Bounds::Days { min: 1, max: 2 }, Bounds::Days { min: 0, max: 1 }, Bounds::Days { min: 0, max: 2 }),
            (Bounds::Times { min: 1, max: 2 }, Bounds::Times { min: 3, max: 4 }, Bounds::Times { min: 1, max: 4 }),
            (texts(&[Some("b")]), texts(&[Some("a")]), texts(&[Some("a"), Some("b")])),
            (texts(&[Some("b")]), texts(&[Some(&long)]), Bounds::Texts { min: "b".into(), max: None }),
        ] {
            assert_eq!(one.clone().merge(other.clone()), expected, "{one:?} {other:?}");
            assert_eq!(other.clone().merge(one.clone()), expected, "{other:?} {one:?}");
        }
    }
}
