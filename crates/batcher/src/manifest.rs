//! What a destination holds.

use crate::{
    export::Findings,
    schema::TableSchema,
    typed::{Change, TypedSchema},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The published tables of a destination; `.apsides/manifest.json` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format: 1.
    pub version: u32,
    /// The program that wrote the tables, with its version.
    pub tool: String,
    /// The run that wrote the tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// When they were published, by the clock of the machine that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// What the tables were made from, for people: a file's name, an address without secrets.
    pub source: String,
    /// Bytes of (uncompressed) JSON that the tables come from.
    pub json_bytes: u64,
    /// What the reading found, besides rows.
    pub findings: Findings,
    /// The tables, in the order of the contract; typed tables follow.
    pub tables: Vec<TableFiles>,
    /// The columns of typed tables, of this run or else of the last one that had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<TypedSchema>,
    /// What is new in them against those that were there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema_changes: Vec<Change>,
    /// What makes this manifest of an object store unlike any other, even of the same tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<Publication>,
}

/// How tables came to an object store, where they are replaced file by file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The run that wrote the tables; its files' names begin with it.
    pub run: String,
    /// Random, of each manifest: by it a run whose request was answered by nobody knows its own manifest.
    pub nonce: String,
    /// Files that are no longer named, but stay for readers of manifests before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Retired>,
}

/// A file that is no longer named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Its table's folder and its name there.
    pub path: String,
    /// Since when, by the store's clock; if it is not said, since this manifest was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The files of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFiles {
    /// The table's name, which is its folder's too.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its columns, in the order of the files.
    #[serde(default)]
    pub columns: Vec<ColumnOf>,
    /// Its files, in the order of the rows.
    pub files: Vec<DataFile>,
}

/// A column of a published table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnOf {
    /// Its name.
    pub name: String,
    /// Its type, by the names in `schemas/`.
    #[serde(rename = "type")]
    pub column_type: String,
    /// Whether a cell may be null.
    pub nullable: bool,
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its name in the table's folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its row groups.
    pub row_groups: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
}

impl Manifest {
    /// The version of the format that this program writes.
    pub(crate) const VERSION: u32 = 1;

    /// The table with this name.
    pub fn table(&self, name: &str) -> Option<&TableFiles> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl TableFiles {
    pub(crate) fn new(schema: &TableSchema, files: Vec<DataFile>) -> Self {
        let columns = schema.columns.iter().map(|column| ColumnOf {
            name: column.name.clone().into_owned(),
            column_type: column.column_type.name().to_owned(),
            nullable: column.nullable,
        });
        let name = schema.name.clone().into_owned();
        let mut table = Self { name, rows: 0, bytes: 0, columns: columns.collect(), files: Vec::new() };
        table.add(files);
        table
    }

    pub(crate) fn add(&mut self, files: Vec<DataFile>) {
        self.rows += files.iter().map(|file| file.rows).sum::<u64>();
        self.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        self.files.extend(files);
    }
}
