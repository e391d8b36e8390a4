//! The contenders: each visits every token of a document, decodes every string, and counts both.
//!
//! Each does it in the cheapest way that its interface has. Text is asked for decoded, and only its length is looked at.
//! Numbers are asked for as text where that can be had.

mod memory;
mod ours;
mod serde;
mod streams;

pub use memory::{SimdJson, jiter, serde_json_slice, sonic_rs};
pub use ours::{apsides, apsides_pull, apsides_raw, apsides_raw_whole, apsides_skip};
pub use streams::{actson, serde_json_reader, struson};

use crate::{Counts, Result};
use apsides_tokenizer::Backend;
use std::{fmt, fs, fs::File, path::Path};

/// Reads a document that is in memory.
pub type Visitor = Box<dyn FnMut(&[u8]) -> Result<Counts>>;

/// A program that reads JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Ours: every token given to a function, every string decoded. None is the backend of its own choice.
    Apsides(Option<Backend>),
    /// The same, but the tokens are pulled one by one.
    Pull(Option<Backend>),
    /// Ours: the members of the outermost object are passed over, one by one.
    Skip(Option<Backend>),
    /// Ours: as `Apsides`, but each member `data` is handed out whole.
    Raw(Option<Backend>),
    /// The streaming reader that apsides would use if it had none.
    Struson,
    /// Fed with bytes; gives events.
    Actson,
    /// From a reader.
    SerdeJsonStream,
    /// From a slice.
    SerdeJsonSlice,
    /// With the instructions of SIMD that it was compiled for.
    SonicRs,
    /// A Rust port of simdjson: an index of the document, then a tape of its values.
    SimdJson,
    /// The parser of pydantic, by its iterator.
    Jiter,
}

impl Tool {
    /// Those of others.
    pub const PEERS: [Self; 7] = [
        Self::Struson,
        Self::Actson,
        Self::SerdeJsonStream,
        Self::SerdeJsonSlice,
        Self::SonicRs,
        Self::SimdJson,
        Self::Jiter,
    ];

    /// Ours, visiting every token, by each backend that this processor has.
    pub fn ours() -> impl Iterator<Item = Self> {
        Backend::available().map(|backend| Self::Apsides(Some(backend)))
    }

    /// By the name that [`Tool::name`] gives, and for ours a backend.
    pub fn named(name: &str, backend: Option<Backend>) -> Option<Self> {
        let ours = [Self::Apsides(backend), Self::Pull(backend), Self::Skip(backend), Self::Raw(backend)];
        ours.into_iter().chain(Self::PEERS).find(|tool| tool.name() == name)
    }

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apsides(_) => "apsides",
            Self::Pull(_) => "apsides-pull",
            Self::Skip(_) => "apsides-skip",
            Self::Raw(_) => "apsides-raw",
            Self::Struson => "struson",
            Self::Actson => "actson",
            Self::SerdeJsonStream => "serde_json-stream",
            Self::SerdeJsonSlice => "serde_json-slice",
            Self::SonicRs => "sonic-rs",
            Self::SimdJson => "simd-json",
            Self::Jiter => "jiter",
        }
    }

    /// The backend asked for; peers have none.
    pub fn backend(self) -> Option<Backend> {
        match self {
            Self::Apsides(backend) | Self::Pull(backend) | Self::Skip(backend) | Self::Raw(backend) => backend,
            _ => None,
        }
    }

    /// Whether the whole document has to be in memory.
    pub fn holds_document(self) -> bool {
        matches!(self, Self::SerdeJsonSlice | Self::SonicRs | Self::SimdJson | Self::Jiter)
    }

    /// Reads a file in the way that is best for it: streaming, or whole into memory first.
    pub fn visit_file(self, path: &Path) -> Result<Counts> {
        if self == Self::SimdJson {
            // It overwrites the document; here that is no loss.
            return SimdJson::new(0).visit_in_place(&mut fs::read(path)?);
        }
        if self.holds_document() {
            return self.visitor(0)(&fs::read(path)?);
        }
        let file = File::open(path)?;
        match self {
            Self::Apsides(backend) => apsides(file, backend),
            Self::Pull(backend) => apsides_pull(file, backend),
            Self::Skip(backend) => apsides_skip(file, backend),
            Self::Raw(backend) => apsides_raw(file, backend, |_| ()),
            Self::Struson => struson(file),
            Self::Actson => actson(file),
            _ => serde_json_reader(file),
        }
    }

    /// A function that reads a document of so many bytes from memory. What it allocates for that is kept from one call
    /// to the next, if the contender knows how to.
    pub fn visitor(self, bytes: usize) -> Visitor {
        match self {
            Self::Apsides(backend) => Box::new(move |json| apsides(json, backend)),
            Self::Pull(backend) => Box::new(move |json| apsides_pull(json, backend)),
            Self::Skip(backend) => Box::new(move |json| apsides_skip(json, backend)),
            Self::Raw(backend) => {
                Box::new(move |json| apsides_raw(json, backend, |data| _ = std::hint::black_box(data)))
            }
            Self::Struson => Box::new(|json| struson(json)),
            Self::Actson => Box::new(|json| actson(json)),
            Self::SerdeJsonStream => Box::new(|json| serde_json_reader(json)),
            Self::SerdeJsonSlice => Box::new(serde_json_slice),
            Self::SonicRs => Box::new(sonic_rs),
            Self::SimdJson => {
                let mut simd_json = SimdJson::new(bytes);
                Box::new(move |json| simd_json.visit(json))
            }
            Self::Jiter => Box::new(jiter),
        }
    }
}

/// As it is called in tables.
impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.backend() {
            Some(backend) => write!(f, "{}, {backend}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}
