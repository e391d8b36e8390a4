//! Attributes, tags and event types, each once, however many sections list it.

use crate::{Definitions, Listed, Versioned};
use std::{collections::HashMap, fmt};

/// What an export can be asked for by version ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attributes.
    Attribute,
    /// Tags.
    Tag,
    /// Event types.
    Event,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Kind::Attribute => "attribute",
            Kind::Tag => "tag",
            Kind::Event => "event type",
        })
    }
}

/// An attribute, a tag or an event type, with all sections that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing<'d> {
    /// The stable name; empty if the API gave none.
    pub discriminator: &'d str,
    /// The display name, as the first section has it; empty if the API gave none.
    pub name: &'d str,
    /// The ids of its sections, in the order of the definitions.
    pub sections: Vec<&'d str>,
    /// Every version, each once, in the API's order.
    pub versions: Vec<Version<'d>>,
}

/// A version of a [`Thing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'d> {
    /// The id that the export uses.
    pub id: &'d str,
    /// Whether it is in use.
    pub is_live: bool,
}

impl<'d> Thing<'d> {
    /// The ids of the versions that are in use.
    pub fn live(&self) -> impl Iterator<Item = &'d str> {
        self.versions.iter().filter(|version| version.is_live).map(|version| version.id)
    }

    /// The ids of the versions that are no longer in use.
    pub fn deprecated(&self) -> impl Iterator<Item = &'d str> {
        self.versions.iter().filter(|version| !version.is_live).map(|version| version.id)
    }

    /// The id of the latest version, of those in use if there are any.
    pub fn latest(&self) -> Option<&'d str> {
        self.live().last().or(self.deprecated().last())
    }
}

impl Definitions {
    /// What there is of a kind, each once, in the order of the definitions. What has the same discriminator is the same;
    /// without one, what has the same first version.
    pub fn things(&self, kind: Kind) -> Vec<Thing<'_>> {
        let mut things = Things::default();
        match kind {
            Kind::Attribute => things.add(&self.attributes),
            Kind::Tag => things.add(&self.tags),
            Kind::Event => things.add(&self.events),
        }
        things.all
    }
}

#[derive(Default)]
struct Things<'d> {
    all: Vec<Thing<'d>>,
    /// Their places, by what tells them apart.
    places: HashMap<(&'d str, &'d str), usize>,
}

impl<'d> Things<'d> {
    fn add<V: Versioned>(&mut self, all: &'d [Listed<V>]) {
        for Listed { section_id, discriminator, name, versions } in all {
            let first = versions.first().map_or("", Versioned::id);
            let key = (discriminator.as_str(), if discriminator.is_empty() { first } else { "" });
            let place = *self.places.entry(key).or_insert_with(|| {
                self.all.push(Thing { discriminator, name, sections: Vec::new(), versions: Vec::new() });
                self.all.len() - 1
            });
            let thing = &mut self.all[place];
            if !section_id.is_empty() && !thing.sections.contains(&section_id.as_str()) {
                thing.sections.push(section_id);
            }
            for version in versions {
                if thing.versions.iter().all(|known| known.id != version.id()) {
                    thing.versions.push(Version { id: version.id(), is_live: version.is_live() });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    #[test]
    fn each_is_there_once() {
        let json = r#"{"tags": [
            {"section_id": 1, "discriminator": "t.a", "name": "A", "versions": [{"id": 1, "deprecated_at": "2024"}, {"id": 2}]},
            {"section_id": 1, "discriminator": "t.b", "name": "A", "versions": [{"id": 3}]},
            {"section_id": 2, "discriminator": "t.a", "name": "A", "versions": [{"id": 2}, {"id": 4}]},
            {"name": "no discriminator", "id": 5},
            {"name": "no discriminator", "id": 6},
            {"discriminator": "t.old", "versions": [{"id": 7, "deprecated_at": "2023"}, {"id": 8, "deprecated_at": "2024"}]}
        ]}"#;
        let definitions = Snapshot::parse(json.as_bytes()).unwrap().definitions;
        let things = definitions.things(Kind::Tag);
        let each: Vec<_> = things
            .iter()
            .map(|thing| {
                let [live, deprecated] = [thing.live().collect::<Vec<_>>(), thing.deprecated().collect()];
                let latest = thing.latest().unwrap();
                format!("{} {:?} {live:?} {deprecated:?} {latest}", thing.discriminator, thing.sections)
            })
            .collect();
        assert_eq!(
            each,
            [
                r#"t.a ["1", "2"] ["2", "4"] ["1"] 4"#,
                r#"t.b ["1"] ["3"] [] 3"#,
                r#" [] ["5"] [] 5"#,
                r#" [] ["6"] [] 6"#,
                r#"t.old [] [] ["7", "8"] 8"#,
            ]
        );
        assert!(definitions.things(Kind::Attribute).is_empty() && definitions.things(Kind::Event).is_empty());
    }
}
