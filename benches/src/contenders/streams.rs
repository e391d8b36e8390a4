//! Peers that read a stream, through a buffer of [`BUFFER_BYTES`].

use super::serde::counts;
use crate::{BUFFER_BYTES, Counts, Result};
use actson::{JsonEvent, JsonParser, feeder::BufReaderJsonFeeder};
use std::io::{BufReader, Read};
use struson::reader::{JsonReader, JsonStreamReader, ReaderSettings, ValueType};

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

/// actson, pulling its events.
pub fn actson(input: impl Read) -> Result<Counts> {
    let feeder = BufReaderJsonFeeder::new(BufReader::with_capacity(BUFFER_BYTES, input));
    let mut parser = JsonParser::new(feeder);
    let mut counts = Counts::default();
    while let Some(event) = parser.next_event()? {
        match event {
            JsonEvent::NeedMoreInput => parser.feeder.fill_buf()?,
            JsonEvent::StartObject => counts.objects += 1,
            JsonEvent::StartArray => counts.arrays += 1,
            JsonEvent::EndObject | JsonEvent::EndArray => {}
            JsonEvent::FieldName => counts.key(parser.current_str()?),
            JsonEvent::ValueString => counts.string(parser.current_str()?),
            JsonEvent::ValueInt | JsonEvent::ValueFloat => counts.numbers += 1,
            JsonEvent::ValueTrue | JsonEvent::ValueFalse => counts.booleans += 1,
            JsonEvent::ValueNull => counts.nulls += 1,
        }
    }
    Ok(counts)
}

/// serde_json, visiting a stream.
pub fn serde_json_reader(input: impl Read) -> Result<Counts> {
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut json = serde_json::Deserializer::from_reader(input);
    let counts = counts(&mut json)?;
    json.end()?;
    Ok(counts)
}
