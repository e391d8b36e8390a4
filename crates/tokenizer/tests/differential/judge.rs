//! The judges, and what they and we are known to differ in.

use crate::common::{
    Failure, Pieces,
    alike::{Setup, WHOLE, Way, assert_alike},
    hear,
};
use apsides_tokenizer::{Limits, Next, Token, Tokens};
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

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
pub(crate) fn judge(input: &[u8], cut: &[usize]) -> bool {
    let context = || format!("{} cut {cut:?}", input.escape_ascii());
    let limits = Limits { window_bytes: 64, ..Limits::default() };
    let whole = hear(&mut Tokens::new(input));
    let failed = side_by_side(input, cut, input.len() as u64);
    assert_eq!(whole.failure, failed, "{}", context());

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

/// Reads the input on every backend, whole and cut, each token and anything at any place, and compares
/// with the careful way, byte by byte; how the document ended.
#[track_caller]
pub(crate) fn side_by_side(input: &[u8], cut: &[usize], seed: u64) -> Option<Failure> {
    let limits = Limits::default();
    let whole = Setup::fast(limits, &[256 << 10], WHOLE);
    let cut = Setup::fast(limits, &[64, 130 + seed as usize % 2000], cut);
    assert_alike(input, limits, &[whole, cut].concat(), &[Way::Mixed(seed), Way::Skip(1), Way::Pull])
}

/// Whether `serde_json` takes the input for JSON. It does not look into strings that it ignores, so
/// that UTF-8 has to be checked for it.
pub(crate) fn serde_accepts(input: &[u8]) -> bool {
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
            while tokens.peek().expect("the document was accepted") != Next::End {
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
