//! Pictures: what is drawn for every kind of error, the same however the input was cut, and nothing of
//! what the document says.

mod common;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "differential/documents.rs"]
mod documents;

use apsides_tokenizer::{Backend, Limits, Picture, Tokens};
use common::{Failing, Pieces, cuts, tokens};
use documents::{cut, document, mutation};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use std::io::Read;

/// A picture taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drawn {
    before: String,
    /// The place, and what is behind it.
    behind: String,
    offset: u64,
}

impl From<Picture> for Drawn {
    /// Checks what every picture promises.
    #[track_caller]
    fn from(picture: Picture) -> Self {
        let shown = picture.to_string();
        let (drawn, marked) = shown.split_once('\n').expect("there are two lines");
        let (spaces, offset) = marked.split_once("^ byte ").expect("the place is marked");
        assert!(spaces.bytes().all(|byte| byte == b' '), "{shown}");
        assert!(drawn.chars().all(|drawn| "{}[],:\" 0x?…·".contains(drawn)), "{shown}");
        let (before, behind): (Vec<_>, Vec<_>) =
            drawn.chars().enumerate().partition(|(column, _)| *column < spaces.len());
        assert_eq!(before.len(), spaces.len(), "{shown}");
        assert!(before.len() <= Picture::CHARACTERS_MAX && behind.len() <= 1 + Picture::CHARACTERS_MAX, "{shown}");
        assert_eq!(offset, picture.offset().to_string(), "{shown}");
        let text = |drawn: Vec<(usize, char)>| drawn.into_iter().map(|(_, drawn)| drawn).collect();
        Self { before: text(before), behind: text(behind), offset: picture.offset() }
    }
}

/// Pulls to the error, if there is one, or passes over all in one way or another.
fn draw<R: Read>(tokens: &mut Tokens<R>, way: usize) -> Drawn {
    loop {
        let went = match way {
            0 => tokens.pull().map(|token| token.is_some()),
            1 => tokens.skip().and_then(|()| tokens.pull().map(|token| token.is_some())),
            _ => tokens.raw().map(str::len).and_then(|_| tokens.pull().map(|token| token.is_some())),
        };
        match went {
            Ok(true) => {}
            Ok(false) => return tokens.picture().into(),
            Err(error) => {
                let drawn = Drawn::from(tokens.picture());
                assert_eq!(drawn.offset, error.offset());
                assert_eq!(draw_again(tokens), drawn, "a tokenizer that has failed draws the same for ever");
                return drawn;
            }
        }
    }
}

fn draw_again<R: Read>(tokens: &mut Tokens<R>) -> Drawn {
    assert!(tokens.pull().is_err() && tokens.peek().is_err() && tokens.skip().is_err() && tokens.raw().is_err());
    tokens.picture().into()
}

/// What is drawn of an input that is broken, with a `^` before the place.
#[track_caller]
fn shows(json: impl AsRef<[u8]>, expected: &str) {
    shows_within(Limits::default(), json, expected);
}

#[track_caller]
fn shows_within(limits: Limits, json: impl AsRef<[u8]>, expected: &str) {
    let json = json.as_ref();
    let drawn = draw(&mut Tokens::with_limits(json, limits), 0);
    assert_eq!(format!("{}^{}", drawn.before, drawn.behind), expected, "{}", json.escape_ascii());
    for backend in Backend::available() {
        for cut in cuts(json.len()) {
            for way in 0..3 {
                let context = || format!("{} cut {cut:?} on {backend} by {way}", json.escape_ascii());
                for window_bytes in [2048, 16] {
                    let limits = Limits { window_bytes, ..limits };
                    let got = draw(&mut tokens(Pieces::new(json, &cut), backend, limits), way);
                    assert_eq!(got.offset, drawn.offset, "{}", context());
                    if window_bytes == 2048 {
                        assert_eq!(got.before, drawn.before, "{}", context());
                        assert!(drawn.behind.starts_with(&got.behind), "{}: {got:?}", context());
                    }
                }
            }
        }
    }
}

#[test]
fn every_kind_of_error_is_drawn() {
    // What may not stand there.
    shows("", "^");
    shows("  ", " ^");
    shows("!", "^?");
    shows("[1,]", "[0,^]");
    shows("[1 2]", "[0 ^0]");
    shows(r#"{"name" "value"}"#, r#"{"…" ^"…"}"#);
    shows(r#"{"name":1,}"#, r#"{"…":0,^}"#);
    shows("{name:1}", "{^x:0}");
    shows("{'name':'value'}", "{^?x?:?x?}");
    shows("[1, 2, // both\n 3]", "[0, 0, ^? x 0]");
    shows(r#"{"a": ["b", {}, [], "", truely]}"#, r#"{"…": ["…", {}, [], "", x^x]}"#);
    shows(r#"[{"a":"b"}, nul]"#, r#"[{"…":"…"}, x^]"#);
    shows("[Infinity, NaN]", "[^x, x]");
    shows(r#"["a": 1]"#, r#"["…"^: 0]"#);
    shows(r#"{"a": 1]"#, r#"{"…": 0^]"#);
    // Numbers.
    shows("[-12.5e+7, 01, 2]", "[0x0, 0^0, 0]");
    shows("[1.]", "[0^]");
    shows("[-]", "[0^]");
    shows("[+1]", "[^0]");
    shows("[1e5e5]", "[0x0^x0]");
    // Strings.
    shows(r#"["some\xthing", "else"]"#, r#"["…^·", "…"]"#);
    shows(r#"["\xthing"]"#, r#"["…^·"]"#);
    shows(r#"["some\u12", "else"]"#, r#"["…^", "…"]"#);
    shows("[\"some\tthing\", \"else\"]", r#"["…^?", "…"]"#);
    shows("[\"\tthing\"]", r#"["^?"]"#);
    shows(b"[\"some\xffthing\", \"else\"]", r#"["…^?", "…"]"#);
    shows("{\"some\nthing\": 1}", r#"{"…^?": 0}"#);
    // The end.
    shows("[", "[^");
    shows(r#"["a", "#, r#"["…", ^"#);
    shows(r#"{"a":[tr"#, r#"{"…":[x^"#);
    shows(r#"{"a":"some"#, r#"{"…":"…^"#);
    shows(r#"{"a":""#, r#"{"…":"^"#);
    shows(r#"{"a":"some\"#, r#"{"…":"…^"#);
    shows("[1.", "[0^");
    // Behind the document.
    shows(r#"{} {"a": 1}"#, r#"{} ^{"…": 0}"#);
    shows(r#""alone" !"#, r#""…" ^?"#);
    shows("1 2", "0 ^0");
    shows("\u{feff}[", "?[^");
    shows(b"\xef\xbb[", "?^[");
    // Limits.
    let limits = Limits { token_bytes_max: 10, raw_bytes_max: 1000, depth_max: 2, ..Limits::default() };
    shows_within(limits, r#"{"a": "some longer text", "b": 1}"#, r#"{"…": ^"…", "…": 0}"#);
    shows_within(limits, r#"{"a": 12345678901, "b": 1}"#, r#"{"…": ^0, "…": 0}"#);
    shows_within(limits, r#"[[], {"a": [1]}]"#, r#"[[], {"…": ^[0]}]"#);
    let mut tokens = Tokens::with_limits(&b"[0, [1, \"a\"], 2]"[..], Limits { raw_bytes_max: 7, ..limits });
    assert!(tokens.pull().is_ok() && tokens.raw().is_ok() && tokens.raw().is_err());
    assert_eq!(tokens.picture().to_string(), "[0, [0, \"…\"], 0]\n    ^ byte 4");
}

#[test]
fn quotes_and_backslashes_are_told_apart() {
    shows(r#"["\"",!"#, r#"["…",^?"#);
    shows(r#"["\\",!"#, r#"["…",^?"#);
    shows(r#"["\\\"",!"#, r#"["…",^?"#);
    shows(r#"["\\\\\"\\",!"#, r#"["…",^?"#);
    shows(r#"["\"",",\"","\",","",!"#, r#"["…","…","…","",^?"#);
    shows(r#"["[{,:]\"[{,:]", "\\", ":", !"#, r#"["…", "…", "…", ^?"#);
    shows(r#"{"\"":"\\","\\\"":!"#, r#"{"…":"…","…":^?"#);
    shows(r#"[!"\"", "\\", "\\\",", 1]"#, r#"[^?"…", "…", "…", 0]"#);
}

/// Where the bytes that are looked at begin, and how many characters are shown.
#[test]
fn a_picture_is_bounded() {
    // So many characters before and behind; before, strings are whole.
    let (before, behind) = ("{},".repeat(13), "[]".repeat(20));
    shows(format!("[{}!{}", "{},".repeat(99), "[]".repeat(99)), &format!(",{before}^?{behind}"));
    let (before, behind) = ("\"…\",".repeat(10), ",\"…\"".repeat(10));
    shows(format!("[{}!{}", "\"a\",".repeat(99), ",\"b\"".repeat(99)), &format!("{before}^?{behind}"));
    shows(format!("[{} !", "\"a\",".repeat(99)), &format!(",{} ^?", "\"…\",".repeat(9)));
    // So many bytes; of a string that starts before them, or that may, the end is shown.
    let before = |length: usize| {
        let json = format!("[\"{}\",!", "s".repeat(length));
        draw(&mut Tokens::new(json.as_bytes()), 0).before
    };
    assert_eq!(before(252), r#"["…","#);
    assert_eq!(before(253), r#"…","#);
    assert_eq!(before(9999), r#"…","#);
    let behind = |length: usize| {
        let json = format!("[!\"{}\",1", "s".repeat(length));
        draw(&mut Tokens::new(json.as_bytes()), 0).behind
    };
    assert_eq!(behind(253), "?\"…\",");
    assert_eq!(behind(254), "?\"…\"");
    assert_eq!(behind(255), "?\"…");
    // A token may be as long as it likes.
    let json = format!("[1, \"{}\t\", 2]", "s".repeat(100_000));
    assert_eq!(draw(&mut Tokens::new(json.as_bytes()), 0).before, "[0, \"…");
    assert_eq!(draw(&mut Tokens::new(Pieces::new(json.as_bytes(), &[1000])), 2).before, "[0, \"…");
}

/// A small window slides often; the structure before the place is kept, but for what does not fit.
#[test]
fn a_picture_outlives_the_window() {
    let row = r#"{"id": 12345678, "name": "Zoë \"Z\" Müller", "x": [-1.5e3, true, {}]},"#;
    let json = format!("[{}{}", row.repeat(500), r#"{"id": 1, "name": "Zoë "Z" Müller"}]"#);
    let whole = draw(&mut Tokens::new(json.as_bytes()), 0);
    assert_eq!(whole.before, r#", "…": [0x0, x, {}]},{"…": 0, "…": "…""#);
    for backend in Backend::available() {
        for window_bytes in [2048, 4096, 10_000] {
            for sizes in [&[1][..], &[100], &[4096], &[usize::MAX]] {
                for way in 0..3 {
                    let limits = Limits { window_bytes, ..Limits::default() };
                    let drawn = draw(&mut tokens(Pieces::new(json.as_bytes(), sizes), backend, limits), way);
                    assert_eq!((drawn.before, drawn.offset), (whole.before.clone(), whole.offset));
                }
            }
        }
    }
}

const DOCUMENT: &str = concat!(
    "\u{feff}{ \"ff7f9dc0-5c1e\": {\"sections\": {\"1203\": {\"attributes\": {\"7\": {\"value\": \"Zo\\u00eb \\\"M\\\"\"},\n",
    "\t\t\"8\":{\"value\":-12.5e+7}, \"\": [true,false , null, \"\", {}, [ ]], \"é\\\\\": [[1], \"😀, \\\"[{:\\\"\"]}}}}}"
);

/// A document that ends, or cannot be read on, at any place, is drawn up to there.
#[test]
fn the_end_is_drawn() {
    for length in 0..DOCUMENT.len() {
        let json = &DOCUMENT.as_bytes()[..length];
        let whole = draw(&mut Tokens::new(json), 0);
        assert_before(json, &whole);
        for sizes in [&[usize::MAX][..], &[1], &[7]] {
            for way in 0..3 {
                assert_eq!(draw(&mut Tokens::new(Pieces::new(json, sizes)), way), whole, "{length} by {sizes:?}");
                assert_eq!(draw(&mut Tokens::new(Failing(Pieces::new(json, sizes))), way), whole, "{length}");
            }
        }
        // A byte-order mark, an escape or a character may be cut, which no other byte mends.
        assert!(whole.behind.is_empty() && whole.offset == length as u64, "{length}: {whole:?}");
    }
}

/// What is drawn before the place is the end of what one sees who reads from the document's start.
#[track_caller]
fn assert_before(json: &[u8], drawn: &Drawn) {
    let mut all = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for &byte in &json[..drawn.offset as usize] {
        let next = match byte {
            _ if in_string && escaped => '…',
            b'"' => '"',
            _ if in_string => '…',
            b'{' | b'}' | b'[' | b']' | b',' | b':' => byte as char,
            b' ' | b'\n' | b'\r' | b'\t' => ' ',
            _ if byte.is_ascii_alphabetic() => 'x',
            _ if byte.is_ascii_digit() || b"+-.".contains(&byte) => '0',
            _ => '?',
        };
        in_string ^= next == '"';
        escaped = in_string && byte == b'\\' && !escaped;
        if !(all.ends_with(next) && "… x0?".contains(next)) {
            all.push(next);
        }
    }
    let context = || format!("{drawn:?} of {all} in {}", json.escape_ascii());
    assert!(all.ends_with(&drawn.before), "{}", context());
    // A string is shown whole or not at all.
    let few = drawn.before.chars().count() + 2 < Picture::CHARACTERS_MAX;
    assert!(!few || drawn.before == all || drawn.offset > Picture::BYTES_MAX as u64, "{}", context());
}

/// Where nothing has failed, the place is what is read next.
#[test]
fn a_picture_may_be_drawn_anywhere() {
    for backend in Backend::available() {
        for sizes in [&[usize::MAX][..], &[1], &[33]] {
            let mut tokens = tokens(Pieces::new(DOCUMENT.as_bytes(), sizes), backend, Limits::default());
            loop {
                let drawn = Drawn::from(tokens.picture());
                assert_eq!(drawn.offset, tokens.consumed());
                assert_before(DOCUMENT.as_bytes(), &drawn);
                if tokens.pull().expect("it is JSON").is_none() {
                    break;
                }
            }
        }
    }
}

/// Documents that are the same but for what they say are drawn alike, wherever they are broken.
#[test]
fn nothing_of_names_and_values_is_drawn() {
    let fillings = [
        ["n", "t", "1", "true"],
        ["hunter2", "Zoë Müller, +46 70 123", "-1999.25", "false"],
        ["{\\\"a\\\":[1],", "a: [1, {}], \\\\", "12", "null"],
        ["\\\"", "\\\"\\\\\\u0041", "123456789012", "null"],
    ];
    for shape in [
        "{N! [T, D, L], N: {T: D}}",
        "{N: [T, D! L], T: {N: D}}",
        "{N: [T, D, L]!",
        "{N: [T, D, L] N: {T: D}}",
        "[{T: {N:!D}}, T, [N, L, D]]",
        "[N, T, {T: D L}]",
        "[T,",
        "[{T",
    ] {
        let drawn = fillings.map(|[name, text, number, literal]| {
            let place = |json: &str| {
                let json = json.replace('N', "\u{1}").replace('T', "\u{2}").replace('L', literal).replace('D', number);
                json.replace('\u{1}', &format!("\"{name}\"")).replace('\u{2}', &format!("\"{text}\""))
            };
            let drawn = draw(&mut Tokens::new(place(shape).as_bytes()), 0);
            (drawn.before, drawn.behind)
        });
        assert!(drawn.iter().all(|other| *other == drawn[0]), "{shape}: {drawn:?}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 1024, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_broken_document_is_drawn_alike(
        json in document(),
        mutations in vec(mutation(), 1..4),
        cut in cut(),
        way in 0..3_usize,
    ) {
        let mut json = json.into_bytes();
        for mutation in mutations {
            mutation.apply(&mut json);
        }
        let whole = draw(&mut Tokens::new(&json[..]), 0);
        assert_before(&json, &whole);
        for backend in Backend::available() {
            let limits = Limits { window_bytes: 2048, ..Limits::default() };
            let drawn = draw(&mut tokens(Pieces::new(&json, &cut), backend, limits), way);
            prop_assert_eq!((&drawn.before, drawn.offset), (&whole.before, whole.offset));
            prop_assert!(whole.behind.starts_with(&drawn.behind));
            // Of a window that is too small for it something is left.
            let limits = Limits { window_bytes: 64, ..Limits::default() };
            let drawn = draw(&mut tokens(Pieces::new(&json, &cut), backend, limits), way);
            prop_assert_eq!(drawn.offset, whole.offset);
        }
    }
}
