//! What typed columns hold, and which values fit them.
//!
//! | kind | column | values that fit |
//! |---|---|---|
//! | `text` | string | strings |
//! | `integer` | int64 | numbers, also in strings, that are whole and fit, however they are written |
//! | `double` | double | numbers, also in strings, that are finite as a double |
//! | `boolean` | boolean | `true`, `false`, also in strings |
//! | `date` | date | strings `YYYY-MM-DD` |
//! | `timestamp_s`, `timestamp_ms` | timestamp | whole numbers since the Unix epoch, also in strings; strings as in RFC 3339 |
//! | `json` | string | any value, as JSON text |
//! | `tag` | boolean | true where the tag is there |
//! | `struct` | struct | objects; each member fits its own column, or does not |
//! | `list` | list | arrays; each element fits, or does not |
//!
//! Any other value is null in its cell, and a row of the table `unmapped`.

use crate::{facts::Value, schema::ColumnType, time};
use apsides_tokenizer::Number;
use arrow::{
    compute::kernels::cast_utils::Parser,
    datatypes::{Date32Type, TimestampMicrosecondType},
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a typed column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Double,
    /// True or false.
    Boolean,
    /// Days.
    Date,
    /// Instants, in seconds since the Unix epoch.
    TimestampS,
    /// Instants, in milliseconds since the Unix epoch.
    TimestampMs,
    /// Any value, as JSON text.
    Json,
    /// Whether a tag is there.
    Tag,
    /// Objects: a column for each member.
    Struct,
    /// Arrays: a column for the elements.
    List,
}

impl FromStr for Kind {
    type Err = String;

    /// Reads a name. A tag's kind is not for anybody to choose, and structs and lists are told by their members.
    fn from_str(name: &str) -> Result<Self, String> {
        let kinds = [
            Self::Text,
            Self::Integer,
            Self::Double,
            Self::Boolean,
            Self::Date,
            Self::TimestampS,
            Self::TimestampMs,
            Self::Json,
        ];
        let names = kinds.map(Self::name).join(", ");
        kinds.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("no type {name}; there are {names}"))
    }
}

/// A value that fits.
#[derive(Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Date(i32),
    Timestamp(i64),
}

impl Kind {
    /// Its name, as in pipelines and in the metadata of fields.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::TimestampS => "timestamp_s",
            Self::TimestampMs => "timestamp_ms",
            Self::Json => "json",
            Self::Tag => "tag",
            Self::Struct => "struct",
            Self::List => "list",
        }
    }

    /// The type of its column.
    pub fn column_type(self) -> ColumnType {
        match self {
            Self::Text | Self::Json => ColumnType::String,
            Self::Integer => ColumnType::Int64,
            Self::Double => ColumnType::Double,
            Self::Boolean | Self::Tag => ColumnType::Boolean,
            Self::Date => ColumnType::Date,
            Self::TimestampS | Self::TimestampMs => ColumnType::TimestampMicrosUtc,
            Self::Struct => ColumnType::Struct,
            Self::List => ColumnType::List,
        }
    }

    /// Whether it is made of others.
    pub(crate) fn is_nested(self) -> bool {
        matches!(self, Self::Struct | Self::List)
    }

    /// Whether its columns hold whatever the other's hold.
    pub(crate) fn holds(self, other: Self) -> bool {
        self == other
            || matches!((self, other), (Self::Double, Self::Integer))
            || (self == Self::Json && other != Self::Tag)
    }

    /// The least kind that holds what both hold.
    pub(crate) fn widened(self, other: Self) -> Self {
        if self.holds(other) {
            self
        } else if other.holds(self) {
            other
        } else {
            Self::Json
        }
    }

    /// The value as a cell of its column, if it fits. Nulls are no cells.
    #[inline]
    pub(crate) fn cell<'a>(self, value: Value<'a>, scratch: &'a mut String) -> Option<Cell<'a>> {
        match (self, value) {
            (Self::Text, Value::String { decoded, .. }) => Some(Cell::Text(decoded)),
            (Self::Integer, Value::Integer { value, .. }) => Some(Cell::Integer(value)),
            (Self::Double, Value::Double { value, .. }) => finite(value),
            (Self::Double, Value::Integer { value, .. }) => Some(Cell::Double(value as f64)),
            (Self::Boolean, Value::Boolean(value)) => Some(Cell::Boolean(value)),
            (Self::Date, Value::String { decoded, .. }) => date(decoded).map(Cell::Date),
            (Self::TimestampS, Value::Integer { value, .. }) => value.checked_mul(1_000_000).map(Cell::Timestamp),
            (Self::TimestampMs, Value::Integer { value, .. }) => value.checked_mul(1000).map(Cell::Timestamp),
            _ => self.unusual(value, scratch),
        }
    }

    fn unusual<'a>(self, value: Value<'a>, scratch: &'a mut String) -> Option<Cell<'a>> {
        match (self, value) {
            (Self::Json, value) => {
                scratch.clear();
                value.push_json(scratch);
                Some(Cell::Text(scratch))
            }
            (Self::Boolean, Value::String { decoded: "true", .. }) => Some(Cell::Boolean(true)),
            (Self::Boolean, Value::String { decoded: "false", .. }) => Some(Cell::Boolean(false)),
            (Self::Integer, value) => time::whole(number(value)?).map(Cell::Integer),
            (Self::Double, value) => finite(number(value)?.to_f64()),
            (Self::TimestampS | Self::TimestampMs, value) => {
                let micros = match (number(value), value) {
                    (Some(number), _) if self == Self::TimestampS => time::whole(number)?.checked_mul(1_000_000),
                    (Some(number), _) => time::micros(number),
                    (None, Value::String { decoded, .. }) if has_offset(decoded) => {
                        TimestampMicrosecondType::parse(decoded)
                    }
                    _ => None,
                };
                micros.map(Cell::Timestamp)
            }
            _ => None,
        }
    }
}

/// The number that a value is, or that stands in a text.
fn number(value: Value<'_>) -> Option<Number<'_>> {
    match value {
        Value::Integer { text, .. } | Value::Double { text, .. } => Number::parse(text),
        Value::String { decoded, .. } => Number::parse(decoded),
        _ => None,
    }
}

fn finite(value: f64) -> Option<Cell<'static>> {
    value.is_finite().then_some(Cell::Double(value))
}

/// Whether a time ends as in RFC 3339, with its distance from UTC: without one, nobody knows which instant it is.
fn has_offset(text: &str) -> bool {
    text.ends_with(['Z', 'z'])
        || text.len().checked_sub(6).and_then(|at| text.get(at..)).is_some_and(|end| {
            end.starts_with(['+', '-'])
                && end[1..].bytes().enumerate().all(|(at, byte)| match at {
                    2 => byte == b':',
                    _ => byte.is_ascii_digit(),
                })
        })
}

/// The days since the Unix epoch of a date `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<i32> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    if (bytes[4], bytes[7]) != (b'-', b'-') {
        return None;
    }
    days(bytes).or_else(|| Date32Type::parse(text))
}

/// The same of what has digits in all other places, which others take ten times as long for.
fn days(text: &[u8; 10]) -> Option<i32> {
    let number = |places: std::ops::Range<usize>| {
        let digits = text[places].iter();
        digits
            .map(|digit| digit.wrapping_sub(b'0'))
            .try_fold(0, |number, digit| (digit < 10).then_some(number * 10 + i32::from(digit)))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_month = match month {
        2 => 28 + i32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=in_month).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is their last: <https://howardhinnant.github.io/date_algorithms.html>
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_tokenizer::{Token, Tokens};

    /// The cell of a JSON value, written as the cell's debug form; `-` for none.
    fn cell(kind: Kind, json: &str) -> String {
        let (mut scratch, mut decoded) = (String::new(), String::new());
        let mut tokens = Tokens::new(json.as_bytes());
        let value = match tokens.pull().expect(json).expect(json) {
            Token::String(text) => Value::String { decoded: text.decode(&mut decoded).text, raw: Some(text.text()) },
            Token::Number(number) => Value::of_number(number),
            Token::Bool(value) => Value::Boolean(value),
            Token::ObjectStart => Value::Object(json),
            Token::ArrayStart => Value::Array(json),
            other => panic!("{other:?}"),
        };
        kind.cell(value, &mut scratch).map_or("-".to_owned(), |cell| format!("{cell:?}"))
    }

    #[test]
    fn dates_are_those_of_arrow() {
        let mut count = 0;
        for (year, month, day) in (0..10_000).flat_map(|year| {
            (0..=13).flat_map(move |month| [0, 1, 15, 28, 29, 30, 31, 32].map(|day| (year, month, day)))
        }) {
            // What does not depend on the year is tried with few.
            if !(1..=12).contains(&month) && year % 100 > 0 {
                continue;
            }
            let text = format!("{year:04}-{month:02}-{day:02}");
            let bytes = text.as_bytes().try_into().expect("ten bytes");
            assert_eq!(days(bytes), Date32Type::parse(&text), "{text}");
            count += usize::from(days(bytes).is_some());
        }
        let (years, leap_years) = (10_000, 2_425);
        assert_eq!(count, years * (3 * 12 + 11 + 11 + 7) + leap_years);
    }

    #[test]
    fn values_fit_or_do_not() {
        use Kind::{Boolean, Date, Double, Integer, Json, Tag, Text, TimestampMs, TimestampS};
        for (kind, json, expected) in [
            (Text, r#""a\u00e9""#, r#"Text("aé")"#),
            (Text, r#""""#, r#"Text("")"#),
            (Text, "5", "-"),
            (Text, "true", "-"),
            (Text, "{}", "-"),
            (Integer, "5", "Integer(5)"),
            (Integer, "-9223372036854775808", "Integer(-9223372036854775808)"),
            (Integer, "9223372036854775808", "-"),
            (Integer, "5.0", "Integer(5)"),
            (Integer, "1.2e1", "Integer(12)"),
            (Integer, "1.5", "-"),
            (Integer, r#""42""#, "Integer(42)"),
            (Integer, r#""007""#, "-"),
            (Integer, r#"" 7""#, "-"),
            (Integer, "true", "-"),
            (Double, "1.5", "Double(1.5)"),
            (Double, "2", "Double(2.0)"),
            (Double, "1e400", "-"),
            (Double, r#""2.5""#, "Double(2.5)"),
            (Double, r#""NaN""#, "-"),
            (Boolean, "false", "Boolean(false)"),
            (Boolean, r#""true""#, "Boolean(true)"),
            (Boolean, r#""True""#, "-"),
            (Boolean, "1", "-"),
            (Date, r#""1970-01-02""#, "Date(1)"),
            (Date, r#""1969-12-31""#, "Date(-1)"),
            (Date, r#""2024-02-29""#, "Date(19782)"),
            (Date, r#""2023-02-29""#, "-"),
            (Date, r#""2024-2-9""#, "-"),
            (Date, r#""2024-02-29T00:00:00Z""#, "-"),
            (Date, "20240229", "-"),
            (TimestampS, "1700000000", "Timestamp(1700000000000000)"),
            (TimestampS, r#""1700000000""#, "Timestamp(1700000000000000)"),
            (TimestampS, "1.7e9", "Timestamp(1700000000000000)"),
            (TimestampS, "1700000000.5", "-"),
            (TimestampS, "9223372036854775807", "-"),
            (TimestampS, r#""2023-11-14T22:13:20Z""#, "Timestamp(1700000000000000)"),
            (TimestampS, r#""2023-11-14T23:13:20+01:00""#, "Timestamp(1700000000000000)"),
            (TimestampS, r#""2023-11-14t22:13:20.5z""#, "Timestamp(1700000000500000)"),
            (TimestampS, r#""2023-11-14T22:13:20""#, "-"),
            (TimestampS, r#""2023-11-14""#, "-"),
            (TimestampS, r#""20:13:20+01:00""#, "-"),
            (TimestampS, r#""yesterday""#, "-"),
            (TimestampMs, "1700000000000", "Timestamp(1700000000000000)"),
            (TimestampMs, "false", "-"),
            (Json, r#""a\u00e9""#, r#"Text("\"a\\u00e9\"")"#),
            (Json, "1.50", r#"Text("1.50")"#),
            (Json, "[1, 2]", r#"Text("[1, 2]")"#),
            (Tag, "1", "-"),
        ] {
            assert_eq!(cell(kind, json), expected, "{kind:?} {json}");
        }
    }
}
