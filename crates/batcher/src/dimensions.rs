//! The dimension tables: what the ids in the other tables stand for. They are small, one batch each.
//!
//! There is a row for each version that a section lists, so that the rows of the export find theirs by section and id:
//! `JOIN attribute_definitions USING (section_id, attribute_id)`. An event's fields are a table of their own rather than
//! JSON in a cell: one can filter by type, count, and join without a parser.

use apsides_definitions::{Attribute, Definitions, EventType, Index, Tag, Versioned};
use arrow::{
    array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    compute::kernels::cast_utils::string_to_timestamp_nanos,
    datatypes::{Field, Schema, SchemaRef},
};
use std::sync::Arc;

/// The dimension tables of these definitions: name, schema, rows. Without definitions each has its schema and no row.
///
/// ```
/// use apsides_batcher::dimension_tables;
/// use apsides_definitions::{Definitions, Section};
///
/// let (id, discriminator, name) = ("1203".to_owned(), "usercreated.sections.europe".to_owned(), "Europe".to_owned());
/// let definitions = Definitions { sections: vec![Section { id, discriminator, name }], ..Definitions::default() };
/// let tables = dimension_tables(&definitions);
/// let (name, schema, rows) = &tables[0];
/// assert_eq!((*name, schema.field(0).name().as_str(), rows.num_rows()), ("sections", "section_id", 1));
/// ```
pub fn dimension_tables(definitions: &Definitions) -> Vec<(&'static str, SchemaRef, RecordBatch)> {
    let index = Index::new(definitions);
    let section_name = |id: &str| index.section(id).and_then(|section| filled(&section.name));
    let tables = [
        ("sections", sections(definitions)),
        ("attribute_definitions", attributes(definitions, &section_name)),
        ("tag_definitions", tags(definitions, &section_name)),
        ("event_definitions", events(definitions, &section_name)),
        ("event_fields", event_fields(definitions, &index)),
    ];
    tables.map(|(name, columns)| batch(name, columns)).into()
}

/// Name, whether null may stand in it, cells.
type Column = (&'static str, bool, ArrayRef);

/// The name of a section by its id.
type SectionName<'d> = dyn Fn(&str) -> Option<&'d str> + 'd;

fn sections(definitions: &Definitions) -> Vec<Column> {
    let sections = &definitions.sections;
    vec![
        required("section_id", sections.iter().map(|section| section.id.as_str())),
        optional("discriminator", sections.iter().map(|section| filled(&section.discriminator))),
        optional("name", sections.iter().map(|section| filled(&section.name))),
    ]
}

fn attributes<'d>(definitions: &'d Definitions, section_name: &SectionName<'d>) -> Vec<Column> {
    let each = |attribute: &'d Attribute| attribute.versions.iter().map(move |version| (attribute, version));
    let rows: Vec<_> = definitions.attributes.iter().flat_map(each).collect();
    vec![
        optional("section_id", rows.iter().map(|(attribute, _)| filled(&attribute.section_id))),
        optional("section_name", rows.iter().map(|(attribute, _)| section_name(&attribute.section_id))),
        required("attribute_id", rows.iter().map(|(_, version)| version.id.as_str())),
        optional("discriminator", rows.iter().map(|(attribute, _)| filled(&attribute.discriminator))),
        optional("name", rows.iter().map(|(attribute, _)| filled(&attribute.name))),
        optional("type", rows.iter().map(|(_, version)| version.value_type.map(|known| known.name()))),
        optional("type_name", rows.iter().map(|(_, version)| version.type_name.as_deref())),
        times("deprecated_at", rows.iter().map(|(_, version)| version.deprecated_at.as_deref())),
        flags("is_live", rows.iter().map(|(_, version)| version.is_live())),
    ]
}

fn tags<'d>(definitions: &'d Definitions, section_name: &SectionName<'d>) -> Vec<Column> {
    let each = |tag: &'d Tag| tag.versions.iter().map(move |version| (tag, version));
    let rows: Vec<_> = definitions.tags.iter().flat_map(each).collect();
    vec![
        optional("section_id", rows.iter().map(|(tag, _)| filled(&tag.section_id))),
        optional("section_name", rows.iter().map(|(tag, _)| section_name(&tag.section_id))),
        required("tag_id", rows.iter().map(|(_, version)| version.id.as_str())),
        optional("discriminator", rows.iter().map(|(tag, _)| filled(&tag.discriminator))),
        optional("name", rows.iter().map(|(tag, _)| filled(&tag.name))),
        times("deprecated_at", rows.iter().map(|(_, version)| version.deprecated_at.as_deref())),
        flags("is_live", rows.iter().map(|(_, version)| version.is_live())),
    ]
}

fn events<'d>(definitions: &'d Definitions, section_name: &SectionName<'d>) -> Vec<Column> {
    let each = |event: &'d EventType| event.versions.iter().map(move |version| (event, version));
    let rows: Vec<_> = definitions.events.iter().flat_map(each).collect();
    vec![
        optional("section_id", rows.iter().map(|(event, _)| filled(&event.section_id))),
        optional("section_name", rows.iter().map(|(event, _)| section_name(&event.section_id))),
        required("type_id", rows.iter().map(|(_, version)| version.id.as_str())),
        optional("discriminator", rows.iter().map(|(event, _)| filled(&event.discriminator))),
        optional("name", rows.iter().map(|(event, _)| filled(&event.name))),
        times("deprecated_at", rows.iter().map(|(_, version)| version.deprecated_at.as_deref())),
        flags("is_live", rows.iter().map(|(_, version)| version.is_live())),
    ]
}

/// Each version once, however many sections list it: what its events hold does not depend on the section.
fn event_fields(definitions: &Definitions, index: &Index<'_>) -> Vec<Column> {
    let versions = definitions.events.iter().flat_map(|event| &event.versions);
    let first =
        versions.filter(|version| index.event(&version.id).is_some_and(|(_, known)| std::ptr::eq(known, *version)));
    let fields = first.flat_map(|version| version.fields.iter().zip(0..).map(move |(field, at)| (version, field, at)));
    let rows: Vec<_> = fields.collect();
    vec![
        required("type_id", rows.iter().map(|(version, ..)| version.id.as_str())),
        ("ordinal", false, Arc::new(Int32Array::from_iter_values(rows.iter().map(|&(.., at)| at)))),
        required("name", rows.iter().map(|(_, field, _)| field.name.as_str())),
        optional("type", rows.iter().map(|(_, field, _)| field.value_type.map(|known| known.name()))),
        optional("type_name", rows.iter().map(|(_, field, _)| field.type_name.as_deref())),
    ]
}

fn batch(name: &'static str, columns: Vec<Column>) -> (&'static str, SchemaRef, RecordBatch) {
    let field = |(name, nullable, cells): &Column| Field::new(*name, cells.data_type().clone(), *nullable);
    let schema: SchemaRef = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let cells = columns.into_iter().map(|(_, _, cells)| cells).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), cells).expect("columns of the same rows");
    (name, schema, batch)
}

fn required<'d>(name: &'static str, cells: impl Iterator<Item = &'d str>) -> Column {
    (name, false, Arc::new(StringArray::from_iter_values(cells)))
}

fn optional<'d>(name: &'static str, cells: impl Iterator<Item = Option<&'d str>>) -> Column {
    (name, true, Arc::new(cells.collect::<StringArray>()))
}

fn flags(name: &'static str, cells: impl Iterator<Item = bool>) -> Column {
    (name, false, Arc::new(cells.map(Some).collect::<BooleanArray>()))
}

/// What is no time in ISO 8601 becomes null.
fn times<'d>(name: &'static str, cells: impl Iterator<Item = Option<&'d str>>) -> Column {
    let microseconds = |text| Some(string_to_timestamp_nanos(text).ok()?.div_euclid(1_000));
    let cells: TimestampMicrosecondArray = cells.map(|text| text.and_then(microseconds)).collect();
    (name, true, Arc::new(cells.with_timezone("UTC")))
}

/// What the API did not say is null rather than empty.
fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_definitions::Snapshot;
    use arrow::{
        array::AsArray,
        datatypes::TimestampMicrosecondType,
        util::display::{ArrayFormatter, FormatOptions},
    };

    /// The rows of a table, their cells separated by `|`.
    fn rows(definitions: &Definitions, table: &str) -> Vec<String> {
        let tables = dimension_tables(definitions);
        let (_, _, batch) = tables.iter().find(|(name, ..)| *name == table).expect(table);
        let options = FormatOptions::default().with_null("-");
        // Formatting a time with a zone would take a database of zones.
        let plain: Vec<_> = batch
            .columns()
            .iter()
            .map(|cells| match cells.as_primitive_opt::<TimestampMicrosecondType>() {
                Some(times) => Arc::new(times.clone().with_timezone_opt(None::<&str>)),
                None => Arc::clone(cells),
            })
            .collect();
        let columns: Vec<_> =
            plain.iter().map(|cells| ArrayFormatter::try_new(cells, &options).expect("a format")).collect();
        let row = |row| columns.iter().map(|cells| cells.value(row).to_string()).collect::<Vec<_>>().join("|");
        (0..batch.num_rows()).map(row).collect()
    }

    fn definitions() -> Definitions {
        let json = r#"{
            "sections": [{"id": "1", "discriminator": "s.one", "name": "One"}, {"id": "2"}],
            "attributes": [
                {"section_id": "1", "discriminator": "a.email", "name": "Email", "type": "Text", "versions": [
                    {"id": "9", "deprecated_at": "2024-11-05T09:30:00+01:00"}, {"id": "10", "deprecated_at": null}]},
                {"section_id": "2", "discriminator": "a.email", "name": "Email", "type": "Text", "versions": [{"id": "10"}]},
                {"name": "No section", "type": "colour", "versions": [{"id": "11", "deprecated_at": "long ago"}]}
            ],
            "tags": [{"section_id": "3", "discriminator": "t.vip", "name": "VIP", "versions": [{"id": "20"}]}],
            "events": [
                {"section_id": "1", "discriminator": "e.sent", "name": "Sent", "versions": [
                    {"id": "30", "deprecated_at": "2024-11-05", "fields": ["id"]},
                    {"id": "31", "fields": [{"name": "id", "type": "number"}, {"name": "what", "type": "colour"}]}]},
                {"section_id": "2", "discriminator": "e.sent", "name": "Sent", "versions": [
                    {"id": "31", "fields": [{"name": "id", "type": "number"}, {"name": "what", "type": "colour"}]}]}
            ]
        }"#;
        Snapshot::parse(json.as_bytes()).expect("definitions").definitions
    }

    #[test]
    fn a_row_per_section_and_version() {
        let definitions = definitions();
        for (table, expected) in [
            ("sections", &["1|s.one|One", "2|-|-"][..]),
            (
                "attribute_definitions",
                &[
                    "1|One|9|a.email|Email|text|Text|2024-11-05T08:30:00|false",
                    "1|One|10|a.email|Email|text|Text|-|true",
                    "2|-|10|a.email|Email|text|Text|-|true",
                    "-|-|11|-|No section|-|colour|-|false",
                ],
            ),
            ("tag_definitions", &["3|-|20|t.vip|VIP|-|true"]),
            (
                "event_definitions",
                &[
                    "1|One|30|e.sent|Sent|2024-11-05T00:00:00|false",
                    "1|One|31|e.sent|Sent|-|true",
                    "2|-|31|e.sent|Sent|-|true",
                ],
            ),
            ("event_fields", &["30|0|id|-|-", "31|0|id|integer|number", "31|1|what|-|colour"]),
        ] {
            assert_eq!(rows(&definitions, table), expected, "{table}");
        }
    }

    #[test]
    fn without_definitions_there_are_schemas() {
        let (none, some) = (dimension_tables(&Definitions::default()), dimension_tables(&definitions()));
        assert_eq!(none.len(), 5);
        for ((name, schema, batch), (same_name, same_schema, _)) in none.iter().zip(&some) {
            assert_eq!((name, schema, batch.num_rows()), (same_name, same_schema, 0));
        }
    }
}
