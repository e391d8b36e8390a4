//! Which tables are written.

use crate::failure::{Exit, Failure};
use apsides_batcher::{Commit, Kind, Nested, Options, SchemaMode, Selection, TableId, Typed};
use clap::{Args as ClapArgs, ValueEnum};

/// Which tables are written.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Tables")]
pub(crate) struct Tables {
    /// The tables to write: profiles, attributes, tags, events, wide (typed, a row per profile and section) and
    /// `events_*` (typed, a table per event type); `unmapped` always is
    #[arg(long, value_delimiter = ',', default_value = "profiles,attributes,tags,events", value_name = "TABLES")]
    pub(crate) tables: Vec<TableName>,
    /// What becomes of typed columns that the tables to be replaced don't have
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub(crate) schema_mode: ModeName,
    /// What becomes of objects and arrays in the data of events
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) nested: NestedName,
    /// The type of a typed column where the definitions are silent or wrong: an attribute's id or discriminator, or
    /// EVENT/MEMBER, of what is in it EVENT/MEMBER/MEMBER, and `EVENT/MEMBER[]` of a list; text, integer, double, boolean, date, timestamp_s, timestamp_ms or json; can be repeated
    #[arg(long = "type", value_parser = typed_as, value_name = "ID=TYPE")]
    pub(crate) types: Vec<(String, Kind)>,
}

/// A table that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableName {
    Long(TableId),
    Wide,
    EventTypes,
}

impl TableName {
    /// Those that are written where nothing else is asked for.
    pub(crate) const LONG: [Self; 4] = [
        Self::Long(TableId::Profiles),
        Self::Long(TableId::Attributes),
        Self::Long(TableId::Tags),
        Self::Long(TableId::Events),
    ];
}

impl<'de> serde::Deserialize<'de> for TableName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for TableName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "wide" => Ok(Self::Wide),
            "events_*" => Ok(Self::EventTypes),
            name => TableId::of(name).map(Self::Long).ok_or_else(|| {
                "no such table; there are profiles, attributes, tags, events, unmapped, wide and events_*".to_owned()
            }),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModeName {
    /// They are added
    #[default]
    Evolve,
    /// The command fails
    Freeze,
    /// They are left out
    Discard,
}

/// How a destination tells which files are its tables.
#[derive(Clone, Copy, Debug, Default, ValueEnum, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum CommitName {
    /// By its manifest, and views that name them
    #[default]
    Manifest,
    /// Each table is a Delta table besides, with a log of its own
    Delta,
}

impl From<CommitName> for Commit {
    fn from(name: CommitName) -> Self {
        match name {
            CommitName::Manifest => Self::Manifest,
            CommitName::Delta => Self::Delta,
        }
    }
}

impl From<ModeName> for SchemaMode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Evolve => Self::Evolve,
            ModeName::Freeze => Self::Freeze,
            ModeName::Discard => Self::Discard,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum NestedName {
    /// They are structs and lists, where their shape is known and stable, and JSON text otherwise
    #[default]
    Typed,
    /// They are JSON text
    Json,
}

impl From<NestedName> for Nested {
    fn from(name: NestedName) -> Self {
        match name {
            NestedName::Typed => Self::Typed,
            NestedName::Json => Self::Json,
        }
    }
}

/// `ID=TYPE`
fn typed_as(text: &str) -> Result<(String, Kind), String> {
    let (id, kind) = text.rsplit_once('=').ok_or("not of the form ID=TYPE")?;
    let kind: Kind = kind.parse()?;
    Ok((id.to_owned(), kind))
}

impl Tables {
    /// The options with these tables.
    pub(crate) fn apply(&self, options: Options) -> Options {
        let typed = Typed {
            kinds: self.types.iter().cloned().collect(),
            mode: self.schema_mode.into(),
            nested: self.nested.into(),
            ..typed_of(&self.tables)
        };
        Options { selection: selection_of(&self.tables), typed, ..options }
    }
}

/// The long tables among these.
pub(crate) fn selection_of(tables: &[TableName]) -> Selection {
    Selection::of(tables.iter().filter_map(|table| match table {
        TableName::Long(table) => Some(*table),
        _ => None,
    }))
}

/// The typed tables among these.
pub(crate) fn typed_of(tables: &[TableName]) -> Typed {
    Typed {
        wide: tables.contains(&TableName::Wide),
        events: tables.contains(&TableName::EventTypes),
        ..Typed::default()
    }
}

/// Refuses a memory limit that is too small for these tables.
pub(crate) fn check_memory(memory: usize, tables: &[TableName]) -> Result<(), Failure> {
    let typed = typed_of(tables);
    if (typed.wide || typed.events) && memory < Options::MEMORY_MIN_TYPED {
        let least = Options::MEMORY_MIN_TYPED >> 20;
        let message = format!("typed tables take at least {least}M of memory");
        return Err(
            Failure::new(Exit::Configuration, message).next("raise the memory limit, or leave out wide and events_*")
        );
    }
    Ok(())
}
