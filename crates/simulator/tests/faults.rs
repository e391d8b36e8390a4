//! Each fault that the simulated API can have, as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use apsides_simulator::{Class, CorpusSpec, Faults, Server, Settings, Size, SizeMax, write_export};
use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A server with a token and an export whose polls find it ready.
struct Session {
    server: Server,
    client: Client,
    token: String,
}

fn settings() -> Settings {
    let corpus = CorpusSpec { size: Size::Profiles(300), ..CorpusSpec::default() };
    Settings { corpus, polls_until_ready: 0, ..Settings::default() }
}

fn faulty(faults: &str) -> Settings {
    let faults = faults.split_whitespace().fold(Faults::default(), |plan, fault| plan.parsed(fault).unwrap());
    Settings { faults, ..settings() }
}

impl Session {
    async fn start(settings: Settings) -> Session {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::start(settings).await.unwrap();
        let client = Client::builder().no_proxy().redirect(Policy::none()).retry(reqwest::retry::never());
        let mut session = Session { server, client: client.build().unwrap(), token: String::new() };
        session.token = session.token().await;
        session
    }

    async fn token(&self) -> String {
        let url = format!("{}/oauth/token", self.server.base_url());
        let body = json!({
            "grant_type": "client_credentials", "client_id": "simulated-client", "client_secret": "simulated-secret"
        });
        let answer: Value = self.client.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, url: &str) -> reqwest::Result<Response> {
        self.client.get(url).bearer_auth(&self.token).send().await
    }

    async fn export_of(&self, body: &Value) -> reqwest::Result<Response> {
        let url = format!("{}/audience/profiles/exports", self.server.base_url());
        self.client.post(url).bearer_auth(&self.token).json(body).send().await
    }

    async fn export(&self) -> reqwest::Result<Response> {
        self.export_of(&json!({ "attributes": ["40103", "40105"], "tags": ["40226"] })).await
    }

    async fn poll_url(&self) -> String {
        let answer: Value = self.export().await.unwrap().json().await.unwrap();
        answer["file_download_url"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn answers_can_be_any_status_in_any_words() {
    for (fault, status, retry_after, body) in [
        ("export=429", 429, None, r#"{"detail":"A fault was injected.","status":429,"title":"Too Many Requests"}"#),
        ("export=503:message:retry=7", 503, Some("7"), r#"{"message":"A fault was injected."}"#),
        ("export=500:text", 500, None, "A fault was injected."),
    ] {
        let session = Session::start(faulty(fault)).await;
        let answer = session.export().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().get("retry-after").map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(answer.text().await.unwrap(), body);
        assert_eq!(session.export().await.unwrap().status(), 202);
        assert_eq!((session.server.stats().faults, session.server.stats().limited), (1, 0));
    }
    let answer = Session::start(faulty("export=429:retry-date=60")).await.export().await.unwrap();
    assert!(answer.headers()["retry-after"].to_str().unwrap().ends_with(" GMT"));
}

#[tokio::test]
async fn faults_of_a_request_and_its_polls() {
    for (fault, at_request, first_poll, second_poll) in [
        ("export=pending-limit", 429, 0, 0),
        ("export=too-large", 413, 0, 0),
        ("export=tokens-expire", 403, 0, 0),
        ("download=gone", 202, 410, 410),
        ("download=failed", 202, 503, 503),
        ("download=404*2", 202, 404, 404),
        ("download=202", 202, 202, 200),
        ("download=tokens-expire", 202, 403, 403),
    ] {
        let session = Session::start(faulty(fault)).await;
        let answer = session.export().await.unwrap();
        assert_eq!(answer.status(), at_request, "{fault}");
        if answer.status() == 202 {
            let url = answer.json::<Value>().await.unwrap()["file_download_url"].as_str().unwrap().to_owned();
            assert_eq!(session.get(&url).await.unwrap().status(), first_poll, "{fault}");
            assert_eq!(session.get(&url).await.unwrap().status(), second_poll, "{fault}");
        }
    }
}

#[tokio::test]
async fn connections_can_be_lost_before_and_after_the_effect() {
    for (fault, requested) in [("export=call-lost", 10), ("export=answer-lost", 9)] {
        let session = Session::start(Settings { polls_until_ready: 1, ..faulty(fault) }).await;
        assert!(session.export().await.is_err());
        let mut accepted = 0;
        while session.export().await.unwrap().status() == 202 {
            accepted += 1;
        }
        assert_eq!(accepted, requested, "{fault}: of the ten that may be pending");
    }
}

#[tokio::test]
async fn answers_can_be_late_and_strange() {
    let session = Session::start(faulty("export=slow:80 export=unknown-poll-url")).await;
    let started = Instant::now();
    session.export().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(80));
    let answer: Value = session.export().await.unwrap().json().await.unwrap();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["file_download_url_v3"]);
}

#[tokio::test]
async fn bodies_can_be_cut_stalled_corrupt_of_another_length_and_of_another_content() {
    let session = Session::start(settings()).await;
    let file = session.get(&session.poll_url().await).await.unwrap().bytes().await.unwrap();
    for (fault, got) in [
        ("download=cut:100", Err(100)),
        ("download=cut:0", Err(0)),
        ("download=stall:100", Err(100)),
        ("download=corrupt:100", Ok(file.len())),
        ("download=wrong-length:-7", Ok(file.len() - 7)),
        ("download=wrong-length:7", Err(file.len())),
        ("download=changed", Ok(0)),
    ] {
        let session = Session::start(faulty(fault)).await;
        let mut answer = session.get(&session.poll_url().await).await.unwrap();
        let mut bytes = Vec::new();
        let end = loop {
            match tokio::time::timeout(Duration::from_millis(300), answer.chunk()).await {
                Ok(Ok(Some(chunk))) => bytes.extend_from_slice(&chunk),
                Ok(Ok(None)) => break true,
                Ok(Err(_)) | Err(_) => break false,
            }
        };
        let same = file.starts_with(&bytes);
        match got {
            Ok(0) => assert!(end && !same && bytes.len() > 1000, "{fault}"),
            Ok(length) => assert!(end && bytes.len() == length && same != (fault == "download=corrupt:100"), "{fault}"),
            Err(length) => assert!(!end && bytes.len() == length && same, "{fault}: {}", bytes.len()),
        }
    }
}

#[tokio::test]
async fn files_can_be_had_from_any_byte_on() {
    let session = Session::start(Settings { ranges: true, ..faulty("download=ok*4 download=changed") }).await;
    let url = session.poll_url().await;
    let whole = session.get(&url).await.unwrap();
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    let whole = whole.bytes().await.unwrap();
    let from = async |range: &str, condition: &str| {
        let call = session.client.get(&url).bearer_auth(&session.token);
        let answer = call.header("range", range).header("if-range", condition).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    assert!(from("bytes=1000-", &etag).await == (206, whole.slice(1000..)));
    assert!(from("bytes=1000-", "\"other\"").await == (200, whole.clone()));
    assert!(from("bytes=99999999-", &etag).await == (200, whole.clone()));
    let (status, bytes) = from("bytes=1000-", &etag).await;
    assert!(status == 200 && bytes != whole, "changed content has another tag");
    assert_eq!(session.server.stats().resumed, 1);
}

#[tokio::test]
async fn a_redirect_leads_to_another_origin_that_notices_tokens() {
    let session = Session::start(faulty("download=redirect download=ok download=redirect")).await;
    let url = session.poll_url().await;
    for leaks in [0, 1] {
        let answer = session.get(&url).await.unwrap();
        assert_eq!(answer.status(), 307);
        let target = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(!target.starts_with(session.server.base_url()));
        let call = session.client.get(target);
        let call = if leaks > 0 { call.bearer_auth(&session.token) } else { call };
        assert!(call.send().await.unwrap().bytes().await.unwrap().starts_with(b"{"));
        assert_eq!(session.server.stats().leaks, leaks);
    }
}

#[tokio::test]
async fn what_is_too_large_is_told_when_it_is_asked_for_or_polled() {
    let body = |end: &str, attributes: &[&str]| json!({ "attributes": attributes, "events": ["90201"], "start_at": "2026-01-01", "end_at": end });
    for told_at in [Class::Export, Class::Poll] {
        let size_max = Some(SizeMax { days: 2, columns: 1, told_at });
        let session = Session::start(Settings { size_max, ..settings() }).await;
        for (body, status) in [
            (body("2026-01-03", &["40103"]), 200),
            (body("2026-01-04", &["40103"]), 413),
            (body("2026-01-02", &["40103", "40105"]), 413),
        ] {
            let answer = session.export_of(&body).await.unwrap();
            if answer.status() == 413 {
                assert_eq!((status, told_at), (413, Class::Export));
                continue;
            }
            let answer: Value = answer.json().await.unwrap();
            let polled = session.get(answer["file_download_url"].as_str().unwrap()).await.unwrap();
            assert_eq!(polled.status(), status);
        }
    }
}

#[tokio::test]
async fn faults_do_not_show_in_the_corpus() {
    let session = Session::start(Settings { faults: Faults::default().seeded(7, 0, 10), ..settings() }).await;
    let mut expected = Vec::new();
    let everything = settings().corpus;
    write_export(&everything, &mut expected).unwrap();
    let answer = session.get(&session.poll_url().await).await.unwrap().bytes().await.unwrap();
    assert!(answer.len() < expected.len() && session.server.stats().faults == 0);
}
