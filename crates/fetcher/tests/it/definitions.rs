//! Definitions: what is asked, how listings are followed, and what the cache is good for.

use crate::{
    client, client_with, limits, said,
    server::{Reply, Server, TOKEN, jwt, reply, reply_json, token},
};
use apsides_definitions::Snapshot;
use apsides_fetcher::{Client, DefinitionsCache, Error, Limits, Rate, Rates};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, time::Duration};
use tempfile::tempdir;

const SECTIONS: &str = "/audience/sections";
const SEGMENTS: &str = "/audience/segments";
const ATTRIBUTES: &str = "/audience/sections/u.one-1/attributes";

/// An account with one section, which has one thing of each kind, but for these replies.
async fn account(replies: impl IntoIterator<Item = (&'static str, Vec<Reply>)>) -> Server {
    let items = |items: Value| vec![reply_json(200, json!({ "items": items }))];
    let item = |id: u32| json!([{ "discriminator": format!("d{id}"), "name": "N", "versions": [{ "id": id }] }]);
    let mut script = BTreeMap::from([
        (TOKEN, vec![token(&jwt("one", 3600))]),
        (SECTIONS, items(json!([{ "id": 1, "discriminator": "u.one-1", "name": "One" }]))),
        (ATTRIBUTES, items(item(10))),
        ("/audience/sections/u.one-1/tags", items(item(20))),
        ("/audience/sections/u.one-1/events", items(item(30))),
        (SEGMENTS, items(json!([{ "discriminator": "s", "name": "S" }]))),
    ]);
    script.extend(replies);
    Server::start(script).await
}

fn quick() -> Limits {
    Limits { listing_pages_max: 4, listing_bytes_max: 1000, ..limits() }
}

fn quick_client(server: &Server) -> Client {
    client_with(&server.url, quick())
}

/// The ids of the attributes, of which most tests have several.
fn attributes(snapshot: &Snapshot) -> Vec<&str> {
    let versions = snapshot.definitions.attributes.iter().flat_map(|attribute| &attribute.versions);
    versions.map(|version| version.id.as_str()).collect()
}

#[tokio::test]
async fn every_kind_is_listed_once_with_the_token() {
    let server = account([]).await;
    let snapshot = client(&server.url).definitions().await.unwrap();
    let all = &snapshot.definitions;
    assert_eq!(attributes(&snapshot), ["10"]);
    assert_eq!((all.sections.len(), all.tags.len(), all.events.len(), all.segments.len()), (1, 1, 1, 1));
    assert_eq!((all.attributes[0].section_id.as_str(), snapshot.skipped), ("1", 0));
    assert!(snapshot.source.unwrap().starts_with("http://127.0.0.1:"));
    assert!(snapshot.fetched_at.unwrap().parse::<jiff::Timestamp>().is_ok());
    for path in [SECTIONS, SEGMENTS, ATTRIBUTES] {
        let asked = server.asked(path);
        assert_eq!(asked.len(), 1, "{path}");
        assert!(asked[0].method == "GET" && asked[0].bearer().is_some_and(|token| token.ends_with(".one")), "{path}");
    }
}

#[tokio::test]
async fn pages_are_followed_to_their_end() {
    let page = |id: u32, more: Value| {
        let mut page = json!({ "items": [{ "versions": [{ "id": id }] }, { "no": "id" }] });
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        reply_json(200, page)
    };
    let pages = vec![
        page(1, json!({ "next": "?page=2" })),
        page(2, json!({ "links": { "next": format!("{{base}}{ATTRIBUTES}?page=3") } })),
        reply(503, ""),
        page(3, json!({ "next": null })),
    ];
    let server = account([(ATTRIBUTES, pages)]).await;
    let snapshot = quick_client(&server).definitions().await.unwrap();
    assert_eq!(attributes(&snapshot), ["1", "2", "3"]);
    assert_eq!(snapshot.skipped, 3);
    assert_eq!(server.count(ATTRIBUTES), 4);
}

#[tokio::test]
async fn listings_that_cannot_be_right() {
    let next = |next: &str| reply_json(200, json!({ "items": [], "next": next }));
    let endless = (2..9).map(|page| next(&format!("?page={page}"))).collect();
    for (replies, words) in [
        (vec![next("https://example.com/?page=2")], "its next page is not on the API's own origin"),
        (vec![next("http://[")], "its next page is no URL"),
        (vec![next("?page=2"), next("?page=2")], "its next page is one that came before"),
        (endless, "it has more than 4 pages"),
        (vec![reply(200, "<html>")], "it is no JSON"),
        (vec![reply(200, r#"{"data": []}"#)], "there is no list `items`, but data"),
        (vec![reply(200, " ".repeat(1001))], "it is longer than 1000 bytes"),
        (
            [2, 3]
                .map(|page| reply(200, format!(r#"{{"items": [], "next": "?page={page}"}}{}"#, " ".repeat(500))))
                .into(),
            "all its pages are longer than 1000 bytes",
        ),
        (vec![reply(400, "no such section")], "was answered with 400: no such section"),
        (vec![reply(403, "not you")], "refused the listing of attributes with 403"),
    ] {
        let server = account([(ATTRIBUTES, replies)]).await;
        let error = quick_client(&server).definitions().await.unwrap_err();
        let said = said(&error, &[]);
        assert!(said.contains(words) && said.contains("listing of attributes"), "{said}");
    }
}

#[tokio::test]
async fn a_section_may_have_no_such_thing_but_there_are_sections() {
    let server = account([(ATTRIBUTES, vec![reply(404, "")])]).await;
    let snapshot = quick_client(&server).definitions().await.unwrap();
    assert_eq!((attributes(&snapshot).len(), snapshot.definitions.tags.len()), (0, 1));
    let server = account([(SECTIONS, vec![reply(404, "")])]).await;
    assert!(matches!(quick_client(&server).definitions().await.unwrap_err(), Error::Status { status: 404, .. }));
}

#[tokio::test]
async fn listings_keep_to_the_rate_of_other_calls() {
    let server = account([]).await;
    let others = Rate { calls: 1, per: Duration::from_millis(60) };
    let limits = Limits { rates: Rates { others, ..quick().rates }, ..quick() };
    let started = std::time::Instant::now();
    client_with(&server.url, limits).definitions().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(4 * 60), "five calls in {:?}", started.elapsed());
}

#[tokio::test]
async fn the_cache_is_used_while_it_is_young() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("definitions.json");
    let cache = |max_age| DefinitionsCache { path: path.clone(), max_age };
    let (young, old) = (cache(Duration::from_secs(3600)), cache(Duration::ZERO));
    // It answers once; then it is down.
    let sections = json!({ "items": [{ "id": 1, "discriminator": "u.one-1", "name": "One" }] });
    let server = account([(SECTIONS, vec![reply_json(200, sections), reply(500, "down")])]).await;
    let client = quick_client(&server);

    let first = client.cached_definitions(&young).await.unwrap();
    assert_eq!(Snapshot::read(&path).unwrap(), first);
    assert_eq!(client.cached_definitions(&young).await.unwrap(), first);
    assert_eq!(server.count(SECTIONS), 1);
    // Too old, but better than none.
    assert_eq!(client.cached_definitions(&old).await.unwrap(), first);
    let asked = server.count(SECTIONS);
    assert!(asked > 1);

    // Neither another account's nor a broken one is.
    let other = Snapshot { source: Some("https://api.apsis.one, client 0".into()), ..first.clone() };
    for text in [other.to_json(), "{".to_owned(), r#"{"format": 99, "sections": []}"#.to_owned()] {
        fs::write(&path, &text).unwrap();
        let error = client.cached_definitions(&young).await.unwrap_err();
        assert!(said(&error, &[]).contains("500: down"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "a failure leaves the file alone");
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_no_failure() {
    let server = account([]).await;
    let cache = DefinitionsCache { path: "/nowhere/definitions.json".into(), max_age: Duration::from_secs(60) };
    let snapshot = quick_client(&server).cached_definitions(&cache).await.unwrap();
    assert_eq!(attributes(&snapshot), ["10"]);
}
