//! Asking for an export, and waiting until it is there.

use crate::{
    Client, Download, Error, Result,
    download::{self, fetch},
    error::shown,
    http::{Call, Content},
    retry::{self, Repeat},
    wire::{self, PollKind, PollStatus},
};
use reqwest::{Response, StatusCode};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// What an export is to hold. Only what is named here comes; without an attribute or tag the API exports no profile at
/// all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportSpec {
    /// The discriminator of a segment, or all profiles of the account.
    pub segment_filter: Option<String>,
    /// Version ids of attributes, at most 75.
    pub attributes: Vec<String>,
    /// Version ids of tags, at most 25.
    pub tags: Vec<String>,
    /// Version ids of event types.
    pub events: Vec<String>,
    /// From when on events are wanted; the API demands it with events, and it is not sent without.
    pub start_at: Option<jiff::Timestamp>,
    /// Until when events are wanted; the API takes one week after the start, and allows three months.
    pub end_at: Option<jiff::Timestamp>,
    /// Raw members added to the body, or replacing what stands there: for whatever the API has and this type has not.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// A JSON pointer to the poll URL in the answer, should neither documented name be there.
    pub poll_url_pointer: Option<String>,
}

const WHAT_REQUEST: &str = "export request";
const WHAT_POLL: &str = "poll";
const WHAT_DOWNLOAD: &str = "download";

pub(crate) async fn request(client: &Client, spec: &ExportSpec) -> Result<Pending> {
    let http = client.http();
    let url = wire::exports_url(client.base());
    let body = wire::export_body(spec).to_string();
    let call =
        Call { what: WHAT_REQUEST, url: &url, repeat: Repeat::IfNotStarted, content: Content::Json(body.into()) };
    let reply = client.call(&call).await?;
    if !reply.response.status().is_success() {
        return Err(http.status_error(call.what, reply.response).await);
    }
    let requested = Instant::now();
    let answer = http.answer(&call, reply)?;
    let (text, kind) =
        wire::poll_url(&answer, spec.poll_url_pointer.as_deref()).map_err(|reason| http.unexpected(&call, &reason))?;
    let poll_url = client.base().join(&text).map_err(|_| http.unexpected(&call, "its poll URL is no URL"))?;
    if !client.is_own(&poll_url) {
        return Err(Error::ForeignPollUrl {
            url: shown(&poll_url),
            base: client.base().origin().ascii_serialization(),
        });
    }
    tracing::info!(
        attributes = spec.attributes.len(),
        tags = spec.tags.len(),
        events = spec.events.len(),
        poll_url = shown(&poll_url),
        "export requested"
    );
    Ok(Pending { export: Export { client: client.clone(), url: poll_url, kind }, requested })
}

/// An export that was asked for.
#[must_use = "the export is made whether or not anybody polls for it"]
pub struct Pending {
    export: Export,
    requested: Instant,
}

/// A poll that found no export yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poll {
    /// The number of this poll, from 1 on.
    pub attempt: u32,
    /// Since the request.
    pub waited: Duration,
    /// Until the next poll.
    pub next_in: Duration,
}

impl Pending {
    /// Polls with growing intervals until the export is there, and tells `observer` of each time it is not.
    pub async fn ready(self, mut observer: impl FnMut(Poll) + Send) -> Result<Ready> {
        let Self { export, requested } = self;
        let limits = &export.client.http().limits;
        let mut delays = retry::poll_delays(limits);
        let mut delay = limits.poll_interval_first;
        let mut attempt = 0;
        loop {
            tokio::time::sleep(delay).await;
            attempt += 1;
            if let Some(response) = export.ask(WHAT_POLL).await? {
                tracing::info!(polls = attempt, waited = ?requested.elapsed(), "export ready");
                return Ok(Ready { export, found: Mutex::new(Some(response)) });
            }
            let waited = requested.elapsed();
            let left = limits.poll_deadline.saturating_sub(waited);
            if left.is_zero() {
                return Err(Error::NotReady { url: shown(&export.url), waited });
            }
            // The last poll is at the deadline itself rather than an interval before it.
            delay = delays.next().unwrap_or(limits.poll_interval_max).min(left);
            tracing::debug!(attempt, ?waited, next_in = ?delay, "export not ready");
            observer(Poll { attempt, waited, next_in: delay });
        }
    }
}

/// An export that can be downloaded, any number of times until its day is over.
pub struct Ready {
    export: Export,
    /// The poll that found the export was answered with its very bytes: the first download takes them up.
    found: Mutex<Option<Response>>,
}

impl Ready {
    /// Starts a download. After one that broke, call it again for another from the beginning.
    pub async fn download(&self) -> Result<Download> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        let response = match found {
            Some(response) => response,
            // It was there: what is "not ready" by the letter can only mean that it is there no more.
            None => self.export.ask(WHAT_DOWNLOAD).await?.ok_or_else(|| self.export.gone(StatusCode::NOT_FOUND))?,
        };
        Ok(download::started(response, &self.export.client.http().limits))
    }
}

/// The poll URL, and how to read it.
struct Export {
    client: Client,
    url: Url,
    kind: PollKind,
}

impl Export {
    /// The export's bytes, or none if it is not ready.
    async fn ask(&self, what: &'static str) -> Result<Option<Response>> {
        let http = self.client.http();
        let repeat = match self.kind {
            PollKind::V1 => Repeat::FreelyExcept(StatusCode::SERVICE_UNAVAILABLE),
            PollKind::V2 => Repeat::Freely,
        };
        let response = fetch(http, Some(&self.client), what, &self.url, repeat).await?;
        let status = response.status();
        if !self.client.is_own(response.url()) {
            // A storage that the API redirected to: the export is ready, and the states of a poll are not the storage's
            // language.
            return if status == StatusCode::OK {
                Ok(Some(response))
            } else {
                Err(http.status_error(what, response).await)
            };
        }
        match wire::poll_status(self.kind, status.as_u16()) {
            PollStatus::Ready => Ok(Some(response)),
            PollStatus::NotReady => Ok(None),
            PollStatus::Gone => Err(self.gone(status)),
            PollStatus::Failed => Err(Error::ExportFailed { url: shown(&self.url), body: http.words(response).await }),
            PollStatus::Unexpected => Err(http.status_error(what, response).await),
        }
    }

    fn gone(&self, status: StatusCode) -> Error {
        Error::ExportGone { url: shown(&self.url), status: status.as_u16() }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("url", &shown(&self.export.url)).finish_non_exhaustive()
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("url", &shown(&self.export.url)).finish_non_exhaustive()
    }
}
