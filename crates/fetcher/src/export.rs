//! Asking for an export, and waiting until it is there.

use crate::{
    Client, Download, Error, Limits, Result,
    download::{self, fetch},
    error::shown,
    http::{Call, Content},
    resume::Again,
    retry::{self, Repeat},
    state::Requested,
    wire::{self, PollKind, PollStatus},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Response, StatusCode};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use twox_hash::XxHash3_128;
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

pub(crate) const WHAT_REQUEST: &str = "export request";
const OF_EARLIER_RUN: &str = "an earlier run has asked for this export";
const WHAT_POLL: &str = "poll";
const WHAT_DOWNLOAD: &str = "download";

pub(crate) async fn export(client: &Client, spec: &ExportSpec, mut observer: impl FnMut(Poll) + Send) -> Result<Ready> {
    let limits = &client.http().limits;
    let mut delays = retry::patient_delays(limits);
    let mut requests = 1;
    loop {
        let ready = match request(client, spec).await {
            Ok(pending) => pending.ready(&mut observer).await,
            Err(error) => Err(error),
        };
        match ready {
            Err(error) if error.wants_new_export() && requests < limits.exports_max => {
                let delay = delays.next().unwrap_or(limits.backoff_max);
                tracing::warn!(%error, requests, ?delay, "no export: asking for another");
                tokio::time::sleep(delay).await;
                requests += 1;
            }
            ready => return ready,
        }
    }
}

pub(crate) async fn request(client: &Client, spec: &ExportSpec) -> Result<Pending> {
    let wanted = Wanted::of(spec);
    let asked_ahead = client.asked_ahead().take(&wanted.fingerprint).await.transpose();
    let pending = match asked_ahead {
        Ok(Some(requested))
            if client.is_own(&requested.poll_url) && requested.at >= oldest(client, Timestamp::now()) =>
        {
            Ok(Pending::of_earlier(client, requested, "this export was asked for ahead"))
        }
        Ok(_) => match remembered(client, &wanted).await {
            Some(requested) => Ok(Pending::of_earlier(client, requested, OF_EARLIER_RUN)),
            None => ask(client, &wanted, Repeat::IfNotStarted)
                .await
                .map(|requested| Pending::of(client, requested, Duration::ZERO)),
        },
        Err(error) => Err(error),
    };
    // One that is too large has had its turn: what is asked for instead are other exports.
    if pending.as_ref().map_or_else(Error::wants_less, |_| true) {
        client.asked_ahead().reached(&wanted.fingerprint);
    }
    pending
}

/// Asks for an export whose turn has not come, once, unless an earlier run has.
pub(crate) async fn request_ahead(client: &Client, spec: &ExportSpec) -> Result<Requested> {
    let wanted = Wanted::of(spec);
    match remembered(client, &wanted).await {
        Some(requested) => {
            tracing::info!(poll_url = shown(&requested.poll_url), "{OF_EARLIER_RUN}");
            Ok(requested)
        }
        None => ask(client, &wanted, Repeat::Never).await,
    }
}

/// What names a request among others: the same body, the same export.
pub(crate) fn fingerprint(spec: &ExportSpec) -> String {
    Wanted::of(spec).fingerprint
}

/// An export with the body of its request.
struct Wanted<'a> {
    spec: &'a ExportSpec,
    body: String,
    fingerprint: String,
}

impl<'a> Wanted<'a> {
    fn of(spec: &'a ExportSpec) -> Self {
        let body = wire::export_body(spec).to_string();
        let fingerprint = format!("{:032x}", XxHash3_128::oneshot(body.as_bytes()));
        Self { spec, body, fingerprint }
    }
}

async fn ask(client: &Client, wanted: &Wanted<'_>, repeat: Repeat) -> Result<Requested> {
    let Wanted { spec, body, fingerprint } = wanted;
    let http = client.http();
    let url = wire::exports_url(client.base_url());
    let content = Content::Export { body: body.clone().into(), has_events: !spec.events.is_empty() };
    let call = Call { what: WHAT_REQUEST, url: &url, repeat, content };
    let reply = client.call(&call).await?;
    if !reply.response.status().is_success() {
        return Err(http.status_error(call.what, reply.response).await);
    }
    let at = Timestamp::now();
    let answer = http.answer(&call, reply)?;
    let (text, kind) =
        wire::poll_url(&answer, spec.poll_url_pointer.as_deref()).map_err(|reason| http.unexpected(&call, &reason))?;
    let poll_url = client.base_url().join(&text).map_err(|_| http.unexpected(&call, "its poll URL is no URL"))?;
    if !client.is_own(&poll_url) {
        return Err(Error::ForeignPollUrl {
            url: shown(&poll_url),
            base: client.base_url().origin().ascii_serialization(),
        });
    }
    tracing::Span::current().record("export", shown(&poll_url));
    tracing::info!(
        attributes = spec.attributes.len(),
        tags = spec.tags.len(),
        events = spec.events.len(),
        start_at = spec.start_at.map(tracing::field::display),
        end_at = spec.end_at.map(tracing::field::display),
        poll_url = shown(&poll_url),
        "export requested"
    );
    let requested = Requested { request: fingerprint.clone(), poll_url, kind, at };
    client.state().add(requested.clone(), oldest(client, at)).await;
    Ok(requested)
}

/// The export that an earlier run asked for by the same request, if it can still be ready in time.
async fn remembered(client: &Client, wanted: &Wanted<'_>) -> Option<Requested> {
    let requested = client.state().requested(&wanted.fingerprint, oldest(client, Timestamp::now())).await?;
    // The configuration may have changed since.
    client.is_own(&requested.poll_url).then_some(requested)
}

/// When an export was asked for at the earliest that may still be polled for.
fn oldest(client: &Client, now: Timestamp) -> Timestamp {
    let life = SignedDuration::try_from(client.http().limits.poll_deadline).unwrap_or(SignedDuration::MAX);
    now.checked_sub(life).unwrap_or(Timestamp::MIN)
}

/// An export that was asked for.
#[must_use = "the export is made whether or not anybody polls for it"]
pub struct Pending {
    export: Export,
    requested: Instant,
    /// How old it was then.
    age: Duration,
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
    fn of(client: &Client, requested: Requested, age: Duration) -> Self {
        let Requested { request, poll_url: url, kind, .. } = requested;
        Self { export: Export { client: client.clone(), request, url, kind }, requested: Instant::now(), age }
    }

    /// One that was asked for some time ago.
    fn of_earlier(client: &Client, requested: Requested, how: &'static str) -> Self {
        let (at, poll_url) = (requested.at, shown(&requested.poll_url));
        tracing::Span::current().record("export", &poll_url);
        tracing::info!(requested_at = %at, poll_url, "{how}");
        let age = Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default();
        Self::of(client, requested, age)
    }

    /// Polls with growing intervals until the export is there, and tells `observer` of each time it is not.
    pub async fn ready(self, mut observer: impl FnMut(Poll) + Send) -> Result<Ready> {
        let Self { export, requested, age } = self;
        let limits = &export.client.http().limits;
        let mut delays = retry::poll_delays(limits);
        let mut delay = if age.is_zero() { limits.poll_interval_first } else { Duration::ZERO };
        let mut attempt = 0;
        loop {
            tokio::time::sleep(delay).await;
            attempt += 1;
            let found = export.ask(WHAT_POLL, Content::File).await?;
            let waited = age + requested.elapsed();
            if let Some(response) = found {
                tracing::info!(polls = attempt, ?waited, "export ready");
                let asked_at = Timestamp::now().checked_sub(waited).unwrap_or(Timestamp::MIN);
                return Ok(Ready { export, found: Mutex::new(Some((Instant::now(), response))), asked_at });
            }
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
    /// The poll that found the export was answered with its very bytes, then: the first download takes them up, unless it
    /// comes so late that the server may have lost its patience with an answer that nobody reads.
    found: Mutex<Option<(Instant, Response)>>,
    asked_at: Timestamp,
}

impl Ready {
    /// When it was asked for, by this machine's clock: perhaps by an earlier run.
    pub fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Starts a download. After one that broke, call it again for another from the beginning.
    pub async fn download(&self) -> Result<Download> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        let response = match found {
            Some((at, response)) if at.elapsed() < self.export.limits().read_idle_timeout => response,
            _ => self.export.download(Content::File).await?,
        };
        Ok(download::started(response, Again::Export(self.export.clone())))
    }

    /// Says that the export is of no more use: published, or replaced by another. The state forgets it.
    pub async fn done(self) {
        self.export.forget().await;
    }
}

/// The poll URL, and how to read it.
#[derive(Clone)]
pub(crate) struct Export {
    client: Client,
    /// The fingerprint of its request.
    request: String,
    url: Url,
    kind: PollKind,
}

impl Export {
    /// The export's bytes, or none if it is not ready.
    async fn ask(&self, what: &'static str, content: Content) -> Result<Option<Response>> {
        let http = self.client.http();
        let repeat = match self.kind {
            // An export that was ready has not failed: then it is the server that has trouble.
            PollKind::V1 if what == WHAT_POLL => Repeat::FreelyExcept(StatusCode::SERVICE_UNAVAILABLE),
            PollKind::V1 | PollKind::V2 => Repeat::Freely,
        };
        let response = fetch(http, Some(&self.client), what, &self.url, repeat, content).await?;
        let status = response.status();
        if status == StatusCode::PARTIAL_CONTENT {
            return Ok(Some(response));
        }
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
            PollStatus::Gone => Err(self.gone(status).await),
            PollStatus::Failed => {
                self.forget().await;
                Err(Error::ExportFailed { url: shown(&self.url), body: http.words(response).await })
            }
            PollStatus::Unexpected => Err(http.status_error(what, response).await),
        }
    }

    /// The bytes of an export that was there before, or the rest of them.
    pub(crate) async fn download(&self, content: Content) -> Result<Response> {
        match self.ask(WHAT_DOWNLOAD, content).await? {
            Some(response) => Ok(response),
            // What is "not ready" by the letter can only mean that it is there no more.
            None => Err(self.gone(StatusCode::NOT_FOUND).await),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.client.http().limits
    }

    async fn forget(&self) {
        self.client.state().forget(&self.request, &self.url).await;
    }

    /// The error that there is no such export any more. The state forgets it, lest the next run wait for it.
    async fn gone(&self, status: StatusCode) -> Error {
        self.forget().await;
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
