//! Measures the generator: `cargo run --release -p apsides-simulator --example measure [MiB]` prints what an export of
//! that size contains and how fast it is written to nowhere.

use apsides_simulator::{CorpusSpec, Size, write_export};
use std::{io, time::Instant};

fn main() -> io::Result<()> {
    let mebibytes = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(256_u64);
    let spec = CorpusSpec { size: Size::Bytes(mebibytes << 20), ..CorpusSpec::default() };
    let start = Instant::now();
    let written = write_export(&spec, io::sink())?;
    let rate = written.bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{written:?}: {rate:.0} MB/s");
    Ok(())
}
