//! Sections 2, 4, 5 and 13: what stands between values, and what holds them.

use crate::{common::expected, no, ok};
use apsides_tokenizer::{ErrorKind, Expected};

use ErrorKind::{TrailingData, UnexpectedEnd};
use Expected::{Colon, CommaOrArrayEnd, CommaOrObjectEnd, Key, KeyOrObjectEnd, Value, ValueOrArrayEnd};

// ---- 2: JSON-text = ws value ws ----

#[test]
fn s2_a_text_is_one_value() {
    ok("0", "0");
    ok(" 0", "0");
    ok("0 ", "0");
    ok("\n\"x\"\n", "\"x\"");
    ok("\ttrue\t", "true");
    no("", UnexpectedEnd, 0);
    no(" ", UnexpectedEnd, 1);
    no(" \t\r\n \t\r\n \t\r\n \t\r\n \t\r\n", UnexpectedEnd, 20);
    no("0 0", TrailingData, 2);
    no("0,", TrailingData, 1);
    no("0,0", TrailingData, 1);
    no("0:0", TrailingData, 1);
    no("0 ]", TrailingData, 2);
    no("0}", TrailingData, 1);
    no("0\"", TrailingData, 1);
    no("0[", TrailingData, 1);
    no("null,", TrailingData, 4);
    no("null null", TrailingData, 5);
    no("\"a\"\"b\"", TrailingData, 3);
    no("\"a\" ,", TrailingData, 4);
    no("\"a\":1", TrailingData, 3);
    no("[]\n[]", TrailingData, 3);
    no("[][]", TrailingData, 2);
    no("[]1", TrailingData, 2);
    no("[]]", TrailingData, 2);
    no("[1] ]", TrailingData, 4);
    no("{} {}", TrailingData, 3);
    no("{}}", TrailingData, 2);
    no("{},", TrailingData, 2);
    no("1 //", TrailingData, 2);
    no("1 #", TrailingData, 2);
    no("1 \0", TrailingData, 2);
}

#[test]
fn s2_no_value_begins_with_a_structural_character_of_its_middle_or_end() {
    no(",", expected(Value), 0);
    no(":", expected(Value), 0);
    no("]", expected(Value), 0);
    no("}", expected(Value), 0);
    no(" ,0", expected(Value), 1);
}

#[test]
fn s2_white_space_is_four_characters() {
    for space in
        [" ", "\t", "\n", "\r", "\r\n", " \t\r\n \t\r\n", "                                                    "]
    {
        ok(format!("{space}[{space}]{space}"), "[ ]");
        ok(format!("{space}{{{space}}}{space}"), "{ }");
        ok(format!("{space}[{space}1{space},{space}\"b\"{space}]{space}"), "[ 1 \"b\" ]");
        ok(
            format!("{{{space}\"a\"{space}:{space}1{space},{space}\"b\"{space}:{space}[]{space}}}"),
            r#"{ "a": 1 "b": [ ] }"#,
        );
    }
    for other in [
        "\u{b}", "\u{c}", "\0", "\u{1b}", "\u{1c}", "\u{1f}", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "\u{3000}",
        "\\n", "/**/", "#",
    ] {
        no(format!("{other}1"), expected(Value), 0);
        no(format!(" {other} 1"), expected(Value), 1);
        no(format!("1{other}"), TrailingData, 1);
        no(format!("[{other}]"), expected(ValueOrArrayEnd), 1);
        no(format!("[1{other}]"), expected(CommaOrArrayEnd), 2);
        no(format!("[1,{other}2]"), expected(Value), 3);
        no(format!("{{{other}}}"), expected(KeyOrObjectEnd), 1);
        no(format!("{{\"a\"{other}:1}}"), expected(Colon), 4);
        no(format!("{{\"a\":{other}1}}"), expected(Value), 5);
        no(format!("{{\"a\":\"\"{other}}}"), expected(CommaOrObjectEnd), 7);
        no(format!("{{\"a\":1,{other}\"b\":2}}"), expected(Key), 7);
    }
}

// ---- 4: object = { [ member *( , member ) ] }, member = string : value ----

#[test]
fn s4_objects() {
    ok("{}", "{ }");
    ok(r#"{"":0}"#, r#"{ "": 0 }"#);
    ok(r#"{"a":1,"b":2}"#, r#"{ "a": 1 "b": 2 }"#);
    ok(r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#, r#"{ "a": 1 "b": 2 "c": 3 "d": 4 "e": 5 }"#);
    ok(r#"{"a":"1","b":"2","c":"3"}"#, r#"{ "a": "1" "b": "2" "c": "3" }"#);
    ok(r#"{"a":true,"b":false,"c":null}"#, r#"{ "a": true "b": false "c": null }"#);
    ok(r#"{"a":{"b":{"c":{}}}}"#, r#"{ "a": { "b": { "c": { } } } }"#);
    ok(r#"{"a":{},"b":{},"c":[]}"#, r#"{ "a": { } "b": { } "c": [ ] }"#);
    ok(r#"{"a":[1,{"b":[]}],"c":null}"#, r#"{ "a": [ 1 { "b": [ ] } ] "c": null }"#);
    ok(r#"{"{}[],:":"{}[],:"}"#, r#"{ "{}[],:": "{}[],:" }"#);
    ok(r#"{"\u0061\"":"\\"}"#, r#"{ "\u0061\"": "\\" }"#);
    ok(r#"{"é中😀":"é中😀"}"#, r#"{ "é中😀": "é中😀" }"#);
}

#[test]
fn s4_names_may_come_twice() {
    ok(r#"{"a":1,"a":2}"#, r#"{ "a": 1 "a": 2 }"#);
    ok(r#"{"":1,"":1}"#, r#"{ "": 1 "": 1 }"#);
    ok(r#"{"a":1,"\u0061":2}"#, r#"{ "a": 1 "\u0061": 2 }"#);
}

#[test]
fn s4_objects_cut_short() {
    no("{", UnexpectedEnd, 1);
    no("{ ", UnexpectedEnd, 2);
    no("{\"", UnexpectedEnd, 2);
    no("{\"a", UnexpectedEnd, 3);
    no("{\"a\"", UnexpectedEnd, 4);
    no("{\"a\" ", UnexpectedEnd, 5);
    no("{\"a\":", UnexpectedEnd, 5);
    no("{\"a\" : ", UnexpectedEnd, 7);
    no("{\"a\":1", UnexpectedEnd, 6);
    no("{\"a\":\"", UnexpectedEnd, 6);
    no("{\"a\":\"1\"", UnexpectedEnd, 8);
    no("{\"a\":1,", UnexpectedEnd, 7);
    no("{\"a\":1, ", UnexpectedEnd, 8);
    no("{\"a\":1,\"b", UnexpectedEnd, 9);
    no("{\"a\":1,\"b\"", UnexpectedEnd, 10);
    no("{\"a\":{}", UnexpectedEnd, 7);
    no("{\"a\":{\"b\":1}", UnexpectedEnd, 12);
}

#[test]
fn s4_names_are_strings() {
    no("{1:2}", expected(KeyOrObjectEnd), 1);
    no("{-1:2}", expected(KeyOrObjectEnd), 1);
    no("{a:1}", expected(KeyOrObjectEnd), 1);
    no("{'a':1}", expected(KeyOrObjectEnd), 1);
    no("{null:1}", expected(KeyOrObjectEnd), 1);
    no("{true:1}", expected(KeyOrObjectEnd), 1);
    no("{{}:1}", expected(KeyOrObjectEnd), 1);
    no("{[]:1}", expected(KeyOrObjectEnd), 1);
    no("{\"a\":1,b:2}", expected(Key), 7);
    no("{\"a\":1,2}", expected(Key), 7);
    no("{\"a\":1,2:3}", expected(Key), 7);
    no("{\"a\":1,null:3}", expected(Key), 7);
    no("{\"a\":1,{}}", expected(Key), 7);
    no("{\"a\":1,[]}", expected(Key), 7);
    no("{\"a\":1,'b':2}", expected(Key), 7);
}

#[test]
fn s4_a_colon_stands_between_name_and_value() {
    no("{:1}", expected(KeyOrObjectEnd), 1);
    no("{\"a\"}", expected(Colon), 4);
    no("{\"a\" }", expected(Colon), 5);
    no("{\"a\" 1}", expected(Colon), 5);
    no("{\"a\"1}", expected(Colon), 4);
    no("{\"a\",1}", expected(Colon), 4);
    no("{\"a\",\"b\"}", expected(Colon), 4);
    no("{\"a\"\"b\"}", expected(Colon), 4);
    no("{\"a\" \"b\":1}", expected(Colon), 5);
    no("{\"a\"=1}", expected(Colon), 4);
    no("{\"a\"=>1}", expected(Colon), 4);
    no("{\"a\"{}}", expected(Colon), 4);
    no("{\"a\"[]}", expected(Colon), 4);
    no("{\"a\"]", expected(Colon), 4);
    no("{\"a\":}", expected(Value), 5);
    no("{\"a\":]", expected(Value), 5);
    no("{\"a\":,}", expected(Value), 5);
    no("{\"a\": ,\"b\":1}", expected(Value), 6);
    no("{\"a\"::1}", expected(Value), 5);
    no("{\"a\": :1}", expected(Value), 6);
    no("{\"a\":1:2}", expected(CommaOrObjectEnd), 6);
    no("{\"a\":\"b\":2}", expected(CommaOrObjectEnd), 8);
    no("{\"a\":\"b\" :2}", expected(CommaOrObjectEnd), 9);
    no("{\"a\":{}:2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":[]:2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":1,\"b\"}", expected(Colon), 10);
    no("{\"a\":1,\"b\",\"c\":3}", expected(Colon), 10);
    no("{\"a\":1,\"b\"\"c\":3}", expected(Colon), 10);
}

#[test]
fn s4_commas_stand_between_members() {
    no("{,}", expected(KeyOrObjectEnd), 1);
    no("{,\"a\":1}", expected(KeyOrObjectEnd), 1);
    no("{\"a\":1,}", expected(Key), 7);
    no("{\"a\":1 , }", expected(Key), 9);
    no("{\"a\":1,,}", expected(Key), 7);
    no("{\"a\":1,,\"b\":2}", expected(Key), 7);
    no("{\"a\":1,:2}", expected(Key), 7);
    no("{\"a\":1 \"b\":2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":1\"b\":2}", expected(CommaOrObjectEnd), 6);
    no("{\"a\":\"1\"\"b\":2}", expected(CommaOrObjectEnd), 8);
    no("{\"a\":\"1\" \"b\":2}", expected(CommaOrObjectEnd), 9);
    no("{\"a\":1;\"b\":2}", expected(CommaOrObjectEnd), 6);
    no("{\"a\":{}\"b\":2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":{} {}}", expected(CommaOrObjectEnd), 8);
    no("{\"a\":1 2}", expected(CommaOrObjectEnd), 7);
    no("{\"a\":true false}", expected(CommaOrObjectEnd), 10);
}

#[test]
fn s4_a_bracket_ends_no_object() {
    no("{]", expected(KeyOrObjectEnd), 1);
    no("{\"a\":1]", expected(CommaOrObjectEnd), 6);
    no("{\"a\":\"1\"]", expected(CommaOrObjectEnd), 8);
    no("{\"a\":1,]", expected(Key), 7);
    no("{\"a\":[]]", expected(CommaOrObjectEnd), 7);
    no("{\"a\":{}]", expected(CommaOrObjectEnd), 7);
    no("{\"a\":{]}", expected(KeyOrObjectEnd), 6);
    no("[{\"a\":[{}]]}", expected(CommaOrObjectEnd), 10);
}

// ---- 5: array = [ [ value *( , value ) ] ] ----

#[test]
fn s5_arrays() {
    ok("[]", "[ ]");
    ok("[[]]", "[ [ ] ]");
    ok("[[],[]]", "[ [ ] [ ] ]");
    ok("[[[[[[[[[[]]]]]]]]]]", "[ [ [ [ [ [ [ [ [ [ ] ] ] ] ] ] ] ] ] ]");
    ok("[1,2]", "[ 1 2 ]");
    ok("[1,[2,[3,[]]],4]", "[ 1 [ 2 [ 3 [ ] ] ] 4 ]");
    ok("[{},{}]", "[ { } { } ]");
    ok("[{\"a\":[]},[{\"b\":{}}]]", "[ { \"a\": [ ] } [ { \"b\": { } } ] ]");
    ok("[\"a\",1,true,null,{},[]]", "[ \"a\" 1 true null { } [ ] ]");
    ok("[\"a\",\"a\",\"a\"]", "[ \"a\" \"a\" \"a\" ]");
    ok("[\",\",\"]\",\":\"]", "[ \",\" \"]\" \":\" ]");
    ok("[\"\",\"\",\"\"]", "[ \"\" \"\" \"\" ]");
}

#[test]
fn s5_arrays_cut_short() {
    no("[", UnexpectedEnd, 1);
    no("[ ", UnexpectedEnd, 2);
    no("[1", UnexpectedEnd, 2);
    no("[1 ", UnexpectedEnd, 3);
    no("[1,", UnexpectedEnd, 3);
    no("[1, ", UnexpectedEnd, 4);
    no("[\"1", UnexpectedEnd, 3);
    no("[\"1\"", UnexpectedEnd, 4);
    no("[[]", UnexpectedEnd, 3);
    no("[[1]", UnexpectedEnd, 4);
    no("[[1],", UnexpectedEnd, 5);
    no("[{}", UnexpectedEnd, 3);
    no("[[[[[[[[[[[[[[[[[[[[", UnexpectedEnd, 20);
}

#[test]
fn s5_commas_stand_between_items() {
    no("[,]", expected(ValueOrArrayEnd), 1);
    no("[,1]", expected(ValueOrArrayEnd), 1);
    no("[ ,1]", expected(ValueOrArrayEnd), 2);
    no("[1,]", expected(Value), 3);
    no("[1 , ]", expected(Value), 5);
    no("[1,,2]", expected(Value), 3);
    no("[1, ,2]", expected(Value), 4);
    no("[\"a\",]", expected(Value), 5);
    no("[{},]", expected(Value), 4);
    no("[[],]", expected(Value), 4);
    no("[[1,],2]", expected(Value), 4);
    no("[1 2]", expected(CommaOrArrayEnd), 3);
    no("[1 \"a\"]", expected(CommaOrArrayEnd), 3);
    no("[1\"a\"]", expected(CommaOrArrayEnd), 2);
    no("[\"a\"1]", expected(CommaOrArrayEnd), 4);
    no("[\"a\"\"b\"]", expected(CommaOrArrayEnd), 4);
    no("[\"a\" \"b\"]", expected(CommaOrArrayEnd), 5);
    no("[\"a\"true]", expected(CommaOrArrayEnd), 4);
    no("[true\"a\"]", expected(CommaOrArrayEnd), 5);
    no("[true false]", expected(CommaOrArrayEnd), 6);
    no("[[][]]", expected(CommaOrArrayEnd), 3);
    no("[[] []]", expected(CommaOrArrayEnd), 4);
    no("[{}{}]", expected(CommaOrArrayEnd), 3);
    no("[1[]]", expected(CommaOrArrayEnd), 2);
    no("[1{}]", expected(CommaOrArrayEnd), 2);
    no("[\"a\"[]]", expected(CommaOrArrayEnd), 4);
    no("[\"a\"{}]", expected(CommaOrArrayEnd), 4);
    no("[[]1]", expected(CommaOrArrayEnd), 3);
    no("[[]\"a\"]", expected(CommaOrArrayEnd), 3);
    no("[{}null]", expected(CommaOrArrayEnd), 3);
    no("[1;2]", expected(CommaOrArrayEnd), 2);
    no("[...]", expected(ValueOrArrayEnd), 1);
}

#[test]
fn s5_an_array_has_no_colons() {
    no("[:]", expected(ValueOrArrayEnd), 1);
    no("[:1]", expected(ValueOrArrayEnd), 1);
    no("[1:2]", expected(CommaOrArrayEnd), 2);
    no("[1,:2]", expected(Value), 3);
    no("[\"a\":1]", expected(CommaOrArrayEnd), 4);
    no("[\"a\" :1]", expected(CommaOrArrayEnd), 5);
    no("[1,\"a\":2]", expected(CommaOrArrayEnd), 6);
    no("[1,\"a\"  :2]", expected(CommaOrArrayEnd), 8);
    no("[\"a\",\"b\":2]", expected(CommaOrArrayEnd), 8);
    no("[[]:1]", expected(CommaOrArrayEnd), 3);
    no("[{}:1]", expected(CommaOrArrayEnd), 3);
    no("[{\"a\":1},\"b\":2]", expected(CommaOrArrayEnd), 12);
    no("{\"a\":[\"b\":1]}", expected(CommaOrArrayEnd), 9);
}

#[test]
fn s5_a_brace_ends_no_array() {
    no("[}", expected(ValueOrArrayEnd), 1);
    no("[1}", expected(CommaOrArrayEnd), 2);
    no("[1,}", expected(Value), 3);
    no("[\"a\"}", expected(CommaOrArrayEnd), 4);
    no("[{]}", expected(KeyOrObjectEnd), 2);
    no("[{}}", expected(CommaOrArrayEnd), 3);
    no("[[]}", expected(CommaOrArrayEnd), 3);
    no("{\"a\":[}", expected(ValueOrArrayEnd), 6);
    no("{\"a\":[1}}", expected(CommaOrArrayEnd), 7);
    no("{\"a\":[{\"b\":1}}]", expected(CommaOrArrayEnd), 13);
}

// ---- 13: examples, of our own ----

#[test]
fn s13_examples() {
    ok(
        r#"{ "Place": { "Name": "Malmö", "At": [55.605, 13.0038], "Open": true, "Tags": ["sea", "\u00f6l", []], "Since": null } }"#,
        r#"{ "Place": { "Name": "Malmö" "At": [ 55.605 13.0038 ] "Open": true "Tags": [ "sea" "\u00f6l" [ ] ] "Since": null } }"#,
    );
    ok("[\n  { \"n\": -1.5E+2 },\n  { \"n\": 0 }\n]\n", r#"[ { "n": -1.5E+2 } { "n": 0 } ]"#);
}
