//! Two other tokenizers as judges: `serde_json` and `struson` accept and refuse the same documents,
//! and read the same from them. Where they differ from each other or from RFC 8259, [`judge`] says
//! how and why.

mod common;

use apsides_tokenizer::{Limits, Token, Tokens};
use common::{Pieces, hear};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::Config,
};
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

fn config() -> Config {
    // A failure prints its shrunken input, which then becomes a case of its own; nothing is stored.
    Config { cases: 1024, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn documents_are_read_alike(json in document(), cut in cut()) {
        prop_assert!(judge(json.as_bytes(), &cut), "{json}");
    }

    #[test]
    fn broken_documents_are_refused_alike(
        json in document(),
        mutations in vec(mutation(), 1..4),
        cut in cut(),
    ) {
        let mut bytes = json.into_bytes();
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        judge(&bytes, &cut);
    }

    #[test]
    fn loose_pieces_of_json_are_refused_alike(pieces in vec(fragment(), 0..12), cut in cut()) {
        judge(pieces.concat().as_bytes(), &cut);
    }

    #[test]
    fn deep_documents_are_read_alike(opens in vec(select(vec!["[", "{\"k\":", " [1,", "{\"a\":[],\"b\":"]), 0..300), cut in cut()) {
        let closes: String = opens.iter().rev().map(|open| if open.contains('{') { "}" } else { "]" }).collect();
        let json = format!("{}null{closes}", opens.concat());
        prop_assert!(judge(json.as_bytes(), &cut));
        judge(&json.as_bytes()[..json.len() - 1], &cut);
    }
}

/// All texts up to a length over an alphabet that has a part in every production.
#[test]
fn every_short_text_is_judged_alike() {
    let alphabet = b"[]{},:\"\\0-.eE+ 1\xc3\xa9";
    let mut text = Vec::new();
    let mut accepted = 0;
    for length in 0..=4_u32 {
        for number in 0..alphabet.len().pow(length) {
            text.clear();
            text.extend((0..length).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]));
            let ours = hear(&mut Tokens::with_limits(&text[..], Limits { window_bytes: 16, ..Limits::default() }));
            assert_eq!(ours.failure.is_none(), serde_accepts(&text), "{}", text.escape_ascii());
            accepted += u32::from(ours.failure.is_none());
        }
    }
    assert!(accepted > 400, "some of it is JSON: {accepted}");
}

// ---- The judgement ----

/// Compares the three on one input; whether it is JSON.
///
/// Known differences:
/// - A byte-order mark at the start is accepted here, as RFC 8259 allows, and by neither of them.
/// - Lone surrogate escapes are grammatical, and accepted here and by `serde_json` where it ignores
///   the string. Both others refuse them where they decode; here they become U+FFFD and are counted.
/// - `serde_json` writes the exponents of kept numbers its own way: `e` small, with a sign.
/// - `serde_json` keeps the last of equal keys, and sorts them; `struson` compares keys as they come.
/// - Both have a limit of 128 levels, which is switched off here, and `struson` one on the size of
///   numbers, likewise.
#[track_caller]
fn judge(input: &[u8], cut: &[usize]) -> bool {
    let context = || format!("{} cut {cut:?}", input.escape_ascii());
    let limits = Limits { window_bytes: 64, ..Limits::default() };
    let whole = hear(&mut Tokens::new(input));
    let cut_up = hear(&mut Tokens::with_limits(Pieces::new(input, cut), limits));
    assert_eq!(whole, cut_up, "{}", context());

    // Only here may a byte-order mark come first.
    let input = input.strip_prefix(b"\xef\xbb\xbf").filter(|rest| !rest.is_empty()).unwrap_or(input);
    let accepted = whole.failure.is_none();
    assert_eq!(accepted, serde_accepts(input), "serde_json of {}: {:?}", context(), whole.failure);

    let struson = struson(input);
    if !accepted {
        assert!(struson.is_err(), "struson of {}: {:?}", context(), whole.failure);
        return false;
    }
    let mut tokens = Tokens::with_limits(Pieces::new(input, cut), limits);
    let mut replaced = 0;
    let ours = events(&mut tokens, &mut replaced);
    let mut tokens = Tokens::with_limits(Pieces::new(input, cut), limits);
    let value = value(&mut tokens);
    let mut serde = serde_json::Deserializer::from_slice(input);
    serde.disable_recursion_limit();
    let serde = <Value as serde::Deserialize<'_>>::deserialize(&mut serde);
    if replaced > 0 {
        assert!(serde.is_err() && struson.is_err(), "{}", context());
    } else {
        assert_eq!(struson.as_ref().ok(), Some(&ours), "struson of {}: {struson:?}", context());
        assert_eq!(serde.as_ref().ok(), Some(&value), "serde_json of {}: {serde:?}", context());
    }
    true
}

/// Whether `serde_json` takes the input for JSON. It does not look into strings that it ignores, so
/// that UTF-8 has to be checked for it.
fn serde_accepts(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let mut serde = serde_json::Deserializer::from_str(text);
    serde.disable_recursion_limit();
    <IgnoredAny as serde::Deserialize<'_>>::deserialize(&mut serde).and_then(|_| serde.end()).is_ok()
}

/// What is read, with strings decoded and numbers as they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Key(String),
    String(String),
    Number(String),
    Bool(bool),
    Null,
}

fn events(tokens: &mut Tokens<Pieces<'_>>, replaced: &mut u32) -> Vec<Event> {
    let mut events = Vec::new();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull().expect("the document was accepted") {
        events.push(match token {
            Token::ObjectStart => Event::ObjectStart,
            Token::ObjectEnd => Event::ObjectEnd,
            Token::ArrayStart => Event::ArrayStart,
            Token::ArrayEnd => Event::ArrayEnd,
            Token::Key(text) | Token::String(text) => {
                let decoded = text.decode(&mut scratch);
                assert!(text.is(decoded.text));
                *replaced += decoded.replaced;
                let decoded = decoded.text.to_owned();
                if matches!(token, Token::Key(_)) { Event::Key(decoded) } else { Event::String(decoded) }
            }
            Token::Number(number) => Event::Number(number.text().to_owned()),
            Token::Bool(value) => Event::Bool(value),
            Token::Null => Event::Null,
        });
    }
    events
}

fn struson(input: &[u8]) -> Result<Vec<Event>, ReaderError> {
    let settings = ReaderSettings {
        max_nesting_depth: None,
        restrict_number_values: false,
        track_path: false,
        ..ReaderSettings::default()
    };
    let mut reader = JsonStreamReader::new_custom(input, settings);
    let mut events = Vec::new();
    let mut open: Vec<Event> = Vec::new();
    loop {
        if let Some(container) = open.last().cloned() {
            let object = container == Event::ObjectStart;
            if !reader.has_next()? {
                open.pop();
                if object {
                    reader.end_object()?;
                    events.push(Event::ObjectEnd);
                } else {
                    reader.end_array()?;
                    events.push(Event::ArrayEnd);
                }
                if open.is_empty() {
                    break;
                }
                continue;
            }
            if object {
                events.push(Event::Key(reader.next_name_owned()?));
            }
        }
        events.push(match reader.peek()? {
            ValueType::Array => {
                reader.begin_array()?;
                open.push(Event::ArrayStart);
                Event::ArrayStart
            }
            ValueType::Object => {
                reader.begin_object()?;
                open.push(Event::ObjectStart);
                Event::ObjectStart
            }
            ValueType::String => Event::String(reader.next_string()?),
            ValueType::Number => Event::Number(reader.next_number_as_string()?),
            ValueType::Boolean => Event::Bool(reader.next_bool()?),
            ValueType::Null => {
                reader.next_null()?;
                Event::Null
            }
        });
        if open.is_empty() {
            break;
        }
    }
    reader.consume_trailing_whitespace()?;
    Ok(events)
}

/// The next value as `serde_json` would have it.
fn value(tokens: &mut Tokens<Pieces<'_>>) -> Value {
    let mut scratch = String::new();
    match tokens.pull().expect("the document was accepted").expect("a value comes next") {
        Token::ObjectStart => {
            let mut members = Map::new();
            while let Some(Token::Key(key)) = tokens.pull().expect("the document was accepted") {
                let key = key.decode(&mut scratch).text.to_owned();
                members.insert(key, value(tokens));
            }
            Value::Object(members)
        }
        Token::ArrayStart => {
            let mut items = Vec::new();
            while tokens.peek().expect("the document was accepted") != apsides_tokenizer::Next::End {
                items.push(value(tokens));
            }
            assert_eq!(tokens.pull().expect("the document was accepted"), Some(Token::ArrayEnd));
            Value::Array(items)
        }
        Token::String(text) => Value::String(text.decode(&mut scratch).text.to_owned()),
        Token::Number(number) => {
            let text = number.text();
            let kept = match text.split_once(['e', 'E']) {
                Some((mantissa, exponent)) if exponent.starts_with(['+', '-']) => format!("{mantissa}e{exponent}"),
                Some((mantissa, exponent)) => format!("{mantissa}e+{exponent}"),
                None => text.to_owned(),
            };
            // The integer and the nearest double are those that everyone finds.
            let parsed: Number = kept.parse().expect("serde_json reads the number");
            assert_eq!((number.to_i64(), number.to_f64()), (text.parse().ok(), text.parse().expect("a number")));
            assert_eq!(number.to_i64(), parsed.as_i64());
            Value::Number(Number::from_string_unchecked(kept))
        }
        Token::Bool(value) => Value::Bool(value),
        Token::Null => Value::Null,
        token => panic!("{token:?} is no value"),
    }
}

// ---- Documents ----

/// Sizes of the pieces in which a document comes.
fn cut() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![usize::MAX]), Just(vec![1]), vec(1..40_usize, 1..20)]
}

/// A document as text, white space and all.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![select(vec!["true", "false", "null"]).prop_map(String::from), number(), string()];
    let value = leaf.prop_recursive(6, 48, 6, |value| {
        let member = (string(), space(), space(), value.clone())
            .prop_map(|(key, before, behind, value)| format!("{key}{before}:{behind}{value}"));
        prop_oneof![
            2 => container("[", value, "]"),
            3 => container("{", member, "}"),
        ]
    });
    (space(), value, space()).prop_map(|(before, value, behind)| format!("{before}{value}{behind}"))
}

fn container(
    open: &'static str,
    item: impl Strategy<Value = String>,
    close: &'static str,
) -> impl Strategy<Value = String> {
    (vec((space(), item, space()), 0..6), space()).prop_map(move |(items, empty)| {
        let items: Vec<String> =
            items.into_iter().map(|(before, item, behind)| format!("{before}{item}{behind}")).collect();
        if items.is_empty() { format!("{open}{empty}{close}") } else { format!("{open}{}{close}", items.join(",")) }
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(""),
        2 => Just(" "),
        1 => select(vec!["\n", "\r\n", "\t", "  \t \n\n\r ", "                                        "]),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        select(vec!["-0", "-0.0", "0e0", "0E-00", "1e400", "9223372036854775808", "-9223372036854775809"])
            .prop_map(String::from),
    ]
}

/// A string with its quotes; few different ones, so that keys come twice.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z {}\\[\\],:/]{0,8}",
        2 => "[^\"\\\\\\x00-\\x1f]{0,12}",
        1 => select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(String::from),
        1 => any::<char>().prop_map(escaped),
        // At times a surrogate on its own.
        1 => prop_oneof![9 => Just(String::from("\\u0061")), 1 => "\\\\u[dD][89a-fA-F][0-9a-f]{2}"],
    ];
    let text = prop_oneof![
        2 => select(vec!["", "id", "name", "\\u006eame", "value"]).prop_map(String::from),
        3 => vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
    ];
    text.prop_map(|text| format!("\"{text}\""))
}

/// A character as one or two `\u` escapes, in either case.
fn escaped(character: char) -> String {
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units).iter();
    units.map(|unit| if unit % 2 == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") }).collect()
}

/// Something that stands in JSON, in no order.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(vec![
            "[", "]", "{", "}", ",", ":", "\"", "\\", "true", "fals", "null", "0", "-", "1.", "e5", "\"a\"", "\"a\":",
            " ", "\n", "\\u12", "\\ud800", "\u{feff}", "é", "\u{1}", "\u{0}", "//", "'", "NaN", "+1",
        ])
        .prop_map(String::from),
        1 => string(),
        1 => number(),
    ]
}

/// A way to break a document, or not.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Delete(Index, usize),
    Insert(Index, Vec<u8>),
    Truncate(Index),
    Repeat(Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let inserted = prop_oneof![
        3 => fragment().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (any::<Index>(), select(b"[]{},:\"\\ 0-.etn\x00\x1f\x7f\x80\xbf\xc0\xe0\xed\xf0\xff".to_vec()))
            .prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (any::<Index>(), 1..4_usize).prop_map(|(at, count)| Mutation::Delete(at, count)),
        (any::<Index>(), inserted).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        any::<Index>().prop_map(Mutation::Truncate),
        (any::<Index>(), 1..6_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
    ]
}

impl Mutation {
    fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let span = |at: &Index, count: usize| at.index(length)..(at.index(length) + count).min(length);
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Delete(at, count) => drop(bytes.drain(span(&at, count))),
            Self::Insert(at, inserted) => drop(bytes.splice(span(&at, 0), inserted)),
            Self::Truncate(at) => bytes.truncate(at.index(length)),
            Self::Repeat(at, count) => {
                let repeated = bytes[span(&at, count)].to_vec();
                bytes.splice(span(&at, 0), repeated);
            }
        }
    }
}
