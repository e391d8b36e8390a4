//! Exports in all the forms they come in.

use apsides_simulator::{CorpusSpec, Layout, Size, write_export};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write, path::PathBuf};

/// A simulated export of so many bytes or a little more.
pub(crate) fn export(bytes: u64) -> Vec<u8> {
    laid_out(bytes, 1, Layout::default())
}

/// The same of another account.
pub(crate) fn other_export(bytes: u64) -> Vec<u8> {
    laid_out(bytes, 2, Layout::default())
}

/// A simulated export of as many profiles as [`export`] of this size has.
pub(crate) fn laid_out(bytes: u64, seed: u64, layout: Layout) -> Vec<u8> {
    let compact = CorpusSpec { seed, size: Size::Bytes(bytes), ..CorpusSpec::default() };
    let profiles = write_export(&compact, std::io::sink()).unwrap().profiles;
    let mut export = Vec::new();
    write_export(&CorpusSpec { size: Size::Profiles(profiles), layout, ..compact }, &mut export).unwrap();
    export
}

/// One of the small exports that the readers' tests have, with every oddity of the format.
pub(crate) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/readers/exports").join(name)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gzip in so many members, cut anywhere.
pub(crate) fn gzip_members(bytes: &[u8], members: usize) -> Vec<u8> {
    bytes.chunks(bytes.len().div_ceil(members)).flat_map(gzip).collect()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Numbers that look random, and are the same in every run: splitmix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    /// A number from 0 to below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
