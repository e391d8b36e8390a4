//! An export as a response body: generated on a blocking thread, handed over through a bounded channel.
//!
//! The channel holds the generator back while the client reads slowly, and stops it when the client goes away or the
//! server closes. An export that broke off ends its response with an error, so that no client takes it for a whole one.

use super::Fault;
use crate::corpus::{CorpusSpec, write_export};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use flate2::{Compression, write::GzEncoder};
use futures_util::{Stream, StreamExt, stream};
use ring::digest;
use std::{
    io::{self, Write},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};

/// How many pieces wait for the client: with the generator's 64 KiB each, half a megabyte.
const PIECES_MAX: usize = 8;
/// How a file that is whole in memory is cut.
const PIECE_BYTES: usize = 64 << 10;
/// How long a connection that is going to be cut rests before.
const CUT_REST: Duration = Duration::from_millis(1);

type Piece = io::Result<Bytes>;

/// A file to be sent.
pub(super) struct Delivery {
    pub(super) spec: CorpusSpec,
    pub(super) fault: Fault,
    /// It has a length and an `ETag`, and can be had from any byte on.
    pub(super) ranges: bool,
    pub(super) closed: watch::Receiver<bool>,
}

/// The response with the file, gzipped if the client accepts that.
pub(super) async fn respond(delivery: Delivery, headers: &HeaderMap) -> Response {
    let Delivery { mut spec, fault, ranges, closed } = delivery;
    if fault == Fault::Changed {
        spec.seed ^= 1;
    }
    let gzip = accepts_gzip(headers);
    let mut response = match fault {
        Fault::WrongLength(_) => whole(generated(spec, closed, gzip), headers, false, fault).await,
        _ if ranges => whole(generated(spec, closed, gzip), headers, true, fault).await,
        _ => Body::from_stream(spoiled(generated(spec, closed, gzip), fault)).into_response(),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The file's bytes as they are generated.
fn generated(spec: CorpusSpec, closed: watch::Receiver<bool>, gzip: bool) -> impl Stream<Item = Piece> + Send {
    let (pieces, mut received) = mpsc::channel::<Piece>(PIECES_MAX);
    spawn_blocking(move || {
        let mut sender = PieceSender { pieces, closed };
        if let Err(error) = generate(&spec, &mut sender, gzip) {
            tracing::debug!(%error, "a download broke off");
            // The client may be gone already.
            let _ = sender.pieces.blocking_send(Err(error));
        }
    });
    stream::poll_fn(move |context| received.poll_recv(context))
}

/// The file with its length, or what is left of it from the byte that was asked for.
async fn whole(file: impl Stream<Item = Piece> + Send, headers: &HeaderMap, ranges: bool, fault: Fault) -> Response {
    let mut bytes = BytesMut::new();
    let mut file = std::pin::pin!(file);
    while let Some(piece) = file.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
    let mut bytes = bytes.freeze();
    let (length, etag) = (bytes.len(), etag(&bytes));
    let from = first_byte(headers, &etag, length).filter(|_| ranges);
    let _ = bytes.split_to(from.unwrap_or(0));
    let promised = match fault {
        Fault::WrongLength(more) => bytes.len().saturating_add_signed(more as isize),
        _ => bytes.len(),
    };
    let pieces = stream::unfold(bytes, |mut bytes| async move {
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some((Ok(piece), bytes))
    });
    let mut response = Body::from_stream(spoiled(pieces, fault)).into_response();
    let mut set = |name, value: String| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_LENGTH, promised.to_string());
    if ranges {
        set(header::ETAG, etag);
        set(header::ACCEPT_RANGES, "bytes".to_owned());
    }
    if let Some(from) = from {
        set(header::CONTENT_RANGE, format!("bytes {from}-{}/{length}", length - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

fn etag(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    let hex: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Where a request wants the file to begin, if it is still the file it means.
fn first_byte(headers: &HeaderMap, etag: &str, length: usize) -> Option<usize> {
    let text = |name| headers.get(name)?.to_str().ok();
    let from = text(header::RANGE)?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
    let is_same = text(header::IF_RANGE).is_none_or(|condition| condition == etag);
    (is_same && from < length).then_some(from)
}

/// The same bytes, but for what a fault does to them.
fn spoiled(file: impl Stream<Item = Piece> + Send + 'static, fault: Fault) -> impl Stream<Item = Piece> + Send {
    let state = (Box::pin(file), 0_u64, false);
    stream::unfold(state, move |(mut file, position, ended)| async move {
        match fault {
            Fault::Cut(_) if ended => {
                // What came so far goes out while the body rests.
                tokio::time::sleep(CUT_REST).await;
                return Some((Err(io::ErrorKind::ConnectionReset.into()), (file, position, true)));
            }
            Fault::Stall(_) if ended => std::future::pending::<()>().await,
            _ => {}
        }
        let mut piece = match file.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some((Err(error), (file, position, false))),
            None => {
                if let Fault::WrongLength(_) = fault {
                    tokio::time::sleep(CUT_REST).await;
                }
                return None;
            }
        };
        let end = position + piece.len() as u64;
        let mut ended = false;
        match fault {
            Fault::Cut(at) | Fault::Stall(at) if at < end => {
                piece.truncate((at - position) as usize);
                ended = true;
            }
            Fault::Corrupt(at) if (position..end).contains(&at) => {
                let mut bytes = BytesMut::from(&piece[..]);
                bytes[(at - position) as usize] ^= 0x10;
                piece = bytes.freeze();
            }
            _ => {}
        }
        Some((Ok(piece), (file, end, ended)))
    })
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
        let delivery = Delivery { spec: endless, fault: Fault::None, ranges: false, closed };
        let response = runtime.block_on(respond(delivery, &HeaderMap::new()));
        drop(response);
        // A runtime waits for its blocking threads: this hangs if the generator goes on.
        drop(runtime);
    }
}
