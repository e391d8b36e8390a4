//! Accepts and refuses what `serde_json` does, and decodes strings to the same text.
#![no_main]

use apsides_tokenizer::{Limits, Token, Tokens};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, de::IgnoredAny};

fuzz_target!(|input: &[u8]| {
    // RFC 8259 allows a byte-order mark; `serde_json` does not.
    if input.starts_with(b"\xef\xbb\xbf") {
        return;
    }
    let accepted = accepts(input);
    // It does not look into strings that it ignores, so that UTF-8 has to be checked for it; and
    // more than 1,024 levels would take its stack.
    let Ok(text) = std::str::from_utf8(input) else {
        assert!(!accepted);
        return;
    };
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > 1024 {
        return;
    }
    let mut serde = serde_json::Deserializer::from_str(text);
    serde.disable_recursion_limit();
    let judged = IgnoredAny::deserialize(&mut serde).and_then(|_| serde.end()).is_ok();
    assert_eq!(accepted, judged);
});

fn accepts(input: &[u8]) -> bool {
    let mut tokens = Tokens::with_limits(input, Limits { window_bytes: 64, ..Limits::default() });
    let mut scratch = String::new();
    loop {
        match tokens.pull() {
            Ok(None) => return true,
            Err(_) => return false,
            Ok(Some(Token::Key(text) | Token::String(text))) => {
                let decoded = text.decode(&mut scratch);
                assert!(text.is(decoded.text));
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
