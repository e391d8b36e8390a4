//! The one place that sends: connection set-up, one call with its retries, and reading small answers within bounds.
//!
//! It knows nothing of tokens beyond carrying one: who may see which is decided in `client`.

use crate::{
    Error, Limits, Network, Result, Secret,
    budget::{Budgets, Class},
    counts::Counting,
    error::{Cause, shown},
    retry::{self, Repeat},
    secret::Redactor,
    wire,
};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_RANGE, RANGE},
};
use std::{net::IpAddr, time::Duration};
use tokio::time::Instant;
use url::{Host, Url};

/// A connection pool with its limits, and what must not be said of the traffic on it.
pub(crate) struct Http {
    client: reqwest::Client,
    budgets: Budgets,
    pub(crate) counting: Counting,
    pub(crate) limits: Limits,
    pub(crate) redactor: Redactor,
}

/// One call, which may be sent several times.
pub(crate) struct Call<'a> {
    /// What it is, for messages: "token request".
    pub(crate) what: &'static str,
    pub(crate) url: &'a Url,
    pub(crate) repeat: Repeat,
    pub(crate) content: Content,
}

/// What is asked.
#[derive(Clone)]
pub(crate) enum Content {
    /// `POST` of this JSON, for a token.
    Token(Bytes),
    /// `POST` of this JSON, for an export.
    Export { body: Bytes, has_events: bool },
    /// `GET` of a page of a listing.
    Listing,
    /// `GET` of a file, compressed if the server can.
    File,
    /// `GET` of the same file from this byte on, or all of it if it is no longer the one with this tag.
    Rest { from: u64, etag: HeaderValue },
}

impl Content {
    fn class(&self) -> Class {
        match self {
            Self::Token(_) => Class::Token,
            Self::Export { has_events: false, .. } => Class::Export,
            Self::Export { has_events: true, .. } => Class::EventExport,
            Self::File | Self::Rest { .. } => Class::Download,
            Self::Listing => Class::Other,
        }
    }

    fn body(&self) -> Option<&Bytes> {
        match self {
            Self::Token(body) | Self::Export { body, .. } => Some(body),
            Self::File | Self::Rest { .. } | Self::Listing => None,
        }
    }

    /// Whether the answer is a file, which may come compressed.
    fn is_compressible(&self) -> bool {
        matches!(self, Self::File | Self::Rest { .. })
    }
}

/// What came.
pub(crate) struct Reply {
    /// Of a file, the body is still to come, and so is that of any answer with an error status.
    pub(crate) response: Response,
    /// The body of a small answer, up to a little more than its limit. Reading it is part of the call, so that one that
    /// breaks off is treated like one that never came.
    answer: Vec<u8>,
}

/// Why an attempt got no answer.
enum Fault {
    Timeout(Duration),
    Transport(reqwest::Error),
}

impl Http {
    /// `near` says that all traffic is meant for this machine itself.
    pub(crate) fn new(limits: Limits, near: bool, network: &Network, client_secret: Option<&Secret>) -> Result<Self> {
        let certificates = network.certificates()?;
        let proxy = network.proxy()?;
        // reqwest takes the process's provider, and panics where there is none. Losing the race to install it is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("apsides/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(limits.connect_timeout)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                // Retries are counted and logged here, so nobody below retries on top of them.
                .retry(reqwest::retry::never())
                // Inflating is ours too. Another crate of the workspace may switch these features of reqwest on.
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate();
            match &proxy {
                // What is sent to loopback carries the secret in the clear: it must not take the way over a proxy.
                _ if near => builder.no_proxy(),
                Some(proxy) => builder.proxy(proxy.clone()),
                None => builder,
            }
        };
        let client = match builder().tls_certs_merge(certificates.clone()).build() {
            // A machine without CA certificates can still talk to itself, or to whom our own ones vouch for. Other TLS
            // connections will fail to verify.
            Err(_) if near || !certificates.is_empty() => builder().tls_certs_only(certificates).build(),
            result => result,
        }
        .map_err(|source| Error::Setup { source })?;
        let redactor = client_secret.map(Redactor::new).unwrap_or_default();
        let budgets = Budgets::new(&limits);
        Ok(Self { client, budgets, counting: Counting::default(), limits, redactor })
    }

    /// Sends the call until it is answered with something other than "not now", or its retries are used up. The answer
    /// is then the caller's to judge, whatever its status.
    pub(crate) async fn call(&self, call: &Call<'_>, bearer: Option<&HeaderValue>) -> Result<Reply> {
        let started = Instant::now();
        let (mut delays, mut patient_delays) = (retry::delays(&self.limits), retry::patient_delays(&self.limits));
        loop {
            let places = self.budgets.take(call.content.class()).await;
            let outcome = self.attempt(call, bearer).await;
            drop(places);
            let is_limited = matches!(&outcome, Ok(reply) if reply.response.status() == StatusCode::TOO_MANY_REQUESTS);
            self.counting.add_request(is_limited);
            // That too many exports are pending may take its time; the other faults pass soon, or not at all.
            let is_pending = is_limited && call.repeat == Repeat::IfNotStarted;
            let (again, asked) = match &outcome {
                Ok(Reply { response, .. }) => (
                    call.repeat.after_status(response.status()),
                    retry::retry_after(response.headers(), Timestamp::now()),
                ),
                Err(fault) => (call.repeat.after_fault(fault.is_unsent()), None),
            };
            let (delay, time_max) = match is_pending {
                true => (patient_delays.next(), self.limits.pending_time_max),
                false => (delays.next(), self.limits.retry_time_max),
            };
            // At least what the server asks for, and never less than we would wait unasked.
            let delay =
                delay.map(|delay| asked.map_or(delay, |asked| delay.max(asked.min(self.limits.retry_after_max))));
            let Some(delay) = delay.filter(|delay| again && started.elapsed() + *delay <= time_max) else {
                return outcome.map_err(|fault| fault.into_error(call));
            };
            match outcome {
                Ok(Reply { response, .. }) => {
                    tracing::warn!(
                        call = call.what,
                        url = shown(call.url),
                        status = response.status().as_u16(),
                        ?delay,
                        "not now: trying again"
                    );
                }
                Err(fault) => {
                    let error = fault.into_error(call);
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::warn!(call = call.what, url = shown(call.url), cause, ?delay, "no answer: trying again");
                }
            }
            self.counting.add_retry();
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>, bearer: Option<&HeaderValue>) -> Result<Reply, Fault> {
        let mut request = match call.content.body() {
            Some(body) => self
                .client
                .request(Method::POST, call.url.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone()),
            None if call.content.is_compressible() => {
                self.client.request(Method::GET, call.url.clone()).header(ACCEPT_ENCODING, "gzip")
            }
            None => self.client.request(Method::GET, call.url.clone()),
        };
        if let Content::Rest { from, etag } = &call.content {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, etag);
        }
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let limit = self.limits.request_timeout;
        let exchange = async {
            let mut response = request.send().await?;
            let mut answer = Vec::new();
            if let Some(max) = self.answer_bytes_max(&call.content)
                && response.status().is_success()
            {
                read(&mut response, max, &mut answer).await?;
            }
            Ok(Reply { response, answer })
        };
        match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result.map_err(|error: reqwest::Error| Fault::Transport(error.without_url())),
            Err(_) => Err(Fault::Timeout(limit)),
        }
    }

    /// The whole of a small answer.
    pub(crate) fn answer(&self, call: &Call<'_>, reply: Reply) -> Result<Vec<u8>> {
        let max = self.answer_bytes_max(&call.content).unwrap_or_default();
        if reply.answer.len() > max {
            return Err(self.unexpected(call, &format!("it is longer than {max} bytes")));
        }
        Ok(reply.answer)
    }

    /// How long the answer may be, where it is a small one.
    fn answer_bytes_max(&self, content: &Content) -> Option<usize> {
        match content {
            Content::Token(_) | Content::Export { .. } => Some(self.limits.answer_bytes_max),
            Content::Listing => Some(self.limits.listing_bytes_max),
            Content::File | Content::Rest { .. } => None,
        }
    }

    /// The error that an answer without the right content is.
    pub(crate) fn unexpected(&self, call: &Call<'_>, reason: &str) -> Error {
        Error::Answer { what: call.what, url: shown(call.url), reason: self.fit(reason) }
    }

    /// The words of an answer with an error status, fit to be shown: no secrets, no more than the limit.
    pub(crate) async fn words(&self, mut response: Response) -> String {
        // More than is shown, because JSON around the words does not count.
        let max = self.limits.error_bytes_shown.saturating_mul(8);
        let mut body = Vec::new();
        let read = tokio::time::timeout(self.limits.request_timeout, read(&mut response, max, &mut body)).await;
        if matches!(read, Ok(Ok(()))) && body.len() <= max {
            // First parsed, then cleaned: JSON has many ways to write the same secret, and they end in the parser.
            self.fit(&wire::error_words(&String::from_utf8_lossy(&body)))
        } else {
            self.redactor.clean(&body, false, self.limits.error_bytes_shown)
        }
    }

    /// Text from a server, fit to be shown.
    pub(crate) fn fit(&self, text: &str) -> String {
        self.redactor.clean(text.as_bytes(), true, self.limits.error_bytes_shown)
    }

    /// The error that an unexpected status is.
    pub(crate) async fn status_error(&self, what: &'static str, response: Response) -> Error {
        let (url, status) = (shown(response.url()), response.status().as_u16());
        Error::Status { what, url, status, body: self.words(response).await }
    }
}

const NEXT_CONNECT: &str = "check the address, the network and the proxy";
const NEXT_AFTER_SENT: &str = "check the network, and start over";

impl Fault {
    /// That surely not a byte of the request has left.
    fn is_unsent(&self) -> bool {
        matches!(self, Self::Transport(error) if error.is_connect())
    }

    fn into_error(self, call: &Call<'_>) -> Error {
        let is_unsent = self.is_unsent();
        let next = if is_unsent { NEXT_CONNECT } else { NEXT_AFTER_SENT };
        let (what, url) = (call.what, shown(call.url));
        let source: Cause = match self {
            Self::Timeout(limit) => format!("nothing within {limit:?}").into(),
            Self::Transport(error) => error.into(),
        };
        match call.repeat {
            Repeat::IfNotStarted | Repeat::Never if !is_unsent => Error::AnswerLost { what, url, source },
            _ => Error::Unreachable { what, url, next, source },
        }
    }
}

/// Reads a body to its end, or to a little more than `max` bytes, so that the length tells whether there was more.
async fn read(response: &mut Response, max: usize, bytes: &mut Vec<u8>) -> Result<(), reqwest::Error> {
    while bytes.len() <= max {
        let Some(chunk) = response.chunk().await? else { break };
        bytes.extend_from_slice(&chunk[..chunk.len().min(max + 1 - bytes.len())]);
    }
    Ok(())
}

/// This machine itself, where plain HTTP is no risk.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// What may be connected to at all: HTTPS, or plain HTTP that does not leave this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (url, safe) in [
            ("https://api.apsis.one", true),
            ("http://api.apsis.one", false),
            ("http://localhost:8080", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(is_safe(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }
}
