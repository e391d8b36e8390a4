//! Where the time of a conversion went, stage by stage.

use crate::options::Options;
use apsides_tokenizer::Tokens;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Read},
    time::{Duration, Instant},
};

/// Where the time of a conversion went. Stages run side by side: their times add up to more than
/// the conversion took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// The thread that reads the export, in all.
    pub reader: Duration,
    /// Of that, waiting for the input: reading a file, or for the bytes of a download or of an inflater.
    pub input: Duration,
    /// Of that, waiting until what was handed on before had been encoded.
    pub blocked: Duration,
    /// Of that, encoding what was handed on before, in place of waiting.
    pub helped: Duration,
    /// Of that, finding and checking tokens, as far as can be told from reading the export's start alone.
    pub tokens: Option<Duration>,
    /// All that encode: making arrays of rows.
    pub arrays: Duration,
    /// All that encode: making rows of typed tables from those of long ones.
    pub typed: Duration,
    /// All that encode: making pages, by table and column.
    pub columns: BTreeMap<String, BTreeMap<String, ColumnCost>>,
    /// The thread that writes: putting pages into row groups and files, and handing these to the store.
    pub write: Duration,
}

/// What a column cost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ColumnCost {
    /// Its values to the bytes of pages.
    pub encode: Duration,
    /// Their compression.
    pub compress: Duration,
    /// Bytes before compression, and after.
    pub plain_bytes: u64,
    /// See there.
    pub bytes: u64,
}

impl Profile {
    /// Turning tokens into rows: what is left of the reading thread's time.
    pub fn flatten(&self) -> Duration {
        self.reader.saturating_sub(self.input + self.blocked + self.helped + self.tokens.unwrap_or_default())
    }

    /// Adds what another thread has counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.reader += other.reader;
        self.input += other.input;
        self.blocked += other.blocked;
        self.helped += other.helped;
        self.arrays += other.arrays;
        self.typed += other.typed;
        self.write += other.write;
        for (table, columns) in other.columns {
            let known = self.columns.entry(table).or_default();
            for (column, cost) in columns {
                known.entry(column).or_default().add(cost);
            }
        }
    }

    pub(crate) fn column(&mut self, table: &str, column: &str, cost: ColumnCost) {
        if !self.columns.contains_key(table) {
            self.columns.insert(table.to_owned(), BTreeMap::new());
        }
        let Some(columns) = self.columns.get_mut(table) else { return };
        match columns.get_mut(column) {
            Some(known) => known.add(cost),
            None => drop(columns.insert(column.to_owned(), cost)),
        }
    }
}

impl ColumnCost {
    /// Adds the cost of other pages.
    pub fn add(&mut self, other: Self) {
        self.encode += other.encode;
        self.compress += other.compress;
        self.plain_bytes += other.plain_bytes;
        self.bytes += other.bytes;
    }
}

/// A reader that counts the time it takes.
pub(crate) struct Timed<R> {
    reader: R,
    pub(crate) time: Duration,
}

impl<R> Timed<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, time: Duration::ZERO }
    }
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let read = self.reader.read(target);
        self.time += began.elapsed();
        read
    }
}

/// How long it takes to find and check the tokens of so many bytes, by those of a sample.
pub(crate) fn time_of_tokens(sample: &[u8], options: &Options, bytes: u64) -> Option<Duration> {
    let began = Instant::now();
    let mut tokens = Tokens::with_limits(sample, options.limits);
    // The sample ends anywhere, and so in an error.
    let _ = tokens.for_each(|_| ());
    let read = tokens.consumed();
    (read > 0).then(|| began.elapsed().mul_f64(bytes as f64 / read as f64))
}
