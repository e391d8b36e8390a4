//! Which columns come of which definitions, and what becomes of them when the definitions change. A
//! schema is written as a line per table: `name: column kind, …`, a retired column with a `-` before it.

use super::*;
use crate::{event::Event, facts::Facts};
use apsides_definitions::{Definitions, Snapshot};

fn definitions(json: &str) -> Definitions {
    Snapshot::parse(json.as_bytes()).expect(json).definitions
}

fn shown(schema: &TypedSchema) -> Vec<String> {
    schema.tables.iter().map(|table| format!("{}: {}", table.name, shown_columns(&table.columns))).collect()
}

fn shown_columns(columns: &[TypedColumn]) -> String {
    let column = |column: &TypedColumn| {
        let retired = if column.retired { "-" } else { "" };
        let of = column.kind.name();
        let of =
            if column.kind.is_nested() { format!("{of}<{}>", shown_columns(&column.members)) } else { of.to_owned() };
        if column.name == "element" { of } else { format!("{retired}{} {of}", column.name) }
    };
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn planned(json: &str, asked: &Asked) -> TypedSchema {
    let typed = Typed { wide: true, events: true, asked: asked.clone(), ..Typed::default() };
    plan(&typed, &definitions(json), &Learner::default())
}

#[track_caller]
fn columns(json: &str, expected: &[&str]) {
    assert_eq!(shown(&planned(json, &Asked::default())), expected, "{json}");
}

/// No definitions.
const NOTHING: &str = r#"{"attributes": []}"#;

/// An attribute's definition.
macro_rules! attribute {
    ($discriminator:literal, $versions:literal) => {
        concat!(
            r#"{"attributes": [{"discriminator": ""#,
            $discriminator,
            r#"", "name": "N", "versions": ["#,
            $versions,
            "]}]}"
        )
    };
}

#[test]
fn things_become_columns() {
    columns(NOTHING, &["wide: "]);
    columns(
        attribute!("com.apsis1.attributes.first-name", r#"{"id": "1", "type": "text"}"#),
        &["wide: first_name text"],
    );
    columns(attribute!("", r#"{"id": "1", "type": "text"}"#), &["wide: n text"]);
    columns(attribute!("a", r#"{"id": "1", "type": "colour"}"#), &["wide: "]);
    // Versions of one type share a column; those of another have their own, the live one the name.
    columns(
        attribute!("a", r#"{"id": "1", "type": "text", "deprecated_at": "2020"}, {"id": "2", "type": "Text"}"#),
        &["wide: a text"],
    );
    columns(
        attribute!("a", r#"{"id": "1", "type": "text", "deprecated_at": "2020"}, {"id": "2", "type": "number"}"#),
        &["wide: a integer, a_text text"],
    );
    // What several sections list is one column.
    columns(
        r#"{"attributes": [
            {"section_id": "1", "discriminator": "a", "versions": [{"id": "1", "type": "date"}]},
            {"section_id": "2", "discriminator": "a", "versions": [{"id": "1", "type": "date"}]}]}"#,
        &["wide: a date"],
    );
    // Of two with one name, the one with the lowest id keeps it.
    columns(
        r#"{"attributes": [
            {"discriminator": "usercreated.attributes.city-zzzzg4zdme", "versions": [{"id": "9", "type": "text"}]},
            {"discriminator": "com.attributes.city", "versions": [{"id": "3", "type": "text"}]}]}"#,
        &["wide: city_zzzzg4zdme text, city text"],
    );
    columns(
        r#"{"attributes": [{"discriminator": "section-id", "versions": [{"id": "1", "type": "text"}]}],
            "tags": [{"discriminator": "x.tags.section-id", "versions": [{"id": "2"}]}]}"#,
        &["wide: section_id_1 text, tag_section_id tag"],
    );
    columns(
        r#"{"events": [{"discriminator": "com.events.sent", "versions": [
            {"id": "1", "deprecated_at": "2020", "fields": [{"name": "n", "type": "number"}, {"name": "at", "type": "text"}]},
            {"id": "2", "fields": [{"name": "ordinal", "type": "text"}, {"name": "n", "type": "decimal"}, {"name": "at", "type": "date"}]}]}]}"#,
        &["wide: ", "events_sent: n double, at json, ordinal_2 text"],
    );
}

#[test]
fn only_what_was_asked_for_has_columns() {
    let json = r#"{"attributes": [{"discriminator": "a", "versions": [{"id": "1", "type": "text"}]},
                                  {"discriminator": "b", "versions": [{"id": "2", "type": "text"}]}],
                   "tags": [{"discriminator": "t", "versions": [{"id": "3"}]}],
                   "events": [{"discriminator": "e", "versions": [{"id": "4"}]}]}"#;
    let set = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    let asked = Asked { attributes: set(&["2"]), tags: set(&[]), events: set(&["4"]) };
    assert_eq!(shown(&planned(json, &asked)), ["wide: b text", "events_e: "]);
}

#[track_caller]
fn change(before: &str, now: &str, mode: SchemaMode, expected: &[&str], changes: &[&str]) {
    let before = planned(before, &Asked::default());
    let merged = merge(Some(&before), planned(now, &Asked::default()), mode, &Asked::default());
    let (schema, found) = match merged {
        Ok((schema, changes)) => (shown(&schema), changes),
        Err(changes) => (vec!["frozen".to_owned()], changes),
    };
    assert_eq!(schema, expected, "{now}");
    assert_eq!(found.iter().map(Change::to_string).collect::<Vec<_>>(), changes, "{now}");
}

#[test]
fn a_published_column_stays() {
    use SchemaMode::{Discard, Evolve, Freeze};
    let text = attribute!("a", r#"{"id": "1", "type": "text"}"#);
    let number = attribute!("a", r#"{"id": "1", "type": "number"}"#);
    let decimal = attribute!("a", r#"{"id": "1", "type": "decimal"}"#);
    let other = attribute!("b", r#"{"id": "2", "type": "text"}"#);
    for mode in [Evolve, Freeze, Discard] {
        // The same, gone, a new version, a renamed one, and what the column holds anyway.
        change(text, text, mode, &["wide: a text"], &[]);
        change(text, NOTHING, mode, &["wide: a text"], &[]);
        change(text, attribute!("a", r#"{"id": "7", "type": "text"}"#), mode, &["wide: a text"], &[]);
        change(text, &text.replace("\"N\"", "\"M\""), mode, &["wide: a text"], &[]);
        change(decimal, number, mode, &["wide: a double"], &[]);
    }
    change(text, other, Evolve, &["wide: a text, b text"], &["new column wide.b (text)"]);
    change(text, other, Discard, &["wide: a text"], &["new column wide.b (text)"]);
    change(text, other, Freeze, &["frozen"], &["new column wide.b (text)"]);
    change(text, number, Evolve, &["wide: -a text, a_integer integer"], &["wide.a was text, is integer"]);
    change(text, number, Discard, &["wide: a text"], &["wide.a was text, is integer"]);
    change(text, number, Freeze, &["frozen"], &["wide.a was text, is integer"]);
    change(number, decimal, Evolve, &["wide: -a integer, a_double double"], &["wide.a was integer, is double"]);
}

#[test]
fn a_type_that_comes_back_finds_its_column() {
    let [text, number] = ["text", "number"].map(|kind| {
        format!(r#"{{"attributes": [{{"discriminator": "a", "versions": [{{"id": "1", "type": "{kind}"}}]}}]}}"#)
    });
    let asked = Asked::default();
    let mut schema = planned(&text, &asked);
    let mut changes = Vec::new();
    for definitions in [&number, &number, &text, &text] {
        (schema, changes) =
            merge(Some(&schema), planned(definitions, &asked), SchemaMode::Evolve, &asked).expect("evolve allows all");
    }
    assert_eq!(shown(&schema), ["wide: a text, a_integer integer"]);
    assert_eq!(changes, []);
}

#[test]
fn tags_that_nobody_asks_for_are_unknown() {
    let json = r#"{"tags": [{"discriminator": "t", "versions": [{"id": "3"}]}, {"discriminator": "u", "versions": [{"id": "4"}]}]}"#;
    let before = planned(json, &Asked::default());
    let asked = Asked { tags: Some(["4".to_owned()].into()), ..Asked::default() };
    let (schema, changes) =
        merge(Some(&before), planned(json, &asked), SchemaMode::Freeze, &asked).expect("no new column");
    assert_eq!(shown(&schema), ["wide: -tag_t tag, tag_u tag"]);
    assert_eq!(changes.iter().map(Change::to_string).collect::<Vec<_>>(), ["wide.tag_t is no longer asked for"]);
}

#[test]
fn tables_of_events_come_and_stay() {
    let event = |discriminator: &str, id: &str, field: &str| {
        format!(
            r#"{{"events": [{{"discriminator": "{discriminator}", "versions": [{{"id": "{id}", "fields": [{{"name": "{field}", "type": "text"}}]}}]}}]}}"#
        )
    };
    let sent = &event("x.events.sent", "1", "m");
    change(
        sent,
        &event("x.events.sent", "2", "n"),
        SchemaMode::Evolve,
        &["wide: ", "events_sent: m text, n text"],
        &["new column events_sent.n (text)"],
    );
    let other = &event("x.events.read", "3", "m");
    change(
        sent,
        other,
        SchemaMode::Evolve,
        &["wide: ", "events_sent: m text", "events_read: m text"],
        &["new table events_read"],
    );
    change(sent, other, SchemaMode::Discard, &["wide: ", "events_sent: m text"], &["new table events_read"]);
    change(sent, other, SchemaMode::Freeze, &["frozen"], &["new table events_read"]);
}

/// What is learned of events whose data has the member `m` with these values, so many times each.
fn sampled(values: &[(&str, u32)]) -> TypedSchema {
    let mut learner = Learner::default();
    for &(value, times) in values {
        let mut event = Event::default();
        event.type_id.set(Some("9"));
        event.data.set(Some(&format!(r#"{{"m": {value}}}"#)));
        (0..times).for_each(|_| learner.event(0, &event, false).expect("nothing fails"));
    }
    plan(&Typed { events: true, ..Typed::default() }, &definitions(NOTHING), &learner)
}

#[test]
fn objects_and_arrays_that_are_published_stay_what_they_are() {
    const OBJECT: (&str, u32) = (r#"{"a": 1, "l": [1], "o": {"x": true}}"#, 20);
    const SHAPE: &str = "m struct<a integer, l list<integer>, o struct<x boolean>>";
    const LIST: (&str, u32) = (r#"[{"a": 1}]"#, 20);
    for (before, now, expected, changes) in [
        (&[OBJECT][..], &[OBJECT][..], SHAPE, &[][..]),
        // Nothing of it, or too little to tell, whatever that is.
        (&[OBJECT], &[("null", 1)], SHAPE, &[]),
        (&[OBJECT], &[("{}", 1)], SHAPE, &[]),
        (&[OBJECT], &[("[]", 30)], SHAPE, &[]),
        (&[OBJECT], &[("[1]", 1)], SHAPE, &[]),
        (&[OBJECT], &[(r#"{"a": 2}"#, 1)], SHAPE, &[]),
        (&[OBJECT], &[(r#"{"a": 2}"#, 20), (r#"{"l": [], "o": {}}"#, 1)], SHAPE, &[]),
        (&[OBJECT], &[(r#"{"l": [2]}"#, 1), (r#"{"a": 2}"#, 20)], SHAPE, &[]),
        (&[LIST], &[(r#"[{"a": 2}]"#, 1)], "m list<struct<a integer>>", &[]),
        (&[LIST], &[("[{}]", 30)], "m list<struct<a integer>>", &[]),
        (&[LIST], &[("[]", 30)], "m list<struct<a integer>>", &[]),
        (&[LIST], &[("[5]", 1)], "m list<struct<a integer>>", &[]),
        // More members.
        (
            &[OBJECT],
            &[OBJECT, (r#"{"o": {"y": 1}, "z": "t"}"#, 20)],
            "m struct<a integer, l list<integer>, o struct<x boolean, y integer>, z text>",
            &["new column events_9.m.o.y (integer)", "new column events_9.m.z (text)"],
        ),
        (
            &[LIST],
            &[(r#"[{"b": 1}]"#, 20)],
            "m list<struct<a integer, b integer>>",
            &["new column events_9.m[].b (integer)"],
        ),
        // Members of other types.
        (
            &[OBJECT],
            &[(r#"{"a": "t"}"#, 20)],
            "m struct<-a integer, l list<integer>, o struct<x boolean>, a_text text>",
            &["events_9.m.a was integer, is text"],
        ),
        (
            &[LIST],
            &[("[5]", 20)],
            "-m list<struct<a integer>>, m_list list<integer>",
            &["events_9.m was list of struct, is list of integer"],
        ),
        (&[OBJECT], &[("7", 1)], &format!("-{SHAPE}, m_integer integer"), &["events_9.m was struct, is integer"]),
        (&[OBJECT], &[("7", 1), ("{}", 1)], &format!("-{SHAPE}, m_json json"), &["events_9.m was struct, is json"]),
        // What was JSON text stays so.
        (&[("[1]", 1)], &[("[1]", 99)], "m json", &[]),
        (&[("{}", 1)], &[OBJECT], "m json", &[]),
    ] {
        let asked = Asked::default();
        let (before, none) = merge(None, sampled(before), SchemaMode::Freeze, &asked).expect("all is new");
        assert_eq!(none, []);
        let (after, found) = merge(Some(&before), sampled(now), SchemaMode::Evolve, &asked).expect("evolve allows all");
        assert_eq!(shown_columns(&after.tables[0].columns), expected, "{now:?}");
        assert_eq!(found.iter().map(Change::to_string).collect::<Vec<_>>(), changes, "{now:?}");
        let (again, none) = merge(Some(&after), sampled(now), SchemaMode::Freeze, &asked).expect("it is published");
        assert_eq!((again, none), (after, vec![]), "{now:?}");
    }
}

#[test]
fn types_of_nothing_are_found() {
    let column = |name: &str, ids: &[&str], discriminator: &str| TypedColumn {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        discriminator: discriminator.to_owned(),
        ..TypedColumn::of(name, Kind::Text)
    };
    let of = TypedOf::Events { type_ids: vec!["9".to_owned()], discriminator: "com.shop.buy".to_owned() };
    let wide = TypedTable {
        name: "wide".to_owned(),
        of: TypedOf::Sections,
        columns: vec![column("a", &["7", "8"], "com.shop.a")],
    };
    let events = TypedTable { name: "events_buy".to_owned(), of, columns: vec![column("items", &["items"], "")] };
    let schema = TypedSchema { tables: vec![wide, events], ..TypedSchema::default() };
    for (name, is_unused) in [
        ("7", false),
        ("com.shop.a", false),
        ("com.shop.b", true),
        ("99", true),
        ("9/items", false),
        ("com.shop.buy/items", false),
        ("com.shop.buy/items[]/price", false),
        ("com.shop.buy/prices", true),
        ("10/items", true),
    ] {
        let kinds = [(name.to_owned(), Kind::Integer)].into();
        let typed = Typed { wide: true, events: true, kinds, ..Typed::default() };
        assert_eq!(unused(&typed, &schema), if is_unused { vec![name] } else { vec![] }, "{name}");
        // Of a table that is not written, nothing is said.
        let typed = Typed { wide: false, events: false, ..typed };
        assert!(unused(&typed, &schema).is_empty(), "{name}");
    }
}
