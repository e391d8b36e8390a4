//! A whole run, and one after another: exports asked for anew, found again, and the way to the network.

use crate::{
    SECRET, client, client_with, config, limits, read_all, said, seen_of,
    server::{EXPORTS, POLL, Reply, Server, TOKEN, jwt, reply, reply_json, token, v1, v2},
    spec,
};
use apsides_fetcher::{
    Client, ClientConfig, Error, ErrorKind, ExportSpec, Limits, Network, Rate, Rates, Ready, Secret,
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, rustls};
use url::Url;

async fn content(ready: &Ready) -> Vec<u8> {
    let (bytes, end) = read_all(ready.download().await.unwrap().into_reader()).await;
    end.unwrap();
    bytes
}

#[tokio::test]
async fn an_export_that_fails_or_is_lost_is_asked_for_again() {
    let failed = || reply_json(503, json!({ "title": "Processing failed" }));
    for (polls, requests) in [
        (vec![reply(404, ""), failed(), reply(200, "{}")], 2),
        (vec![reply(410, ""), reply(404, ""), reply(410, ""), reply(200, "{}")], 3),
    ] {
        let server = Server::exporting(v1(), polls).await;
        let ready = client(&server.url).export(&spec(), |_| {}).await.unwrap();
        assert_eq!(content(&ready).await, b"{}");
        assert_eq!(server.count(EXPORTS), requests);
    }
    let server = Server::exporting(v1(), vec![failed()]).await;
    let error = client(&server.url).export(&spec(), |_| {}).await.unwrap_err();
    assert_eq!((error.kind(), server.count(EXPORTS)), (ErrorKind::Export, limits().exports_max as usize));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_but_not_endlessly() {
    let script = |requests| [(TOKEN, vec![token("good-token")]), (EXPORTS, requests), (POLL, vec![reply(200, "{}")])];
    let server = Server::start(script(vec![reply(502, "oops"), v1()])).await;
    client(&server.url).export(&spec(), |_| {}).await.unwrap();
    assert_eq!(server.count(EXPORTS), 2);
    let server = Server::start(script(vec![reply(502, "oops")])).await;
    let error = client(&server.url).export(&spec(), |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 502, .. }));
    assert_eq!(server.count(EXPORTS), 3);
    // A plain no is final.
    let server = Server::start(script(vec![reply(400, "no such attribute")])).await;
    client(&server.url).export(&spec(), |_| {}).await.unwrap_err();
    assert_eq!(server.count(EXPORTS), 1);
}

/// Another process with the same state.
fn next_run(server: &Server, state: &Path) -> Client {
    Client::new(ClientConfig { state: Some(state.to_owned().into()), ..config(&server.url) }).unwrap()
}

#[tokio::test]
async fn the_next_run_finds_the_token_and_the_pending_export() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let polls =
        vec![reply(404, ""), reply(404, ""), reply(200, "{}"), reply(200, "{}"), reply(404, ""), reply(200, "{}")];
    let server = Server::exporting(v2(), polls.into_iter().map(ready_or_202).collect()).await;
    drop(next_run(&server, &state).request(&spec()).await.unwrap());
    for file in ["token.json", "exports.json"] {
        let mode = fs::metadata(state.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
        assert!(!fs::read_to_string(state.join(file)).unwrap().contains("s3cret"));
    }
    // A run that breaks off after it was ready, and one that publishes.
    for _ in 0..2 {
        let ready = next_run(&server, &state).export(&spec(), |_| {}).await.unwrap();
        assert_eq!((server.count(TOKEN), server.count(EXPORTS)), (1, 1));
        assert!(!seen_of(&ready).contains("h1dden"));
    }
    next_run(&server, &state).export(&spec(), |_| {}).await.unwrap().done().await;
    // What is published is not taken again, and another request is another export.
    next_run(&server, &state).export(&spec(), |_| {}).await.unwrap();
    let other = ExportSpec { tags: vec!["8".into()], ..spec() };
    drop(next_run(&server, &state).request(&other).await.unwrap());
    assert_eq!((server.count(TOKEN), server.count(EXPORTS)), (1, 3));
}

fn ready_or_202(poll: Reply) -> Reply {
    if poll.is(404) { reply(202, "") } else { poll }
}

#[tokio::test]
async fn a_pending_export_that_is_gone_is_forgotten_and_asked_for_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::exporting(v1(), vec![reply(410, ""), reply(200, "{}")]).await;
    drop(next_run(&server, folder.path()).request(&spec()).await.unwrap());
    let ready = next_run(&server, folder.path()).export(&spec(), |_| {}).await.unwrap();
    assert_eq!(server.count(EXPORTS), 2);
    ready.done().await;
    assert!(fs::read_to_string(folder.path().join("exports.json")).unwrap().contains("\"exports\":[]"));
}

#[tokio::test]
async fn an_export_that_is_gone_when_it_is_downloaded_is_forgotten_too() {
    let folder = tempfile::tempdir().unwrap();
    for (request, gone) in [(v1(), 404), (v1(), 410), (v2(), 202), (v2(), 404)] {
        let server = Server::exporting(request, vec![reply(200, "{}"), reply(gone, ""), reply(200, "{}")]).await;
        let ready = next_run(&server, folder.path()).export(&spec(), |_| {}).await.unwrap();
        assert_eq!(content(&ready).await, b"{}");
        assert!(matches!(ready.download().await.unwrap_err(), Error::ExportGone { .. }));
        // The next run does not poll it for the rest of its day.
        next_run(&server, folder.path()).export(&spec(), |_| {}).await.unwrap().done().await;
        assert_eq!((server.count(POLL), server.count(EXPORTS)), (3, 2), "{gone}");
    }
}

#[tokio::test]
async fn a_token_of_the_state_that_is_refused_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let denied = reply_json(403, json!({ "message": "explicit deny" }));
    let tokens = vec![token(&jwt("one", 3600)), token(&jwt("two", 3600))];
    let server = Server::start([(TOKEN, tokens), (EXPORTS, vec![v1(), denied, v1()])]).await;
    for tags in ["1", "2", "3"] {
        let spec = ExportSpec { tags: vec![tags.into()], ..spec() };
        drop(next_run(&server, folder.path()).request(&spec).await.unwrap());
    }
    let bearers: Vec<_> = server.asked(EXPORTS).iter().map(|asked| asked.bearer().unwrap().ends_with(".two")).collect();
    assert_eq!(bearers, [false, false, true, true]);
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn calls_keep_to_the_rates_whatever_asks_for_them() {
    let second = Duration::from_millis(5);
    let rate = |calls, seconds| Rate { calls, per: second * seconds };
    let rates = Rates { event_exports: rate(1, 60), exports: rate(2, 1), ..Rates::default().scaled(second) };
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![v1()])]).await;
    let client = client_with(&server.url, Limits { rates, ..limits() });
    let with_events = ExportSpec { events: vec!["1".into()], ..spec() };
    for (spec, count, least) in [(spec(), 9, second * 4), (with_events, 3, second * 120)] {
        let started = Instant::now();
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let (client, spec) = (client.clone(), spec.clone());
                tokio::spawn(async move { client.request(&spec).await.map(drop) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(started.elapsed() >= least, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_pending_limit_is_waited_out_longer_than_other_faults() {
    let mut requests = vec![reply(429, "too many pending exports"); limits().retries_max * 3];
    requests.push(v1());
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, requests)]).await;
    let _ = client(&server.url).request(&spec()).await.unwrap();
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![reply(429, "too many")])]).await;
    let limits = Limits { pending_time_max: Duration::from_millis(400), ..limits() };
    let error = client_with(&server.url, limits).request(&spec()).await.unwrap_err();
    assert!(said(&error, &[]).contains("too many calls or pending exports"));
    assert!(server.count(EXPORTS) > 5);
}

#[tokio::test]
async fn a_poll_url_at_an_allowed_host_gets_the_token() {
    let files = Server::start([(POLL, vec![reply(200, "{\"a\":{}}")])]).await;
    let answer = reply_json(200, json!({ "file_download_url": files.url.join(POLL).unwrap().as_str() }));
    let server = Server::start([(TOKEN, vec![token("good-token")]), (EXPORTS, vec![answer])]).await;
    let allowed = ClientConfig { poll_hosts: vec![files.url.clone()], ..config(&server.url) };
    let ready = Client::new(allowed).unwrap().export(&spec(), |_| {}).await.unwrap();
    assert_eq!(content(&ready).await, b"{\"a\":{}}");
    assert_eq!(files.asked(POLL)[0].bearer(), Some("good-token"));
}

/// A TLS server for `localhost` that passes on to `behind`, and its certificate.
async fn tls(behind: &Url) -> (Url, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key.into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
    let (acceptor, behind) = (TlsAcceptor::from(Arc::new(config)), behind.socket_addrs(|| None).unwrap()[0]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (url, certified.cert.pem())
}

/// A proxy that lets those in who know its password.
async fn proxy() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:h1dden@{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(near.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let port = head.strip_prefix("connect localhost:").unwrap().split(' ').next().unwrap().to_owned();
            // dXNlcjpoMWRkZW4= is user:h1dden.
            if !head.contains("proxy-authorization: basic dxnlcjpomwrkzw4=") {
                let _ = near.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
                continue;
            }
            let mut far = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
            near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    Url::parse(&url).unwrap()
}

#[tokio::test]
async fn tls_is_verified_by_our_own_certificates_too_and_may_go_through_a_proxy() {
    let v1 = reply_json(202, json!({ "file_download_url": POLL }));
    let server = Server::exporting(v1, vec![reply(200, "{}")]).await;
    let (url, pem) = tls(&server.url).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, pem).unwrap();
    let network = Network { ca_file: Some(ca_file), proxy: None };
    let through = |network| Client::new(ClientConfig { network, ..config(&url) });

    let error = through(Network::default()).unwrap().export(&spec(), |_| {}).await.unwrap_err();
    assert!(said(&error, &[]).contains("certificate"), "{error:?}");
    assert_eq!(server.count(TOKEN), 0);
    content(&through(network.clone()).unwrap().export(&spec(), |_| {}).await.unwrap()).await;

    let proxy = proxy().await;
    let by_proxy = |url: &str| Network { proxy: Some(Secret::new(url)), ..network.clone() };
    content(&through(by_proxy(proxy.as_str())).unwrap().export(&spec(), |_| {}).await.unwrap()).await;
    let wrong = proxy.as_str().replace("h1dden", "wr0ng");
    let client = through(by_proxy(&wrong)).unwrap();
    let error = client.export(&spec(), |_| {}).await.unwrap_err();
    let said = said(&error, &["wr0ng", "h1dden"]);
    assert!(said.contains("check the address, the network and the proxy"), "{said}");
    assert!(!seen_of(&config(&url)).contains(SECRET) && !seen_of(&by_proxy(&wrong)).contains("wr0ng"));
}
