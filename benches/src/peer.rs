//! The program of a day: what a good engineer has by the evening with struson, arrow and parquet, and the measure for
//! what apsides adds.
//!
//! It streams, in bounded memory and on one thread, and writes two tables, `attributes` and `events`, with the columns
//! of apsides' contract but `is_duplicate`. Builders are reused, batches have 64 Ki rows, pages are compressed with
//! zstd at level 1, and all else is as the libraries have it.
//!
//! What apsides does besides, and this program leaves out: the tables `profiles`, `tags` and `unmapped`; `is_duplicate`;
//! exact JSON text (here `data` is written anew by struson); members in any form or order but the usual; times that are
//! not whole milliseconds; the wrapped layout; lone surrogates; files of a bounded size, synced to the disk and
//! published together.

use crate::{BUFFER_BYTES, Result};
use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use flate2::bufread::MultiGzDecoder;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
    sync::Arc,
};
use struson::{
    reader::{JsonReader, JsonStreamReader, ReaderSettings, ValueType},
    writer::{JsonStreamWriter, JsonWriter},
};

const BATCH_ROWS: usize = 64 << 10;

/// What a conversion wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// Rows of the table `attributes`.
    pub attributes: u64,
    /// Rows of the table `events`.
    pub events: u64,
    /// Bytes of both files.
    pub bytes: u64,
}

/// Converts a file; one that ends in `.gz` is inflated on the way.
pub fn convert_file(export: &Path, folder: &Path) -> Result<Converted> {
    let file = BufReader::with_capacity(BUFFER_BYTES, File::open(export)?);
    if export.extension().is_some_and(|extension| extension == "gz") {
        convert(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(file)), folder)
    } else {
        convert(file, folder)
    }
}

/// Converts an export to `attributes.parquet` and `events.parquet` in a folder.
pub fn convert(export: impl Read, folder: &Path) -> Result<Converted> {
    let settings = ReaderSettings { track_path: false, restrict_number_values: false, ..ReaderSettings::default() };
    let mut json = JsonStreamReader::new_custom(export, settings);
    let mut attributes = Attributes::create(folder)?;
    let mut events = Events::create(folder)?;
    let (mut export_key, mut section_id) = (String::new(), String::new());
    json.begin_object()?;
    while json.has_next()? {
        read_name(&mut json, &mut export_key)?;
        json.begin_object()?;
        while json.has_next()? {
            match json.next_name()? {
                "sections" => {
                    json.begin_object()?;
                    while json.has_next()? {
                        read_name(&mut json, &mut section_id)?;
                        json.begin_object()?;
                        while json.has_next()? {
                            match json.next_name()? {
                                "attributes" => attributes.read(&mut json, &export_key, &section_id)?,
                                "events" => events.read(&mut json, &export_key, &section_id)?,
                                _ => json.skip_value()?,
                            }
                        }
                        json.end_object()?;
                    }
                    json.end_object()?;
                }
                _ => json.skip_value()?,
            }
        }
        json.end_object()?;
    }
    json.end_object()?;
    json.consume_trailing_whitespace()?;
    let (attributes, attribute_bytes) = attributes.finish()?;
    let (events, event_bytes) = events.finish()?;
    Ok(Converted { attributes, events, bytes: attribute_bytes + event_bytes })
}

/// A Parquet file that is being written.
struct Table {
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    rows: u64,
    /// Rows in the builders.
    pending: usize,
}

impl Table {
    fn create(path: &Path, columns: &[(&str, DataType, bool)]) -> Result<Self> {
        let fields = columns.iter().map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
        let writer = ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties))?;
        Ok(Self { schema, writer, rows: 0, pending: 0 })
    }

    /// Counts a row; true if the builders now hold a batch.
    fn add_row(&mut self) -> bool {
        self.pending += 1;
        self.pending == BATCH_ROWS
    }

    fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        self.rows += self.pending as u64;
        self.pending = 0;
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        Ok(())
    }

    /// Gives the rows and bytes of the file.
    fn finish(mut self) -> Result<(u64, u64)> {
        self.writer.finish()?;
        Ok((self.rows, self.writer.bytes_written() as u64))
    }
}

struct Attributes {
    table: Table,
    export_key: StringBuilder,
    section_id: StringBuilder,
    attribute_id: StringBuilder,
    value_type: StringBuilder,
    value_text: StringBuilder,
    value_integer: Int64Builder,
    value_double: Float64Builder,
    value_boolean: BooleanBuilder,
    id: String,
    structure: Vec<u8>,
}

impl Attributes {
    fn create(folder: &Path) -> Result<Self> {
        let columns = [
            ("export_key", DataType::Utf8, false),
            ("section_id", DataType::Utf8, false),
            ("attribute_id", DataType::Utf8, false),
            ("value_type", DataType::Utf8, false),
            ("value_text", DataType::Utf8, true),
            ("value_integer", DataType::Int64, true),
            ("value_double", DataType::Float64, true),
            ("value_boolean", DataType::Boolean, true),
        ];
        Ok(Self {
            table: Table::create(&folder.join("attributes.parquet"), &columns)?,
            export_key: StringBuilder::new(),
            section_id: StringBuilder::new(),
            attribute_id: StringBuilder::new(),
            value_type: StringBuilder::new(),
            value_text: StringBuilder::new(),
            value_integer: Int64Builder::new(),
            value_double: Float64Builder::new(),
            value_boolean: BooleanBuilder::new(),
            id: String::new(),
            structure: Vec::new(),
        })
    }

    fn read(&mut self, json: &mut impl JsonReader, export_key: &str, section_id: &str) -> Result<()> {
        json.begin_object()?;
        while json.has_next()? {
            read_name(json, &mut self.id)?;
            json.begin_object()?;
            while json.has_next()? {
                if json.next_name()? != "value" {
                    json.skip_value()?;
                } else if json.peek()? == ValueType::Null {
                    // A tag.
                    json.next_null()?;
                } else {
                    self.export_key.append_value(export_key);
                    self.section_id.append_value(section_id);
                    self.attribute_id.append_value(&self.id);
                    self.value(json)?;
                    if self.table.add_row() {
                        self.flush()?;
                    }
                }
            }
            json.end_object()?;
        }
        json.end_object()?;
        Ok(())
    }

    fn value(&mut self, json: &mut impl JsonReader) -> Result<()> {
        let (mut integer, mut double, mut boolean) = (None, None, None);
        let value_type = match json.peek()? {
            ValueType::String => {
                self.value_text.append_value(json.next_str()?);
                "string"
            }
            ValueType::Number => {
                let text = json.next_number_as_str()?;
                self.value_text.append_value(text);
                integer = text.parse().ok();
                double = text.parse().ok().filter(|double: &f64| double.is_finite());
                if integer.is_some() { "integer" } else { "double" }
            }
            ValueType::Boolean => {
                let value = json.next_bool()?;
                self.value_text.append_value(if value { "true" } else { "false" });
                boolean = Some(value);
                "boolean"
            }
            structure => {
                self.value_text.append_value(read_structure(json, &mut self.structure)?);
                if structure == ValueType::Object { "object" } else { "array" }
            }
        };
        self.value_type.append_value(value_type);
        self.value_integer.append_option(integer);
        self.value_double.append_option(double);
        self.value_boolean.append_option(boolean);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.table.write(vec![
            Arc::new(self.export_key.finish()),
            Arc::new(self.section_id.finish()),
            Arc::new(self.attribute_id.finish()),
            Arc::new(self.value_type.finish()),
            Arc::new(self.value_text.finish()),
            Arc::new(self.value_integer.finish()),
            Arc::new(self.value_double.finish()),
            Arc::new(self.value_boolean.finish()),
        ])
    }

    fn finish(mut self) -> Result<(u64, u64)> {
        self.flush()?;
        self.table.finish()
    }
}

struct Events {
    table: Table,
    export_key: StringBuilder,
    section_id: StringBuilder,
    ordinal: Int64Builder,
    correlation_id: StringBuilder,
    type_id: StringBuilder,
    source_event_time: TimestampMicrosecondBuilder,
    created_at: TimestampMicrosecondBuilder,
    data: StringBuilder,
    structure: Vec<u8>,
}

impl Events {
    fn create(folder: &Path) -> Result<Self> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let columns = [
            ("export_key", DataType::Utf8, false),
            ("section_id", DataType::Utf8, false),
            ("ordinal", DataType::Int64, false),
            ("correlation_id", DataType::Utf8, true),
            ("type_id", DataType::Utf8, true),
            ("source_event_time", time.clone(), true),
            ("created_at", time, true),
            ("data", DataType::Utf8, true),
        ];
        Ok(Self {
            table: Table::create(&folder.join("events.parquet"), &columns)?,
            export_key: StringBuilder::new(),
            section_id: StringBuilder::new(),
            ordinal: Int64Builder::new(),
            correlation_id: StringBuilder::new(),
            type_id: StringBuilder::new(),
            source_event_time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            created_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            data: StringBuilder::new(),
            structure: Vec::new(),
        })
    }

    fn read(&mut self, json: &mut impl JsonReader, export_key: &str, section_id: &str) -> Result<()> {
        json.begin_array()?;
        let mut ordinal = 0;
        while json.has_next()? {
            self.export_key.append_value(export_key);
            self.section_id.append_value(section_id);
            self.ordinal.append_value(ordinal);
            self.event(json)?;
            ordinal += 1;
            if self.table.add_row() {
                self.flush()?;
            }
        }
        json.end_array()?;
        Ok(())
    }

    /// Reads an event straight into the builders, and makes up for the members it does not have.
    fn event(&mut self, json: &mut impl JsonReader) -> Result<()> {
        let (mut correlation_id, mut type_id, mut data) = (false, false, false);
        let (mut source_event_time, mut created_at) = (None, None);
        json.begin_object()?;
        while json.has_next()? {
            let member = match json.next_name()? {
                "correlationId" => Member::CorrelationId,
                "typeId" => Member::TypeId,
                "sourceEventTime" => Member::SourceEventTime,
                "createdAt" => Member::CreatedAt,
                "data" => Member::Data,
                _ => Member::Unknown,
            };
            if json.peek()? == ValueType::Null {
                json.next_null()?;
                continue;
            }
            match member {
                Member::CorrelationId => {
                    self.correlation_id.append_value(json.next_str()?);
                    correlation_id = true;
                }
                Member::TypeId => {
                    self.type_id.append_value(json.next_str()?);
                    type_id = true;
                }
                Member::SourceEventTime => source_event_time = Some(read_micros(json)?).filter(|&micros| micros != 0),
                Member::CreatedAt => created_at = Some(read_micros(json)?),
                Member::Data => {
                    self.data.append_value(read_structure(json, &mut self.structure)?);
                    data = true;
                }
                Member::Unknown => json.skip_value()?,
            }
        }
        json.end_object()?;
        if !correlation_id {
            self.correlation_id.append_null();
        }
        if !type_id {
            self.type_id.append_null();
        }
        if !data {
            self.data.append_null();
        }
        self.source_event_time.append_option(source_event_time);
        self.created_at.append_option(created_at);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.table.write(vec![
            Arc::new(self.export_key.finish()),
            Arc::new(self.section_id.finish()),
            Arc::new(self.ordinal.finish()),
            Arc::new(self.correlation_id.finish()),
            Arc::new(self.type_id.finish()),
            Arc::new(self.source_event_time.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.data.finish()),
        ])
    }

    fn finish(mut self) -> Result<(u64, u64)> {
        self.flush()?;
        self.table.finish()
    }
}

/// Whose value comes next; the reader's name of it is gone by then.
enum Member {
    CorrelationId,
    TypeId,
    SourceEventTime,
    CreatedAt,
    Data,
    Unknown,
}

fn read_name(json: &mut impl JsonReader, name: &mut String) -> Result<()> {
    name.clear();
    name.push_str(json.next_name()?);
    Ok(())
}

fn read_micros(json: &mut impl JsonReader) -> Result<i64> {
    let millis: i64 = json.next_number_as_str()?.parse()?;
    Ok(millis * 1000)
}

/// Reads a value as compact JSON text.
fn read_structure<'t>(json: &mut impl JsonReader, text: &'t mut Vec<u8>) -> Result<&'t str> {
    text.clear();
    let mut writer = JsonStreamWriter::new(&mut *text);
    json.transfer_to(&mut writer)?;
    writer.finish_document()?;
    Ok(std::str::from_utf8(text)?)
}
