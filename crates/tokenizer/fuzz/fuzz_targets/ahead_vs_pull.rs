//! What takes several tokens in one step, or only what it knows to be of a kind, gives what pulling gives: `entry`,
//! `scalar_member`, `scalar`, `enter_object` and `measure`; on every backend, through a large and a small window. The first
//! eight bytes choose what is called, and where the document stands; the rest is the document.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::{Token, Tokens};
use common::{Heard, case::each_by_choices, dump, failure, hear};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| each_by_choices(input, take));

fn take(_: &[u8], heard: &Heard, mut choices: u64, mut tokens: Tokens<&[u8]>) {
    let mut at = 0;
    while at < heard.tokens.len() {
        let choice = choices % 8;
        choices = choices.rotate_right(3);
        let next = &heard.tokens[at..];
        let count = match choice {
            0..3 => tokens.entry("value").map(|(name, value)| {
                let taken = [dump(Token::Key(name)), "{".to_owned(), dump(value), "}".to_owned()];
                assert_eq!([0, 1, 3, 4].map(|of| next[of].dump.clone()), taken);
                let inner = next[2].dump.strip_suffix(':').expect("a name");
                assert_eq!(serde_json::from_str::<String>(inner).expect("a string"), "value");
                5
            }),
            3..5 => tokens.scalar_member().map(|(name, value)| {
                assert_eq!([&next[0].dump, &next[1].dump], [&dump(Token::Key(name)), &dump(value)]);
                2
            }),
            // These may fail, where the next token is wrong; but this one was heard.
            5 => tokens.scalar().expect("this was heard").map(dump).map(|value| {
                assert_eq!(next[0].dump, value);
                1
            }),
            6 => tokens.enter_object().expect("this was heard").then(|| {
                assert_eq!(next[0].dump, "{");
                1
            }),
            _ => match heard.value_end(at) {
                Some(end) => {
                    let bytes = heard.tokens[end - 1].consumed - next[0].offset;
                    assert_eq!(tokens.measure().expect("this was heard"), bytes);
                    Some(end - at)
                }
                // The document breaks inside.
                None => {
                    assert_eq!(tokens.measure().map_err(|error| failure(&error)).err(), heard.failure);
                    return;
                }
            },
        };
        at += count.unwrap_or_else(|| {
            assert_eq!(tokens.pull().expect("this was heard").map(dump).as_ref(), Some(&next[0].dump));
            1
        });
        let last = &heard.tokens[at - 1];
        assert_eq!((tokens.consumed(), tokens.depth()), (last.consumed, last.depth));
    }
    assert_eq!(hear(&mut tokens).failure, heard.failure);
}
