//! The columns of typed tables, as they are published with the data.

use super::kind::Kind;
use crate::schema::{Column, ColumnType, TableSchema, optional, required};
use arrow::datatypes::{Field, FieldRef};
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
    /// The members of a struct; of a list, what its elements are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<TypedColumn>,
    /// Of a struct or a list: that it has always this shape is not known well enough to publish it for
    /// the first time. It is JSON text then.
    #[serde(skip)]
    pub(crate) is_tentative: bool,
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

/// What the elements of lists are called in files, as Parquet's specification has it.
const ELEMENT: &str = "element";

impl TypedColumn {
    /// A column of which nothing else is known.
    pub(crate) fn of(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            ids: Vec::new(),
            discriminator: String::new(),
            title: String::new(),
            retired: false,
            members: Vec::new(),
            is_tentative: false,
        }
    }

    /// What the elements of lists are.
    pub(crate) fn of_elements(kind: Kind) -> Self {
        Self::of(ELEMENT, kind)
    }

    /// What the elements of this list are.
    pub(crate) fn element(&self) -> Self {
        self.members.first().cloned().unwrap_or_else(|| Self::of_elements(Kind::Json))
    }

    pub(crate) fn column(&self) -> Column {
        let mut metadata = vec![("apsides.kind", self.kind.name().to_owned())];
        let known = [
            ("apsides.ids", &self.ids.join(" ")),
            ("apsides.discriminator", &self.discriminator),
            ("apsides.name", &self.title),
        ];
        metadata.extend(known.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, text.clone())));
        let members = self.members.iter().map(Self::column).collect();
        let column = Column { metadata, members, ..optional(self.name.clone(), self.kind.column_type()) };
        match self.kind {
            Kind::Text | Kind::Json => column.perhaps_few(),
            Kind::Integer | Kind::Date | Kind::TimestampS | Kind::TimestampMs => column.steady(),
            Kind::Double | Kind::Boolean | Kind::Tag | Kind::Struct | Kind::List => column,
        }
    }

    pub(crate) fn field(&self) -> FieldRef {
        let column = self.column();
        Field::new(column.name.as_ref(), column.data_type(), column.nullable).into()
    }

    /// How many scalars it is made of.
    pub(crate) fn leaves(&self) -> usize {
        match self.kind {
            Kind::Struct | Kind::List => self.members.iter().map(Self::leaves).sum(),
            _ => 1,
        }
    }

    /// Whether it is not known well enough to be published for the first time. A list whose elements are not, is not.
    pub(crate) fn is_unknown(&self) -> bool {
        self.is_tentative
            || (self.kind.is_nested() && self.members.is_empty())
            || (self.kind == Kind::List && self.members.iter().any(Self::is_unknown))
    }

    /// Makes JSON text of what is not known well enough, here and in what it is made of.
    pub(crate) fn settle(&mut self) {
        if self.is_unknown() {
            (self.kind, self.is_tentative) = (Kind::Json, false);
            self.members.clear();
        }
        self.members.iter_mut().for_each(Self::settle);
    }
}

fn section_columns() -> Vec<Column> {
    vec![
        required("export_key", ColumnType::String).repeating().with_range(),
        required("section_id", ColumnType::String).of_few(),
        optional("section_name", ColumnType::String).of_few(),
    ]
}

fn event_columns() -> Vec<Column> {
    vec![
        required("export_key", ColumnType::String).with_range(),
        required("section_id", ColumnType::String).perhaps_few(),
        required("ordinal", ColumnType::Int64).steady(),
        optional("correlation_id", ColumnType::String),
        optional("type_id", ColumnType::String).perhaps_few(),
        optional("source_event_time", ColumnType::TimestampMicrosUtc).steady().with_range(),
        optional("created_at", ColumnType::TimestampMicrosUtc).steady().with_range(),
        required("is_duplicate", ColumnType::Boolean),
    ]
}
