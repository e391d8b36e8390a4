//! What an export says, fact by fact, in the order of its text: what the reading of an export
//! ([`Export`](crate::export::Export)) tells whoever wants to know.

use crate::{error::Result, event::Event};
use apsides_tokenizer::{Number, Token};
use std::borrow::Cow;

/// Takes the facts of an export.
pub(crate) trait Facts {
    /// Whether texts are wanted: of values, of correlation ids, of `data`. If not, nothing is done for them: texts come as
    /// they stand between their quotes, doubles without their value, and of `data` only the length is told; and events
    /// are not compared.
    const WANTS_TEXT: bool = true;

    /// The facts to come are of this profile.
    fn begin_profile(&mut self, _export_key: &str) -> Result<()> {
        Ok(())
    }

    /// The facts to come are of this section of the profile.
    fn begin_section(&mut self, _id: &str) -> Result<()> {
        Ok(())
    }

    /// The attributes and tags to come are the section's, in place of those that came before: where
    /// only one can stand, the last wins.
    fn begin_attributes(&mut self) -> Result<()> {
        Ok(())
    }

    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()>;

    fn tag(&mut self, id: &str) -> Result<()>;

    fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()>;

    /// Whether events are looked at. If not, they are skipped.
    fn wants_events(&self) -> bool {
        true
    }

    fn end_section(&mut self) -> Result<()> {
        Ok(())
    }

    fn end_profile(&mut self, _export_key: &str, _counts: ProfileCounts) -> Result<()> {
        Ok(())
    }

    /// A value that no column is for.
    fn unmapped(&mut self, value: Unplaced<'_>) -> Result<()>;
}

/// A value that no column is for: a row of the table `unmapped`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unplaced<'a> {
    /// None above profiles.
    pub(crate) export_key: Option<&'a str>,
    /// None above sections.
    pub(crate) section_id: Option<&'a str>,
    /// A JSON Pointer from the profile, or from the file's root above profiles.
    pub(crate) pointer: &'a str,
    pub(crate) reason: Reason,
    /// Its JSON text.
    pub(crate) value: &'a str,
}

/// What an attribute's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// `raw` is what stands between the quotes, where that is still known.
    String {
        decoded: &'a str,
        raw: Option<&'a str>,
    },
    Integer {
        text: &'a str,
        value: i64,
    },
    Double {
        text: &'a str,
        value: f64,
    },
    Boolean(bool),
    Object(&'a str),
    Array(&'a str),
    Null,
}

/// The type of a value, as `value_type` of the table `attributes` has it: in batches by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    String,
    Integer,
    Double,
    Boolean,
    Object,
    Array,
    Null,
}

impl ValueType {
    const ALL: [Self; 7] =
        [Self::String, Self::Integer, Self::Double, Self::Boolean, Self::Object, Self::Array, Self::Null];
    /// By their numbers.
    pub(crate) const NAMES: [&str; 7] = ["string", "integer", "double", "boolean", "object", "array", "null"];

    #[inline]
    pub(crate) fn of_number(number: u32) -> Self {
        Self::ALL[number as usize]
    }
}

impl<'a> Value<'a> {
    #[inline]
    pub(crate) fn value_type(&self) -> ValueType {
        match self {
            Self::String { .. } => ValueType::String,
            Self::Integer { .. } => ValueType::Integer,
            Self::Double { .. } => ValueType::Double,
            Self::Boolean(_) => ValueType::Boolean,
            Self::Object(_) => ValueType::Object,
            Self::Array(_) => ValueType::Array,
            Self::Null => ValueType::Null,
        }
    }

    /// The value of a token that is a scalar; a text with escapes is decoded over `scratch`.
    #[inline]
    pub(crate) fn of_scalar(token: Token<'a>, scratch: &'a mut String) -> Self {
        match token {
            Token::String(text) => Self::String { decoded: text.decode(scratch).text, raw: Some(text.text()) },
            Token::Number(number) => Self::of_number(number),
            Token::Bool(value) => Self::Boolean(value),
            _ => Self::Null,
        }
    }

    pub(crate) fn of_number(number: Number<'a>) -> Self {
        match number.to_i64() {
            Some(value) => Self::Integer { text: number.text(), value },
            None => Self::Double { text: number.text(), value: number.to_f64() },
        }
    }

    /// The same, with values that are of no meaning: only which of both it is, is found out.
    pub(crate) fn of_number_unread(number: Number<'a>) -> Self {
        let text = number.text();
        let is_short_integer = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if is_short_integer || number.to_i64().is_some() {
            Self::Integer { text, value: 0 }
        } else {
            Self::Double { text, value: f64::NAN }
        }
    }

    /// Its JSON text: the exact one, but for a text whose own is no longer known.
    pub(crate) fn json(&self) -> Cow<'a, str> {
        match *self {
            Self::String { .. } => {
                let mut text = String::new();
                self.push_json(&mut text);
                text.into()
            }
            Self::Integer { text, .. } | Self::Double { text, .. } => text.into(),
            Self::Boolean(true) => "true".into(),
            Self::Boolean(false) => "false".into(),
            Self::Object(raw) | Self::Array(raw) => raw.into(),
            Self::Null => "null".into(),
        }
    }

    /// Adds its JSON text to another.
    pub(crate) fn push_json(&self, target: &mut String) {
        match *self {
            Self::String { raw: Some(raw), .. } => target.extend(["\"", raw, "\""]),
            Self::String { decoded, raw: None } if is_plain(decoded) => {
                target.extend(["\"", decoded, "\""]);
            }
            Self::String { decoded, raw: None } => {
                target.push_str(&serde_json::Value::from(decoded).to_string());
            }
            other => target.push_str(&other.json()),
        }
    }
}

/// Whether a text stands for itself in JSON. All of it is looked at, many bytes at a time.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'))
}

/// Why a value has no column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    UnknownMember,
    TypeMismatch,
}

impl Reason {
    /// As `reason` of the table `unmapped` has them.
    pub(crate) const NAMES: [&str; 2] = ["unknown_member", "type_mismatch"];
}

/// Counts of a profile's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileCounts {
    pub(crate) sections: i32,
    pub(crate) attributes: i64,
    pub(crate) tags: i64,
    pub(crate) events: i64,
    /// The length of the profile as it is written.
    pub(crate) bytes: u64,
}
