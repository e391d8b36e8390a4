//! `apsides unlock` and `apsides vacuum`: what a destination needs besides runs.

use crate::{
    args::{Output, Unlock, Vacuum},
    failure::Failure,
    measure,
    shutdown::Shutdown,
    summary::print,
};
use apsides_batcher::{Unlocked, unlock as take_away, vacuum as remove};

pub(crate) async fn unlock(args: Unlock, shutdown: &Shutdown) -> Result<(), Failure> {
    let destination = args.storage.destination(&args.destination)?;
    match shutdown.or_interrupted(take_away(&destination)).await?? {
        Unlocked::WasFree => print(&format!("nobody holds the lock of {destination}")),
        Unlocked::From { run, silent_seconds } => print(&format!(
            "the lock of {destination} was taken away from run {run}, last heard of {silent_seconds} s ago"
        )),
    }
}

pub(crate) async fn vacuum(args: Vacuum, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let destination = args.storage.destination(&args.destination)?;
    let removed = shutdown.or_interrupted(remove(&destination, args.storage.settings().grace)).await??;
    if output.json {
        return print(&serde_json::to_string_pretty(&removed).expect("figures are plain data"));
    }
    print(&format!(
        "removed {} files, {}, from {destination}; {} that were replaced stay until their grace time is over",
        measure::count(removed.files),
        measure::size(removed.bytes),
        measure::count(removed.kept),
    ))
}
