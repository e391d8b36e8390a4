//! Every wire shape of the API: should one turn out otherwise than documented, this is the file to change.

use crate::{ExportSpec, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

const TOKEN_PATH: [&str; 2] = ["oauth", "token"];
const EXPORTS_PATH: [&str; 3] = ["audience", "profiles", "exports"];

/// The member names under which a poll URL comes, the better one first.
const POLL_URL_V2: &str = "file_download_url_v2";
const POLL_URL_V1: &str = "file_download_url";

/// `POST` here for a token.
pub(crate) fn token_url(base: &Url) -> Url {
    below(base, &TOKEN_PATH)
}

/// `POST` here for an export.
pub(crate) fn exports_url(base: &Url) -> Url {
    below(base, &EXPORTS_PATH)
}

/// `GET` here for the sections.
pub(crate) fn sections_url(base: &Url) -> Url {
    below(base, &["audience", "sections"])
}

/// `GET` here for what a section has of a kind: `attributes`, `tags` or `events`.
pub(crate) fn section_url(base: &Url, discriminator: &str, kind: &str) -> Url {
    below(base, &["audience", "sections", discriminator, kind])
}

/// `GET` here for the segments.
pub(crate) fn segments_url(base: &Url) -> Url {
    below(base, &["audience", "segments"])
}

/// Keeps a path in the base URL, so that the API may stand behind a gateway.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// The body of a token request.
pub(crate) fn token_body(client_id: &str, client_secret: &Secret) -> Value {
    json!({ "grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret.expose() })
}

/// The answer to a token request. It has no `Debug`, for what it holds.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    /// Deprecated: the token's own `exp` is the truth, where it has one.
    #[serde(default)]
    pub(crate) expires_in: Option<f64>,
}

/// The one claim of the token that concerns us, in seconds since the epoch.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) exp: f64,
}

/// The body of an export request.
pub(crate) fn export_body(spec: &ExportSpec) -> Value {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        segment_filter: Option<&'a str>,
        attributes: &'a [String],
        tags: &'a [String],
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        events: Option<Events<'a>>,
        /// Later members of the same name win when this becomes a map: `extra` replaces what stands above.
        #[serde(flatten)]
        extra: &'a serde_json::Map<String, Value>,
    }
    /// The window belongs to the events: without them there is none.
    #[derive(Serialize)]
    struct Events<'a> {
        events: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        start_at: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        end_at: Option<String>,
    }
    let body = Body {
        segment_filter: spec.segment_filter.as_deref(),
        attributes: &spec.attributes,
        tags: &spec.tags,
        events: (!spec.events.is_empty()).then(|| Events {
            events: &spec.events,
            start_at: spec.start_at.map(|at| at.to_string()),
            end_at: spec.end_at.map(|at| at.to_string()),
        }),
        extra: &spec.extra,
    };
    serde_json::to_value(body).unwrap_or_default()
}

/// The two poll URLs speak differently: what one says with 404, the other says with 202.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PollKind {
    /// `file_download_url`
    V1,
    /// `file_download_url_v2`
    V2,
}

/// The poll URL of the answer to an export request, or a sentence on what came instead.
pub(crate) fn poll_url(answer: &[u8], pointer: Option<&str>) -> Result<(String, PollKind), String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "it is no JSON".to_owned())?;
    let named = |name| answer.get(name).and_then(Value::as_str);
    if let Some(url) = named(POLL_URL_V2) {
        return Ok((url.to_owned(), PollKind::V2));
    }
    // A URL from a place that only the configuration knows is taken for the older kind, which accepts both ways to say
    // "not yet".
    if let Some(url) = named(POLL_URL_V1).or_else(|| answer.pointer(pointer?)?.as_str()) {
        return Ok((url.to_owned(), PollKind::V1));
    }
    Err(format!("it has neither {POLL_URL_V2} nor {POLL_URL_V1}, but {}", keys(&answer)))
}

/// What is in an answer, without its values.
pub(crate) fn keys(answer: &Value) -> String {
    match answer {
        Value::Object(members) if members.is_empty() => "no member at all".into(),
        Value::Object(members) => members.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        Value::Array(_) => "an array".into(),
        _ => "a single value".into(),
    }
}

/// What a status at a poll URL means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PollStatus {
    Ready,
    NotReady,
    Gone,
    Failed,
    Unexpected,
}

/// Reads a status at a poll URL.
pub(crate) fn poll_status(kind: PollKind, status: u16) -> PollStatus {
    match (status, kind) {
        (200, _) => PollStatus::Ready,
        (202, _) | (404, PollKind::V1) => PollStatus::NotReady,
        (410, _) | (404, PollKind::V2) => PollStatus::Gone,
        (503, PollKind::V1) => PollStatus::Failed,
        _ => PollStatus::Unexpected,
    }
}

/// The words of an error answer: `{"status","title","detail"}`, `{"message"}`, OAuth's own, or whatever it says.
pub(crate) fn error_words(text: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        return if line.is_empty() { "(no explanation)".into() } else { line };
    };
    let words: Vec<_> = ["title", "detail", "message", "error", "error_description"]
        .into_iter()
        .filter_map(|name| members.get(name)?.as_str())
        .filter(|words| !words.trim().is_empty())
        .collect();
    if words.is_empty() { Value::Object(members).to_string() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_base() {
        for (base, url) in [
            ("https://api.apsis.one", "https://api.apsis.one/oauth/token"),
            ("https://gateway/apsis/", "https://gateway/apsis/oauth/token"),
            ("https://gateway/apsis?x=1", "https://gateway/apsis/oauth/token"),
        ] {
            assert_eq!(token_url(&Url::parse(base).unwrap()).as_str(), url);
        }
        let base = Url::parse("https://api.apsis.one").unwrap();
        assert_eq!(
            section_url(&base, "usercreated.sections.a/b-ö", "tags").path(),
            "/audience/sections/usercreated.sections.a%2Fb-%C3%B6/tags"
        );
        assert_eq!(
            exports_url(&Url::parse("https://api.apsis.one/").unwrap()).as_str(),
            "https://api.apsis.one/audience/profiles/exports"
        );
    }

    #[test]
    fn the_body_without_events_has_no_window() {
        let spec = ExportSpec {
            attributes: vec!["1".into()],
            start_at: Some("2024-01-01T00:00:00Z".parse().unwrap()),
            ..ExportSpec::default()
        };
        assert_eq!(export_body(&spec), json!({ "attributes": ["1"], "tags": [] }));
    }

    #[test]
    fn the_body_with_everything() {
        let spec = ExportSpec {
            segment_filter: Some("seg".into()),
            attributes: vec!["1".into()],
            tags: vec!["2".into()],
            events: vec!["3".into()],
            start_at: Some("2024-01-01T00:00:00Z".parse().unwrap()),
            end_at: Some("2024-01-08T00:00:00.5Z".parse().unwrap()),
            extra: serde_json::from_value(json!({ "tags": ["replaced"], "topics": [1] })).unwrap(),
            ..ExportSpec::default()
        };
        assert_eq!(
            export_body(&spec),
            json!({
                "segment_filter": "seg", "attributes": ["1"], "tags": ["replaced"], "events": ["3"],
                "start_at": "2024-01-01T00:00:00Z", "end_at": "2024-01-08T00:00:00.5Z", "topics": [1],
            })
        );
    }

    #[test]
    fn the_poll_url_is_found_or_the_keys_are_named() {
        let found = |answer: Value| poll_url(answer.to_string().as_bytes(), Some("/links/file"));
        assert_eq!(found(json!({ POLL_URL_V1: "a", POLL_URL_V2: "b" })), Ok(("b".into(), PollKind::V2)));
        assert_eq!(found(json!({ POLL_URL_V1: "a", POLL_URL_V2: null })), Ok(("a".into(), PollKind::V1)));
        assert_eq!(found(json!({ "links": { "file": "c" } })), Ok(("c".into(), PollKind::V1)));
        assert!(found(json!({ "url": "x", "id": 1 })).unwrap_err().ends_with("but id, url"));
        assert!(poll_url(b"<html>", None).is_err());
    }

    #[test]
    fn what_a_status_means() {
        use PollStatus::*;
        for (status, v1, v2) in [
            (200, Ready, Ready),
            (202, NotReady, NotReady),
            (404, NotReady, Gone),
            (410, Gone, Gone),
            (503, Failed, Unexpected),
            (500, Unexpected, Unexpected),
            (204, Unexpected, Unexpected),
        ] {
            assert_eq!(poll_status(PollKind::V1, status), v1, "{status}");
            assert_eq!(poll_status(PollKind::V2, status), v2, "{status}");
        }
    }

    #[test]
    fn error_words_in_all_forms() {
        for (text, words) in [
            (r#"{"status":400,"title":"Bad Request","detail":"no such attribute"}"#, "Bad Request: no such attribute"),
            (r#"{"message":"explicit deny"}"#, "explicit deny"),
            (r#"{"code":7}"#, r#"{"code":7}"#),
            ("plain\n  text", "plain text"),
            ("", "(no explanation)"),
        ] {
            assert_eq!(error_words(text), words);
        }
    }
}
