//! Every rule of the export's grammar, a line each. A row is written as its table and cells, a
//! null as `-`. Each case is read whole, byte by byte, and with batches of a single row.

use super::*;
use crate::{
    catalogue::{Catalogue, Selection},
    table::{Batch, BatchLimits, BatchSink, Unbuilt},
    tables::Tables,
    typed::TypedSchema,
};
use apsides_tokenizer::{ErrorKind, Limits};
use arrow::{
    array::{Array, ArrayRef, TimestampMicrosecondArray},
    util::display::{ArrayFormatter, FormatOptions},
};

#[derive(Default)]
struct Rows([Vec<String>; 5]);

impl BatchSink for Rows {
    fn send(&mut self, batch: Batch<Unbuilt>) -> Result<()> {
        let Batch { table, records: batch, .. } = batch.build()?;
        let options = FormatOptions::new().with_null("-");
        let columns: Vec<_> = batch.columns().iter().map(without_timezone).collect();
        let columns: Vec<_> = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a type that can be shown"))
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = columns.iter().map(|column| column.value(row).to_string()).collect();
            self.0[table.index].push(format!("{} {}", table.schema.name, cells.join("|")));
        }
        Ok(())
    }
}

/// Arrow's formatter would want a database of time zones, for UTC too.
fn without_timezone(column: &ArrayRef) -> ArrayRef {
    match column.as_any().downcast_ref::<TimestampMicrosecondArray>() {
        Some(times) => std::sync::Arc::new(times.clone().with_timezone_opt(None::<&str>)),
        None => std::sync::Arc::clone(column),
    }
}

/// Gives its bytes one at a time.
struct ByteByByte<'a>(&'a [u8]);

impl Read for ByteByByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

fn read(input: impl Read, batch_rows: usize, window_bytes: usize) -> Result<(Vec<String>, Findings)> {
    let attribute_ids = HashSet::from(["77".to_owned()]);
    let progress = Progress::default();
    let tokens = Tokens::with_limits(input, Limits { window_bytes, ..Limits::default() });
    let limits = BatchLimits {
        rows: batch_rows,
        bytes: usize::MAX,
        group_rows: 3 * batch_rows,
        group_bytes: usize::MAX,
        file_bytes: usize::MAX,
        dictionary_bytes: usize::MAX,
        bundle_bytes: usize::MAX,
        section_bytes: usize::MAX,
    };
    let catalogue = Catalogue::new(&Selection::default(), &TypedSchema::default(), None);
    let tables = Tables::new(Rows::default(), limits, &catalogue);
    let export = Export::new(tokens, tables, Seen::new(100), &attribute_ids, &progress);
    let (tables, findings) = export.read()?;
    Ok((tables.finish()?.0.concat(), findings))
}

fn findings(input: &str, expected: &[&str]) -> Findings {
    let (rows, findings) = read(input.as_bytes(), 1000, 1 << 16).expect(input);
    assert_eq!(rows, expected, "{input}");
    assert_eq!(read(ByteByByte(input.as_bytes()), 1, 16).expect(input), (rows, findings), "{input}");
    findings
}

#[track_caller]
fn check(input: &str, expected: &[&str]) {
    findings(input, expected);
}

/// The rows of a section `1` of a profile `p`, besides its row in `profiles`.
#[track_caller]
fn section(section: &str, counts: &str, expected: &[&str]) {
    let profile = format!("profiles p|1|{counts}");
    let expected: Vec<_> = std::iter::once(profile.as_str()).chain(expected.iter().copied()).collect();
    check(&format!(r#"{{"p":{{"sections":{{"1":{section}}}}}}}"#), &expected);
}

/// The row of an attribute `5` with this value.
#[track_caller]
fn attribute(value: &str, cells: &str) {
    let row = format!("attributes p|1|5|{cells}");
    section(&format!(r#"{{"attributes":{{"5":{{"value":{value}}}}}}}"#), "1|0|0", &[&row]);
}

/// The rows of an only event.
#[track_caller]
fn event(members: &str, cells: &str, unmapped: &[&str]) {
    let row = format!("events p|1|0|{cells}");
    let expected: Vec<_> = std::iter::once(row.as_str()).chain(unmapped.iter().copied()).collect();
    section(&format!(r#"{{"events":[{{{members}}}]}}"#), "0|0|1", &expected);
}

#[track_caller]
fn fails(input: impl AsRef<[u8]>, expected: &str) {
    let input = input.as_ref();
    let error = read(input, 1000, 1 << 16).expect_err("malformed").to_string();
    assert_eq!(error, expected, "{}", String::from_utf8_lossy(input));
    let slowly = read(ByteByByte(input), 1, 16).expect_err("malformed").to_string();
    assert_eq!(slowly, expected, "{}", String::from_utf8_lossy(input));
}

#[test]
fn rule_1_layouts() {
    check("{}", &[]);
    check("\u{feff} {} ", &[]);
    check(r#"{"p":{}}"#, &["profiles p|0|0|0|0"]);
    check(r#"{"p":{},"q":{"sections":{}}}"#, &["profiles p|0|0|0|0", "profiles q|0|0|0|0"]);
    check(r#"{"":{}}"#, &["profiles |0|0|0|0"]);
    check(r#"{"p":{},"p":{}}"#, &["profiles p|0|0|0|0", "profiles p|0|0|0|0"]);
    check(r#"{"profiles":{"p":{}}}"#, &["profiles p|0|0|0|0"]);
    check(r#"{"profiles":{},"profiles":{"p":{}}}"#, &["profiles p|0|0|0|0"]);
    check(r#"{"profiles":{"profiles":{},"metadata":{}}}"#, &["profiles profiles|0|0|0|0", "profiles metadata|0|0|0|0"]);
    check(
        r#"{"metadata":{"a": 1},"p":{}}"#,
        &["profiles p|0|0|0|0", r#"unmapped -|-|/metadata|unknown_member|{"a": 1}"#],
    );
    check(r#"{"profiles":{"p":{}},"metadata":7}"#, &["profiles p|0|0|0|0", "unmapped -|-|/metadata|unknown_member|7"]);
    check(
        r#"{"p":{},"profiles":{"q":{}},"r":{}}"#,
        &["profiles p|0|0|0|0", "profiles q|0|0|0|0", "unmapped -|-|/r|unknown_member|{}"],
    );
    check(
        r#"{"p":1,"a/~b":[ 2 ]}"#,
        &["unmapped -|-|/p|unknown_member|1", "unmapped -|-|/a~1~0b|unknown_member|[ 2 ]"],
    );
    check(r#"{"profiles":[1]}"#, &["unmapped -|-|/profiles|type_mismatch|[1]"]);
    check(
        r#"{"profiles":null,"p":{}}"#,
        &["unmapped -|-|/profiles|type_mismatch|null", "unmapped -|-|/p|unknown_member|{}"],
    );
    check(r#"{"\u0070rofiles":{"\u00e9":{}}}"#, &["profiles é|0|0|0|0"]);
}

#[test]
fn rule_2_tags_and_attributes() {
    let section_1 = |entries: &str| format!(r#"{{"attributes":{{{entries}}}}}"#);
    section(&section_1(r#""5":{"value":null}"#), "0|1|0", &["tags p|1|5"]);
    section(&section_1(r#""5":{}"#), "0|1|0", &["tags p|1|5"]);
    section(&section_1(r#""77":{"value":null}"#), "1|0|0", &["attributes p|1|77|null|-|-|-|-"]);
    section(&section_1(r#""77":{}"#), "1|0|0", &["attributes p|1|77|null|-|-|-|-"]);
    section(
        &section_1(r#""5":{"x":[1 ]}"#),
        "0|1|0",
        &["tags p|1|5", "unmapped p|1|/sections/1/attributes/5/x|unknown_member|[1 ]"],
    );
    section(
        &section_1(r#""5":{"value":1,"value":null}"#),
        "1|1|0",
        &["attributes p|1|5|integer|1|1|1.0|-", "tags p|1|5"],
    );
    section(&section_1(r#""5":{"val\u0075e":""}"#), "1|0|0", &["attributes p|1|5|string||-|-|-"]);
}

#[test]
fn rule_3_times() {
    let at = "2023-11-14T22:13:20.001";
    event(r#""sourceEventTime":0,"createdAt":0"#, "-|-|-|1970-01-01T00:00:00|-|false", &[]);
    event(r#""sourceEventTime":0.0"#, "-|-|-|-|-|false", &[]);
    event(r#""sourceEventTime":"-0""#, "-|-|-|-|-|false", &[]);
    event(r#""sourceEventTime":1700000000001"#, &format!("-|-|{at}|-|-|false"), &[]);
    event(r#""createdAt":"1700000000001""#, &format!("-|-|-|{at}|-|false"), &[]);
    event(r#""createdAt":"170000000000\u0031""#, &format!("-|-|-|{at}|-|false"), &[]);
    event(r#""createdAt":1.700000000001e12"#, &format!("-|-|-|{at}|-|false"), &[]);
    event(r#""createdAt":1700000000001.0"#, &format!("-|-|-|{at}|-|false"), &[]);
    event(r#""createdAt":-1"#, "-|-|-|1969-12-31T23:59:59.999|-|false", &[]);
    event(r#""createdAt":null"#, "-|-|-|-|-|false", &[]);
    let mismatch = |value: &str| {
        let row = format!("unmapped p|1|/sections/1/events/0/createdAt|type_mismatch|{value}");
        event(&format!(r#""createdAt":{value}"#), "-|-|-|-|-|false", &[&row]);
    };
    for value in ["1.5", "9223372036854776", "1e400", "true", "[1]", r#"{"a":1}"#, r#""""#, r#"" 1""#, r#""01""#] {
        mismatch(value);
    }
    mismatch(r#""1\u002e5""#);
}

#[test]
fn rule_4_ids() {
    event(r#""correlationId":"a","typeId":"7""#, "a|7|-|-|-|false", &[]);
    event(r#""correlationId":1.50,"typeId":7e0"#, "1.50|7e0|-|-|-|false", &[]);
    event(r#""correlationId":null,"typeId":null"#, "-|-|-|-|-|false", &[]);
    event(r#""correlationId":"","typeId":"\u00e9""#, "|é|-|-|-|false", &[]);
}

#[test]
fn rule_5_raw_values_stay_byte_for_byte() {
    event(r#""data": { "a" : [ 1.50 , "\u0041" ] } "#, r#"-|-|-|-|{ "a" : [ 1.50 , "\u0041" ] }|false"#, &[]);
    event(r#""data":"text \n""#, r#"-|-|-|-|"text \n"|false"#, &[]);
    event(r#""data":null"#, "-|-|-|-|-|false", &[]);
    event(r#""data":false"#, "-|-|-|-|false|false", &[]);
    attribute(r#"{"a": 1e5}"#, r#"object|{"a": 1e5}|-|-|-"#);
    attribute("[ ]", "array|[ ]|-|-|-");
}

#[test]
fn rule_6_what_has_no_column_is_kept() {
    check(
        r#"{"p":{"topics":{"t":1},"sections":{}}}"#,
        &["profiles p|0|0|0|0", r#"unmapped p|-|/topics|unknown_member|{"t":1}"#],
    );
    section(r#"{"history":[1]}"#, "0|0|0", &["unmapped p|1|/sections/1/history|unknown_member|[1]"]);
    event(
        r#""na/me":1,"na/me":2"#,
        "-|-|-|-|-|false",
        &[
            "unmapped p|1|/sections/1/events/0/na~1me|unknown_member|1",
            "unmapped p|1|/sections/1/events/0/na~1me|unknown_member|2",
        ],
    );
}

#[test]
fn rule_7_numbers() {
    attribute("17", "integer|17|17|17.0|-");
    attribute("-0", "integer|-0|0|0.0|-");
    attribute("9223372036854775807", "integer|9223372036854775807|9223372036854775807|9.223372036854776e18|-");
    attribute("9223372036854775808", "double|9223372036854775808|-|9.223372036854776e18|-");
    attribute("-9223372036854775808", "integer|-9223372036854775808|-9223372036854775808|-9.223372036854776e18|-");
    attribute("1.0", "double|1.0|-|1.0|-");
    attribute("1e2", "double|1e2|-|100.0|-");
    attribute("0.1", "double|0.1|-|0.1|-");
    attribute("1e400", "double|1e400|-|-|-");
    attribute("-1e400", "double|-1e400|-|-|-");
    attribute("true", "boolean|true|-|-|true");
    attribute("false", "boolean|false|-|-|false");
    attribute(r#""17""#, "string|17|-|-|-");
}

#[test]
fn rule_8_the_same_name_twice() {
    section(
        r#"{"attributes":{"5":{"value":1},"5":{"value":2}}}"#,
        "2|0|0",
        &["attributes p|1|5|integer|1|1|1.0|-", "attributes p|1|5|integer|2|2|2.0|-"],
    );
    section(
        r#"{"events":[{}],"events":[{},{}]}"#,
        "0|0|3",
        &["events p|1|0|-|-|-|-|-|false", "events p|1|0|-|-|-|-|-|false", "events p|1|1|-|-|-|-|-|false"],
    );
    check(r#"{"p":{"sections":{"1":{},"1":{}},"sections":{"2":{}}}}"#, &["profiles p|3|0|0|0"]);
    event(r#""typeId":"1","typeId":"2","data":1,"data":null"#, "-|2|-|-|-|false", &[]);
    event(
        r#""createdAt":0,"createdAt":[]"#,
        "-|-|-|-|-|false",
        &["unmapped p|1|/sections/1/events/0/createdAt|type_mismatch|[]"],
    );
    let twice = findings(
        r#"{"p":{"sections":{"1":{"events":[{"data":1,"data":2,"data":3,"x":1,"x":2}]}}}}"#,
        &[
            "profiles p|1|0|0|1",
            "events p|1|0|-|-|-|-|3|false",
            "unmapped p|1|/sections/1/events/0/x|unknown_member|1",
            "unmapped p|1|/sections/1/events/0/x|unknown_member|2",
        ],
    );
    assert_eq!(twice.superseded_members, 2);
}

#[test]
fn rule_9_lone_surrogates_are_replaced_and_counted() {
    let input = r#"{"p\ud800":{"sections":{"1":{"attributes":{"5":{"value":"\udc00\ud83d\ude00"}},"events":[{"data":"\ud800"}]}}}}"#;
    let found = findings(
        input,
        &[
            "profiles p\u{fffd}|1|1|0|1",
            "attributes p\u{fffd}|1|5|string|\u{fffd}😀|-|-|-",
            r#"events p�|1|0|-|-|-|-|"\ud800"|false"#,
        ],
    );
    assert_eq!(found.replaced_surrogates, 2);
}

#[test]
fn rule_9_malformed_input_fails_with_offset_and_path() {
    fails("", "the input ends before the document does at byte 0, in $");
    fails(" \n", "the input ends before the document does at byte 2, in $");
    fails("[]", "an export is one JSON object, but this is an array, at byte 0");
    fails(" 17", "an export is one JSON object, but this is a single value, at byte 1");
    fails("{} x", "unexpected data after the document's end at byte 3, in $");
    fails("{}{}", "unexpected data after the document's end at byte 2, in $");
    fails(r#"{"p":{"#, r#"the input ends before the document does at byte 6, in $."p""#);
    fails(r#"{"p" {}}"#, "expected `:` after a member name at byte 5, in $");
    fails(r#"{"p":{},}"#, "expected a member name in quotes at byte 8, in $");
    fails(
        r#"{"p":{"sections":{"12":{"events":[{},{"typeId":tru}]}}}}"#,
        r#"expected `true`, `false` or `null` at byte 50, in $."p".sections."12".events[1]"#,
    );
    fails(
        r#"{"profiles":{"a@b.example":{"sections":{"1":{"attributes":{"5":{"value":01}}}}}}}"#,
        r#"malformed number at byte 73, in $.profiles."…".sections."1".attributes."5""#,
    );
    fails(b"{\"p\":{\"a\":\"\xff\"}}", r#"invalid UTF-8 in a string at byte 11, in $."p""#);
    fails("{\"p\":{\"a\":\"\n\"}}", r#"unescaped control character in a string at byte 11, in $."p""#);
    fails(r#"{"p":{"a":"\x"}}"#, r#"unknown escape sequence in a string at byte 12, in $."p""#);
    fails(
        format!(r#"{{"p":{}"#, "[".repeat(100_000)),
        "nesting deeper than the limit of 1024 levels at byte 1028, in $",
    );
}

#[test]
fn rule_9_truncated_anywhere_fails() {
    let whole = r#"{"profiles":{"p":{"sections":{"1":{"attributes":{"5":{"value":"\u00e9"}},"events":[{"data":{"a":[1]}}]}}}}}"#;
    assert!(read(whole.as_bytes(), 1, 16).is_ok());
    for length in 0..whole.len() {
        match read(&whole.as_bytes()[..length], 1, 16).expect_err("truncated") {
            Error::Json { source, .. } => {
                assert_eq!((source.kind(), source.offset()), (ErrorKind::UnexpectedEnd, length as u64))
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn rule_11_values_of_the_wrong_kind() {
    check(
        r#"{"profiles":{"p":5,"q":null}}"#,
        &[
            "profiles p|0|0|0|0",
            "profiles q|0|0|0|0",
            "unmapped p|-||type_mismatch|5",
            "unmapped q|-||type_mismatch|null",
        ],
    );
    check(r#"{"p":{"sections":null}}"#, &["profiles p|0|0|0|0"]);
    check(r#"{"p":{"sections":[]}}"#, &["profiles p|0|0|0|0", "unmapped p|-|/sections|type_mismatch|[]"]);
    section("null", "0|0|0", &["unmapped p|1|/sections/1|type_mismatch|null"]);
    section("7", "0|0|0", &["unmapped p|1|/sections/1|type_mismatch|7"]);
    section(r#"{"attributes":null,"events":null}"#, "0|0|0", &[]);
    section(
        r#"{"attributes":[1],"events":{"a":1}}"#,
        "0|0|0",
        &[
            "unmapped p|1|/sections/1/attributes|type_mismatch|[1]",
            r#"unmapped p|1|/sections/1/events|type_mismatch|{"a":1}"#,
        ],
    );
    section(
        r#"{"attributes":{"5":null,"6":"x"}}"#,
        "0|0|0",
        &[
            "unmapped p|1|/sections/1/attributes/5|type_mismatch|null",
            r#"unmapped p|1|/sections/1/attributes/6|type_mismatch|"x""#,
        ],
    );
    section(
        r#"{"events":[1,{},null,{}]}"#,
        "0|0|2",
        &[
            "events p|1|1|-|-|-|-|-|false",
            "events p|1|3|-|-|-|-|-|false",
            "unmapped p|1|/sections/1/events/0|type_mismatch|1",
            "unmapped p|1|/sections/1/events/2|type_mismatch|null",
        ],
    );
    for id in ["correlationId", "typeId"] {
        for value in ["true", "[1]", "{}"] {
            let row = format!("unmapped p|1|/sections/1/events/0/{id}|type_mismatch|{value}");
            event(&format!(r#""{id}":{value}"#), "-|-|-|-|-|false", &[&row]);
        }
    }
}

#[test]
fn repeated_events_are_duplicates_if_all_of_them_is_equal() {
    let duplicates = |events: &str| -> Vec<bool> {
        let input = format!(r#"{{"p":{{"sections":{{"1":{{"events":[{events}]}}}}}}}}"#);
        let (rows, found) = read(input.as_bytes(), 1000, 64).expect("well-formed");
        let flags: Vec<_> = rows[1..].iter().map(|row| row.ends_with("|true")).collect();
        assert_eq!(found.duplicate_events, flags.iter().filter(|&&flag| flag).count() as u64);
        flags
    };
    let event = r#"{"correlationId":"c","typeId":"1","sourceEventTime":5,"createdAt":6,"data":{"a":1}}"#;
    let same = [event, &event.replace(":6,", ":7,"), &event.replace(r#""1""#, "1"), &event.replace(":5,", ":5.0,")];
    for other in same {
        assert_eq!(duplicates(&format!("{event},{{}},{other}")), [false, false, true], "{other}");
    }
    let different =
        [("\"c\"", "\"d\""), ("\"1\"", "\"2\""), (":5,", ":0,"), ("{\"a\":1}", "{\"a\": 1}"), ("{\"a\":1}", "null")];
    for (from, to) in different {
        assert_eq!(duplicates(&format!("{event},{}", event.replace(from, to))), [false, false], "{to}");
    }
    assert_eq!(duplicates("{},{}"), [false, false]);
    assert_eq!(duplicates(r#"{"correlationId":"c"},{"correlationId":"c"},{"correlationId":"c"}"#), [false, true, true]);
}

#[test]
fn repeated_events_are_looked_for_in_a_profile_and_section() {
    let events = r#"{"events":[{"correlationId":"c"}]}"#;
    check(
        &format!(
            r#"{{"p":{{"sections":{{"1":{events},"2":{events},"1":{events}}}}},"q":{{"sections":{{"1":{events}}}}}}}"#
        ),
        &[
            "profiles p|3|0|0|3",
            "profiles q|1|0|0|1",
            "events p|1|0|c|-|-|-|-|false",
            "events p|2|0|c|-|-|-|-|false",
            "events p|1|0|c|-|-|-|-|true",
            "events q|1|0|c|-|-|-|-|false",
        ],
    );
}

#[test]
fn members_come_in_any_order_with_any_white_space() {
    check(
        "\t{ \"p\" : { \"sections\" : { \"1\" : { \"events\" : [ { \"data\" : 1 , \"typeId\" : \"t\" } ] ,\r\n \"attributes\" : { \"5\" : { \"value\" : \"x\" } } } } } }\n",
        &["profiles p|1|1|0|1", "attributes p|1|5|string|x|-|-|-", "events p|1|0|-|t|-|-|1|false"],
    );
}
