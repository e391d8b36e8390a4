//! Attribute values.

use super::{
    rng::Rng,
    words::{
        COMPANIES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, NOTES, ODD_DECIMALS, ODD_INTEGERS, ODD_TEXTS, PATHS, PLACES,
        PRODUCTS, Place, STREETS,
    },
};
use crate::catalogue::{Content, DataType};
use std::{fmt::Write as _, io};
use struson::writer::{JsonNumberError, JsonWriter};

/// The longest text that the product stores.
const TEXT_CHARS_MAX: usize = 1_000;

/// Who a profile is, so that its name, e-mail address and city belong together.
pub(super) struct Person {
    first_name: &'static str,
    last_name: &'static str,
    place: Place,
    number: u32,
}

impl Person {
    pub(super) fn draw(rng: &mut Rng) -> Person {
        Person {
            first_name: rng.pick(FIRST_NAMES),
            last_name: rng.pick(LAST_NAMES),
            place: rng.pick(PLACES),
            number: rng.below(1_000),
        }
    }

    pub(super) fn push_email(&self, rng: &mut Rng, text: &mut String) {
        let is_mail = |character: &char| character.is_ascii_alphanumeric();
        let start = text.len();
        for name in [self.first_name, self.last_name] {
            text.extend(name.chars().filter(is_mail).map(|c| c.to_ascii_lowercase()));
            text.push('.');
        }
        if text[start..].starts_with("..") {
            // Names of other scripts leave nothing.
            text.truncate(start);
            text.push_str("kund.");
        }
        push(text, format_args!("{}@{}", self.number, rng.pick(MAIL_DOMAINS)));
    }
}

/// Writes a value of an attribute. `text` is scratch space.
pub(super) fn write_value(
    json: &mut impl JsonWriter,
    text: &mut String,
    content: Content,
    person: &Person,
    rng: &mut Rng,
) -> io::Result<()> {
    if rng.one_in(120) {
        return write_odd(json, content.data_type(), rng);
    }
    text.clear();
    match content {
        Content::Flag => return json.bool_value(rng.percent(60)),
        Content::Moment => return json.number_value(rng.between(1_420_000_000, 1_767_000_000)),
        Content::Count(bound) => return json.number_value(rng.below(bound)),
        Content::Amount(bound) => {
            let sign = if rng.one_in(20) { "-" } else { "" };
            push(text, format_args!("{sign}{}.{:02}", rng.below(bound), rng.below(100)));
            return number(json, text);
        }
        Content::Score => {
            push(text, format_args!("{}", rng.fraction()));
            return number(json, text);
        }
        Content::FirstName => text.push_str(person.first_name),
        Content::LastName => text.push_str(person.last_name),
        Content::City => text.push_str(person.place.city),
        Content::Country => text.push_str(person.place.country),
        Content::Company => text.push_str(rng.pick(COMPANIES)),
        Content::Product => text.push_str(rng.pick(PRODUCTS)),
        Content::Choice(choices) => text.push_str(rng.pick(choices)),
        Content::Email => person.push_email(rng, text),
        Content::Mobile => {
            let code = person.place.dialling_code;
            push(text, format_args!("+{code}{}", rng.between(700_000_000, 800_000_000)));
        }
        Content::Street => push(text, format_args!("{} {}", rng.pick(STREETS), rng.between(1, 200))),
        Content::PostalCode => {
            push(text, format_args!("{:03} {:02}", rng.between(100, 1_000), rng.below(100)));
        }
        Content::Url => push_url(rng, text),
        Content::Code => push(text, format_args!("SE{:08X}-{:02}", rng.next() as u32, rng.below(100))),
        Content::Day(from, to) => {
            let year = from + rng.below((to - from).unsigned_abs()) as i32;
            // Every month has 28 days.
            let (month, day) = (rng.between(1, 13), rng.between(1, 29));
            push(text, format_args!("{year}-{month:02}-{day:02}"));
        }
        Content::Note => push_note(rng, text),
    }
    json.string_value(text)
}

/// A number as written in `text`.
pub(super) fn number(json: &mut impl JsonWriter, text: &str) -> io::Result<()> {
    json.number_value_from_string(text).map_err(|error| match error {
        JsonNumberError::IoError(error) => error,
        invalid => io::Error::other(invalid),
    })
}

pub(super) fn push_url(rng: &mut Rng, text: &mut String) {
    push(text, format_args!("https://shop.example.com{}", rng.pick(PATHS)));
}

/// An opaque id in the form of a UUID.
pub(crate) fn push_uuid(rng: &mut Rng, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bits = u128::from(rng.next()) << 64 | u128::from(rng.next());
    for at in 0..36 {
        if matches!(at, 8 | 13 | 18 | 23) {
            text.push('-');
        } else {
            text.push(char::from(DIGITS[bits as usize & 15]));
            bits >>= 4;
        }
    }
}

pub(super) fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}

/// Mostly a sentence, now and then as long as a text may be.
fn push_note(rng: &mut Rng, text: &mut String) {
    let parts = match rng.below(200) {
        0 => u32::MAX,
        1..10 => rng.between(5, 20),
        _ => rng.between(1, 7),
    };
    let mut chars = 0;
    for part in 0..parts {
        let words = rng.pick(NOTES);
        chars += words.chars().count() + 1;
        if chars > TEXT_CHARS_MAX {
            break;
        }
        if part > 0 {
            text.push(' ');
        }
        text.push_str(words);
    }
}

/// A value at the edge of its type, or of no type that the definition announces.
fn write_odd(json: &mut impl JsonWriter, data_type: DataType, rng: &mut Rng) -> io::Result<()> {
    if rng.one_in(12) {
        return write_structure(json, rng);
    }
    match data_type {
        DataType::Integer | DataType::Timestamp => number(json, rng.pick(ODD_INTEGERS)),
        DataType::Decimal => number(json, rng.pick(ODD_DECIMALS)),
        DataType::Text | DataType::Date => json.string_value(rng.pick(ODD_TEXTS)),
        DataType::Boolean => json.string_value("yes"),
    }
}

fn write_structure(json: &mut impl JsonWriter, rng: &mut Rng) -> io::Result<()> {
    match rng.below(4) {
        0 => {
            json.begin_object()?;
            json.end_object()
        }
        1 => {
            json.begin_array()?;
            json.end_array()
        }
        2 => {
            json.begin_object()?;
            json.name("amount")?;
            number(json, rng.pick(ODD_DECIMALS))?;
            json.name("currency \"ISO\"")?;
            json.string_value("SEK")?;
            json.name("value")?;
            json.null_value()?;
            json.end_object()
        }
        _ => {
            json.begin_array()?;
            json.number_value(rng.below(10))?;
            json.string_value(rng.pick(ODD_TEXTS))?;
            json.null_value()?;
            json.begin_array()?;
            json.begin_object()?;
            json.name("")?;
            json.bool_value(true)?;
            json.end_object()?;
            json.end_array()?;
            json.end_array()
        }
    }
}
