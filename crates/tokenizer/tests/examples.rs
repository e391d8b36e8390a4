//! The examples do what they say.

#[allow(dead_code, reason = "its main function is not run here")]
#[path = "../examples/ndjson.rs"]
mod ndjson;
#[allow(dead_code, reason = "its main function is not run here")]
#[path = "../examples/pretty.rs"]
mod pretty;

use apsides_tokenizer::Tokens;

#[test]
fn ndjson_writes_a_line_for_each_member() {
    let lines = |json: &str| {
        let mut out = Vec::new();
        let written = ndjson::members(&mut Tokens::new(json.as_bytes()), &mut out);
        let out = String::from_utf8(out).expect("JSON is text");
        assert!(out.is_empty() || out.ends_with('\n'), "each line is whole");
        assert!(out.lines().all(|line| Tokens::new(line.as_bytes()).skip().is_ok()), "each line is JSON");
        (out, written.map_err(|error| error.to_string()))
    };
    assert_eq!(lines("{}"), (String::new(), Ok(())));
    let json = "{\"a\" : 1, \"b\\\"\":{\r\n\t\"x\" : [\n  1,\n  2 ],\n\n\"y\":\"\\n  \"}\n}\n";
    let expected = r#"{"key":"a","value":1}
{"key":"b\"","value":{"x" : [1,2 ],"y":"\n  "}}
"#;
    assert_eq!(lines(json), (expected.into(), Ok(())));
    // What comes before an error is kept.
    let expected = "{\"key\":\"a\",\"value\":[]}\n";
    let error = |text: &str| Err(String::from(text));
    assert_eq!(lines("{\"a\":[],\"b\":[1 2]}"), (expected.into(), error("expected `,` or `]` at byte 15")));
    assert_eq!(lines("{\"a\":[]} {}"), (expected.into(), error("unexpected data after the document's end at byte 9")));
    assert_eq!(lines("[1]"), (String::new(), error("the document is not an object")));
    assert_eq!(lines(""), (String::new(), error("the input ends before the document does at byte 0")));
}

#[test]
fn pretty_indents() {
    let mut out = Vec::new();
    let json = br#" {"a":[1,{"b":[]},"c\n"] ,"d":{} , "e":-1.50 }"#;
    pretty::pretty(&mut Tokens::new(&json[..]), &mut out).expect("it is JSON");
    let expected = r#"{
  "a": [
    1,
    {
      "b": []
    },
    "c\n"
  ],
  "d": {},
  "e": -1.50
}
"#;
    assert_eq!(String::from_utf8(out).expect("JSON is text"), expected);
}
