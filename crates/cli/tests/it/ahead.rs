//! Runs that are killed while several exports are in flight.

use crate::{
    pipelines::{Api, CREDENTIALS, Pipeline},
    program::{end, start},
};
use std::{
    fs, thread,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// How profiles are, and so many days.
const WINDOWS: usize = 4;

#[test]
fn the_next_run_takes_up_every_export_that_is_in_flight() {
    let api = Api::start("--polls 9");
    let folder = tempdir().unwrap();
    let state = folder.path().join("state");
    let pipeline = Pipeline::new(&format!(
        "[source]\nbase_url = {:?}\nstate = {state:?}\nevent_exports_per_minute = 6000\nfirst_poll = \"10ms\"\n\
         exports_ahead = 2\n{CREDENTIALS}\n[export]\nattributes = [\"40103\"]\nevents = [\"90233\"]\n\
         [schedule]\nstart = \"2026-01-01\"\n[destination]\npath = {:?}\n",
        api.base_url,
        folder.path().join("out"),
    ));
    let run = || {
        let mut command = pipeline.command_of("backfill");
        command.args(["-v", "--from", "2026-01-01", "--to", "2026-01-05", "--now", "2026-01-10T00:00:00Z"]);
        command
    };
    let mut first = start(&mut run());
    let began = Instant::now();
    let remembered = || fs::read_to_string(state.join("exports.json")).unwrap_or_default().matches("poll_url").count();
    while remembered() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} exports were asked for", remembered());
        thread::sleep(Duration::from_millis(2));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let ended = end(&mut run()).succeeded();
    let said = |words: &str| ended.stderr.matches(words).count();
    assert_eq!(said("an earlier run has asked for this export"), 3, "{}", ended.stderr);
    assert_eq!(said("export requested attributes="), 1 + WINDOWS - 3, "{}", ended.stderr);
    assert_eq!(remembered(), 0);
}
