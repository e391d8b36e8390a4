//! What runs ask of a store, and which files they leave there.

use super::*;
use crate::{
    destination::objects::tests::counted,
    extent::Window,
    manifest::{DataFile, TableFiles},
};
use jiff::SignedDuration;
use object_store::{ObjectStoreExt, PutPayload};
use std::{
    io::Write,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::runtime::Runtime;

/// A bucket, and what works with it.
struct Store {
    bucket: Bucket,
    lists: Arc<AtomicUsize>,
    runtime: Runtime,
}

fn store() -> Store {
    let (bucket, lists) = counted(&[]);
    Store { bucket, lists, runtime: Runtime::new().expect("a runtime") }
}

fn window(day: i32) -> Extent {
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24) * day;
    Extent::Window(Window { start, end: start + SignedDuration::from_hours(24), asked_at: start })
}

impl Store {
    /// A run looks, begins, and writes a file of its window.
    fn begin(&self, run: &RunId, extent: Extent) -> (Run, Manifest) {
        let look = look(&self.bucket, Commit::Manifest, &extent, false, Some(run));
        self.runtime.block_on(look).expect("a place to publish");
        let options = Options { extent, ..Options::default() };
        let opened = Run::open(self.bucket.clone(), &run.next_name(), &options, self.runtime.handle()).expect("a run");
        let folder = extent.partition("events").expect("a window");
        let name = format!("{folder}/{}part-00000.parquet", opened.uploads().prefix());
        let mut upload = opened.uploads().start(Path::from(format!("events/{name}")));
        upload.write_all(b"rows").expect("a file");
        let sha256 = upload.finish().expect("a file");
        let file = DataFile { name, rows: 1, bytes: 4, row_groups: 1, sha256, columns: None, statistics: None };
        let (columns, bounded) = (Vec::new(), Vec::new());
        let events = TableFiles { name: "events".to_owned(), rows: 1, bytes: 4, columns, bounded, files: vec![file] };
        let manifest = Manifest {
            run: Some(run.to_string()),
            tables: vec![events],
            windows: Vec::new(),
            snapshot: Some(Timestamp::UNIX_EPOCH),
            ..Manifest::nothing("test")
        };
        let manifest = manifest.onto(opened.before(), &extent);
        (opened, manifest)
    }

    fn publish(&self, run: &RunId, extent: Extent) -> Manifest {
        let (opened, manifest) = self.begin(run, extent);
        opened.publish(manifest).expect("a publication")
    }

    fn put(&self, path: &str) {
        let path = Path::from(path);
        self.runtime.block_on(self.bucket.store.put(&path, PutPayload::from_static(b"x"))).expect("an object");
    }

    fn data(&self) -> HashSet<String> {
        let mut found = HashSet::new();
        let listed = self.bucket.each(|object| {
            found.extend(Some(object.location.to_string()).filter(|path| path.ends_with(".parquet")));
            Ok(())
        });
        self.runtime.block_on(listed).expect("a listing");
        found
    }
}

fn named(manifest: &Manifest) -> HashSet<String> {
    sweep::named(manifest).collect()
}

const DEAD: &str = "events/window_start=1970-01-01/20260101-000000-0123abcd-part-00000.parquet";
const LATE: &str = "events/window_start=1970-01-01/20260101-000000-4567cdef-part-00000.parquet";

/// Each step lists once, when it begins; the first of a run also when it looks, and when no lock was ever taken there.
#[test]
fn a_step_lists_what_is_there_once() {
    let store = store();
    for (days, expected) in [(0..31, 31 + 2), (31..62, 31 + 1)] {
        let (run, before) = (RunId::new().expect("a name"), store.lists.load(Relaxed));
        for day in days {
            store.publish(&run, window(day));
        }
        assert_eq!(store.lists.load(Relaxed) - before, expected);
    }
}

#[test]
fn what_a_dead_run_has_left_is_removed_by_the_next_that_finds_it() {
    let store = store();
    let run = RunId::new().expect("a name");
    store.publish(&run, window(0));
    store.put(DEAD);
    let (opened, manifest) = store.begin(&run, window(1));
    // Of a run that has lost its lease, and cannot publish it.
    store.put(LATE);
    let published = opened.publish(manifest).expect("a publication");
    let late = HashSet::from([LATE.to_owned()]);
    assert_eq!(store.data(), &named(&published) | &late, "found when it began, or named");
    let published = store.publish(&run, window(2));
    assert_eq!(store.data(), named(&published));
}

#[test]
fn a_run_that_was_overtaken_removes_nothing_but_its_own() {
    let store = store();
    let [one, other] = [(); 2].map(|()| RunId::new().expect("a name"));
    store.publish(&one, window(0));
    let (slow, manifest) = store.begin(&one, window(1));
    // Its lease has run out.
    store.runtime.block_on(crate::destination::lease::unlock(&store.bucket)).expect("a lock");
    let quick = store.publish(&other, window(2));
    assert!(slow.publish(manifest).is_err());
    assert_eq!(store.data(), named(&quick));
    // Replaced files stay for the grace time.
    let again = store.publish(&other, window(2));
    assert_eq!(store.data(), &named(&quick) | &named(&again));
}
