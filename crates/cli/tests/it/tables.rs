//! Reading what was published.

use apsides_batcher::{TableId, published};
use arrow::{
    array::{Array, ArrayRef, RecordBatch, StringArray},
    compute::concat_batches,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

/// All rows of the tables of a destination, by table.
pub(crate) type Rows = BTreeMap<&'static str, RecordBatch>;

/// The rows of all five tables, which must be there, with the files and rows that the manifest says.
#[track_caller]
pub(crate) fn rows(folder: &Path) -> Rows {
    let manifest = published(folder).unwrap().expect("there is a manifest");
    let tables = TableId::ALL.map(|table| {
        let name = table.name();
        let rows = table_rows(&folder.join(name)).unwrap_or_else(|| panic!("no table {name}"));
        let files = manifest.table(name).unwrap();
        assert_eq!(files.rows, rows.num_rows() as u64, "{name}");
        assert_eq!(files.files.len(), fs::read_dir(folder.join(name)).unwrap().count(), "{name}");
        (name, rows)
    });
    tables.into()
}

/// The rows of the tables that readers can see, manifest or not. Each must be readable.
pub(crate) fn visible_rows(folder: &Path) -> Rows {
    let tables = TableId::ALL.iter().map(|table| table.name());
    tables.filter_map(|name| Some((name, table_rows(&folder.join(name))?))).collect()
}

/// The rows of a table, from all its files in their order; None if there is no such folder.
pub(crate) fn table_rows(folder: &Path) -> Option<RecordBatch> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut batches = Vec::new();
    let mut schema = None;
    for file in &files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        schema.get_or_insert_with(|| Arc::clone(reader.schema()));
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    Some(concat_batches(&schema.expect("a table has a file"), &batches).unwrap())
}

/// The rows without the white space between the tokens of raw JSON, which a pretty export keeps.
pub(crate) fn minified(mut tables: Rows) -> Rows {
    for (table, column) in [("events", "data"), ("attributes", "value_text"), ("unmapped", "value")] {
        let rows = &tables[table];
        let index = rows.schema().index_of(column).unwrap();
        let texts: &StringArray = rows.column(index).as_any().downcast_ref().unwrap();
        let short: StringArray = texts.iter().map(|text| text.map(minify)).collect();
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns[index] = Arc::new(short);
        tables.insert(table, RecordBatch::try_new(rows.schema(), columns).unwrap());
    }
    tables
}

/// Removes white space outside of strings; texts that are no objects or arrays stay as they are.
fn minify(text: &str) -> String {
    if !text.starts_with(['{', '[']) {
        return text.to_owned();
    }
    let (mut in_string, mut escaped) = (false, false);
    let keep = |&character: &char| {
        let kept = in_string || !character.is_ascii_whitespace();
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
        kept
    };
    text.chars().filter(keep).collect()
}

/// Every file below a folder with its bytes, by its path there; nothing if there is no such folder. The lock, which
/// stays for the next run, is left out, and views say `ROOT` where they say the folder's own path.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(".apsides/lock") {
                let mut bytes = fs::read(&path).unwrap();
                if path.extension().is_some_and(|extension| extension == "sql") {
                    let root = folder.canonicalize().unwrap();
                    bytes = String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "ROOT").into_bytes();
                }
                // Which run it was, and when, is all that may differ between runs that publish the same.
                if path.ends_with(".apsides/manifest.json") {
                    let text = String::from_utf8(bytes).unwrap();
                    let is_of_run = |line: &&str| {
                        ["\"run\": ", "\"published_at\": "].iter().any(|name| line.trim().starts_with(name))
                    };
                    bytes = text.lines().filter(|line| !is_of_run(line)).collect::<Vec<_>>().join("\n").into_bytes();
                }
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

/// Asserts that no run has left anything below its hidden folder.
#[track_caller]
pub(crate) fn nothing_staged(folder: &Path) {
    let left = fs::read_dir(folder.join(".apsides/staging")).into_iter().flatten();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
