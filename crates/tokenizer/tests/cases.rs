//! What is not grammar: readers that fail, decoding, and the calls beside `pull`. The grammar is in
//! `rfc8259`.

mod common;

use apsides_tokenizer::{Backend, Decoded, ErrorKind, Expected, Limits, Next, Token, Tokens};
use common::{Failing, Pieces, case::assert_spent, cuts, dump, expected, failure, hear, tokens, windows};
use std::{
    collections::VecDeque,
    error::Error as _,
    io::{self, Read},
};

// ---- Reading ----

/// What a reader says, call by call, and then the end.
struct Script(VecDeque<io::Result<&'static str>>);

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = self.0.pop_front().transpose()?.unwrap_or("");
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        Ok(text.len())
    }
}

#[test]
fn a_read_error_ends_the_document_and_keeps_its_source() {
    for (before, tokens_before) in [
        ("", 0),
        (" ", 0),
        ("[", 1),
        ("[1", 1),
        ("[1 ", 2),
        ("[\"a", 1),
        ("[\"\\", 1),
        ("[\"\\u00", 1),
        ("[tr", 1),
        ("[1,", 2),
        ("{\"a\"", 2),
    ] {
        for at in 0..=before.len() {
            let (first, second) = before.split_at(at);
            let mut script: VecDeque<io::Result<&'static str>> = VecDeque::new();
            script.extend([first, second].into_iter().filter(|part| !part.is_empty()).map(Ok));
            script.push_back(Err(io::Error::new(io::ErrorKind::ConnectionReset, "the far end hung up")));
            script.push_back(Ok("1,2]"));
            let mut tokens = Tokens::new(Script(script));
            for _ in 0..tokens_before {
                assert!(tokens.pull().expect("it came whole").is_some());
            }
            let error = tokens.pull().expect_err("the reader fails");
            assert_eq!(failure(&error), (ErrorKind::Read, before.len() as u64), "{before}");
            let source = error.source().expect("the source is kept");
            assert_eq!(source.to_string(), "the far end hung up");
            assert_eq!(error.into_io().map(|error| error.kind()), Some(io::ErrorKind::ConnectionReset));
            assert_spent(&mut tokens, (ErrorKind::Read, before.len() as u64));
        }
    }
}

#[test]
fn a_read_error_behind_the_document_is_an_error_of_its_end() {
    let failing = || Err(io::Error::new(io::ErrorKind::InvalidData, "checksum"));
    let mut tokens = Tokens::new(Script([Ok("[1]"), Ok(" "), failing()].into()));
    assert_eq!(tokens.raw().expect("it came whole"), "[1]");
    assert_eq!(tokens.pull().map_err(|error| failure(&error)), Err((ErrorKind::Read, 4)));
    // A number at the end may go on.
    let mut tokens = Tokens::new(Script([Ok("12"), failing()].into()));
    assert_eq!(tokens.pull().map_err(|error| failure(&error)), Err((ErrorKind::Read, 2)));
    assert_spent(&mut tokens, (ErrorKind::Read, 2));
}

/// Nothing that was read before is lost to an error of reading, and nothing is read that is not
/// needed: a stream may be slow.
#[test]
fn a_read_error_comes_behind_all_that_was_read_before_it() {
    let row = r#"{"id": 12345678, "name": "Zoë \"Z\" Müller", "x": [-1.5e3, true, false, null, {}]},"#;
    for json in [format!("[{}0]", row.repeat(5)), format!("[{}0 1]", row.repeat(3)), format!("\"{}", "é".repeat(300))]
    {
        for length in 0..=json.len() {
            let json = &json.as_bytes()[..length];
            let expected = hear(&mut tokens(Failing(Pieces::new(json, &[1])), Backend::Scalar, Limits::default()));
            assert!(expected.failure.is_some());
            for backend in Backend::available() {
                for sizes in [&[usize::MAX][..], &[64], &[100]] {
                    let mut tokens = tokens(Failing(Pieces::new(json, sizes)), backend, Limits::default());
                    assert_eq!(hear(&mut tokens), expected, "{} on {backend}", json.escape_ascii());
                }
            }
        }
    }
}

#[test]
fn an_interrupted_read_is_tried_again() {
    let interrupted = || Err(io::Error::from(io::ErrorKind::Interrupted));
    let script =
        [interrupted(), Ok("[\"a"), interrupted(), interrupted(), Ok("b\",1"), interrupted(), Ok("2]"), interrupted()];
    let heard = hear(&mut Tokens::new(Script(script.into())));
    assert_eq!((heard.dump().as_str(), heard.failure), ("[ \"ab\" 12 ]", None));
}

#[test]
fn the_end_stays_the_end() {
    // A reader that goes on after its end is not asked again.
    let mut tokens = Tokens::new(Script([Ok("1"), Ok(""), Ok("2")].into()));
    assert_eq!(tokens.pull().expect("a number").map(common::dump).as_deref(), Some("1"));
    for _ in 0..3 {
        assert_eq!(tokens.pull().expect("the end"), None);
        assert_eq!(tokens.peek().expect("the end"), Next::Eof);
        assert_eq!(tokens.raw().expect("the end"), "");
        tokens.skip().expect("the end");
        assert_eq!(tokens.consumed(), 1);
    }
}

// ---- Values ----

#[test]
fn decoding() {
    let decoded = |json: &str, text: &str, replaced: u32| {
        for cut in cuts(json.len()) {
            let limits = Limits { window_bytes: 16, ..Limits::default() };
            let mut tokens = Tokens::with_limits(Pieces::new(json.as_bytes(), &cut), limits);
            let Ok(Some(Token::String(string))) = tokens.pull() else { panic!("{json} is a string") };
            assert_eq!(string.is_escaped(), json.contains('\\'));
            assert!(string.is(text) && !string.is("x") && !string.is(&format!("{text}x")), "{json}");
            let mut scratch = String::from("what was there before");
            assert_eq!(string.decode(&mut scratch), Decoded { text, replaced }, "{json}");
        }
    };
    decoded(r#""""#, "", 0);
    decoded(r#""plain""#, "plain", 0);
    decoded(r#""é中😀""#, "é中😀", 0);
    decoded(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t", 0);
    decoded(r#""a\u0041\u00e9\u4E2d\uD83d\uDe00z""#, "aAé中😀z", 0);
    decoded(r#""\u0000""#, "\0", 0);
    decoded(r#""é\n中\t😀""#, "é\n中\t😀", 0);
    decoded(r#""\\u0041""#, "\\u0041", 0);
    decoded(r#""\ud800""#, "\u{fffd}", 1);
    decoded(r#""\udc00""#, "\u{fffd}", 1);
    decoded(r#""\ud800\ud800\udc00""#, "\u{fffd}\u{10000}", 1);
    decoded(r#""\udc00\ud800""#, "\u{fffd}\u{fffd}", 2);
    decoded(r#""\ud800\u0041""#, "\u{fffd}A", 1);
    decoded(r#""\ud800\\udc00""#, "\u{fffd}\\udc00", 1);
    decoded(r#""\udbff\udfff""#, "\u{10ffff}", 0);
}

#[test]
fn keys_are_texts_too() {
    let mut tokens = Tokens::new(&br#"{"na\u006de":1}"#[..]);
    assert_eq!(tokens.peek().expect("an object"), Next::Object);
    assert_eq!(tokens.pull().expect("an object"), Some(Token::ObjectStart));
    assert!(matches!(tokens.pull(), Ok(Some(Token::Key(key))) if key.is("name") && key.text() == "na\\u006de"));
}

#[test]
fn skip_and_raw_pass_over_keys_and_ends() {
    let mut tokens = Tokens::new(&br#" { "a" : [ ] , "b" : { } } "#[..]);
    assert_eq!(tokens.pull().expect("an object"), Some(Token::ObjectStart));
    assert_eq!(tokens.raw().expect("a key"), "\"a\"");
    assert_eq!((tokens.offset(), tokens.consumed(), tokens.depth()), (3, 6, 1));
    assert_eq!(tokens.raw().expect("a value"), "[ ]");
    assert_eq!((tokens.offset(), tokens.consumed(), tokens.depth()), (9, 12, 1));
    tokens.skip().expect("a key");
    assert_eq!(tokens.raw().expect("a value"), "{ }");
    assert_eq!(tokens.raw().expect("an end"), "}");
    assert_eq!(tokens.depth(), 0);
    assert_eq!(tokens.pull().expect("the end"), None);
}

#[test]
fn measure_gives_the_length_that_raw_has() {
    for value in ["1", "-1.5e3", "null", r#""a\u00e9""#, "[ ]", r#"{ "a" : [ 1 , {"b":"]"} ] }"#, &"[".repeat(300)] {
        let value = value.to_owned() + &"]".repeat(value.len() / 300 * 300);
        for (before, after) in [("", ""), (" ", " "), ("[ 0 , ", " , 1 ]"), (r#"{"name" : "#, "}")] {
            let document = format!("{before}{value}{after}");
            for window_bytes in [16, 1 << 16] {
                let limits = Limits { window_bytes, ..Limits::default() };
                let mut tokens = Tokens::with_limits(document.as_bytes(), limits);
                // Brackets, and the element or name before the value.
                for _ in 0..if before.len() > 1 { 2 } else { 0 } {
                    tokens.pull().expect("JSON");
                }
                assert_eq!(tokens.measure().expect("a value"), value.len() as u64, "{document}");
                assert_eq!(tokens.consumed(), (before.len() + value.len()) as u64, "{document}");
            }
        }
    }
}

#[test]
fn for_each_gives_what_is_left_to_pull() {
    let rows = r#"{"k" : ["\u00e9", -1.5e3, true , null, {}], "name":{"more":"text"}},"#.repeat(40);
    for document in [format!("[{rows}0]"), format!("[{rows}1 2]"), format!("[{rows}"), "7".into(), String::new()] {
        for backend in Backend::available() {
            for sizes in [&[usize::MAX][..], &[1], &[100, 64, 3]] {
                for pulled in [0, 1, 5, 90] {
                    let limits = Limits { window_bytes: 300, ..Limits::default() };
                    let new = || {
                        let mut tokens = tokens(Pieces::new(document.as_bytes(), sizes), backend, limits);
                        for _ in 0..pulled {
                            _ = tokens.pull();
                        }
                        tokens
                    };
                    let heard = hear(&mut new());
                    let (mut given, mut tokens) = (Vec::new(), new());
                    let failed = tokens.for_each(|token| given.push(dump(token))).err().map(|error| failure(&error));
                    let expected: Vec<String> = heard.tokens.iter().map(|seen| seen.dump.clone()).collect();
                    assert_eq!((given, failed), (expected, heard.failure), "{document} on {backend} behind {pulled}");
                    assert_eq!(hear(&mut tokens).tokens.len(), 0, "nothing is left");
                }
            }
        }
    }
}

#[test]
fn a_scalar_is_taken_or_nothing() {
    let mut tokens = Tokens::new(&br#" [ 1 , "a" , [ true ] , { "k" : null } ] "#[..]);
    let mut taken = || match tokens.scalar().expect("it is JSON").map(dump) {
        Some(token) => token,
        // Asking again changes nothing.
        None => {
            assert_eq!(tokens.scalar().expect("it is JSON"), None);
            format!("not {}", dump(tokens.pull().expect("it is JSON").expect("something is left")))
        }
    };
    let order = ["not [", "1", "\"a\"", "not [", "true", "not ]", "not {", "not \"k\":", "null", "not }", "not ]"];
    assert_eq!(std::array::from_fn(|_| taken()), order);
    assert_eq!(tokens.scalar().expect("the end"), None);
    assert_eq!(tokens.pull().expect("the end"), None);
    // What is wrong is wrong here too.
    let mut tokens = Tokens::new(&b"[1 1]"[..]);
    tokens.pull().expect("an array");
    tokens.scalar().expect("a number");
    let failed = (expected(Expected::CommaOrArrayEnd), 3);
    assert_eq!(tokens.scalar().map_err(|error| failure(&error)), Err(failed));
    assert_spent(&mut tokens, failed);
}

#[test]
fn an_object_is_entered_or_nothing() {
    let mut tokens = Tokens::new(&br#" { "a" : { } , "b" : [ { "c" : 1 } ] } "#[..]);
    assert!(tokens.enter_object().expect("an object"));
    assert_eq!((tokens.offset(), tokens.consumed(), tokens.depth()), (1, 2, 1));
    assert!(!tokens.enter_object().expect("a key"));
    tokens.skip().expect("a key");
    assert!(tokens.enter_object().expect("an object"));
    assert!(!tokens.enter_object().expect("an end"));
    tokens.skip().expect("an end");
    tokens.skip().expect("a key");
    assert!(!tokens.enter_object().expect("an array"));
    assert_eq!(tokens.pull().expect("an array"), Some(Token::ArrayStart));
    assert!(tokens.enter_object().expect("an object"));
    assert_eq!(tokens.depth(), 3);
    while tokens.depth() > 0 {
        assert!(!tokens.enter_object().expect("no object"));
        tokens.skip().expect("what is left");
    }
    assert!(!tokens.enter_object().expect("the end"));
}

#[test]
fn errors_hold_nothing_of_the_document() {
    let mut tokens = Tokens::new(&b"{\"secret\": hunter2}"[..]);
    let error = tokens.raw().expect_err("not JSON");
    assert_eq!(error.to_string(), "expected a value at byte 11");
    assert!(!format!("{error:?}").contains("hunter"));
}

/// Members that come in one step are the tokens that pulling gives, and what is left comes behind them.
#[test]
fn members_in_one_step_are_what_pulling_gives() {
    let long =
        format!(r#"{{{}}}"#, (0..40).map(|id| format!(r#""{id}":{{"value":{id}.5}}"#)).collect::<Vec<_>>().join(","));
    let documents = [
        r#"{"a":1,"b":{"value":"x"},"c":{"value":[1]},"d":{"value":1,"e":2},"f":{},"g":{"v":1},"h":[{"value":1}],"i":null}"#,
        r#" { "a" : 1 , "b" : { "value" : "\u0078" } , "\u0063" : { "value" : true } , "d" : { "v\u0061lue" : -2e5 } } "#,
        r#"[{"value":1},["value",1],"value",{"a":{"value":{"value":{"value":false}}}}]"#,
        r#"{"a":{"value":1},"a":{"value":1}"#,
        r#"{"a":{"value":1},"b":{"value":1]}"#,
        r#"{"a":1,"b":2"#,
        long.as_str(),
    ];
    for document in documents {
        let heard = hear(&mut Tokens::new(document.as_bytes()));
        let expected: Vec<String> = heard.tokens.iter().map(|seen| seen.dump.clone()).collect();
        for backend in Backend::available() {
            for limits in windows(Limits::default()) {
                for cut in cuts(document.len()) {
                    let mut tokens = tokens(Pieces::new(document.as_bytes(), &cut), backend, limits);
                    let (mut given, mut in_one_step) = (Vec::new(), 0);
                    let failed = loop {
                        if let Some((name, value)) = tokens.entry("value") {
                            let name = dump(Token::Key(name));
                            // The inner name is the one asked for, however it is written.
                            let inner = expected[given.len() + 2].clone();
                            assert!([r#""value":"#, r#""v\u0061lue":"#].contains(&inner.as_str()), "{inner}");
                            let value = dump(value);
                            given.extend([name, "{".to_owned(), inner, value, "}".to_owned()]);
                            in_one_step += 1;
                        } else if let Some((name, value)) = tokens.scalar_member() {
                            given.extend([dump(Token::Key(name)), dump(value)]);
                            in_one_step += 1;
                        } else {
                            match tokens.pull() {
                                Ok(Some(token)) => given.push(dump(token)),
                                Ok(None) => break None,
                                Err(error) => break Some(failure(&error)),
                            }
                        }
                        assert_eq!(tokens.consumed(), heard.tokens[given.len() - 1].consumed);
                    };
                    assert_eq!((&given, failed), (&expected, heard.failure), "{document} cut {cut:?} on {backend}");
                    // Here there are whole blocks to be indexed.
                    let indexed = limits == Limits::default() && cut == [usize::MAX] && document.len() >= 128;
                    assert!(in_one_step > 0 || !indexed, "{document}");
                }
            }
        }
    }
}

/// The name that is asked for is what the inner one stands for, not how it is written.
#[test]
fn an_entry_is_found_by_its_decoded_name() {
    for (inner, only, is_found) in [
        ("value", "value", true),
        (r"v\u0061lue", "value", true),
        (r"v\u0061lue", r"v\u0061lue", false),
        (r"a\\b", r"a\b", true),
        (r"a\\b", r"a\\b", false),
        (r#"a\"b"#, "a\"b", true),
        (r#"a\"b"#, r#"a\"b"#, false),
        ("", "", true),
        ("", "value", false),
        ("values", "value", false),
    ] {
        for white in ["", " "] {
            // So long that it is indexed.
            let entries = vec![format!(r#""id"{white}:{{"{inner}":1}}"#); 40].join(",");
            for backend in Backend::available() {
                let document = format!("{{{entries}}}");
                let mut tokens = tokens(document.as_bytes(), backend, Limits::default());
                // The first tokens may be read before there is an index.
                for _ in 0..11 {
                    tokens.pull().expect("an object");
                }
                let found = tokens.entry(only).map(|(id, value)| (dump(Token::Key(id)), dump(value)));
                let expected = is_found.then(|| (r#""id":"#.to_owned(), "1".to_owned()));
                assert_eq!(found, expected, "{inner} {only} {white:?} on {backend}");
            }
        }
    }
}
