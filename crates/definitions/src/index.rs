//! Definitions by the ids that an export uses.

use crate::model::{
    Attribute, AttributeVersion, Definitions, EventType, EventVersion, Listed, Section, Tag, TagVersion, Versioned,
};
use std::collections::HashMap;

/// Finds definitions by id. What several sections list under one id is found as the first of them has it.
#[derive(Clone, Debug, Default)]
pub struct Index<'d> {
    sections: HashMap<&'d str, &'d Section>,
    attributes: HashMap<&'d str, (&'d Attribute, &'d AttributeVersion)>,
    tags: HashMap<&'d str, (&'d Tag, &'d TagVersion)>,
    events: HashMap<&'d str, (&'d EventType, &'d EventVersion)>,
}

impl<'d> Index<'d> {
    /// Goes once through all definitions.
    pub fn new(definitions: &'d Definitions) -> Self {
        let mut index = Self::default();
        for section in &definitions.sections {
            index.sections.entry(&section.id).or_insert(section);
        }
        by_id(&mut index.attributes, &definitions.attributes);
        by_id(&mut index.tags, &definitions.tags);
        by_id(&mut index.events, &definitions.events);
        index
    }

    /// The section with this id.
    pub fn section(&self, id: &str) -> Option<&'d Section> {
        self.sections.get(id).copied()
    }

    /// The attribute that has a version with this id, and that version.
    pub fn attribute(&self, id: &str) -> Option<(&'d Attribute, &'d AttributeVersion)> {
        self.attributes.get(id).copied()
    }

    /// The tag that has a version with this id, and that version.
    pub fn tag(&self, id: &str) -> Option<(&'d Tag, &'d TagVersion)> {
        self.tags.get(id).copied()
    }

    /// The event type that has a version with this id, and that version.
    pub fn event(&self, id: &str) -> Option<(&'d EventType, &'d EventVersion)> {
        self.events.get(id).copied()
    }
}

fn by_id<'d, V: Versioned>(index: &mut HashMap<&'d str, (&'d Listed<V>, &'d V)>, all: &'d [Listed<V>]) {
    for listed in all {
        for version in &listed.versions {
            index.entry(version.id()).or_insert((listed, version));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    #[test]
    fn every_id_is_found_where_it_is_listed_first() {
        let json = r#"{
            "sections": [{"id": "1", "name": "One"}],
            "attributes": [
                {"section_id": "1", "name": "A", "versions": [{"id": "10"}, {"id": "11"}]},
                {"section_id": "2", "name": "A", "versions": [{"id": "10"}, {"id": "11"}]}
            ],
            "tags": [{"section_id": "1", "name": "T", "versions": [{"id": "20"}]}],
            "events": [{"section_id": "1", "name": "E", "versions": [{"id": "30"}]}]
        }"#;
        let definitions = Snapshot::parse(json.as_bytes()).unwrap().definitions;
        let index = Index::new(&definitions);
        assert_eq!(index.section("1").unwrap().name, "One");
        let (attribute, version) = index.attribute("11").unwrap();
        assert_eq!((attribute.section_id.as_str(), version.id.as_str()), ("1", "11"));
        assert_eq!(index.tag("20").unwrap().0.name, "T");
        assert_eq!(index.event("30").unwrap().0.name, "E");
        assert!(index.attribute("20").is_none() && index.tag("10").is_none() && index.event("1").is_none());
    }
}
