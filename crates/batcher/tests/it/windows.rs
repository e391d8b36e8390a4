//! Tables that a schedule fills: profiles as they are now, and events window by window.

use crate::{files::Tables, parts::events};
use apsides_batcher::{Error, Extent, Manifest, Options, Progress, SchemaMode, TableId, Typed, Window, settle, stage};
use apsides_simulator::{CorpusSpec, Selection, Size, catalogue, write_export};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, fs, path::Path};
use tempfile::tempdir;
use tokio::runtime::Runtime;

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn january(day: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + DAY * i32::try_from(day - 1).unwrap()
}

pub(crate) fn day(day: i64) -> Window {
    Window { start: january(day), end: january(day + 1), asked_at: january(40) }
}

pub(crate) fn export(window: Option<Window>, profiles: u64) -> Vec<u8> {
    let mut spec = CorpusSpec { size: Size::Profiles(profiles), ..CorpusSpec::default() };
    match window {
        None => spec.selection.events = Some([].into()),
        Some(Window { start, end, .. }) => {
            spec.window = apsides_simulator::Window { start_ms: start.as_millisecond(), end_ms: end.as_millisecond() };
            let carrier = catalogue::attributes().next().unwrap().id.to_owned();
            spec.selection = Selection { attributes: Some([carrier].into()), tags: Some([].into()), events: None };
        }
    }
    let mut export = Vec::new();
    write_export(&spec, &mut export).unwrap();
    export
}

pub(crate) fn publish(folder: &Path, extent: Extent, export: &[u8], options: &Options) -> Result<Manifest, Error> {
    let runtime = Runtime::new().unwrap();
    let options = Options { extent, ..options.clone() };
    stage(export, folder, &options, runtime.handle(), &Progress::default())?.publish()
}

fn snapshot(folder: &Path, profiles: u64) -> Result<Manifest, Error> {
    publish(folder, Extent::snapshot(january(40)), &export(None, profiles), &Options::default())
}

pub(crate) fn window(folder: &Path, window: Window) -> Result<Manifest, Error> {
    publish(folder, Extent::Window(window), &export(Some(window), 200), &Options::default())
}

/// The files below a folder but those hidden, by their paths.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files.retain(|name, _| !name.starts_with(".apsides"));
    files
}

/// The files that a manifest names, and the views.
pub(crate) fn named(manifest: &Manifest) -> Vec<String> {
    let tables = manifest.tables.iter();
    let files = tables.flat_map(|table| table.files.iter().map(|file| format!("{}/{}", table.name, file.name)));
    let mut named: Vec<_> = files.chain(["views/duckdb.sql", "views/spark.sql"].map(str::to_owned)).collect();
    named.sort();
    named
}

#[test]
fn windows_come_one_by_one_and_are_replaced_alone() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    snapshot(at, 200).unwrap();
    let mut manifests = [day(1), day(3), day(2)].map(|day| window(at, day).unwrap());
    let manifest = manifests[2].clone();
    assert_eq!(manifest.windows, [day(1), day(2), day(3)], "by time");
    assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&manifest));
    let events: Vec<_> = manifest.table("events").unwrap().files.iter().map(|file| file.name.as_str()).collect();
    let partition = |day| format!("window_start=2026-01-0{day}/part-00000.parquet");
    assert_eq!(events, [1, 2, 3].map(partition));
    let before = files(at);

    // The same window again, with more profiles, and so more events.
    let asked_at = january(41);
    let again = Window { asked_at, ..day(2) };
    let replaced = publish(at, Extent::Window(again), &export(Some(again), 400), &Options::default()).unwrap();
    assert_eq!(replaced.windows, [day(1), again, day(3)]);
    assert!(replaced.table("events").unwrap().rows > manifest.table("events").unwrap().rows);
    assert_eq!(replaced.table("profiles"), manifest.table("profiles"));
    let changed: Vec<_> = files(at).into_iter().filter(|(name, bytes)| before.get(name) != Some(bytes)).collect();
    assert_eq!(changed.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), [format!("events/{}", partition(2))]);

    // And how profiles are; the events stay.
    let renewed = snapshot(at, 300).unwrap();
    assert_eq!(renewed.table("profiles").unwrap().rows, 300);
    assert_eq!(renewed.table("events"), replaced.table("events"));
    assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&renewed));
    manifests[0] = apsides_batcher::published(at).unwrap().unwrap();
    assert_eq!(manifests[0], renewed);
}

#[test]
fn events_of_windows_are_those_of_the_whole() {
    let folder = tempdir().unwrap();
    snapshot(folder.path(), 200).unwrap();
    let manifests: Vec<_> = (1..=5).map(|number| window(folder.path(), day(number)).unwrap()).collect();
    let whole = Window { start: january(1), end: january(6), asked_at: january(40) };
    let other = tempdir().unwrap();
    let manifest = publish(other.path(), Extent::All, &export(Some(whole), 200), &Options::default()).unwrap();
    let rows = |tables: &Tables| events(&tables.rows(TableId::Events));
    let [windows, whole] =
        [(folder, manifests[4].clone()), (other, manifest)].map(|(folder, manifest)| Tables { folder, manifest });
    assert!(rows(&windows) == rows(&whole));
    assert!(rows(&whole).len() > 50);
}

#[test]
fn what_is_not_to_be_replaced_is_refused() {
    let scheduled = tempdir().unwrap();
    snapshot(scheduled.path(), 20).unwrap();
    window(scheduled.path(), day(2)).unwrap();
    let whole = tempdir().unwrap();
    publish(whole.path(), Extent::All, &export(None, 20), &Options::default()).unwrap();
    let overwrite = Options { overwrite: true, ..Options::default() };
    let before = files(scheduled.path());

    let all = publish(scheduled.path(), Extent::All, &export(None, 20), &overwrite);
    assert!(matches!(all, Err(Error::HasWindows { .. })), "{all:?}");
    let beside = window(whole.path(), day(2));
    assert!(matches!(beside, Err(Error::HasNoWindows { .. })), "{beside:?}");
    for (hours_before, hours_after) in [(1, 0), (0, 1), (24, -12), (-12, 24), (-1, -1)] {
        let hours = SignedDuration::from_hours;
        let Window { start, end, asked_at } = day(2);
        let shifted = Window { start: start - hours(hours_before), end: end + hours(hours_after), asked_at };
        let overlapping = window(scheduled.path(), shifted);
        assert!(matches!(overlapping, Err(Error::WindowOverlaps { .. })), "{shifted:?}: {overlapping:?}");
    }
    assert!(files(scheduled.path()) == before);
}

#[test]
fn what_somebody_else_put_into_a_window_is_refused() {
    let folder = tempdir().unwrap();
    snapshot(folder.path(), 20).unwrap();
    window(folder.path(), day(2)).unwrap();
    for foreign in
        ["events/window_start=2026-01-02/mine.parquet", "events/mine/part.parquet", "events/mine.txt", "mine/a"]
    {
        let path = folder.path().join(foreign);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let refused = window(folder.path(), day(3));
        assert!(
            matches!(&refused, Err(Error::Foreign { entry, .. }) if foreign.starts_with(entry.as_str())),
            "{refused:?}"
        );
        fs::remove_file(&path).unwrap();
        let _ = fs::remove_dir(path.parent().unwrap());
    }
    window(folder.path(), day(3)).unwrap();
}

#[test]
fn windows_of_other_times_keep_their_columns() {
    let folder = tempdir().unwrap();
    let typed = |mode| Options { typed: Typed { events: true, mode, ..Typed::default() }, ..Options::default() };
    let options = typed(SchemaMode::Evolve);
    publish(folder.path(), Extent::snapshot(january(40)), &export(None, 20), &options).unwrap();
    let of = |data: &str| {
        let event = format!(r#"{{"typeId":"90001","createdAt":1767225600000,"data":{data}}}"#);
        format!(r#"{{"p":{{"sections":{{"1":{{"attributes":{{}},"events":[{event}]}}}}}}}}"#)
    };
    let mut manifest = None;
    for (number, data) in [(1, r#"{"a":1}"#), (2, r#"{"a":2,"b":"x"}"#)] {
        manifest = Some(publish(folder.path(), Extent::Window(day(number)), of(data).as_bytes(), &options).unwrap());
    }
    let manifest = manifest.unwrap();
    let table = manifest.tables.iter().find(|table| table.name.starts_with("events_")).unwrap();
    let columns = |file: usize| table.files[file].columns.as_ref().map(|columns| columns.contains(&"b".to_owned()));
    assert_eq!([columns(0), columns(1)], [Some(false), None]);
    let view = fs::read_to_string(folder.path().join("views/spark.sql")).unwrap();
    assert!(view.contains("NULL AS `b` FROM parquet.`"), "{view}");
}

/// An event, and what else it has.
fn event(more: &str) -> Vec<u8> {
    let event = format!(r#"{{"typeId":"90001","createdAt":1767225600000,"data":{{"a":1}}{more}}}"#);
    format!(r#"{{"p":{{"sections":{{"1":{{"attributes":{{}},"events":[{event}]}}}}}}}}"#).into_bytes()
}

#[test]
fn what_a_window_has_no_more_is_gone() {
    let options = Options { typed: Typed { events: true, ..Typed::default() }, ..Options::default() };
    for (name, of_first) in [("of several windows", event(r#","new":1"#)), ("of this window alone", event(""))] {
        let folder = tempdir().unwrap();
        let at = folder.path();
        publish(at, Extent::snapshot(january(40)), &export(None, 20), &options).unwrap();
        publish(at, Extent::Window(day(1)), &of_first, &options).unwrap();
        let before = publish(at, Extent::Window(day(2)), &event(r#","new":1"#), &options).unwrap();
        let has = |manifest: &Manifest, table| {
            named(manifest).iter().any(|file| file.starts_with(&format!("{table}/window_start=2026-01-02/")))
        };
        assert!(has(&before, "unmapped") && before.tables.iter().any(|table| table.name.starts_with("events_")));
        // Neither that member nor an event.
        let after = publish(at, Extent::Window(day(2)), b"{}", &options).unwrap();
        assert!(!has(&after, "unmapped"), "{name}");
        assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&after), "{name}");
        publish(at, Extent::Window(day(3)), b"{}", &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn an_interrupted_publication_is_finished_at_whatever_step_it_was() {
    let partition = "events/window_start=2026-01-02";
    // What the dead run had moved out of the way, and what it had moved into its place, when it died.
    for (name, moved_out, moved_in) in
        [("nothing", false, false), ("what was there before", true, false), ("all but the manifest", true, true)]
    {
        let folder = tempdir().unwrap();
        let at = folder.path();
        snapshot(at, 20).unwrap();
        for number in 1..=2 {
            window(at, day(number)).unwrap();
        }
        let old = files(at);
        let old_manifest = fs::read(at.join(".apsides/manifest.json")).unwrap();
        let asked_at = january(41);
        publish(at, Extent::Window(Window { asked_at, ..day(2) }), &export(Some(day(2)), 400), &Options::default())
            .unwrap();
        let new = files(at);
        assert!(old != new);

        let hidden = at.join(".apsides");
        let run = hidden.join("staging/run-1-1");
        fs::create_dir_all(run.join("tables/events")).unwrap();
        fs::create_dir_all(run.join("old/events")).unwrap();
        fs::rename(hidden.join("manifest.json"), run.join("manifest.json")).unwrap();
        fs::write(hidden.join("manifest.json"), &old_manifest).unwrap();
        let write_old = |folder: &Path| {
            fs::create_dir_all(folder.join(partition)).unwrap();
            for (file, bytes) in old.iter().filter(|(file, _)| file.starts_with(partition)) {
                fs::write(folder.join(file), bytes).unwrap();
            }
        };
        if !moved_in {
            fs::rename(at.join(partition), run.join("tables").join(partition)).unwrap();
        }
        write_old(&if moved_out { run.join("old") } else { at.to_owned() });

        // Who wants to know what is there finishes it, and the next run does its own.
        let settled = Runtime::new().unwrap().block_on(settle(&at.into())).unwrap().unwrap();
        assert_eq!(settled.windows, [day(1), Window { asked_at, ..day(2) }], "{name}");
        assert_eq!(files(at).into_keys().collect::<Vec<_>>(), named(&settled), "{name}");
        snapshot(at, 20).unwrap();
        let found = files(at);
        let is_of_events = |(file, _): &(&String, &Vec<u8>)| file.starts_with("events/");
        assert!(found.iter().filter(is_of_events).eq(new.iter().filter(is_of_events)), "{name}: {:?}", found.keys());
        assert_eq!(fs::read_dir(hidden.join("staging")).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn windows_whose_files_somebody_removed_are_there_again_once_they_are_published_again() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    snapshot(at, 20).unwrap();
    for number in 1..=2 {
        window(at, day(number)).unwrap();
    }
    let whole = files(at);
    for removed in ["events/window_start=2026-01-02", "events"] {
        fs::remove_dir_all(at.join(removed)).unwrap();
        // Other steps neither mind nor mend it.
        snapshot(at, 20).unwrap();
        for number in 1..=2 {
            window(at, day(number)).unwrap();
        }
        assert!(files(at) == whole, "{removed}");
    }
}
