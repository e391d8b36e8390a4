//! The same comes of an input however it is cut and however large the window is. The first eight
//! bytes choose cuts and limits; the rest is the document.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::{Limits, Tokens};
use common::{Pieces, failure, hear, hear_peeking};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[window, token_max, raw_max, depth_max, sizes @ ..], document)) = input.split_first_chunk::<8>() else {
        return;
    };
    let limits = Limits {
        window_bytes: 1 << 16,
        token_bytes_max: token_max.into(),
        raw_bytes_max: raw_max.into(),
        depth_max: depth_max.into(),
    };
    let small = Limits { window_bytes: window.into(), ..limits };
    let sizes = sizes.map(|size| usize::from(size).max(1));

    let whole = hear(&mut Tokens::with_limits(document, limits));
    assert_eq!(hear(&mut Tokens::with_limits(Pieces::new(document, &sizes), small)), whole);
    assert_eq!(hear_peeking(&mut Tokens::with_limits(Pieces::new(document, &[1]), small)), whole);

    // The document as one raw value, and as its members' raw values.
    for pulled in 0..2 {
        let mut whole = Tokens::with_limits(document, limits);
        let mut cut = Tokens::with_limits(Pieces::new(document, &sizes), small);
        for _ in 0..pulled {
            let _ = (whole.pull(), cut.pull());
        }
        loop {
            let expected = whole.raw().map(String::from).map_err(|error| failure(&error));
            let got = cut.raw().map(String::from).map_err(|error| failure(&error));
            assert_eq!(got, expected);
            // After an error only the error counts: how far it was read ahead of a limit may differ.
            if expected.map_or(true, |raw| raw.is_empty()) {
                break;
            }
            assert_eq!((cut.offset(), cut.consumed(), cut.depth()), (whole.offset(), whole.consumed(), whole.depth()));
        }
    }
});
