//! What a destination holds.

use crate::export::Findings;
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
    /// The tables, in the order of the contract.
    pub tables: Vec<TableFiles>,
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
        Self {
            name: name.to_owned(),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files,
        }
    }
}
