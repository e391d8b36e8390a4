//! A thousand nights, each a seed by which the simulated API goes wrong, from the request to the published tables. Time
//! is scaled, so that a minute of the rate limits takes a tenth of a second.

use apsides_batcher::{Manifest, Options, Progress, published, stage};
use apsides_fetcher::{Client, ClientConfig, Error, ErrorKind, ExportSpec, Limits, Rates, Secret};
use apsides_simulator::{Night, Server, Stats};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use std::{collections::BTreeMap, fs, io::Read, path::Path, time::Duration};
use tempfile::tempdir;
use tokio::{
    runtime::{Builder, Handle},
    task::spawn_blocking,
};

/// How a token begins: `{"alg":` in base64.
const TOKEN_BEGINS: &str = "eyJhbGci";

/// What is published: the tables, and the digests of their files.
type Tables = Vec<(String, Vec<String>)>;

struct End {
    seed: u64,
    end: Result<Tables, Failed>,
    stats: Stats,
}

/// How a run failed.
enum Failed {
    /// The export did not come.
    Fetch(Error),
    /// What came is none: the beginning of a corrupt one, before it shows to be corrupt.
    Export(apsides_batcher::Error),
}

/// The real limits in milliseconds.
fn limits() -> Limits {
    Limits {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        read_idle_timeout: Duration::from_millis(100),
        retries_max: 4,
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        retry_after_max: Duration::from_millis(100),
        rates: Rates::default().scaled(Night::SECOND),
        poll_interval_first: Duration::from_millis(1),
        poll_interval_max: Duration::from_millis(5),
        poll_deadline: Duration::from_secs(5),
        resumes_in_vain_max: 4,
        chunk_bytes: 16 << 10,
        packed_bytes: 64 << 10,
        queue_chunks: 2,
        ..Limits::default()
    }
}

fn spec(night: Night) -> ExportSpec {
    let asked = night.selection();
    let ids = |ids: Option<_>| ids.into_iter().flatten().collect();
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).ok().filter(|_| night.has_events());
    ExportSpec {
        attributes: ids(asked.attributes),
        tags: ids(asked.tags),
        events: ids(asked.events),
        start_at: time(night.window().start_ms),
        end_at: time(night.window().end_ms),
        ..ExportSpec::default()
    }
}

fn tables(manifest: &Manifest) -> Tables {
    let digests = |table: &apsides_batcher::TableFiles| table.files.iter().map(|file| file.sha256.clone()).collect();
    manifest.tables.iter().map(|table| (table.name.clone(), digests(table))).collect()
}

fn convert(input: impl Read, folder: &Path, runtime: &Handle) -> Result<Tables, apsides_batcher::Error> {
    let options = Options { threads: Some(1), ..Options::default() };
    let manifest = stage(input, folder, &options, runtime, &Progress::default())?.publish()?;
    Ok(tables(&manifest))
}

/// From the request to the tables.
async fn run(client: &Client, spec: &ExportSpec, folder: &Path) -> Result<Tables, Failed> {
    let ready = client.export(spec, |_| {}).await.map_err(Failed::Fetch)?;
    let reader = ready.download().await.map_err(Failed::Fetch)?.into_reader();
    let (folder, runtime) = (folder.to_owned(), Handle::current());
    let converted = spawn_blocking(move || convert(reader, &folder, &runtime)).await.unwrap();
    converted.map_err(|error| match error {
        apsides_batcher::Error::Read { source, .. } => {
            Failed::Fetch(source.downcast().expect("an error of the fetcher"))
        }
        error => Failed::Export(error),
    })
}

async fn night(seed: u64) -> End {
    let night = Night::new(seed);
    let server = Server::start(night.settings()).await.unwrap();
    let base_url = server.base_url().parse().unwrap();
    let config = ClientConfig::new(base_url, "simulated-client", Secret::new("simulated-secret"));
    let client = Client::new(ClientConfig { limits: limits(), ..config }).unwrap();
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let end = tokio::time::timeout(Night::PATIENCE, run(&client, &spec(night), &out)).await;
    let end = end.unwrap_or_else(|_| panic!("night {seed} hangs"));
    match &end {
        Ok(found) => assert!(tables(&published(&out).unwrap().unwrap()) == *found, "night {seed}"),
        Err(_) => assert_eq!(files(&out), 0, "night {seed}: something is published"),
    }
    End { seed, end, stats: server.stats() }
}

/// How many files there are, whatever they are called, but for the lock.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let entries = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with(".apsides/lock"));
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// Everything that is said of an error.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn every_night_ends_with_the_right_tables_or_says_why_not() {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    // With events, and without.
    let expected = [5, 1].map(|seed| {
        let folder = tempdir().unwrap();
        let mut number = 0..;
        Night::new(seed).contents().map(|bytes| {
            let out = folder.path().join(format!("{:?}", number.next()));
            convert(&bytes[..], &out, runtime.handle()).unwrap()
        })
    });
    let nights: Vec<End> =
        runtime.block_on(stream::iter(0..Night::COUNT).map(night).buffered(Night::AT_ONCE).collect());
    let mut ends = BTreeMap::<String, u32>::new();
    let (mut faults, mut resumed) = (0, 0);
    for End { seed, end, stats } in nights {
        let end = match end {
            Ok(tables) => {
                let expected = &expected[usize::from(!Night::new(seed).has_events())];
                assert!(expected.contains(&tables), "night {seed}: other tables");
                "whole".to_owned()
            }
            Err(Failed::Fetch(error)) => {
                let said = said(&error);
                assert!(said.contains("http://127.0.0.1:"), "night {seed} does not say where: {said}");
                assert!(!said.contains("simulated-secret") && !said.contains(TOKEN_BEGINS), "night {seed}: {said}");
                use ErrorKind::{Api, Credentials, Data, Export, Network};
                assert!(matches!(error.kind(), Api | Credentials | Data | Export | Network), "night {seed}: {said}");
                format!("{:?}", error.kind())
            }
            Err(Failed::Export(error)) => {
                assert!(matches!(error, apsides_batcher::Error::Json { .. }), "night {seed}: {error}");
                "corrupt".to_owned()
            }
        };
        *ends.entry(end).or_default() += 1;
        assert_eq!((stats.limited, stats.leaks), (0, 0), "night {seed}: beyond the limits, or a token elsewhere");
        faults += stats.faults;
        resumed += stats.resumed;
    }
    // That it was hard enough.
    println!("{ends:?}, {faults} faults, {resumed} resumed");
    assert!(faults > 2 * Night::COUNT && resumed > 30);
    assert!(ends["whole"] > 600 && ends.len() > 2, "{ends:?}");
}
