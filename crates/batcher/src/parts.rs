//! An export in several parts: what each of them adds, and one row per profile in the end.
//!
//! A profile is in every part. What is counted of it goes to temporary files, each for the profiles whose export keys
//! have the same hash, more or less; when all parts are read, one file after the other is summed up. So memory holds
//! a small part of all profiles at a time. The rows of `profiles` are then in the order of these files.

mod columns;
mod record;
mod spread;

pub(crate) use columns::MergedColumns;

use crate::facts::ProfileCounts;
use spread::Spread;
use std::{
    collections::{BTreeSet, HashMap},
    io::{self, BufReader, Read},
};
use twox_hash::XxHash3_64;

/// What a part of an export adds to the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adds {
    /// All that is in it.
    #[default]
    All,
    /// Its attributes and tags, and what is unmapped in them. The rest of it another part has as well.
    Columns,
    /// Its events, and what is unmapped in them. The rest of it another part has as well.
    Events,
}

impl Adds {
    /// Whether an unmapped value at this pointer is among it.
    pub(crate) fn has_pointer(self, pointer: &str) -> bool {
        let member = || pointer.split('/').nth(3);
        match self {
            Self::All => true,
            Self::Columns => member() == Some("attributes"),
            Self::Events => member() == Some("events"),
        }
    }
}

/// A part of an export.
#[derive(Debug)]
pub struct Part<R> {
    /// Its JSON.
    pub input: R,
    /// What it adds to the parts before it.
    pub adds: Adds,
}

/// A hundred million profiles take some 60 MiB of memory by so many.
const FILES: usize = 256;

/// The profiles of several parts.
pub(crate) struct MergedProfiles {
    spread: Spread,
    /// Hashes of the sections of the profile that is being read.
    sections: Vec<u64>,
    record: Vec<u8>,
}

#[derive(Default)]
struct Sum {
    sections: BTreeSet<u64>,
    counts: ProfileCounts,
}

impl MergedProfiles {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { spread: Spread::new(FILES, 0)?, sections: Vec::new(), record: Vec::new() })
    }

    pub(crate) fn begin_profile(&mut self) {
        self.sections.clear();
    }

    pub(crate) fn section(&mut self, id: &str) {
        self.sections.push(XxHash3_64::oneshot(id.as_bytes()));
    }

    /// Adds what a part has of a profile.
    pub(crate) fn add(&mut self, export_key: &str, counts: ProfileCounts) -> io::Result<()> {
        let counts =
            [export_key.len() as i64, self.sections.len() as i64, counts.attributes, counts.tags, counts.events];
        let counts = counts.map(i64::to_le_bytes);
        self.record.clear();
        self.record.extend(counts.as_flattened());
        self.record.extend(self.sections.iter().flat_map(|section| section.to_le_bytes()));
        self.spread.add(export_key, &[&self.record, export_key.as_bytes()])
    }

    /// The profiles with what all parts together have of them, file by file.
    pub(crate) fn sums(self) -> impl Iterator<Item = io::Result<Vec<(String, ProfileCounts)>>> {
        self.spread.files().map(|file| summed(BufReader::new(file?.0)))
    }
}

/// Sums up a file's profiles, in the order in which they first came.
fn summed(mut file: impl Read) -> io::Result<Vec<(String, ProfileCounts)>> {
    let mut places = HashMap::<String, usize>::new();
    let mut sums = Vec::<Sum>::new();
    while let Some([key_bytes, sections, attributes, tags, events]) = counts(&mut file)? {
        let mut hashes = Vec::new();
        for _ in 0..sections {
            let mut hash = [0; 8];
            file.read_exact(&mut hash)?;
            hashes.push(u64::from_le_bytes(hash));
        }
        let mut key = String::new();
        file.by_ref().take(key_bytes as u64).read_to_string(&mut key)?;
        let place = *places.entry(key).or_insert(sums.len());
        if place == sums.len() {
            sums.push(Sum::default());
        }
        let Sum { sections, counts } = &mut sums[place];
        sections.extend(hashes);
        counts.sections = i32::try_from(sections.len()).unwrap_or(i32::MAX);
        counts.attributes += attributes;
        counts.tags += tags;
        counts.events += events;
    }
    let mut rows: Vec<_> = places.into_iter().collect();
    rows.sort_unstable_by_key(|(_, place)| *place);
    Ok(rows.into_iter().map(|(key, place)| (key, sums[place].counts)).collect())
}

/// The numbers at the head of a record, or none at the end of the file.
fn counts(file: &mut impl Read) -> io::Result<Option<[i64; 5]>> {
    let mut head = Vec::with_capacity(40);
    file.by_ref().take(40).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(None);
    }
    let number = |index: usize| head.get(8 * index..8 * index + 8).and_then(|bytes| bytes.try_into().ok());
    let number = |index| number(index).map(i64::from_le_bytes).ok_or(io::ErrorKind::UnexpectedEof);
    Ok(Some([number(0)?, number(1)?, number(2)?, number(3)?, number(4)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_summed_up_over_parts() {
        let mut merged = MergedProfiles::new().expect("temporary files");
        for (part, sections) in [(0, ["a", "b", "b"]), (1, ["b", "c", "b"])] {
            for profile in 0..2_000 {
                merged.begin_profile();
                sections.iter().for_each(|section| merged.section(section));
                let counts =
                    ProfileCounts { sections: 3, attributes: 1 - part, tags: profile, events: part * 5, bytes: 0 };
                if (part, profile) != (1, 7) {
                    merged.add(&format!("profile-{profile}"), counts).expect("a temporary file");
                }
            }
        }
        let mut rows: Vec<_> = merged.sums().flat_map(|rows| rows.expect("a temporary file")).collect();
        assert_eq!(rows.len(), 2_000);
        rows.sort_by_key(|(_, counts)| counts.tags);
        let (key, alone) = &rows.iter().find(|(key, _)| key == "profile-7").expect("it is there");
        assert_eq!((key.as_str(), alone.sections, alone.events), ("profile-7", 2, 0));
        let (key, both) = &rows[1_999];
        assert_eq!(
            (key.as_str(), both.sections, both.attributes, both.tags, both.events),
            ("profile-1999", 3, 1, 3_998, 5)
        );
    }

    #[test]
    fn what_is_kept_of_unmapped_values() {
        for (pointer, of_events, of_columns) in [
            ("/sections/1/events/0/extra", true, false),
            ("/sections/1/events", true, false),
            ("/sections/1/attributes/events", false, true),
            ("/sections/events", false, false),
            ("/events", false, false),
            ("", false, false),
        ] {
            assert_eq!(Adds::Events.has_pointer(pointer), of_events, "{pointer}");
            assert_eq!(Adds::Columns.has_pointer(pointer), of_columns, "{pointer}");
            assert!(Adds::All.has_pointer(pointer));
        }
    }
}
