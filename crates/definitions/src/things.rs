//! Attributes, tags and event types, each once, however many sections list it.

use crate::Definitions;
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
}

impl Definitions {
    /// What there is of a kind, each once, in the order of the definitions. What has the same discriminator is the same;
    /// without one, what has the same first version.
    pub fn things(&self, kind: Kind) -> Vec<Thing<'_>> {
        let mut things = Things::default();
        match kind {
            Kind::Attribute => {
                for listed in &self.attributes {
                    let versions = listed.versions.iter().map(|version| (version.id.as_str(), version.is_live()));
                    things.add(&listed.section_id, &listed.discriminator, &listed.name, versions);
                }
            }
            Kind::Tag => {
                for listed in &self.tags {
                    let versions = listed.versions.iter().map(|version| (version.id.as_str(), version.is_live()));
                    things.add(&listed.section_id, &listed.discriminator, &listed.name, versions);
                }
            }
            Kind::Event => {
                for listed in &self.events {
                    let versions = listed.versions.iter().map(|version| (version.id.as_str(), version.is_live()));
                    things.add(&listed.section_id, &listed.discriminator, &listed.name, versions);
                }
            }
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
    fn add(
        &mut self,
        section: &'d str,
        discriminator: &'d str,
        name: &'d str,
        versions: impl Iterator<Item = (&'d str, bool)>,
    ) {
        let versions = versions.map(|(id, is_live)| Version { id, is_live }).collect::<Vec<_>>();
        let first = versions.first().map_or("", |version| version.id);
        let key = (discriminator, if discriminator.is_empty() { first } else { "" });
        let place = *self.places.entry(key).or_insert_with(|| {
            self.all.push(Thing { discriminator, name, sections: Vec::new(), versions: Vec::new() });
            self.all.len() - 1
        });
        let thing = &mut self.all[place];
        if !section.is_empty() && !thing.sections.contains(&section) {
            thing.sections.push(section);
        }
        for version in versions {
            if thing.versions.iter().all(|known| known.id != version.id) {
                thing.versions.push(version);
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
            {"name": "no discriminator", "id": 6}
        ]}"#;
        let definitions = Snapshot::parse(json.as_bytes()).unwrap().definitions;
        let things = definitions.things(Kind::Tag);
        let each: Vec<_> = things
            .iter()
            .map(|thing| {
                let [live, deprecated] = [thing.live().collect::<Vec<_>>(), thing.deprecated().collect()];
                format!("{} {:?} {live:?} {deprecated:?}", thing.discriminator, thing.sections)
            })
            .collect();
        assert_eq!(
            each,
            [r#"t.a ["1", "2"] ["2", "4"] ["1"]"#, r#"t.b ["1"] ["3"] []"#, r#" [] ["5"] []"#, r#" [] ["6"] []"#,]
        );
        assert!(definitions.things(Kind::Attribute).is_empty() && definitions.things(Kind::Event).is_empty());
    }
}
