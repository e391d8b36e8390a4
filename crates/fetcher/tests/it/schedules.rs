//! A thousand nights: each a seed, by which the simulated API goes wrong. Time is scaled, so that a minute of the rate
//! limits takes a tenth of a second.

use crate::{
    limits, read_all,
    resume::{client_of, corpus, spec},
    said,
};
use apsides_fetcher::{Error, ErrorKind, ExportSpec, Limits, Rates};
use apsides_simulator::{
    CorpusSpec, Faults, PollUrl, Selection, Server, Settings, Size, Stats, catalogue, write_export,
};
use futures_util::{StreamExt, stream};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

const SCHEDULES: u64 = 1_000;
/// So many at a time.
const AT_ONCE: usize = 12;
/// How long a second of the API is.
const SECOND: Duration = Duration::from_millis(2);
/// No schedule takes as long as this; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a token begins: `{"alg":` in base64.
const TOKEN_BEGINS: &str = "eyJhbGci";

fn small(seed: u64) -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(250), seed, ..corpus() }
}

fn spec_of(has_events: bool) -> ExportSpec {
    if !has_events {
        return spec();
    }
    let events = catalogue::EVENTS.iter().map(|event| event.id.to_owned()).collect();
    let time = |milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok();
    let window = small(1).window;
    ExportSpec { events, start_at: time(window.start_ms), end_at: time(window.end_ms), ..spec() }
}

/// The two contents that the export can have: the account's, and that of the account after it changed.
fn contents(has_events: bool) -> [Vec<u8>; 2] {
    let spec = spec_of(has_events);
    let some = |ids: Vec<String>| Some(ids.into_iter().collect());
    let selection = Selection { attributes: some(spec.attributes), tags: some(spec.tags), events: some(spec.events) };
    [1, 0].map(|seed| {
        let mut bytes = Vec::new();
        write_export(&CorpusSpec { selection: selection.clone(), ..small(seed) }, &mut bytes).unwrap();
        bytes
    })
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Night {
    seed: u64,
    read: Result<Vec<u8>, Error>,
    stats: Stats,
}

async fn night(seed: u64) -> Night {
    let settings = Settings {
        corpus: small(1),
        polls_until_ready: (seed % 4) as u32,
        poll_url: if seed.is_multiple_of(2) { PollUrl::V1 } else { PollUrl::V2 },
        rate_limits: true,
        second: SECOND,
        ranges: !seed.is_multiple_of(3),
        faults: Faults::default().seeded(seed, 10 + (seed % 7 * 10) as u32, (seed % 30) as u32 + 1),
        ..Settings::default()
    };
    let limits = Limits {
        rates: Rates::default().scaled(SECOND),
        read_idle_timeout: Duration::from_millis(100),
        retries_max: 4,
        resumes_in_vain_max: 4,
        ..limits()
    };
    let server = Server::start(settings).await.unwrap();
    let client = client_of(&server, limits);
    let run = async {
        let ready = client.export(&spec_of(has_events(seed)), |_| {}).await?;
        let (bytes, end) = read_all(ready.download().await?.into_reader()).await;
        end.map(|()| bytes).map_err(|error| error.downcast().unwrap())
    };
    let read = tokio::time::timeout(PATIENCE, run).await.unwrap_or_else(|_| panic!("schedule {seed} hangs"));
    Night { seed, read, stats: server.stats() }
}

fn has_events(seed: u64) -> bool {
    seed.is_multiple_of(5)
}

#[test]
fn every_night_ends_with_the_right_bytes_or_says_why_not() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("debug,apsides_fetcher=trace")
        .with_ansi(false)
        .with_writer(move || writer.clone());
    subscriber.init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let nights: Vec<Night> = runtime.block_on(stream::iter(0..SCHEDULES).map(night).buffered(AT_ONCE).collect());

    let expected = [contents(false), contents(true)];
    let mut ends = BTreeMap::<String, u32>::new();
    let (mut faults, mut resumed) = (0, 0);
    for Night { seed, read, stats } in nights {
        let end = match read {
            Ok(bytes) => {
                assert!(expected[usize::from(has_events(seed))].contains(&bytes), "schedule {seed}: other bytes");
                "whole".to_owned()
            }
            Err(error) => {
                let said = said(&error, &["simulated-secret", TOKEN_BEGINS]);
                assert!(said.contains("http://127.0.0.1:"), "schedule {seed} does not say where: {said}");
                // Credentials: that tokens expire twice in a row.
                use ErrorKind::{Api, Credentials, Data, Export, Network};
                assert!(matches!(error.kind(), Api | Credentials | Data | Export | Network), "schedule {seed}: {said}");
                format!("{:?}", error.kind())
            }
        };
        *ends.entry(end).or_default() += 1;
        assert_eq!(stats.limited, 0, "schedule {seed}: more calls than the limits allow");
        assert_eq!(stats.leaks, 0, "schedule {seed}: the token was at another host");
        assert!(stats.exports <= 3 * 8, "schedule {seed}: {} exports", stats.exports);
        faults += stats.faults;
        resumed += stats.resumed;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for secret in ["simulated-secret", TOKEN_BEGINS, "signature="] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
    }
    // That it was hard enough, and that there is a log at all.
    println!("{ends:?}, {faults} faults, {resumed} resumed, {} lines logged", log.lines().count());
    assert!(faults > 2 * SCHEDULES && resumed > 30 && log.lines().count() > 5_000);
    assert!(ends["whole"] > 600 && ends.len() > 2, "{ends:?}");
}
