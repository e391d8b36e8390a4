//! How fast a download is, compared with its inflater alone: a gzipped export over HTTP on loopback, and the same bytes
//! out of memory.
//!
//! ```text
//! cargo run --release -p apsides-fetcher --example throughput
//! ```

use apsides_fetcher::{Input, Limits, open};
use apsides_simulator::{CorpusSpec, Size, write_export};
use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use std::{
    error::Error,
    io::{self, Read},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

const EXPORT_BYTES: u64 = 256 << 20;
const ROUNDS: u32 = 7;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let spec = CorpusSpec { size: Size::Bytes(EXPORT_BYTES), ..CorpusSpec::default() };
    let bytes = write_export(&spec, &mut encoder)?.bytes;
    let packed = Bytes::from(encoder.finish()?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let input = Input::parse(&format!("http://{}/export", listener.local_addr()?))?;
    let served = packed.clone();
    let router = Router::new().route("/export", get(move || async move { Body::from(served) }));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (mut alone, mut download) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let packed = packed.clone();
        let drained = tokio::task::spawn_blocking(move || drain(MultiGzDecoder::new(&packed[..])));
        let (took, read) = drained.await??;
        assert_eq!(read, bytes);
        alone = alone.min(took);

        let started = Instant::now();
        let reader = open(&input, &Limits::default()).await?;
        let (_, read) = tokio::task::spawn_blocking(move || drain(reader)).await??;
        assert_eq!(read, bytes);
        download = download.min(started.elapsed());
    }
    let rate = |took: Duration| bytes as f64 / took.as_secs_f64() / 1e6;
    println!("{bytes} bytes of JSON in {} of gzip, the best of {ROUNDS} rounds", packed.len());
    println!("inflater alone  {:6.0} MB/s", rate(alone));
    println!("download        {:6.0} MB/s, {:.1} %", rate(download), 100.0 * rate(download) / rate(alone));
    Ok(())
}

/// Reads to the end: how long that took, and how much it was.
fn drain(mut reader: impl Read) -> io::Result<(Duration, u64)> {
    let started = Instant::now();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok((started.elapsed(), bytes)),
            count => bytes += count as u64,
        }
    }
}
