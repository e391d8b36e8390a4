//! Temporary files that records are spread over by the hash of their export keys, so that all of a profile are in the same.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, Write},
};
use twox_hash::XxHash3_64;

/// Of the buffers of all files together, and of one.
const BUFFERS_BYTES: usize = 1 << 20;
const BUFFER_MAX: usize = 64 << 10;

/// Files that are written, of a level: what is in one of them is told apart by those of the next.
pub(super) struct Spread {
    files: Vec<(BufWriter<File>, u64)>,
    level: u64,
}

impl Spread {
    /// So many files.
    pub(super) fn new(files: usize, level: u64) -> io::Result<Self> {
        let buffer_bytes = (BUFFERS_BYTES / files).min(BUFFER_MAX);
        let file = || Ok((BufWriter::with_capacity(buffer_bytes, tempfile::tempfile()?), 0));
        Ok(Self { files: (0..files).map(|_| file()).collect::<io::Result<_>>()?, level })
    }

    pub(super) fn level(&self) -> u64 {
        self.level
    }

    /// Adds a record of a profile: these bytes, one behind the other.
    pub(super) fn add(&mut self, export_key: &str, record: &[&[u8]]) -> io::Result<()> {
        let place = XxHash3_64::oneshot_with_seed(self.level, export_key.as_bytes()) % self.files.len() as u64;
        let (file, bytes) = &mut self.files[place as usize];
        for piece in record {
            file.write_all(piece)?;
            *bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// The files from their start, and how many bytes are in each.
    pub(super) fn files(self) -> impl Iterator<Item = io::Result<(File, u64)>> {
        self.files.into_iter().map(|(file, bytes)| {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            Ok((file, bytes))
        })
    }
}
