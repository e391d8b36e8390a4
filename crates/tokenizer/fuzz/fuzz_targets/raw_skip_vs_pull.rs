//! `raw` gives the bytes between where `pull` starts and ends a value, `skip` passes over the same,
//! and both fail where it fails; on every backend, through a large and a small window. The first eight
//! bytes choose how each value met is taken, and where the document stands; the rest is the document.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::Tokens;
use common::{Heard, case::each_by_choices, dump, failure, hear};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| each_by_choices(input, take));

fn take(document: &[u8], heard: &Heard, mut choices: u64, mut tokens: Tokens<&[u8]>) {
    let mut at = 0;
    while at < heard.tokens.len() {
        let (pulled, raw) = (choices & 1 == 0, choices & 2 == 0);
        choices = choices.rotate_right(2);
        let start = &heard.tokens[at];
        if pulled {
            let token = tokens.pull().expect("this was heard").map(dump);
            assert_eq!(token.as_ref(), Some(&start.dump));
            assert_eq!((tokens.offset(), tokens.consumed()), (start.offset, start.consumed));
            at += 1;
            continue;
        }
        let Some(end) = heard.value_end(at) else {
            // The document breaks inside.
            let failed = if raw { tokens.raw().map(|_| ()) } else { tokens.skip() };
            assert_eq!(failed.map_err(|error| failure(&error)).err(), heard.failure);
            return;
        };
        let span = start.offset as usize..heard.tokens[end - 1].consumed as usize;
        if raw {
            assert_eq!(tokens.raw().expect("this was heard").as_bytes(), &document[span.clone()]);
            assert_eq!(tokens.offset(), span.start as u64);
        } else {
            tokens.skip().expect("this was heard");
        }
        assert_eq!((tokens.consumed(), tokens.depth()), (span.end as u64, heard.tokens[end - 1].depth));
        at = end;
    }
    assert_eq!(hear(&mut tokens).failure, heard.failure);
}
