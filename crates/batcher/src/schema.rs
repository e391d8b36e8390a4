//! Tables: their names and columns. Those of the published contract stand here; `schemas/` says the
//! same for readers, and a test holds the two together. The columns of typed tables depend on the
//! account; see [`typed`](crate::typed).

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// A long table: its columns are the same whatever the account.
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
    /// A day, without a time.
    Date,
    /// Microseconds since the Unix epoch, in UTC.
    TimestampMicrosUtc,
    /// The members of the column, side by side.
    Struct,
    /// Any number of what the column's only member is.
    List,
}

impl ColumnType {
    /// The type's name in `schemas/`.
    pub fn name(self) -> &'static str {
        match self {
            String => "string",
            Int32 => "int32",
            Int64 => "int64",
            Double => "double",
            Boolean => "boolean",
            Date => "date",
            TimestampMicrosUtc => "timestamp_micros_utc",
            Struct => "struct",
            List => "list",
        }
    }
}

/// What is known of a column's values, and decides how they are held and encoded. Readers see no
/// difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing: each value is written as it is.
    Any,
    /// Many values, each of which stays for a run of rows: held once for each run.
    Runs,
    /// Texts, each of which stays for a run of a few rows: held once for each run, and written so.
    Repeats,
    /// Few values that come in any order: held as indices into a dictionary of them.
    Few,
    /// Texts that may be few, which is found out page by page: held as they are, and written as indices where that is so.
    PerhapsFew,
    /// Numbers near the one before, or near each other: written as differences.
    Steady,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether a cell may be null.
    pub nullable: bool,
    pub(crate) habit: Habit,
    /// Whether least and greatest values are written, so that readers need not look where the value
    /// they want cannot be. They help with times, and with export keys where those come in order.
    /// Other ids and values stand in every part of a file.
    pub(crate) has_range: bool,
    /// What a reader may want to know of it: the field's metadata in its files.
    pub metadata: Vec<(&'static str, std::string::String)>,
    /// What a struct or a list is made of.
    pub members: Vec<Column>,
}

/// A table: its name, which is its folder's too, and its columns in the order of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// A table of a run: its place among these.
#[derive(Clone, Debug)]
pub(crate) struct TableRef {
    pub(crate) index: usize,
    pub(crate) schema: Arc<TableSchema>,
}

impl TableRef {
    /// A table that has no place, since it is not written.
    pub(crate) fn unwritten(schema: TableSchema) -> Self {
        Self { index: usize::MAX, schema: Arc::new(schema) }
    }

    pub(crate) fn is_written(&self) -> bool {
        self.index != usize::MAX
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema)
    }
}

use ColumnType::{Boolean, Date, Double, Int32, Int64, List, String, Struct, TimestampMicrosUtc};

pub(crate) fn required(name: impl Into<Cow<'static, str>>, column_type: ColumnType) -> Column {
    let name = name.into();
    Column {
        name,
        column_type,
        nullable: false,
        habit: Habit::Any,
        has_range: false,
        metadata: Vec::new(),
        members: Vec::new(),
    }
}

pub(crate) fn optional(name: impl Into<Cow<'static, str>>, column_type: ColumnType) -> Column {
    Column { nullable: true, ..required(name, column_type) }
}

impl Column {
    pub(crate) fn in_runs(self) -> Self {
        Self { habit: Habit::Runs, ..self }
    }

    pub(crate) fn repeating(self) -> Self {
        Self { habit: Habit::Repeats, ..self }
    }

    pub(crate) fn of_few(self) -> Self {
        Self { habit: Habit::Few, ..self }
    }

    pub(crate) fn perhaps_few(self) -> Self {
        Self { habit: Habit::PerhapsFew, ..self }
    }

    pub(crate) fn steady(self) -> Self {
        Self { habit: Habit::Steady, ..self }
    }

    pub(crate) fn with_range(self) -> Self {
        Self { has_range: true, ..self }
    }
}

fn profiles() -> Vec<Column> {
    vec![
        required("export_key", String).with_range(),
        required("section_count", Int32).steady(),
        required("attribute_count", Int64).steady(),
        required("tag_count", Int64).steady(),
        required("event_count", Int64).steady(),
    ]
}

fn attributes() -> Vec<Column> {
    vec![
        required("export_key", String).in_runs().with_range(),
        required("section_id", String).of_few(),
        required("attribute_id", String).of_few(),
        required("value_type", String).of_few(),
        optional("value_text", String),
        optional("value_integer", Int64),
        optional("value_double", Double),
        optional("value_boolean", Boolean),
    ]
}

fn tags() -> Vec<Column> {
    vec![
        required("export_key", String).in_runs().with_range(),
        required("section_id", String).of_few(),
        required("tag_id", String).of_few(),
    ]
}

fn events() -> Vec<Column> {
    vec![
        required("export_key", String).in_runs().with_range(),
        required("section_id", String).of_few(),
        required("ordinal", Int64).steady(),
        optional("correlation_id", String),
        optional("type_id", String).of_few(),
        optional("source_event_time", TimestampMicrosUtc).steady().with_range(),
        optional("created_at", TimestampMicrosUtc).steady().with_range(),
        optional("data", String),
        required("is_duplicate", Boolean),
    ]
}

fn unmapped() -> Vec<Column> {
    vec![
        optional("export_key", String),
        optional("section_id", String),
        required("pointer", String),
        required("reason", String).of_few(),
        required("value", String),
    ]
}

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

    /// The table with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// What it is like.
    pub fn schema(self) -> TableSchema {
        let columns = match self {
            Self::Profiles => profiles(),
            Self::Attributes => attributes(),
            Self::Tags => tags(),
            Self::Events => events(),
            Self::Unmapped => unmapped(),
        };
        TableSchema { name: self.name().into(), columns }
    }
}

impl TableSchema {
    /// A table of a few rows, whose columns are as Arrow says.
    pub(crate) fn from_arrow(name: &'static str, schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| {
            let column_type = match field.data_type() {
                DataType::Int32 => Int32,
                DataType::Int64 => Int64,
                DataType::Float64 => Double,
                DataType::Boolean => Boolean,
                DataType::Date32 => Date,
                DataType::Timestamp(..) => TimestampMicrosUtc,
                _ => String,
            };
            Column { nullable: field.is_nullable(), ..required(field.name().clone(), column_type) }
        });
        Self { name: name.into(), columns: columns.collect() }
    }

    /// The Arrow schema of its record batches.
    pub(crate) fn batch_schema(&self) -> SchemaRef {
        self.arrow(|column| {
            let data_type = column.data_type();
            match column.habit {
                Habit::Runs | Habit::Repeats => DataType::RunEndEncoded(
                    Field::new("run_ends", DataType::Int32, false).into(),
                    Field::new("values", data_type, true).into(),
                ),
                Habit::Few => DataType::Dictionary(DataType::UInt32.into(), data_type.into()),
                Habit::Any | Habit::PerhapsFew | Habit::Steady => data_type,
            }
        })
    }

    /// The Arrow schema of its files.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        self.arrow(Column::data_type)
    }

    fn arrow(&self, data_type: impl Fn(&Column) -> DataType) -> SchemaRef {
        let fields = self.columns.iter().map(|column| column.field(data_type(column)));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// How many columns its files have for Parquet: one for each scalar, however deep.
    pub(crate) fn leaves(&self) -> usize {
        self.columns.iter().map(Column::leaves).sum()
    }
}

impl Column {
    /// The type in words, with that of what it is made of: `list<struct<sku: int64, name: string>>`.
    pub fn type_name(&self) -> std::string::String {
        let members: Vec<_> = match self.column_type {
            Struct => self.members.iter().map(|member| format!("{}: {}", member.name, member.type_name())).collect(),
            List => self.members.iter().map(Self::type_name).collect(),
            scalar => return scalar.name().to_owned(),
        };
        format!("{}<{}>", self.column_type.name(), members.join(", "))
    }

    /// How many scalars it is made of.
    pub(crate) fn leaves(&self) -> usize {
        match self.column_type {
            Struct | List => self.members.iter().map(Self::leaves).sum(),
            _ => 1,
        }
    }

    fn field(&self, data_type: DataType) -> Field {
        let metadata: HashMap<_, _> =
            self.metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Field::new(self.name.as_ref(), data_type, self.nullable).with_metadata(metadata)
    }

    /// The Arrow type of its cells.
    pub(crate) fn data_type(&self) -> DataType {
        match self.column_type {
            String => DataType::Utf8,
            Int32 => DataType::Int32,
            Int64 => DataType::Int64,
            Double => DataType::Float64,
            Boolean => DataType::Boolean,
            Date => DataType::Date32,
            TimestampMicrosUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Struct => DataType::Struct(self.member_fields()),
            List => self.member_fields().first().map_or(DataType::Null, |element| DataType::List(Arc::clone(element))),
        }
    }

    /// The Arrow fields of its members.
    pub(crate) fn member_fields(&self) -> Fields {
        self.members.iter().map(|member| member.field(member.data_type())).collect()
    }
}
