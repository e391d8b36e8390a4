//! Definitions for people: tables that fit 80 columns, and lines for a pipeline.

use apsides_definitions::{Definitions, Index, Kind, Snapshot, Thing};
use comfy_table::{ContentArrangement, Table, presets};
use std::fmt::Write;

/// As wide as every terminal.
const WIDTH: u16 = 80;

/// Tables of everything, each thing once.
pub(crate) fn table(snapshot: &Snapshot) -> String {
    let all = &snapshot.definitions;
    let index = Index::new(all);
    let mut text = String::new();
    let sections =
        all.sections.iter().map(|section| [section.id.as_str(), &section.name, &section.discriminator].map(clean));
    part(&mut text, "sections", ["id", "name", "discriminator"], sections);
    let attributes = all.things(Kind::Attribute);
    let attributes = attributes.iter().map(|thing| {
        [live(thing), older(thing), value_type(thing, &index), clean(thing.name), of_sections(thing, all, &index)]
    });
    part(&mut text, "attributes", ["id", "older", "type", "name", "section"], attributes);
    let tags = all.things(Kind::Tag);
    let tags = tags.iter().map(|thing| [live(thing), older(thing), clean(thing.name), of_sections(thing, all, &index)]);
    part(&mut text, "tags", ["id", "older", "name", "section"], tags);
    let events = all.things(Kind::Event);
    let events = events.iter().map(|thing| [live(thing), older(thing), clean(thing.name), fields(thing, &index)]);
    part(&mut text, "events", ["id", "older", "name", "fields"], events);
    let segments = all.segments.iter().map(|segment| [segment.name.as_str(), &segment.discriminator].map(clean));
    part(&mut text, "segments", ["name", "discriminator"], segments);
    if snapshot.skipped > 0 {
        let _ = writeln!(text, "note: {} definitions have no id and are left out\n", snapshot.skipped);
    }
    text.push_str("--json has all discriminators and versions; --toml has lines for a pipeline\n");
    text
}

/// Lines for below `[export]`, with everything that is in use.
pub(crate) fn toml(snapshot: &Snapshot) -> String {
    let all = &snapshot.definitions;
    let index = Index::new(all);
    let mut text = String::new();
    let source = [snapshot.source.as_deref(), snapshot.fetched_at.as_deref()];
    let source: Vec<_> = source.into_iter().flatten().map(clean).collect();
    let _ = writeln!(text, "# {}", if source.is_empty() { "Definitions".to_owned() } else { source.join(", ") });
    text.push_str("# An export has room for 75 attributes and 25 tags: keep what is needed.\n");
    for (member, kind) in [("attributes", Kind::Attribute), ("tags", Kind::Tag), ("events", Kind::Event)] {
        let _ = writeln!(text, "{member} = [");
        let mut of = String::new();
        for thing in all.things(kind) {
            let sections = of_sections(&thing, all, &index);
            if thing.live().next().is_some() && sections != of {
                let _ = writeln!(text, "    # {sections}");
                of = sections;
            }
            let hint = match kind {
                Kind::Attribute => format!(" ({})", value_type(&thing, &index)),
                Kind::Tag | Kind::Event => String::new(),
            };
            for id in thing.live() {
                let _ = writeln!(text, "    {}, # {}{hint}", quoted(id), clean(thing.name));
            }
        }
        text.push_str("]\n");
    }
    for segment in &all.segments {
        let _ = writeln!(text, "# segment = {} # {}", quoted(&segment.discriminator), clean(&segment.name));
    }
    text
}

/// A table with its name above it; nothing if it has no rows.
fn part<const N: usize>(text: &mut String, name: &str, header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header);
    table.add_rows(rows);
    // Every column of the terminal counts.
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(at > 0), u16::from(at + 1 < N)));
    }
    let count = table.row_iter().count();
    if count > 0 {
        let _ = writeln!(text, "{name}: {count}\n{}\n", table.trim_fmt());
    }
}

fn live(thing: &Thing<'_>) -> String {
    clean(&thing.live().collect::<Vec<_>>().join(" "))
}

fn older(thing: &Thing<'_>) -> String {
    clean(&thing.deprecated().collect::<Vec<_>>().join(" "))
}

/// The type of the latest version: ours, or in the API's words.
fn value_type(thing: &Thing<'_>, index: &Index<'_>) -> String {
    let version = thing.latest().and_then(|id| index.attribute(id)).map(|(_, version)| version);
    let known = version.and_then(|version| version.value_type).map(|known| known.name().to_owned());
    known.or_else(|| version?.type_name.as_deref().map(clean)).unwrap_or_else(|| "?".to_owned())
}

/// The fields of the latest version.
fn fields(thing: &Thing<'_>, index: &Index<'_>) -> String {
    let fields = thing.latest().and_then(|id| index.event(id)).map_or(&[][..], |(_, version)| &version.fields);
    fields.iter().map(|field| clean(&field.name)).collect::<Vec<_>>().join(", ")
}

fn of_sections(thing: &Thing<'_>, all: &Definitions, index: &Index<'_>) -> String {
    let name = |id: &&str| match index.section(id) {
        Some(section) if !section.name.is_empty() => clean(&section.name),
        _ => clean(id),
    };
    match thing.sections.len() {
        count if count > 1 && count == all.sections.len() => "every section".to_owned(),
        count if count > 2 => format!("{count} sections"),
        _ => thing.sections.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A text from the API, without what would move the cursor of a terminal or end a comment.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let json = r#"{
            "source": "https://api.apsis.one", "fetched_at": "2026-01-31T02:00:00Z",
            "sections": [{"id": 1, "discriminator": "s.one", "name": "One"}, {"id": 2, "discriminator": "s.two"}],
            "attributes": [
                {"section_id": 1, "discriminator": "a.email", "name": "Email", "type": "Text", "versions": [
                    {"id": 9, "deprecated_at": "2024"}, {"id": 10}]},
                {"section_id": 1, "discriminator": "a.fax", "name": "Fax", "versions": [{"id": 11, "deprecated_at": "2024"}]},
                {"section_id": 2, "discriminator": "a.email", "name": "Email", "versions": [{"id": 10}]},
                {"section_id": 2, "discriminator": "a.odd", "name": "Odd\n\u001b[31m\"name\"", "type": "colour", "id": "1\"2"}
            ],
            "tags": [{"section_id": 1, "discriminator": "t.会員", "name": "会員", "id": 20}],
            "events": [{"section_id": 2, "name": "Sent", "id": 30, "fields": ["activityId", "messageId"]}],
            "segments": [{"discriminator": "x.segments.vip", "name": "VIP"}, {}]
        }"#;
        Snapshot::parse(json.as_bytes()).expect("definitions")
    }

    #[test]
    fn tables_for_people() {
        assert_eq!(
            table(&snapshot()),
            "\
sections: 2
id  name  discriminator
1   One   s.one
2         s.two

attributes: 3
id   older  type    name             section
10   9      text    Email            every section
     11     ?       Fax              One
1\"2         colour  Odd\u{fffd}\u{fffd}[31m\"name\"  2

tags: 1
id  older  name  section
20         会員  One

events: 1
id  older  name  fields
30         Sent  activityId, messageId

segments: 1
name  discriminator
VIP   x.segments.vip

note: 1 definitions have no id and are left out

--json has all discriminators and versions; --toml has lines for a pipeline
"
        );
    }

    #[test]
    fn lines_for_a_pipeline() {
        let text = toml(&snapshot());
        assert_eq!(
            text,
            "\
# https://api.apsis.one, 2026-01-31T02:00:00Z
# An export has room for 75 attributes and 25 tags: keep what is needed.
attributes = [
    # every section
    \"10\", # Email (text)
    # 2
    '1\"2', # Odd\u{fffd}\u{fffd}[31m\"name\" (colour)
]
tags = [
    # One
    \"20\", # 会員
]
events = [
    # 2
    \"30\", # Sent
]
# segment = \"x.segments.vip\" # VIP
"
        );
        let parsed: toml::Table = toml::from_str(&text).expect("it is TOML");
        assert_eq!(parsed["attributes"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn long_texts_are_broken_at_80_columns() {
        let long = "word ".repeat(40);
        let json = format!(
            r#"{{"tags": [{{"section_id": 1, "name": "{long}", "id": 20}}], "sections": [{{"id": 1, "name": "{long}"}}]}}"#
        );
        let text = table(&Snapshot::parse(json.as_bytes()).expect("definitions"));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("word").count(), 40 * 3);
    }

    #[test]
    fn what_is_not_there_is_not_shown() {
        let text = table(&Snapshot::default());
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(toml::from_str::<toml::Table>(&super::toml(&Snapshot::default())).is_ok());
    }
}
