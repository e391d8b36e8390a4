//! Servers on loopback that answer by a script and remember what they were asked.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

pub(crate) const TOKEN: &str = "/oauth/token";
pub(crate) const EXPORTS: &str = "/audience/profiles/exports";
pub(crate) const POLL: &str = "/poll/1";

/// One scripted answer. `{base}` in body and headers becomes the server's URL.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn is(&self, status: u16) -> bool {
        self.status == status
    }
}

pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, headers: Vec::new(), body: body.into() }
}

pub(crate) fn reply_json(status: u16, body: Value) -> Reply {
    reply(status, body.to_string())
}

/// A token that lives for so many seconds by its own word, and a day by the deprecated one.
pub(crate) fn jwt(name: &str, seconds: i64) -> String {
    let exp = jiff::Timestamp::now().as_second() + seconds;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{name}", part(json!({ "alg": "RS256" })), part(json!({ "exp": exp, "sub": name })))
}

pub(crate) fn token(token: &str) -> Reply {
    reply_json(200, json!({ "access_token": token, "token_type": "Bearer", "expires_in": 86400 }))
}

/// The answer to an export request, with a poll URL of the older kind.
pub(crate) fn v1() -> Reply {
    reply_json(202, json!({ "file_download_url": format!("{{base}}{POLL}") }))
}

/// The same of the newer kind.
pub(crate) fn v2() -> Reply {
    reply_json(200, json!({ "file_download_url_v2": format!("{{base}}{POLL}?id=2&signature=h1dden") }))
}

/// What a server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization").map(|value| value.to_str().unwrap().trim_start_matches("Bearer "))
    }
}

pub(crate) struct Server {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each path with its replies in turn, the last one again and again; any other path with 400.
    pub(crate) async fn start(script: impl IntoIterator<Item = (&'static str, Vec<Reply>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let base = url.as_str().trim_end_matches('/').to_owned();
        let script: HashMap<_, _> =
            script.into_iter().map(|(path, replies)| (path, (AtomicUsize::new(0), replies))).collect();
        let script = Arc::new(script);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = asked.clone();
        let handler = move |request: Request| {
            let (script, remembered, base) = (script.clone(), remembered.clone(), base.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let path = parts.uri.path().to_owned();
                let reply = script.get(path.as_str()).map_or_else(
                    || reply(400, "not in the script"),
                    |(turn, replies)| replies[turn.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1)].clone(),
                );
                let body = serde_json::from_slice(&body).unwrap_or_default();
                remembered.lock().unwrap().push(Asked { method: parts.method, path, headers: parts.headers, body });
                let mut response = Response::builder().status(reply.status);
                for (name, value) in reply.headers {
                    response = response.header(name, value.replace("{base}", &base));
                }
                // Compressed bodies stay as they are.
                let body = match String::from_utf8(reply.body) {
                    Ok(text) => text.replace("{base}", &base).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                response.body(Body::from(body)).unwrap()
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { url, asked }
    }

    /// One export from token to poll, with these answers to the polls.
    pub(crate) async fn exporting(request: Reply, polls: Vec<Reply>) -> Self {
        Self::start([(TOKEN, vec![token(&jwt("one", 3600))]), (EXPORTS, vec![request]), (POLL, polls)]).await
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked(path).len()
    }
}

/// A server below HTTP: reads each request's head, then lets `answer` do with the connection what it likes.
pub(crate) async fn raw<F: Future<Output = ()> + Send + 'static>(
    answer: impl Fn(TcpStream, usize) -> F + Send + Sync + 'static,
) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/file?signature=h1dden", listener.local_addr().unwrap())).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            tokio::spawn(answer(stream, number));
        }
    });
    (url, connections)
}

/// A raw server that says this and hangs up.
pub(crate) async fn says(bytes: impl Into<Vec<u8>>) -> Url {
    let bytes = bytes.into();
    raw(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
    .0
}
