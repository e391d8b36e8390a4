//! What a caller asks of the generator, and what it answers.

use std::collections::BTreeSet;

/// An export to generate. The same specification always gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSpec {
    /// Chooses the account: another seed has other profiles.
    pub seed: u64,
    /// When to stop.
    pub size: Size,
    /// What grows with the size.
    pub shape: Shape,
    /// The form of the document.
    pub layout: Layout,
    /// Which events it has, by time.
    pub window: Window,
    /// Which of these events have arrived. None: all, whenever it is asked for.
    pub arrivals: Option<Arrivals>,
    /// Which attributes, tags and event types it has.
    pub selection: Selection,
    /// Whether the account has definitions that are hard to deal with, [`ODD_ATTRIBUTES`](crate::catalogue::ODD_ATTRIBUTES)
    /// and [`ODD_TAGS`](crate::catalogue::ODD_TAGS), and values of them. All other values are the same with and without.
    pub oddities: bool,
}

impl Default for CorpusSpec {
    /// A thousand profiles with everything that January 2026 had.
    fn default() -> CorpusSpec {
        CorpusSpec {
            seed: 1,
            size: Size::Profiles(1_000),
            shape: Shape::Audience,
            layout: Layout::default(),
            window: Window::default(),
            arrivals: None,
            selection: Selection::default(),
            oddities: false,
        }
    }
}

/// When an export is long enough.
///
/// A number of profiles always means the same profiles, so that exports with different windows and selections fit
/// together. With a number of bytes, a narrower export has more profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many profiles; for [`Shape::SingleProfile`] five times as many events.
    Profiles(u64),
    /// No new profile (for [`Shape::SingleProfile`]: no new event) once this many bytes of JSON are written.
    Bytes(u64),
}

/// What an export is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Many profiles of usual proportions, a few of them huge.
    Audience,
    /// One profile with one section, whose events grow until the size is reached. Each day of the window is gone
    /// through again and again. Without events to grow (none selected, or an empty window), the export stays small.
    SingleProfile,
}

/// The form of the JSON document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// With line breaks and indentation, instead of compact.
    pub pretty: bool,
    /// The profiles in a member `profiles`, after a member `metadata`, instead of at the top level.
    pub wrapped: bool,
}

/// A span of time: an event belongs to it when its `createdAt` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first millisecond since the Unix epoch that belongs to it.
    pub start_ms: i64,
    /// The first millisecond since the Unix epoch that no longer belongs to it.
    pub end_ms: i64,
}

/// Events arrive when they are created, but for one in eight, which is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// What time it is, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// How late an event may be; the latest are almost so.
    pub late_ms_max: i64,
}

impl Default for Window {
    /// 2026-01-01 to 2026-01-31, UTC.
    fn default() -> Window {
        Window { start_ms: 1_767_225_600_000, end_ms: 1_769_817_600_000 }
    }
}

impl Window {
    pub(crate) fn contains(&self, time_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&time_ms)
    }
}

/// The version ids to export, by kind: `None` stands for all, an empty set for none.
///
/// As in the real API, profiles show up only when at least one attribute or tag is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of attributes.
    pub attributes: Option<BTreeSet<String>>,
    /// Of tags.
    pub tags: Option<BTreeSet<String>>,
    /// Of event types.
    pub events: Option<BTreeSet<String>>,
}

/// What an export contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Profiles.
    pub profiles: u64,
    /// Attributes, over all profiles and sections.
    pub attributes: u64,
    /// Tags, over all profiles and sections.
    pub tags: u64,
    /// Events, over all profiles and sections.
    pub events: u64,
    /// Bytes of JSON.
    pub bytes: u64,
}
