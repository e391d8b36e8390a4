//! Downloads that are kept as they came: what `--keep-raw` writes and `apsides replay` reads.
//!
//! ```text
//! DIR/20261124T031500Z/replay.json         what the parts are
//!                     /part-00001.json.gz  the first download, compressed as it came
//! ```
//!
//! All of it is personal data: only its owner may read it.

use crate::failure::{Exit, Failure};
use apsides_batcher::Adds;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

const INDEX: &str = "replay.json";
const VERSION: u32 = 1;

/// The downloads of one run.
pub(crate) struct RawRun {
    folder: PathBuf,
    pub(crate) index: Index,
}

/// What is in the folder of a run.
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
    /// Begins the folder of a run.
    pub(crate) fn begin(dir: &Path, source: &str, attribute_ids: &[String]) -> Result<Self, Failure> {
        let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let failed = |error| at(dir, "cannot be made", &error);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        // Two runs may begin in the same second.
        for number in 1_u32.. {
            let folder = dir.join(if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") });
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {
                    let (source, attribute_ids) = (source.to_owned(), attribute_ids.to_vec());
                    let index =
                        Index { version: VERSION, source, attribute_ids, is_complete: false, parts: Vec::new() };
                    return Ok(Self { folder, index });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        unreachable!("some number is free")
    }

    /// Where the next download goes.
    pub(crate) fn next(&mut self, adds: Adds, is_gzip: bool, is_last: bool) -> Result<PathBuf, Failure> {
        let number = self.index.parts.len() + 1;
        let file = format!("part-{number:05}.json{}", if is_gzip { ".gz" } else { "" });
        let path = self.folder.join(&file);
        self.index.parts.push(RawPart { file, adds });
        self.index.is_complete = is_last;
        let index = self.folder.join(INDEX);
        let text = serde_json::to_string_pretty(&self.index).expect("an index is plain data");
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&index);
        written
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| at(&index, "cannot be written", &error))?;
        Ok(path)
    }

    /// Opens the folder of a run, all of whose downloads must be there.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(INDEX);
        let wrong = |what: &str| {
            Failure::new(Exit::Input, format!("{} {what}", path.display()))
                .next("give the folder of one run, which `run --keep-raw` made")
        };
        let text = fs::read_to_string(&path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let index: Index = serde_json::from_str(&text).map_err(|error| wrong(&format!("is no index: {error}")))?;
        if index.version != VERSION {
            return Err(wrong(&format!("has version {}, not {VERSION}", index.version)));
        }
        let run = Self { folder: folder.to_owned(), index };
        let missing = run.parts().find(|(path, _)| !path.exists());
        if missing.is_some() || !run.index.is_complete || run.index.parts.is_empty() {
            let message = format!("the run in {} broke off: not all of its downloads are there", folder.display());
            return Err(Failure::new(Exit::Input, message).next("replay another run, or run the pipeline again"));
        }
        Ok(run)
    }

    /// The downloads in turn.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (PathBuf, Adds)> {
        self.index.parts.iter().map(|part| (self.folder.join(&part.file), part.adds))
    }
}

fn at(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Destination, format!("{} {what}: {error}", path.display()))
        .next("check the folder, its permissions and its free space")
}
