//! Snapshots of profiles, of which a schedule keeps several.

use crate::windows::{DAY, day, export, files, january, named, publish, window};
use apsides_batcher::{Extent, Kept, Manifest, Options, Selection, TableId, settle};
use apsides_definitions::Definitions;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};
use tempfile::tempdir;
use tokio::runtime::Runtime;

/// How profiles were on a day, at two.
fn snapshot(folder: &Path, number: i64, keep: usize, profiles: u64) -> Manifest {
    publish(folder, extent(number, keep), &export(None, profiles), &Options::default()).unwrap()
}

fn extent(number: i64, keep: usize) -> Extent {
    let kept = Kept { origin: january(1), every: DAY, number: NonZeroUsize::new(keep).unwrap() };
    Extent::Snapshot { asked_at: asked_at(number), kept: (keep > 1).then_some(kept) }
}

fn asked_at(number: i64) -> Timestamp {
    january(number) + SignedDuration::from_hours(2)
}

/// What the folder of a day's snapshot is called.
fn folder_of(day: i64) -> String {
    format!("snapshot={}", january(day).strftime("%Y-%m-%d"))
}

/// The files of a table, by their folders in it.
fn folders<'m>(manifest: &'m Manifest, table: &str) -> Vec<&'m str> {
    let files = &manifest.table(table).unwrap().files;
    files.iter().map(|file| file.name.split_once('/').map_or("", |(folder, _)| folder)).collect()
}

/// The days of January of which there are snapshots.
fn days(manifest: &Manifest) -> Vec<i64> {
    let days = manifest.snapshots.iter().map(|snapshot| {
        assert_eq!(snapshot.asked_at, snapshot.start + SignedDuration::from_hours(2));
        snapshot.start.duration_since(january(1)).as_hours() / 24 + 1
    });
    days.collect()
}

/// The files that the views of a table name in a text of SQL, and those that the view of its snapshots names.
fn viewed(sql: &str, table: &str) -> [Vec<String>; 2] {
    [table.to_owned(), format!("{table}_snapshots")].map(|view| {
        let view =
            sql.split("CREATE OR REPLACE ").find(|part| part.split_whitespace().any(|word| word == view)).unwrap_or("");
        let paths = view.split(['\'', '`']).filter(|text| text.ends_with(".parquet"));
        paths.map(|path| path.rsplit(&format!("/{table}/")).next().unwrap().to_owned()).collect()
    })
}

#[test]
fn so_many_snapshots_stay_as_are_to_be_kept() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let mut bytes: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
    for (number, profiles) in (1..=5).zip([20, 30, 40, 50, 60]) {
        let manifest = snapshot(at, 40 + number, 3, profiles);
        let kept: Vec<i64> = ((number - 2).max(1)..=number).map(|number| 40 + number).collect();
        assert_eq!(days(&manifest), kept);
        assert_eq!(manifest.snapshot, Some(asked_at(40 + number)));
        let expected: Vec<_> = kept.iter().map(|&day| folder_of(day)).collect();
        for table in ["profiles", "attributes", "tags"] {
            assert_eq!(folders(&manifest, table), expected, "{table}");
        }
        assert_eq!(folders(&manifest, "unmapped"), ["window_start=__HIVE_DEFAULT_PARTITION__"], "of the newest alone");
        // A window in between changes nothing of them.
        let manifest = window(at, day(number)).unwrap();
        assert_eq!(folders(&manifest, "profiles"), expected);
        assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&manifest));
        // What stays is as it was.
        let now = files(at);
        for (file, bytes) in bytes.iter().flatten().filter(|(file, _)| expected.iter().any(|kept| file.contains(kept)))
        {
            assert!(now[file] == *bytes, "{file}");
        }
        bytes.push(now.into_iter().filter(|(file, _)| file.contains("snapshot=")).collect());

        for view in ["duckdb.sql", "spark.sql"] {
            let sql = fs::read_to_string(at.join("views").join(view)).unwrap();
            let of = |folders: &[String]| folders.iter().map(|folder| format!("{folder}/part-00000.parquet")).collect();
            let newest: Vec<String> = of(&expected[expected.len() - 1..]);
            let all: Vec<String> = of(&expected);
            assert_eq!(viewed(&sql, "profiles"), [newest, all], "{view}");
            assert_eq!(viewed(&sql, "events")[1], [""; 0], "{view}");
            assert!(sql.contains(&format!("'{}' AS snapshot_at, * FROM", asked_at(40 + number))), "{sql}");
        }
    }
    assert_eq!(bytes[4].len(), 9, "three tables of three times");
}

#[test]
fn a_snapshot_of_the_same_time_is_replaced() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    for (number, profiles) in [(40, 20), (41, 30), (41, 40), (40, 50)] {
        snapshot(at, number, 3, profiles);
    }
    let manifest = apsides_batcher::published(at).unwrap().unwrap();
    assert_eq!(days(&manifest), [40, 41]);
    let rows: Vec<_> = manifest.table("profiles").unwrap().files.iter().map(|file| file.rows).collect();
    assert_eq!(rows, [50, 40]);
    assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&manifest));
}

#[test]
fn how_many_are_kept_can_be_changed() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    for (number, (keep, left)) in (1..).zip([(1, 0), (3, 1), (3, 2), (3, 3), (2, 2), (1, 0), (2, 1), (2, 2)]) {
        let manifest = snapshot(at, 40 + number, keep, 20);
        assert_eq!(manifest.snapshots.len(), left, "{number}");
        assert_eq!(manifest.table("profiles").unwrap().files.len(), left.max(1));
        assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&manifest), "{number}");
        window(at, day(1)).unwrap();
    }
}

#[test]
fn a_table_that_is_not_written_any_more_is_in_earlier_snapshots_alone() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let options = |tables: &[TableId]| Options {
        selection: Selection::of(tables.iter().copied()),
        definitions: Some(Definitions::default()),
        ..Options::default()
    };
    for (number, tables) in [(40, &[TableId::Profiles, TableId::Attributes][..]), (41, &[TableId::Profiles])] {
        publish(at, extent(number, 2), &export(None, 20), &options(tables)).unwrap();
        let sql = fs::read_to_string(at.join("views/duckdb.sql")).unwrap();
        let of = |days: std::ops::RangeInclusive<i64>| -> Vec<String> {
            days.map(|day| format!("{}/part-00000.parquet", folder_of(day))).collect()
        };
        assert_eq!(viewed(&sql, "profiles"), [of(number..=number), of(40..=number)]);
        let [now, all] = viewed(&sql, "attributes");
        assert_eq!((now.len(), all), (tables.len() - 1, of(40..=40)));
        assert_eq!(sql.contains("attributes_named"), tables.len() == 2, "it would look for a view that is not there");
    }
}

/// A table's files are moved one way or the other where it gets folders of snapshots, or has none any more.
#[test]
fn an_interrupted_change_is_finished_at_whatever_step_it_was() {
    let newest = format!("attributes/{}", folder_of(42));
    for (before, after, old, new) in [
        (1, 3, "attributes/part-00000.parquet", newest.as_str()),
        (3, 1, "attributes", "attributes"),
        (2, 3, "", newest.as_str()),
    ] {
        for (state, moved_out, moved_in) in
            [("nothing", false, false), ("what was there before", true, false), ("all but the manifest", true, true)]
        {
            let name = format!("{before} to {after}: {state}");
            let folder = tempdir().unwrap();
            let at = folder.path();
            for number in [40, 41] {
                snapshot(at, number, before, 20);
            }
            let (old_files, manifest) = (files(at), at.join(".apsides/manifest.json"));
            let old_manifest = fs::read(&manifest).unwrap();
            let published = snapshot(at, 42, after, 30);
            let new_files = files(at);

            // As it was when the run died: what it had decided, and what it had moved.
            let run = at.join(".apsides/staging/run-1-1");
            let make_way = |path: &PathBuf| fs::create_dir_all(path.parent().unwrap()).unwrap();
            let staged = run.join("tables").join(new);
            make_way(&staged);
            fs::create_dir_all(run.join("old")).unwrap();
            fs::rename(&manifest, run.join("manifest.json")).unwrap();
            fs::write(&manifest, &old_manifest).unwrap();
            if !moved_in {
                fs::rename(at.join(new), &staged).unwrap();
            }
            let is_old = |file: &String| !old.is_empty() && (file == old || file.starts_with(&format!("{old}/")));
            for (file, bytes) in old_files.iter().filter(|(file, _)| is_old(file)) {
                let path = if moved_out { run.join("old").join(file) } else { at.join(file) };
                make_way(&path);
                fs::write(path, bytes).unwrap();
            }

            let settled = Runtime::new().unwrap().block_on(settle(&at.into())).unwrap();
            assert_eq!(settled.as_ref(), Some(&published), "{name}");
            assert!(files(at) == new_files, "{name}: {:?}", files(at).keys());
            assert_eq!(fs::read_dir(at.join(".apsides/staging")).unwrap().count(), 0, "{name}");
        }
    }
}
