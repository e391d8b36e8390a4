//! What a state says where others can read it: sealed, so that only who has the same client secret for the same account can
//! open it, and named so that nobody can tell what it is about.
//!
//! ```text
//! version, 1 byte    nonce, 12 bytes, random    AES-256-GCM of the text    its tag, 16 bytes
//! ```
//!
//! The keys are derived from the client secret by HKDF-SHA-256, for the account. What is sealed is sealed for its name: an
//! object that stands elsewhere than it was put does not open.

use super::Account;
use crate::Secret;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

/// The first byte: which layout this is.
const VERSION: u8 = 1;

pub(super) struct Keys {
    sealing: LessSafeKey,
    naming: hmac::Key,
}

impl Keys {
    pub(super) fn new(account: &Account, client_secret: &Secret) -> Self {
        let secret = Salt::new(HKDF_SHA256, b"apsides state").extract(client_secret.expose().as_bytes());
        // No URL has a zero byte, so that no two accounts have the same words.
        let info =
            |purpose: &'static [u8]| [purpose, b"\0", account.base_url.as_bytes(), b"\0", account.client_id.as_bytes()];
        let (sealing, naming) = (info(b"sealing"), info(b"naming"));
        let sealing = secret.expand(&sealing, &AES_256_GCM).expect("a key is short");
        let naming = secret.expand(&naming, hmac::HMAC_SHA256).expect("a key is short");
        Self { sealing: LessSafeKey::new(UnboundKey::from(sealing)), naming: hmac::Key::from(naming) }
    }

    /// A name for something, always the same: the first half of an HMAC.
    pub(super) fn name(&self, of: &str) -> String {
        let tag = hmac::sign(&self.naming, of.as_bytes());
        let start = tag.as_ref().first_chunk().expect("an HMAC of SHA-256 has 32 bytes");
        format!("{:032x}", u128::from_be_bytes(*start))
    }

    /// None where the system has no random numbers.
    pub(super) fn seal(&self, name: &str, text: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = text.to_vec();
        self.sealing.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(name), &mut sealed).ok()?;
        Some([&[VERSION], &nonce[..], &sealed].concat())
    }

    /// None if it was not sealed by these keys for this name, or has been changed.
    pub(super) fn open(&self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let text = self.sealing.open_in_place(Nonce::assume_unique_for_key(*nonce), aad(name), &mut sealed).ok()?;
        Some(text.to_vec())
    }
}

fn aad(name: &str) -> Aad<Vec<u8>> {
    Aad::from([&[VERSION], name.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(base_url: &str, client_id: &str, secret: &str) -> Keys {
        let account = Account { base_url: base_url.to_owned(), client_id: client_id.to_owned() };
        Keys::new(&account, &Secret::new(secret))
    }

    #[test]
    fn only_the_same_secret_of_the_same_account_opens_it_under_its_name() {
        let ours = keys("https://a/", "id", "s3cret");
        let sealed = ours.seal("name", b"a text").unwrap();
        for (keys, name, opens) in [
            (keys("https://a/", "id", "s3cret"), "name", true),
            (keys("https://a/", "id", "s3cret"), "other", false),
            (keys("https://a/", "id", "other"), "name", false),
            (keys("https://a/", "other", "s3cret"), "name", false),
            (keys("https://b/", "id", "s3cret"), "name", false),
        ] {
            assert_eq!(keys.open(name, &sealed).as_deref(), opens.then_some(&b"a text"[..]));
            assert_eq!(keys.name("x") == ours.name("x"), opens || name == "other");
        }
        assert_ne!(sealed, ours.seal("name", b"a text").unwrap(), "each has a nonce of its own");
        assert!(!sealed.windows(4).any(|bytes| bytes == b"text"));
    }

    #[test]
    fn no_byte_of_it_can_be_changed_or_missing() {
        let keys = keys("https://a/", "id", "s3cret");
        let sealed = keys.seal("name", b"a text").unwrap();
        for at in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            assert_eq!(keys.open("name", &tampered), None, "{at}");
            assert_eq!(keys.open("name", &sealed[..at]), None, "{at}");
        }
        assert!(keys.open("name", &[&sealed[..], b"x"].concat()).is_none());
    }
}
