//! A thousand nights: each a seed, by which the simulated API goes wrong. Time is scaled, so that a minute of the rate
//! limits takes a tenth of a second.

use crate::{limits, read_all, resume::client_of, said};
use apsides_fetcher::{Error, ErrorKind, ExportSpec, Limits, Rates};
use apsides_simulator::{Night, Server, Stats};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

/// How a token begins: `{"alg":` in base64.
const TOKEN_BEGINS: &str = "eyJhbGci";

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

struct End {
    seed: u64,
    read: Result<Vec<u8>, Error>,
    stats: Stats,
}

async fn night(seed: u64) -> End {
    let night = Night::new(seed);
    let limits = Limits {
        rates: Rates::default().scaled(Night::SECOND),
        read_idle_timeout: Duration::from_millis(100),
        retries_max: 4,
        resumes_in_vain_max: 4,
        ..limits()
    };
    let server = Server::start(night.settings()).await.unwrap();
    let client = client_of(&server, limits);
    let run = async {
        let ready = client.export(&spec(night), |_| {}).await?;
        let (bytes, end) = read_all(ready.download().await?.into_reader()).await;
        end.map(|()| bytes).map_err(|error| error.downcast().unwrap())
    };
    let read = tokio::time::timeout(Night::PATIENCE, run).await.unwrap_or_else(|_| panic!("schedule {seed} hangs"));
    End { seed, read, stats: server.stats() }
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
    let nights: Vec<End> =
        runtime.block_on(stream::iter(0..Night::COUNT).map(night).buffered(Night::AT_ONCE).collect());

    // With events, and without.
    let expected = [5, 1].map(|seed| Night::new(seed).contents());
    let mut ends = BTreeMap::<String, u32>::new();
    let (mut faults, mut resumed) = (0, 0);
    for End { seed, read, stats } in nights {
        let end = match read {
            Ok(bytes) => {
                assert!(
                    expected[usize::from(!Night::new(seed).has_events())].contains(&bytes),
                    "schedule {seed}: other bytes"
                );
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
    assert!(faults > 2 * Night::COUNT && resumed > 30 && log.lines().count() > 5_000);
    assert!(ends["whole"] > 600 && ends.len() > 2, "{ends:?}");
}
