//! Exports that are asked for before their turn: in which order an API is called, not how long it takes.

use crate::{
    client_with, config, limits, resume,
    server::{EXPORTS, TOKEN, jwt},
};
use apsides_fetcher::{Client, ClientConfig, Error, ExportSpec, Limits, Rates, Result};
use apsides_simulator::{Server, Settings, catalogue};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, time::sleep};
use url::Url;

/// What was called, in order: requests by their attribute, polls by the number of the request.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Request(usize),
    NotReady(usize),
    Ready(usize),
}

/// An API that makes exports side by side: each is ready when `wanted_ahead` more have been asked for, or all of `total`.
#[derive(Default)]
struct Script {
    wanted_ahead: usize,
    total: usize,
    /// What requests are answered with instead of an export, by their number.
    refused: HashMap<usize, u16>,
    /// Exports that are gone when they are polled for.
    gone: Vec<usize>,
}

struct Api {
    url: Url,
    calls: Arc<Mutex<Vec<Call>>>,
}

type Shared = State<Arc<(Script, Arc<Mutex<Vec<Call>>>)>>;

fn requests(calls: &[Call]) -> Vec<usize> {
    calls.iter().filter_map(|call| if let Call::Request(spec) = call { Some(*spec) } else { None }).collect()
}

async fn export(State(shared): Shared, Json(body): Json<Value>) -> Response {
    let (script, calls) = &*shared;
    let mut calls = calls.lock().unwrap();
    let number = requests(&calls).len();
    calls.push(Call::Request(body["attributes"][0].as_str().unwrap().parse().unwrap()));
    match script.refused.get(&number) {
        Some(status) => StatusCode::from_u16(*status).unwrap().into_response(),
        None => Json(json!({ "file_download_url_v2": format!("/poll/{number}") })).into_response(),
    }
}

async fn poll(State(shared): Shared, Path(number): Path<usize>) -> StatusCode {
    let (script, calls) = &*shared;
    let mut calls = calls.lock().unwrap();
    if script.gone.contains(&number) {
        return StatusCode::GONE;
    }
    let is_ready = requests(&calls).len() >= (number + 1 + script.wanted_ahead).min(script.total);
    calls.push(if is_ready { Call::Ready(number) } else { Call::NotReady(number) });
    if is_ready { StatusCode::OK } else { StatusCode::ACCEPTED }
}

impl Api {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let token = json!({ "access_token": jwt("one", 3600), "expires_in": 86400 });
        let router = Router::new()
            .route(TOKEN, post(async move || Json(token)))
            .route(EXPORTS, post(export))
            .route("/poll/{number}", get(poll))
            .with_state(Arc::new((script, Arc::clone(&calls))));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, calls }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn requests(&self) -> Vec<usize> {
        requests(&self.calls())
    }

    async fn requested(&self, count: usize) {
        while self.requests().len() < count {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Exports, each of one attribute: its number.
fn specs(total: usize) -> Vec<ExportSpec> {
    let spec = |number: usize| ExportSpec { attributes: vec![number.to_string()], ..ExportSpec::default() };
    (0..total).map(spec).collect()
}

fn limits_ahead(exports_ahead: usize) -> Limits {
    Limits { exports_ahead, ..limits() }
}

/// Works on one after the other. Gives whether each came.
async fn all(client: &Client, specs: &[ExportSpec]) -> Vec<Result<()>> {
    let _ahead = client.ahead(specs.to_vec());
    let mut all = Vec::new();
    for spec in specs {
        all.push(match client.export(spec, |_| {}).await {
            Ok(ready) => {
                ready.done().await;
                Ok(())
            }
            Err(error) => Err(error),
        });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_makes_the_next_while_one_is_worked_on() {
    let total = 8;
    for ahead in [0, 1, 2, 5, 20] {
        let api = Api::start(Script { wanted_ahead: ahead, total, ..Script::default() }).await;
        let all = all(&client_with(&api.url, limits_ahead(ahead)), &specs(total)).await;
        assert!(all.iter().all(Result::is_ok), "{ahead}: {all:?}");
        let calls = api.calls();
        // In order, each once, and none before its time.
        assert_eq!(requests(&calls), (0..total).collect::<Vec<_>>(), "{ahead}");
        let place = |call| calls.iter().position(|other| *other == call).unwrap();
        for number in ahead + 1..total {
            assert!(place(Call::Request(number)) > place(Call::Ready(number - ahead - 1)), "{ahead}: {calls:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_asking_ahead_each_waits_for_the_one_before() {
    let api = Api::start(Script { wanted_ahead: 1, total: 2, ..Script::default() }).await;
    let limits = Limits { poll_deadline: Duration::from_millis(200), ..limits_ahead(0) };
    let all = all(&client_with(&api.url, limits), &specs(1)).await;
    assert!(matches!(all[..], [Err(Error::NotReady { .. })]), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_ahead_is_asked_for_in_its_turn() {
    for (refused, gone, expected) in [
        // Too many are pending: nothing more is asked for until the work has come further.
        (vec![(1, 429)], vec![], vec![0, 1, 1, 2, 3]),
        (vec![(2, 429), (3, 429)], vec![], vec![0, 1, 2, 2, 2, 3]),
        (vec![(1, 500)], vec![], vec![0, 1, 1, 2, 3]),
        (vec![(1, 408), (2, 502)], vec![], vec![0, 1, 1, 1, 2, 3]),
        // Gone until its turn had come.
        (vec![], vec![2], vec![0, 1, 2, 3, 2]),
    ] {
        let script = Script { total: 4, refused: refused.iter().copied().collect(), gone, ..Script::default() };
        let api = Api::start(script).await;
        let client = client_with(&api.url, limits_ahead(2));
        let specs = specs(4);
        let ahead = client.ahead(specs.clone());
        for (number, spec) in specs.iter().enumerate() {
            // In its turn, a refusal that passes is waited out.
            client.export(spec, |_| {}).await.unwrap_or_else(|error| panic!("{refused:?}: {error}"));
            if number == 1 && refused.is_empty() {
                api.requested(4).await;
            }
        }
        drop(ahead);
        assert_eq!(api.requests(), expected, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_told_in_its_turn_and_not_asked_for_twice() {
    let api = Api::start(Script { total: 4, refused: [(1, 413)].into(), ..Script::default() }).await;
    let client = client_with(&api.url, limits_ahead(3));
    let _ahead = client.ahead(specs(4));
    client.export(&specs(4)[0], |_| {}).await.unwrap();
    api.requested(4).await;
    for (spec, status) in specs(4)[1..].iter().zip([Some(413), None, None]) {
        let found = match client.export(spec, |_| {}).await {
            Err(Error::Status { status, .. }) => Some(status),
            other => other.map(|_| None).unwrap(),
        };
        assert_eq!(found, status);
    }
    assert_eq!(api.requests(), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_parts_finds_what_was_asked_for_ahead() {
    let api = Api::start(Script { wanted_ahead: 2, total: 4, ..Script::default() }).await;
    // 300 attributes are four exports of at most 75.
    let attributes = (0..300).map(|number| (number / 75).to_string()).collect();
    let parts = apsides_fetcher::parts(&ExportSpec { attributes, ..ExportSpec::default() }).unwrap();
    let client = client_with(&api.url, limits_ahead(2));
    let _ahead = client.ahead(parts.iter().map(|part| part.spec.clone()).collect());
    let mut exports = client.exports(parts, |_| {});
    let mut came = 0;
    while let Some(next) = exports.next().await {
        next.unwrap().ready.done().await;
        came += 1;
    }
    assert_eq!((came, api.requests()), (4, vec![0, 1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_has_asked_for_ahead_is_the_next_runs() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(Script { total: 5, ..Script::default() }).await;
    let run = || {
        let config = ClientConfig { state: Some(folder.path().to_owned().into()), ..config(&api.url) };
        Client::new(ClientConfig { limits: limits_ahead(2), ..config }).unwrap()
    };
    let first = run();
    let ahead = first.ahead(specs(5));
    drop(first.request(&specs(5)[0]).await.unwrap());
    // The answer is remembered a moment after it has come.
    let remembered = || fs::read_to_string(folder.path().join("exports.json")).unwrap_or_default();
    while remembered().matches("poll_url").count() < 3 {
        sleep(Duration::from_millis(1)).await;
    }
    drop((ahead, first));
    let all = all(&run(), &specs(5)).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(api.requests(), [0, 1, 2, 3, 4]);
    assert!(remembered().contains("\"exports\":[]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_it_is_dropped_nothing_is_asked_for_ahead() {
    let api = Api::start(Script { total: 3, ..Script::default() }).await;
    let client = client_with(&api.url, limits_ahead(1));
    let ahead = client.ahead(specs(3));
    client.export(&specs(3)[0], |_| {}).await.unwrap();
    api.requested(2).await;
    drop(ahead);
    client.export(&specs(3)[1], |_| {}).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    assert!(!api.requests().contains(&2), "{:?}", api.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_ahead_keeps_to_the_rates() {
    let second = Duration::from_millis(1);
    let settings =
        Settings { rate_limits: true, second, polls_until_ready: 3, side_by_side: true, ..Settings::default() };
    let server = Server::start(Settings { corpus: resume::corpus(), ..settings }).await.unwrap();
    let limits = Limits { rates: Rates::default().scaled(second), ..limits_ahead(3) };
    let client = resume::client_of(&server, limits);
    let time = |day: usize| format!("2026-01-{:02}T00:00:00Z", day + 1).parse().ok();
    let window = |day| ExportSpec {
        attributes: vec![catalogue::attributes().next().unwrap().id.to_owned()],
        events: vec![catalogue::EVENTS[0].id.to_owned()],
        start_at: time(day),
        end_at: time(day + 1),
        ..ExportSpec::default()
    };
    let all = all(&client, &(0..6).map(window).collect::<Vec<_>>()).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!((server.stats().exports, server.stats().limited), (6, 0));
}
