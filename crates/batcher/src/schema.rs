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

/// What is known of a column's values, and decides how they are held and encoded. Readers see no
/// difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing: each value is written as it is.
    Any,
    /// Many values, each of which stays for a run of rows: held once for each run.
    Runs,
    /// Few values that come in any order: held as indices into a dictionary of them.
    Few,
    /// Numbers near the one before: written as differences.
    Steady,
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
    pub(crate) habit: Habit,
    /// Whether least and greatest values are written, so that readers need not look where the value
    /// they want cannot be. They help with times, and with export keys where those come in order.
    /// Other ids and values stand in every part of a file.
    pub(crate) has_range: bool,
}

use ColumnType::{Boolean, Double, Int32, Int64, String, TimestampMicrosUtc};

const fn required(name: &'static str, column_type: ColumnType) -> Column {
    Column { name, column_type, nullable: false, habit: Habit::Any, has_range: false }
}

const fn optional(name: &'static str, column_type: ColumnType) -> Column {
    Column { nullable: true, ..required(name, column_type) }
}

impl Column {
    const fn in_runs(self) -> Self {
        Self { habit: Habit::Runs, ..self }
    }

    const fn of_few(self) -> Self {
        Self { habit: Habit::Few, ..self }
    }

    const fn steady(self) -> Self {
        Self { habit: Habit::Steady, ..self }
    }

    const fn with_range(self) -> Self {
        Self { has_range: true, ..self }
    }
}

const PROFILES: &[Column] = &[
    required("export_key", String).with_range(),
    required("section_count", Int32).steady(),
    required("attribute_count", Int64).steady(),
    required("tag_count", Int64).steady(),
    required("event_count", Int64).steady(),
];

const ATTRIBUTES: &[Column] = &[
    required("export_key", String).in_runs().with_range(),
    required("section_id", String).of_few(),
    required("attribute_id", String).of_few(),
    required("value_type", String).of_few(),
    optional("value_text", String),
    optional("value_integer", Int64),
    optional("value_double", Double),
    optional("value_boolean", Boolean),
];

const TAGS: &[Column] = &[
    required("export_key", String).in_runs().with_range(),
    required("section_id", String).of_few(),
    required("tag_id", String).of_few(),
];

const EVENTS: &[Column] = &[
    required("export_key", String).in_runs().with_range(),
    required("section_id", String).of_few(),
    required("ordinal", Int64).steady(),
    optional("correlation_id", String),
    optional("type_id", String).of_few(),
    optional("source_event_time", TimestampMicrosUtc).steady().with_range(),
    optional("created_at", TimestampMicrosUtc).steady().with_range(),
    optional("data", String),
    required("is_duplicate", Boolean),
];

const UNMAPPED: &[Column] = &[
    optional("export_key", String),
    optional("section_id", String),
    required("pointer", String),
    required("reason", String).of_few(),
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
    pub(crate) fn batch_schema(self) -> SchemaRef {
        self.schema(|column| {
            let data_type = column.data_type();
            match column.habit {
                Habit::Runs => DataType::RunEndEncoded(
                    Field::new("run_ends", DataType::Int32, false).into(),
                    Field::new("values", data_type, true).into(),
                ),
                Habit::Few => DataType::Dictionary(DataType::UInt32.into(), data_type.into()),
                Habit::Any | Habit::Steady => data_type,
            }
        })
    }

    /// The Arrow schema of its files.
    pub(crate) fn file_schema(self) -> SchemaRef {
        self.schema(Column::data_type)
    }

    fn schema(self, data_type: impl Fn(&Column) -> DataType) -> SchemaRef {
        let fields = self.columns().iter().map(|column| Field::new(column.name, data_type(column), column.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

impl Column {
    fn data_type(&self) -> DataType {
        match self.column_type {
            String => DataType::Utf8,
            Int32 => DataType::Int32,
            Int64 => DataType::Int64,
            Double => DataType::Float64,
            Boolean => DataType::Boolean,
            TimestampMicrosUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}
