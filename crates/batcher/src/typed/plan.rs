//! Which typed tables and columns there are to be: from the definitions, and from what a sample of
//! the export says where they are silent.
//!
//! - An attribute is one column, whatever its sections and versions. Versions of another type than
//!   the live one have a column of their own, with the type behind its name.
//! - An id without a definition, or without a type in it, has the type that all its values in the
//!   sample fit; where the sample has none, no column yet.
//! - A tag is one column, `tag_…`.
//! - A type of events is one table, `events_…`, whatever its sections and versions, with the
//!   members that are declared, and then those that the sample has besides. Objects and arrays in them
//!   are structs and lists where their shape is known ([`members`]).

use super::{
    contract::SchemaMode,
    kind::Kind,
    learn::Learner,
    members,
    schema::{TypedColumn, TypedOf, TypedSchema, TypedTable},
};
use apsides_definitions::{Attribute, Definitions, Index, Named, ValueType, column_name, unique_names};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Which typed tables to make, and of what.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Whether the table `wide` is written.
    pub wide: bool,
    /// Whether the tables `events_<type>` are written.
    pub events: bool,
    /// What the export was asked for.
    pub asked: Asked,
    /// Kinds that are not those of the definitions: by version id or discriminator of an attribute, or
    /// by `<version id or discriminator of an event type>/<member>`.
    pub kinds: HashMap<String, Kind>,
    /// What becomes of columns that the tables published before did not have.
    pub mode: SchemaMode,
    /// What becomes of objects and arrays in the data of events.
    pub nested: Nested,
}

/// What becomes of objects and arrays in the data of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nested {
    /// Structs and lists, where their shape is known and stable.
    #[default]
    Typed,
    /// JSON text.
    Json,
}

/// The version ids that an export was asked for; none where that is not known, so that all that is
/// defined may be in it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Of attributes.
    pub attributes: Option<HashSet<String>>,
    /// Of tags.
    pub tags: Option<HashSet<String>>,
    /// Of types of events.
    pub events: Option<HashSet<String>>,
}

impl Asked {
    pub(crate) fn has(set: Option<&HashSet<String>>, ids: &[String]) -> bool {
        set.is_none_or(|set| ids.iter().any(|id| set.contains(id)))
    }
}

/// The most columns of a typed table besides those that all have.
pub(super) const COLUMNS_MAX: usize = 2000;

/// The tables as they would be if none had been published before.
pub(crate) fn plan(typed: &Typed, definitions: &Definitions, learned: &Learner) -> TypedSchema {
    let known = &Sources { typed, definitions, learned, index: Index::new(definitions) };
    let mut tables = Vec::new();
    if typed.wide {
        let mut columns = attributes(known);
        let tags = tags(known, &columns);
        columns.extend(tags);
        columns.truncate(COLUMNS_MAX);
        tables.push(TypedTable { name: "wide".to_owned(), of: TypedOf::Sections, columns });
    }
    if typed.events {
        tables.extend(members::events(known));
    }
    let sections = definitions.sections.iter().map(|section| (section.id.clone(), section.name.clone()));
    TypedSchema { tables, sections: sections.collect() }
}

/// Where columns come from.
pub(super) struct Sources<'a> {
    pub(super) typed: &'a Typed,
    pub(super) definitions: &'a Definitions,
    pub(super) learned: &'a Learner,
    pub(super) index: Index<'a>,
}

/// A column or table before it has its name.
pub(super) struct Draft {
    /// What it is called.
    pub(super) name: String,
    pub(super) discriminator: String,
    pub(super) title: String,
    pub(super) ids: Vec<String>,
    pub(super) kind: Kind,
    /// What a struct or a list is made of.
    pub(super) members: Vec<TypedColumn>,
    pub(super) is_tentative: bool,
    /// Its kind is behind its name, to tell it from another column of the same thing.
    pub(super) is_other: bool,
}

impl Draft {
    /// What tells it from another of the same name; the name of a member does not.
    fn id(&self) -> &str {
        Some(least(&self.ids)).filter(|id| *id != self.name).unwrap_or_default()
    }

    fn column(self, name: String) -> TypedColumn {
        let name = if self.is_other { format!("{name}_{}", self.kind.name()) } else { name };
        let Self { discriminator, title, ids, kind, members, is_tentative, .. } = self;
        TypedColumn { name, kind, ids, discriminator, title, retired: false, members, is_tentative }
    }
}

fn attributes(known: &Sources<'_>) -> Vec<TypedColumn> {
    let Sources { typed, definitions, learned, ref index } = *known;
    let mut drafts: Vec<Draft> = Vec::new();
    for attribute in &definitions.attributes {
        for (kind, ids) in versions(attribute, typed, learned) {
            let is_same = |draft: &Draft| is_one(&draft.discriminator, &draft.ids, attribute, &ids);
            match drafts.iter().position(|draft| draft.kind == kind && is_same(draft)).map(|at| &mut drafts[at]) {
                Some(draft) => add(&mut draft.ids, ids),
                None => {
                    let is_other = drafts.iter().any(is_same);
                    drafts.push(Draft {
                        name: called(&attribute.discriminator, &attribute.name).to_owned(),
                        discriminator: attribute.discriminator.clone(),
                        title: attribute.name.clone(),
                        ids,
                        kind,
                        members: Vec::new(),
                        is_tentative: false,
                        is_other,
                    });
                }
            }
        }
    }
    drafts.retain(|draft| Asked::has(typed.asked.attributes.as_ref(), &draft.ids));
    let undefined = learned.entries.names.iter().filter(|id| index.attribute(id).is_none() && index.tag(id).is_none());
    let mut undefined: Vec<Draft> = undefined
        .filter_map(|id| Some((id, typed.kinds.get(id).copied().or_else(|| learned_kind(learned, id))?)))
        .map(|(id, kind)| by_id("attribute", id, kind))
        .collect();
    undefined.sort_by(|one, other| one.ids.cmp(&other.ids));
    drafts.extend(undefined);
    named(drafts, &TypedTable::fixed_names(&TypedOf::Sections))
}

/// The kinds of an attribute's versions, each with its ids; the live one first.
fn versions(attribute: &Attribute, typed: &Typed, learned: &Learner) -> Vec<(Kind, Vec<String>)> {
    let mut versions: Vec<_> = attribute.versions.iter().collect();
    versions.sort_by_key(|version| version.deprecated_at.is_some());
    let mut kinds: Vec<(Kind, Vec<String>)> = Vec::new();
    for version in versions {
        let said = typed.kinds.get(&version.id).or_else(|| typed.kinds.get(&attribute.discriminator)).copied();
        let kind = said.or_else(|| version.value_type.map(kind)).or_else(|| learned_kind(learned, &version.id));
        let Some(kind) = kind else { continue };
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, ids)) => ids.push(version.id.clone()),
            None => kinds.push((kind, vec![version.id.clone()])),
        }
    }
    kinds
}

fn is_one(discriminator: &str, ids: &[String], attribute: &Attribute, other_ids: &[String]) -> bool {
    match attribute.discriminator.is_empty() {
        true => ids.iter().any(|id| other_ids.contains(id)),
        false => discriminator == attribute.discriminator,
    }
}

fn tags(known: &Sources<'_>, attributes: &[TypedColumn]) -> Vec<TypedColumn> {
    let Sources { typed, definitions, learned, ref index } = *known;
    let mut drafts: Vec<Draft> = Vec::new();
    for tag in &definitions.tags {
        let ids: Vec<_> = tag.versions.iter().map(|version| version.id.clone()).collect();
        let known = drafts.iter_mut().find(|draft| match tag.discriminator.is_empty() {
            true => draft.ids.iter().any(|id| ids.contains(id)),
            false => draft.discriminator == tag.discriminator,
        });
        match known {
            Some(draft) => add(&mut draft.ids, ids),
            None => drafts.push(Draft {
                name: called(&tag.discriminator, &tag.name).to_owned(),
                discriminator: tag.discriminator.clone(),
                title: tag.name.clone(),
                ids,
                kind: Kind::Tag,
                members: Vec::new(),
                is_tentative: false,
                is_other: false,
            }),
        }
    }
    drafts.retain(|draft| Asked::has(typed.asked.tags.as_ref(), &draft.ids));
    let is_undefined = |id: &&String| index.attribute(id).is_none() && index.tag(id).is_none();
    let asked_attributes = typed.asked.attributes.as_ref();
    let undefined = learned.entries.names.iter().filter(is_undefined).filter(|id| learned.entries.is_only_null(id));
    let undefined = undefined.filter(|id| !asked_attributes.is_some_and(|asked| asked.contains(*id)));
    let mut undefined: Vec<Draft> = undefined.map(|id| by_id("", id, Kind::Tag)).collect();
    undefined.sort_by(|one, other| one.ids.cmp(&other.ids));
    drafts.extend(undefined);
    let mut columns = named(drafts, &[]);
    for column in &mut columns {
        let name = column.name.trim_start_matches('_');
        column.name = distinct(&format!("tag_{name}"), |name| attributes.iter().any(|other| other.name == name));
    }
    columns
}

/// The kind that fits an attribute's values in the sample. Objects and arrays are JSON text.
fn learned_kind(learned: &Learner, id: &str) -> Option<Kind> {
    learned.entries.shape(id).map(|shape| shape.kind)
}

/// What a thing's name is made from.
pub(super) fn called<'a>(discriminator: &'a str, name: &'a str) -> &'a str {
    if discriminator.is_empty() { name } else { discriminator }
}

/// A column of something of which only the id is known.
fn by_id(what: &str, id: &str, kind: Kind) -> Draft {
    let name = format!("{what} {id}");
    let (ids, members) = (vec![id.to_owned()], Vec::new());
    Draft { name, discriminator: "".into(), title: "".into(), ids, kind, members, is_tentative: false, is_other: false }
}

pub(super) fn named(drafts: Vec<Draft>, reserved: &[String]) -> Vec<TypedColumn> {
    let reserved: Vec<&str> = reserved.iter().map(String::as_str).collect();
    let things = |drafts: &[&Draft]| -> Vec<String> {
        let things: Vec<_> = drafts
            .iter()
            .map(|draft| Named { name: &draft.name, discriminator: &draft.discriminator, id: draft.id() })
            .collect();
        unique_names(&things, &reserved)
    };
    // A column of another type has the name of the thing's first one, and its type behind it.
    let first: Vec<&Draft> = drafts.iter().filter(|draft| !draft.is_other).collect();
    let names = things(&first);
    let by_discriminator: BTreeMap<String, String> =
        first.iter().zip(&names).map(|(draft, name)| (draft.discriminator.clone(), name.clone())).collect();
    let mut names = names.into_iter();
    let mut columns: Vec<TypedColumn> = Vec::new();
    for draft in drafts {
        let name = match draft.is_other {
            true => by_discriminator.get(&draft.discriminator).cloned().unwrap_or_else(|| column_name(&draft.name)),
            false => names.next().unwrap_or_else(|| column_name(&draft.name)),
        };
        let mut column = draft.column(name);
        let is_taken = |name: &str| columns.iter().any(|other| other.name == name);
        column.name = distinct(&column.name, is_taken);
        columns.push(column);
    }
    columns
}

/// The name, or the first with a number behind it that is not taken.
pub(super) fn distinct(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut candidates = (2..).map(|number: u32| format!("{name}_{number}"));
    if is_taken(name) { candidates.find(|candidate| !is_taken(candidate)).unwrap_or_default() } else { name.to_owned() }
}

pub(super) fn least(ids: &[String]) -> &str {
    ids.iter().min_by_key(|id| (id.len(), id.as_str())).map_or("", String::as_str)
}

pub(super) fn add(ids: &mut Vec<String>, more: Vec<String>) {
    for id in more {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
}

pub(super) fn kind(value_type: ValueType) -> Kind {
    match value_type {
        ValueType::Text => Kind::Text,
        ValueType::Boolean => Kind::Boolean,
        ValueType::Date => Kind::Date,
        // "Unix" is all that the product says of its timestamps.
        ValueType::Timestamp => Kind::TimestampS,
        ValueType::Integer => Kind::Integer,
        ValueType::Double => Kind::Double,
        ValueType::Json => Kind::Json,
    }
}
