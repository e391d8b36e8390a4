//! Rows of the five tables, collected column by column and handed on as record batches.
//!
//! Where a batch and a row group end depends on the rows alone, so that the files do not depend on
//! how the input came in, nor on the threads that encode.

use crate::{
    column::{Labels, Names, Runs, Sparse, finish_text},
    error::{Error, Result},
    event::Event,
    schema::TableId,
};
use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::{Float64Type, Int64Type, SchemaRef},
    error::ArrowError,
};
use std::sync::Arc;

/// A record batch and its place in its table.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) table: TableId,
    /// Batches of the table before this one.
    pub(crate) sequence: u64,
    pub(crate) records: RecordBatch,
    /// What it takes in memory, about; at least [`BATCH_BYTES_MIN`].
    pub(crate) bytes: usize,
    /// The index of the first value of its column in runs, in the row group's dictionary.
    pub(crate) first_index: u32,
    /// It is the last of its row group.
    pub(crate) ends_group: bool,
}

/// What the least batch takes.
const BATCH_BYTES_MIN: usize = 4 << 10;

/// Takes finished batches, in the order of each table.
pub(crate) trait BatchSink {
    /// Hands on a batch; waits while too many are on their way.
    fn send(&mut self, batch: Batch) -> Result<()>;
}

/// When a batch or a row group is full: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) group_rows: usize,
    /// Of the row groups of all tables together, before they are encoded.
    pub(crate) group_bytes: usize,
    /// Of each row group before it is encoded: what does not fit a file.
    pub(crate) file_bytes: usize,
    /// Of each dictionary.
    pub(crate) dictionary_bytes: usize,
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
    limits: BatchLimits,
    profiles: Table<Profiles>,
    attributes: Table<Attributes>,
    tags: Table<Tags>,
    events: Table<Events>,
    unmapped: Table<Unmapped>,
}

impl<S: BatchSink> Tables<S> {
    pub(crate) fn new(sink: S, limits: BatchLimits) -> Self {
        Self {
            sink,
            limits,
            profiles: Table::new(TableId::Profiles, limits, Profiles::default()),
            attributes: Table::new(TableId::Attributes, limits, Attributes::new()),
            tags: Table::new(TableId::Tags, limits, Tags::default()),
            events: Table::new(TableId::Events, limits, Events::new()),
            unmapped: Table::new(TableId::Unmapped, limits, Unmapped::new()),
        }
    }

    /// Sets the export key of the rows to come.
    pub(crate) fn set_export_key(&mut self, key: &str) {
        self.attributes.columns.ids.export_key.set(key);
        self.tags.columns.ids.export_key.set(key);
        self.events.columns.ids.export_key.set(key);
    }

    /// Sets the section of the rows to come.
    pub(crate) fn set_section_id(&mut self, id: &str) {
        self.attributes.columns.ids.section_id.set(id);
        self.tags.columns.ids.section_id.set(id);
        self.events.columns.ids.section_id.set(id);
    }

    pub(crate) fn profile(&mut self, export_key: &str, counts: ProfileCounts) -> Result<()> {
        let columns = &mut self.profiles.columns;
        columns.export_key.append_value(export_key);
        columns.section_count.append_value(counts.sections);
        columns.attribute_count.append_value(counts.attributes);
        columns.tag_count.append_value(counts.tags);
        columns.event_count.append_value(counts.events);
        if self.profiles.row(export_key.len() + 28) { self.flush(TableId::Profiles) } else { Ok(()) }
    }

    pub(crate) fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        let bytes = self.attributes.columns.push(id, value);
        if self.attributes.row(bytes) { self.flush(TableId::Attributes) } else { Ok(()) }
    }

    pub(crate) fn tag(&mut self, id: &str) -> Result<()> {
        let bytes = self.tags.columns.ids.push(Some(id));
        if self.tags.row(bytes) { self.flush(TableId::Tags) } else { Ok(()) }
    }

    pub(crate) fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        let bytes = self.events.columns.push(ordinal, event, is_duplicate);
        if self.events.row(bytes) { self.flush(TableId::Events) } else { Ok(()) }
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
        columns.reason.push(reason as u32);
        columns.value.append_value(value);
        let length = |text: Option<&str>| text.map_or(0, str::len);
        let bytes = length(export_key) + length(section_id) + pointer.len() + value.len() + 24;
        if self.unmapped.row(bytes) { self.flush(TableId::Unmapped) } else { Ok(()) }
    }

    /// Hands on what is left and gives back the sink.
    pub(crate) fn finish(mut self) -> Result<S> {
        for table in TableId::ALL {
            if self.table(table).group_rows() > 0 {
                self.hand_on(table, true)?;
            }
        }
        Ok(self.sink)
    }

    /// Hands on a table's batch. If row groups have grown to their limit by that, one of them ends.
    #[cold]
    fn flush(&mut self, table: TableId) -> Result<()> {
        let limits = self.limits;
        let this = self.table(table);
        let ends_group = this.group_rows() >= limits.group_rows
            || this.group_bytes() >= limits.file_bytes
            || this.dictionary_bytes() >= limits.dictionary_bytes;
        self.hand_on(table, ends_group)?;
        let group_bytes = TableId::ALL.map(|table| self.table(table).group_bytes());
        if group_bytes.iter().sum::<usize>() < limits.group_bytes {
            return Ok(());
        }
        // It is the first of the largest, not the one that happens to be here.
        let largest = TableId::ALL.into_iter().rev().max_by_key(|&table| group_bytes[table as usize]);
        largest.map_or(Ok(()), |table| self.hand_on(table, true))
    }

    fn hand_on(&mut self, table: TableId, ends_group: bool) -> Result<()> {
        let batch = self.table(table).finish(ends_group).map_err(|source| Error::encode(table, source.into()))?;
        self.sink.send(batch)
    }

    fn table(&mut self, table: TableId) -> &mut dyn AnyTable {
        match table {
            TableId::Profiles => &mut self.profiles,
            TableId::Attributes => &mut self.attributes,
            TableId::Tags => &mut self.tags,
            TableId::Events => &mut self.events,
            TableId::Unmapped => &mut self.unmapped,
        }
    }
}

/// The columns of a table.
trait Columns {
    /// The columns of the rows so far, in the order of the schema; then there are none.
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError>;

    /// Its columns with dictionaries that grow, if it has any.
    fn ids(&mut self) -> Option<&mut Ids> {
        None
    }
}

/// The columns that tell whose row it is and of what.
#[derive(Default)]
struct Ids {
    export_key: Runs,
    section_id: Names,
    /// Of an attribute, a tag or an event's type.
    id: Names,
}

impl Ids {
    /// Adds a row of the export key and the section that are set; gives the bytes that took.
    fn push(&mut self, id: Option<&str>) -> usize {
        let bytes = match id {
            Some(id) => self.id.push(id),
            None => self.id.push_none(),
        };
        self.export_key.push() + self.section_id.push_current() + bytes
    }

    fn finish(&mut self) -> Result<[ArrayRef; 3], ArrowError> {
        Ok([self.export_key.finish()?, self.section_id.finish()?, self.id.finish()?])
    }

    /// The bytes of the largest dictionary.
    fn dictionary_bytes(&self) -> usize {
        self.export_key.group_bytes().max(self.section_id.group_bytes()).max(self.id.group_bytes())
    }

    /// Begins a new row group.
    fn end_group(&mut self) {
        self.export_key.end_group();
        self.section_id.end_group();
        self.id.end_group();
    }
}

/// Columns with the count of what is in them.
struct Table<C> {
    id: TableId,
    schema: SchemaRef,
    limits: BatchLimits,
    /// Of the batch.
    rows: usize,
    bytes: usize,
    /// What fills it.
    rows_max: usize,
    /// Of the batches of the row group that were handed on.
    group_rows: usize,
    group_bytes: usize,
    sequence: u64,
    columns: C,
}

impl<C: Columns> Table<C> {
    fn new(id: TableId, limits: BatchLimits, columns: C) -> Self {
        let schema = id.batch_schema();
        let rows_max = limits.rows.min(limits.group_rows);
        Self { id, schema, limits, rows: 0, bytes: 0, rows_max, group_rows: 0, group_bytes: 0, sequence: 0, columns }
    }

    /// Counts a row that was added; true if the batch is full by that.
    #[inline]
    fn row(&mut self, bytes: usize) -> bool {
        self.rows += 1;
        self.bytes += bytes;
        self.rows >= self.rows_max || self.bytes >= self.limits.bytes
    }
}

/// A table whatever its columns.
trait AnyTable {
    fn group_rows(&self) -> usize;
    fn group_bytes(&self) -> usize;
    fn dictionary_bytes(&mut self) -> usize;
    /// The batch so far, which may be without rows; then there is none.
    fn finish(&mut self, ends_group: bool) -> Result<Batch, ArrowError>;
}

impl<C: Columns> AnyTable for Table<C> {
    fn group_rows(&self) -> usize {
        self.group_rows + self.rows
    }

    fn group_bytes(&self) -> usize {
        self.group_bytes + self.bytes
    }

    fn dictionary_bytes(&mut self) -> usize {
        self.columns.ids().map_or(0, |ids| ids.dictionary_bytes())
    }

    fn finish(&mut self, ends_group: bool) -> Result<Batch, ArrowError> {
        let first_index = self.columns.ids().map_or(0, |ids| ids.export_key.first_index());
        let records = RecordBatch::try_new(Arc::clone(&self.schema), self.columns.finish()?)?;
        let bytes = self.bytes.max(BATCH_BYTES_MIN);
        let batch = Batch { table: self.id, sequence: self.sequence, records, bytes, first_index, ends_group };
        self.sequence += 1;
        (self.group_rows, self.group_bytes) = match ends_group {
            true => (0, 0),
            false => (self.group_rows(), self.group_bytes()),
        };
        (self.rows, self.bytes) = (0, 0);
        // A row group has exactly as many rows as it may.
        self.rows_max = self.limits.rows.min(self.limits.group_rows - self.group_rows);
        if ends_group && let Some(ids) = self.columns.ids() {
            ids.end_group();
        }
        Ok(batch)
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

/// The names of a [`Reason`].
const REASONS: [&str; 2] = ["unknown_member", "type_mismatch"];

const VALUE_TYPES: [&str; 7] = ["string", "integer", "double", "boolean", "object", "array", "null"];

struct Attributes {
    ids: Ids,
    /// Indices into [`VALUE_TYPES`].
    value_type: Labels,
    value_text: StringBuilder,
    value_integer: Sparse<i64>,
    value_double: Sparse<f64>,
    value_boolean: Sparse<bool>,
}

impl Attributes {
    fn new() -> Self {
        Self {
            ids: Ids::default(),
            value_type: Labels::new(&VALUE_TYPES),
            value_text: StringBuilder::new(),
            value_integer: Sparse::default(),
            value_double: Sparse::default(),
            value_boolean: Sparse::default(),
        }
    }

    fn push(&mut self, id: &str, value: Value<'_>) -> usize {
        let row = self.value_type.len();
        let (value_type, text) = match value {
            Value::String(text) => (0, Some(text)),
            Value::Integer { text, value } => {
                self.value_integer.push(row, value);
                // The nearest double of an integer is what the conversion rounds to.
                self.value_double.push(row, value as f64);
                (1, Some(text))
            }
            Value::Double { text, value } => {
                if value.is_finite() {
                    self.value_double.push(row, value);
                }
                (2, Some(text))
            }
            Value::Boolean(value) => {
                self.value_boolean.push(row, value);
                (3, Some(if value { "true" } else { "false" }))
            }
            Value::Object(raw) => (4, Some(raw)),
            Value::Array(raw) => (5, Some(raw)),
            Value::Null => (6, None),
        };
        self.value_type.push(value_type);
        self.value_text.append_option(text);
        self.ids.push(Some(id)) + text.map_or(0, str::len) + 26
    }
}

impl Columns for Attributes {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let rows = self.value_type.len();
        let [export_key, section_id, attribute_id] = self.ids.finish()?;
        Ok(vec![
            export_key,
            section_id,
            attribute_id,
            self.value_type.finish()?,
            finish_text(&mut self.value_text),
            self.value_integer.finish::<Int64Type>(rows)?,
            self.value_double.finish::<Float64Type>(rows)?,
            self.value_boolean.finish_booleans(rows),
        ])
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

#[derive(Default)]
struct Tags {
    ids: Ids,
}

impl Columns for Tags {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.ids.finish().map(Vec::from)
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

struct Events {
    ids: Ids,
    ordinal: Int64Builder,
    correlation_id: StringBuilder,
    source_event_time: TimestampMicrosecondBuilder,
    created_at: TimestampMicrosecondBuilder,
    data: StringBuilder,
    is_duplicate: BooleanBuilder,
}

impl Events {
    fn new() -> Self {
        let times = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            ids: Ids::default(),
            ordinal: Int64Builder::new(),
            correlation_id: StringBuilder::new(),
            source_event_time: times(),
            created_at: times(),
            data: StringBuilder::new(),
            is_duplicate: BooleanBuilder::new(),
        }
    }

    fn push(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> usize {
        let texts = [event.correlation_id.get(), event.data.get()];
        self.ordinal.append_value(ordinal);
        self.correlation_id.append_option(texts[0]);
        self.source_event_time.append_option(event.source_event_time);
        self.created_at.append_option(event.created_at);
        self.data.append_option(texts[1]);
        self.is_duplicate.append_value(is_duplicate);
        let lengths: usize = texts.iter().flatten().map(|text| text.len()).sum();
        self.ids.push(event.type_id.get()) + lengths + 33
    }
}

impl Columns for Events {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let [export_key, section_id, type_id] = self.ids.finish()?;
        Ok(vec![
            export_key,
            section_id,
            Arc::new(self.ordinal.finish()),
            finish_text(&mut self.correlation_id),
            type_id,
            Arc::new(self.source_event_time.finish()),
            Arc::new(self.created_at.finish()),
            finish_text(&mut self.data),
            Arc::new(self.is_duplicate.finish()),
        ])
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

struct Unmapped {
    export_key: StringBuilder,
    section_id: StringBuilder,
    pointer: StringBuilder,
    /// Indices into [`REASONS`].
    reason: Labels,
    value: StringBuilder,
}

impl Unmapped {
    fn new() -> Self {
        Self {
            export_key: StringBuilder::new(),
            section_id: StringBuilder::new(),
            pointer: StringBuilder::new(),
            reason: Labels::new(&REASONS),
            value: StringBuilder::new(),
        }
    }
}

impl Columns for Unmapped {
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            finish_text(&mut self.export_key),
            finish_text(&mut self.section_id),
            finish_text(&mut self.pointer),
            self.reason.finish()?,
            finish_text(&mut self.value),
        ])
    }
}
