//! What of a destination a publication replaces: all of it, or, of a scheduled pipeline, what it says of profiles, or the
//! events of one window.
//!
//! ```text
//! events/window_start=2026-01-31/part-00000.parquet        of one window
//! unmapped/window_start=2026-01-31/part-00000.parquet      what of its events has no column, if there is any
//! unmapped/window_start=__HIVE_DEFAULT_PARTITION__/…       what of profiles has none
//! attributes/part-00000.parquet                            of profiles as they are now
//! attributes/snapshot=2026-01-31/part-00000.parquet        or, where several snapshots stay, as they were then
//! ```

use crate::{
    catalogue::Selection,
    error::{Error, Result},
    manifest::{DataFile, Manifest, TableFiles},
    parts::Adds,
    schema::TableId,
    typed::Typed,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// What a folder's name begins with that holds a window's part of a table, as Hive, Spark and DuckDB read it.
pub(crate) const PARTITION: &str = "window_start=";
/// The same of how profiles were in a span of time, where several such snapshots stay.
pub(crate) const SNAPSHOT_PARTITION: &str = "snapshot=";
/// What these take for null.
const NO_WINDOW: &str = "__HIVE_DEFAULT_PARTITION__";

/// What of a destination a publication replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All that is there.
    #[default]
    All,
    /// What is said of profiles: how they are now. The events of windows stay.
    Snapshot {
        /// When the export was asked for.
        asked_at: Timestamp,
        /// Where earlier snapshots may stay, what this one is of. If it is the only one, it has no folder of its own.
        kept: Option<Kept>,
    },
    /// The events of one window. All else stays.
    Window(Window),
}

/// A snapshot that need not be the only one: of each span of time there is one, which is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where one of the spans begins.
    pub origin: Timestamp,
    /// How long each is, in whole seconds.
    pub every: SignedDuration,
    /// How many snapshots stay, this one included.
    pub number: NonZeroUsize,
}

impl Kept {
    /// The span of a snapshot that was asked for then.
    fn span(&self, asked_at: Timestamp) -> Window {
        let every = self.every.as_secs().max(1);
        let since = asked_at.as_second() - self.origin.as_second();
        let since = SignedDuration::from_secs(since.div_euclid(every).saturating_mul(every));
        let start = self.origin.saturating_add(since).unwrap_or(asked_at);
        Window { start, end: start.saturating_add(self.every).unwrap_or(Timestamp::MAX), asked_at }
    }
}

/// The events of a span of time, or how profiles were in it, as it was known once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
    /// When the export was asked for: what has come since is not among them.
    pub asked_at: Timestamp,
}

impl Window {
    /// The folder of its part of each table with events.
    pub(crate) fn partition(&self) -> String {
        folder(PARTITION, self.start, self.end)
    }

    /// The folder of its part of each table of profiles.
    pub(crate) fn snapshot_partition(&self) -> String {
        folder(SNAPSHOT_PARTITION, self.start, self.end)
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.start, self.end) == (other.start, other.end)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The name of a folder of a span of time. Whole days have that of a date.
fn folder(prefix: &str, start: Timestamp, end: Timestamp) -> String {
    let utc = |moment: Timestamp| moment.to_zoned_datetime(TimeZone::UTC);
    let is_midnight = |moment| utc(moment).time() == jiff::civil::Time::midnight();
    let format = if is_midnight(start) && is_midnight(end) { "%Y-%m-%d" } else { "%Y%m%dT%H%M%SZ" };
    format!("{prefix}{}", utc(start).strftime(format))
}

impl Extent {
    /// How profiles are, in place of how they were.
    pub fn snapshot(asked_at: Timestamp) -> Self {
        Self::Snapshot { asked_at, kept: None }
    }

    /// What it is called: `all`, `snapshot`, or as the folder of its window.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Snapshot { .. } => "snapshot".to_owned(),
            Self::Window(window) => window.partition(),
        }
    }

    /// What of an export is kept.
    pub(crate) fn adds(&self) -> Adds {
        match self {
            Self::All | Self::Snapshot { .. } => Adds::All,
            Self::Window(_) => Adds::Events,
        }
    }

    /// The long tables among these that are written.
    pub(crate) fn selection(&self, all: &Selection) -> Selection {
        let is_of_events = |table: TableId| matches!(table, TableId::Events | TableId::Unmapped);
        let is_of = |table| match self {
            Self::All => true,
            Self::Snapshot { .. } => !is_of_events(table),
            Self::Window(_) => is_of_events(table),
        };
        Selection::of(TableId::ALL.into_iter().filter(|&table| all.has(table) && is_of(table)))
    }

    /// The typed tables among these that are written.
    pub(crate) fn typed(&self, all: &Typed) -> Typed {
        let (wide, events) = match self {
            Self::All => (all.wide, all.events),
            Self::Snapshot { .. } => (all.wide, false),
            Self::Window(_) => (false, all.events),
        };
        Typed { wide, events, ..all.clone() }
    }

    /// Whether the dimension tables are written.
    pub(crate) fn has_dimensions(&self) -> bool {
        !matches!(self, Self::Window(_))
    }

    /// The folder in that of a table where its files go; none if they go there themselves.
    pub(crate) fn partition(&self, table: &str) -> Option<String> {
        match self {
            Self::Window(window) => Some(window.partition()),
            Self::Snapshot { .. } if table == TableId::Unmapped.name() => Some(format!("{PARTITION}{NO_WINDOW}")),
            Self::Snapshot { asked_at, kept: Some(kept) } => Some(kept.span(*asked_at).snapshot_partition()),
            Self::All | Self::Snapshot { kept: None, .. } => None,
        }
    }

    /// Whether a table of which there are rows of other windows needs no file of this one, if it has no rows.
    pub(crate) fn needs_no_file(&self, table: &str) -> bool {
        matches!(self, Self::Window(_)) && table == TableId::Unmapped.name()
    }

    /// Refuses to replace what is not to be replaced.
    pub(crate) fn check(&self, before: Option<&Manifest>, overwrite: bool, place: &str) -> Result<()> {
        let Some(before) = before.filter(|before| !before.tables.is_empty()) else { return Ok(()) };
        let place = || place.to_owned();
        match (self, before.is_scheduled()) {
            (Self::All, true) => Err(Error::HasWindows { place: place() }),
            (Self::Snapshot { .. } | Self::Window(_), false) => Err(Error::HasNoWindows { place: place() }),
            (Self::All, false) if overwrite => Ok(()),
            (Self::All, false) => Err(Error::NotEmpty { place: place() }),
            (Self::Snapshot { .. }, true) => Ok(()),
            (Self::Window(window), true) => {
                match before.windows.iter().find(|other| other.overlaps(window) && !other.is_same(window)) {
                    Some(other) => Err(Error::WindowOverlaps {
                        place: place(),
                        start: window.start.to_string(),
                        end: window.end.to_string(),
                        other_start: other.start.to_string(),
                        other_end: other.end.to_string(),
                    }),
                    None => Ok(()),
                }
            }
        }
    }

    /// Whether a file is of what is replaced, where no earlier snapshots are.
    pub(crate) fn holds(&self, file: &DataFile) -> bool {
        !self.keeps(file, &[])
    }

    /// Whether a file of what is published before stays, of snapshots those of `earlier`.
    fn keeps(&self, file: &DataFile, earlier: &[Window]) -> bool {
        match (self, file.partition()) {
            (Self::All, _) | (Self::Snapshot { .. }, None) => false,
            (Self::Snapshot { .. }, Some(partition)) => match partition.strip_prefix(PARTITION) {
                Some(window) => window != NO_WINDOW,
                None => earlier.iter().any(|snapshot| snapshot.snapshot_partition() == partition),
            },
            (Self::Window(window), partition) => partition != Some(window.partition().as_str()),
        }
    }

    /// The snapshots that stay of these, which are in the order of time.
    fn earlier(&self, snapshots: &[Window]) -> Vec<Window> {
        match self {
            Self::All | Self::Snapshot { kept: None, .. } => Vec::new(),
            Self::Window(_) => snapshots.to_vec(),
            Self::Snapshot { asked_at, kept: Some(kept) } => {
                let mut others = snapshots.to_vec();
                // Two of spans that have the same name would be one.
                let own = kept.span(*asked_at).snapshot_partition();
                others.retain(|other| other.snapshot_partition() != own);
                others.split_off(others.len().saturating_sub(kept.number.get() - 1))
            }
        }
    }
}

impl Manifest {
    /// Whether a schedule has filled the destination, with profiles as they are now, and events window by window.
    pub fn is_scheduled(&self) -> bool {
        self.snapshot.is_some() || !self.windows.is_empty()
    }

    /// Whether a file of a table tells how things are, rather than how they were at an earlier snapshot.
    pub(crate) fn is_current(&self, file: &DataFile) -> bool {
        let snapshot = file.partition().filter(|partition| partition.starts_with(SNAPSHOT_PARTITION));
        snapshot
            .is_none_or(|partition| self.snapshots.last().is_some_and(|last| last.snapshot_partition() == partition))
    }

    /// These tables, and of those before them what stays.
    pub(crate) fn onto(mut self, before: Option<&Self>, extent: &Extent) -> Self {
        if *extent == Extent::All {
            return self;
        }
        if let Some(before) = before {
            (self.windows, self.snapshot) = (before.windows.clone(), before.snapshot);
            self.snapshots = extent.earlier(&before.snapshots);
            let mut tables = Vec::new();
            for old in &before.tables {
                let new = self.tables.iter().position(|new| new.name == old.name).map(|at| self.tables.remove(at));
                let mut kept = old.clone();
                kept.files.retain(|file| extent.keeps(file, &self.snapshots));
                tables.extend(match new {
                    Some(new) => Some(joined(new, kept)),
                    None => Some(kept).filter(|kept| !kept.files.is_empty()),
                });
            }
            tables.append(&mut self.tables);
            for table in &mut tables {
                table.count();
            }
            self.tables = tables;
        }
        match *extent {
            Extent::All => {}
            Extent::Snapshot { asked_at, kept } => {
                self.snapshot = Some(asked_at);
                self.snapshots.extend(kept.map(|kept| kept.span(asked_at)));
                self.snapshots.sort_unstable_by_key(|snapshot| snapshot.start);
            }
            Extent::Window(window) => {
                self.windows.retain(|other| !other.is_same(&window));
                self.windows.push(window);
                self.windows.sort_unstable_by_key(|window| window.start);
            }
        }
        self
    }
}

/// A table with files of other windows besides. Their columns are those of their time.
fn joined(mut new: TableFiles, mut old: TableFiles) -> TableFiles {
    if new.columns != old.columns {
        let names: Vec<_> = old.columns.iter().map(|column| column.name.clone()).collect();
        for file in &mut old.files {
            file.columns.get_or_insert_with(|| names.clone());
        }
    }
    let bounded = old.bounded.into_iter().filter(|name| !new.bounded.contains(name));
    let bounded: Vec<_> = bounded.collect();
    new.bounded.extend(bounded);
    new.files.append(&mut old.files);
    // By window or snapshot, and in it as they were written.
    new.files.sort_by(|one, other| one.partition().cmp(&other.partition()));
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_of_the_span_in_which_it_was_asked_for() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        for (every_hours, asked_at, folder) in [
            (24, "2026-01-01T00:00:00Z", "snapshot=2026-01-01"),
            (24, "2026-01-03T02:00:00Z", "snapshot=2026-01-03"),
            (24, "2026-01-03T23:59:59.9Z", "snapshot=2026-01-03"),
            // The first may come before the first window has begun.
            (24, "2025-12-31T23:59:59.9Z", "snapshot=2025-12-31"),
            (24, "2025-12-01T00:00:00Z", "snapshot=2025-12-01"),
            (6, "2026-01-01T07:00:00Z", "snapshot=20260101T060000Z"),
        ] {
            let every = SignedDuration::from_hours(every_hours);
            let kept = Kept { origin: time("2026-01-01T00:00:00Z"), every, number: NonZeroUsize::MIN };
            let asked_at = time(asked_at);
            let span = kept.span(asked_at);
            assert_eq!(span.end.duration_since(span.start), every, "{asked_at}");
            let extent = Extent::Snapshot { asked_at, kept: Some(kept) };
            assert_eq!(extent.partition("profiles").as_deref(), Some(folder));
            assert_eq!(Extent::snapshot(asked_at).partition("profiles"), None);
        }
    }
}
