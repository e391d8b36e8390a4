//! An API whose every answer is written down.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

/// The path of a call, and the status, the headers and the body that answer it. Without a status, the connection ends.
pub(super) type Answer = (&'static str, &'static str, &'static str, &'static str);

/// What is answered where nothing else is said.
const ANSWERS: [Answer; 4] = [
    ("/oauth/token", "200", "", r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":86400}"#),
    ("/audience/profiles/exports", "200", "", r#"{"file_download_url_v2":"/export/1?signature=hunter2"}"#),
    ("/audience/", "200", "", r#"{"items":[]}"#),
    ("/export/1", "200", "", "{}"),
];

/// It listens on loopback until it is dropped.
pub(super) struct Api {
    /// With its port.
    pub(super) host: String,
    done: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Api {
    /// With one other answer.
    pub(super) fn start(other: Option<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let done = Arc::new(AtomicBool::new(false));
        let (is_done, own_host) = (Arc::clone(&done), host.clone());
        let server = thread::spawn(move || {
            for connection in listener.incoming() {
                if is_done.load(Relaxed) {
                    return;
                }
                // Whoever hangs up early has made its point.
                let _ = answer(connection.unwrap(), other, &own_host);
            }
        });
        Self { host, done, server: Some(server) }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.done.store(true, Relaxed);
        drop(TcpStream::connect(&self.host));
        self.server.take().unwrap().join().unwrap();
    }
}

fn answer(mut connection: TcpStream, other: Option<Answer>, host: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut piece = [0; 4096];
        match connection.read(&mut piece)? {
            0 => return Ok(()),
            length => request.extend_from_slice(&piece[..length]),
        }
    }
    let line = String::from_utf8_lossy(&request).into_owned();
    let path = line.split_whitespace().nth(1).unwrap_or_default();
    let mut answers = other.into_iter().chain(ANSWERS);
    let Some((_, status, headers, body)) = answers.find(|(call, ..)| path.starts_with(call)) else { return Ok(()) };
    if status.is_empty() {
        return Ok(());
    }
    let headers = if headers.is_empty() { String::new() } else { format!("{}\r\n", headers.replace("HOST", host)) };
    let length = match headers.contains("Content-Length") {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    write!(connection, "HTTP/1.1 {status} -\r\n{headers}{length}Connection: close\r\n\r\n{body}")
}

/// Whether a request is there with its body. What is no HTTP is answered at once.
fn is_whole(request: &[u8]) -> bool {
    if request.first().is_some_and(|first| !first.is_ascii_uppercase()) {
        return true;
    }
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
