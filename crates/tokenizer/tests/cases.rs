//! Every production of RFC 8259, and each way to break it: one line a case. Each case runs whole,
//! cut in two at every place, and byte by byte, through a usual and through the smallest window;
//! pulled, peeked at, skipped and taken raw; and all of it must come out the same.

mod common;

use apsides_tokenizer::{Decoded, ErrorKind, Expected, Limits, Next, Token, Tokens};
use common::{Pieces, accepts, assert_spent, cuts, expected, failure, hear, rejects};
use std::{
    collections::VecDeque,
    error::Error as _,
    io::{self, Read},
};

use ErrorKind::{ControlCharacter, InvalidEscape, InvalidNumber, InvalidUtf8, TrailingData, UnexpectedEnd};
use Expected::{Colon, CommaOrArrayEnd, CommaOrObjectEnd, Key, KeyOrObjectEnd, Literal, Value, ValueOrArrayEnd};

// ---- Documents that are JSON ----

#[test]
fn literals() {
    ok("true", "true");
    ok("false", "false");
    ok("null", "null");
    ok("[true,false,null]", "[ true false null ]");
}

#[test]
fn literals_broken() {
    no("t", UnexpectedEnd, 1);
    no("tru", UnexpectedEnd, 3);
    no("fals", UnexpectedEnd, 4);
    no("nul", UnexpectedEnd, 3);
    no("[nul", UnexpectedEnd, 4);
    no("tRue", expected(Literal), 1);
    no("trux", expected(Literal), 3);
    no("[nul]", expected(Literal), 4);
    no("[fal,1]", expected(Literal), 4);
    no("t rue", expected(Literal), 1);
    no("True", expected(Value), 0);
    no("NULL", expected(Value), 0);
    no("NaN", expected(Value), 0);
    no("[Infinity]", expected(ValueOrArrayEnd), 1);
    no("undefined", expected(Value), 0);
    no("nullx", TrailingData, 4);
    no("truetrue", TrailingData, 4);
    no("[truefalse]", expected(CommaOrArrayEnd), 5);
    no("[null0]", expected(CommaOrArrayEnd), 5);
}

#[test]
fn numbers() {
    for number in [
        "0",
        "-0",
        "1",
        "-1",
        "9",
        "10",
        "1234567890",
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551616",
        "0.0",
        "-0.0",
        "0.5",
        "10.01",
        "1.000000000000000000000000000000000001",
        "0e0",
        "0E0",
        "1e5",
        "1E5",
        "1e+5",
        "1e-5",
        "1E+05",
        "1e00",
        "-1.5e-07",
        "0.1e999999999",
        "1e-999999999",
    ] {
        ok(number, number);
        ok(format!("[{number}]"), &format!("[ {number} ]"));
        ok(format!(" {number}\n"), number);
        ok(format!("{{\"n\":{number},\"m\":{number}}}"), &format!("{{ \"n\": {number} \"m\": {number} }}"));
    }
}

#[test]
fn numbers_broken() {
    // Where something is missing at the end of the input, more might have come.
    no("-", UnexpectedEnd, 1);
    no("1.", UnexpectedEnd, 2);
    no("1e", UnexpectedEnd, 2);
    no("1e+", UnexpectedEnd, 3);
    no("1.5E-", UnexpectedEnd, 5);
    no("[-", UnexpectedEnd, 2);
    no("[-]", InvalidNumber, 2);
    no("[1.]", InvalidNumber, 3);
    no("[1e]", InvalidNumber, 3);
    no("[1e+]", InvalidNumber, 4);
    no("- 1", InvalidNumber, 1);
    no("-a", InvalidNumber, 1);
    no("--1", InvalidNumber, 1);
    no("-+1", InvalidNumber, 1);
    no("-.5", InvalidNumber, 1);
    no("00", InvalidNumber, 1);
    no("01", InvalidNumber, 1);
    no("-01", InvalidNumber, 2);
    no("00.5", InvalidNumber, 1);
    no("1.e5", InvalidNumber, 2);
    no("1..5", InvalidNumber, 2);
    no("1.2.3", InvalidNumber, 3);
    no("1.-5", InvalidNumber, 2);
    no("1e5.5", InvalidNumber, 3);
    no("1e5e5", InvalidNumber, 3);
    no("1e+-5", InvalidNumber, 3);
    no("1-2", InvalidNumber, 1);
    no("1+2", InvalidNumber, 1);
    no("{\"a\":1.}", InvalidNumber, 7);
    no("+1", expected(Value), 0);
    no(".5", expected(Value), 0);
    no("e5", expected(Value), 0);
    no("[+1]", expected(ValueOrArrayEnd), 1);
    no("0x10", TrailingData, 1);
    no("1a", TrailingData, 1);
    no("1_000", TrailingData, 1);
    no("1 000", TrailingData, 2);
    no("[1a]", expected(CommaOrArrayEnd), 2);
    no("[1 2]", expected(CommaOrArrayEnd), 3);
    // Its first byte could begin a byte-order mark.
    no("１", expected(Value), 1);
}

#[test]
fn strings() {
    ok(r#""""#, r#""""#);
    ok(r#""a""#, r#""a""#);
    ok(r#"" ""#, r#"" ""#);
    ok(r#""[1,{}]:,""#, r#""[1,{}]:,""#);
    ok("\"a string that is longer than the smallest window\"", "\"a string that is longer than the smallest window\"");
    ok("\"\u{7f}\"", "\"\u{7f}\"");
    ok("\"\u{2028}\u{2029}\u{feff}\"", "\"\u{2028}\u{2029}\u{feff}\"");
    ok(r#"["a","b"]"#, r#"[ "a" "b" ]"#);
    for escape in ['"', '\\', '/', 'b', 'f', 'n', 'r', 't'] {
        for text in [format!("\\{escape}"), format!("ab\\{escape}cd"), format!("\\{escape}\\{escape}")] {
            ok(format!("\"{text}\""), &format!("\"{text}\""));
            ok(format!("{{\"{text}\":1}}"), &format!("{{ \"{text}\": 1 }}"));
        }
    }
    for unicode in [r"\u0000", r"\u001f", r"\u0022", r"\u005c", r"\u00e9", r"\u4E2D", r"\uFFFF", r"\uabCD"] {
        ok(format!("\"{unicode}\""), &format!("\"{unicode}\""));
        ok(format!("[\"x{unicode}y\"]"), &format!("[ \"x{unicode}y\" ]"));
    }
    // The grammar allows lone surrogates; it is decoding that cannot hold them.
    for surrogates in [r"\ud83d\ude00", r"\ud800", r"\udc00", r"\udfff\ud800", r"\ud800\ud800", r"\ud800x"] {
        ok(format!("\"{surrogates}\""), &format!("\"{surrogates}\""));
    }
}

#[test]
fn strings_broken() {
    no("\"", UnexpectedEnd, 1);
    no("\"abc", UnexpectedEnd, 4);
    no("\"abc\\\"", UnexpectedEnd, 6);
    no("\"\\", UnexpectedEnd, 2);
    no("\"\\u", UnexpectedEnd, 3);
    no("\"\\u12", UnexpectedEnd, 5);
    no("\"\\u1234", UnexpectedEnd, 7);
    no("[\"abc", UnexpectedEnd, 5);
    no("{\"abc", UnexpectedEnd, 5);
    no("'a'", expected(Value), 0);
    no("\"a\"b\"", TrailingData, 3);
    no("[\"a\"\"b\"]", expected(CommaOrArrayEnd), 4);
    for escape in ["a", "x", "'", "0", "U", "v", " ", "\n", "é", "N"] {
        no(format!("\"\\{escape}\""), InvalidEscape, 2);
        no(format!("{{\"ab\\{escape}\":1}}"), InvalidEscape, 5);
    }
    no(r#""\u""#, InvalidEscape, 3);
    no(r#""\u1""#, InvalidEscape, 4);
    no(r#""\u123""#, InvalidEscape, 6);
    no(r#""\u123g""#, InvalidEscape, 6);
    no(r#""\ug123""#, InvalidEscape, 3);
    no(r#""\u+123""#, InvalidEscape, 3);
    no(r#""\u 123""#, InvalidEscape, 3);
    no(r#""\u-001""#, InvalidEscape, 3);
    no("\"\\u00é0\"", InvalidEscape, 5);
    no(r#""\uD83D\u""#, InvalidEscape, 9);
    for control in 0..0x20_u8 {
        no([b'"', control, b'"'], ControlCharacter, 1);
        no([b'"', b'a', b'b', b'c', b'd', b'e', b'f', b'g', b'h', control], ControlCharacter, 9);
        no([b'{', b'"', b'a', control, b'"', b':'], ControlCharacter, 3);
    }
}

#[test]
fn utf8() {
    // The first and the last character of each length, and those around the surrogates.
    for text in ["\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}"] {
        ok(format!("\"{text}\""), &format!("\"{text}\""));
        ok(format!("[\"a{text}{text}b\"]"), &format!("[ \"a{text}{text}b\" ]"));
        ok(format!("{{\"{text}\":\"{text}\"}}"), &format!("{{ \"{text}\": \"{text}\" }}"));
    }
}

#[test]
fn utf8_broken() {
    let sequences: &[&[u8]] = &[
        b"\x80",                 // a continuation on its own
        b"\xbf",                 //
        b"\xc2",                 // two bytes, cut
        b"\xc2\xc2",             //
        b"\xe4\xb8",             // three, cut
        b"\xe4",                 //
        b"\xe4a\xad",            //
        b"\xf0\x9f\x98",         // four, cut
        b"\xf0\x9f",             //
        b"\xf0",                 //
        b"\xc0\x80",             // overlong: U+0000
        b"\xc1\xbf",             // overlong: U+007F
        b"\xe0\x80\x80",         // overlong: U+0000
        b"\xe0\x9f\xbf",         // overlong: U+07FF
        b"\xf0\x80\x80\x80",     // overlong: U+0000
        b"\xf0\x8f\xbf\xbf",     // overlong: U+FFFF
        b"\xed\xa0\x80",         // U+D800
        b"\xed\xbf\xbf",         // U+DFFF
        b"\xed\xa0\xbd\xed\xb8", // a pair of surrogates, cut
        b"\xf4\x90\x80\x80",     // U+110000
        b"\xf5\x80\x80\x80",     // never in UTF-8
        b"\xf8\x88\x80\x80\x80", //
        b"\xfe",                 //
        b"\xff",                 //
    ];
    for sequence in sequences {
        no([b"\"", *sequence, b"\""].concat(), InvalidUtf8, 1);
        no([b"\"ab", *sequence, b"cdefghijklm\""].concat(), InvalidUtf8, 3);
        no([b"[\"\xc3\xa9\\n", *sequence, b"\"]"].concat(), InvalidUtf8, 6);
        no([b"{\"", *sequence, b"\":1}"].concat(), InvalidUtf8, 2);
        // Outside of strings nothing but ASCII may stand at all.
        no(*sequence, expected(Value), 0);
        no([b"[1", *sequence].concat(), expected(CommaOrArrayEnd), 2);
    }
    // A string is looked at as a whole, once it is one: its end, a broken escape or a control
    // character comes first.
    no(b"\"\xff", UnexpectedEnd, 2);
    no(b"\"\xff\\x\"", InvalidEscape, 3);
    no(b"\"\xff\n\"", ControlCharacter, 2);
}

#[test]
fn byte_order_mark() {
    ok("\u{feff}1", "1");
    ok("\u{feff} [ 1 ] ", "[ 1 ]");
    ok("\u{feff}\"\u{feff}\"", "\"\u{feff}\"");
    no("\u{feff}", UnexpectedEnd, 3);
    no("\u{feff} ", UnexpectedEnd, 4);
    no("\u{feff}\u{feff}1", expected(Value), 3);
    no(" \u{feff}1", expected(Value), 1);
    no("1\u{feff}", TrailingData, 1);
    no("[\u{feff}1]", expected(ValueOrArrayEnd), 1);
    no(b"\xef", UnexpectedEnd, 1);
    no(b"\xef\xbb", UnexpectedEnd, 2);
    no(b"\xef1", expected(Value), 1);
    no(b"\xef\xbb1", expected(Value), 2);
    no(b"\xef\xbb\xbe1", expected(Value), 2);
    no(b"\xfe\xff\x001", expected(Value), 0);
    no(b"\xff\xfe1\x00", expected(Value), 0);
}

#[test]
fn arrays() {
    ok("[]", "[ ]");
    ok("[[]]", "[ [ ] ]");
    ok("[[],[]]", "[ [ ] [ ] ]");
    ok("[1,2]", "[ 1 2 ]");
    ok("[1,[2,[3,[]]],4]", "[ 1 [ 2 [ 3 [ ] ] ] 4 ]");
    ok("[{},{}]", "[ { } { } ]");
    ok("[\"a\",1,true,null,{},[]]", "[ \"a\" 1 true null { } [ ] ]");
}

#[test]
fn arrays_broken() {
    no("[", UnexpectedEnd, 1);
    no("[1", UnexpectedEnd, 2);
    no("[1,", UnexpectedEnd, 3);
    no("[[1]", UnexpectedEnd, 4);
    no("[1,]", expected(Value), 3);
    no("[,1]", expected(ValueOrArrayEnd), 1);
    no("[,]", expected(ValueOrArrayEnd), 1);
    no("[1,,2]", expected(Value), 3);
    no("[1:2]", expected(CommaOrArrayEnd), 2);
    no("[1;2]", expected(CommaOrArrayEnd), 2);
    no("[1}", expected(CommaOrArrayEnd), 2);
    no("[}", expected(ValueOrArrayEnd), 1);
    no("[1,}", expected(Value), 3);
    no("[{]}", expected(KeyOrObjectEnd), 2);
    no("[{}}", expected(CommaOrArrayEnd), 3);
    no("[[]", UnexpectedEnd, 3);
    no("[]]", TrailingData, 2);
    no("]", expected(Value), 0);
    no("[]1", TrailingData, 2);
    no("[\"a\":1]", expected(CommaOrArrayEnd), 4);
    no("[...]", expected(ValueOrArrayEnd), 1);
}

#[test]
fn objects() {
    ok("{}", "{ }");
    ok(r#"{"":0}"#, r#"{ "": 0 }"#);
    ok(r#"{"a":1,"b":2}"#, r#"{ "a": 1 "b": 2 }"#);
    ok(r#"{"a":1,"a":2}"#, r#"{ "a": 1 "a": 2 }"#);
    ok(r#"{"a":{"b":{"c":{}}}}"#, r#"{ "a": { "b": { "c": { } } } }"#);
    ok(r#"{"a":[1,{"b":[]}],"c":null}"#, r#"{ "a": [ 1 { "b": [ ] } ] "c": null }"#);
    ok(r#"{"{}[],:":"{}[],:"}"#, r#"{ "{}[],:": "{}[],:" }"#);
    ok(r#"{"\u0061\"":"\\"}"#, r#"{ "\u0061\"": "\\" }"#);
}

#[test]
fn objects_broken() {
    no("{", UnexpectedEnd, 1);
    no("{\"a\"", UnexpectedEnd, 4);
    no("{\"a\":", UnexpectedEnd, 5);
    no("{\"a\":1", UnexpectedEnd, 6);
    no("{\"a\":1,", UnexpectedEnd, 7);
    no("{\"a\":{}", UnexpectedEnd, 7);
    no("{\"a\":1,}", expected(Key), 7);
    no("{,}", expected(KeyOrObjectEnd), 1);
    no("{,\"a\":1}", expected(KeyOrObjectEnd), 1);
    no("{\"a\":1,,\"b\":2}", expected(Key), 7);
    no("{\"a\"}", expected(Colon), 4);
    no("{\"a\" 1}", expected(Colon), 5);
    no("{\"a\",1}", expected(Colon), 4);
    no("{\"a\"\"b\"}", expected(Colon), 4);
    no("{\"a\"=1}", expected(Colon), 4);
    no("{\"a\":}", expected(Value), 5);
    no("{\"a\":,}", expected(Value), 5);
    no("{\"a\"::1}", expected(Value), 5);
    no("{\"a\":1 \"b\":2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":1:2}", expected(CommaOrObjectEnd), 6);
    no("{\"a\":1]", expected(CommaOrObjectEnd), 6);
    no("{\"a\":[}", expected(ValueOrArrayEnd), 6);
    no("{\"a\":[]]", expected(CommaOrObjectEnd), 7);
    no("{]", expected(KeyOrObjectEnd), 1);
    no("{1:2}", expected(KeyOrObjectEnd), 1);
    no("{a:1}", expected(KeyOrObjectEnd), 1);
    no("{'a':1}", expected(KeyOrObjectEnd), 1);
    no("{null:1}", expected(KeyOrObjectEnd), 1);
    no("{{}:1}", expected(KeyOrObjectEnd), 1);
    no("{\"a\":1,b:2}", expected(Key), 7);
    no("{\"a\":1,2}", expected(Key), 7);
    no("{}}", TrailingData, 2);
    no("}", expected(Value), 0);
    no("\"a\":1", TrailingData, 3);
}

#[test]
fn white_space() {
    ok(" \t\r\n1 \t\r\n", "1");
    ok("\n[ ]\n", "[ ]");
    ok("\t{\r}\n", "{ }");
    ok(" [ 1 , 2 ] ", "[ 1 2 ]");
    ok(" { \"a\" : 1 , \"b\" : [ ] } ", "{ \"a\": 1 \"b\": [ ] }");
    ok("[\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n]", "[ 1 ]");
    no("", UnexpectedEnd, 0);
    no(" ", UnexpectedEnd, 1);
    no(" \t\r\n \t\r\n \t\r\n \t\r\n \t\r\n", UnexpectedEnd, 20);
    no("[ ", UnexpectedEnd, 2);
    no("{ \"a\" : ", UnexpectedEnd, 8);
    for other in ["\u{b}", "\u{c}", "\u{0}", "\u{a0}", "\u{85}", "\u{2028}", "\u{3000}", "\u{1b}", "\\n", "/**/"] {
        no(format!("{other}1"), expected(Value), 0);
        no(format!("[1{other}]"), expected(CommaOrArrayEnd), 2);
        no(format!("{{{other}}}"), expected(KeyOrObjectEnd), 1);
        no(format!("{{\"a\"{other}:1}}"), expected(Colon), 4);
        no(format!("1{other}"), TrailingData, 1);
    }
}

#[test]
fn trailing_data() {
    no("1 2", TrailingData, 2);
    no("{} {}", TrailingData, 3);
    no("[]\n[]", TrailingData, 3);
    no("\"a\" ,", TrailingData, 4);
    no("null,", TrailingData, 4);
    no("1 //", TrailingData, 2);
    no("1 #", TrailingData, 2);
    no("1 \0", TrailingData, 2);
    no("[1] ]", TrailingData, 4);
}

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
fn errors_hold_nothing_of_the_document() {
    let mut tokens = Tokens::new(&b"{\"secret\": hunter2}"[..]);
    let error = tokens.raw().expect_err("not JSON");
    assert_eq!(error.to_string(), "expected a value at byte 11");
    assert!(!format!("{error:?}").contains("hunter"));
}

// ---- A case ----

/// The input is JSON of these tokens.
#[track_caller]
fn ok(input: impl AsRef<[u8]>, dump: &str) {
    assert_eq!(accepts(Limits::default(), input).dump(), dump);
}

/// The input is broken in this way at this byte.
#[track_caller]
fn no(input: impl AsRef<[u8]>, kind: ErrorKind, offset: u64) {
    rejects(Limits::default(), input, kind, offset);
}
