//! Waiting for an export, both kinds of poll URL, and the way to the file.

use crate::{
    client, client_with, limits, read_all, said, seen_of,
    server::{EXPORTS, POLL, Reply, Server, TOKEN, jwt, reply, reply_json, token, v1, v2},
    spec,
};
use apsides_fetcher::{Client, Error, ErrorKind, Limits, Ready, Result};
use serde_json::json;
use std::time::Duration;

async fn ready(client: &Client) -> Result<Ready> {
    client.request(&spec()).await?.ready(|_| {}).await
}

async fn downloaded(ready: &Ready) -> Vec<u8> {
    let (bytes, end) = read_all(ready.download().await.unwrap().into_reader()).await;
    end.unwrap();
    bytes
}

#[tokio::test]
async fn both_kinds_of_poll_url_become_ready() {
    for (request, not_ready) in [(v1(), reply(404, "")), (v1(), reply(202, "")), (v2(), reply(202, ""))] {
        let server = Server::exporting(request, vec![not_ready.clone(), not_ready, reply(200, "{}")]).await;
        let pending = client(&server.url).request(&spec()).await.unwrap();
        assert!(!seen_of(&pending).contains("h1dden"));
        let mut polls = Vec::new();
        let ready = pending.ready(|poll| polls.push(poll)).await.unwrap();
        assert!(!seen_of(&ready).contains("h1dden"));
        assert_eq!(polls.iter().map(|poll| poll.attempt).collect::<Vec<_>>(), [1, 2]);
        assert!(polls[0].waited <= polls[1].waited && !polls[0].next_in.is_zero());

        // The poll that found it is the first download; only a second one asks again.
        assert_eq!(downloaded(&ready).await, b"{}");
        assert_eq!(server.count(POLL), 3);
        assert_eq!(downloaded(&ready).await, b"{}");
        assert_eq!(server.count(POLL), 4);
        let asked = server.asked(POLL);
        assert!(asked.iter().all(|asked| asked.headers["accept-encoding"] == "gzip" && asked.bearer().is_some()));
    }
}

#[tokio::test]
async fn what_a_poll_found_is_not_taken_up_when_the_server_may_have_lost_its_patience() {
    let limits = Limits { read_idle_timeout: Duration::from_millis(500), ..limits() };
    for (later, asked) in [(Duration::ZERO, 1), (limits.read_idle_timeout, 2)] {
        let server = Server::exporting(v2(), vec![reply(200, "{}")]).await;
        let ready = ready(&client_with(&server.url, limits.clone())).await.unwrap();
        tokio::time::sleep(later).await;
        assert_eq!(downloaded(&ready).await, b"{}");
        assert_eq!(server.count(POLL), asked, "after {later:?}");
    }
}

#[tokio::test]
async fn an_export_that_will_not_come_says_to_request_another() {
    let failed = || reply_json(503, json!({ "title": "Processing failed", "detail": "too complex" }));
    for (request, poll, words) in [
        (v1(), failed(), "Processing failed: too complex"),
        (v1(), reply(410, ""), "gone or its id is invalid (410)"),
        (v2(), reply(410, ""), "gone or its id is invalid (410)"),
        (v2(), reply(404, ""), "gone or its id is invalid (404)"),
    ] {
        let server = Server::exporting(request, vec![poll]).await;
        let error = ready(&client(&server.url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Export);
        let said = said(&error, &["h1dden"]);
        assert!(said.contains(words) && said.contains("a new export"), "{said}");
        assert_eq!(server.count(POLL), 1);
    }
}

#[tokio::test]
async fn passing_faults_of_a_poll_are_repeated_within_bounds() {
    for (request, fault) in [(v1(), 429), (v1(), 500), (v2(), 503)] {
        let server =
            Server::exporting(request.clone(), vec![reply(fault, ""), reply(fault, ""), reply(200, "{}")]).await;
        ready(&client(&server.url)).await.unwrap();
        assert_eq!(server.count(POLL), 3);
        let server = Server::exporting(request, vec![reply(fault, "")]).await;
        let error = ready(&client(&server.url)).await.unwrap_err();
        assert!(matches!(error, Error::Status { status, .. } if status == fault));
        assert_eq!(server.count(POLL), 1 + limits().retries_max);
    }
}

#[tokio::test]
async fn a_token_that_dies_between_polls_is_replaced() {
    let denied = reply_json(403, json!({ "message": "explicit deny" }));
    let tokens = vec![token(&jwt("one", 3600)), token(&jwt("two", 3600))];
    let polls = vec![reply(404, ""), denied, reply(404, ""), reply(200, "{}")];
    let server = Server::start([(TOKEN, tokens), (EXPORTS, vec![v1()]), (POLL, polls)]).await;
    ready(&client(&server.url)).await.unwrap();
    let bearers: Vec<_> = server.asked(POLL).iter().map(|asked| asked.bearer().unwrap().ends_with(".two")).collect();
    assert_eq!(bearers, [false, false, true, true]);
}

#[tokio::test]
async fn polling_ends_with_its_deadline() {
    let server = Server::exporting(v1(), vec![reply(404, "")]).await;
    let limits = Limits { poll_deadline: Duration::from_millis(30), ..limits() };
    let error = ready(&client_with(&server.url, limits)).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }));
    assert!(server.count(POLL) > 2);
}

#[tokio::test]
async fn an_export_that_vanishes_after_it_was_ready_is_gone() {
    let server = Server::exporting(v1(), vec![reply(200, "{}"), reply(404, "")]).await;
    let ready = ready(&client(&server.url)).await.unwrap();
    downloaded(&ready).await;
    assert!(matches!(ready.download().await, Err(Error::ExportGone { .. })));
}

fn away(status: u16, to: &str) -> Reply {
    reply(status, "").with("location", to)
}

#[tokio::test]
async fn a_redirect_to_storage_goes_without_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let storage = Server::start([("/bucket/file", vec![reply(200, "{\"stored\":1}")])]).await;
        let target = storage.url.join("/bucket/file?signature=h1dden").unwrap();
        let server = Server::exporting(v1(), vec![reply(404, ""), away(status, target.as_str())]).await;
        let ready = ready(&client(&server.url)).await.unwrap();
        assert_eq!(downloaded(&ready).await, b"{\"stored\":1}");
        let asked = storage.asked("/bucket/file");
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].bearer(), None);
        assert!(!format!("{:?}", asked[0].headers).contains("the-id"));
        assert_eq!(asked[0].headers["accept-encoding"], "gzip");
    }
}

#[tokio::test]
async fn a_redirect_within_the_api_keeps_the_token() {
    let polls = vec![away(302, "/elsewhere?x=1")];
    let script = [
        (TOKEN, vec![token("good-token")]),
        (EXPORTS, vec![v1()]),
        (POLL, polls),
        ("/elsewhere", vec![reply(200, "{}")]),
    ];
    let server = Server::start(script).await;
    ready(&client(&server.url)).await.unwrap();
    assert_eq!(server.asked("/elsewhere")[0].bearer(), Some("good-token"));
}

#[tokio::test]
async fn redirects_have_an_end_and_stay_safe() {
    let server = Server::exporting(v1(), vec![away(302, POLL)]).await;
    let error = ready(&client(&server.url)).await.unwrap_err();
    assert!(said(&error, &[]).contains("more than 5 in a row"));
    assert_eq!(server.count(POLL), 6);

    let server = Server::exporting(v1(), vec![away(302, "http://example.com/file?signature=h1dden")]).await;
    let error = ready(&client(&server.url)).await.unwrap_err();
    assert!(said(&error, &["h1dden"]).contains("http://example.com/file is not on https"));

    let server = Server::exporting(v1(), vec![reply(302, "")]).await;
    let error = ready(&client(&server.url)).await.unwrap_err();
    assert!(said(&error, &[]).contains("where to"));
}

#[tokio::test]
async fn an_error_of_the_storage_is_no_state_of_the_export() {
    let storage = Server::start([("/file", vec![reply(404, "<Code>NoSuchKey</Code>")])]).await;
    let server = Server::exporting(v1(), vec![away(302, storage.url.join("/file").unwrap().as_str())]).await;
    let error = ready(&client(&server.url)).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 404, .. }));
    assert!(said(&error, &[]).contains("NoSuchKey"));
}
