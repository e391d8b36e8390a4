//! How a destination tells which files are its tables: by its manifest alone, or by the logs of Delta tables besides.

use crate::{
    error::{Error, Result},
    manifest::Manifest,
};
use std::fmt;

/// How a destination tells which files are its tables. It is decided by the first publication there, and stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commit {
    /// By its manifest.
    #[default]
    Manifest,
    /// By its manifest, and each table by a log of its own, as Delta Lake has it.
    Delta,
}

impl Commit {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Delta => "delta",
        }
    }

    /// Refuses a destination that tells it the other way.
    pub(super) fn check(self, before: Option<&Manifest>, place: &str) -> Result<()> {
        match before.map(Manifest::commit) {
            Some(there) if there != self => {
                Err(Error::OtherCommit { place: place.to_owned(), there: there.name(), asked: self.name() })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Manifest {
    /// How the destination tells which files are its tables.
    pub fn commit(&self) -> Commit {
        if self.delta.is_some() { Commit::Delta } else { Commit::Manifest }
    }
}
