//! The end of a command that wrote tables: a table for people, or JSON for machines.

use crate::{
    args::Output,
    failure::{Exit, Failure},
    measure, profile,
};
use apsides_batcher::{Destination, Manifest, Profile};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::{
    io::{self, Write},
    time::Duration,
};

/// Prints a text and a line break to standard output. If nobody reads it any more, that is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = format!("all is done, but standard output cannot be written: {error}");
            Err(Failure::new(Exit::Unexpected, message))
        }
        _ => Ok(()),
    }
}

/// Changes of the schema that are listed for people.
const CHANGES_SHOWN_MAX: usize = 10;

/// What was published, and what it took.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    destination: String,
    #[serde(flatten)]
    manifest: &'a Manifest,
    seconds: f64,
    megabytes_per_second: f64,
    peak_memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a Profile>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(
        destination: &Destination,
        manifest: &'a Manifest,
        elapsed: Duration,
        profile: Option<&'a Profile>,
    ) -> Self {
        let seconds = elapsed.as_secs_f64();
        Self {
            destination: destination.to_string(),
            manifest,
            seconds,
            megabytes_per_second: manifest.json_bytes as f64 / 1e6 / seconds.max(1e-9),
            peak_memory_bytes: measure::peak_memory(),
            profile,
        }
    }

    /// Prints it to standard output.
    pub(crate) fn print(&self, output: &Output) -> Result<(), Failure> {
        if output.json {
            print(&serde_json::to_string_pretty(self).expect("a summary is plain data"))
        } else {
            print(&self.text())
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", tables(self.manifest));
        text.push_str(&format!(
            "{} of JSON in {:.2} s, {:.0} MB/s",
            measure::size(self.manifest.json_bytes),
            self.seconds,
            self.megabytes_per_second,
        ));
        if let Some(peak) = self.peak_memory_bytes {
            text.push_str(&format!(", peak memory {}", measure::size(peak)));
        }
        text.push_str(&format!("\npublished in {}", self.destination));
        for note in notes(self.manifest) {
            text.push_str(&format!("\nnote: {note}"));
        }
        if let Some(profile) = self.profile {
            text.push_str(&format!("\n\n{}", profile::text(profile, self.manifest.json_bytes)));
        }
        text
    }
}

/// The tables of a manifest, as a table.
pub(crate) fn tables(manifest: &Manifest) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["table", "rows", "files", "row groups", "size"]);
    for files in &manifest.tables {
        table.add_row([
            files.name.clone(),
            measure::count(files.rows),
            measure::count(files.files.len() as u64),
            measure::count(files.files.iter().map(|file| file.row_groups).sum()),
            measure::size(files.bytes),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if let Some(names) = table.column_mut(0) {
        names.set_padding((0, 1));
    }
    table.trim_fmt()
}

/// What a careful reader of the tables wants to know.
pub(crate) fn notes(manifest: &Manifest) -> Vec<String> {
    let found = manifest.findings;
    let unmapped = manifest.table("unmapped").map_or(0, |table| table.rows);
    let notes = [
        (unmapped, "values have no column; they are in the table `unmapped`"),
        (found.duplicate_events, "events were sent again by their source; see `is_duplicate`"),
        (found.replaced_surrogates, "lone surrogate escapes in texts became U+FFFD"),
        (found.superseded_members, "members of events came twice; the last one is in the table"),
        (found.without_column, "values have no column in the typed tables; they are in the long ones, where written"),
    ];
    let noted = notes.into_iter().filter(|(number, _)| *number > 0);
    let mut notes: Vec<_> = noted.map(|(number, note)| format!("{} {note}", measure::count(number))).collect();
    let changes = &manifest.schema_changes;
    notes.extend(changes.iter().take(CHANGES_SHOWN_MAX).map(|change| format!("schema: {change}")));
    if changes.len() > CHANGES_SHOWN_MAX {
        let more = measure::count((changes.len() - CHANGES_SHOWN_MAX) as u64);
        notes.push(format!("schema: {more} more changes; see `schema_changes` with --json"));
    }
    notes
}
