//! Tokens of JSON texts that are at hand, and have been read before.

use apsides_tokenizer::{Limits, Tokens};
use std::fmt;

/// Size and depth of the texts are what they are.
const LIMITS: Limits =
    Limits { window_bytes: 64 << 10, token_bytes_max: usize::MAX, raw_bytes_max: usize::MAX, depth_max: u16::MAX };

/// Reads such texts, one after the other, with the same tokenizer: most are short, and to make one takes longer than to read
/// them.
#[derive(Default)]
pub(crate) struct AtHand(Option<Tokens<&'static [u8]>>);

impl AtHand {
    /// Gives the tokens of a text to a function.
    pub(crate) fn read<T>(&mut self, text: &str, read: impl FnOnce(&mut Tokens<&[u8]>) -> T) -> T {
        let idle = self.0.take().unwrap_or_else(|| Tokens::with_limits(&[], LIMITS));
        let mut tokens = idle.restart(text.as_bytes());
        let read = read(&mut tokens);
        self.0 = Some(tokens.restart(&[]));
        read
    }
}

impl fmt::Debug for AtHand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AtHand")
    }
}
