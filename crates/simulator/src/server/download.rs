//! An export as a response body: generated on a blocking thread, handed over through a bounded channel.
//!
//! The channel holds the generator back while the client reads slowly, and stops it when the client goes away or the
//! server closes. An export that broke off ends its response with an error, so that no client takes it for a whole one.

use crate::corpus::{CorpusSpec, write_export};
use axum::{
    body::Body,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;
use std::io::{self, Write};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};

/// How many pieces wait for the client: with the generator's 64 KiB each, half a megabyte.
const PIECES_MAX: usize = 8;

type Piece = io::Result<Bytes>;

/// The response with the file, gzipped if the client accepts that.
pub(super) fn respond(spec: CorpusSpec, headers: &HeaderMap, closed: watch::Receiver<bool>) -> Response {
    let gzip = accepts_gzip(headers);
    let (pieces, mut received) = mpsc::channel::<Piece>(PIECES_MAX);
    spawn_blocking(move || {
        let mut sender = PieceSender { pieces, closed };
        if let Err(error) = generate(&spec, &mut sender, gzip) {
            tracing::debug!(%error, "a download broke off");
            // The client may be gone already.
            let _ = sender.pieces.blocking_send(Err(error));
        }
    });
    let body = Body::from_stream(stream::poll_fn(move |context| received.poll_recv(context)));
    let json = [(header::CONTENT_TYPE, "application/json")];
    match gzip {
        true => (json, [(header::CONTENT_ENCODING, "gzip")], body).into_response(),
        false => (json, body).into_response(),
    }
}

fn generate(spec: &CorpusSpec, sender: &mut PieceSender, gzip: bool) -> io::Result<()> {
    if gzip {
        let mut encoder = GzEncoder::new(sender, Compression::fast());
        write_export(spec, &mut encoder)?;
        encoder.finish()?;
    } else {
        write_export(spec, sender)?;
    }
    Ok(())
}

/// Whether an `Accept-Encoding` names gzip, and not with a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

/// Writes into the channel. Both writers above it gather: every write is a piece worth sending.
struct PieceSender {
    pieces: mpsc::Sender<Piece>,
    closed: watch::Receiver<bool>,
}

impl Write for PieceSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A dropped server leaves a channel without a sender.
        if *self.closed.borrow() || self.closed.has_changed().is_err() {
            return Err(io::Error::other("the server is closing"));
        }
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away");
        self.pieces.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&headers)
        };
        for value in ["gzip", "GZIP", "br, gzip", "deflate,gzip;q=0.5", "gzip; q=1.0"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
    #[test]
    fn a_client_that_goes_away_stops_the_generator() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // Held until the end, so that nothing but the dropped response can stop the generator.
        let (_closing, closed) = watch::channel(false);
        let endless = CorpusSpec { size: crate::Size::Bytes(u64::MAX), ..CorpusSpec::default() };
        let response = runtime.block_on(async { respond(endless, &HeaderMap::new(), closed) });
        drop(response);
        // A runtime waits for its blocking threads: this hangs if the generator goes on.
        drop(runtime);
    }
}
