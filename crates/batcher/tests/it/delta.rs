//! Destinations of Delta tables: what is said of files, where it is kept, and where it is not told.

use crate::files::export;
use apsides_batcher::{Commit, FileOptions, Manifest, Options, Progress, published, stage};
use std::{collections::BTreeMap, fs, path::Path};
use tempfile::tempdir;
use tokio::runtime::Runtime;

/// What the run tells of what it has written, and of all that is there then.
fn write(folder: &Path, export: &[u8], options: &Options) -> [Manifest; 2] {
    let runtime = Runtime::new().unwrap();
    let staged = stage(export, folder, options, runtime.handle(), &Progress::default()).unwrap();
    let written = staged.manifest().clone();
    [written, staged.publish().unwrap()]
}

/// What a manifest says of each file's rows, in the order of the files.
fn said(manifest: &Manifest) -> Vec<(&str, Option<String>)> {
    let files = manifest.tables.iter().flat_map(|table| table.files.iter().map(|file| (table.name.as_str(), file)));
    let text =
        |file: &apsides_batcher::DataFile| file.statistics.as_ref().map(|said| serde_json::to_string(said).unwrap());
    files.map(|(table, file)| (table, text(file))).collect()
}

/// The texts of statistics in a table's log, as JSON.
fn logged(folder: &Path, table: &str) -> Vec<String> {
    let log = fs::read_to_string(folder.join(table).join("_delta_log/00000000000000000000.json")).unwrap();
    let actions = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    actions.filter_map(|action| action.get("add").map(|add| add["stats"].to_string())).collect()
}

#[test]
fn what_is_said_of_files_is_in_manifest_and_log_alone() {
    let export = export(300);
    let files = FileOptions { row_group_rows: 500, file_bytes: 1, ..FileOptions::default() };
    let options =
        |threads, commit| Options { threads: Some(threads), commit, files, batch_rows: 100, ..Options::default() };
    let mut of_threads = Vec::new();
    for threads in [1, 3] {
        let folder = tempdir().unwrap();
        let told = write(folder.path(), &export, &options(threads, Commit::Delta));
        for manifest in &told {
            assert!(said(manifest).iter().all(|(_, said)| said.is_none()), "no values of rows");
        }
        let there = published(folder.path()).unwrap().unwrap();
        let mut by_table: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, said) in said(&there) {
            by_table.entry(table.to_owned()).or_default().push(said.expect("something is known"));
        }
        assert!(by_table["events"].len() > 3);
        for (table, said) in &by_table {
            assert_eq!(logged(folder.path(), table), *said, "{table}");
        }
        of_threads.push(by_table);
        assert!(!format!("{there:?}").contains("minValues"), "a manifest in a log shows no values");
    }
    assert_eq!(of_threads[0], of_threads[1]);

    let folder = tempdir().unwrap();
    write(folder.path(), &export, &options(1, Commit::Manifest));
    let json = fs::read_to_string(folder.path().join(".apsides/manifest.json")).unwrap();
    assert!(!json.contains("statistics"), "without a log, manifests stay as they were");
}
