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
    publications: Arc<AtomicU32>,
}

impl RunId {
    /// The name of a run that begins now.
    pub fn new() -> Result<Self> {
        let mut random = [0; 4];
        SystemRandom::new().fill(&mut random).map_err(|_| Error::Random)?;
        Ok(Self { began: Timestamp::now(), random: u32::from_be_bytes(random), publications: Arc::default() })
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
        let run = RunId { began, random: u32::MAX, publications: Arc::default() };
        assert_eq!(run.to_string(), "20261124-193000-ffffffff");
        assert_eq!(run.next_name(), run.to_string());
        assert_eq!(run.clone().next_name(), "20261124-193000-00000000");
        assert_eq!(run.next_name(), "20261124-193000-00000001");
        assert_ne!(RunId::new().expect("random").to_string(), RunId::new().expect("random").to_string());
    }
}
