//! Every byte at every place of the grammar: those that may not stand there are told with their
//! offset, at each place of a block; those that may are read as the careful way reads them.

use crate::common::{
    Failure,
    alike::{Setup, WHOLE, Way, assert_alike},
    expected, failure, tokens,
};
use apsides_tokenizer::{Backend, ErrorKind, Expected, Limits};

use ErrorKind::{ControlCharacter, InvalidEscape, InvalidNumber, InvalidUtf8, TrailingData};
use Expected::{Colon, CommaOrArrayEnd, CommaOrObjectEnd, Key, KeyOrObjectEnd, Literal, Value, ValueOrArrayEnd};

const SPACE: &[u8] = b" \t\r\n";
const VALUE: &[u8] = b" \t\r\n{[\"-0123456789tfn";

/// What stands behind the byte: enough to fill blocks, and JSON if the byte would only go.
const BEHIND: &[u8] = br#" "", {"a":[1,2.5e3,"a string, with \"escapes\" and \u00e9"],"b":null,"c":{"d":"e"}} , [[],{}], "ascii", 1234567890 , {"a" : "the last of some blocks"}]            ]"#;

/// Behind these bytes none may stand but those allowed.
#[track_caller]
fn only(before: &str, allowed: &[&[u8]], kind: ErrorKind) {
    by_byte(before, |byte| (!allowed.concat().contains(&byte)).then_some(kind));
}

/// Behind these bytes each byte is wrong in the way that `kind` says, or allowed.
#[track_caller]
fn by_byte(before: &str, kind: impl Fn(u8) -> Option<ErrorKind>) {
    let limits = Limits { window_bytes: 4096, ..Limits::default() };
    let setups = Setup::fast(limits, &[4096], WHOLE);
    let mut document = Vec::new();
    for byte in 0..=255 {
        for pad in 0..64 {
            document.clear();
            document.resize(pad, b' ');
            document.extend_from_slice(before.as_bytes());
            document.push(byte);
            document.extend_from_slice(BEHIND);
            match kind(byte) {
                Some(kind) => fails(&document, limits, (kind, (pad + before.len()) as u64)),
                None if pad % 8 == byte as usize % 8 => drop(assert_alike(&document, limits, &setups, &[Way::Pull])),
                None => {}
            }
        }
    }
}

/// The document breaks in this way on every backend, pulled and skipped.
#[track_caller]
fn fails(document: &[u8], limits: Limits, failed: Failure) {
    for backend in Backend::available() {
        let mut pulled = tokens(document, backend, limits);
        let error = loop {
            match pulled.pull() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{} is read on {backend}", document.escape_ascii()),
                Err(error) => break failure(&error),
            }
        };
        assert_eq!(error, failed, "{} pulled on {backend}", document.escape_ascii());
        let mut skipped = tokens(document, backend, limits);
        // A scalar document ends before what is behind it.
        let error = skipped.skip().and_then(|()| skipped.pull().map(|_| ())).map_err(|error| failure(&error));
        assert_eq!(error, Err(failed), "{} skipped on {backend}", document.escape_ascii());
    }
}

#[test]
fn where_a_value_may_stand() {
    by_byte("", |byte| (byte != 0xef && !VALUE.contains(&byte)).then_some(expected(Value)));
    only("[1,", &[VALUE], expected(Value));
    only("[[],", &[VALUE], expected(Value));
    only("[", &[VALUE, b"]"], expected(ValueOrArrayEnd));
    only("[[ ", &[VALUE, b"]"], expected(ValueOrArrayEnd));
    only("{\"a\":", &[VALUE], expected(Value));
    only("[{\"a\" : ", &[VALUE], expected(Value));
}

#[test]
fn where_a_name_may_stand() {
    only("{", &[SPACE, b"\"}"], expected(KeyOrObjectEnd));
    only("[{ ", &[SPACE, b"\"}"], expected(KeyOrObjectEnd));
    only("{\"a\":1,", &[SPACE, b"\""], expected(Key));
    only("{\"a\":{} ,\n", &[SPACE, b"\""], expected(Key));
    only("{\"a\"", &[SPACE, b":"], expected(Colon));
    only("{\"a\":[],\"\" ", &[SPACE, b":"], expected(Colon));
}

#[test]
fn where_a_value_has_ended() {
    for value in ["[]", "{}", "\"\"", "\"a\\\\\"", "true", "false", "null", "1 ", "[] "] {
        only(&format!("[{value}"), &[SPACE, b",]"], expected(CommaOrArrayEnd));
        only(&format!("{{\"a\":{value}"), &[SPACE, b",}"], expected(CommaOrObjectEnd));
        by_byte(value, |byte| (!SPACE.contains(&byte)).then_some(TrailingData));
    }
}

#[test]
fn inside_of_literals() {
    for literal in ["true", "false", "null"] {
        for length in 1..literal.len() {
            let next = &literal.as_bytes()[length..=length];
            only(&literal[..length], &[next], expected(Literal));
            only(&format!("[{}", &literal[..length]), &[next], expected(Literal));
            only(&format!("{{\"a\":{}", &literal[..length]), &[next], expected(Literal));
        }
    }
}

#[test]
fn inside_of_numbers() {
    // What may go on, and what breaks the number; all else ends it, and is then wrong itself.
    for (number, on, breaks) in [
        ("-0", ".eE", "0123456789+-"),
        ("0", ".eE", "0123456789+-"),
        ("17", "0123456789.eE", "+-"),
        ("1.5", "0123456789eE", ".+-"),
        ("-0.0", "0123456789eE", ".+-"),
        ("1e5", "0123456789", ".eE+-"),
        ("1.5E-05", "0123456789", ".eE+-"),
    ] {
        let ended = |byte, end: &str, kind| match char::from(byte) {
            byte if breaks.contains(byte) => Some(InvalidNumber),
            byte if on.contains(byte) || end.contains(byte) || " \t\r\n".contains(byte) => None,
            _ => Some(kind),
        };
        by_byte(&format!("[{number}"), |byte| ended(byte, ",]", expected(CommaOrArrayEnd)));
        by_byte(&format!("{{\"a\":{number}"), |byte| ended(byte, ",}", expected(CommaOrObjectEnd)));
        by_byte(number, |byte| ended(byte, "", TrailingData).filter(|_| !SPACE.contains(&byte)));
    }
    for number in ["-", "1.", "-0.", "1e+", "1E-", "0.5e+"] {
        only(&format!("[{number}"), &[b"0123456789"], InvalidNumber);
    }
    only("[1e", &[b"0123456789+-"], InvalidNumber);
    only("{\"a\":1.5E", &[b"0123456789+-"], InvalidNumber);
}

#[test]
fn inside_of_strings() {
    for before in ["\"", "[\"ab", "{\"a", "[\"\\n", "[\"\\\\", "[\"é"] {
        by_byte(before, |byte| match byte {
            ..0x20 => Some(ControlCharacter),
            0x80.. => Some(InvalidUtf8),
            _ => None,
        });
    }
    const HEX: &[u8] = b"0123456789abcdefABCDEF";
    for before in ["\"", "[\"ab", "{\"a", "[\"\\\\", "[\"é", "[\"\\u00e9"] {
        only(&format!("{before}\\"), &[b"\"\\/bfnrtu"], InvalidEscape);
        for digits in ["", "0", "aF", "123"] {
            only(&format!("{before}\\u{digits}"), &[HEX], InvalidEscape);
        }
    }
}

/// Every beginning of a sequence of UTF-8, judged by the standard library.
#[test]
fn every_pair_of_bytes_in_a_string() {
    let limits = Limits { window_bytes: 4096, ..Limits::default() };
    let mut pad = 0;
    for first in 0x80..=0xff {
        for second in 0x80..=0xff {
            for behind in
                [&b""[..], b"\x80", b"\x80\x80", b"\xbf\xbf", b"a\x80", b"\xbfa", b"\x80\x80\x80", b"\xc3\xa9"]
            {
                pad = (pad + 7) % 64;
                let text = [&vec![b'a'; pad][..], &[first, second], behind].concat();
                let document = [b"[\"", &text[..], b"\",", &BEHIND[1..]].concat();
                match std::str::from_utf8(&text) {
                    Err(error) => fails(&document, limits, (InvalidUtf8, 2 + error.valid_up_to() as u64)),
                    Ok(_) => {
                        for backend in Backend::available() {
                            let mut tokens = tokens(&document[..], backend, limits);
                            let read = (tokens.skip().and_then(|()| tokens.pull().map(|token| token.is_none())))
                                .map_err(|error| failure(&error));
                            assert_eq!(read, Err((TrailingData, document.len() as u64 - 1)), "{}", text.escape_ascii());
                        }
                    }
                }
            }
        }
    }
}
