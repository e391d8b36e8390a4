//! The endpoints.

use super::{
    PollUrl,
    app::{App, Call},
    download,
    jobs::{PENDING_MAX, Polled},
    rate::Limit,
    refusal::Refusal,
    request,
};
use crate::catalogue::{self, listing};
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

#[derive(Deserialize)]
struct Credentials {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

async fn token(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    app.enter(Call::Token, &headers)?;
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
    Ok(Json(answer).into_response())
}

async fn sections(State(app): Shared, headers: HeaderMap) -> Answer {
    app.enter(Call::Sections, &headers)?;
    Ok(items(listing::sections()))
}

async fn segments(State(app): Shared, headers: HeaderMap) -> Answer {
    app.enter(Call::Segments, &headers)?;
    Ok(items(listing::segments()))
}

async fn definitions(State(app): Shared, Path((section, kind)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    app.enter(Call::Definitions, &headers)?;
    let not_found = |detail: String| Refusal::new(StatusCode::NOT_FOUND, detail);
    let section = catalogue::section(&section).ok_or_else(|| not_found(format!("There is no section {section:?}.")))?;
    let oddities = app.settings.corpus.oddities;
    match kind.as_str() {
        "attributes" => Ok(items(listing::attributes(section, oddities))),
        "tags" => Ok(items(listing::tags(section, oddities))),
        "events" => Ok(items(listing::events())),
        other => Err(not_found(format!("Sections have no {other:?}."))),
    }
}

async fn export(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    app.enter(Call::Export, &headers)?;
    let spec = request::narrow(&app.settings.corpus, &read(body).await?)?;
    if request::has_events(&spec) {
        app.admit(Limit::EventExports)?;
    }
    let Some(id) = app.jobs().create(spec, Instant::now()) else {
        app.count(|stats| &mut stats.limited);
        return Err(Refusal::limited(format!("{PENDING_MAX} exports are pending already.")));
    };
    let (member, version) = match app.settings.poll_url {
        PollUrl::V1 => ("file_download_url", "v1"),
        PollUrl::V2 => ("file_download_url_v2", "v2"),
    };
    // The address that the client knows us by, which may not be the one we listen on.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Refusal::invalid("The Host header is missing."))?;
    let url = format!("http://{host}/audience/profiles/exports/{version}/{id}");
    Ok((StatusCode::ACCEPTED, Json(json!({ member: url }))).into_response())
}

async fn poll_v1(app: Shared, id: Path<String>, headers: HeaderMap) -> Answer {
    let unknown = Refusal::new(StatusCode::GONE, "The file is no longer available, or the id is invalid.");
    let not_ready = Refusal::new(StatusCode::NOT_FOUND, "The file is not ready.");
    poll(app, id, headers, not_ready, unknown)
}

async fn poll_v2(app: Shared, id: Path<String>, headers: HeaderMap) -> Answer {
    let unknown = Refusal::new(StatusCode::NOT_FOUND, "The id is invalid.");
    let not_ready = Refusal::new(StatusCode::ACCEPTED, "The file is not ready.");
    poll(app, id, headers, not_ready, unknown)
}

fn poll(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    not_ready: Refusal,
    unknown: Refusal,
) -> Answer {
    app.enter(Call::Poll, &headers)?;
    let polled = app.jobs().poll(&id, Instant::now());
    match polled {
        Polled::Ready(spec) => {
            app.count(|stats| &mut stats.downloads);
            Ok(download::respond(spec, &headers, app.closed.clone()))
        }
        Polled::NotReady => Err(not_ready),
        Polled::Gone => Err(Refusal::new(StatusCode::GONE, "The file is no longer available.")),
        Polled::Unknown => Err(unknown),
    }
}

async fn read(body: Body) -> Result<bytes::Bytes, Refusal> {
    to_bytes(body, BODY_READ_MAX).await.map_err(|_| Refusal::too_large("The body is too long, or broke off."))
}

fn items(items: Vec<Value>) -> Response {
    Json(json!({"items": items})).into_response()
}
