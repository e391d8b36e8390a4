//! The same comes of an input however it is cut, however large the window is, and whatever the backend
//! is. The first eight bytes choose cuts and limits, and where the document stands; the rest is the
//! document.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::{Backend, Limits, Tokens};
use common::{Pieces, case::embedded, failure, hear, hear_peeking, tokens};
use libfuzzer_sys::fuzz_target;
use std::io::Read;

fuzz_target!(|input: &[u8]| {
    let Some((&[window, token_max, raw_max, depth_max, sizes @ ..], document)) = input.split_first_chunk::<8>() else {
        return;
    };
    let document = &embedded(document, window / 4, usize::from(sizes[0]))[..];
    let large = |max: u8| if max == 255 { 1 << 20 } else { 4 * usize::from(max) };
    let limits = Limits {
        window_bytes: 1 << 16,
        token_bytes_max: large(token_max),
        raw_bytes_max: large(raw_max),
        depth_max: depth_max.into(),
    };
    let small = Limits { window_bytes: 8 * usize::from(window), ..limits };
    let sizes = sizes.map(|size| usize::from(size).max(1));

    let bytes = hear(&mut tokens(Pieces::new(document, &[1]), Backend::Scalar, small));
    for backend in Backend::available() {
        assert_eq!(hear(&mut tokens(document, backend, limits)), bytes);
        assert_eq!(hear(&mut tokens(Pieces::new(document, &sizes), backend, small)), bytes);
        assert_eq!(hear_peeking(&mut tokens(Pieces::new(document, &sizes), backend, small)), bytes);
        // The document as one raw value, and as its members' raw values.
        for pulled in 0..2 {
            let whole = tokens(document, backend, limits);
            raw_alike(whole, tokens(Pieces::new(document, &sizes), backend, small), pulled);
        }
    }
});

fn raw_alike(mut whole: Tokens<impl Read>, mut cut: Tokens<impl Read>, pulled: usize) {
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
