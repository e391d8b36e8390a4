//! Downloads that are kept as they came: what `--keep-raw` writes and `apsides replay` reads.
//!
//! ```text
//! DIR/20261124T031500Z/replay.json         what the parts are
//!                     /part-00001.json.gz  the first download, compressed as it came
//! ```
//!
//! It is the same in a bucket, but that a run's name has something random at its end. All of it is personal data: in a
//! folder, only its owner may read it.

mod object;
mod place;

use crate::failure::{Exit, Failure};
use apsides_batcher::{Adds, Destination};
use apsides_fetcher::{Download, Reader};
use jiff::Timestamp;
use place::Place;
use serde::{Deserialize, Serialize};

const INDEX: &str = "replay.json";
const VERSION: u32 = 1;

/// The downloads of one run.
pub(crate) struct RawRun {
    place: Place,
    pub(crate) index: Index,
}

/// What is kept of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Index {
    version: u32,
    /// Where the downloads came from.
    pub(crate) source: String,
    /// What was asked for as an attribute.
    pub(crate) attribute_ids: Vec<String>,
    /// Whether there is no part beyond these.
    is_complete: bool,
    parts: Vec<RawPart>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RawPart {
    file: String,
    adds: Adds,
}

impl RawRun {
    /// Begins a folder of its own for a run, below this one.
    pub(crate) async fn begin(root: &Destination, source: &str, attribute_ids: &[String]) -> Result<Self, Failure> {
        let place = Place::begin(root, &Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string())?;
        let (source, attribute_ids) = (source.to_owned(), attribute_ids.to_vec());
        let index = Index { version: VERSION, source, attribute_ids, is_complete: false, parts: Vec::new() };
        let run = Self { place, index };
        // Whether it can be written shows now, not when an export has come.
        run.write_index().await?;
        Ok(run)
    }

    /// Keeps the next download.
    pub(crate) async fn keep(&mut self, download: Download, adds: Adds, is_last: bool) -> Result<Download, Failure> {
        let number = self.index.parts.len() + 1;
        let file = format!("part-{number:05}.json{}", if download.is_gzip() { ".gz" } else { "" });
        self.index.parts.push(RawPart { file: file.clone(), adds });
        self.index.is_complete = is_last;
        self.write_index().await?;
        self.place.keep(download, &file).await
    }

    async fn write_index(&self) -> Result<(), Failure> {
        self.place.write(INDEX, serde_json::to_string_pretty(&self.index).expect("an index is plain data")).await
    }

    /// Says that nothing more comes: what is not whole will not be.
    pub(crate) async fn end(&self) {
        self.place.discard().await;
    }

    /// Opens what was kept of a run, all of whose downloads must be there.
    pub(crate) async fn open(run: &Destination) -> Result<Self, Failure> {
        let place = Place::of(run)?;
        let wrong = |what: &str| {
            Failure::new(Exit::Input, format!("{} {what}", place.at(INDEX)))
                .next("give the folder of one run, which `run --keep-raw` made: it has a replay.json")
        };
        let text = place.read(INDEX).await?.ok_or_else(|| wrong("is not there"))?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| wrong(&format!("is no index: {error}")))?;
        if index.version != VERSION {
            return Err(wrong(&format!("has version {}, not {VERSION}", index.version)));
        }
        let mut is_whole = index.is_complete && !index.parts.is_empty();
        for part in &index.parts {
            is_whole = is_whole && place.has(&part.file).await?;
        }
        if !is_whole {
            let message = format!("the run in {place} broke off: not all of its downloads are there");
            return Err(Failure::new(Exit::Input, message).next("replay another run, or run the pipeline again"));
        }
        Ok(Self { place, index })
    }

    /// How many downloads there are.
    pub(crate) fn parts(&self) -> usize {
        self.index.parts.len()
    }

    /// Whether attributes and tags are in several of them.
    pub(crate) fn has_columns_in_parts(&self) -> bool {
        self.index.parts.iter().any(|part| part.adds == Adds::Columns)
    }

    /// One that is whole, by its number from 0 on.
    pub(crate) async fn read(&self, part: usize) -> Result<(Reader, Adds), Failure> {
        let RawPart { file, adds } = &self.index.parts[part];
        Ok((self.place.open(file).await?, *adds))
    }
}
