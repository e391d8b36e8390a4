//! What can be wrong with definitions at hand.

use std::{io, path::PathBuf};

/// Why there are no definitions. What they hold is no personal data, so that messages may quote it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no JSON.
    #[error("it is no JSON")]
    Json {
        /// Where and why not.
        #[from]
        source: serde_json::Error,
    },

    /// It is JSON, but holds no definitions.
    #[error("it holds no definitions: {reason}")]
    Shape {
        /// What was looked for, and what came.
        reason: String,
    },

    /// A later version of this program wrote the file.
    #[error("it has format {format}, and this version reads up to {}; use a newer one", crate::snapshot::FORMAT)]
    Format {
        /// Its format.
        format: u64,
    },

    /// A file that is not what it should be.
    #[error("the definitions in {path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<Error>,
    },

    /// A file or folder that cannot be read.
    #[error("the definitions in {path} cannot be read")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    /// A file that cannot be written.
    #[error("the definitions cannot be written to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
