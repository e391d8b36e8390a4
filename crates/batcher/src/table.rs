//! Rows of the five tables, collected column by column and handed on as record batches.
//!
//! A batch ends after a number of rows or bytes that depends on the rows alone, so that the files
//! do not depend on how the input came in.

use crate::{
    column::{Labels, Repeated, finish_text},
    error::{Error, Result},
    event::Event,
    schema::TableId,
};
use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
        TimestampMicrosecondBuilder,
    },
    datatypes::SchemaRef,
    error::ArrowError,
};
use std::sync::Arc;

/// Takes finished record batches, in order.
pub(crate) trait BatchSink {
    /// Hands on a batch of a table; waits while the table's queue is full.
    fn send(&mut self, table: TableId, batch: RecordBatch) -> Result<()>;
}

/// When a batch is full: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// What an attribute's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    String(&'a str),
    Integer { text: &'a str, value: i64 },
    Double { text: &'a str, value: f64 },
    Boolean(bool),
    Object(&'a str),
    Array(&'a str),
    Null,
}

/// Why a value has no column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    UnknownMember,
    TypeMismatch,
}

/// Counts of a profile's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileCounts {
    pub(crate) sections: i32,
    pub(crate) attributes: i64,
    pub(crate) tags: i64,
    pub(crate) events: i64,
}

/// The tables under construction.
pub(crate) struct Tables<S> {
    sink: S,
    profiles: Batch<Profiles>,
    attributes: Batch<Attributes>,
    tags: Batch<Tags>,
    events: Batch<Events>,
    unmapped: Batch<Unmapped>,
}

impl<S: BatchSink> Tables<S> {
    pub(crate) fn new(sink: S, limits: BatchLimits) -> Self {
        Self {
            sink,
            profiles: Batch::new(TableId::Profiles, limits, Profiles::default()),
            attributes: Batch::new(TableId::Attributes, limits, Attributes::new()),
            tags: Batch::new(TableId::Tags, limits, Tags::default()),
            events: Batch::new(TableId::Events, limits, Events::new()),
            unmapped: Batch::new(TableId::Unmapped, limits, Unmapped::default()),
        }
    }

    /// Sets the export key of the rows to come.
    pub(crate) fn set_export_key(&mut self, key: &str) {
        self.attributes.columns.export_key.set(key);
        self.tags.columns.export_key.set(key);
        self.events.columns.export_key.set(key);
    }

    /// Sets the section of the rows to come.
    pub(crate) fn set_section_id(&mut self, id: &str) {
        self.attributes.columns.section_id.set(id);
        self.tags.columns.section_id.set(id);
        self.events.columns.section_id.set(id);
    }

    pub(crate) fn profile(&mut self, export_key: &str, counts: ProfileCounts) -> Result<()> {
        let columns = &mut self.profiles.columns;
        columns.export_key.append_value(export_key);
        columns.section_count.append_value(counts.sections);
        columns.attribute_count.append_value(counts.attributes);
        columns.tag_count.append_value(counts.tags);
        columns.event_count.append_value(counts.events);
        self.profiles.row(export_key.len() + 28, &mut self.sink)
    }

    pub(crate) fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        let bytes = self.attributes.columns.push(id, value);
        self.attributes.row(bytes, &mut self.sink)
    }

    pub(crate) fn tag(&mut self, id: &str) -> Result<()> {
        let columns = &mut self.tags.columns;
        let bytes = columns.export_key.push() + columns.section_id.push() + id.len() + 4;
        columns.tag_id.append_value(id);
        self.tags.row(bytes, &mut self.sink)
    }

    pub(crate) fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        let bytes = self.events.columns.push(ordinal, event, is_duplicate);
        self.events.row(bytes, &mut self.sink)
    }

    pub(crate) fn unmapped(
        &mut self,
        export_key: Option<&str>,
        section_id: Option<&str>,
        pointer: &str,
        reason: Reason,
        value: &str,
    ) -> Result<()> {
        let columns = &mut self.unmapped.columns;
        columns.export_key.append_option(export_key);
        columns.section_id.append_option(section_id);
        columns.pointer.append_value(pointer);
        columns.reason.append_value(match reason {
            Reason::UnknownMember => "unknown_member",
            Reason::TypeMismatch => "type_mismatch",
        });
        columns.value.append_value(value);
        let length = |text: Option<&str>| text.map_or(0, str::len);
        let bytes = length(export_key) + length(section_id) + pointer.len() + value.len() + 34;
        self.unmapped.row(bytes, &mut self.sink)
    }

    /// Hands on what is left and gives back the sink.
    pub(crate) fn finish(mut self) -> Result<S> {
        self.profiles.flush(&mut self.sink)?;
        self.attributes.flush(&mut self.sink)?;
        self.tags.flush(&mut self.sink)?;
        self.events.flush(&mut self.sink)?;
        self.unmapped.flush(&mut self.sink)?;
        Ok(self.sink)
    }
}

/// The columns of a table.
trait Columns {
    /// The columns of the rows so far, in the order of the schema; then there are none.
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError>;
}

/// Columns with the count of what is in them.
struct Batch<C> {
    table: TableId,
    schema: SchemaRef,
    limits: BatchLimits,
    rows: usize,
    bytes: usize,
    columns: C,
}

impl<C: Columns> Batch<C> {
    fn new(table: TableId, limits: BatchLimits, columns: C) -> Self {
        Self { table, schema: table.schema(), limits, rows: 0, bytes: 0, columns }
    }

    /// Counts a row that was added, and hands on the batch if that filled it.
    #[inline]
    fn row(&mut self, bytes: usize, sink: &mut impl BatchSink) -> Result<()> {
        self.rows += 1;
        self.bytes += bytes;
        if self.rows >= self.limits.rows || self.bytes >= self.limits.bytes { self.flush(sink) } else { Ok(()) }
    }

    fn flush(&mut self, sink: &mut impl BatchSink) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        (self.rows, self.bytes) = (0, 0);
        let batch = self
            .columns
            .finish()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&self.schema), columns))
            .map_err(|source| Error::encode(self.table, source.into()))?;
        sink.send(self.table, batch)
    }
}

#[derive(Default)]
struct Profiles {
    export_key: StringBuilder,
    section_count: Int32Builder,
    attribute_count: Int64Builder,
    tag_count: Int64Builder,
    event_count: Int64Builder,
}

impl Columns for Profiles {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            finish_text(&mut self.export_key),
            Arc::new(self.section_count.finish()),
            Arc::new(self.attribute_count.finish()),
            Arc::new(self.tag_count.finish()),
            Arc::new(self.event_count.finish()),
        ])
    }
}

const VALUE_TYPES: [&str; 7] = ["string", "integer", "double", "boolean", "object", "array", "null"];

struct Attributes {
    export_key: Repeated,
    section_id: Repeated,
    attribute_id: StringBuilder,
    /// Indices into [`VALUE_TYPES`].
    value_type: Labels,
    value_text: StringBuilder,
    value_integer: Int64Builder,
    value_double: Float64Builder,
    value_boolean: BooleanBuilder,
}

impl Attributes {
    fn new() -> Self {
        Self {
            export_key: Repeated::default(),
            section_id: Repeated::default(),
            attribute_id: StringBuilder::new(),
            value_type: Labels::new(&VALUE_TYPES),
            value_text: StringBuilder::new(),
            value_integer: Int64Builder::new(),
            value_double: Float64Builder::new(),
            value_boolean: BooleanBuilder::new(),
        }
    }

    fn push(&mut self, id: &str, value: Value<'_>) -> usize {
        let (value_type, text, integer, double, boolean) = match value {
            Value::String(text) => (0, Some(text), None, None, None),
            // The nearest double of an integer is what the conversion rounds to.
            Value::Integer { text, value } => (1, Some(text), Some(value), Some(value as f64), None),
            Value::Double { text, value } => (2, Some(text), None, value.is_finite().then_some(value), None),
            Value::Boolean(value) => (3, Some(if value { "true" } else { "false" }), None, None, Some(value)),
            Value::Object(raw) => (4, Some(raw), None, None, None),
            Value::Array(raw) => (5, Some(raw), None, None, None),
            Value::Null => (6, None, None, None, None),
        };
        self.attribute_id.append_value(id);
        self.value_type.push(value_type);
        self.value_text.append_option(text);
        self.value_integer.append_option(integer);
        self.value_double.append_option(double);
        self.value_boolean.append_option(boolean);
        self.export_key.push() + self.section_id.push() + id.len() + text.map_or(0, str::len) + 30
    }
}

impl Columns for Attributes {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            self.export_key.finish()?,
            self.section_id.finish()?,
            finish_text(&mut self.attribute_id),
            self.value_type.finish()?,
            finish_text(&mut self.value_text),
            Arc::new(self.value_integer.finish()),
            Arc::new(self.value_double.finish()),
            Arc::new(self.value_boolean.finish()),
        ])
    }
}

#[derive(Default)]
struct Tags {
    export_key: Repeated,
    section_id: Repeated,
    tag_id: StringBuilder,
}

impl Columns for Tags {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![self.export_key.finish()?, self.section_id.finish()?, finish_text(&mut self.tag_id)])
    }
}

struct Events {
    export_key: Repeated,
    section_id: Repeated,
    ordinal: Int64Builder,
    correlation_id: StringBuilder,
    type_id: StringBuilder,
    source_event_time: TimestampMicrosecondBuilder,
    created_at: TimestampMicrosecondBuilder,
    data: StringBuilder,
    is_duplicate: BooleanBuilder,
}

impl Events {
    fn new() -> Self {
        let times = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            export_key: Repeated::default(),
            section_id: Repeated::default(),
            ordinal: Int64Builder::new(),
            correlation_id: StringBuilder::new(),
            type_id: StringBuilder::new(),
            source_event_time: times(),
            created_at: times(),
            data: StringBuilder::new(),
            is_duplicate: BooleanBuilder::new(),
        }
    }

    fn push(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> usize {
        let texts = [event.correlation_id.get(), event.type_id.get(), event.data.get()];
        self.ordinal.append_value(ordinal);
        self.correlation_id.append_option(texts[0]);
        self.type_id.append_option(texts[1]);
        self.source_event_time.append_option(event.source_event_time);
        self.created_at.append_option(event.created_at);
        self.data.append_option(texts[2]);
        self.is_duplicate.append_value(is_duplicate);
        let lengths: usize = texts.iter().flatten().map(|text| text.len()).sum();
        self.export_key.push() + self.section_id.push() + lengths + 37
    }
}

impl Columns for Events {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            self.export_key.finish()?,
            self.section_id.finish()?,
            Arc::new(self.ordinal.finish()),
            finish_text(&mut self.correlation_id),
            finish_text(&mut self.type_id),
            Arc::new(self.source_event_time.finish()),
            Arc::new(self.created_at.finish()),
            finish_text(&mut self.data),
            Arc::new(self.is_duplicate.finish()),
        ])
    }
}

#[derive(Default)]
struct Unmapped {
    export_key: StringBuilder,
    section_id: StringBuilder,
    pointer: StringBuilder,
    reason: StringBuilder,
    value: StringBuilder,
}

impl Columns for Unmapped {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            finish_text(&mut self.export_key),
            finish_text(&mut self.section_id),
            finish_text(&mut self.pointer),
            finish_text(&mut self.reason),
            finish_text(&mut self.value),
        ])
    }
}
