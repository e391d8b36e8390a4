//! Attributes and tags that come in several parts, brought together by profile and section.
//!
//! A row of `wide` has all columns of its section, which no single part has then, and profiles come in another order in
//! each. So what is said of attributes and tags is written down in temporary files, each for the profiles whose export keys
//! have the same hash, more or less; when all parts are read, one file after the other is told again, each profile as if
//! all of it had been in one part. A file that is too large to be held is spread over others before.

use super::{
    record::{Item, Record, Writer},
    spread::Spread,
};
use crate::{
    error::{Error, Result},
    facts::{Facts, ProfileCounts, Value},
};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
};

/// Of each level, at most. With those that profiles are counted in, they stay below what a process may have open.
const FILES: usize = 64;
/// Levels of files: those of the last are too large only if they are of a single profile.
const LEVELS: u64 = 5;

/// The attributes and tags of several parts.
pub(crate) struct MergedColumns {
    spread: Spread,
    /// What is said of the profile that is being read.
    record: Writer,
    limit: usize,
}

impl MergedColumns {
    /// A profile may have so many bytes of attributes and tags.
    pub(crate) fn new(limit: usize) -> Result<Self> {
        Ok(Self { spread: Spread::new(FILES, 0).map_err(Error::Columns)?, record: Writer::default(), limit })
    }

    pub(crate) fn begin_section(&mut self, id: &str) -> Result<()> {
        self.push(Item::Section(id))
    }

    pub(crate) fn begin_attributes(&mut self) -> Result<()> {
        self.push(Item::Attributes)
    }

    pub(crate) fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        self.push(Item::Attribute(id, value))
    }

    pub(crate) fn tag(&mut self, id: &str) -> Result<()> {
        self.push(Item::Tag(id))
    }

    fn push(&mut self, item: Item<'_>) -> Result<()> {
        if self.record.push(item, self.limit) { Ok(()) } else { Err(Error::ProfileTooLarge { limit: self.limit }) }
    }

    /// Writes down what the part has of the profile.
    pub(crate) fn end_profile(&mut self, export_key: &str) -> Result<()> {
        self.record.finish(export_key, |record| self.spread.add(export_key, record)).map_err(Error::Columns)
    }

    /// Tells each profile, with what all parts together have of it.
    pub(crate) fn tell(self, facts: &mut impl Facts) -> Result<()> {
        drop(self.record);
        tell(self.spread, self.limit, facts)
    }
}

fn tell(spread: Spread, limit: usize, facts: &mut impl Facts) -> Result<()> {
    let level = spread.level() + 1;
    // Beside the bytes of a file, some times as many are held where profiles are very small.
    let held = limit as u64 / 4;
    for file in spread.files() {
        let (file, bytes) = file.map_err(Error::Columns)?;
        let is_last = level == LEVELS;
        if bytes <= held || is_last && bytes <= limit as u64 {
            tell_file(file, facts)?;
        } else if is_last {
            return Err(Error::ProfileTooLarge { limit });
        } else {
            // Half full, lest some are just too large.
            let files = (2 * bytes / held.max(1)).clamp(2, FILES as u64) as usize;
            tell(finer(file, files, level).map_err(Error::Columns)?, limit, facts)?;
        }
    }
    Ok(())
}

/// Spreads what is in a file over others.
fn finer(file: File, files: usize, level: u64) -> io::Result<Spread> {
    let mut spread = Spread::new(files, level)?;
    let (mut file, mut bytes) = (BufReader::new(file), Vec::new());
    while Record::read(&mut file, &mut bytes)? {
        let record = Record::take(&mut &bytes[..])?;
        spread.add(record.export_key, &[&bytes])?;
    }
    Ok(spread)
}

/// Tells the profiles of a file, in the order in which they first came.
fn tell_file(mut file: File, facts: &mut impl Facts) -> Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Error::Columns)?;
    drop(file);
    let mut profiles = InOrder::<Vec<Record<'_>>>::default();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let record = Record::take(&mut rest).map_err(Error::Columns)?;
        profiles.of(record.export_key).push(record);
    }
    for (export_key, records) in profiles.all {
        facts.begin_profile(export_key)?;
        for (id, items) in sections(&records).map_err(Error::Columns)?.all {
            facts.begin_section(id)?;
            facts.begin_attributes()?;
            for item in items {
                match item {
                    Item::Attribute(id, value) => facts.attribute(id, value)?,
                    Item::Tag(id) => facts.tag(id)?,
                    Item::Section(_) | Item::Attributes => {}
                }
            }
            facts.end_section()?;
        }
        facts.end_profile(export_key, ProfileCounts::default())?;
    }
    Ok(())
}

/// The sections of a profile, with the attributes and tags that all its records have of them. Within a record, what comes
/// later stands in place of what came before.
fn sections<'a>(records: &[Record<'a>]) -> io::Result<InOrder<'a, Vec<Item<'a>>>> {
    let mut all = InOrder::<Vec<Item<'_>>>::default();
    for record in records {
        let mut own = InOrder::<Vec<Item<'_>>>::default();
        let mut section = None;
        for item in record.items() {
            match (item?, section) {
                (Item::Section(id), _) => {
                    own.of(id).clear();
                    section = Some(id);
                }
                (Item::Attributes, Some(id)) => own.of(id).clear(),
                (item, Some(id)) => own.of(id).push(item),
                (_, None) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        for (id, mut items) in own.all {
            all.of(id).append(&mut items);
        }
    }
    Ok(all)
}

/// What belongs to names, in the order in which these came.
#[derive(Default)]
struct InOrder<'a, T> {
    places: HashMap<&'a str, usize>,
    all: Vec<(&'a str, T)>,
}

impl<'a, T: Default> InOrder<'a, T> {
    fn of(&mut self, name: &'a str) -> &mut T {
        let place = *self.places.entry(name).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push((name, T::default()));
        }
        &mut self.all[place].1
    }
}
