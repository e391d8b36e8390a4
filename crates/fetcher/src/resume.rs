//! Going on with a download that broke.
//!
//! Where the server gives the file an `ETag`, the rest is asked for by `Range`, under the condition that it is still the
//! same file; the decoder above notices nothing. Otherwise the file is downloaded from its start again, inflated again,
//! and what has already been handed on is skipped, after its hash has shown that it is the same. A file whose beginning
//! has become another one is an error: nobody can tell what the rest of it belongs to.

use crate::{
    Error, Limits, Progress, Result,
    download::fetch,
    error::Cause,
    export::Export,
    http::{Content, Http},
    keep::{self, Keep},
    retry::{self, Repeat},
    source::{ByteStream, Mend, Origin, Source},
};
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt, TryStreamExt};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderValue},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use twox_hash::xxhash3_128::Hasher;
use url::Url;

/// Where a file can be had from, again and again.
#[derive(Clone)]
pub(crate) enum Again {
    Export(Export),
    Address(Arc<Http>, Url),
}

impl Again {
    /// The answer with the file (200), or with the rest of it (206).
    pub(crate) async fn get(&self, content: Content) -> Result<Response> {
        match self {
            Self::Export(export) => export.download(content).await,
            Self::Address(http, url) => {
                let asks_for_rest = matches!(content, Content::Rest { .. });
                let response = fetch(http, None, "download", url, Repeat::Freely, content).await?;
                match response.status() {
                    StatusCode::OK => Ok(response),
                    StatusCode::PARTIAL_CONTENT if asks_for_rest => Ok(response),
                    _ => Err(http.status_error("download", response).await),
                }
            }
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        match self {
            Self::Export(export) => export.limits(),
            Self::Address(http, _) => &http.limits,
        }
    }
}

/// What is known about going on with one download. Clones share it.
#[derive(Clone)]
pub(crate) struct Resume(Arc<Inner>);

struct Inner {
    again: Again,
    keep: Option<Arc<dyn Keep>>,
    /// The file's strong validator, if it has one.
    etag: Mutex<Option<HeaderValue>>,
    /// An answer with the whole file, where only the rest was asked for.
    whole: Mutex<Option<Response>>,
    /// The byte that receiving ever got to.
    farthest: AtomicU64,
    /// Tries since the last byte that was new.
    in_vain: AtomicU32,
    tries: AtomicU32,
}

impl Resume {
    pub(crate) fn new(again: Again, first: &Response, keep: Option<Arc<dyn Keep>>) -> Self {
        let etag = Mutex::new(etag(first));
        let (in_vain, tries) = (AtomicU32::new(0), AtomicU32::new(0));
        let (whole, farthest) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { again, keep, etag, whole, farthest, in_vain, tries }))
    }

    /// Says that something new has come.
    pub(crate) fn progressed(&self) {
        self.0.in_vain.store(0, Relaxed);
    }

    /// The file from its start on, after `error`; or that error, if it has been tried often enough, or if another try
    /// cannot help.
    pub(crate) async fn restart(&self, error: Error) -> Result<Response> {
        if !error.is_mendable() {
            return Err(error);
        }
        // What answered to a request for the rest was a try, and its wait is over.
        let at_hand = lock(&self.0.whole).take();
        let response = match at_hand {
            Some(response) => response,
            None => {
                let Some(delay) = self.next_try() else { return Err(error) };
                tracing::warn!(%error, ?delay, "a download broke: starting over, and skipping what was read");
                tokio::time::sleep(delay).await;
                self.0.again.get(Content::File).await?
            }
        };
        *lock(&self.0.etag) = etag(&response);
        Ok(response)
    }

    /// The body of an answer with the whole file, gone on with if it breaks, and kept if it is to be.
    pub(crate) fn source(&self, response: Response, from: Origin, progress: Arc<Progress>) -> Source {
        let idle = Some(self.0.again.limits().read_idle_timeout);
        Source::new(body(response), from, progress, idle).resumable(self.clone(), self.0.keep.clone())
    }

    /// Says that the file has come whole, with so many bytes.
    pub(crate) async fn finish(&self, bytes: u64) -> Result<()> {
        match &self.0.keep {
            Some(keep) => keep.finish(bytes).await.map_err(keep::failed(&**keep)),
            None => Ok(()),
        }
    }

    /// How long to wait before another try, unless there were enough.
    fn next_try(&self) -> Option<Duration> {
        let limits = self.0.again.limits();
        let in_vain = self.0.in_vain.fetch_add(1, Relaxed);
        let tries = self.0.tries.fetch_add(1, Relaxed);
        (in_vain < limits.resumes_in_vain_max && tries < limits.resumes_max)
            .then(|| retry::patient_delays(limits).nth(in_vain as usize))
            .flatten()
    }
}

#[async_trait]
impl Mend for Resume {
    async fn rest(&mut self, received: u64, error: &Error) -> Option<ByteStream> {
        // It is new, though it may still wait to be inflated.
        if self.0.farthest.fetch_max(received, Relaxed) < received {
            self.progressed();
        }
        let etag = lock(&self.0.etag).clone()?;
        let delay = error.is_mendable().then(|| self.next_try()).flatten()?;
        tracing::warn!(%error, ?delay, received, "a download broke: asking for the rest");
        tokio::time::sleep(delay).await;
        match self.0.again.get(Content::Rest { from: received, etag }).await {
            Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => {
                if begins_at(&response, received) {
                    return Some(body(response).boxed());
                }
                tracing::warn!("the server sent another part of the file");
                *lock(&self.0.etag) = None;
            }
            Ok(response) => *lock(&self.0.whole) = Some(response),
            // Not every server that names its files can send them in parts.
            Err(error) => {
                tracing::warn!(%error, "the rest cannot be had");
                *lock(&self.0.etag) = None;
            }
        }
        None
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A validator that tells even one byte's difference.
fn etag(response: &Response) -> Option<HeaderValue> {
    response.headers().get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\"")).cloned()
}

fn begins_at(response: &Response, byte: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// Whether the headers announce gzip.
pub(crate) fn promises_gzip(response: &Response) -> bool {
    response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip")
}

fn body(response: Response) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    response.bytes_stream().map_err(|error| error.without_url().into())
}

/// What was handed on of a stream that may have to start over.
#[derive(Default)]
pub(crate) struct HandedOn {
    hasher: Hasher,
    /// What the hash is of.
    bytes: u64,
    /// After a new start: so many bytes have this hash, and are not handed on again.
    known: Option<(u64, u128)>,
}

impl HandedOn {
    /// From here on comes the stream's beginning again.
    pub(crate) fn start_over(&mut self) {
        // If it broke again before the known part was over, that is still what is known.
        let known = self.known.unwrap_or((self.bytes, self.hasher.finish_128()));
        *self = Self { known: Some(known).filter(|(bytes, _)| *bytes > 0), ..Self::default() };
    }

    /// What of this piece is new.
    pub(crate) fn pass(&mut self, mut piece: Bytes, from: &Origin) -> Result<Bytes> {
        if let Some((bytes, hash)) = self.known {
            let old = piece.len().min(usize::try_from(bytes - self.bytes).unwrap_or(usize::MAX));
            self.hasher.write(&piece[..old]);
            self.bytes += old as u64;
            piece.advance(old);
            if self.bytes < bytes {
                return Ok(piece);
            }
            if self.hasher.finish_128() != hash {
                return Err(Error::Changed { from: from.clone(), bytes });
            }
            self.known = None;
        }
        self.hasher.write(&piece);
        self.bytes += piece.len() as u64;
        Ok(piece)
    }

    /// Whether the stream may end here.
    pub(crate) fn end(&self, from: &Origin) -> Result<()> {
        match self.known {
            Some((bytes, _)) => Err(Error::Changed { from: from.clone(), bytes }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(handed_on: &mut HandedOn, pieces: &[&'static str]) -> Result<String> {
        let mut new = String::new();
        for piece in pieces {
            let piece = handed_on.pass(Bytes::from_static(piece.as_bytes()), &Origin::Stdin)?;
            new.push_str(std::str::from_utf8(&piece).unwrap());
        }
        Ok(new)
    }

    #[test]
    fn what_was_handed_on_is_skipped_however_it_is_cut() {
        for (before, after) in [
            (&["abc", "def"][..], &["abcdefgh"][..]),
            (&["abc", "def"], &["a", "bcd", "efgh"]),
            (&["abc", "def"], &["abcdef", "gh"]),
            (&[], &["abcdef", "gh"]),
        ] {
            let mut handed_on = HandedOn::default();
            let mut all = passed(&mut handed_on, before).unwrap();
            handed_on.start_over();
            // Once more it breaks, in the known part.
            assert_eq!(
                passed(&mut handed_on, &after[..1][..usize::from(!before.is_empty() && after.len() > 2)]).unwrap(),
                ""
            );
            handed_on.start_over();
            all += &passed(&mut handed_on, after).unwrap();
            assert_eq!(all, "abcdefgh");
            handed_on.end(&Origin::Stdin).unwrap();
        }
    }

    #[test]
    fn another_beginning_is_an_error() {
        for after in [&["abcXefgh"][..], &["ab"], &[]] {
            let mut handed_on = HandedOn::default();
            passed(&mut handed_on, &["abcdef"]).unwrap();
            handed_on.start_over();
            let error = passed(&mut handed_on, after).and_then(|_| handed_on.end(&Origin::Stdin)).unwrap_err();
            assert!(matches!(error, Error::Changed { bytes: 6, .. }));
        }
    }
}
