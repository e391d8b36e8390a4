//! Tokens, retries, and the export request.

use crate::{
    SECRET, client, client_with, limits, said, seen_of,
    server::{EXPORTS, POLL, Reply, Server, TOKEN, jwt, raw, reply, reply_json, token, v1},
    spec,
};
use apsides_fetcher::{Counts, Error, ErrorKind, ExportSpec, Limits};
use serde_json::json;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use url::Url;

fn denied() -> Reply {
    reply_json(403, json!({ "message": "User is not authorized to access this resource with an explicit deny" }))
}

#[tokio::test]
async fn a_token_is_fetched_once_and_sent_along() {
    let one = jwt("one", 3600);
    let server = Server::start([(TOKEN, vec![token(&one)]), (EXPORTS, vec![v1()])]).await;
    let client = client(&server.url);
    for _ in 0..3 {
        let _ = client.request(&spec()).await.unwrap();
    }
    let asked = server.asked(TOKEN);
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].body,
        json!({ "grant_type": "client_credentials", "client_id": "the-id", "client_secret": SECRET })
    );
    assert_eq!(asked[0].bearer(), None);
    let asked = server.asked(EXPORTS);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.bearer() == Some(&one) && asked.method == "POST"));
    assert_eq!(asked[0].body, json!({ "attributes": ["7"], "tags": [] }));
}

#[tokio::test]
async fn a_check_is_one_call_and_tells_the_clocks_difference() {
    let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let date = hour_ago.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let answer = token(&jwt("one", 3600)).with("date", date);
    let server = Server::start([(TOKEN, vec![answer]), (EXPORTS, vec![v1()])]).await;
    let client = client(&server.url);
    let check = client.check().await.unwrap();
    let ahead = check.clock_ahead.unwrap().as_secs();
    assert!((3590..3610).contains(&ahead), "{ahead}");
    assert!(check.expires_at.unwrap() > jiff::Timestamp::now());
    assert_eq!(server.count(TOKEN), 1);
    // It is a token like any other.
    let _ = client.request(&spec()).await.unwrap();
    assert_eq!(server.count(TOKEN), 1);

    let server = Server::start([(TOKEN, vec![reply_json(401, json!({ "message": "no" }))])]).await;
    let error = crate::client(&server.url).check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed() {
    // Thirty seconds left, by its own word: inside the margin of a minute, whatever `expires_in` says.
    let server =
        Server::start([(TOKEN, vec![token(&jwt("old", 30)), token(&jwt("new", 3600))]), (EXPORTS, vec![v1()])]).await;
    let client = client(&server.url);
    for _ in 0..3 {
        let _ = client.request(&spec()).await.unwrap();
    }
    assert_eq!(server.count(TOKEN), 2);
    assert!(server.asked(EXPORTS)[1].bearer().unwrap().ends_with(".new"));
}

#[tokio::test]
async fn many_callers_fetch_one_token() {
    let server = Server::start([(TOKEN, vec![token("opaque-token")]), (EXPORTS, vec![v1()])]).await;
    let client = client(&server.url);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.request(&spec()).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((server.count(TOKEN), server.count(EXPORTS)), (1, 20));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    for refusal in [denied(), reply(401, "")] {
        let tokens = vec![token("first-token"), token("second-token")];
        let server = Server::start([(TOKEN, tokens), (EXPORTS, vec![refusal, v1()])]).await;
        let _ = client(&server.url).request(&spec()).await.unwrap();
        let bearers: Vec<_> = server.asked(EXPORTS).iter().map(|asked| asked.bearer().unwrap().to_owned()).collect();
        assert_eq!(bearers, ["first-token", "second-token"]);
    }
}

#[tokio::test]
async fn a_second_refusal_is_final_and_shows_no_secret() {
    let echo = reply_json(403, json!({ "message": format!("denied: second-token of {SECRET}, once first-token") }));
    let tokens = vec![token("first-token"), token("second-token")];
    let server = Server::start([(TOKEN, tokens), (EXPORTS, vec![echo])]).await;
    let client = client(&server.url);
    let error = client.request(&spec()).await.unwrap_err();
    assert_eq!((server.count(TOKEN), server.count(EXPORTS)), (2, 2));
    assert_eq!(error.kind(), ErrorKind::Credentials);
    let said = said(&error, &["first-token", "second-token"]);
    assert!(said.contains("denied: *** of ***, once ***"), "{said}");
    assert!(!seen_of(&client).contains(SECRET));
}

#[tokio::test]
async fn wrong_credentials_are_named_as_such() {
    for status in [400, 401, 403] {
        let echo =
            reply_json(status, json!({ "error": "invalid_client", "error_description": format!("not {SECRET}") }));
        let server = Server::start([(TOKEN, vec![echo])]).await;
        let error = client(&server.url).request(&spec()).await.unwrap_err();
        assert!(matches!(error, Error::Credentials { .. }));
        let said = said(&error, &[]);
        assert!(said.contains("invalid_client: not ***") && said.contains("check the client id and secret"), "{said}");
        assert_eq!((server.count(TOKEN), server.count(EXPORTS)), (1, 0));
    }
}

#[tokio::test]
async fn a_strange_token_answer_is_no_token() {
    for (body, words) in [
        (r#"{"token":"hidden-token"}"#, "it has no access_token, but token"),
        (r#"{"access_token":5}"#, "it has no access_token, but access_token"),
        (r#"{"access_token":"hidden-token\n"}"#, "no header may have"),
        ("hidden-token", "it is no JSON"),
    ] {
        let server = Server::start([(TOKEN, vec![reply(200, body)])]).await;
        let error = client(&server.url).request(&spec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Api);
        let said = said(&error, &["hidden-token"]);
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn token_requests_are_repeated_within_bounds() {
    let flaky = vec![reply(503, ""), reply(429, ""), reply(500, ""), token("good-token")];
    let server = Server::start([(TOKEN, flaky), (EXPORTS, vec![v1()])]).await;
    let client = client(&server.url);
    let _ = client.request(&spec()).await.unwrap();
    assert_eq!(server.count(TOKEN), 4);
    assert_eq!(client.clone().counts(), Counts { requests: 5, retries: 3, rate_limited: 1 });

    let server = Server::start([(TOKEN, vec![reply(503, "down")])]).await;
    let error = crate::client(&server.url).request(&spec()).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 503, .. }));
    assert_eq!(server.count(TOKEN), 1 + limits().retries_max);
}

#[tokio::test]
async fn an_export_is_requested_again_only_if_none_was_started() {
    let good = || token("good-token");
    let server = Server::start([(TOKEN, vec![good()]), (EXPORTS, vec![reply(429, ""), reply(429, ""), v1()])]).await;
    let _ = client(&server.url).request(&spec()).await.unwrap();
    assert_eq!(server.count(EXPORTS), 3);

    for status in [408, 500, 502, 503, 504] {
        let server = Server::start([(TOKEN, vec![good()]), (EXPORTS, vec![reply(status, "oops"), v1()])]).await;
        let error = client(&server.url).request(&spec()).await.unwrap_err();
        assert!(matches!(error, Error::Status { .. }) && said(&error, &[]).contains("oops"));
        assert_eq!(server.count(EXPORTS), 1, "{status}");
    }
}

#[tokio::test]
async fn an_export_request_whose_answer_was_lost_is_not_repeated() {
    // The first connection breaks in the middle of a token, the second brings it whole, which shows that this call is
    // repeated; every further one takes the export request and says nothing.
    let (url, connections) = raw(|mut stream, number| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let answer = r#"{"access_token":"good-token"}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
        let _ = stream.read(&mut [0; 4096]).await;
        let bytes = format!("{head}{answer}");
        let _ = stream.write_all(&bytes.as_bytes()[..[bytes.len() - 5, bytes.len(), 0][number.min(2)]]).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let error = client(&url).request(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    let said = said(&error, &["good-token", "h1dden"]);
    assert!(said.contains("it is not known whether it was started"), "{said}");
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = client(&Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()).request(&spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    let said = said(&error, &[]);
    assert!(said.contains("token request") && said.contains("refused"), "{said}");
}

#[tokio::test]
async fn a_server_that_is_silent_is_a_network_error() {
    let (url, connections) = raw(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let limits = Limits { request_timeout: Duration::from_millis(20), retries_max: 1, ..limits() };
    let error = client_with(&url, limits).request(&spec()).await.unwrap_err();
    assert!(said(&error, &[]).contains("nothing within 20ms"));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_its_limit() {
    let good = || token("good-token");
    for asked in ["1000000", "Fri, 31 Dec 2999 23:59:59 GMT"] {
        let turned_away = reply(429, "").with("retry-after", asked);
        let server = Server::start([(TOKEN, vec![good()]), (EXPORTS, vec![turned_away, v1()])]).await;
        let start = Instant::now();
        let _ = client(&server.url).request(&spec()).await.unwrap();
        let waited = start.elapsed();
        assert!(waited >= limits().retry_after_max && waited < Duration::from_secs(5), "{waited:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_poll_url_is_named_by_its_keys() {
    let answer = reply_json(200, json!({ "href": "x", "id": 5 }));
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![answer])]).await;
    let error = client(&server.url).request(&spec()).await.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }));
    assert!(said(&error, &[]).contains("but href, id"));
    let pointed = ExportSpec { poll_url_pointer: Some("/href".into()), ..spec() };
    assert!(seen_of(&client(&server.url).request(&pointed).await.unwrap()).contains("/x"));
}

#[tokio::test]
async fn a_poll_url_elsewhere_does_not_get_the_token() {
    let other = Server::start([(POLL, vec![reply(200, "{}")])]).await;
    let answer = reply_json(200, json!({ "file_download_url": other.url.join(POLL).unwrap().as_str() }));
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![answer])]).await;
    let error = client(&server.url).request(&spec()).await.unwrap_err();
    assert!(matches!(error, Error::ForeignPollUrl { .. }));
    assert_eq!(other.count(POLL), 0);
}

#[tokio::test]
async fn calls_are_not_redirected() {
    let thief = Server::start([("/steal", vec![token("good-token")])]).await;
    let away = || reply(307, "").with("location", thief.url.join("/steal").unwrap().as_str());
    for script in [vec![(TOKEN, vec![away()])], vec![(TOKEN, vec![token("good-token")]), (EXPORTS, vec![away()])]] {
        let server = Server::start(script).await;
        let error = client(&server.url).request(&spec()).await.unwrap_err();
        assert!(matches!(error, Error::Status { status: 307, .. }));
    }
    assert_eq!(thief.count("/steal"), 0);
}

#[tokio::test]
async fn a_long_explanation_is_cut() {
    let server =
        Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![reply(413, "x".repeat(1 << 20))])]).await;
    let error = client(&server.url).request(&spec()).await.unwrap_err();
    let said = said(&error, &[]);
    assert!(said.len() < 1000 && said.contains("ask for less"), "{said}");
}
