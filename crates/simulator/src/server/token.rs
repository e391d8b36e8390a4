//! Access tokens: JSON Web Tokens signed with RS256, and checked on every call.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    error::KeyRejected,
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// See `keys/README.md`.
const KEY: &[u8] = include_bytes!("../../keys/rs256-pkcs8.der");
const HEADER: &[u8] = br#"{"alg":"RS256","typ":"JWT"}"#;
const ISSUER: &str = "apsides-simulator";

/// Issues tokens and checks them.
pub(super) struct Issuer {
    key: RsaKeyPair,
    random: SystemRandom,
    life: Duration,
    /// Tokens are numbered; those below `first_valid` have expired, whatever they say.
    next: AtomicU64,
    first_valid: AtomicU64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// Seconds since the Unix epoch, like `exp`.
    iat: u64,
    exp: u64,
    /// The token's number.
    jti: u64,
}

impl Issuer {
    pub(super) fn new(life: Duration) -> Result<Issuer, KeyRejected> {
        Ok(Issuer {
            key: RsaKeyPair::from_pkcs8(KEY)?,
            random: SystemRandom::new(),
            life,
            next: AtomicU64::new(1),
            first_valid: AtomicU64::new(1),
        })
    }

    /// Refuses every token given out so far.
    pub(super) fn expire_all(&self) {
        self.first_valid.store(self.next.load(Relaxed), Relaxed);
    }

    /// A token for this client.
    pub(super) fn issue(&self, client_id: &str, now: SystemTime) -> String {
        let iat = unix_seconds(now);
        let exp = iat.saturating_add(self.life.as_secs());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: client_id.to_owned(),
            iat,
            exp,
            jti: self.next.fetch_add(1, Relaxed),
        };
        let claims = serde_json::to_vec(&claims).expect("claims are plain strings and numbers");
        let signed = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &self.random, signed.as_bytes(), &mut signature)
            .expect("the signature has the length of the key's modulus");
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Whether this is a token of ours that has not expired.
    pub(super) fn accepts(&self, token: &str, now: SystemTime) -> bool {
        self.verified_claims(token).is_some_and(|claims| {
            claims.iss == ISSUER && unix_seconds(now) < claims.exp && claims.jti >= self.first_valid.load(Relaxed)
        })
    }

    fn verified_claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        // Whoever lets the token choose the algorithm can be talked into `none`.
        if BASE64.decode(header).ok()? != HEADER {
            return None;
        }
        let signature = BASE64.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("life", &self.life).finish_non_exhaustive()
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer::new(Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn a_token_lives_until_it_expires() {
        let now = SystemTime::now();
        let token = issuer().issue("client", now);
        assert!(issuer().accepts(&token, now));
        assert!(issuer().accepts(&token, now + Duration::from_secs(58)));
        assert!(!issuer().accepts(&token, now + Duration::from_secs(60)));
    }

    #[test]
    fn tokens_can_be_made_to_expire() {
        let (issuer, now) = (issuer(), SystemTime::now());
        let before = issuer.issue("client", now);
        issuer.expire_all();
        assert!(!issuer.accepts(&before, now));
        assert!(issuer.accepts(&issuer.issue("client", now), now));
    }

    #[test]
    fn claims_say_who_and_when() {
        let token = issuer().issue("client", UNIX_EPOCH + Duration::from_secs(1_000));
        let claims = issuer().verified_claims(&token).unwrap();
        assert_eq!((claims.sub.as_str(), claims.iat, claims.exp), ("client", 1_000, 1_060));
    }

    #[test]
    fn no_forgery_is_accepted() {
        let now = SystemTime::now();
        let token = issuer().issue("client", now);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let forged_claims = String::from_utf8(BASE64.decode(claims).unwrap()).unwrap().replace("client", "admin");
        let none = BASE64.encode(br#"{"alg":"none","typ":"JWT"}"#);
        let forgeries = [
            String::new(),
            "nonsense".to_owned(),
            "a.b.c".to_owned(),
            format!("{signed}."),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{}.{}.{signature}", BASE64.encode(HEADER), BASE64.encode(forged_claims)),
            format!("{signed}.{}", BASE64.encode([7; 256])),
        ];
        for forgery in forgeries {
            assert!(!issuer().accepts(&forgery, now), "{forgery}");
        }
    }
}
