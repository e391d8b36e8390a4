//! How far a conversion is, in numbers and in words.

use crate::measure::{count, memory, size};
use apsides_batcher::Progress as Conversion;
use apsides_fetcher::Progress as Transfer;
use std::time::Duration;

/// What the phases of a conversion are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases {
    /// Getting the bytes of the input.
    pub(crate) reading: &'static str,
    /// Giving those of the tables away; none if there are no tables.
    pub(crate) writing: Option<&'static str>,
}

/// How far a conversion is at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) elapsed: Duration,
    /// Bytes of the input as it comes, compressed or not.
    pub(super) bytes_in: u64,
    /// How many there are, where that is known beforehand.
    pub(super) total_in: Option<u64>,
    /// Bytes of JSON that are read.
    pub(super) json_bytes: u64,
    pub(super) profiles: u64,
    /// Of all tables.
    pub(super) rows: u64,
    /// Bytes of them, compressed.
    pub(super) written: u64,
    /// Bytes of the process now, where the system tells.
    pub(super) memory: Option<u64>,
}

impl Figures {
    pub(super) fn now(transfer: &Transfer, conversion: &Conversion, elapsed: Duration) -> Self {
        Self {
            elapsed,
            bytes_in: transfer.bytes_in(),
            total_in: transfer.total_in(),
            json_bytes: conversion.bytes(),
            profiles: conversion.profiles(),
            rows: conversion.rows(),
            written: conversion.written(),
            memory: memory(),
        }
    }

    /// Per second, since the beginning.
    fn rate(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.elapsed.as_secs_f64().max(0.001)) as u64
    }

    /// Of the input, in percent.
    pub(super) fn percent(&self) -> Option<u64> {
        let total = self.total_in.filter(|total| *total > 0)?;
        Some(self.bytes_in.min(total) * 100 / total)
    }

    /// The seconds that are left, if the rest of the input takes as long as the part so far did. Not told at once, when
    /// it would be wild.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        let seconds = self.elapsed.as_secs_f64();
        if seconds < 1.0 || self.bytes_in == 0 {
            return None;
        }
        let rest = self.total_in?.saturating_sub(self.bytes_in);
        Some((seconds * rest as f64 / self.bytes_in as f64).ceil() as u64)
    }

    /// Of the input: how much has come, and how fast; the rest, where it is known.
    pub(super) fn of_input(&self) -> String {
        let mut words = size(self.bytes_in);
        if let Some(total) = self.total_in {
            words.push_str(&format!(" of {}", size(total)));
        }
        words.push_str(&format!("  {}/s", size(self.rate(self.bytes_in))));
        if let Some(left) = self.seconds_left() {
            words.push_str(&format!("  {} left", duration(left)));
        }
        words
    }

    /// Of the JSON in it.
    pub(super) fn of_json(&self) -> String {
        let (bytes, rate) = (size(self.json_bytes), size(self.rate(self.json_bytes)));
        format!("{bytes} of JSON  {rate}/s  {} profiles", count(self.profiles))
    }

    /// Of the tables.
    pub(super) fn of_tables(&self) -> String {
        format!("{}  {} rows", size(self.written), count(self.rows))
    }

    pub(super) fn of_memory(&self) -> Option<String> {
        self.memory.map(|bytes| format!("{} of memory", size(bytes)))
    }

    /// All of it.
    pub(super) fn line(&self, phases: &Phases) -> String {
        let percent = self.percent().map(|percent| format!(" {percent}%,"));
        let mut line = format!("{}{} {}", phases.reading, percent.unwrap_or_default(), self.of_input());
        line.push_str(&format!("; parsing {}", self.of_json()));
        if let Some(writing) = phases.writing {
            line.push_str(&format!("; {writing} {}", self.of_tables()));
        }
        if let Some(memory) = self.of_memory() {
            line.push_str(&format!("; {memory}"));
        }
        line.replace("  ", ", ")
    }
}

/// Seconds for people.
pub(crate) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Phases = Phases { reading: "reading", writing: None };
    const RUN: Phases = Phases { reading: "downloading", writing: Some("uploading") };

    #[test]
    fn a_line_tells_what_is_known() {
        let begun = Figures { elapsed: Duration::from_millis(500), ..Figures::default() };
        let half = Figures {
            elapsed: Duration::from_secs(10),
            bytes_in: 500_000_000,
            total_in: Some(1_000_000_000),
            json_bytes: 4_000_000_000,
            profiles: 1_234_567,
            rows: 9_876_543,
            written: 250_000_000,
            memory: Some(120_000_000),
        };
        let unknown = Figures { total_in: None, memory: None, ..half.clone() };
        let beyond = Figures { bytes_in: 1_000_000_001, ..half.clone() };
        for (figures, phases, expected) in [
            (&begun, FILE, "reading 0 B, 0 B/s; parsing 0 B of JSON, 0 B/s, 0 profiles"),
            (
                &half,
                RUN,
                "downloading 50%, 500.0 MB of 1.0 GB, 50.0 MB/s, 10 s left; parsing 4.0 GB of JSON, 400.0 MB/s, \
                 1,234,567 profiles; uploading 250.0 MB, 9,876,543 rows; 120.0 MB of memory",
            ),
            (
                &unknown,
                RUN,
                "downloading 500.0 MB, 50.0 MB/s; parsing 4.0 GB of JSON, 400.0 MB/s, 1,234,567 profiles; \
                 uploading 250.0 MB, 9,876,543 rows",
            ),
            (
                &beyond,
                FILE,
                "reading 100%, 1.0 GB of 1.0 GB, 100.0 MB/s, 0 s left; parsing 4.0 GB of JSON, 400.0 MB/s, \
                 1,234,567 profiles; 120.0 MB of memory",
            ),
        ] {
            assert_eq!(figures.line(&phases), expected);
        }
    }

    #[test]
    fn spans_are_told_with_two_units_at_most() {
        for (seconds, expected) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (3_599, "59 min 59 s"), (7_260, "2 h 01 min")]
        {
            assert_eq!(duration(seconds), expected);
        }
    }
}
