//! What the benchmarks share: the documents that all contenders read, the contenders, the counts by which they prove
//! that they read the same, and the program of a day that `apsides convert` is compared with.
//!
//! `README.md` says how to run each benchmark and how to read it. Without the feature `documents` there is only what
//! reads JSON: that much is also built for this very processor.

#![forbid(unsafe_code)]

pub mod contenders;
mod counts;
#[cfg(feature = "documents")]
mod machine;
#[cfg(feature = "documents")]
pub mod peer;
#[cfg(feature = "documents")]
mod shapes;

pub use counts::Counts;
#[cfg(feature = "documents")]
pub use {
    machine::{Processors, first_line, first_word, keep, machine, today, versions},
    shapes::Shape,
};

/// A result with any error: what fails here ends the benchmark.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The buffer of every contender that needs one.
pub const BUFFER_BYTES: usize = 256 << 10;

/// The size of the documents of the criterion benchmarks: 32 MiB, or as many bytes as the environment variable
/// `APSIDES_BENCH_BYTES` says.
///
/// # Panics
///
/// If the variable holds no number.
pub fn document_bytes() -> u64 {
    match std::env::var("APSIDES_BENCH_BYTES") {
        Ok(text) => text.parse().expect("APSIDES_BENCH_BYTES is a whole number of bytes"),
        Err(_) => 32 << 20,
    }
}

/// A generated export in memory, with what the generator says it contains. It is always the same for the same size.
#[cfg(feature = "documents")]
pub fn export() -> (Vec<u8>, apsides_simulator::Written) {
    use apsides_simulator::{CorpusSpec, Size, write_export};
    let spec = CorpusSpec { seed: 1, size: Size::Bytes(document_bytes()), ..CorpusSpec::default() };
    let mut json = Vec::new();
    let written = write_export(&spec, &mut json).expect("writing to memory cannot fail");
    (json, written)
}

/// Compresses as the API does: gzip, at its usual level.
#[cfg(feature = "documents")]
pub fn gzip(mut json: impl std::io::Read, out: impl std::io::Write) -> std::io::Result<()> {
    use flate2::{Compression, write::GzEncoder};
    let mut encoder = GzEncoder::new(out, Compression::default());
    std::io::copy(&mut json, &mut encoder)?;
    encoder.finish()?.flush()
}

/// The most memory this process has had, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
