//! What is found in exports, a line for each case: the export, and members of the JSON of what was found.

use super::*;
use apsides_definitions::Snapshot;
use serde_json::{Value as Json, json};
use std::ops::Range;

fn found(export: &str, options: &InspectOptions) -> Json {
    let found = inspect(export.as_bytes(), options, &Progress::default()).expect(export);
    if let Some(in_slices) = found_in_slices(export, options, 3) {
        assert_eq!(in_slices, found, "{export}");
    }
    serde_json::to_value(found).expect("plain data")
}

fn found_in_slices(export: &str, options: &InspectOptions, threads: usize) -> Option<Inspection> {
    let options = InspectOptions { threads, slice_bytes: 1, ..options.clone() };
    let slice = |range: Range<u64>| &export.as_bytes()[range.start as usize..range.end as usize];
    let progress = Progress::default();
    let found = inspect_slices(export.len() as u64, slice, &options, &progress).expect("it is in memory");
    assert_eq!(progress.profiles(), found.as_ref().map_or(0, |found| found.totals.profiles));
    found
}

#[test]
fn slices_are_read_at_once_where_that_makes_no_difference() {
    let profile = |key: &str, day: u32| {
        let times = format!(r#""createdAt":{},"sourceEventTime":0"#, u64::from(day) * 86_400_000);
        let event = format!(r#"{{"correlationId":"c","typeId":"{}",{times},"data":{{"a":{day}}}}}"#, 30 + day % 3);
        let attributes = format!(r#""{day}":{{"value":"x, y"}},"7":{{"value":{day}}},"20":{{"value":null}}"#);
        format!(
            r#""{key}":{{"sections":{{"{}":{{"attributes":{{{attributes}}},"events":[{event},{event}]}}}},"topics":[{day}]}}"#,
            day % 2
        )
    };
    let many = |of: &dyn Fn(u32) -> String| (0..60).map(of).collect::<Vec<_>>().join(",");
    let plain = many(&|day| profile(&format!("k{day}"), day));
    // What looks like a profile in what is none.
    let nested = r#"{"x":1,"a":{"sections":{}},"b":{"sections":{}},"c":{"sections":{}}}"#;
    let tricky = many(&|day| format!(r#""k{day}":{{"sections":{{"1":{{"events":[{{"data":{nested}}}]}}}}}}"#));
    for (name, export, is_in_slices) in [
        ("plain", format!("{{{plain}}}"), true),
        ("pretty", format!("{{\n{plain}\n}}\n").replace(":{", " : {\n ").replace(",\"", " ,\t\""), true),
        ("in a member", format!(r#"{{"profiles":{{{plain}}},"metadata":{{"a":1}}}}"#), true),
        ("with metadata behind", format!(r#"{{{plain},"metadata":{{"a":1}}}}"#), true),
        ("one that is called profiles", format!(r#"{{{plain},"profiles":{{}},{plain}}}"#), false),
        ("profiles that are none", format!(r#"{{"profiles":{{"a":{{}}}},"others":{{{plain}}},"x":1}}"#), false),
        ("what looks like profiles", format!("{{{tricky}}}"), false),
        ("metadata first", format!(r#"{{"metadata":{{}},"profiles":{{{plain}}}}}"#), false),
        ("broken off", format!("{{{plain}"), false),
        ("broken", format!("{{{plain},,{plain}}}"), false),
        (
            "sections that come late",
            format!("{{{}}}", plain.replace(r#":{"sections""#, r#":{"x":1,"sections""#)),
            false,
        ),
        ("one profile", format!("{{{}}}", profile("k", 1)), false),
        ("nothing", "{}".to_owned(), false),
    ] {
        for duplicates in [false, true] {
            let options = InspectOptions { duplicates, ..InspectOptions::default() };
            let mut found_each = (2..9).map(|threads| found_in_slices(&export, &options, threads)).collect::<Vec<_>>();
            assert!(found_each.iter().all(|found| found.is_some() == is_in_slices), "{name}");
            found_each.dedup();
            if let Some(found) = found_each.remove(0) {
                let whole = inspect(export.as_bytes(), &options, &Progress::default()).expect(name);
                assert_eq!(found, whole, "{name}");
            }
            assert!(found_each.is_empty(), "{name}");
        }
    }
}

#[test]
fn what_is_too_much_for_parts_is_read_as_a_whole() {
    let export = (0..40).map(|key| format!(r#""{key}":{{"sections":{{"{key}":{{"attributes":{{"{key}":{{}}}}}}}}}}"#));
    let export = format!("{{{}}}", export.collect::<Vec<_>>().join(","));
    let default = InspectOptions::default();
    for (options, is_in_slices) in [
        (InspectOptions { sections_max: 41, entries_max: 41, ..default.clone() }, true),
        (InspectOptions { sections_max: 39, ..default.clone() }, false),
        (InspectOptions { sections_max: 20, ..default.clone() }, false),
        (InspectOptions { entries_max: 39, ..default.clone() }, false),
    ] {
        assert_eq!(found_in_slices(&export, &options, 2).is_some(), is_in_slices, "{options:?}");
    }
}

/// One section of one profile.
fn section(content: &str) -> String {
    format!(r#"{{"k":{{"sections":{{"1203":{{{content}}}}}}}}}"#)
}

fn check(export: &str, options: &InspectOptions, expected: &[(&str, Json)]) {
    let found = found(export, options);
    for (pointer, value) in expected {
        assert_eq!(found.pointer(pointer), Some(value), "{pointer} of {export}: {found:#}");
    }
}

#[test]
fn everything_is_counted() {
    let options = InspectOptions { attribute_ids: ["77".to_owned()].into(), ..InspectOptions::default() };
    let entries = |entries: &str| section(&format!(r#""attributes":{{{entries}}}"#));
    let events = |events: &str| section(&format!(r#""events":[{events}]"#));
    for (export, expected) in [
        ("{}".to_owned(), vec![("/totals/profiles", json!(0)), ("/profile_sizes/histogram", json!([]))]),
        ("{}".to_owned(), vec![("/json_bytes", json!(2)), ("/duplicate_events", json!(null))]),
        (r#"{"a":{},"b": {} }"#.to_owned(), vec![("/profile_sizes/bytes", json!(4)), ("/totals/profiles", json!(2))]),
        (
            r#"{"profiles":{"a":[ 1 ]}}"#.to_owned(),
            vec![("/profile_sizes/bytes", json!(5)), ("/profile_sizes/bytes_max", json!(5))],
        ),
        (r#"{"profiles":{"a":{}}}"#.to_owned(), vec![("/totals/profiles", json!(1)), ("/unmapped", json!([]))]),
        // Attributes and tags.
        (entries(r#""7":{"value":"a"}"#), vec![("/attributes/0/values/string", json!(1)), ("/tags", json!([]))]),
        (entries(r#""7":{"value":"\u00e5"}"#), vec![("/attributes/0/values/string", json!(1))]),
        (entries(r#""7":{"value":-1}"#), vec![("/attributes/0/values/integer", json!(1))]),
        (entries(r#""7":{"value":9223372036854775807}"#), vec![("/attributes/0/values/integer", json!(1))]),
        (entries(r#""7":{"value":9223372036854775808}"#), vec![("/attributes/0/values/double", json!(1))]),
        (entries(r#""7":{"value":1e2}"#), vec![("/attributes/0/values/double", json!(1))]),
        (entries(r#""7":{"value":1.5}"#), vec![("/attributes/0/values/double", json!(1))]),
        (entries(r#""7":{"value":true}"#), vec![("/attributes/0/values/boolean", json!(1))]),
        (entries(r#""7":{"value":{}}"#), vec![("/attributes/0/values/object", json!(1))]),
        (entries(r#""7":{"value":[]}"#), vec![("/attributes/0/values/array", json!(1))]),
        (entries(r#""77":{"value":null}"#), vec![("/attributes/0/values/null", json!(1)), ("/tags", json!([]))]),
        (entries(r#""7":{"value":null}"#), vec![("/attributes", json!([])), ("/tags/0/tags", json!(1))]),
        (entries(r#""7":{}"#), vec![("/tags/0/id", json!("7")), ("/totals/tags", json!(1))]),
        (entries(r#""7":{"value":1},"7":{}"#), vec![("/attributes/0/as_tag", json!(1)), ("/tags/0/tags", json!(1))]),
        (entries(r#""10":{"value":1},"9":{"value":1}"#), vec![("/attributes/0/id", json!("9"))]),
        (entries(r#""7":{"value":1}"#), vec![("/sections/0/attributes", json!(1)), ("/attributes/0/of", json!(1))]),
        (entries(r#""a b":{"value":1}"#), vec![("/attributes", json!([])), ("/others/attributes", json!(1))]),
        (entries(r#""a b":{}"#), vec![("/tags", json!([])), ("/others/tags", json!(1)), ("/totals/tags", json!(1))]),
        // Events.
        (events(r#"{"typeId":"9"},{"typeId":9}"#), vec![("/event_types/0/events", json!(2))]),
        (events("{}"), vec![("/event_types/0/id", json!(null)), ("/event_types/0/without_data", json!(1))]),
        (events(r#"{"data": {"a": 1} }"#), vec![("/data_bytes", json!(8)), ("/data_bytes_max", json!(8))]),
        (events(r#"{"data":"ab"},{"data":[1]}"#), vec![("/data_bytes", json!(7)), ("/data_bytes_max", json!(4))]),
        (events(r#"{"data":{"a":1},"data":null}"#), vec![("/data_bytes", json!(0))]),
        (events(r#"{"data":12},{"data":false}"#), vec![("/data_bytes", json!(7))]),
        (events(r#"{"createdAt":86400000}"#), vec![("/created_at/first_micros", json!(86_400_000_000_i64))]),
        (events(r#"{"createdAt":86400000}"#), vec![("/event_types/0/days/0/day", json!("1970-01-02"))]),
        (
            events(r#"{"createdAt":1,"sourceEventTime":86400000}"#),
            vec![("/event_types/0/days/0/day", json!("1970-01-02"))],
        ),
        (events(r#"{"sourceEventTime":0}"#), vec![("/source_event_time/known", json!(0))]),
        (events(r#"{"sourceEventTime":0}"#), vec![("/event_types/0/other_days", json!(1))]),
        (events(r#"{"typeId":"a b"}"#), vec![("/event_types", json!([])), ("/others/events", json!(1))]),
        (events(r#"{"typeId":"a b"}"#), vec![("/sections/0/events", json!(1)), ("/totals/events", json!(1))]),
        (events(r#"{"typeId":{}}"#), vec![("/unmapped/0/pattern", json!("/*/sections/*/events/*/typeId"))]),
        (events(r#"{"correlationId":true}"#), vec![("/unmapped/0/reason", json!("type_mismatch"))]),
        // Values without a column.
        (r#"{"k":{"topics":[1, 2]}}"#.to_owned(), vec![("/unmapped/0/bytes", json!(6))]),
        (r#"{"k":{"topics":1}}"#.to_owned(), vec![("/unmapped/0/reason", json!("unknown_member"))]),
        (r#"{"profiles":{},"anna@b":{}}"#.to_owned(), vec![("/unmapped/0/pattern", json!("/*"))]),
        (r#"{"k":{"sections":{"a b":{"events":[{}]}}}}"#.to_owned(), vec![("/others/sections", json!(1))]),
        (r#"{"k":{"sections":{"a b":{"events":[{}]}}}}"#.to_owned(), vec![("/others/events", json!(1))]),
        (r#"{"k":{"sections":{"1":null}}}"#.to_owned(), vec![("/sections/0/profiles", json!(1))]),
    ] {
        check(&export, &options, &expected);
        // Whether events are compared makes no other difference.
        let with = found(&export, &InspectOptions { duplicates: true, ..options.clone() });
        let mut without = found(&export, &options);
        without["duplicate_events"] = json!(0);
        for of in without["event_types"].as_array_mut().expect("a list") {
            of["duplicates"] = json!(0);
        }
        assert_eq!(with, without, "{export}");
    }
}

#[test]
fn repetitions_are_counted_where_asked_for() {
    let event = r#"{"correlationId":"c","typeId":"9","data":{"a":1}}"#;
    let export = section(&format!(r#""events":[{event},{event},{event}]"#));
    let options = InspectOptions { duplicates: true, ..InspectOptions::default() };
    check(&export, &options, &[("/duplicate_events", json!(2)), ("/event_types/0/duplicates", json!(2))]);
}

#[test]
fn names_come_from_the_definitions() {
    let definitions = r#"{
        "sections": [{"id": "1203", "name": "Europe"}],
        "attributes": [{"section_id": "1203", "name": "Email", "versions": [{"id": "7"}, {"id": "8"}], "type": "text"}],
        "tags": [{"section_id": "1203", "name": "VIP", "versions": [{"id": "20"}]}],
        "events": [{"section_id": "1203", "name": "Sent", "versions": [{"id": "30"}]}]
    }"#;
    let definitions = Snapshot::parse(definitions.as_bytes()).expect("definitions").definitions;
    let options = InspectOptions { definitions: Some(definitions), ..InspectOptions::default() };
    let content =
        r#""attributes":{"7":{"value":"a"},"8":{"value":null},"20":{"value":null}},"events":[{"typeId":"30"}]"#;
    let expected = [
        ("/sections/0/name", json!("Europe")),
        ("/attributes/0/name", json!("Email")),
        ("/attributes/0/defined_type", json!("text")),
        ("/attributes/1/values/null", json!(1)),
        ("/tags/0/name", json!("VIP")),
        ("/event_types/0/name", json!("Sent")),
    ];
    check(&section(content), &options, &expected);
}

#[test]
fn what_is_too_much_is_counted_together() {
    let content = r#""attributes":{"1":{"value":1},"2":{"value":1},"3":{},"1":{"value":2}},"events":[{"typeId":"1"},{"typeId":"2"}]"#;
    let export = format!(r#"{{"k":{{"a":1,"b":2,"sections":{{"1":{{{content}}},"2":{{{content}}}}}}}}}"#);
    let options = InspectOptions {
        sections_max: 1,
        entries_max: 1,
        event_types_max: 1,
        patterns_max: 1,
        ..InspectOptions::default()
    };
    let expected = [
        ("/totals", json!({"profiles":1,"sections":2,"attributes":6,"tags":2,"events":4,"unmapped":2})),
        ("/others", json!({"sections":1,"attributes":4,"tags":2,"events":3,"unmapped":1})),
        ("/sections/0/attributes", json!(3)),
        ("/attributes/0/values/integer", json!(2)),
        ("/event_types/0/events", json!(1)),
    ];
    check(&export, &options, &expected);
}

#[test]
fn what_is_no_export_is_refused() {
    for export in ["", "[]", "{", r#"{"k":{}"#, r#"{"k":{}}x"#, r#"{"k":{"sections":{"1":{"events":[{"data":{]}]}}}}"#]
    {
        assert!(inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).is_err(), "{export}");
    }
}

#[test]
fn nobody_is_named() {
    let secret = "anna.larsson@example.org";
    let export = format!(
        r#"{{"{secret}":{{"{secret}":1,"sections":{{"{secret}":{{}},"1":{{"{secret}":1,"attributes":{{"{secret}":{{"value":"{secret}"}},
        "7":{{"{secret}":1,"value":"{secret}"}}}},"events":[{{"typeId":"{secret}","{secret}":1,"data":"{secret}"}}]}}}}}},
        "profiles":1,"{secret}":1}}"#
    );
    let found = found(&export, &InspectOptions { duplicates: true, ..InspectOptions::default() }).to_string();
    assert!(!found.contains("anna") && !found.contains("example"), "{found}");
}
