//! What a destination holds.

use crate::{
    destination::DeltaLogs,
    error::{Error, Result},
    export::Findings,
    extent::Window,
    schema::TableSchema,
    statistics::{self, Statistics},
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
    /// The windows whose events are there, by time, where a schedule has filled the destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// When the export was asked for that says how profiles are, where a schedule has filled the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Timestamp>,
    /// The snapshots that are there, each in folders of its own, by time: where a schedule keeps several. The last is how
    /// profiles are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Window>,
    /// What the logs of its tables say, where they are Delta tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaLogs>,
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
    /// Those of which files that have statistics tell the least and the greatest value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounded: Vec<String>,
    /// Its files, in the order of the rows.
    pub files: Vec<DataFile>,
}

/// A column of a published table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnOf {
    /// Its name.
    pub name: String,
    /// Its type, by the names in `schemas/`; of a struct or a list, with what it is made of in angle brackets.
    #[serde(rename = "type")]
    pub column_type: String,
    /// Whether a cell may be null.
    pub nullable: bool,
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its name in the table's folder, with that of its window's or snapshot's folder, if it has one.
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
    /// Its columns, where the table has got others since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// What the log of a Delta table says of its rows; none where there is no log, or an earlier version has written the
    /// file. It has values of the rows: only a manifest that is read at its destination has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

impl DataFile {
    /// The folder in the table's that it is in.
    pub(crate) fn partition(&self) -> Option<&str> {
        self.name.split_once('/').map(|(partition, _)| partition)
    }
}

/// What manifests of all versions have.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Manifest {
    /// The version of the format that this program writes.
    pub(crate) const VERSION: u32 = 1;

    /// That of no tables.
    pub fn nothing(source: &str) -> Self {
        Self {
            version: Self::VERSION,
            tool: format!("apsides {}", env!("CARGO_PKG_VERSION")),
            run: None,
            published_at: None,
            source: source.to_owned(),
            json_bytes: 0,
            findings: Findings::default(),
            tables: Vec::new(),
            typed: None,
            schema_changes: Vec::new(),
            windows: Vec::new(),
            snapshot: None,
            snapshots: Vec::new(),
            delta: None,
            publication: None,
        }
    }

    /// Reads a manifest; `place` is where it was found, for messages. One of another version of the format is refused,
    /// since to take it for one of ours could cost the tables that it names.
    pub(crate) fn parse(json: &[u8], place: &str) -> Result<Self> {
        let failed = |source| Error::Manifest { place: place.to_owned(), source };
        let Versioned { version } = serde_json::from_slice(json).map_err(failed)?;
        if version != Self::VERSION {
            return Err(Error::ManifestVersion { place: place.to_owned(), version });
        }
        serde_json::from_slice(json).map_err(failed)
    }

    /// As it is written.
    pub(crate) fn json(&self, place: &str) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|source| Error::Manifest { place: place.to_owned(), source })
    }

    /// The same without values of rows, to be told to people and machines elsewhere.
    pub(crate) fn without_statistics(mut self) -> Self {
        for table in &mut self.tables {
            table.bounded.clear();
            table.files.iter_mut().for_each(|file| file.statistics = None);
        }
        self
    }

    /// The table with this name.
    pub fn table(&self, name: &str) -> Option<&TableFiles> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl TableFiles {
    pub(crate) fn new(schema: &TableSchema, files: Vec<DataFile>) -> Self {
        let columns = schema.columns.iter().map(|column| ColumnOf {
            name: column.name.clone().into_owned(),
            column_type: column.type_name(),
            nullable: column.nullable,
        });
        let (name, columns) = (schema.name.clone().into_owned(), columns.collect());
        let mut table = Self { name, rows: 0, bytes: 0, columns, bounded: Vec::new(), files: Vec::new() };
        if files.iter().any(|file| file.statistics.is_some()) {
            table.bounded = statistics::bounded(schema).map(|column| column.name.clone().into_owned()).collect();
        }
        table.add(files);
        table
    }

    pub(crate) fn add(&mut self, files: Vec<DataFile>) {
        self.files.extend(files);
        self.count();
    }

    /// Whether some of its files are in this folder.
    pub(crate) fn has_partition(&self, folder: &str) -> bool {
        self.files.iter().any(|file| file.partition() == Some(folder))
    }

    /// Whether its files are in folders of windows or snapshots.
    pub(crate) fn has_partitions(&self) -> bool {
        self.files.iter().any(|file| file.partition().is_some())
    }

    /// Sums up its files.
    pub(crate) fn count(&mut self) {
        self.rows = self.files.iter().map(|file| file.rows).sum();
        self.bytes = self.files.iter().map(|file| file.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str =
        r#"{"version":1,"tool":"apsides 0.1.0","source":"x","json_bytes":2,"findings":FINDINGS,"tables":[]}"#;

    #[test]
    fn a_manifest_is_ours_or_refused() {
        let findings = serde_json::to_string(&Findings::default()).expect("plain data");
        let ours = OURS.replace("FINDINGS", &findings);
        for (json, expected) in [
            (ours.clone(), None),
            (
                ours.replace("version\":1", "version\":2"),
                Some("the manifest there has version 2, but this apsides knows only"),
            ),
            // What a later version looks like is not known.
            (r#"{"version":7,"tables":{}}"#.to_owned(), Some("the manifest there has version 7")),
            (ours.replace("\"version\":1,", ""), Some("the manifest there cannot be read: missing field `version`")),
            (ours.replace("\"tables\":[]", "\"tables\":7"), Some("the manifest there cannot be read: invalid type")),
            (ours[..20].to_owned(), Some("the manifest there cannot be read: EOF")),
        ] {
            let refused = Manifest::parse(json.as_bytes(), "there").err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(refused, None, "{json}"),
                Some(expected) => {
                    assert!(refused.as_ref().is_some_and(|error| error.starts_with(expected)), "{refused:?}")
                }
            }
        }
    }
}
