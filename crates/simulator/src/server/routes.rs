//! The endpoints.

use super::{
    Class, Fault, PollUrl,
    app::{App, Call},
    download::{self, Delivery},
    jobs::{Fate, PENDING_MAX, Polled},
    rate::Limit,
    refusal::Refusal,
    request,
    wire::{HangUp, Late},
};
use crate::{
    CorpusSpec,
    catalogue::{self, listing},
};
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

/// How much of a body is read before it is refused, so that a client that sends somewhat too much gets to read why.
const BODY_READ_MAX: usize = 1 << 20;

type Shared = State<Arc<App>>;
type Answer = Result<Response, Refusal>;

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/oauth/token", post(token))
        .route("/audience/sections", get(sections))
        .route("/audience/sections/{section}/{kind}", get(definitions))
        .route("/audience/segments", get(segments))
        .route("/audience/profiles/exports", post(export))
        .route("/audience/profiles/exports/v1/{id}", get(poll_v1))
        .route("/audience/profiles/exports/v2/{id}", get(poll_v2))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "There is no such endpoint."))
        .with_state(app)
}

/// The endpoints of the storage: files without a token.
pub(super) fn storage(app: Arc<App>) -> Router {
    Router::new()
        .route("/storage/{id}", get(stored))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "There is no such file."))
        .with_state(app)
}

#[derive(Deserialize)]
struct Credentials {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

async fn token(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    app.enter(Call::Token, &headers)?;
    let fault = app.fault(Class::Token)?;
    let body = read(body).await?;
    let credentials: Credentials = serde_json::from_slice(&body)
        .map_err(|error| Refusal::invalid(format!("The body is not as expected: {error}.")))?;
    if credentials.grant_type != "client_credentials" {
        return Err(Refusal::invalid("The only grant_type is client_credentials."));
    }
    let settings = &app.settings;
    if credentials.client_id != settings.client_id || credentials.client_secret != settings.client_secret {
        app.count(|stats| &mut stats.unauthorized);
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "The client credentials are not valid."));
    }
    let answer = json!({
        "access_token": app.issuer.issue(&credentials.client_id, SystemTime::now()),
        "token_type": "Bearer",
        "expires_in": settings.token_life.as_secs(),
    });
    Ok(with(fault, Json(answer).into_response()))
}

async fn sections(State(app): Shared, headers: HeaderMap) -> Answer {
    app.enter(Call::Sections, &headers)?;
    let fault = app.fault(Class::Definitions)?;
    Ok(with(fault, items(listing::sections())))
}

async fn segments(State(app): Shared, headers: HeaderMap) -> Answer {
    app.enter(Call::Segments, &headers)?;
    let fault = app.fault(Class::Definitions)?;
    Ok(with(fault, items(listing::segments())))
}

async fn definitions(State(app): Shared, Path((section, kind)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    app.enter(Call::Definitions, &headers)?;
    let fault = app.fault(Class::Definitions)?;
    let not_found = |detail: String| Refusal::new(StatusCode::NOT_FOUND, detail);
    let section = catalogue::section(&section).ok_or_else(|| not_found(format!("There is no section {section:?}.")))?;
    let oddities = app.settings.corpus.oddities;
    match kind.as_str() {
        "attributes" => Ok(with(fault, items(listing::attributes(section, oddities)))),
        "tags" => Ok(with(fault, items(listing::tags(section, oddities)))),
        "events" => Ok(with(fault, items(listing::events()))),
        other => Err(not_found(format!("Sections have no {other:?}."))),
    }
}

async fn export(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    app.enter(Call::Export, &headers)?;
    let spec = request::narrow(&app.corpus(), &read(body).await?)?;
    if request::has_events(&spec) {
        app.admit(Limit::EventExports)?;
    }
    let fault = app.fault(Class::Export)?;
    let too_large = app.settings.size_max.filter(|max| request::is_too_large(&spec, max));
    if too_large.is_some_and(|max| max.told_at == Class::Export) {
        return Err(Refusal::export_too_large());
    }
    let Some(id) = app.jobs().create(spec, Instant::now()) else {
        app.count(|stats| &mut stats.limited);
        return Err(Refusal::limited(format!("{PENDING_MAX} exports are pending already.")));
    };
    if too_large.is_some() {
        app.jobs().end(&id, Fate::TooLarge);
    }
    let (member, version) = match app.settings.poll_url {
        _ if fault == Fault::UnknownPollUrl => ("file_download_url_v3", "v1"),
        PollUrl::V1 => ("file_download_url", "v1"),
        PollUrl::V2 => ("file_download_url_v2", "v2"),
    };
    // The address that the client knows us by, which may not be the one we listen on.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Refusal::invalid("The Host header is missing."))?;
    let url = format!("http://{host}/audience/profiles/exports/{version}/{id}");
    Ok(with(fault, (StatusCode::ACCEPTED, Json(json!({ member: url }))).into_response()))
}

async fn poll_v1(app: Shared, id: Path<String>, headers: HeaderMap) -> Answer {
    let unknown = Refusal::new(StatusCode::GONE, "The file is no longer available, or the id is invalid.");
    let not_ready = Refusal::new(StatusCode::NOT_FOUND, "The file is not ready.");
    poll(app, id, headers, not_ready, unknown).await
}

async fn poll_v2(app: Shared, id: Path<String>, headers: HeaderMap) -> Answer {
    let unknown = Refusal::new(StatusCode::NOT_FOUND, "The id is invalid.");
    let not_ready = Refusal::new(StatusCode::ACCEPTED, "The file is not ready.");
    poll(app, id, headers, not_ready, unknown).await
}

async fn poll(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    not_ready: Refusal,
    unknown: Refusal,
) -> Answer {
    app.enter(Call::Poll, &headers)?;
    let polled = app.jobs().poll(&id, Instant::now());
    let class = if matches!(polled, Polled::Ready(_)) { Class::Download } else { Class::Poll };
    let fault = app.fault(class)?;
    let fate = match fault {
        Fault::Gone => Some(Fate::Gone),
        Fault::Failed => Some(Fate::Failed),
        _ => None,
    };
    if let Some(fate) = fate {
        app.jobs().end(&id, fate);
    }
    let polled = if fate.is_some() { app.jobs().poll(&id, Instant::now()) } else { polled };
    let answer = match polled {
        Polled::Ready(_) if fault == Fault::Redirect => {
            let target = format!("{}/storage/{id}?signature={id}", app.storage);
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response()
        }
        Polled::Ready(spec) => deliver(&app, spec, fault, &headers).await,
        Polled::NotReady => not_ready.into_response(),
        Polled::Gone => Refusal::new(StatusCode::GONE, "The file is no longer available.").into_response(),
        Polled::Failed => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The export failed while it was processed.").into_response()
        }
        Polled::TooLarge => Refusal::export_too_large().into_response(),
        Polled::Unknown => unknown.into_response(),
    };
    Ok(with(fault, answer))
}

async fn stored(State(app): Shared, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    app.count(|stats| &mut stats.storage);
    if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE) {
        app.count(|stats| &mut stats.leaks);
    }
    let spec = app.jobs().spec(&id).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "There is no such file."))?;
    let fault = app.fault(Class::Download)?;
    let answer = deliver(&app, spec, fault, &headers).await;
    Ok(with(fault, answer))
}

async fn deliver(app: &App, spec: CorpusSpec, fault: Fault, headers: &HeaderMap) -> Response {
    app.count(|stats| &mut stats.downloads);
    let delivery = Delivery { spec, fault, ranges: app.settings.ranges, closed: app.closed.clone() };
    let answer = download::respond(delivery, headers).await;
    if answer.status() == StatusCode::PARTIAL_CONTENT {
        app.count(|stats| &mut stats.resumed);
    }
    answer
}

/// An answer, marked with what is to happen to it on the wire.
fn with(fault: Fault, mut answer: Response) -> Response {
    match fault {
        Fault::Slow(delay) => drop(answer.extensions_mut().insert(Late(delay))),
        Fault::AnswerLost => drop(answer.extensions_mut().insert(HangUp)),
        _ => {}
    }
    answer
}

async fn read(body: Body) -> Result<bytes::Bytes, Refusal> {
    to_bytes(body, BODY_READ_MAX).await.map_err(|_| Refusal::too_large("The body is too long, or broke off."))
}

fn items(items: Vec<Value>) -> Response {
    Json(json!({"items": items})).into_response()
}
