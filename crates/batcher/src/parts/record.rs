//! What a part says of a profile's attributes and tags, as bytes.
//!
//! ```text
//! record   length of what follows, length of the export key, the export key, items
//! item     a byte that tells which; of attributes that is the number of the value's type
//!          section      id
//!          attributes   nothing
//!          attribute    id, text of the value; of integers, doubles and booleans its number
//!          tag          id
//! ```
//!
//! Texts come with their lengths, of four bytes; numbers have eight.

use crate::facts::{Value, ValueType};
use std::io::{self, Read};

/// The most bytes of a record, whatever the limits: lengths fit in four.
const RECORD_MAX: usize = 1 << 30;

/// A part of what is said of a profile.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    /// A section begins, in place of an earlier one of this name.
    Section(&'a str),
    /// The section's attributes and tags begin, in place of earlier ones.
    Attributes,
    Attribute(&'a str, Value<'a>),
    Tag(&'a str),
}

const SECTION: u8 = 0x10;
const ATTRIBUTES: u8 = 0x11;
const TAG: u8 = 0x12;

/// Writes records, one after the other.
#[derive(Default)]
pub(super) struct Writer {
    items: Vec<u8>,
}

impl Writer {
    /// Adds an item; false if the record would have more than so many bytes.
    #[must_use]
    pub(super) fn push(&mut self, item: Item<'_>, limit: usize) -> bool {
        let (kind, texts, number) = match item {
            Item::Section(id) => (SECTION, [Some(id), None], None),
            Item::Attributes => (ATTRIBUTES, [None, None], None),
            Item::Tag(id) => (TAG, [Some(id), None], None),
            Item::Attribute(id, value) => {
                let (text, number) = match value {
                    Value::String { decoded, .. } => (decoded, None),
                    Value::Integer { text, value } => (text, Some(value.cast_unsigned())),
                    Value::Double { text, value } => (text, Some(value.to_bits())),
                    Value::Boolean(value) => ("", Some(value.into())),
                    Value::Object(raw) | Value::Array(raw) => (raw, None),
                    Value::Null => ("", None),
                };
                (value.value_type() as u8, [Some(id), Some(text)], number)
            }
        };
        let bytes = 17 + texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        if self.items.len() + bytes > limit.min(RECORD_MAX) {
            return false;
        }
        self.items.push(kind);
        for text in texts.into_iter().flatten() {
            self.items.extend((text.len() as u32).to_le_bytes());
            self.items.extend(text.as_bytes());
        }
        self.items.extend(number.iter().flat_map(|number: &u64| number.to_le_bytes()));
        true
    }

    /// Hands on the record, in pieces, and begins the next.
    pub(super) fn finish<T>(&mut self, export_key: &str, write: impl FnOnce(&[&[u8]]) -> T) -> T {
        let key_bytes = export_key.len() as u32;
        let bytes = (4 + key_bytes + self.items.len() as u32).to_le_bytes();
        let written = write(&[&bytes, &key_bytes.to_le_bytes(), export_key.as_bytes(), &self.items]);
        self.items.clear();
        written
    }
}

/// What a part says of a profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) export_key: &'a str,
    items: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the bytes of the next record; false if there is none.
    pub(super) fn read(input: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<bool> {
        bytes.clear();
        if input.by_ref().take(4).read_to_end(bytes)? == 0 {
            return Ok(false);
        }
        let length = number::<4>(&mut &bytes[..]).map(u32::from_le_bytes)?;
        input.by_ref().take(length.into()).read_to_end(bytes)?;
        Ok(true)
    }

    /// Takes the next record.
    pub(super) fn take(rest: &mut &'a [u8]) -> io::Result<Self> {
        let mut items = slice(rest)?;
        Ok(Self { export_key: text(&mut items)?, items })
    }

    pub(super) fn items(&self) -> impl Iterator<Item = io::Result<Item<'a>>> + use<'a> {
        let mut rest = self.items;
        std::iter::from_fn(move || (!rest.is_empty()).then(|| item(&mut rest)))
    }
}

fn item<'a>(rest: &mut &'a [u8]) -> io::Result<Item<'a>> {
    let [kind] = number::<1>(rest)?;
    Ok(match kind {
        SECTION => Item::Section(text(rest)?),
        ATTRIBUTES => Item::Attributes,
        TAG => Item::Tag(text(rest)?),
        kind if usize::from(kind) >= ValueType::NAMES.len() => return Err(io::ErrorKind::InvalidData.into()),
        kind => {
            let (id, text) = (text(rest)?, text(rest)?);
            let mut number = || number(rest).map(u64::from_le_bytes);
            let value = match ValueType::of_number(kind.into()) {
                ValueType::String => Value::String { decoded: text, raw: None },
                ValueType::Integer => Value::Integer { text, value: number()?.cast_signed() },
                ValueType::Double => Value::Double { text, value: f64::from_bits(number()?) },
                ValueType::Boolean => Value::Boolean(number()? != 0),
                ValueType::Object => Value::Object(text),
                ValueType::Array => Value::Array(text),
                ValueType::Null => Value::Null,
            };
            Item::Attribute(id, value)
        }
    })
}

fn text<'a>(rest: &mut &'a [u8]) -> io::Result<&'a str> {
    str::from_utf8(slice(rest)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Bytes with their length before them.
fn slice<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let length = number(rest).map(u32::from_le_bytes)?;
    let (slice, behind) = rest.split_at_checked(length as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
    *rest = behind;
    Ok(slice)
}

fn number<const BYTES: usize>(rest: &mut &[u8]) -> io::Result<[u8; BYTES]> {
    let (number, behind) = rest.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    *rest = behind;
    Ok(*number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_as_they_were_written() {
        let (raw, decoded) = (None, "tw\u{f6} \"words\"");
        let values = [
            Value::String { decoded, raw },
            Value::String { decoded: "", raw },
            Value::Integer { text: "-7", value: -7 },
            Value::Double { text: "1e400", value: f64::INFINITY },
            Value::Double { text: "0.25", value: 0.25 },
            Value::Boolean(true),
            Value::Boolean(false),
            Value::Object(r#"{"a": 1}"#),
            Value::Array("[ ]"),
            Value::Null,
        ];
        let values = values.into_iter().map(|value| Item::Attribute("\u{e9}", value));
        let items: Vec<_> =
            [Item::Section("7"), Item::Attributes].into_iter().chain(values).chain([Item::Tag("")]).collect();
        let (mut writer, mut bytes) = (Writer::default(), Vec::new());
        for key in ["key", "", "third"] {
            assert!(items.iter().all(|&item| writer.push(item, 1_000)));
            writer.finish(key, |record| bytes.extend(record.concat()));
        }
        let mut rest = &bytes[..];
        for key in ["key", "", "third"] {
            let record = Record::take(&mut rest).expect("a record");
            assert_eq!(record.export_key, key);
            let read = record.items().collect::<io::Result<Vec<_>>>().expect("items");
            assert_eq!(format!("{read:?}"), format!("{items:?}"));
        }
        assert!(rest.is_empty());
        let (mut input, mut read, mut all) = (&bytes[..], Vec::new(), Vec::new());
        while Record::read(&mut input, &mut read).expect("records") {
            all.extend_from_slice(&read);
        }
        assert_eq!(all, bytes);
    }

    #[test]
    fn a_record_is_bounded() {
        let mut writer = Writer::default();
        let item = Item::Attribute("id", Value::Object("{}"));
        assert!(!writer.push(item, 20) && writer.push(item, 21) && !writer.push(item, 21));
    }

    #[test]
    fn what_is_cut_or_changed_is_an_error_or_something_else_but_no_panic() {
        let (mut writer, mut bytes) = (Writer::default(), Vec::new());
        let item = Item::Attribute("id", Value::Integer { text: "1", value: 1 });
        assert!(writer.push(item, 1_000) && writer.push(Item::Tag("t"), 1_000));
        writer.finish("key", |record| bytes.extend(record.concat()));
        let read =
            |mut bytes: &[u8]| Record::take(&mut bytes)?.items().map(|item| item.map(|_| 1)).sum::<io::Result<u32>>();
        assert_eq!(read(&bytes).expect("it is whole"), 2);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end}");
        }
        for place in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[place] = byte;
                let _ = read(&bytes);
            }
        }
    }
}
