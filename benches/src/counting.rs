//! The contenders: each visits every token of a document, decodes every string, and counts both.

use crate::{BUFFER_BYTES, Result};
use apsides_tokenizer::{Token, Tokens};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::{
    fmt,
    io::{BufReader, Read},
};
use struson::reader::{JsonReader, JsonStreamReader, ReaderSettings, ValueType};

/// What a document contains. Contenders that agree on it have read the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects.
    pub objects: u64,
    /// Arrays.
    pub arrays: u64,
    /// Names of members.
    pub keys: u64,
    /// Strings that are values.
    pub strings: u64,
    /// Numbers.
    pub numbers: u64,
    /// `true` and `false`.
    pub booleans: u64,
    /// `null`.
    pub nulls: u64,
    /// UTF-8 bytes of all names and strings once they are decoded.
    pub text_bytes: u64,
}

impl Counts {
    fn key(&mut self, text: &str) {
        self.keys += 1;
        self.text_bytes += text.len() as u64;
    }

    fn string(&mut self, text: &str) {
        self.strings += 1;
        self.text_bytes += text.len() as u64;
    }

    fn token(&mut self, token: Token<'_>, scratch: &mut String) {
        match token {
            Token::ObjectStart => self.objects += 1,
            Token::ArrayStart => self.arrays += 1,
            Token::ObjectEnd | Token::ArrayEnd => {}
            Token::Key(text) => self.key(text.decode(scratch).text),
            Token::String(text) => self.string(text.decode(scratch).text),
            Token::Number(_) => self.numbers += 1,
            Token::Bool(_) => self.booleans += 1,
            Token::Null => self.nulls += 1,
        }
    }
}

/// Ours: every token pulled, every string decoded.
pub fn apsides(input: impl Read) -> Result<Counts> {
    let mut tokens = Tokens::new(input);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull()? {
        counts.token(token, &mut scratch);
    }
    Ok(counts)
}

/// Ours, passing over the whole document; gives its bytes.
pub fn apsides_skip(input: impl Read) -> Result<u64> {
    let mut tokens = Tokens::new(input);
    tokens.skip()?;
    tokens.pull()?;
    Ok(tokens.consumed())
}

/// Ours as the conversion to tables uses it: as [`apsides`], but each event's `data` goes to `data` whole, byte for
/// byte, and is not counted.
pub fn apsides_raw(input: impl Read, mut data: impl FnMut(&str)) -> Result<Counts> {
    let mut tokens = Tokens::new(input);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull()? {
        counts.token(token, &mut scratch);
        if let Token::Key(name) = token
            && name.is("data")
        {
            data(tokens.raw()?);
        }
    }
    Ok(counts)
}

/// struson's streaming reader, set to do no more than the others: without a path for its errors, and with numbers of
/// any size.
pub fn struson(input: impl Read) -> Result<Counts> {
    let settings = ReaderSettings { track_path: false, restrict_number_values: false, ..ReaderSettings::default() };
    let mut reader = JsonStreamReader::new_custom(BufReader::with_capacity(BUFFER_BYTES, input), settings);
    let mut counts = Counts::default();
    struson_value(&mut reader, &mut counts)?;
    reader.consume_trailing_whitespace()?;
    Ok(counts)
}

fn struson_value(reader: &mut impl JsonReader, counts: &mut Counts) -> Result<()> {
    match reader.peek()? {
        ValueType::Object => {
            counts.objects += 1;
            reader.begin_object()?;
            while reader.has_next()? {
                counts.key(reader.next_name()?);
                struson_value(reader, counts)?;
            }
            reader.end_object()?;
        }
        ValueType::Array => {
            counts.arrays += 1;
            reader.begin_array()?;
            while reader.has_next()? {
                struson_value(reader, counts)?;
            }
            reader.end_array()?;
        }
        ValueType::String => counts.string(reader.next_str()?),
        ValueType::Number => {
            reader.next_number_as_str()?;
            counts.numbers += 1;
        }
        ValueType::Boolean => {
            reader.next_bool()?;
            counts.booleans += 1;
        }
        ValueType::Null => {
            reader.next_null()?;
            counts.nulls += 1;
        }
    }
    Ok(())
}

/// serde_json, visiting a stream.
pub fn serde_json_reader(input: impl Read) -> Result<Counts> {
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    serde_json_counts(serde_json::Deserializer::from_reader(input))
}

/// serde_json, visiting a document that is wholly in memory.
pub fn serde_json_slice(json: &[u8]) -> Result<Counts> {
    serde_json_counts(serde_json::Deserializer::from_slice(json))
}

fn serde_json_counts<'de, R: serde_json::de::Read<'de>>(mut json: serde_json::Deserializer<R>) -> Result<Counts> {
    let mut counts = Counts::default();
    Value(&mut counts).deserialize(&mut json)?;
    json.end()?;
    Ok(counts)
}

/// Visits a value of any kind.
struct Value<'c>(&'c mut Counts);

/// Visits the name of a member.
struct Key<'c>(&'c mut Counts);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        self.0.objects += 1;
        while map.next_key_seed(Key(self.0))?.is_some() {
            map.next_value_seed(Value(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        self.0.arrays += 1;
        while seq.next_element_seed(Value(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<(), E> {
        self.0.string(text);
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<(), E> {
        self.0.numbers += 1;
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<(), E> {
        self.0.numbers += 1;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<(), E> {
        self.0.numbers += 1;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        self.0.booleans += 1;
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        self.0.nulls += 1;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<(), E> {
        self.0.key(text);
        Ok(())
    }
}
