//! What a destination holds.

use crate::{
    export::Findings,
    typed::{Change, TypedSchema},
};
use serde::{Deserialize, Serialize};

/// The published tables of a destination; `.apsides/manifest.json` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format: 1.
    pub version: u32,
    /// The program that wrote the tables, with its version.
    pub tool: String,
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
    /// Its files, in the order of the rows.
    pub files: Vec<DataFile>,
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
    pub(crate) fn new(name: &str, files: Vec<DataFile>) -> Self {
        let mut table = Self { name: name.to_owned(), rows: 0, bytes: 0, files: Vec::new() };
        table.add(files);
        table
    }

    pub(crate) fn add(&mut self, files: Vec<DataFile>) {
        self.rows += files.iter().map(|file| file.rows).sum::<u64>();
        self.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        self.files.extend(files);
    }
}
