//! Section 7: strings and their escapes.

use crate::{common::expected, itself, no, ok};
use apsides_tokenizer::{ErrorKind, Expected};

use ErrorKind::{ControlCharacter, InvalidEscape, TrailingData, UnexpectedEnd};
use Expected::{CommaOrArrayEnd, Value, ValueOrArrayEnd};

// ---- 7: string = quotation-mark *char quotation-mark ----

#[test]
fn s7_strings() {
    itself(r#""""#);
    itself(r#""a""#);
    itself(r#"" ""#);
    itself(r#""[1,{}]:,""#);
    itself("\"a string that is longer than the smallest window\"");
    itself("\"a string that is longer than a block of 64 bytes, which the structural index has as its unit\"");
    itself("\"'\"");
    itself("\"/\"");
    itself("\"//\"");
    itself("\"/* */ # \"");
    itself("\"\u{7f}\"");
    itself("\"\u{20}\u{21}\u{23}\u{5b}\u{5d}\"");
    ok(r#"["a","b"]"#, r#"[ "a" "b" ]"#);
    ok(r#"["","",""]"#, r#"[ "" "" "" ]"#);
    ok(r#"["a" , "b"]"#, r#"[ "a" "b" ]"#);
    ok(r#"{"a":"b","c":"d"}"#, r#"{ "a": "b" "c": "d" }"#);
}

#[test]
fn s7_strings_cut_short() {
    no("\"", UnexpectedEnd, 1);
    no("\"abc", UnexpectedEnd, 4);
    no("\"abc\\\"", UnexpectedEnd, 6);
    no("\"abc\\\\\\\"", UnexpectedEnd, 8);
    no("[\"", UnexpectedEnd, 2);
    no("[\"abc", UnexpectedEnd, 5);
    no("[\"abc]", UnexpectedEnd, 6);
    no("[\"abc,1]", UnexpectedEnd, 8);
    no("{\"abc", UnexpectedEnd, 5);
    no("{\"abc:1}", UnexpectedEnd, 8);
    no("\"a\"b\"", TrailingData, 3);
    no("[\"a\"b\"]", expected(CommaOrArrayEnd), 4);
}

#[test]
fn s7_strings_stand_in_double_quotes() {
    no("'a'", expected(Value), 0);
    no("['a']", expected(ValueOrArrayEnd), 1);
    no("`a`", expected(Value), 0);
    no("“a”", expected(Value), 0);
    no("a", expected(Value), 0);
    no("[a]", expected(ValueOrArrayEnd), 1);
    no("\\\"a\"", expected(Value), 0);
    no("[\\\"a\"]", expected(ValueOrArrayEnd), 1);
    no("[1,\\\"a\"]", expected(Value), 3);
    no("[\"a\"\\]", expected(CommaOrArrayEnd), 4);
    no("[\"a\"\\,\"b\"]", expected(CommaOrArrayEnd), 4);
    no("[\"a\"\\\"b\"]", expected(CommaOrArrayEnd), 4);
    no("1\\", TrailingData, 1);
}

#[test]
fn s7_control_characters_are_escaped() {
    for control in 0..0x20_u8 {
        no([b'"', control, b'"'], ControlCharacter, 1);
        no([b'"', control], ControlCharacter, 1);
        no([b'[', b'"', b'a', b'b', b'c', b'd', b'e', b'f', b'g', b'h', control], ControlCharacter, 10);
        no([b'{', b'"', b'a', control, b'"', b':'], ControlCharacter, 3);
        no([b'"', b'\\', b'n', control, b'"'], ControlCharacter, 3);
        no([b'"', b'\\', b'\\', control, b'"'], ControlCharacter, 3);
        no([b'"', control, b'\\', b'x', b'"'], ControlCharacter, 1);
        no([b'"', 0xc3, 0xa9, control, b'"'], ControlCharacter, 3);
        itself(&format!("\"\\u{control:04x}\\u{control:04X}\""));
    }
}

// ---- 7: char = unescaped / escape ( " \ / b f n r t uXXXX ) ----

#[test]
fn s7_escapes() {
    for escape in ['"', '\\', '/', 'b', 'f', 'n', 'r', 't'] {
        itself(&format!("\"\\{escape}\""));
        itself(&format!("\"ab\\{escape}cd\""));
        itself(&format!("\"\\{escape}\\{escape}\""));
        itself(&format!("\"\\\\\\{escape}\""));
        itself(&format!("\"\\{escape}\\\\\""));
        ok(format!("{{\"\\{escape}\":1}}"), &format!("{{ \"\\{escape}\": 1 }}"));
    }
    for backslashes in 1..20 {
        itself(&format!("\"{}\"", r"\\".repeat(backslashes)));
        itself(&format!("\"{}\\\"\"", r"\\".repeat(backslashes)));
        itself(&format!("\"{}\"", "\\\"".repeat(backslashes)));
        no(format!("\"{}\\\"", r"\\".repeat(backslashes)), UnexpectedEnd, 2 * backslashes as u64 + 3);
        no(format!("\"{}\\ \"", r"\\".repeat(backslashes)), InvalidEscape, 2 * backslashes as u64 + 2);
    }
}

#[test]
fn s7_escapes_of_four_digits() {
    for unicode in
        [r"\u0000", r"\u001f", r"\u0022", r"\u005c", r"\u002F", r"\u00e9", r"\u4E2D", r"\uFFFF", r"\uabCD", r"\uEf01"]
    {
        itself(&format!("\"{unicode}\""));
        itself(&format!("\"{unicode}{unicode}\""));
        itself(&format!("\"{unicode}0\""));
        itself(&format!("\"x{unicode}y\""));
        itself(&format!("\"\\\\{unicode}\""));
        ok(format!("{{\"{unicode}\":\"\"}}"), &format!("{{ \"{unicode}\": \"\" }}"));
    }
    // Not escapes: the backslash is itself escaped.
    itself(r#""\\u""#);
    itself(r#""\\u12""#);
    itself(r#""\\x""#);
}

#[test]
fn s7_escapes_cut_short() {
    no("\"\\", UnexpectedEnd, 2);
    no("\"\\u", UnexpectedEnd, 3);
    no("\"\\u1", UnexpectedEnd, 4);
    no("\"\\u12", UnexpectedEnd, 5);
    no("\"\\u123", UnexpectedEnd, 6);
    no("\"\\u1234", UnexpectedEnd, 7);
    no("\"\\n", UnexpectedEnd, 3);
    no("{\"a\\", UnexpectedEnd, 4);
    no(r#""\u""#, InvalidEscape, 3);
    no(r#""\u1""#, InvalidEscape, 4);
    no(r#""\u12""#, InvalidEscape, 5);
    no(r#""\u123""#, InvalidEscape, 6);
    no(r#"["\u",1]"#, InvalidEscape, 4);
    no(r#"{"\u00":1}"#, InvalidEscape, 6);
    no(r#""\u12\u1234""#, InvalidEscape, 5);
    no(r#""\u12\"""#, InvalidEscape, 5);
}

#[test]
fn s7_no_other_escapes() {
    for escape in ["a", "x", "'", "0", "1", "U", "v", "e", " ", "\n", "\0", "é", "N", "B", "T", "?", "[", "{", ":", "`"]
    {
        no(format!("\"\\{escape}\""), InvalidEscape, 2);
        no(format!("[\"\\n\\{escape}\"]"), InvalidEscape, 5);
        no(format!("[\"\\\\\\{escape}\"]"), InvalidEscape, 5);
        no(format!("{{\"ab\\{escape}\":1}}"), InvalidEscape, 5);
    }
    no(r#""\u123g""#, InvalidEscape, 6);
    no(r#""\u12g4""#, InvalidEscape, 5);
    no(r#""\u1g34""#, InvalidEscape, 4);
    no(r#""\ug123""#, InvalidEscape, 3);
    no(r#""\u+123""#, InvalidEscape, 3);
    no(r#""\u 123""#, InvalidEscape, 3);
    no(r#""\u-001""#, InvalidEscape, 3);
    no(r#""\u{41}""#, InvalidEscape, 3);
    no(r#""\uU041""#, InvalidEscape, 3);
    no(r#""\u004""#, InvalidEscape, 6);
    no(r#""\u00@0""#, InvalidEscape, 5);
    no(r#""\u00`0""#, InvalidEscape, 5);
    no(r#""\u00:0""#, InvalidEscape, 5);
    no(r#""\u00/0""#, InvalidEscape, 5);
    no(r#""\u00G0""#, InvalidEscape, 5);
    no("\"\\u00é0\"", InvalidEscape, 5);
    no("\"\\u00\u{660}0\"", InvalidEscape, 5);
    no(r#""\uD83D\u""#, InvalidEscape, 9);
    no(r#""\uD83D\uDE0""#, InvalidEscape, 12);
    // The first of two.
    no(r#""\x\y""#, InvalidEscape, 2);
    no("\"\\x\u{1}\"", InvalidEscape, 2);
}
