//! Runs that are killed, stopped, or get in each other's way.
//!
//! Whatever happens, a reader sees each table whole, of one run or another, or not at all; and the next run leaves
//! things as if nothing had happened.

use crate::{
    exports::{Seeded, export, other_export},
    program::{convert, convert_bytes, end, end_with, signal, start, tampered, watch},
    tables::{Rows, contents, nothing_staged, rows, visible_rows},
};
use apsides_batcher::{Commit, Error, Extent, Manifest, look, published};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};
use tokio::runtime::Builder;

/// No run takes as many renames, removals or syncs as this.
const STEPS_MAX: usize = 60;

/// An export in a file, its rows, and how long it takes to convert.
struct Undisturbed {
    folder: TempDir,
    input: PathBuf,
    rows: Rows,
    took: Duration,
}

impl Undisturbed {
    fn new(export: &[u8]) -> Self {
        let folder = tempdir().unwrap();
        let (input, out) = (folder.path().join("export.json"), folder.path().join("undisturbed"));
        fs::write(&input, export).unwrap();
        let started = Instant::now();
        end(&mut convert(&input, &out)).succeeded();
        Self { input, rows: rows(&out), took: started.elapsed(), folder }
    }

    fn out(&self, name: impl ToString) -> PathBuf {
        self.folder.path().join(name.to_string())
    }
}

/// Each table that readers see is wholly that of one of these runs.
#[track_caller]
fn assert_whole(out: &Path, runs: &[&Rows]) {
    for (table, visible) in visible_rows(out) {
        assert!(runs.iter().any(|run| run[table] == visible), "{table} is a part of a table");
    }
}

/// After a crash: a run that must not replace anything either publishes its tables, or has found those of the run that
/// crashed and made them whole. True for the latter.
#[track_caller]
fn next_run_recovers(input: &Path, out: &Path, expected: &Rows) -> bool {
    let ended = end(&mut convert(input, out));
    let was_decided = ended.code == Some(4);
    if was_decided {
        assert!(ended.stderr.contains("already holds tables"), "{}", ended.stderr);
    } else {
        ended.succeeded();
    }
    assert!(rows(out) == *expected, "other rows than those of an undisturbed run");
    nothing_staged(out);
    was_decided
}

#[test]
fn killed_at_any_moment() {
    let whole = Undisturbed::new(&export(24 << 20));
    let mut seeded = Seeded(11);
    for round in 0..16 {
        let out = whole.out(round);
        // A third of the rounds aim at the end, where the tables are published.
        let percent = if round % 3 == 0 { 85 + seeded.below(20) } else { seeded.below(100) };
        let mut child = start(&mut convert(&whole.input, &out));
        thread::sleep(whole.took * percent as u32 / 100);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_whole(&out, &[&whole.rows]);
        if out.join(".apsides/manifest.json").exists() {
            assert!(rows(&out) == whole.rows, "round {round}: published, but not whole");
        }
        next_run_recovers(&whole.input, &out, &whole.rows);
        end(convert(&whole.input, &out).arg("--overwrite")).succeeded();
        assert!(rows(&out) == whole.rows);
        nothing_staged(&out);
        fs::remove_dir_all(out).unwrap();
    }
}

/// Not at random: at each single rename, removal and sync that publishing takes, with and without tables to replace, a
/// run is killed, or told that the disk is broken. If something can go wrong between two of them, this shows it.
#[test]
fn disturbed_at_each_step_of_publishing() {
    let (old, new) = (Undisturbed::new(&export(20 << 10)), Undisturbed::new(&other_export(30 << 10)));
    for (system_calls, steps_min) in
        [("?rename,?renameat,?renameat2", 6), ("?unlink,?unlinkat,?rmdir", 1), ("fsync", 2)]
    {
        for (fault, replaces) in [("signal=SIGKILL", false), ("signal=SIGKILL", true), ("error=EIO", true)] {
            for step in 1..=STEPS_MAX {
                let out = new.out("disturbed");
                if replaces {
                    end(&mut convert(&old.input, &out)).succeeded();
                }
                plant_decided(&new, &out, &[]);
                // This run does nothing but finish the publication: its input is no export.
                let mut run = convert("/dev/null".as_ref(), &out);
                let injection = format!("inject={system_calls}:{fault}:when={step}");
                let Some(mut run) = tampered(&injection, run.arg("--overwrite")) else {
                    return println!("skipped: there is no strace that may trace");
                };
                let ended = end(&mut run);
                assert_whole(&out, &[&old.rows, &new.rows]);
                end(&mut convert(&new.input, &out)).failed(4);
                assert!(rows(&out) == new.rows, "{system_calls}, step {step}, {fault}: {}", ended.stderr);
                nothing_staged(&out);
                fs::remove_dir_all(&out).unwrap();
                if ended.code == Some(3) {
                    assert!(step > steps_min, "{system_calls}: only {step} steps");
                    break;
                }
            }
        }
    }
}

/// A system call that fails while the tables are moved into place must not cost any of them.
#[test]
fn steps_of_publishing_that_fail() {
    let (old, new) = (Undisturbed::new(&export(20 << 10)), Undisturbed::new(&other_export(30 << 10)));
    let out = new.out("failed");
    for system_calls in ["?rename,?renameat,?renameat2", "fsync"] {
        for step in 1..=STEPS_MAX {
            end(&mut convert(&old.input, &out)).succeeded();
            let injection = format!("inject={system_calls}:error=EIO:when={step}");
            let Some(mut run) = tampered(&injection, convert(&new.input, &out).arg("--overwrite")) else {
                return println!("skipped: there is no strace that may trace");
            };
            let ended = end(&mut run);
            if ended.code == Some(0) {
                assert!(step > 4, "{system_calls}: only {step} steps");
                fs::remove_dir_all(&out).unwrap();
                break;
            }
            let ended = ended.failed(4);
            assert!(ended.stderr.contains("Input/output error"), "{}", ended.stderr);
            assert_whole(&out, &[&old.rows, &new.rows]);
            let unfinished = ended.stderr.contains("the next run finishes it first");
            if !unfinished {
                assert!(ended.stderr.contains("nothing was published"), "{}", ended.stderr);
                assert!(rows(&out) == old.rows, "step {step} of {system_calls}: the old tables are not as they were");
            }
            end(&mut convert(&new.input, &out)).failed(4);
            let expected = if unfinished { &new.rows } else { &old.rows };
            assert!(rows(&out) == *expected, "step {step} of {system_calls}: {}", ended.stderr);
            nothing_staged(&out);
            fs::remove_dir_all(&out).unwrap();
        }
    }
}

#[test]
fn the_next_run_finishes_a_publication_that_was_decided() {
    let new = Undisturbed::new(&export(50 << 10));
    for moved in [
        &[][..],
        &["profiles"],
        &["profiles", "attributes", "tags", "events", "unmapped"],
        &["profiles", "attributes", "tags", "events", "unmapped", "views"],
    ] {
        let out = new.out("planted");
        plant_decided(&new, &out, moved);
        // Who only looks sees what will be published, and does nothing about it.
        let before = contents(&out);
        assert_eq!(looked(&out, true).unwrap(), published(&new.out("undisturbed")).unwrap());
        assert!(matches!(looked(&out, false), Err(Error::NotEmpty { .. })));
        assert!(contents(&out) == before, "{moved:?}");
        // Even a run that fails finishes it first.
        end_with(convert("-".as_ref(), &out).arg("--overwrite"), b"[]").failed(3);
        assert!(contents(&out) == contents(&new.out("undisturbed")), "{moved:?} were moved");
        nothing_staged(&out);
        fs::remove_dir_all(out).unwrap();
    }
}

fn looked(out: &Path, overwrite: bool) -> Result<Option<Manifest>, Error> {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(look(&out.into(), Commit::Manifest, &Extent::All, overwrite, None))
}

/// Puts what an undisturbed run published to where it was before the last moves, but for the tables that were moved.
fn plant_decided(undisturbed: &Undisturbed, out: &Path, moved: &[&str]) {
    let (published, run) = (undisturbed.out("undisturbed"), out.join(".apsides/staging/run-1-1"));
    fs::create_dir_all(run.join("tables")).unwrap();
    fs::copy(published.join(".apsides/manifest.json"), run.join("manifest.json")).unwrap();
    for table in undisturbed.rows.keys() {
        let place = if moved.contains(table) { out } else { &run.join("tables") };
        copy_folder(&published.join(table), &place.join(table));
    }
    // The views, which name the files, are moved last.
    let place = if moved.contains(&"views") { out } else { &run.join("tables") };
    copy_folder(&published.join("views"), &place.join("views"));
    for view in fs::read_dir(place.join("views")).unwrap() {
        let view = view.unwrap().path();
        let sql = fs::read_to_string(&view).unwrap();
        fs::write(&view, sql.replace(published.to_str().unwrap(), out.to_str().unwrap())).unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn signals_stop_a_run_within_seconds_and_without_a_trace() {
    let folder = tempdir().unwrap();
    let (export, half) = (export(8 << 20), 4 << 20);
    let (fresh, replaced) = (folder.path().join("fresh"), folder.path().join("replaced"));
    convert_bytes(b"{}", &replaced).succeeded();
    let before = contents(&replaced);
    for name in ["TERM", "INT"] {
        for out in [&fresh, &replaced] {
            let mut child = start(convert("-".as_ref(), out).arg("--overwrite").stdin(Stdio::piped()));
            let mut pipe = child.stdin.take().unwrap();
            thread::scope(|scope| {
                let export = &export;
                // The input keeps coming, slowly.
                scope.spawn(move || {
                    use std::io::Write;
                    let mut sent = pipe.write_all(&export[..half]);
                    for piece in export[half..].chunks(1000) {
                        thread::sleep(Duration::from_millis(10));
                        sent = sent.and_then(|()| pipe.write_all(piece));
                        if sent.is_err() {
                            break;
                        }
                    }
                });
                thread::sleep(Duration::from_millis(600));
                signal(&child, name);
                let ended = watch(child).failed(130);
                assert_eq!(
                    ended.stderr,
                    "error: interrupted; nothing was published\n  next: run the same command again\n"
                );
                assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
            });
        }
        assert!(!fresh.exists(), "something was left behind");
        assert!(contents(&replaced) == before, "the old tables were changed");
        nothing_staged(&replaced);
    }
}

/// Nothing comes, and nothing ends: the reading thread cannot be stopped, but the process can.
#[test]
fn signals_stop_a_run_whose_input_is_silent() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let mut child = start(convert("-".as_ref(), &out).stdin(Stdio::piped()));
    let mut pipe = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, b"{\"k\":").unwrap();
    thread::sleep(Duration::from_millis(300));
    signal(&child, "TERM");
    let ended = watch(child).failed(130);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    drop(pipe);
    convert_bytes(b"{}", &out).succeeded();
    nothing_staged(&out);
}

#[test]
fn of_two_runs_at_once_one_is_turned_away() {
    let folder = tempdir().unwrap();
    let export = export(100 << 10);
    let mut first = start(convert("-".as_ref(), folder.path()).stdin(Stdio::piped()));
    let mut pipe = first.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, &export[..70_000]).unwrap();
    while fs::read_dir(folder.path().join(".apsides/staging")).into_iter().flatten().next().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    let second = end_with(convert("-".as_ref(), folder.path()).arg("--overwrite"), &export).failed(5);
    let message = format!("error: another run is writing to {}", folder.path().display());
    let next = "wait until it has ended, or choose another folder";
    assert_eq!(second.stderr, format!("{message}\n  next: {next}\n"));
    std::io::Write::write_all(&mut pipe, &export[70_000..]).unwrap();
    drop(pipe);
    watch(first).succeeded();
    let whole = Undisturbed::new(&export);
    assert!(rows(folder.path()) == whole.rows);
    nothing_staged(folder.path());
}

/// Many runs start at the same time, into a folder that is not there yet.
#[test]
fn of_many_runs_at_once_one_publishes() {
    let whole = Undisturbed::new(&export(200 << 10));
    for round in 0..5 {
        let out = whole.out(round);
        let children: Vec<_> = (0..6).map(|_| start(&mut convert(&whole.input, &out))).collect();
        let codes: Vec<_> = children.into_iter().map(|child| watch(child).code.unwrap()).collect();
        // Those that came too late find a run or its tables.
        assert_eq!(codes.iter().filter(|&&code| code == 0).count(), 1, "{codes:?}");
        assert!(codes.iter().all(|code| matches!(code, 0 | 4 | 5)), "{codes:?}");
        assert!(rows(&out) == whole.rows);
        nothing_staged(&out);
    }
}
