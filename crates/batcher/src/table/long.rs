//! The columns of the long tables, whose columns are the same whatever the account.

use super::{Columns, Unbuilt};
use crate::{
    column::{Labels, NameRows, NameRuns, Names, RunRows, Runs, Sparse, take_text},
    event::Event,
    facts::{ProfileCounts, Reason, Unplaced, Value, ValueType},
};
use arrow::{
    array::{ArrayRef, BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
    datatypes::{Float64Type, Int64Type},
    error::ArrowError,
};
use std::{
    mem::{replace, take},
    sync::Arc,
};

/// The columns that tell whose row it is and of what.
#[derive(Default)]
pub(crate) struct Ids {
    pub(crate) export_key: Runs,
    pub(crate) section_id: NameRuns,
    /// Of an attribute, a tag or an event's type.
    id: Names,
}

impl Ids {
    /// Adds a row of the export key and the section that are set; gives the bytes that took.
    #[inline(always)]
    pub(crate) fn push(&mut self, id: Option<&str>) -> usize {
        let bytes = match id {
            Some(id) => self.id.push(id),
            None => self.id.push_none(),
        };
        self.export_key.push() + self.section_id.push() + bytes
    }

    fn take(&mut self) -> IdRows {
        IdRows { export_key: self.export_key.take(), section_id: self.section_id.take(), id: self.id.take() }
    }

    /// The bytes of the largest dictionary.
    pub(super) fn dictionary_bytes(&self) -> usize {
        self.export_key.group_bytes().max(self.section_id.group_bytes()).max(self.id.group_bytes())
    }

    /// Begins a new row group.
    pub(super) fn end_group(&mut self) {
        self.export_key.end_group();
        self.section_id.end_group();
        self.id.end_group();
    }
}

/// Their rows.
struct IdRows {
    export_key: RunRows,
    section_id: NameRows,
    id: NameRows,
}

impl IdRows {
    fn build(self) -> Result<[ArrayRef; 3], ArrowError> {
        Ok([self.export_key.build()?, self.section_id.build()?, self.id.build()?])
    }
}

#[derive(Default)]
pub(crate) struct Profiles {
    export_key: StringBuilder,
    section_count: Int32Builder,
    attribute_count: Int64Builder,
    tag_count: Int64Builder,
    event_count: Int64Builder,
}

impl Profiles {
    /// Adds a row; gives the bytes that took.
    pub(crate) fn push(&mut self, export_key: &str, counts: ProfileCounts) -> usize {
        self.export_key.append_value(export_key);
        self.section_count.append_value(counts.sections);
        self.attribute_count.append_value(counts.attributes);
        self.tag_count.append_value(counts.tags);
        self.event_count.append_value(counts.events);
        export_key.len() + 28
    }
}

impl Columns for Profiles {
    fn take(&mut self) -> Unbuilt {
        let (mut export_key, mut sections) = (take_text(&mut self.export_key), take(&mut self.section_count));
        let counts = [&mut self.attribute_count, &mut self.tag_count, &mut self.event_count].map(take);
        Unbuilt::new(move || {
            let counts = counts.map(|mut count| -> ArrayRef { Arc::new(count.finish()) });
            Ok([Arc::new(export_key.finish()) as ArrayRef, Arc::new(sections.finish())]
                .into_iter()
                .chain(counts)
                .collect())
        })
    }
}

pub(crate) struct Attributes {
    pub(crate) ids: Ids,
    /// Numbers of a [`ValueType`].
    value_type: Labels,
    value_text: StringBuilder,
    value_integer: Sparse<i64>,
    value_double: Sparse<f64>,
    value_boolean: Sparse<bool>,
}

impl Attributes {
    pub(crate) fn new() -> Self {
        Self {
            ids: Ids::default(),
            value_type: Labels::new(&ValueType::NAMES),
            value_text: StringBuilder::new(),
            value_integer: Sparse::default(),
            value_double: Sparse::default(),
            value_boolean: Sparse::default(),
        }
    }

    /// Adds a row; gives the bytes that took.
    #[inline]
    pub(crate) fn push(&mut self, id: &str, value: Value<'_>) -> usize {
        let row = self.value_type.len();
        let text = match value {
            Value::String { decoded, .. } => Some(decoded),
            Value::Integer { text, value } => {
                self.value_integer.push(row, value);
                // The nearest double of an integer is what the conversion rounds to.
                self.value_double.push(row, value as f64);
                Some(text)
            }
            Value::Double { text, value } => {
                if value.is_finite() {
                    self.value_double.push(row, value);
                }
                Some(text)
            }
            Value::Boolean(value) => {
                self.value_boolean.push(row, value);
                Some(if value { "true" } else { "false" })
            }
            Value::Object(raw) | Value::Array(raw) => Some(raw),
            Value::Null => None,
        };
        self.value_type.push(value.value_type() as u32);
        self.value_text.append_option(text);
        self.ids.push(Some(id)) + text.map_or(0, str::len) + 26
    }
}

impl Columns for Attributes {
    fn take(&mut self) -> Unbuilt {
        let rows = self.value_type.len();
        let (ids, types, mut texts) = (self.ids.take(), self.value_type.take(), take_text(&mut self.value_text));
        let (integers, doubles, booleans) =
            (self.value_integer.take(), self.value_double.take(), self.value_boolean.take());
        Unbuilt::new(move || {
            let [export_key, section_id, attribute_id] = ids.build()?;
            Ok(vec![
                export_key,
                section_id,
                attribute_id,
                types.build()?,
                Arc::new(texts.finish()),
                integers.build::<Int64Type>(rows)?,
                doubles.build::<Float64Type>(rows)?,
                booleans.build_booleans(rows),
            ])
        })
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

#[derive(Default)]
pub(crate) struct Tags {
    pub(crate) ids: Ids,
}

impl Columns for Tags {
    fn take(&mut self) -> Unbuilt {
        let ids = self.ids.take();
        Unbuilt::new(move || ids.build().map(Vec::from))
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

pub(crate) struct Events {
    pub(crate) ids: Ids,
    ordinal: Int64Builder,
    correlation_id: StringBuilder,
    source_event_time: TimestampMicrosecondBuilder,
    created_at: TimestampMicrosecondBuilder,
    data: StringBuilder,
    is_duplicate: BooleanBuilder,
}

fn times_of_events() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            ids: Ids::default(),
            ordinal: Int64Builder::new(),
            correlation_id: StringBuilder::new(),
            source_event_time: times_of_events(),
            created_at: times_of_events(),
            data: StringBuilder::new(),
            is_duplicate: BooleanBuilder::new(),
        }
    }

    /// Adds a row; gives the bytes that took.
    pub(crate) fn push(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> usize {
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
    fn take(&mut self) -> Unbuilt {
        let ids = self.ids.take();
        let (mut ordinal, mut is_duplicate) = (take(&mut self.ordinal), take(&mut self.is_duplicate));
        let [mut correlation_id, mut data] = [&mut self.correlation_id, &mut self.data].map(take_text);
        let [mut source_event_time, mut created_at] =
            [&mut self.source_event_time, &mut self.created_at].map(|times| replace(times, times_of_events()));
        Unbuilt::new(move || {
            let [export_key, section_id, type_id] = ids.build()?;
            Ok(vec![
                export_key,
                section_id,
                Arc::new(ordinal.finish()),
                Arc::new(correlation_id.finish()),
                type_id,
                Arc::new(source_event_time.finish()),
                Arc::new(created_at.finish()),
                Arc::new(data.finish()),
                Arc::new(is_duplicate.finish()),
            ])
        })
    }

    fn ids(&mut self) -> Option<&mut Ids> {
        Some(&mut self.ids)
    }
}

pub(crate) struct Unmapped {
    export_key: StringBuilder,
    section_id: StringBuilder,
    pointer: StringBuilder,
    /// Numbers of a [`Reason`].
    reason: Labels,
    value: StringBuilder,
}

impl Unmapped {
    pub(crate) fn new() -> Self {
        Self {
            export_key: StringBuilder::new(),
            section_id: StringBuilder::new(),
            pointer: StringBuilder::new(),
            reason: Labels::new(&Reason::NAMES),
            value: StringBuilder::new(),
        }
    }

    /// Adds a row; gives the bytes that took.
    pub(crate) fn push(&mut self, found: Unplaced<'_>) -> usize {
        let Unplaced { export_key, section_id, pointer, reason, value } = found;
        self.export_key.append_option(export_key);
        self.section_id.append_option(section_id);
        self.pointer.append_value(pointer);
        self.reason.push(reason as u32);
        self.value.append_value(value);
        let length = |text: Option<&str>| text.map_or(0, str::len);
        length(export_key) + length(section_id) + pointer.len() + value.len() + 24
    }
}

impl Columns for Unmapped {
    fn take(&mut self) -> Unbuilt {
        let texts = [&mut self.export_key, &mut self.section_id, &mut self.pointer, &mut self.value];
        let ([export_key, section_id, pointer, value], reason) = (texts.map(take_text), self.reason.take());
        let text = |mut text: StringBuilder| -> ArrayRef { Arc::new(text.finish()) };
        Unbuilt::new(move || Ok(vec![text(export_key), text(section_id), text(pointer), reason.build()?, text(value)]))
    }
}
