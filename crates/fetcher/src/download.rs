//! Files over HTTP: redirects followed by hand, and the token kept at home.

use crate::{
    Client, Error, Limits, Progress, Reader, Result,
    error::shown,
    http::{Call, Content, Http, is_safe},
    retry::Repeat,
    source::{Origin, Source},
};
use futures_util::StreamExt;
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, LOCATION},
};
use std::{fmt, sync::Arc};
use url::Url;

/// A file that has begun to arrive: the server said 200, and nothing of the body is read yet.
#[must_use = "nothing is read before it is a reader"]
pub struct Download {
    response: Response,
    limits: Limits,
    progress: Arc<Progress>,
}

pub(crate) fn started(response: Response, limits: &Limits) -> Download {
    let progress = Progress::new(response.content_length());
    tracing::debug!(url = shown(response.url()), bytes = progress.total_in(), "download started");
    Download { response, limits: limits.clone(), progress }
}

impl Download {
    /// The bytes, inflated if they are compressed. Call it within the runtime, whose task will do the receiving and
    /// inflating; then take the reader to a thread of its own.
    pub fn into_reader(self) -> Reader {
        let Self { response, limits, progress } = self;
        let gzip_promised = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip");
        let from = Origin::Url(shown(response.url()));
        let body = response.bytes_stream().map(|chunk| chunk.map_err(reqwest::Error::without_url));
        Reader::pumped(Source::new(body, from, progress, Some(limits.read_idle_timeout)), gzip_promised, &limits)
    }

    /// Counters that go on as the reader is read.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &shown(self.response.url()))
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

/// The answer to a `GET` after all redirects, whatever its status. With a client, its token goes to its own origin and
/// nowhere else; without, there is no token at all.
pub(crate) async fn fetch(
    http: &Http,
    client: Option<&Client>,
    what: &'static str,
    url: &Url,
    repeat: Repeat,
) -> Result<Response> {
    let mut url = url.clone();
    for _ in 0..=http.limits.redirects_max {
        let own = client.filter(|client| client.is_own(&url));
        // Off the API's origin, a status has its usual meaning.
        let repeat = if own.is_some() { repeat } else { Repeat::Freely };
        let call = Call { what, url: &url, repeat, content: Content::File };
        let reply = match own {
            Some(client) => client.call(&call).await?,
            None => http.call(&call, None).await?,
        };
        let response = reply.response;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        let target = target(&url, &response)?;
        tracing::debug!(from = shown(&url), to = shown(&target), "redirected");
        url = target;
    }
    Err(Error::Redirect {
        url: shown(&url),
        reason: format!("it would be more than {} in a row", http.limits.redirects_max),
    })
}

fn target(url: &Url, response: &Response) -> Result<Url> {
    let refuse = |reason: String| Error::Redirect { url: shown(url), reason };
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location
        .and_then(|location| url.join(location).ok())
        .ok_or_else(|| refuse("it does not say where to".into()))?;
    // Nobody out there sends us to plain HTTP, not even to a service on this machine.
    if !is_safe(&target) || (url.scheme() == "https" && target.scheme() != "https") {
        return Err(refuse(format!("{} is not on https", shown(&target))));
    }
    Ok(target)
}
