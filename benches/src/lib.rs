//! What the benchmarks share: the export that all contenders read, the counts by which they prove that they read the
//! same, and the program of a day that `apsides convert` is compared with.
//!
//! `README.md` says how to run each benchmark and how to read it.

#![forbid(unsafe_code)]

mod counting;
pub mod peer;

pub use counting::{Counts, apsides, apsides_raw, apsides_skip, serde_json_reader, serde_json_slice, struson};

use apsides_simulator::{CorpusSpec, Size, Written, write_export};
use flate2::{Compression, write::GzEncoder};
use std::io::{self, Write};

/// A result with any error: what fails here ends the benchmark.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The buffer of every contender that needs one.
pub const BUFFER_BYTES: usize = 256 << 10;

const EXPORT_BYTES: u64 = 32 << 20;

/// A generated export in memory, with what the generator says it contains. It is always the same for the same size:
/// 32 MiB, or as many bytes as the environment variable `APSIDES_BENCH_BYTES` says.
///
/// # Panics
///
/// If the variable holds no number.
pub fn export() -> (Vec<u8>, Written) {
    let bytes = match std::env::var("APSIDES_BENCH_BYTES") {
        Ok(text) => text.parse().expect("APSIDES_BENCH_BYTES is a whole number of bytes"),
        Err(_) => EXPORT_BYTES,
    };
    let spec = CorpusSpec { seed: 1, size: Size::Bytes(bytes), ..CorpusSpec::default() };
    let mut json = Vec::new();
    let written = write_export(&spec, &mut json).expect("writing to memory cannot fail");
    (json, written)
}

/// Compresses as the API does: gzip, at its usual level.
pub fn gzip(mut json: impl io::Read, out: impl Write) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, Compression::default());
    io::copy(&mut json, &mut encoder)?;
    encoder.finish()?.flush()
}

/// The most memory this process has had, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
