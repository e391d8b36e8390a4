//! The simulated API over real HTTP on loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apsides_simulator::{CorpusSpec, PollUrl, Server, Settings, Size, catalogue, write_export};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::{io::Read, time::Duration};

/// A server, and a client that may hold a token.
struct Session {
    server: Server,
    client: Client,
    token: Option<String>,
}

impl Session {
    async fn start(settings: Settings) -> Session {
        // reqwest asks for a TLS provider even where none is used; another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::start(settings).await.unwrap();
        Session { server, client: Client::builder().no_proxy().build().unwrap(), token: None }
    }

    async fn authorized(settings: Settings) -> Session {
        let mut session = Session::start(settings).await;
        let answer = session.post("/oauth/token", &credentials()).await;
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["token_type"], "Bearer");
        session.token = Some(answer["access_token"].as_str().unwrap().to_owned());
        session
    }

    fn call(&self, method: Method, url: &str) -> RequestBuilder {
        let url = if url.starts_with('/') { format!("{}{url}", self.server.base_url()) } else { url.to_owned() };
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn get(&self, url: &str) -> Response {
        self.call(Method::GET, url).send().await.unwrap()
    }

    async fn get_items(&self, url: &str) -> Vec<Value> {
        let answer = self.get(url).await;
        assert_eq!(answer.status(), 200, "{url}");
        let answer: Value = answer.json().await.unwrap();
        answer["items"].as_array().unwrap().clone()
    }

    async fn post(&self, url: &str, body: &Value) -> Response {
        self.call(Method::POST, url).json(body).send().await.unwrap()
    }

    async fn export(&self, body: &Value) -> Response {
        self.post("/audience/profiles/exports", body).await
    }

    /// Requests an export and returns its poll URL.
    async fn requested(&self, member: &str) -> String {
        let answer = self.export(&everything()).await;
        assert_eq!(answer.status(), 202);
        let answer: Value = answer.json().await.unwrap();
        answer[member].as_str().unwrap().to_owned()
    }
}

fn credentials() -> Value {
    json!({"grant_type": "client_credentials", "client_id": "simulated-client", "client_secret": "simulated-secret"})
}

/// A request for all that there is in January 2026.
fn everything() -> Value {
    json!({
        "attributes": catalogue::attributes().map(|attribute| attribute.id).collect::<Vec<_>>(),
        "tags": catalogue::tags().map(|tag| tag.id).collect::<Vec<_>>(),
        "events": catalogue::EVENTS.iter().map(|event| event.id).collect::<Vec<_>>(),
        "start_at": "2026-01-01T00:00:00Z",
        "end_at": "2026-01-31T00:00:00Z",
    })
}

fn small() -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(300), ..CorpusSpec::default() }
}

fn settings() -> Settings {
    Settings { corpus: small(), ..Settings::default() }
}

#[tokio::test]
async fn bad_credentials_get_no_token() {
    let session = Session::start(settings()).await;
    for member in ["client_id", "client_secret"] {
        let mut wrong = credentials();
        wrong[member] = json!("wrong");
        let answer = session.post("/oauth/token", &wrong).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], 401);
    }
    assert_eq!(session.post("/oauth/token", &json!({})).await.status(), 400);
    let mut wrong = credentials();
    wrong["grant_type"] = json!("password");
    assert_eq!(session.post("/oauth/token", &wrong).await.status(), 400);
    let stats = session.server.stats();
    assert_eq!((stats.tokens, stats.unauthorized), (4, 2));
}

#[tokio::test]
async fn calls_need_a_token_that_is_valid() {
    let mut session = Session::start(settings()).await;
    let urls = ["/audience/sections", "/audience/segments", "/audience/profiles/exports/v1/x"];
    for url in urls {
        assert_eq!(session.get(url).await.status(), 401, "{url}");
    }
    assert_eq!(session.export(&everything()).await.status(), 401);
    session.token = Some("forged".to_owned());
    for url in urls {
        let answer = session.get(url).await;
        assert_eq!(answer.status(), 403, "{url}");
        let denied = json!({"message": "User is not authorized to access this resource with an explicit deny"});
        assert_eq!(answer.json::<Value>().await.unwrap(), denied);
    }
    let expired = Session::authorized(Settings { token_life: Duration::ZERO, ..settings() }).await;
    assert_eq!(expired.get("/audience/sections").await.status(), 403);
}

#[tokio::test]
async fn definitions_cover_the_catalogue() {
    let session = Session::authorized(settings()).await;
    let sections = session.get_items("/audience/sections").await;
    assert_eq!(sections.len(), catalogue::SECTIONS.len());
    let mut types = std::collections::BTreeSet::new();
    for section in &sections {
        let path = format!("/audience/sections/{}", section["discriminator"].as_str().unwrap());
        let attributes = session.get_items(&format!("{path}/attributes")).await;
        assert_eq!(attributes.len(), 30);
        for attribute in attributes {
            types.insert(attribute["type"].as_str().unwrap().to_owned());
            let versions = attribute["versions"].as_array().unwrap();
            assert_eq!(versions.iter().filter(|version| version["deprecated_at"].is_null()).count(), 1);
        }
        assert_eq!(session.get_items(&format!("{path}/tags")).await.len(), 4);
        assert_eq!(session.get_items(&format!("{path}/events")).await.len(), 8);
        assert_eq!(session.get(&format!("{path}/topics")).await.status(), 404);
    }
    assert_eq!(types.len(), 6);
    assert_eq!(session.get_items("/audience/segments").await.len(), 3);
    assert_eq!(session.get("/audience/sections/unknown/tags").await.status(), 404);
    assert_eq!(session.get("/elsewhere").await.status(), 404);
    assert_eq!(session.server.stats().definitions, 4 * 6 + 1);
}

#[tokio::test]
async fn oddities_are_listed_and_exported_where_they_are_asked_for() {
    for oddities in [false, true] {
        let corpus = CorpusSpec { oddities, ..small() };
        let session = Session::authorized(Settings { corpus, ..settings() }).await;
        let section = catalogue::SECTIONS.iter().find(|section| section.id == catalogue::ODD_SECTION).unwrap();
        let path = format!("/audience/sections/{}", section.discriminator);
        assert_eq!(session.get_items(&format!("{path}/attributes")).await.len(), 30 + 6 * usize::from(oddities));
        assert_eq!(session.get_items(&format!("{path}/tags")).await.len(), 4 + usize::from(oddities));
        let request = json!({"attributes": [catalogue::ODD_ATTRIBUTES[0].id], "tags": [catalogue::ODD_TAGS[0].id]});
        assert_eq!(session.export(&request).await.status(), if oddities { 202 } else { 400 });
    }
}

#[tokio::test]
async fn refusals_say_why() {
    let session = Session::authorized(settings()).await;
    let refused = async |body: Value| {
        let answer = session.export(&body).await;
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string());
        (status, problem["detail"].as_str().unwrap().to_owned())
    };
    let (status, detail) = refused(json!({})).await;
    assert_eq!(status, 400);
    assert!(detail.contains("At least one attribute or tag"));
    let (status, detail) = refused(json!({"tags": ["4711"]})).await;
    assert_eq!(status, 400);
    assert!(detail.contains("4711"));
    let (status, detail) = refused(json!({"attributes": vec!["x"; 76]})).await;
    assert_eq!(status, 413);
    assert!(detail.contains("75"));
    let mut long = everything();
    long["padding"] = json!("x".repeat(100_000));
    assert_eq!(refused(long).await.0, 413);
    let mut long = everything();
    long["padding"] = json!("x".repeat(1 << 20));
    assert_eq!(refused(long).await.0, 413);
    assert_eq!(session.server.stats().exports, 5);
}

#[tokio::test]
async fn too_many_pending_exports_are_refused() {
    let session = Session::authorized(Settings { polls_until_ready: 1, ..settings() }).await;
    let first = session.requested("file_download_url").await;
    for _ in 1..10 {
        session.requested("file_download_url").await;
    }
    assert_eq!(session.export(&everything()).await.status(), 429);
    assert_eq!(session.get(&first).await.status(), 404);
    assert_eq!(session.export(&everything()).await.status(), 202);
    assert_eq!(session.server.stats().limited, 1);
}

#[tokio::test]
async fn polls_answer_by_their_kind_and_then_with_the_file() {
    let mut expected = Vec::new();
    write_export(&small(), &mut expected).unwrap();
    let kinds = [(PollUrl::V1, "file_download_url", 404, 410), (PollUrl::V2, "file_download_url_v2", 202, 404)];
    for (poll_url, member, not_ready, unknown) in kinds {
        let session = Session::authorized(Settings { poll_url, polls_until_ready: 2, ..settings() }).await;
        let url = session.requested(member).await;
        assert_eq!(session.get(&url).await.status(), not_ready);
        assert_eq!(session.get(&url).await.status(), not_ready);
        for _ in 0..2 {
            let answer = session.get(&url).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "application/json");
            assert!(!answer.headers().contains_key("content-encoding"));
            assert!(answer.bytes().await.unwrap() == expected, "another file");
        }
        assert_eq!(session.get(&format!("{url}0")).await.status(), unknown);
        let stats = session.server.stats();
        assert_eq!((stats.polls, stats.downloads), (5, 2));
    }
}

#[tokio::test]
async fn the_poll_url_has_the_host_that_the_client_called() {
    let settings = Settings { bind: "0.0.0.0:0".parse().unwrap(), ..settings() };
    let mut session = Session::start(settings).await;
    let called = session.server.base_url().replace("0.0.0.0", "127.0.0.1");
    let answer = session.post(&format!("{called}/oauth/token"), &credentials()).await;
    session.token = Some(answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned());
    let answer = session.post(&format!("{called}/audience/profiles/exports"), &everything()).await;
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["file_download_url"].as_str().unwrap().starts_with(&called), "{answer}");
}

#[tokio::test]
async fn the_gzipped_file_inflates_to_the_plain_one() {
    let session = Session::authorized(Settings { polls_until_ready: 0, ..settings() }).await;
    let url = session.requested("file_download_url").await;
    let plain = session.get(&url).await.bytes().await.unwrap();
    let answer = session.call(Method::GET, &url).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let gzipped = answer.bytes().await.unwrap();
    assert!(gzipped.len() * 3 < plain.len());
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(&gzipped[..]).read_to_end(&mut inflated).unwrap();
    assert!(inflated == plain, "another file");
}

#[tokio::test]
async fn rate_limits_apply_where_they_are_switched_on() {
    let session = Session::authorized(Settings { rate_limits: true, ..settings() }).await;
    assert_eq!(session.export(&everything()).await.status(), 202);
    assert_eq!(session.export(&everything()).await.status(), 429);
    // A second later a profile export passes, while one with events has to wait for the minute to be over.
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(session.export(&everything()).await.status(), 429);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let tag = catalogue::SECTIONS[0].tags[0].id;
    assert_eq!(session.export(&json!({"tags": [tag]})).await.status(), 202);
    for _ in 1..10 {
        assert_eq!(session.post("/oauth/token", &credentials()).await.status(), 200);
    }
    assert_eq!(session.post("/oauth/token", &credentials()).await.status(), 429);
    assert_eq!(session.server.stats().limited, 3);
}

/// An export that would take days.
fn endless() -> Settings {
    let corpus = CorpusSpec { size: Size::Bytes(u64::MAX), ..CorpusSpec::default() };
    Settings { corpus, polls_until_ready: 0, ..Settings::default() }
}

#[tokio::test]
async fn a_stopping_server_breaks_downloads_off() {
    let session = Session::authorized(endless()).await;
    let url = session.requested("file_download_url").await;
    let mut answer = session.get(&url).await;
    assert!(answer.chunk().await.unwrap().is_some());
    let reading = tokio::spawn(async move {
        loop {
            // Only an error may end it: the end of the body would pass for a whole file.
            match answer.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    });
    let base_url = session.server.base_url().to_owned();
    tokio::time::timeout(Duration::from_secs(5), session.server.stop()).await.unwrap();
    assert!(reading.await.unwrap(), "the body ended as if it were whole");
    assert!(session.client.get(base_url).send().await.is_err());
}

#[tokio::test]
async fn a_server_runs_until_it_is_told() {
    let session = Session::start(settings()).await;
    let url = format!("{}/audience/sections", session.server.base_url());
    let client = session.client.clone();
    let until = async {
        assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    };
    session.server.run_until(until).await;
    assert!(client.get(&url).send().await.is_err());
}
