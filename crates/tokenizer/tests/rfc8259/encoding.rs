//! Sections 8, 9 and 12: UTF-8, the byte-order mark, surrogates, and what a parser may limit.

use crate::{
    common::{accepts, expected, rejects},
    itself, no, ok,
};
use apsides_tokenizer::{ErrorKind, Expected, Limits, Token, Tokens};

use ErrorKind::{ControlCharacter, InvalidEscape, InvalidUtf8, TooDeep, TrailingData, UnexpectedEnd};
use Expected::{CommaOrArrayEnd, Value, ValueOrArrayEnd};

// ---- 8.1: character encoding ----

#[test]
fn s8_1_texts_are_utf8() {
    // The first and the last character of each length, and those around the surrogates.
    for text in [
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{fff}",
        "\u{1000}",
        "\u{cfff}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "\u{3ffff}",
        "\u{40000}",
        "\u{fffff}",
        "\u{100000}",
        "\u{10ffff}",
    ] {
        itself(&format!("\"{text}\""));
        itself(&format!("\"{}\"", text.repeat(9)));
        itself(&format!("\"{}\"", text.repeat(33)));
        ok(format!("[\"a{text}{text}b\"]"), &format!("[ \"a{text}{text}b\" ]"));
        ok(format!("[\"\\n{text}\\\"\"]"), &format!("[ \"\\n{text}\\\"\" ]"));
        ok(format!("{{\"{text}\":\"{text}\"}}"), &format!("{{ \"{text}\": \"{text}\" }}"));
    }
    itself("\"ÅÄÖ — åäö “quoted” ½ €\"");
    itself("\"слово 単語 단어 शब्द كلمة\"");
    itself("\"👩\u{200d}👩\u{200d}👧 e\u{301} \u{2028}\u{2029}\u{feff}\"");
}

/// Each is wrong at its first byte.
const NOT_UTF8: &[&[u8]] = &[
    b"\x80",                 // a continuation on its own
    b"\xbf",                 //
    b"\x80\x80\x80\x80",     //
    b"\xc2",                 // two bytes, cut
    b"\xc2\xc2",             //
    b"\xdf\x7f",             //
    b"\xdf\xc0",             //
    b"\xe4\xb8",             // three, cut
    b"\xe4",                 //
    b"\xe4a\xad",            //
    b"\xe4\xb8a",            //
    b"\xe4\xb8\xe4\xb8\xad", //
    b"\xef\xbf",             //
    b"\xf0\x9f\x98",         // four, cut
    b"\xf0\x9f",             //
    b"\xf0",                 //
    b"\xf0\x9f\x98a",        //
    b"\xf0\x9f\x98\xc3\xa9", //
    b"\xc0\x80",             // overlong: U+0000
    b"\xc0\xa2",             // overlong: a quote
    b"\xc1\x9c",             // overlong: a backslash
    b"\xc1\xbf",             // overlong: U+007F
    b"\xe0\x80\x80",         // overlong: U+0000
    b"\xe0\x80\xa2",         // overlong: a quote
    b"\xe0\x9f\xbf",         // overlong: U+07FF
    b"\xf0\x80\x80\x80",     // overlong: U+0000
    b"\xf0\x80\x80\xa2",     // overlong: a quote
    b"\xf0\x8f\xbf\xbf",     // overlong: U+FFFF
    b"\xed\xa0\x80",         // U+D800
    b"\xed\xaf\xbf",         // U+DBFF
    b"\xed\xb0\x80",         // U+DC00
    b"\xed\xbf\xbf",         // U+DFFF
    b"\xed\xa0\xbd\xed\xb8", // a pair of surrogates, cut
    b"\xf4\x90\x80\x80",     // U+110000
    b"\xf4\xbf\xbf\xbf",     //
    b"\xf5\x80\x80\x80",     // never in UTF-8
    b"\xf8\x88\x80\x80\x80", //
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfe", //
    b"\xff", //
];

#[test]
fn s8_1_nothing_else_is_a_character() {
    for sequence in NOT_UTF8 {
        no([b"\"", *sequence, b"\""].concat(), InvalidUtf8, 1);
        no([b"\"ab", *sequence, b"cdefghijklm\""].concat(), InvalidUtf8, 3);
        no([b"[\"\xc3\xa9\\n", *sequence, b"\"]"].concat(), InvalidUtf8, 6);
        no([b"[\"\xf0\x9f\x98\x80", *sequence, b"\"]"].concat(), InvalidUtf8, 6);
        no([b"[\"\\\\", *sequence, b"\\\"\"]"].concat(), InvalidUtf8, 4);
        no([b"{\"", *sequence, b"\":1}"].concat(), InvalidUtf8, 2);
        no([b"{\"a\":\"", *sequence, b"\",\"b\":\"", *sequence, b"\"}"].concat(), InvalidUtf8, 6);
    }
    // As it stands at the end of a string, so it may stand behind many characters.
    for character in ["a", "é", "中", "😀"] {
        let text = character.repeat(40);
        for sequence in NOT_UTF8 {
            no([b"\"", text.as_bytes(), *sequence, b"\""].concat(), InvalidUtf8, 1 + text.len() as u64);
        }
    }
}

#[test]
fn s8_1_outside_of_strings_nothing_but_ascii_may_stand() {
    for sequence in NOT_UTF8.iter().copied().chain(["é", "中", "😀", "\u{2028}", "\u{7f}"].map(str::as_bytes)) {
        if sequence[0] != 0xef {
            no(sequence, expected(Value), 0);
        }
        no([b" ", sequence].concat(), expected(Value), 1);
        no([b"[", sequence, b"]"].concat(), expected(ValueOrArrayEnd), 1);
        no([b"[1", sequence].concat(), expected(CommaOrArrayEnd), 2);
        no([b"[1,", sequence, b"1]"].concat(), expected(Value), 3);
        no([b"{\"a\"", sequence, b":1}"].concat(), expected(Expected::Colon), 4);
        no([b"[tru", sequence, b"e]"].concat(), expected(Expected::Literal), 4);
        no([b"[1.", sequence, b"5]"].concat(), ErrorKind::InvalidNumber, 3);
        no([b"1 ", sequence].concat(), TrailingData, 2);
    }
}

#[test]
fn s8_1_a_string_is_looked_at_as_a_whole_once_it_is_one() {
    // Its end, a broken escape or a control character comes first.
    no(b"\"\xff", UnexpectedEnd, 2);
    no(b"\"\xff\\x\"", InvalidEscape, 3);
    no(b"\"\xff\\u00x\"", InvalidEscape, 6);
    no(b"\"\xff\n\"", ControlCharacter, 2);
    no(b"\"\xff\xff\"", InvalidUtf8, 1);
    no(b"[\"\xff\",\"\x01\"]", InvalidUtf8, 2);
    no(b"[\"\xff\"x", InvalidUtf8, 2);
    no(b"[\"\xff\"", InvalidUtf8, 2);
    no(b"{\"\xff\"}", InvalidUtf8, 2);
}

#[test]
fn s8_1_a_byte_order_mark_may_be_ignored() {
    ok("\u{feff}1", "1");
    ok("\u{feff}[]", "[ ]");
    ok("\u{feff} [ 1 ] ", "[ 1 ]");
    itself("\"\u{feff}\"");
    ok("\u{feff}\"\u{feff}\"", "\"\u{feff}\"");
    no("\u{feff}", UnexpectedEnd, 3);
    no("\u{feff} ", UnexpectedEnd, 4);
    no("\u{feff}\u{feff}1", expected(Value), 3);
    no("\u{feff}]", expected(Value), 3);
    no(" \u{feff}1", expected(Value), 1);
    no("1\u{feff}", TrailingData, 1);
    no("[\u{feff}1]", expected(ValueOrArrayEnd), 1);
    no(b"\xef", UnexpectedEnd, 1);
    no(b"\xef\xbb", UnexpectedEnd, 2);
    no(b"\xef1", expected(Value), 1);
    no(b"\xef\xbb1", expected(Value), 2);
    no(b"\xef\xbb\xbe1", expected(Value), 2);
    no(b"\xef\xbf\xbf1", expected(Value), 1);
}

#[test]
fn s8_1_other_encodings_are_none() {
    no(b"\xfe\xff\x001", expected(Value), 0);
    no(b"\xff\xfe1\x00", expected(Value), 0);
    no(b"\x00[\x00]", expected(Value), 0);
    no(b"[\x00]\x00", expected(ValueOrArrayEnd), 1);
    no(b"\x00\x00\x00[", expected(Value), 0);
    no(b"[\"\xe9\"]", InvalidUtf8, 2);
    no(b"+AFs-1+AF0-", expected(Value), 0);
}

// ---- 8.2: Unicode characters ----

#[test]
fn s8_2_the_grammar_allows_lone_surrogates() {
    for surrogates in [
        r"\ud83d\ude00",
        r"\uD83D\uDE00",
        r"\ud800",
        r"\udc00",
        r"\udead",
        r"\udfff\ud800",
        r"\ud800\ud800",
        r"\ud800x",
        r"\ud800\n",
        r"\ud800\u0041",
    ] {
        itself(&format!("\"{surrogates}\""));
        itself(&format!("\"é{surrogates}\\\\\""));
        ok(
            format!("{{\"{surrogates}\":[\"{surrogates}\"]}}"),
            &format!("{{ \"{surrogates}\": [ \"{surrogates}\" ] }}"),
        );
    }
}

// ---- 8.3: string comparison ----

#[test]
fn s8_3_strings_are_equal_by_their_characters() {
    let is = |json: &str, text: &str| match Tokens::new(json.as_bytes()).pull() {
        Ok(Some(Token::String(string))) => string.is(text),
        other => panic!("{other:?}"),
    };
    assert!(is(r#""a\\b""#, "a\\b"));
    assert!(is(r#""a\u005Cb""#, "a\\b"));
    assert!(is(r#""\u0061\/b""#, "a/b"));
    assert!(is(r#""\ud83d\uDE00""#, "😀"));
    assert!(!is(r#""\u0041""#, "a"));
    assert!(!is(r#""a\\b""#, "a\\\\b"));
    // Composed and decomposed are two.
    assert!(!is("\"e\u{301}\"", "é"));
}

// ---- 9: parsers may set limits ----

#[test]
fn s9_limits_are_named_and_exact() {
    let limits = Limits { depth_max: 3, token_bytes_max: 5, ..Limits::default() };
    accepts(limits, "[[[]]]");
    accepts(limits, r#"{"abc":[{"a":"abc"}]}"#);
    rejects(limits, "[[[[]]]]", TooDeep { limit: 3 }, 3);
    rejects(limits, r#"{"a":[{"a":{}}]}"#, TooDeep { limit: 3 }, 11);
    accepts(limits, "[12345,\"abc\"]");
    rejects(limits, "[123456]", ErrorKind::TokenTooLong { limit: 5 }, 1);
    rejects(limits, "[1,\"abcd\"]", ErrorKind::TokenTooLong { limit: 5 }, 3);
}

#[test]
fn s9_no_extensions_are_accepted() {
    no("// comment\n1", expected(Value), 0);
    no("[1,/**/2]", expected(Value), 3);
    no("[1,2,]", expected(Value), 5);
    no("{a:1}", expected(Expected::KeyOrObjectEnd), 1);
    no("['']", expected(ValueOrArrayEnd), 1);
    no("[\"a\\\nb\"]", InvalidEscape, 4);
    no("[\"a\nb\"]", ControlCharacter, 3);
    no("[\"\t\"]", ControlCharacter, 2);
    no("[1]\x1a", TrailingData, 3);
    no("\x1e[1]\n", expected(Value), 0);
    no(")]}',\n[]", expected(Value), 0);
    no("f([])", expected(Expected::Literal), 1);
    no("callback([])", expected(Value), 0);
}
