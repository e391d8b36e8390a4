//! A disk that is full, for real: a small one, where this process may mount it.

use crate::{
    exports::{export, gzip, other_export},
    program::{convert, convert_bytes, end_with},
    tables::{contents, nothing_staged},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::{TempDir, tempdir};

/// A file system of its own, gone when dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// None where this process may not mount.
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let folder = tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "apsides-tests"]).arg(folder.path()).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        println!("skipped: this process may not mount a tmpfs");
        None
    }

    /// Gives it other limits; false if it holds too much for that.
    fn resize(&self, options: &str) -> bool {
        let options = format!("remount,{options}");
        Command::new("mount").args(["-o", &options]).arg(self.path()).output().unwrap().status.success()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let Some(disk) = Disk::mount("size=1m") else { return };
    let out = disk.out();
    let ended = convert_bytes(&export(16 << 20), &out).failed(4);
    let line = ended.stderr.lines().next().unwrap();
    assert!(line.starts_with("error: could not write ") && line.contains("part-00000.parquet"), "{line}");
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("  next: nothing was published; make room on the disk, and run again\n"));
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "something was left behind");
    // With less to write there is room.
    convert_bytes(b"{}", &out).succeeded();
    nothing_staged(&out);
}

#[test]
fn a_full_disk_leaves_the_old_tables_as_they_are() {
    let Some(disk) = Disk::mount("size=1m") else { return };
    let out = disk.out();
    let old = export(100 << 10);
    convert_bytes(&old, &out).succeeded();
    let before = contents(&out);
    for input in [export(16 << 20), gzip(&export(16 << 20))] {
        let ended = end_with(convert("-".as_ref(), &out).arg("--overwrite"), &input).failed(4);
        assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
        assert!(contents(&out) == before, "the old tables were changed");
        nothing_staged(&out);
    }
    end_with(convert("-".as_ref(), &out).arg("--overwrite"), &old).succeeded();
    assert!(contents(&out) == before);
}

#[test]
fn a_disk_without_room_for_a_folder_is_told() {
    let Some(disk) = Disk::mount("size=1m,nr_inodes=2") else { return };
    let ended = convert_bytes(b"{}", &disk.out()).failed(4);
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
}

#[test]
fn a_read_only_disk_is_told() {
    let Some(disk) = Disk::mount("ro") else { return };
    let ended = convert_bytes(b"{}", &disk.out()).failed(4);
    let message = format!("error: could not create the folder {}", disk.out().join(".apsides").display());
    assert!(ended.stderr.starts_with(&message) && ended.stderr.contains("Read-only file system"), "{}", ended.stderr);
}

/// The disk gets full at every place of a run: in each Parquet file, in the manifest, at each folder.
#[test]
fn a_disk_gets_full_at_every_place_of_a_run() {
    let Some(disk) = Disk::mount("size=16m") else { return };
    let out = disk.out();
    convert_bytes(&export(20 << 10), &out).succeeded();
    let (before, new) = (contents(&out), other_export(120 << 10));
    for (limit, first, step, failures_min) in [("size", 16 << 10, 4 << 10, 5), ("nr_inodes", 20, 1, 10)] {
        let mut failures = 0;
        for room in (first..).step_by(step) {
            if !disk.resize(&format!("{limit}={room}")) {
                // It holds more than that.
                continue;
            }
            let ended = end_with(convert("-".as_ref(), &out).arg("--overwrite"), &new);
            if ended.code == Some(0) {
                break;
            }
            let ended = ended.failed(4);
            assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
            assert!(ended.stderr.contains("nothing was published"), "{}", ended.stderr);
            assert!(contents(&out) == before, "{limit} {room}: the old tables were changed");
            nothing_staged(&out);
            failures += 1;
        }
        assert!(failures >= failures_min, "{limit}: it failed only {failures} times");
        assert!(disk.resize("size=16m,nr_inodes=1000"));
        nothing_staged(&out);
        end_with(convert("-".as_ref(), &out).arg("--overwrite"), &export(20 << 10)).succeeded();
        assert!(contents(&out) == before);
    }
}
