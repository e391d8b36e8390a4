//! Whole runs that go wrong at random, each by its seed: what the tests of several crates put their own part through.

use super::{Faults, PollUrl, Settings};
use crate::{
    catalogue,
    corpus::{CorpusSpec, Selection, Size, Window, write_export},
};
use std::time::Duration;

const ATTRIBUTES: [&str; 3] = ["40103", "40105", "40114"];
const TAGS: [&str; 2] = ["40226", "40227"];

/// A night in which the API goes wrong in a way of its own: how often and with what, which kind of poll URL it gives and
/// how long it lets wait, whether it serves files from any byte on, whether events are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Night {
    seed: u64,
}

impl Night {
    /// So many nights show what there is to see.
    pub const COUNT: u64 = 1_000;
    /// So many are gone through at a time.
    pub const AT_ONCE: usize = 12;
    /// How long a second of the API is: so a minute of the rate limits takes a tenth of a second.
    pub const SECOND: Duration = Duration::from_millis(2);
    /// No night takes as long as this; one that does hangs.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// The night of this seed.
    pub fn new(seed: u64) -> Night {
        Night { seed }
    }

    /// The API of that night.
    pub fn settings(self) -> Settings {
        let seed = self.seed;
        Settings {
            corpus: account(1),
            polls_until_ready: (seed % 4) as u32,
            poll_url: if seed.is_multiple_of(2) { PollUrl::V1 } else { PollUrl::V2 },
            rate_limits: true,
            second: Self::SECOND,
            ranges: !seed.is_multiple_of(3),
            faults: Faults::default().seeded(seed, 10 + (seed % 7 * 10) as u32, (seed % 30) as u32 + 1),
            ..Settings::default()
        }
    }

    /// Whether events are asked for.
    pub fn has_events(self) -> bool {
        self.seed.is_multiple_of(5)
    }

    /// What is asked for, all of it named.
    pub fn selection(self) -> Selection {
        let some = |ids: &[&str]| Some(ids.iter().map(|&id| id.to_owned()).collect());
        let events: Vec<_> = catalogue::EVENTS.iter().map(|event| event.id).filter(|_| self.has_events()).collect();
        Selection { attributes: some(&ATTRIBUTES), tags: some(&TAGS), events: some(&events) }
    }

    /// The time of the events.
    pub fn window(self) -> Window {
        account(1).window
    }

    /// The two contents that the export can have: the account's, and that of the account after it changed.
    pub fn contents(self) -> [Vec<u8>; 2] {
        [1, 0].map(|seed| {
            let mut bytes = Vec::new();
            let spec = CorpusSpec { selection: self.selection(), ..account(seed) };
            write_export(&spec, &mut bytes).expect("memory takes everything");
            bytes
        })
    }
}

fn account(seed: u64) -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(250), seed, ..CorpusSpec::default() }
}
