//! What a run is called: in the manifest, in the names of its files in a bucket, in the log.

use crate::error::{Error, Result};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// The name of a run, which no other run has: when it began, and something random, as in `20261124-193000-0123abcd`.
///
/// A run that publishes more than once has a name for each time: the random part goes up. Clones are of the same run.
#[derive(Clone, Debug)]
pub struct RunId {
    began: Timestamp,
    random: u32,
    /// For the longer form.
    more: [u8; 10],
    publications: Arc<AtomicU32>,
}

impl RunId {
    /// The name of a run that begins now.
    pub fn new() -> Result<Self> {
        let (mut random, mut more) = ([0; 4], [0; 10]);
        for bytes in [&mut random[..], &mut more] {
            SystemRandom::new().fill(bytes).map_err(|_| Error::Random)?;
        }
        let random = u32::from_be_bytes(random);
        Ok(Self { began: Timestamp::now(), random, more, publications: Arc::default() })
    }

    /// The same run for those who want a UUID: of version 7, which begins with the time.
    pub fn uuid(&self) -> String {
        let time = u64::try_from(self.began.as_millisecond()).unwrap_or_default();
        let [a, b, rest @ ..] = self.more;
        let rest = rest.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        let (high, low) = (time >> 16 & 0xffff_ffff, time & 0xffff);
        let versioned = 0x7000 | u16::from_be_bytes([a, b]) & 0x0fff;
        let (variant, node) = (0x8000 | rest >> 48 & 0x3fff, rest & 0xffff_ffff_ffff);
        format!("{high:08x}-{low:04x}-{versioned:04x}-{variant:04x}-{node:012x}")
    }

    /// A name for tables that are to be published, which no others have.
    pub(crate) fn next_name(&self) -> String {
        self.name(self.publications.fetch_add(1, Relaxed))
    }

    fn name(&self, publication: u32) -> String {
        format!("{}-{:08x}", self.began.strftime("%Y%m%d-%H%M%S"), self.random.wrapping_add(publication))
    }
}

impl fmt::Display for RunId {
    /// The name of its first publication.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_publication_has_a_name_of_its_own() {
        let began = "2026-11-24T19:30:00Z".parse().expect("a time");
        let run = RunId { began, random: u32::MAX, more: [0xff; 10], publications: Arc::default() };
        assert_eq!(run.to_string(), "20261124-193000-ffffffff");
        assert_eq!(run.next_name(), run.to_string());
        assert_eq!(run.clone().next_name(), "20261124-193000-00000000");
        assert_eq!(run.next_name(), "20261124-193000-00000001");
        assert_eq!(run.uuid(), "01a20f09-56c0-7fff-bfff-ffffffffffff");
        assert_ne!(RunId::new().expect("random").to_string(), RunId::new().expect("random").to_string());
    }
}
