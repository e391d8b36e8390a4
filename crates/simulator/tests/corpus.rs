//! The generator, seen from outside: through serde_json and the counts it reports.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apsides_simulator::{CorpusSpec, Layout, Selection, Shape, Size, Window, Written, catalogue, write_export};
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    io::{self, Write},
};

fn export(spec: &CorpusSpec) -> (Vec<u8>, Written) {
    let mut bytes = Vec::new();
    let written = write_export(spec, &mut bytes).unwrap();
    assert_eq!(written.bytes, bytes.len() as u64);
    (bytes, written)
}

fn parsed(spec: &CorpusSpec) -> Value {
    serde_json::from_slice(&export(spec).0).unwrap()
}

fn profiles(count: u64) -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(count), ..CorpusSpec::default() }
}

fn members(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// Calls `visit` with every section of every profile: export key, section id, section.
fn each_section<'v>(export: &'v Value, mut visit: impl FnMut(&'v str, &'v str, &'v Map<String, Value>)) {
    for (key, profile) in members(export) {
        for (id, section) in members(&profile["sections"]) {
            visit(key, id, members(section));
        }
    }
}

fn events(section: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    section.get("events").into_iter().flat_map(|events| events.as_array().unwrap())
}

/// Every event with where it belongs, in the order of the document.
fn all_events(export: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    each_section(export, |key, id, section| {
        all.extend(events(section).map(|event| (format!("{key} {id}"), event.clone())));
    });
    all
}

/// Every attribute and tag with where it belongs.
fn all_entries(export: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    each_section(export, |key, id, section| {
        let entries = section.get("attributes").into_iter().flat_map(members);
        all.extend(entries.map(|(entry, value)| (format!("{key} {id} {entry}"), value.clone())));
    });
    all
}

fn ids(ids: &[&str]) -> Option<BTreeSet<String>> {
    Some(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn the_same_specification_gives_the_same_bytes() {
    assert_eq!(export(&profiles(200)), export(&profiles(200)));
    assert_ne!(export(&profiles(200)).0, export(&CorpusSpec { seed: 2, ..profiles(200) }).0);
}

#[test]
fn a_longer_export_begins_with_the_shorter_one() {
    let (short, long) = (export(&profiles(50)).0, export(&profiles(51)).0);
    let body = &short[..short.len() - 1];
    assert!(long.starts_with(body));
}

#[test]
fn counts_equal_what_a_parser_finds() {
    let (bytes, written) = export(&profiles(2_000));
    let export = serde_json::from_slice(&bytes).unwrap();
    let entries = all_entries(&export);
    let tags = entries.iter().filter(|(_, entry)| entry["value"].is_null()).count() as u64;
    assert_eq!(written.profiles, members(&export).len() as u64);
    assert_eq!(written.tags, tags);
    assert_eq!(written.attributes, entries.len() as u64 - tags);
    assert_eq!(written.events, all_events(&export).len() as u64);
}

#[test]
fn proportions_are_those_of_a_real_export() {
    let (_, written) = export(&CorpusSpec { size: Size::Bytes(8 << 20), ..CorpusSpec::default() });
    let per_profile = |count: u64| count as f64 / written.profiles as f64;
    assert!((2_900.0..3_400.0).contains(&per_profile(written.bytes)), "{written:?}");
    assert!((41.0..48.0).contains(&per_profile(written.attributes + written.tags)), "{written:?}");
    assert!((4.0..6.5).contains(&per_profile(written.events)), "{written:?}");
}

#[test]
fn all_layouts_say_the_same() {
    let flat = parsed(&profiles(300));
    for pretty in [false, true] {
        for wrapped in [false, true] {
            let layout = Layout { pretty, wrapped };
            let (bytes, _) = export(&CorpusSpec { layout, ..profiles(300) });
            assert_eq!(bytes.contains(&b'\n'), pretty);
            let mut export: Value = serde_json::from_slice(&bytes).unwrap();
            if wrapped {
                assert!(export["metadata"].is_object());
                export = export["profiles"].take();
            }
            assert_eq!(export, flat, "{layout:?}");
        }
    }
}

#[test]
fn adjoining_windows_have_the_events_of_the_whole() {
    let within = |start_ms, end_ms| CorpusSpec { window: Window { start_ms, end_ms }, ..profiles(400) };
    let Window { start_ms, end_ms } = Window::default();
    // Neither on a day's boundary.
    let (start_ms, end_ms) = (start_ms + 5_000_000, end_ms - 7_000_000);
    let middle_ms = start_ms + (end_ms - start_ms) / 3;

    let whole = parsed(&within(start_ms, end_ms));
    let (first, second) = (parsed(&within(start_ms, middle_ms)), parsed(&within(middle_ms, end_ms)));
    let mut parts = all_events(&first);
    assert!(parts.iter().all(|(_, event)| event["createdAt"].as_i64().unwrap() < middle_ms));
    parts.extend(all_events(&second));
    // By place; the sort is stable, so that each section keeps its order, first window first.
    parts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut all = all_events(&whole);
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert_eq!(parts, all);
    assert_eq!(all_entries(&first), all_entries(&whole));
    assert_eq!(all_entries(&second), all_entries(&whole));
}

#[test]
fn an_empty_window_has_no_events() {
    let empty = Window { start_ms: 10, end_ms: 10 };
    assert_eq!(export(&CorpusSpec { window: empty, ..profiles(100) }).1.events, 0);
    let single = CorpusSpec { window: empty, shape: Shape::SingleProfile, ..profiles(100) };
    assert_eq!(export(&single).1.events, 0);
}

#[test]
fn a_selection_only_filters() {
    let attributes = [catalogue::STANDARD_ATTRIBUTES[2].id, catalogue::SECTIONS[1].attributes[3].id];
    let tags = [catalogue::SECTIONS[0].tags[1].id];
    let types = [catalogue::EVENTS[0].id, catalogue::EVENTS[5].id];
    let selection = Selection { attributes: ids(&attributes), tags: ids(&tags), events: ids(&types) };
    let whole = parsed(&profiles(500));
    let selected = parsed(&CorpusSpec { selection, ..profiles(500) });

    let wanted = |place: &str| attributes.iter().chain(&tags).any(|id| place.ends_with(id));
    let mut entries = all_entries(&whole);
    entries.retain(|(place, _)| wanted(place));
    assert_eq!(all_entries(&selected), entries);
    let mut events = all_events(&whole);
    events.retain(|(_, event)| types.contains(&event["typeId"].as_str().unwrap()));
    assert_eq!(all_events(&selected), events);
    assert!(!entries.is_empty() && !events.is_empty());
}

#[test]
fn oddities_only_add() {
    let whole = parsed(&CorpusSpec { oddities: true, ..profiles(500) });
    let odd: Vec<_> = catalogue::ODD_ATTRIBUTES.iter().map(|odd| odd.id).chain([catalogue::ODD_TAGS[0].id]).collect();
    let is_odd = |place: &str| odd.iter().any(|id| place.ends_with(id));
    let (added, usual): (Vec<_>, _) = all_entries(&whole).into_iter().partition(|(place, _)| is_odd(place));
    assert_eq!(usual, all_entries(&parsed(&profiles(500))));
    assert_eq!(all_events(&whole), all_events(&parsed(&profiles(500))));
    let found: BTreeSet<_> = added.iter().map(|(place, _)| place.rsplit_once(' ').unwrap().1).collect();
    let expected =
        odd.iter().copied().filter(|id| !catalogue::ODD_ATTRIBUTES.iter().any(|odd| odd.retired && odd.id == *id));
    assert_eq!(found, expected.collect());
}

#[test]
fn the_data_of_events_is_as_their_definitions_say() {
    let definitions = catalogue::definitions(false);
    let mut declared = std::collections::BTreeMap::new();
    for event in definitions["events"].as_array().unwrap() {
        for version in event["versions"].as_array().unwrap() {
            for field in version["fields"].as_array().unwrap() {
                let text = |member: &str| field[member].as_str().unwrap().to_owned();
                declared.insert((version["id"].as_str().unwrap().to_owned(), text("name")), text("type"));
            }
        }
    }
    let mut met = BTreeSet::new();
    for (_, event) in all_events(&parsed(&profiles(3_000))) {
        let Some(data) = event.get("data").and_then(Value::as_object) else { continue };
        for (name, value) in data {
            let field = (event["typeId"].as_str().unwrap().to_owned(), name.clone());
            let fits = match (declared[&field].as_str(), value) {
                ("text", Value::String(_)) | ("object", Value::Object(_)) | ("array", Value::Array(_)) => true,
                ("integer", Value::Number(number)) => number.is_u64(),
                ("decimal", Value::Number(_)) => true,
                (_, value) => value.is_null(),
            };
            assert!(fits, "{field:?}: {value}");
            met.insert(field);
        }
    }
    let live = declared.into_keys().filter(|(id, _)| catalogue::EVENTS.iter().any(|event| event.id == id));
    assert_eq!(met, live.collect());
}

#[test]
fn without_selected_events_there_is_no_events_array() {
    let selection = Selection { events: ids(&[]), ..Selection::default() };
    let export = parsed(&CorpusSpec { selection, ..profiles(100) });
    each_section(&export, |_, _, section| assert!(!section.contains_key("events")));
}

#[test]
fn without_attributes_and_tags_there_are_no_profiles() {
    let selection = Selection { attributes: ids(&[]), tags: ids(&[]), events: None };
    // By size in bytes too, which nothing would ever fill.
    for size in [Size::Profiles(10), Size::Bytes(1_000_000)] {
        let spec = CorpusSpec { selection: selection.clone(), size, ..CorpusSpec::default() };
        assert_eq!(export(&spec).0, b"{}");
    }
}

#[test]
fn a_size_in_bytes_is_kept_within_one_profile() {
    for bytes in [0, 1, 10_000, 1_000_000] {
        let (_, written) = export(&CorpusSpec { size: Size::Bytes(bytes), ..CorpusSpec::default() });
        assert!((bytes..bytes + 40_000).contains(&written.bytes), "{bytes}: {written:?}");
    }
}

#[test]
fn a_single_profile_grows_by_its_events() {
    for bytes in [10_000, 3_000_000] {
        let spec = CorpusSpec { shape: Shape::SingleProfile, size: Size::Bytes(bytes), ..CorpusSpec::default() };
        let (export, written) = export(&spec);
        assert_eq!(written.profiles, 1);
        assert!((bytes..bytes + 5_000).contains(&written.bytes), "{written:?}");
        let export: Value = serde_json::from_slice(&export).unwrap();
        let sections = members(members(&export).values().next().unwrap());
        assert_eq!(members(&sections["sections"]).len(), 1);
        let events = all_events(&export);
        assert_eq!(written.events, events.len() as u64);
        let Window { start_ms, end_ms } = spec.window;
        assert!(events.iter().all(|(_, event)| (start_ms..end_ms).contains(&event["createdAt"].as_i64().unwrap())));
    }
    let spec = CorpusSpec { shape: Shape::SingleProfile, ..profiles(77) };
    assert_eq!(export(&spec).1.events, 5 * 77);
}

#[test]
fn every_oddity_turns_up() {
    let (bytes, _) = export(&profiles(6_000));
    let text = str::from_utf8(&bytes).unwrap();
    for oddity in [
        r#""sections":{}"#,
        r#""events":[]"#,
        r#""data":null"#,
        r#""sourceEventTime":0,"#,
        r#""sourceEventTime":null"#,
        r#""correlationId":null"#,
        r#""value":"""#,
        r#""value":{}"#,
        r#""value":[]"#,
        r#""value":-0}"#,
        r#""value":1e300}"#,
        r#""value":9223372036854775808}"#,
        r"\ud83d\ude00",
        "🎉",
        r"\u041e\u043b\u044c\u0433\u0430",
        r"<\/script>",
        "日本語",
        "مرحبا",
        r"\\",
        r#"\""#,
        r"\n",
        r"\t",
        r"\u0000",
    ] {
        assert!(text.contains(oddity), "{oddity}");
    }
}

#[test]
fn some_events_repeat_and_some_only_share_their_correlation_id() {
    let export = parsed(&profiles(3_000));
    let (mut retries, mut shared, mut silent, mut eventful) = (0, 0, 0, 0);
    each_section(&export, |_, _, section| {
        let events: Vec<_> = events(section).collect();
        silent += usize::from(events.is_empty());
        eventful += usize::from(!events.is_empty());
        for (at, event) in events.iter().enumerate() {
            let same =
                |other: &&&Value| other["correlationId"] == event["correlationId"] && !event["correlationId"].is_null();
            for earlier in events[..at].iter().filter(same) {
                match earlier["typeId"] == event["typeId"] {
                    true => {
                        assert_eq!(
                            (&earlier["data"], &earlier["sourceEventTime"]),
                            (&event["data"], &event["sourceEventTime"])
                        );
                        retries += 1;
                    }
                    false => shared += 1,
                }
            }
        }
    });
    assert!(retries > 20 && shared > 20 && silent > 100 && eventful > 100);
}

#[test]
fn a_few_profiles_are_huge() {
    let selection = Selection { attributes: ids(&[]), tags: None, events: ids(&[catalogue::EVENTS[3].id]) };
    let export = parsed(&CorpusSpec { selection, ..profiles(60_000) });
    let mut huge = 0;
    // Bounces are one event in fifty: who has dozens of them has thousands of events.
    each_section(&export, |_, _, section| huge += usize::from(events(section).count() > 20));
    assert!((1..20).contains(&huge), "{huge}");
}

#[test]
fn a_receiver_stops_the_generator_by_an_error() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let endless = CorpusSpec { size: Size::Bytes(u64::MAX), ..CorpusSpec::default() };
    let error = write_export(&endless, Full(1 << 20)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
