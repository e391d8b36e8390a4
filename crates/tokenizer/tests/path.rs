//! Paths: where a document stands after each token, where it broke, what is shown of names; and the same
//! from `struson`, which tracks paths, too.

mod common;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "differential/documents.rs"]
mod documents;

use apsides_tokenizer::{Backend, Limits, Next, Path, Tokens};
use common::{Pieces, cuts, hear, tokens, windows};
use documents::document;
use proptest::{prelude::*, test_runner::Config};
use std::io::Read;
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType, json_path::JsonPathPiece};

/// Pulls to the end or to the error.
fn path<R: Read>(tokens: &mut Tokens<R>) -> Path {
    let mut path = Path::new();
    while let Ok(Some(token)) = tokens.pull() {
        path.note(&token);
    }
    path
}

/// The path at the document's end or where it is broken; the same however it is read.
#[track_caller]
fn at(json: impl AsRef<[u8]>, expected: &str) {
    let json = json.as_ref();
    for backend in Backend::available() {
        for limits in windows(Limits::default()) {
            for cut in cuts(json.len()) {
                let path = path(&mut tokens(Pieces::new(json, &cut), backend, limits));
                assert_eq!(path.to_string(), expected, "{} cut {cut:?}", json.escape_ascii());
            }
        }
    }
}

#[test]
fn a_path_is_where_the_document_is_broken() {
    at("", "$");
    at("!", "$");
    at("1 2", "$");
    at("[1, 2] 3", "$");
    at("[", "$[0]");
    at("[!", "$[0]");
    at("[1", "$[1]");
    at("[1.", "$[0]");
    at("[1 ", "$[1]");
    at("[1 2]", "$[1]");
    at("[1,]", "$[1]");
    at("[1,01]", "$[1]");
    at("[1,tru]", "$[1]");
    at("[1,\"\t\"]", "$[1]");
    at(b"[1,\"\xff\"]", "$[1]");
    at("[1,[2,[3,4,\"\\x\"]]]", "$[1][1][2]");
    at("[[],{},[[],[]]!", "$[3]");
    at("[[],{},[[],[]!", "$[2][2]");
    at("{", "$");
    at("{!", "$");
    at("{\"a", "$");
    at("{\"a\\x\":1}", "$");
    at("{\"a\" ", "$.a");
    at("{\"a\" 1}", "$.a");
    at("{\"a\":}", "$.a");
    at("{\"a\":nul}", "$.a");
    at("{\"a\":1 ", "$");
    at("{\"a\":1 \"b\"", "$");
    at("{\"a\":1,}", "$");
    at("{\"a\":1,\"b\":-}", "$.b");
    at("{\"a\":{\"b\":{\"c\":!}}}", "$.a.b.c");
    at("{\"a\":{\"b\":{\"c\":1}!", "$.a");
    at("{\"a\":{\"b\":{}},\"c\":{\"d\":[{},{\"e\":", "$.c.d[1].e");
    at("{\"a\":[[{\"b\":[1,2,[3,!", "$.a[0][0].b[2][1]");
    at("{\"a\":1,\"a\":2,\"a\":!", "$.a");
    at("{\"a\":{\"a\":1,\"a\":!", "$.a.a");
    let export = r#"{"ff7f9dc0-5c1e":{"sections":{"1203":{"attributes":{"7":{"value":"x"}},"events":[{},{"data":"#;
    at(export, r#"$."ff7f9dc0-5c1e".sections."1203".events[1].data"#);
}

#[test]
fn a_path_is_where_the_document_stands() {
    /// The path before anything is read, and after each token.
    #[track_caller]
    fn standing(json: &str, expected: &[&str]) {
        let (mut tokens, mut path) = (Tokens::new(json.as_bytes()), Path::new());
        let mut paths = vec![path.to_string()];
        while let Some(token) = tokens.pull().expect("it is JSON") {
            path.note(&token);
            paths.push(path.to_string());
        }
        assert_eq!(paths, expected, "{json}");
    }
    standing("1", &["$", "$"]);
    standing("[]", &["$", "$[0]", "$"]);
    standing("{}", &["$", "$", "$"]);
    standing("[1, true]", &["$", "$[0]", "$[1]", "$[2]", "$"]);
    standing(r#"{"a": 1, "b": "c"}"#, &["$", "$", "$.a", "$", "$.b", "$", "$"]);
    standing(
        r#"{"a": [{"b": null}, []]}"#,
        &["$", "$", "$.a", "$.a[0]", "$.a[0]", "$.a[0].b", "$.a[0]", "$.a[1]", "$.a[1][0]", "$.a[2]", "$", "$"],
    );
}

#[test]
fn names_are_shown_as_they_are_and_redacted() {
    /// The path of a member with this name, as written in the document; the same if nothing is left out.
    #[track_caller]
    fn shown(name: &str, expected: &str, redacted: Option<&str>) {
        at(format!("{{\"{name}\":"), &format!("$.{expected}"));
        let path = path(&mut Tokens::new(format!("{{\"{name}\":").as_bytes()));
        let redacted = format!("$.{}", redacted.unwrap_or(expected));
        assert_eq!(path.redacted().to_string(), redacted, "{name}");
        assert_eq!(format!("{path:?}"), format!("Path({redacted})"), "{name}");
    }
    let hidden = Some("\"…\"");
    shown("a", "a", None);
    shown("_", "_", None);
    shown("camelCase_9", "camelCase_9", None);
    shown("n\\u0061me", "name", None);
    shown("", r#""""#, None);
    shown("9", r#""9""#, None);
    shown("9a", r#""9a""#, None);
    shown("ff7f9dc0-5c1e-4b0a-9d1f-0a1b2c3d4e5f", r#""ff7f9dc0-5c1e-4b0a-9d1f-0a1b2c3d4e5f""#, None);
    shown("com.apsis1.attributes", r#""com.apsis1.attributes""#, None);
    shown("urn:id", r#""urn:id""#, None);
    shown("Zoë", "\"Zoë\"", hidden);
    shown("Zo\\u00eb", "\"Zoë\"", hidden);
    shown("a b", r#""a b""#, hidden);
    shown("zoe@example.com", r#""zoe@example.com""#, hidden);
    shown("+46 70 123", r#""+46 70 123""#, hidden);
    shown("$", r#""$""#, hidden);
    shown("…", "\"…\"", hidden);
    shown("😀", "\"😀\"", hidden);
    shown("\\ud83d\\ude00", "\"😀\"", hidden);
    shown("\\ud800", "\"\u{fffd}\"", hidden);
    shown("a\\\"b\\\\c\\/", r#""a\"b\\c/""#, hidden);
    shown("\\n\\u0000\\u001b[31m", r#""\u000a\u0000\u001b[31m""#, hidden);
    shown("\u{9b}31m", r#""\u009b31m""#, hidden);
    shown("\u{7f}", r#""\u007f""#, hidden);
}

#[test]
fn long_names_are_cut_where_a_character_ends() {
    /// The path of a member with this name, as written; what is kept of it, and whether that is all.
    #[track_caller]
    fn kept(name: &str, expected: &str, cut: bool) {
        let path = path(&mut Tokens::new(format!("[{{\"a\":1,\"{name}\":{{\"b\":").as_bytes()));
        let expected = if cut { format!("\"{expected}…\"") } else { expected.into() };
        assert_eq!(path.to_string(), format!("$[0].{expected}.b"), "{name}");
    }
    let max = Path::NAME_BYTES_MAX;
    let name = |length: usize| "n".repeat(length);
    kept(&name(max), &name(max), false);
    kept(&name(max + 1), &name(max), true);
    kept(&name(100 * max), &name(max), true);
    kept(&format!("{}é", name(max - 2)), &format!("\"{}é\"", name(max - 2)), false);
    kept(&format!("{}é", name(max - 1)), &name(max - 1), true);
    kept(&format!("{}😀", name(max - 3)), &name(max - 3), true);
    kept(&format!("{}\\u006e", name(max - 1)), &name(max), false);
    kept(&format!("{}\\u006e", name(max)), &name(max), true);
    kept(&format!("\\u006e{}", name(max)), &name(max), true);
    kept(&format!("{}\\u00e9n", name(max - 1)), &name(max - 1), true);

    let redacted =
        |length: usize| path(&mut Tokens::new(format!("{{\"{}\":", name(length)).as_bytes())).redacted().to_string();
    assert_eq!(redacted(128), format!("$.{}", name(128)));
    assert_eq!(redacted(129), "$.\"…\"");
    assert_eq!(redacted(max + 1), "$.\"…\"");
}

/// After a value that was skipped, or taken raw, a path is what it is after all its tokens.
#[test]
fn a_value_skipped_is_as_its_tokens() {
    for json in [
        "[1,[2,[3],{}],[[[]]],4]",
        r#"{"a":{"b":[{"c":1},{"c":[2]}]},"d":[],"e":"f"}"#,
        r#"[{"a":[]},{"b":{}},[{"c":1}],null]"#,
        r#" "alone" "#,
    ] {
        let heard = hear(&mut Tokens::new(json.as_bytes()));
        let after = |count: usize| {
            let (mut tokens, mut path) = (Tokens::new(json.as_bytes()), Path::new());
            for _ in 0..count {
                path.note(&tokens.pull().expect("it is JSON").expect("it goes on"));
            }
            (tokens, path)
        };
        for from in 0..heard.tokens.len() {
            if matches!(after(from).0.peek().expect("it is JSON"), Next::Key | Next::End) {
                continue;
            }
            let end = heard.value_end(from).expect("the value is whole");
            for raw in [false, true] {
                let ((mut tokens, mut path), (mut others, mut other)) = (after(from), after(end));
                if raw { tokens.raw().map(|_| ()) } else { tokens.skip() }.expect("it is JSON");
                path.note_skipped();
                loop {
                    assert_eq!(path.to_string(), other.to_string(), "{json} from {from}");
                    let Some(token) = tokens.pull().expect("it is JSON") else { break };
                    path.note(&token);
                    other.note(&others.pull().expect("it is JSON").expect("it goes on"));
                }
            }
        }
    }
}

/// What no tokenizer says is no reason to panic.
#[test]
fn tokens_in_no_order_are_some_path() {
    let (mut seen, mut tokens) = (0, Tokens::new(&br#"[{"a":1,"b":[],"c":{}},"d",null]"#[..]));
    let mut path = Path::new();
    while let Some(token) = tokens.pull().expect("it is JSON") {
        for _ in 0..=seen % 3 {
            path.note(&token);
        }
        seen += 1;
        if seen % 4 == 0 {
            path.note_skipped();
        }
        assert!(path.to_string().starts_with('$'));
    }
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    #[test]
    fn paths_are_those_of_struson(json in document()) {
        let settings = ReaderSettings { restrict_number_values: false, ..ReaderSettings::default() };
        let mut theirs = Vec::new();
        // It refuses lone surrogates.
        if paths(&mut JsonStreamReader::new_custom(json.as_bytes(), settings), &mut theirs).is_err() {
            return Ok(());
        }
        let (mut tokens, mut path, mut ours) = (Tokens::new(json.as_bytes()), Path::new(), Vec::new());
        loop {
            match tokens.peek().expect("it is JSON") {
                Next::Eof => break,
                Next::Key | Next::End => {}
                _ => ours.push(path.to_string()),
            }
            path.note(&tokens.pull().expect("it is JSON").expect("it was announced"));
        }
        prop_assert_eq!(ours, theirs);
    }
}

/// The path of each value of a document.
fn paths(reader: &mut JsonStreamReader<&[u8]>, found: &mut Vec<String>) -> Result<(), ReaderError> {
    let path = reader.current_position(true).path.expect("it is tracked");
    found.push(path.iter().fold(String::from("$"), |path, piece| match piece {
        JsonPathPiece::ArrayItem(place) => format!("{path}[{place}]"),
        JsonPathPiece::ObjectMember(name) => {
            let mut characters = name.chars();
            let is_first = |first: char| first.is_ascii_alphabetic() || first == '_';
            if characters.next().is_some_and(is_first) && characters.all(|next| next.is_ascii_digit() || is_first(next))
            {
                return format!("{path}.{name}");
            }
            let escaped = |character: char| match character {
                '"' => "\\\"".into(),
                '\\' => "\\\\".into(),
                '\0'..' ' | '\u{7f}'..'\u{a0}' => format!("\\u{:04x}", character as u32),
                other => other.to_string(),
            };
            format!("{path}.\"{}\"", name.chars().map(escaped).collect::<String>())
        }
    }));
    match reader.peek()? {
        ValueType::Array => {
            reader.begin_array()?;
            while reader.has_next()? {
                paths(reader, found)?;
            }
            reader.end_array()
        }
        ValueType::Object => {
            reader.begin_object()?;
            while reader.has_next()? {
                reader.next_name()?;
                paths(reader, found)?;
            }
            reader.end_object()
        }
        ValueType::String => reader.next_str().map(|_| ()),
        _ => reader.skip_value(),
    }
}
