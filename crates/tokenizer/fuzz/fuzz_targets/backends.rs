//! Every backend gives what the careful way gives, byte by byte: tokens, offsets, kinds of errors,
//! whatever is called. The first eight bytes choose where the document stands, windows, pieces and
//! calls; the rest is the document.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use apsides_tokenizer::Limits;
use common::{
    alike::{Setup, WHOLE, Way, assert_alike},
    case::embedded,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((header, document)) = input.split_first_chunk::<8>() else { return };
    let [how, pad, window, limit, sizes @ ..] = *header;
    let document = embedded(document, how, usize::from(pad));
    let sizes = sizes.map(|size| 2 * usize::from(size) + 1);
    let limits = match limit {
        0..128 => Limits::default(),
        _ => Limits {
            token_bytes_max: 2 * usize::from(limit - 128),
            raw_bytes_max: 7 * usize::from(limit - 128),
            depth_max: u16::from(limit) - 126,
            ..Limits::default()
        },
    };
    let whole = Setup::fast(limits, &[16 << 10, 64 + usize::from(window)], WHOLE);
    let cut = Setup::fast(limits, &[8 * usize::from(window)], &sizes);
    let ways = [Way::Pull, Way::Skip(pad.into()), Way::Raw(how.into()), Way::Mixed(u64::from_le_bytes(*header))];
    assert_alike(&document, limits, &[whole, cut].concat(), &ways);
});
