//! Tokens of a JSON text that is at hand, and has been read before.

use apsides_tokenizer::{Limits, Tokens};
use std::ops::RangeInclusive;

/// Such texts are short mostly: a window as for an export would cost more than the reading.
const WINDOW_BYTES: RangeInclusive<usize> = 256..=64 << 10;

/// The tokens of a text, whose size and depth are what they are.
pub(crate) fn tokens(text: &str) -> Tokens<&[u8]> {
    let limits = Limits {
        window_bytes: text.len().clamp(*WINDOW_BYTES.start(), *WINDOW_BYTES.end()),
        token_bytes_max: text.len().max(1),
        raw_bytes_max: text.len().max(1),
        depth_max: u16::MAX,
    };
    Tokens::with_limits(text.as_bytes(), limits)
}
