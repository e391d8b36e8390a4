//! The crate from outside, against servers on loopback: what it sends, what it makes of the answers, and what never
//! leaves it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ahead;
mod calls;
mod definitions;
mod inputs;
mod parts;
mod polls;
mod resume;
mod runs;
mod schedules;
mod server;
mod streams;

use apsides_fetcher::{Client, ClientConfig, ExportSpec, Limits, Rates, Reader, Secret};
use std::{error::Error as _, fmt, io, io::Read, time::Duration};
use url::Url;

/// Characters that JSON escapes, so that an echo of the secret in JSON looks different from the secret.
const SECRET: &str = "cl13nt-\"s3cret\"";

/// The real limits in milliseconds.
fn limits() -> Limits {
    Limits {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        read_idle_timeout: Duration::from_secs(5),
        retries_max: 3,
        backoff_min: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        retry_after_max: Duration::from_millis(100),
        rates: Rates::default().scaled(Duration::from_millis(1)),
        poll_interval_first: Duration::from_millis(1),
        poll_interval_max: Duration::from_millis(5),
        poll_deadline: Duration::from_secs(5),
        resumes_in_vain_max: 3,
        chunk_bytes: 16 << 10,
        packed_bytes: 64 << 10,
        queue_chunks: 2,
        ..Limits::default()
    }
}

fn client(base_url: &Url) -> Client {
    client_with(base_url, limits())
}

fn client_with(base_url: &Url, limits: Limits) -> Client {
    Client::new(ClientConfig { limits, ..config(base_url) }).unwrap()
}

fn config(base_url: &Url) -> ClientConfig {
    ClientConfig { limits: limits(), ..ClientConfig::new(base_url.clone(), "the-id", Secret::new(SECRET)) }
}

fn spec() -> ExportSpec {
    ExportSpec { attributes: vec!["7".into()], ..ExportSpec::default() }
}

/// Reads to the end on a thread for blocking work: what came, and how it ended.
async fn read_all(mut reader: Reader) -> (Vec<u8>, io::Result<()>) {
    tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let end = reader.read_to_end(&mut bytes).map(drop);
        (bytes, end)
    })
    .await
    .unwrap()
}

/// Everything that a person or a log could get to see of a value.
fn seen_of<T: fmt::Debug>(value: &T) -> String {
    format!("{value:?} {value:#?}")
}

/// The message with its causes, after checking that no form of it holds a secret.
fn said(error: &apsides_fetcher::Error, secrets: &[&str]) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    let everything = format!("{said} {}", seen_of(error));
    for secret in secrets.iter().chain(&[SECRET, r#"cl13nt-\"s3cret"#, "s3cret"]) {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    said
}
