//! `apsides check`: whether a run of a pipeline could work, without one: nothing is requested, nothing left
//! behind.

use crate::{
    args::{Check, Output},
    config::Pipeline,
    failure::{Exit, Failure},
    measure,
    progress::Waiting,
    run::Job,
    shutdown::Shutdown,
    summary::print,
    wrap::{self, wrapped},
};
use apsides_batcher::{Archive, Destination, Extent, look, published, try_puts};
use apsides_fetcher::{Client, ClientConfig, Limits, StatePlace, TokenCheck, try_state};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    io::{self, Write},
    path::Path,
};

/// A clock that differs by more is worth a word: tokens have a margin of a minute.
const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_secs(30);

/// Less free space than this is worth a word, whatever was published before.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// An object that is there for a moment.
const PROBE: &str = ".apsides-check";

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Line {
    check: &'static str,
    status: Status,
    message: String,
    /// What to do about it.
    next: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

pub(crate) async fn check(args: Check, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let waiting = Waiting::new(output, "checking the pipeline");
    let lines = shutdown.or_interrupted(lines(&args.pipeline)).await?;
    drop(waiting);
    if output.json {
        print(&serde_json::to_string_pretty(&lines).expect("plain data"))?;
    } else {
        print(&text(&lines, wrap::width_of(io::stdout())))?;
    }
    let failed: Vec<_> = lines.iter().filter_map(|line| line.exit).collect();
    match failed.first() {
        None => Ok(()),
        Some(&exit) => {
            let message = format!("{} of {} checks failed", failed.len(), lines.len());
            Err(Failure::new(exit, message).next("correct what failed, and check again"))
        }
    }
}

/// All checks, in the order in which a run would fail.
async fn lines(pipeline: &Path) -> Vec<Line> {
    let job = match Pipeline::read(pipeline).and_then(Pipeline::into_job) {
        Ok(job) => job,
        // Whatever else there is to check stands in it.
        Err(failure) => return vec![failed("configuration", &failure)],
    };
    let mut lines = vec![ok("configuration", pipeline.display().to_string())];
    match token(&job.client).await {
        Ok(check) => {
            let until = check.expires_at.map(|at| format!(", good until {at:.0}")).unwrap_or_default();
            lines.push(ok("token", format!("{} takes the credentials{until}", job.client.base_url)));
            lines.push(clock(check.clock_ahead));
        }
        Err(failure) => lines.push(failed("token", &failure)),
    }
    lines.push(destination(&job).await);
    lines.extend(archive(&job).await);
    lines.extend(state(&job.client).await);
    lines.extend(folders(&job).into_iter().map(|(check, folder)| match is_writable(folder) {
        Ok(()) => ok(check, format!("{} can be written", folder.display())),
        Err(failure) => failed(check, &failure),
    }));
    if let Destination::Folder(folder) = &job.destination {
        lines.push(free_space(folder));
    }
    lines
}

/// One call: what cannot be reached at once is worth a line, not minutes of trying.
async fn token(config: &ClientConfig) -> Result<TokenCheck, Failure> {
    let limits = Limits { retries_max: 0, ..config.limits.clone() };
    Ok(Client::new(ClientConfig { limits, ..config.clone() })?.check().await?)
}

fn clock(ahead: Option<SignedDuration>) -> Line {
    let Some(ahead) = ahead else { return ok("clock", "the server does not tell its time".to_owned()) };
    let seconds = ahead.as_secs().unsigned_abs();
    let direction = if ahead.is_negative() { "behind" } else { "ahead of" };
    let message = format!("{} {direction} the server's", crate::progress::duration(seconds));
    if ahead.abs() <= CLOCK_AHEAD_MAX {
        return ok("clock", if seconds < 2 { "as the server's".to_owned() } else { message });
    }
    let next = "set the clock of this machine (NTP): tokens expire, and days begin, by it";
    Line { check: "clock", status: Status::Warning, message, next: Some(next.to_owned()), exit: None }
}

async fn destination(job: &Job) -> Line {
    let place = &job.destination;
    let looked = async {
        // First, since where others have their files, nothing is tried.
        let extent = match job.schedule {
            None => Extent::All,
            Some(_) => Extent::snapshot(Timestamp::now()),
        };
        let taken = look(place, job.options.commit, &extent, job.overwrite, None).await?.is_some();
        match place {
            Destination::Folder(folder) => is_writable(folder)?,
            Destination::Bucket { address, settings } => try_puts(address, settings).await?,
        }
        Ok(taken)
    };
    match looked.await {
        Ok(true) if job.schedule.is_some() => ok("destination", format!("{place} can be written; its windows go on")),
        Ok(true) => ok("destination", format!("{place} can be written; its tables are replaced")),
        Ok(false) => ok("destination", format!("{place} can be written")),
        Err(failure) => failed("destination", &failure),
    }
}

/// The bucket that downloads are kept in, if it is one.
async fn archive(job: &Job) -> Option<Line> {
    let Some(Destination::Bucket { address, settings }) = &job.keep_raw else { return None };
    let tried = async {
        let archive = Archive::new(address, settings)?;
        archive.write(PROBE, Bytes::new()).await?;
        // A run removes nothing there, and perhaps may not.
        let _ = archive.remove(PROBE).await;
        Ok::<_, apsides_batcher::Error>(())
    };
    Some(match tried.await {
        Ok(()) => ok("keep_raw", format!("{address} can be written")),
        Err(error) => failed("keep_raw", &error.into()),
    })
}

/// The bucket that the state is kept in, if it is one.
async fn state(client: &ClientConfig) -> Option<Line> {
    let Some(StatePlace::Objects { name, .. }) = &client.state else { return None };
    Some(match try_state(client).await {
        Ok(()) => ok("state", format!("{name} can be written")),
        Err(error) => failed("state", &error.into()),
    })
}

/// Other folders that a run writes to.
fn folders(job: &Job) -> Vec<(&'static str, &Path)> {
    let cache = job.lookup.cache.as_ref().and_then(|cache| cache.path.parent());
    let cache = cache.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let keep_raw = match &job.keep_raw {
        Some(Destination::Folder(folder)) => Some(folder.as_path()),
        Some(Destination::Bucket { .. }) | None => None,
    };
    let state = match &job.client.state {
        Some(StatePlace::Folder(folder)) => Some(folder.as_path()),
        Some(StatePlace::Objects { .. }) | None => None,
    };
    let metrics = job.told.metrics.as_ref().and_then(|file| file.parent());
    let metrics = metrics.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let folders = [("definitions", cache), ("state", state), ("keep_raw", keep_raw), ("metrics", metrics)];
    folders.into_iter().filter_map(|(check, folder)| Some((check, folder?))).collect()
}

/// Tries it with a file that has no name, so that nobody sees it.
pub(crate) fn is_writable(folder: &Path) -> Result<(), Failure> {
    let there = existing(folder);
    let tried = tempfile::tempfile_in(there).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    tried.map_err(|error| {
        let message = format!("{} cannot be written: {error}", there.display());
        Failure::new(Exit::Destination, message).next("check the folder, its permissions and its free space")
    })
}

/// A folder, or the one above it that is there: those between are made by a run.
fn existing(folder: &Path) -> &Path {
    let there = folder.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty());
    there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// New tables are written beside the old ones, before those are removed.
fn free_space(folder: &Path) -> Line {
    let check = "free space";
    let there = existing(folder);
    let free = match rustix::fs::statvfs(there) {
        Ok(system) => system.f_bavail.saturating_mul(system.f_frsize),
        Err(error) => {
            let message = format!("of {} is not known: {error}", there.display());
            return Line { check, status: Status::Warning, message, next: None, exit: None };
        }
    };
    let tables = published(folder)
        .ok()
        .flatten()
        .map_or(0, |manifest| manifest.tables.iter().map(|table| table.bytes).sum::<u64>());
    let wanted = tables.saturating_mul(2).max(FREE_BYTES_MIN);
    let mut message = format!("{} at {}", measure::size(free), there.display());
    if tables > 0 {
        message.push_str(&format!("; the tables there take {}", measure::size(tables)));
    }
    if free >= wanted {
        return ok(check, message);
    }
    let next =
        format!("make room, about {}: new tables are written before the old ones are removed", measure::size(wanted));
    Line { check, status: Status::Warning, message, next: Some(next), exit: None }
}

fn ok(check: &'static str, message: String) -> Line {
    Line { check, status: Status::Ok, message, next: None, exit: None }
}

fn failed(check: &'static str, failure: &Failure) -> Line {
    let (message, next) = failure.told();
    Line { check, status: Status::Failed, message, next, exit: Some(failure.exit) }
}

fn text(lines: &[Line], width: Option<usize>) -> String {
    let mut text = Vec::new();
    for line in lines {
        let status = match line.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "failed",
        };
        text.push(wrapped(&format!("{status:<8} {:<13}  ", line.check), &line.message, width));
        text.extend(line.next.as_ref().map(|next| wrapped(&format!("{:24}next: ", ""), next, width)));
    }
    text.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_a_little() {
        for (seconds, status, message) in [
            (0, Status::Ok, "as the server's"),
            (-1, Status::Ok, "as the server's"),
            (30, Status::Ok, "30 s ahead of the server's"),
            (31, Status::Warning, "31 s ahead of the server's"),
            (-3700, Status::Warning, "1 h 01 min behind the server's"),
        ] {
            let line = clock(Some(SignedDuration::from_secs(seconds)));
            assert_eq!((line.status, line.message.as_str()), (status, message), "{seconds}");
            assert_eq!(line.next.is_some(), status != Status::Ok);
        }
        assert_eq!(clock(None).status, Status::Ok);
    }

    #[test]
    fn the_folder_that_is_there_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, expected) in [
            (folder.path().to_owned(), folder.path()),
            (folder.path().join("a/b"), folder.path()),
            ("there-is-no-such".into(), Path::new(".")),
        ] {
            assert_eq!(existing(&path), expected);
        }
    }
}
