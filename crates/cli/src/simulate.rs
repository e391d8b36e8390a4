//! `apsides simulate`: the simulated API as a server, or one of its exports as a file.

use crate::{
    args::{PollUrlKind, Simulate},
    failure::{Exit, Failure},
    measure,
    shutdown::Shutdown,
    summary::print,
};
use apsides_simulator::{CorpusSpec, Faults, Layout, PollUrl, Server, Settings, Shape, Size, catalogue, write_export};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};
use tokio::task::spawn_blocking;

/// Exports are written in pieces of this size.
const BUFFER_BYTES: usize = 256 << 10;

pub(crate) async fn simulate(args: Simulate, shutdown: &Shutdown) -> Result<(), Failure> {
    let size = match (args.bytes, args.profiles) {
        (Some(bytes), _) => Size::Bytes(bytes),
        (None, profiles) => Size::Profiles(profiles.unwrap_or(1000)),
    };
    let corpus = CorpusSpec {
        seed: args.seed,
        size,
        shape: if args.single_profile { Shape::SingleProfile } else { Shape::Audience },
        layout: Layout { pretty: args.pretty, wrapped: args.wrapped },
        oddities: args.oddities,
        ..CorpusSpec::default()
    };
    if let Some(file) = args.definitions {
        let definitions = catalogue::definitions(args.oddities);
        fs::write(&file, format!("{definitions:#}\n")).map_err(|error| unwritable(&file, &error))?;
    }
    if let Some(file) = args.write {
        let writing = spawn_blocking(move || write(&corpus, &file));
        return match shutdown.or_interrupted(writing).await? {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
    }
    let server = args.server;
    let planned = server.fault.iter().try_fold(Faults::default(), |faults, fault| faults.parsed(fault));
    let planned = planned.map_err(|error| {
        Failure::new(Exit::Configuration, error.to_string()).next("correct --fault, or APSIDES_SIMULATE_FAULTS")
    })?;
    let settings = Settings {
        bind: server.bind,
        corpus,
        polls_until_ready: server.polls,
        poll_url: match server.poll_url {
            PollUrlKind::V1 => PollUrl::V1,
            PollUrlKind::V2 => PollUrl::V2,
        },
        client_id: server.client_id.clone(),
        client_secret: server.client_secret,
        rate_limits: server.rate_limits,
        ranges: server.ranges,
        token_life: Duration::from_secs(server.token_life),
        faults: planned.seeded(args.seed, server.fault_rate, u32::MAX),
        ..Settings::default()
    };
    let started = Server::start(settings).await.map_err(|error| {
        Failure::new(Exit::Unexpected, error.to_string()).next("choose another address with --bind")
    })?;
    print(&format!("simulated API on {}, client id {}; stop with Ctrl-C", started.base_url(), server.client_id))?;
    started.run_until(shutdown.requested()).await;
    Ok(())
}

fn write(corpus: &CorpusSpec, file: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    let result = if file.as_os_str() == "-" {
        write_to(corpus, io::stdout())
    } else {
        File::create(file).and_then(|out| write_to(corpus, out))
    };
    let written = match result {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        result => result.map_err(|error| unwritable(file, &error))?,
    };
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{} of JSON: {} profiles, {} attributes, {} tags, {} events; {:.1} s",
        measure::size(written.bytes),
        measure::count(written.profiles),
        measure::count(written.attributes),
        measure::count(written.tags),
        measure::count(written.events),
        seconds,
    );
    Ok(())
}

fn unwritable(file: &Path, error: &io::Error) -> Failure {
    let message = format!("could not write {}: {error}", file.display());
    Failure::new(Exit::Destination, message).next("check the folder, its permissions and its free space")
}

fn write_to(corpus: &CorpusSpec, out: impl Write) -> io::Result<apsides_simulator::Written> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let written = write_export(corpus, &mut out)?;
    out.flush()?;
    Ok(written)
}
