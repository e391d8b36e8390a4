//! Each limit holds to the byte, and what exceeds it is told in the same way however the input is
//! cut: an error depends on the bytes alone.

mod common;

use apsides_tokenizer::{ErrorKind, Expected, Limits, Tokens};
use common::{Failure, Pieces, accepts, case::assert_spent, cuts, expected, failure, hear, rejects, windows};

use ErrorKind::{ControlCharacter, InvalidEscape, InvalidNumber, InvalidUtf8, UnexpectedEnd};
use Expected::{Literal, Value};

#[test]
fn depth_is_limited_exactly() {
    for depth in [0, 1, 2, 3, 12] {
        let limits = Limits { depth_max: depth, ..Limits::default() };
        let kind = ErrorKind::TooDeep { limit: depth };
        let levels = usize::from(depth);
        let arrays = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let objects = |levels: usize| format!("{}1{}", "{\"\":".repeat(levels), "}".repeat(levels));
        let mixed = |levels: usize| {
            let opens: String = (0..levels).map(|level| if level % 3 == 0 { "{\"\":" } else { "[" }).collect();
            let closes: String = (0..levels).rev().map(|level| if level % 3 == 0 { "}" } else { "]" }).collect();
            format!("{opens}1{closes}")
        };
        if depth > 0 {
            accepts(limits, arrays(levels));
        }
        accepts(limits, objects(levels));
        accepts(limits, mixed(levels));
        rejects(limits, arrays(levels + 1), kind, levels as u64);
        rejects(limits, objects(levels + 1), kind, 4 * levels as u64);
        // Wide is not deep.
        if depth > 1 {
            accepts(limits, format!("[{}]", vec![arrays(levels - 1); 3].join(",")));
        }
    }
}

#[test]
fn depth_is_limited_exactly_where_its_bits_change_words() {
    for depth in [63, 64, 65, 127, 128, 129, 1024, u16::MAX] {
        let limits = Limits { depth_max: depth, ..Limits::default() };
        let levels = usize::from(depth);
        let json = format!("{}1{}", "{\"\":[".repeat(levels / 2), "]}".repeat(levels / 2));
        assert_eq!(hear(&mut Tokens::with_limits(json.as_bytes(), limits)).failure, None);
        let json = "[".repeat(levels + 1);
        let failed = Some((ErrorKind::TooDeep { limit: depth }, u64::from(depth)));
        assert_eq!(hear(&mut Tokens::with_limits(json.as_bytes(), limits)).failure, failed);
        assert_eq!(hear(&mut Tokens::with_limits(Pieces::new(json.as_bytes(), &[1]), limits)).failure, failed);
        let json = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(Tokens::with_limits(json.as_bytes(), limits).raw().expect("it is deep enough"), json);
    }
}

#[test]
fn tokens_are_limited_exactly() {
    let limits = Limits { token_bytes_max: 20, ..Limits::default() };
    let too_long = ErrorKind::TokenTooLong { limit: 20 };
    let string = |length: usize| format!("\"{}\"", "s".repeat(length - 2));
    let number = |length: usize| "7".repeat(length);
    for before in ["", " ", "[", "[1, ", "[\"some string\",\n"] {
        let (at, after) = (before.len() as u64, if before.contains('[') { "]" } else { "" });
        for space in ["", " "] {
            accepts(limits, format!("{before}{}{space}{after}", string(20)));
            accepts(limits, format!("{before}{}{space}{after}", number(20)));
            for length in [21, 22, 40, 100] {
                rejects(limits, format!("{before}{}{space}{after}", string(length)), too_long, at);
                rejects(limits, format!("{before}{}{space}{after}", number(length)), too_long, at);
            }
        }
    }
    accepts(limits, format!("{{{}:1}}", string(20)));
    rejects(limits, format!("{{{}:1}}", string(21)), too_long, 1);
    // Escapes and characters count as they are written.
    accepts(limits, r#"["\u0041\u0041\u0041"]"#);
    rejects(limits, r#"["\u0041\u0041\u00412"]"#.replace('2', "\\n"), too_long, 1);
    rejects(limits, "[\"éééééééééé\"]", too_long, 1);
    // White space and containers have no length.
    accepts(limits, format!("[{}1{}]", " ".repeat(99), "\n".repeat(99)));
    accepts(limits, format!("[{}1]", "1,".repeat(99)));
    // What is broken within the limit is broken; behind it nobody looks.
    rejects(limits, b"\"abc\x01defghijklmnopqrstuvwxyz\"", ControlCharacter, 4);
    rejects(limits, format!("\"{}\x01\"", "s".repeat(19)), ControlCharacter, 20);
    rejects(limits, format!("\"{}\x01\"", "s".repeat(20)), too_long, 0);
    rejects(limits, format!("[\"{}\x01\"", "s".repeat(30)), too_long, 1);
    rejects(limits, format!("\"{}\\x\"", "s".repeat(18)), InvalidEscape, 20);
    rejects(limits, format!("\"{}\\x\"", "s".repeat(19)), too_long, 0);
    rejects(limits, format!("\"{}\\u00x\"", "s".repeat(17)), too_long, 0);
    rejects(limits, format!("\"{}", "s".repeat(19)), UnexpectedEnd, 20);
    rejects(limits, format!("\"{}", "s".repeat(20)), too_long, 0);
    rejects(limits, [b"\"\xff", "s".repeat(17).as_bytes(), b"\""].concat(), InvalidUtf8, 1);
    rejects(limits, [b"\"\xff", "s".repeat(18).as_bytes(), b"\""].concat(), too_long, 0);
    rejects(limits, format!("0{}", number(19)), InvalidNumber, 1);
    rejects(limits, format!("0{}", number(20)), too_long, 0);
    rejects(limits, format!("{}.", number(19)), UnexpectedEnd, 20);
    rejects(limits, format!("{}.", number(20)), too_long, 0);
}

#[test]
fn only_strings_and_numbers_are_tokens_with_a_length() {
    let limits = Limits { token_bytes_max: 2, ..Limits::default() };
    accepts(limits, "\u{feff}[true,false,null,{\"\":[12]}]");
    rejects(limits, "[true,123]", ErrorKind::TokenTooLong { limit: 2 }, 6);
    rejects(limits, "[fals", UnexpectedEnd, 5);
    rejects(limits, "[falso", expected(Literal), 5);
    let limits = Limits { token_bytes_max: 0, ..Limits::default() };
    accepts(limits, "\u{feff}[true,false,null,{}]");
    rejects(limits, "1", ErrorKind::TokenTooLong { limit: 0 }, 0);
}

#[test]
fn raw_is_limited_exactly() {
    let limits = Limits { raw_bytes_max: 20, token_bytes_max: 30, depth_max: 8, ..Limits::default() };
    let raw_too_long = ErrorKind::RawTooLong { limit: 20 };
    let token_too_long = ErrorKind::TokenTooLong { limit: 30 };
    let taken = |input: &str, result: Result<&str, Failure>| {
        for prefix in ["", " ", "\n  "] {
            let shift = |(kind, offset): Failure| (kind, offset + prefix.len() as u64);
            let expected = result.map(String::from).map_err(shift);
            let input = format!("{prefix}{input}");
            for limits in windows(limits) {
                for cut in cuts(input.len()) {
                    let mut tokens = Tokens::with_limits(Pieces::new(input.as_bytes(), &cut), limits);
                    let got = tokens.raw().map(String::from).map_err(|error| failure(&error));
                    assert_eq!(got, expected, "{input} cut {cut:?}");
                    match expected {
                        Ok(_) => assert_eq!(tokens.offset(), prefix.len() as u64),
                        Err(failed) => assert_spent(&mut tokens, failed),
                    }
                }
            }
        }
    };
    for value in ["[1234567890,1234567]", "\"123456789012345678\"", "12345678901234567890", "{\"a\" : [1,2,3,4 ] }"] {
        assert!((19..=20).contains(&value.len()), "{value}");
        taken(value, Ok(value));
        taken(&format!("{value}   "), Ok(value));
    }
    taken("[1234567890,12345678]", Err((raw_too_long, 0)));
    taken("\"1234567890123456789\"", Err((raw_too_long, 0)));
    taken("123456789012345678901", Err((raw_too_long, 0)));
    taken("[1,2,3,4,5,6,7,8,9,0         ]", Err((raw_too_long, 0)));
    // What comes first in the document counts.
    taken("[1,2,3,4,5,6,7,8,9,,]", Err((expected(Value), 19)));
    taken("[1,2,3,4,5,6,7,8,9, ,]", Err((expected(Value), 20)));
    taken("[1,2,3,4,5,6,7,8,9,  ,]", Err((raw_too_long, 0)));
    taken("[1,2,3,4,5,6,7,8,9,000000]", Err((raw_too_long, 0)));
    taken("[1,2,3,4,5,6,7,8,9,12", Err((raw_too_long, 0)));
    taken("[1,2,3,4,5,6,7,8,9,1", Err((UnexpectedEnd, 20)));
    taken("[1,2,3,4,5,6,7,8,9,\"\x01", Err((ControlCharacter, 20)));
    taken("[1,2,3,4,5,6,7,8,9,\"s\x01", Err((raw_too_long, 0)));
    taken("\"1234567890123456789\x01", Err((ControlCharacter, 20)));
    taken("\"12345678901234567890\x01", Err((raw_too_long, 0)));
    taken("[1,2,3,4,5,6,[[[[[[[[", Err((ErrorKind::TooDeep { limit: 8 }, 20)));
    taken("[1,2,3,4,5,6, [[[[[[[[", Err((raw_too_long, 0)));
    taken("[[[[[[[[[[[[[[[[[[[[[[[[[", Err((ErrorKind::TooDeep { limit: 8 }, 8)));
    taken(&"1".repeat(50), Err((raw_too_long, 0)));
    taken(&format!("\"{}\"", "1".repeat(50)), Err((raw_too_long, 0)));

    // And where it is the token that comes first.
    let limits = Limits { raw_bytes_max: 40, ..limits };
    for (input, result) in [
        (format!("[{}]", "1".repeat(50)), (token_too_long, 1)),
        (format!("[       \"{}\"]", "1".repeat(50)), (token_too_long, 8)),
        (format!("[         \"{}\"]", "1".repeat(50)), (token_too_long, 10)),
        (format!("[          \"{}\"]", "1".repeat(50)), (ErrorKind::RawTooLong { limit: 40 }, 0)),
    ] {
        for limits in windows(limits) {
            for cut in cuts(input.len()) {
                let mut tokens = Tokens::with_limits(Pieces::new(input.as_bytes(), &cut), limits);
                assert_eq!(tokens.raw().map_err(|error| failure(&error)), Err(result), "{input} cut {cut:?}");
            }
        }
    }
}

/// Every text up to a length over an alphabet that is all of JSON, under limits so tight that
/// each of them is met: whole and byte by byte are the same, pulled and raw.
#[test]
fn cuts_change_nothing_in_any_short_text() {
    let tight = Limits { window_bytes: 16, token_bytes_max: 3, raw_bytes_max: 4, depth_max: 2 };
    let alphabet = b"[]{},:\"\\u0-.e t\n\xc3\xa9";
    let mut text = Vec::new();
    for length in 1..=4_u32 {
        for number in 0..alphabet.len().pow(length) {
            text.clear();
            text.extend((0..length).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]));
            for opening in [&b""[..], b"[", b"[\"", b"[tru"] {
                let input = [opening, &text].concat();
                let mut whole = Tokens::with_limits(&input[..], tight);
                let mut bytes = Tokens::with_limits(Pieces::new(&input, &[1]), tight);
                loop {
                    let (left, right) = (whole.pull(), bytes.pull());
                    let ended = !matches!(left, Ok(Some(_)));
                    assert_eq!(
                        left.map_err(|error| failure(&error)),
                        right.map_err(|error| failure(&error)),
                        "{}",
                        input.escape_ascii()
                    );
                    if ended {
                        break;
                    }
                }
                let mut whole = Tokens::with_limits(&input[..], tight);
                let mut bytes = Tokens::with_limits(Pieces::new(&input, &[1]), tight);
                let (left, right) = (whole.raw(), bytes.raw());
                assert_eq!(
                    left.map_err(|error| failure(&error)),
                    right.map_err(|error| failure(&error)),
                    "raw {}",
                    input.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn a_long_token_grows_the_window_wherever_it_stands() {
    for length in [15, 16, 17, 31, 32, 33, 100, 1000, 5000] {
        let input = format!("[1, \"{0}\", {1} ,\"{0}\"]", "é".repeat(length), "1".repeat(length));
        let expected = format!("[ 1 \"{0}\" {1} \"{0}\" ]", "é".repeat(length), "1".repeat(length));
        for limits in windows(Limits::default()) {
            for cut in [&[usize::MAX][..], &[1], &[7], &[3, 100]] {
                let heard = hear(&mut Tokens::with_limits(Pieces::new(input.as_bytes(), cut), limits));
                assert_eq!((heard.dump(), heard.failure), (expected.clone(), None), "{cut:?}");
                let mut tokens = Tokens::with_limits(Pieces::new(input.as_bytes(), cut), limits);
                assert_eq!(tokens.raw().expect("the document is one value"), input);
                assert_eq!(tokens.pull().expect("nothing follows"), None);
            }
        }
    }
}
