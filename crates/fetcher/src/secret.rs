//! Secrets, and keeping them out of what people read.

use std::{collections::VecDeque, fmt, sync::Mutex};

/// A text that is never shown: `Debug` prints `***`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that puts it on the wire.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Knows every secret of one client, so that text from a server can be cleaned of those it echoes.
#[derive(Default)]
pub(crate) struct Redactor {
    /// Newest last. Bounded, because every refreshed token is added; the oldest token goes first, the client secret
    /// stays.
    known: Mutex<VecDeque<Secret>>,
}

/// The client secret and the latest tokens: an answer cannot well echo a token that was replaced so many times since.
const KNOWN_MAX: usize = 16;

/// Shorter texts are no credentials, and to blot them out would blot out the message.
const SECRET_BYTES_MIN: usize = 4;

impl Redactor {
    /// `client_secret` is the one secret that is never forgotten.
    pub(crate) fn new(client_secret: &Secret) -> Self {
        let redactor = Self::default();
        redactor.learn(client_secret);
        redactor
    }

    pub(crate) fn learn(&self, secret: &Secret) {
        if secret.expose().len() < SECRET_BYTES_MIN {
            return;
        }
        let mut known = self.known();
        if known.len() == KNOWN_MAX {
            known.remove(1);
        }
        known.push_back(secret.clone());
    }

    /// `body` as text without any known secret, cut to `shown` bytes. `whole` says that `body` is all there was: where
    /// it is not, its end may be the beginning of a secret, and is left off.
    pub(crate) fn clean(&self, body: &[u8], whole: bool, shown: usize) -> String {
        let known = self.known();
        let mut text = String::from_utf8_lossy(body).into_owned();
        for secret in known.iter() {
            text = text.replace(secret.expose(), "***");
            // The same in a JSON string, should it hold characters that are escaped there.
            let quoted = serde_json::Value::from(secret.expose()).to_string();
            text = text.replace(&quoted[1..quoted.len() - 1], "***");
        }
        if !whole {
            let longest = known.iter().map(|secret| secret.expose().len()).max().unwrap_or(0);
            text.truncate(text.floor_char_boundary(text.len().saturating_sub(longest)));
        }
        if text.len() > shown {
            text.truncate(text.floor_char_boundary(shown));
            text.push('…');
        }
        text
    }

    fn known(&self) -> std::sync::MutexGuard<'_, VecDeque<Secret>> {
        // A panic elsewhere cannot leave the list half-changed in a way that matters here.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "***");
    }

    #[test]
    fn secrets_are_blotted_out_plain_and_escaped() {
        let redactor = Redactor::new(&Secret::new("se\"cret\""));
        redactor.learn(&Secret::new("tok.en"));
        let text = redactor.clean(br#"a se"cret", a "se\"cret\"" and tok.en!"#, true, 100);
        assert_eq!(text, "a ***, a \"***\" and ***!");
    }

    #[test]
    fn a_secret_cut_by_the_read_limit_does_not_show() {
        let redactor = Redactor::new(&Secret::new("abcdefgh"));
        assert_eq!(redactor.clean(b"abcdefgh and then abcdef", false, 100), "*** and the");
    }

    #[test]
    fn the_client_secret_is_never_forgotten() {
        let redactor = Redactor::new(&Secret::new("client-secret"));
        for n in 0..100 {
            redactor.learn(&Secret::new(format!("token-{n}")));
        }
        assert_eq!(redactor.clean(b"client-secret token-99", true, 100), "*** ***");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(Redactor::default().clean("häuser".as_bytes(), true, 2), "h…");
    }
}
