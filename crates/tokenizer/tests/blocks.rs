//! What a structural index of blocks of 64 bytes could get wrong: whatever is carried from one block
//! to the next. Each document here is longer than a block, and read in windows whose ends fall
//! everywhere; the careful way (see [`common::alike`]) is what it is compared with, and what is known
//! of its error is said beside.

mod common;

use apsides_tokenizer::{ErrorKind, Expected, Limits};
use common::{
    Failure,
    alike::{Setup, WHOLE, Way, assert_alike},
    case::item,
    expected,
    random::Random,
};

use ErrorKind::{ControlCharacter, InvalidEscape, InvalidNumber, InvalidUtf8, UnexpectedEnd};
use Expected::{Colon, CommaOrArrayEnd, CommaOrObjectEnd, Literal, Value};

/// How the document ends, which is the same on every backend and through every window.
#[track_caller]
fn ending(limits: Limits, document: impl AsRef<[u8]>) -> Option<Failure> {
    let setups = [
        Setup::fast(limits, &[8192, 128, 200], WHOLE),
        Setup::fast(limits, &[320], &[64]),
        Setup::fast(limits, &[256], &[100, 1, 63, 65]),
    ]
    .concat();
    assert_alike(document.as_ref(), limits, &setups, &[Way::Pull, Way::Skip(0), Way::Skip(2), Way::Raw(1)])
}

/// The document is JSON.
#[track_caller]
fn ok(document: impl AsRef<[u8]>) {
    let document = document.as_ref();
    assert_eq!(ending(Limits::default(), document), None, "{}", document.escape_ascii());
}

/// The document breaks in this way here, as it is and with more behind it.
#[track_caller]
fn no(document: impl AsRef<[u8]>, kind: ErrorKind, offset: usize) {
    let document = document.as_ref();
    let failed = Some((kind, offset as u64));
    assert_eq!(ending(Limits::default(), document), failed, "{}", document.escape_ascii());
    if kind != UnexpectedEnd {
        let longer =
            [document, br#", 1, {"a":"b\n"}, [[]], "more than one block of what is well, so that all is walked", 0]"#]
                .concat();
        assert_eq!(ending(Limits::default(), &longer), failed, "{}", longer.escape_ascii());
    }
}

/// Lengths about those at which something changes: of a word, a vector, a block, and some blocks.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=10).chain(28..=36).chain(58..=70).chain(122..=134).chain([190, 191, 192, 193, 255, 256, 257, 700])
}

#[test]
fn strings_of_every_length() {
    for length in lengths() {
        let text = "s".repeat(length);
        ok(format!("[\"{text}\",\"{text}\"]"));
        ok(format!("{{\"{text}\":\"{text}\" , \"{text}\" : 1}}"));
        for escape in ["\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "é", "中", "😀"] {
            ok(format!("[\"{text}{escape}\",{{\"{text}{escape}{text}\":\"{escape}{text}\"}}]"));
        }
        let at = 2 + length;
        no([b"[\"", text.as_bytes(), b"\x1f\"]"].concat(), ControlCharacter, at);
        no([b"[\"", text.as_bytes(), b"\\ \"]"].concat(), InvalidEscape, at + 1);
        no([b"[\"", text.as_bytes(), b"\\u00g0\"]"].concat(), InvalidEscape, at + 4);
        no([b"[\"", text.as_bytes(), b"\\u00e\"]"].concat(), InvalidEscape, at + 5);
        no([b"[\"", text.as_bytes(), b"\xff\"]"].concat(), InvalidUtf8, at);
        no([b"[\"", text.as_bytes(), b"\xe4\xb8\"]"].concat(), InvalidUtf8, at);
        no([b"[\"", text.as_bytes(), b"\xf0\x9f\x98\"]"].concat(), InvalidUtf8, at);
        no([b"[\"", text.as_bytes(), b"\xed\xa0\x80\"]"].concat(), InvalidUtf8, at);
        no([b"[\"", text.as_bytes()].concat(), UnexpectedEnd, at);
        no([b"[\"", text.as_bytes(), b"\\"].concat(), UnexpectedEnd, at + 1);
        no([b"[\"", text.as_bytes(), b"\"x"].concat(), expected(CommaOrArrayEnd), at + 1);
        no([b"{\"", text.as_bytes(), b"\"x"].concat(), expected(Colon), at + 1);
        no([b"{\"", text.as_bytes(), b"\",1"].concat(), expected(Colon), at + 1);
        no([b"[\"", text.as_bytes(), b"\":1"].concat(), expected(CommaOrArrayEnd), at + 1);
    }
}

#[test]
fn backslashes_in_a_row() {
    for length in lengths() {
        let pairs = "\\\\".repeat(length);
        for pad in (0..64).step_by(if length < 12 { 1 } else { 9 }) {
            let before = format!("[\"{}", "s".repeat(pad));
            ok(format!("{before}{pairs}\",\"\"]"));
            ok(format!("{before}{pairs}\\\"\",\"\"]"));
            ok(format!("{before}{pairs}n\\u0041\\\"{pairs}\"]"));
            let at = before.len() + pairs.len();
            no(format!("{before}{pairs}\\\",1,2,3]"), UnexpectedEnd, at + 9);
            no(format!("{before}{pairs}\\x\"]"), InvalidEscape, at + 1);
            no(format!("{before}{pairs}\"\"]"), expected(CommaOrArrayEnd), at + 1);
            no(format!("{before}{pairs}\"\\\\]"), expected(CommaOrArrayEnd), at + 1);
        }
    }
}

/// White space has any length, everywhere between tokens; so what a token depends on may be blocks
/// away from it.
#[test]
fn long_white_space_between_any_two_tokens() {
    for length in lengths() {
        let wide = format!("{}\n", " ".repeat(length));
        for json in [
            r#"~{~"a"~:~1~,~"b"~:~[~]~,~"c"~:~{~}~,~"d"~:~"e"~}~"#,
            r#"~[~1~,~"a"~,~[~]~,~{~}~,~true~,~{~"k"~:~-0.5~}~]~"#,
        ] {
            ok(json.replace('~', &wide));
            for at in json.match_indices('~').map(|(at, _)| at) {
                ok(format!("{}{wide}{}", &json[..at], &json[at + 1..]).replace('~', ""));
            }
        }
        // The tilde is that space; what is wrong comes at once behind it.
        for (json, kind) in [
            (r#"[1,"a"~:2]"#, expected(CommaOrArrayEnd)),
            (r#"["a"~"b"]"#, expected(CommaOrArrayEnd)),
            (r#"["a"~1]"#, expected(CommaOrArrayEnd)),
            (r#"["a"~{}]"#, expected(CommaOrArrayEnd)),
            (r#"[1~2]"#, expected(CommaOrArrayEnd)),
            (r#"[1~true]"#, expected(CommaOrArrayEnd)),
            (r#"[true~"a"]"#, expected(CommaOrArrayEnd)),
            (r#"[[]~[]]"#, expected(CommaOrArrayEnd)),
            (r#"[{}~"a"]"#, expected(CommaOrArrayEnd)),
            (r#"[{}~1]"#, expected(CommaOrArrayEnd)),
            (r#"[1~}"#, expected(CommaOrArrayEnd)),
            (r#"[{"a":1}~:"#, expected(CommaOrArrayEnd)),
            (r#"[1,~]"#, expected(Value)),
            (r#"[1,~,"#, expected(Value)),
            (r#"[1,~:"#, expected(Value)),
            (r#"[1,~}"#, expected(Value)),
            (r#"[~,"#, expected(Expected::ValueOrArrayEnd)),
            (r#"[~:"#, expected(Expected::ValueOrArrayEnd)),
            (r#"[~}"#, expected(Expected::ValueOrArrayEnd)),
            (r#"{~1"#, expected(Expected::KeyOrObjectEnd)),
            (r#"{~,"#, expected(Expected::KeyOrObjectEnd)),
            (r#"{~]"#, expected(Expected::KeyOrObjectEnd)),
            (r#"{~{"#, expected(Expected::KeyOrObjectEnd)),
            (r#"{"a":1,"b"~}"#, expected(Colon)),
            (r#"{"a":1,"b"~,"#, expected(Colon)),
            (r#"{"a":1,"b"~"c""#, expected(Colon)),
            (r#"{"a"~1}"#, expected(Colon)),
            (r#"{"a"~[]}"#, expected(Colon)),
            (r#"{"a"~]"#, expected(Colon)),
            (r#"{"a":~}"#, expected(Value)),
            (r#"{"a":~,"#, expected(Value)),
            (r#"{"a":~:"#, expected(Value)),
            (r#"{"a":~]"#, expected(Value)),
            (r#"{"a":1,~}"#, expected(Expected::Key)),
            (r#"{"a":1,~2"#, expected(Expected::Key)),
            (r#"{"a":1,~,"#, expected(Expected::Key)),
            (r#"{"a":1,~{"#, expected(Expected::Key)),
            (r#"{"a":1,~true"#, expected(Expected::Key)),
            (r#"{"a":"b"~:1}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":"b"~"c":1}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":1~"b":1}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":1~:1}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":[]~:1}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":{}~{}}"#, expected(CommaOrObjectEnd)),
            (r#"{"a":1~]"#, expected(CommaOrObjectEnd)),
            (r#"[tru~e]"#, expected(Literal)),
            (r#"[-~1]"#, InvalidNumber),
            (r#"[1.~5]"#, InvalidNumber),
            (r#"[1e~5]"#, InvalidNumber),
            (r#"[0~0]"#, expected(CommaOrArrayEnd)),
            (r#"[1~.5]"#, expected(CommaOrArrayEnd)),
            (r#"[1~e5]"#, expected(CommaOrArrayEnd)),
        ] {
            let tilde = json.find('~').expect("each has one");
            // White space is what these do not allow.
            let at_once = matches!(kind, InvalidNumber) || kind == expected(Literal);
            no(json.replace('~', &wide), kind, if at_once { tilde } else { tilde + wide.len() });
        }
        // The evidence of what a comma separates may be as far away as its bracket.
        for (open, close, kind) in [("[", "]", CommaOrArrayEnd), ("{\"o\":", "}", CommaOrObjectEnd)] {
            let inner = format!("{open}{wide}[{wide}]{wide}");
            ok(format!("{inner}{close}"));
            no(format!("{inner}{}", if close == "]" { "}" } else { "]" }), expected(kind), inner.len());
            no(format!("{inner}:1"), expected(kind), inner.len());
        }
    }
}

#[test]
fn scalars_across_blocks() {
    let digits = |length: usize| "1234567890".chars().cycle().take(length).collect::<String>();
    for length in lengths().filter(|&length| length > 0) {
        let digits = digits(length);
        for number in [
            digits.clone(),
            format!("-{digits}"),
            format!("0.{digits}"),
            format!("{digits}.5"),
            format!("{digits}.{digits}E+{digits}"),
            format!("1e{digits}"),
        ] {
            ok(format!("[{number},{number} , {{\"n\":{number}}},{number}]"));
            for broken in ["-", ".", "e", "+", "x"] {
                ending(Limits::default(), format!("[{number}{broken},{number}]"));
                ending(Limits::default(), format!("[0,{broken}{number},{number}]"));
            }
        }
        no(format!("[0{digits}]"), InvalidNumber, 2);
        no(format!("[{digits}.]"), InvalidNumber, 2 + length);
        no(format!("[{digits}.5.5]"), InvalidNumber, 3 + length);
        no(format!("[{digits}e5e5]"), InvalidNumber, 3 + length);
        no(format!("[{digits}-]"), InvalidNumber, 1 + length);
        no(format!("[{digits}x]"), expected(CommaOrArrayEnd), 1 + length);
        no(format!("[{digits} 1]"), expected(CommaOrArrayEnd), 2 + length);
    }
    for pad in 0..64 {
        for piece in ["true", "false", "null", "-0.5e+10", "\"\\ud83d\\ude00\"", "\"😀é中\"", "{\"a\":[]}", "[{}]"]
        {
            ok(item(piece.as_bytes(), pad));
            // Each of its bytes missing, twice, and another.
            for at in 0..piece.len() {
                let (before, rest) = piece.as_bytes().split_at(at);
                for changed in [&rest[1..], &[&rest[..1], rest].concat(), &[b"x", &rest[1..]].concat()] {
                    ending(Limits::default(), item(&[before, changed].concat(), pad));
                }
            }
        }
    }
}

#[test]
fn brackets_in_a_row() {
    let mut random = Random(7);
    for length in lengths().filter(|&length| length > 0) {
        for pad in (0..64).step_by(13) {
            let pad = " ".repeat(pad);
            for unit in ["[],", "{},", "[[]],", "[{}],", "{\"\":[]},", "\"\",", "1,", "[1],"] {
                ok(format!("{pad}[{}0]", unit.repeat(length)));
            }
            for _ in 0..4 {
                nest(&pad, length, &mut random);
            }
        }
    }
}

/// So many brackets inside each other, of either kind; then with one that closes the other kind, and
/// one that is missing.
fn nest(pad: &str, length: usize, random: &mut Random) {
    let kinds: Vec<bool> = (0..length).map(|_| random.chance(1, 2)).collect();
    let open: String = kinds.iter().map(|&object| if object { "{\"\":" } else { "[" }).collect();
    let open = format!("{pad}{open}0");
    let close = |kinds: &[bool]| kinds.iter().rev().map(|&object| if object { '}' } else { ']' }).collect::<String>();
    ok(format!("{open}{}", close(&kinds)));
    let wrong = random.below(length);
    let mut changed = kinds.clone();
    changed[wrong] = !changed[wrong];
    let kind = expected(if kinds[wrong] { CommaOrObjectEnd } else { CommaOrArrayEnd });
    no(format!("{open}{}", close(&changed)), kind, open.len() + length - 1 - wrong);
    let missing = format!("{open}{}", close(&kinds[1..]));
    no(&missing, UnexpectedEnd, missing.len());
    let more = format!("{open}{}{}", close(&kinds), random.choose(&["]", "}"]));
    no(&more, ErrorKind::TrailingData, more.len() - 1);
}

#[test]
fn depth_is_limited_at_every_place_of_a_block() {
    for depth_max in [1, 2, 7, 63, 64, 65, 66, 127, 128, 129, 200] {
        let limits = Limits { depth_max, ..Limits::default() };
        let depth = usize::from(depth_max);
        for pad in 0..64 {
            // Up and down before, so that only what is open counts.
            let siblings = if depth > 1 { "[],{},".repeat(pad) } else { "0,".repeat(pad) };
            let open = format!("[{}{}", siblings, "[".repeat(depth - 1));
            assert_eq!(ending(limits, format!("{open}0{}", "]".repeat(depth))), None);
            for more in ["[]", "{}", "[[[[[[]]]]]]", "{\"a\":{}}"] {
                let failed = Some((ErrorKind::TooDeep { limit: depth_max }, open.len() as u64));
                assert_eq!(ending(limits, format!("{open}{more}{}", "]".repeat(depth))), failed);
            }
        }
    }
}

#[test]
fn tokens_are_limited_at_every_place_of_a_block() {
    for token_bytes_max in [2, 10, 63, 64, 65, 130] {
        let limits = Limits { token_bytes_max, raw_bytes_max: 700, ..Limits::default() };
        for pad in 0..64 {
            let before = format!("[{}", "1,".repeat(pad));
            let behind = format!(",{}0]", "\"\",[],".repeat(40));
            for length in [token_bytes_max, token_bytes_max + 1, token_bytes_max + 64] {
                let failed = (ErrorKind::TokenTooLong { limit: token_bytes_max }, before.len() as u64);
                let failed = (length > token_bytes_max).then_some(failed);
                let plain = "s".repeat(length - 2);
                let string = format!("{before}\"{plain}\"{behind}");
                assert_eq!(compared(limits, &string), failed);
                let number = format!("{before}{}{behind}", "7".repeat(length));
                assert_eq!(compared(limits, &number), failed);
                compared(limits, &format!("{before}\"{}\\n\"{behind}", &plain[plain.len().min(2)..]));
                compared(limits, &format!("{before}\"{plain}\u{1}\"{behind}"));
                compared(limits, &format!("{before}{}x{behind}", "7".repeat(length)));
            }
        }
    }
}

/// As [`ending`], pulled.
#[track_caller]
fn compared(limits: Limits, document: &str) -> Option<Failure> {
    let setups = Setup::fast(limits, &[8192, 200], WHOLE);
    assert_alike(document.as_bytes(), limits, &setups, &[Way::Skip(1), Way::Raw(1), Way::Raw(0), Way::Pull])
}
