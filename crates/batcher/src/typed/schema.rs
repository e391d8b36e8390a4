//! The columns of typed tables, as they are published with the data.

use super::kind::Kind;
use crate::schema::{Column, ColumnType, TableSchema, optional, required};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The typed tables of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedSchema {
    /// The tables.
    pub tables: Vec<TypedTable>,
    /// The names of sections, by id.
    #[serde(default)]
    pub sections: BTreeMap<String, String>,
}

/// A typed table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedTable {
    /// Its name.
    pub name: String,
    /// What its rows are.
    pub of: TypedOf,
    /// Its columns, besides those that tell whose row it is.
    pub columns: Vec<TypedColumn>,
}

/// What the rows of a typed table are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypedOf {
    /// Sections of profiles.
    Sections,
    /// Events of a type.
    Events {
        /// The version ids of the type.
        type_ids: Vec<String>,
        /// Its stable name; empty if it is not known.
        discriminator: String,
    },
}

/// A typed column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Of an attribute or tag: its version ids, the one that wins over others first. Of a member of
    /// `data`: its name.
    pub ids: Vec<String>,
    /// The attribute's or tag's stable name; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub discriminator: String,
    /// Its display name; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Nothing fills it any more: all its cells are null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

impl TypedSchema {
    /// The table of profiles × sections, if there is one.
    pub fn wide(&self) -> Option<&TypedTable> {
        self.tables.iter().find(|table| table.of == TypedOf::Sections)
    }

    /// Takes out the tables that a run does not write.
    pub(crate) fn split_off(&mut self, wide: bool, events: bool) -> Vec<TypedTable> {
        let is_written = |table: &mut TypedTable| if table.of == TypedOf::Sections { wide } else { events };
        self.tables.extract_if(.., |table| !is_written(table)).collect()
    }

    /// The tables of events.
    pub fn events(&self) -> impl Iterator<Item = &TypedTable> {
        self.tables.iter().filter(|table| matches!(table.of, TypedOf::Events { .. }))
    }
}

impl TypedTable {
    /// Its columns as they stand in its files.
    pub fn schema(&self) -> TableSchema {
        let mut columns = match self.of {
            TypedOf::Sections => section_columns(),
            TypedOf::Events { .. } => event_columns(),
        };
        columns.extend(self.columns.iter().map(TypedColumn::column));
        TableSchema { name: self.name.clone().into(), columns }
    }

    /// The names of the columns that tell whose row it is.
    pub(crate) fn fixed_names(of: &TypedOf) -> Vec<String> {
        let columns = match of {
            TypedOf::Sections => section_columns(),
            TypedOf::Events { .. } => event_columns(),
        };
        columns.into_iter().map(|column| column.name.into_owned()).collect()
    }
}

impl TypedColumn {
    fn column(&self) -> Column {
        let mut metadata = vec![("apsides.kind", self.kind.name().to_owned()), ("apsides.ids", self.ids.join(" "))];
        let known = [("apsides.discriminator", &self.discriminator), ("apsides.name", &self.title)];
        metadata.extend(known.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, text.clone())));
        Column { metadata, ..optional(self.name.clone(), self.kind.column_type()) }
    }
}

fn section_columns() -> Vec<Column> {
    vec![
        required("export_key", ColumnType::String).with_range(),
        required("section_id", ColumnType::String).of_few(),
        optional("section_name", ColumnType::String).of_few(),
    ]
}

fn event_columns() -> Vec<Column> {
    vec![
        required("export_key", ColumnType::String).with_range(),
        required("section_id", ColumnType::String),
        required("ordinal", ColumnType::Int64).steady(),
        optional("correlation_id", ColumnType::String),
        optional("type_id", ColumnType::String),
        optional("source_event_time", ColumnType::TimestampMicrosUtc).steady().with_range(),
        optional("created_at", ColumnType::TimestampMicrosUtc).steady().with_range(),
        required("is_duplicate", ColumnType::Boolean),
    ]
}
