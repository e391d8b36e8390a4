//! The bearer token: fetched when it is first needed, kept for its life, renewed a little before its end or when it is
//! refused.

use crate::{
    Error, Result, Secret,
    error::shown,
    http::{Call, Content, Http},
    retry::{Repeat, http_date},
    state::State,
    wire::{self, Claims, TokenAnswer},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderValue, InvalidHeaderValue};
use tokio::sync::Mutex;
use url::Url;

/// A token as it goes out.
#[derive(Clone)]
pub(crate) struct Token {
    /// `Bearer …`, marked sensitive: its `Debug` does not show it.
    pub(crate) header: HeaderValue,
    /// From here on it is not used any more.
    stale_at: Timestamp,
}

/// What a new token tells: see [`Client::check`](crate::Client::check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCheck {
    /// When the token dies; none if nothing says so.
    pub expires_at: Option<Timestamp>,
    /// How far the clock of this machine is ahead of the server's, to about a second; none if the server does not tell
    /// its time.
    pub clock_ahead: Option<SignedDuration>,
}

/// The place where tokens come from, with the one at hand.
pub(crate) struct Tokens {
    url: Url,
    client_id: String,
    client_secret: Secret,
    /// Where a token outlives the process, if it does.
    state: State,
    /// Locked for as long as a token is fetched, so that many callers cause one request: ten a minute are allowed.
    held: Mutex<Option<Token>>,
}

impl Tokens {
    pub(crate) fn new(base: &Url, client_id: String, client_secret: Secret, state: State) -> Self {
        Self { url: wire::token_url(base), client_id, client_secret, state, held: Mutex::new(None) }
    }

    /// The token at hand if it is still good, else a new one.
    pub(crate) async fn get(&self, http: &Http) -> Result<Token> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(token) if Timestamp::now() < token.stale_at => Ok(token.clone()),
            None => {
                let token = match self.kept(http).await {
                    Some(token) => token,
                    None => self.fetch(http).await?.0,
                };
                Ok(held.insert(token).clone())
            }
            Some(_) => Ok(held.insert(self.fetch(http).await?.0).clone()),
        }
    }

    /// The token that an earlier run left, if it is still good.
    async fn kept(&self, http: &Http) -> Option<Token> {
        let (token, expires_at) = self.state.token().await?;
        let token = usable(http, &token, expires_at).ok()?;
        (Timestamp::now() < token.stale_at).then_some(token)
    }

    /// Another token than the one that was refused: a new one, unless somebody else has fetched it meanwhile.
    pub(crate) async fn replace(&self, http: &Http, refused: &Token) -> Result<Token> {
        let mut held = self.held.lock().await;
        match &*held {
            Some(token) if token.header != refused.header => Ok(token.clone()),
            _ => {
                *held = None;
                Ok(held.insert(self.fetch(http).await?.0).clone())
            }
        }
    }

    /// A new token, whatever there is at hand, and what it tells.
    pub(crate) async fn check(&self, http: &Http) -> Result<TokenCheck> {
        let mut held = self.held.lock().await;
        let (token, check) = self.fetch(http).await?;
        *held = Some(token);
        Ok(check)
    }

    async fn fetch(&self, http: &Http) -> Result<(Token, TokenCheck)> {
        let body = wire::token_body(&self.client_id, &self.client_secret).to_string();
        let call = Call {
            what: "token request",
            url: &self.url,
            repeat: Repeat::Freely,
            content: Content::Token(body.into()),
        };
        let reply = http.call(&call, None).await?;
        match reply.response.status().as_u16() {
            200..300 => {}
            status @ (400 | 401 | 403) => {
                let body = http.words(reply.response).await;
                return Err(Error::Credentials { url: shown(&self.url), status, body });
            }
            _ => return Err(http.status_error(call.what, reply.response).await),
        }
        let clock_ahead = clock_ahead(reply.response.headers(), Timestamp::now());
        let bytes = http.answer(&call, reply)?;
        let answer: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| {
            // serde's own words could quote the token.
            http.unexpected(
                &call,
                &match serde_json::from_slice(&bytes) {
                    Ok(value) => format!("it has no access_token, but {}", wire::keys(&value)),
                    Err(_) => "it is no JSON".into(),
                },
            )
        })?;
        let now = Timestamp::now();
        let expires_at = expiry(&answer, now);
        let secret = Secret::new(answer.access_token);
        let token = usable(http, &secret, expires_at)
            .map_err(|_| http.unexpected(&call, "its access_token has characters that no header may have"))?;
        if token.stale_at <= now {
            tracing::warn!(%expires_at, "a new token that has as good as expired: is the clock of this machine right?");
        } else {
            tracing::debug!(%expires_at, "token received");
        }
        self.state.set_token(&secret, expires_at).await;
        let expires_at = Some(expires_at).filter(|&at| at != Timestamp::MAX);
        Ok((token, TokenCheck { expires_at, clock_ahead }))
    }
}

/// How far `now` is ahead of the time of an answer that has just come.
fn clock_ahead(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?;
    // It has whole seconds, rounded down: half a second is what they are short of on average.
    Some(now.duration_since(date) - SignedDuration::from_millis(500))
}

/// The token as it goes out. From here on no message shows it.
fn usable(http: &Http, token: &Secret, expires_at: Timestamp) -> Result<Token, InvalidHeaderValue> {
    http.redactor.learn(token);
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
    header.set_sensitive(true);
    let margin = SignedDuration::try_from(http.limits.token_margin).unwrap_or(SignedDuration::ZERO);
    Ok(Token { header, stale_at: expires_at.checked_sub(margin).unwrap_or(Timestamp::MIN) })
}

/// When the token dies: by its own word, else by the deprecated `expires_in`, else when it is refused.
fn expiry(answer: &TokenAnswer, now: Timestamp) -> Timestamp {
    // The signature is for the API to check, we are not its audience. A lie about the time would cost us one refused
    // call.
    let by_claim = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(&answer.access_token)
        .ok()
        .and_then(|claims| Timestamp::from_second(claims.exp as i64).ok());
    let by_answer = || now.checked_add(SignedDuration::from_secs(answer.expires_in? as i64)).ok();
    by_claim.or_else(by_answer).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    #[test]
    fn the_clock_is_compared_with_the_date_of_an_answer() {
        let now: Timestamp = "1994-11-06T08:49:37.5Z".parse().unwrap();
        for (date, millis) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(37_000)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", Some(-3_600_000)),
            ("today", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            assert_eq!(clock_ahead(&headers, now), millis.map(SignedDuration::from_millis), "{date}");
        }
        assert_eq!(clock_ahead(&HeaderMap::new(), now), None);
    }

    #[test]
    fn the_expiry_is_in_the_token_else_in_the_answer() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let jwt = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        for (access_token, expires_in, at) in [
            (jwt(r#"{"exp":1800000000}"#), Some(60.0), "2027-01-15T08:00:00Z"),
            (jwt(r#"{"exp":1800000000.5}"#), None, "2027-01-15T08:00:00Z"),
            (jwt(r#"{"sub":"x"}"#), Some(60.0), "2026-01-01T00:01:00Z"),
            (jwt(r#"{"exp":1e300}"#), Some(60.0), "2026-01-01T00:01:00Z"),
            ("opaque".into(), Some(60.0), "2026-01-01T00:01:00Z"),
            ("a.b.c".into(), Some(60.0), "2026-01-01T00:01:00Z"),
        ] {
            assert_eq!(expiry(&TokenAnswer { access_token, expires_in }, now), at.parse().unwrap());
        }
        assert_eq!(expiry(&TokenAnswer { access_token: "opaque".into(), expires_in: None }, now), Timestamp::MAX);
    }
}
