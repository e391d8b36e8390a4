//! Telling somebody else than the API of something: one `POST`, without a token, within a bounded time.

use crate::{
    Error, Headers, Network, Result,
    error::{Cause, shown},
};
use std::time::Duration;
use url::Url;

/// How long a `POST` may take, with connecting.
const POST_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read of an answer; the rest is left there.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const WHAT: &str = "post";

/// Sends JSON to an address, once, and gives the beginning of the answer. No redirect is followed, and an answer other than
/// 2xx is an error.
pub async fn post(url: &Url, headers: &Headers, json: Vec<u8>, network: &Network) -> Result<Vec<u8>> {
    // reqwest takes the process's provider, and panics where there is none. Losing the race to install it is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("apsides/", env!("CARGO_PKG_VERSION")))
        .timeout(POST_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_merge(network.certificates()?);
    let builder = match network.proxy()? {
        _ if crate::http::is_loopback(url) => builder.no_proxy(),
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    let client = builder.build().map_err(|source| Error::Setup { source })?;
    let request = client.post(url.clone()).headers(headers.of_json()).body(json);
    let lost = |error: reqwest::Error| Error::Unreachable {
        what: WHAT,
        url: shown(url),
        next: "check the address and the network",
        source: Cause::from(error.without_url()),
    };
    let mut answer = request.send().await.map_err(lost)?;
    let status = answer.status();
    if !status.is_success() {
        // What stands in the answer is of no use for the log.
        return Err(Error::Status { what: WHAT, url: shown(url), status: status.as_u16(), body: String::new() });
    }
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES_MAX
        && let Some(bytes) = answer.chunk().await.map_err(lost)?
    {
        body.extend_from_slice(&bytes[..bytes.len().min(ANSWER_BYTES_MAX - body.len())]);
    }
    Ok(body)
}
