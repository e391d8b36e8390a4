//! The tables of the published contract: their names and columns. `schemas/` says the same for
//! readers, and a test holds the two together.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// A table of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableId {
    /// One row per profile.
    Profiles,
    /// One row per profile × section × attribute.
    Attributes,
    /// One row per profile × section × tag.
    Tags,
    /// One row per profile × section × event.
    Events,
    /// One row per value that has no column.
    Unmapped,
}

/// The type of a column as its readers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// UTF-8 text whose values mostly repeat from row to row: the same to readers, held as a
    /// dictionary while it is built.
    RepeatedString,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// IEEE 754, 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// Microseconds since the Unix epoch, in UTC.
    TimestampMicrosUtc,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether a cell may be null.
    pub nullable: bool,
}

use ColumnType::{Boolean, Double, Int32, Int64, RepeatedString, String, TimestampMicrosUtc};

const fn required(name: &'static str, column_type: ColumnType) -> Column {
    Column { name, column_type, nullable: false }
}

const fn optional(name: &'static str, column_type: ColumnType) -> Column {
    Column { name, column_type, nullable: true }
}

const PROFILES: &[Column] = &[
    required("export_key", String),
    required("section_count", Int32),
    required("attribute_count", Int64),
    required("tag_count", Int64),
    required("event_count", Int64),
];

const ATTRIBUTES: &[Column] = &[
    required("export_key", RepeatedString),
    required("section_id", RepeatedString),
    required("attribute_id", String),
    required("value_type", RepeatedString),
    optional("value_text", String),
    optional("value_integer", Int64),
    optional("value_double", Double),
    optional("value_boolean", Boolean),
];

const TAGS: &[Column] =
    &[required("export_key", RepeatedString), required("section_id", RepeatedString), required("tag_id", String)];

const EVENTS: &[Column] = &[
    required("export_key", RepeatedString),
    required("section_id", RepeatedString),
    required("ordinal", Int64),
    optional("correlation_id", String),
    optional("type_id", String),
    optional("source_event_time", TimestampMicrosUtc),
    optional("created_at", TimestampMicrosUtc),
    optional("data", String),
    required("is_duplicate", Boolean),
];

const UNMAPPED: &[Column] = &[
    optional("export_key", String),
    optional("section_id", String),
    required("pointer", String),
    required("reason", String),
    required("value", String),
];

impl TableId {
    /// All tables, in the order of the contract.
    pub const ALL: [Self; 5] = [Self::Profiles, Self::Attributes, Self::Tags, Self::Events, Self::Unmapped];

    /// The table's name, which is its folder's too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::Attributes => "attributes",
            Self::Tags => "tags",
            Self::Events => "events",
            Self::Unmapped => "unmapped",
        }
    }

    /// Its columns, in the order of the file.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Profiles => PROFILES,
            Self::Attributes => ATTRIBUTES,
            Self::Tags => TAGS,
            Self::Events => EVENTS,
            Self::Unmapped => UNMAPPED,
        }
    }

    /// The Arrow schema of its record batches.
    pub fn schema(self) -> SchemaRef {
        let fields = self.columns().iter().map(|column| {
            let data_type = match column.column_type {
                String => DataType::Utf8,
                RepeatedString => DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
                Int32 => DataType::Int32,
                Int64 => DataType::Int64,
                Double => DataType::Float64,
                Boolean => DataType::Boolean,
                TimestampMicrosUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            };
            Field::new(column.name, data_type, column.nullable)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}
