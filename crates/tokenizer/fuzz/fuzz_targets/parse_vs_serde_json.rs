//! Accepts and refuses what `serde_json` does, and decodes strings to the same text: the input as it
//! is, and in the midst of others, on every backend.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::{Backend, Limits, Token};
use common::{case::embedded, tokens};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, de::IgnoredAny};

fuzz_target!(|input: &[u8]| {
    // RFC 8259 allows a byte-order mark; `serde_json` does not.
    if input.starts_with(b"\xef\xbb\xbf") {
        return;
    }
    // More than 1,024 levels would take its stack.
    let deep = input.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 1000;
    for how in 0..5 {
        if how == 4 && deep {
            continue;
        }
        let document = embedded(input, how, input.len() % 64);
        let judged = serde_accepts(&document, deep);
        for backend in Backend::available() {
            let accepted = accepts(&document, backend);
            assert!(judged.is_none_or(|judged| judged == accepted), "{accepted} on {backend}, embedded {how}");
        }
    }
});

/// Its judgement, if it can be asked.
fn serde_accepts(document: &[u8], deep: bool) -> Option<bool> {
    // It does not look into strings that it ignores, so that UTF-8 has to be checked for it.
    let Ok(text) = std::str::from_utf8(document) else { return Some(false) };
    if deep {
        return None;
    }
    let mut serde = serde_json::Deserializer::from_str(text);
    serde.disable_recursion_limit();
    Some(IgnoredAny::deserialize(&mut serde).and_then(|_| serde.end()).is_ok())
}

fn accepts(document: &[u8], backend: Backend) -> bool {
    let limits = Limits { window_bytes: 1024, depth_max: 1 << 14, ..Limits::default() };
    let mut tokens = tokens(document, backend, limits);
    let mut scratch = String::new();
    loop {
        match tokens.pull() {
            Ok(None) => return true,
            Err(_) => return false,
            Ok(Some(Token::Key(text) | Token::String(text))) => {
                let decoded = text.decode(&mut scratch);
                assert_eq!(text.is_escaped(), text.text().contains('\\'));
                assert!(text.is(decoded.text));
                assert!(!text.is_escaped() || !text.is(text.text()) || decoded.text == text.text());
                // Lone surrogates have no place in its strings.
                let judged = serde_json::from_str::<String>(&format!("\"{}\"", text.text()));
                let expected = (decoded.replaced == 0).then_some(decoded.text);
                assert_eq!(expected, judged.ok().as_deref());
            }
            Ok(Some(Token::Number(number))) => {
                assert_eq!(number.to_i64(), number.text().parse().ok());
                assert!(!number.to_f64().is_nan());
            }
            Ok(Some(_)) => {}
        }
    }
}
