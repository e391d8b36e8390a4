//! The `apsides` command line: from an APSIS One profile export to Parquet tables.
#![forbid(unsafe_code)]

mod args;
mod check;
mod commit;
mod config;
mod convert;
mod damage;
mod definitions;
mod demo;
mod failure;
mod init;
mod inspect;
mod intake;
mod listing;
mod manual;
mod measure;
mod names;
mod plan;
mod profile;
mod progress;
mod raw;
mod replay;
mod reports;
mod run;
mod schedule;
mod settings;
mod shards;
mod shutdown;
mod simulate;
mod status;
mod storage;
mod summary;
mod tables;
mod upkeep;
mod watch;
mod windows;
mod wrap;

use args::{Args, Command, Config, LogFormat};
use clap::Parser;
use failure::Failure;
use progress::AboveLines;
use shutdown::Shutdown;
use std::process::ExitCode;
use tracing::{Instrument, Span};
use tracing_subscriber::EnvFilter;
use watch::Watch;

/// Threads of the runtime that serves the network and the disk; parsing and encoding have their own.
const RUNTIME_THREADS: usize = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    start_logging(&args);
    let log_format = args.output.log_format;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(log_format),
    };
    let watch = match Watch::begin() {
        Ok(watch) => watch,
        Err(failure) => return failure.report(log_format),
    };
    // Around all that a run does, so that each line of its log says which run it is.
    let span = match args.command {
        Command::Demo(_)
        | Command::Run(_)
        | Command::Backfill(_)
        | Command::Commit(_)
        | Command::Replay(_)
        | Command::Convert(_) => {
            tracing::error_span!("run", run = %watch.run())
        }
        _ => Span::none(),
    };
    let result = runtime.block_on(execute(args, &watch).instrument(span.clone()));
    // A thread may still wait for standard input, after a signal; it must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => span.in_scope(|| failure.report(log_format)),
    }
}

async fn execute(args: Args, watch: &Watch) -> Result<(), Failure> {
    let shutdown = Shutdown::listen()?;
    let output = args.output;
    match args.command {
        Command::Demo(demo) => demo::demo(demo, watch, &output, &shutdown).await,
        Command::Run(run) => run::run(run, watch, &output, &shutdown).await,
        Command::Plan(args) => plan::plan(args, &output, &shutdown).await,
        Command::Backfill(args) => windows::backfill(args, watch, &output, &shutdown).await,
        Command::Commit(args) => commit::commit(args, watch, &output, &shutdown).await,
        Command::Replay(args) => replay::replay(args, watch, &output, &shutdown).await,
        Command::Convert(convert) => convert::convert(convert, watch, &output, &shutdown).await,
        Command::Inspect(inspect) => inspect::inspect(inspect, &output, &shutdown).await,
        Command::Definitions(args) => definitions::definitions(args, &output, &shutdown).await,
        Command::Status(args) => status::status(args, &output, &shutdown).await,
        Command::Unlock(args) => upkeep::unlock(args, &shutdown).await,
        Command::Vacuum(args) => upkeep::vacuum(args, &output, &shutdown).await,
        Command::Simulate(simulate) => simulate::simulate(simulate, &shutdown).await,
        Command::Init(args) => init::init(&args, &output, &shutdown).await,
        Command::Check(args) => check::check(args, &output, &shutdown).await,
        Command::Config(Config::Show(args)) => settings::show(&args, &output),
        Command::Completions(args) => manual::completions(&args),
        Command::Manual(args) => manual::manual(&args),
    }
}

/// Logs go to standard error: warnings, or more with `--verbose`, or what `APSIDES_LOG` says.
fn start_logging(args: &Args) {
    let default = match (args.output.verbose, args.output.quiet) {
        (0, false) => "warn,apsides::progress=info",
        (0, true) => "error",
        (1, _) => "warn,apsides=info,apsides_fetcher=info,apsides_batcher=info,apsides_simulator=info",
        _ => "info,apsides=debug,apsides_fetcher=debug,apsides_batcher=debug,apsides_simulator=debug",
    };
    let filter = EnvFilter::try_from_env("APSIDES_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveLines);
    match args.output.log_format {
        LogFormat::Text => logs.with_ansi(progress::colours()).with_target(false).init(),
        // The list of spans has the current one, too.
        LogFormat::Json => logs.json().with_current_span(false).init(),
    }
}
