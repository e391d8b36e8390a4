//! The definitions as the API lists them, in JSON.

use super::{Attribute, EVENTS, Event, SECTIONS, SEGMENTS, STANDARD_ATTRIBUTES, Section, Tag};
use serde_json::{Value, json};

/// When the deprecated versions were replaced.
const DEPRECATED_AT: &str = "2024-11-05T09:30:00Z";

/// All definitions in one document: a member per kind, with the items of its listings, each with its section.
pub fn definitions(oddities: bool) -> Value {
    let of_all = |items: &dyn Fn(&'static Section) -> Vec<Value>| {
        let each = |section: &'static Section| {
            let of_section = |mut item: Value| {
                item["section_id"] = section.id.into();
                item
            };
            items(section).into_iter().map(of_section)
        };
        SECTIONS.iter().flat_map(each).collect::<Vec<_>>()
    };
    json!({
        "sections": sections(),
        "attributes": of_all(&|section| attributes(section, oddities)),
        "tags": of_all(&|section| tags(section, oddities)),
        "events": of_all(&|_| events()),
        "segments": segments(),
    })
}

pub(crate) fn sections() -> Vec<Value> {
    let section =
        |section: &Section| json!({"id": section.id, "discriminator": section.discriminator, "name": section.name});
    SECTIONS.iter().map(section).collect()
}

pub(crate) fn attributes(section: &'static Section, oddities: bool) -> Vec<Value> {
    STANDARD_ATTRIBUTES.iter().chain(section.own_attributes(oddities)).map(attribute).collect()
}

pub(crate) fn tags(section: &'static Section, oddities: bool) -> Vec<Value> {
    section.own_tags(oddities).map(tag).collect()
}

pub(crate) fn events() -> Vec<Value> {
    EVENTS.iter().map(event).collect()
}

pub(crate) fn segments() -> Vec<Value> {
    SEGMENTS.iter().map(|segment| json!({"discriminator": segment.discriminator, "name": segment.name})).collect()
}

fn attribute(attribute: &Attribute) -> Value {
    let mut versions = versions(attribute.id, attribute.deprecated_id);
    if attribute.retired {
        versions.iter_mut().for_each(|version| version["deprecated_at"] = DEPRECATED_AT.into());
    }
    if let Some(former) = attribute.former_type {
        // The type of a version comes before that of its attribute.
        versions[0]["type"] = former.name().into();
    }
    json!({
        "discriminator": attribute.discriminator,
        "name": attribute.name,
        "type": attribute.data_type.name(),
        "versions": versions,
    })
}

fn tag(tag: &Tag) -> Value {
    json!({"discriminator": tag.discriminator, "name": tag.name, "versions": versions(tag.id, None)})
}

fn event(event: &Event) -> Value {
    let mut versions = versions(event.id, event.deprecated_id);
    let mut fields = event.kind.fields();
    // The newest last; each has a field more than the one before it.
    for version in versions.iter_mut().rev() {
        let field = |(name, kind): &(&str, &str)| json!({"name": name, "type": kind});
        version["fields"] = fields.iter().map(field).collect();
        fields = &fields[..fields.len() - 1];
    }
    json!({"discriminator": event.discriminator, "name": event.name, "versions": versions})
}

/// Oldest first: a reader that takes the first version for the live one shall notice.
fn versions(live: &str, deprecated: Option<&str>) -> Vec<Value> {
    let deprecated = deprecated.map(|id| json!({"id": id, "deprecated_at": DEPRECATED_AT}));
    deprecated.into_iter().chain([json!({"id": live, "deprecated_at": null})]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_one_document() {
        for (oddities, attributes, tags) in [(false, 24 * 6 + 36, 24), (true, 24 * 6 + 36 + 6, 25)] {
            let all = definitions(oddities);
            let count = |kind: &str| all[kind].as_array().unwrap().len();
            assert_eq!(
                ["sections", "attributes", "tags", "events", "segments"].map(count),
                [6, attributes, tags, 8 * 6, 3]
            );
            assert!(all["tags"].as_array().unwrap().iter().all(|tag| tag["section_id"].is_string()));
        }
    }

    #[test]
    fn versions_differ_in_more_than_their_id() {
        let clicked = &events()[2]["versions"];
        assert_eq!(clicked[0]["fields"].as_array().unwrap().len() + 1, clicked[1]["fields"].as_array().unwrap().len());
        let nordics = attributes(&SECTIONS[1], true);
        let named = |name: &str| nordics.iter().find(|attribute| attribute["name"] == name).unwrap();
        assert_eq!(named("Skostorlek")["versions"][0]["type"], "text");
        assert_eq!(named("Skostorlek")["type"], "integer");
        assert_eq!(named("Faxnummer")["versions"].as_array().unwrap().len(), 1);
        assert!(named("Faxnummer")["versions"][0]["deprecated_at"].is_string());
    }
}
