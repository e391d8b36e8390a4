//! Raw bytes as they arrive, counted and watched: what every decoder reads from.

use crate::{
    Error, Result,
    error::Cause,
    keep::{self, Keep},
};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture};
use std::{
    fmt,
    future::poll_fn,
    io,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, ReadBuf},
    time::Sleep,
};

/// Where bytes come from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A URL as people may see it: no user, password or query.
    Url(String),
    /// A local file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// How far a stream has come. It can be read from any thread while the stream runs.
#[derive(Debug, Default)]
pub struct Progress {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// What will have been received in the end, and one more; zero where it is not known.
    total_in: AtomicU64,
    is_packed: AtomicBool,
}

impl Progress {
    pub(crate) fn new(total_in: Option<u64>) -> Arc<Self> {
        let progress = Self::default();
        progress.start_over(total_in);
        Arc::new(progress)
    }

    /// The receiving begins, or begins anew.
    pub(crate) fn start_over(&self, total_in: Option<u64>) {
        self.bytes_in.store(0, Ordering::Relaxed);
        self.total_in.store(total_in.map_or(0, |total| total.saturating_add(1)), Ordering::Relaxed);
    }

    /// Bytes received, compressed as they came. When a broken download starts over, so do they.
    pub fn bytes_in(&self) -> u64 {
        // Relaxed: these are counters to look at, nothing is ordered by them.
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes inflated and read.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// How many bytes will be received, where it is known beforehand.
    pub fn total_in(&self) -> Option<u64> {
        self.total_in.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Whether what is received turned out to be compressed.
    pub(crate) fn is_packed(&self) -> bool {
        self.is_packed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_packed(&self) {
        self.is_packed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn add_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Chunks as they arrive.
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Cause>> + Send>>;

/// Whoever can get the rest of a stream that broke.
pub(crate) trait Mend: Send {
    /// The stream from this byte on, after this error; or nothing if it cannot be had, now or at all.
    fn rest(&mut self, received: u64, error: &Error) -> Option<BoxFuture<'static, Option<ByteStream>>>;
}

/// A stream of chunks as an [`AsyncBufRead`], with typed errors inside its `io::Error`s.
pub(crate) struct Source {
    stream: ByteStream,
    mend: Option<Box<dyn Mend>>,
    /// Under way to the rest, after this error.
    mending: Option<(Error, BoxFuture<'static, Option<ByteStream>>)>,
    /// Where the chunks are kept, if they are.
    keep: Option<Arc<dyn Keep>>,
    /// A chunk that is received and being kept. That is no part of the stream, whose silence is watched: a slow disk is
    /// not the other side's fault.
    keeping: Option<BoxFuture<'static, Result<Bytes>>>,
    /// Received and not yet consumed.
    chunk: Bytes,
    /// The stream has ended or failed, and is not polled again.
    ended: bool,
    /// The longest time without a byte, where there is such a limit.
    idle: Option<Duration>,
    /// Runs while the stream makes us wait, and only then: see [`Source::rest`].
    waiting: Option<Pin<Box<Sleep>>>,
    pub(crate) from: Origin,
    pub(crate) progress: Arc<Progress>,
}

impl Source {
    pub(crate) fn new<E: Into<Cause>>(
        stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        from: Origin,
        progress: Arc<Progress>,
        idle: Option<Duration>,
    ) -> Self {
        Self {
            stream: Box::pin(stream.map(|chunk| chunk.map_err(Into::into))),
            mend: None,
            mending: None,
            keep: None,
            keeping: None,
            chunk: Bytes::new(),
            ended: false,
            idle,
            waiting: None,
            from,
            progress,
        }
    }

    /// The same of a stream that can be mended, and that is kept if there is a place for it.
    pub(crate) fn resumable(self, mend: impl Mend + 'static, keep: Option<Arc<dyn Keep>>) -> Self {
        Self { mend: Some(Box::new(mend)), keep, ..self }
    }

    /// The first `count` bytes, or fewer if there are no more, without consuming them. Chunks may be as small as a
    /// byte.
    pub(crate) async fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.chunk.len() < count {
            let seen = std::mem::take(&mut self.chunk);
            poll_fn(|cx| self.poll_chunk(cx)).await?;
            if seen.is_empty() && !self.ended {
                continue;
            }
            let mut joined = BytesMut::from(&seen[..]);
            joined.extend_from_slice(&self.chunk);
            self.chunk = joined.freeze();
            if self.ended {
                break;
            }
        }
        Ok(&self.chunk)
    }

    /// Says that our own side was busy. The time until now is no silence of the other side: bytes may well have waited
    /// unread, and the clock starts anew.
    pub(crate) fn rest(&mut self) {
        self.waiting = None;
    }

    /// Until `chunk` has bytes or `ended` is set.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.chunk.is_empty() && !self.ended {
            if let Some((_, rest)) = &mut self.mending {
                let rest = ready!(rest.poll_unpin(cx));
                match (self.mending.take(), rest) {
                    (_, Some(rest)) => self.stream = rest,
                    (Some((error, _)), None) => {
                        self.ended = true;
                        return Poll::Ready(Err(error));
                    }
                    (None, None) => unreachable!("it was there a moment ago"),
                }
            }
            if let Err(error) = ready!(self.poll_stream(cx)) {
                let mend = self.mend.as_mut();
                match mend.and_then(|mend| mend.rest(self.progress.bytes_in(), &error)) {
                    Some(rest) => self.mending = Some((error, rest)),
                    None => {
                        self.ended = true;
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Until the stream has brought something, ended, failed or been silent for too long.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(keeping) = &mut self.keeping {
            let kept = ready!(keeping.poll_unpin(cx));
            self.keeping = None;
            self.chunk = kept?;
            return Poll::Ready(Ok(()));
        }
        let Poll::Ready(next) = self.stream.poll_next_unpin(cx) else {
            ready!(self.poll_silence(cx));
            self.waiting = None;
            let (from, received) = (self.from.clone(), self.progress.bytes_in());
            return Poll::Ready(Err(Error::Stalled { from, received, idle: self.idle.unwrap_or_default() }));
        };
        self.waiting = None;
        Poll::Ready(match next {
            Some(Ok(chunk)) => {
                let at = self.progress.bytes_in();
                self.progress.add_in(chunk.len());
                match self.keep.clone() {
                    Some(keep) => {
                        let keeping = async move {
                            let kept = keep.write(chunk.clone(), at).await;
                            kept.map(|()| chunk).map_err(keep::failed(&*keep))
                        };
                        self.keeping = Some(keeping.boxed());
                    }
                    None => self.chunk = chunk,
                }
                Ok(())
            }
            Some(Err(cause)) => Err(self.broken(cause)),
            // HTTP checks this by itself, other streams may not.
            None if self.progress.total_in().is_some_and(|total| self.progress.bytes_in() < total) => {
                Err(self.broken("it ended early".into()))
            }
            None => {
                self.ended = true;
                Ok(())
            }
        })
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(idle) = self.idle else { return Poll::Pending };
        self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle))).as_mut().poll(cx)
    }

    fn broken(&self, source: Cause) -> Error {
        let (from, received) = (self.from.clone(), self.progress.bytes_in());
        match from {
            Origin::Url(_) => Error::Broken { from, received, total: self.progress.total_in(), source },
            Origin::Path(_) | Origin::Stdin => Error::InputRead { from, received, source },
        }
    }
}

impl AsyncBufRead for Source {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_chunk(cx))?;
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.chunk.advance(count);
    }
}

impl AsyncRead for Source {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_chunk(cx))?;
        let count = self.chunk.len().min(buf.remaining());
        buf.put_slice(&self.chunk.split_to(count));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use tokio::io::AsyncReadExt;

    fn source(chunks: &[&'static str], total: Option<u64>) -> Source {
        let chunks: Vec<io::Result<Bytes>> =
            chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        Source::new(stream::iter(chunks), Origin::Url("http://x/".into()), Progress::new(total), None)
    }

    #[tokio::test]
    async fn peeking_joins_small_chunks_and_loses_nothing() {
        for chunks in [&["abcdef"][..], &["a", "b", "", "c", "def"], &["", "abc", "def"]] {
            let mut source = source(chunks, Some(6));
            assert!(source.peek(4).await.unwrap().starts_with(b"abcd"));
            let mut all = String::new();
            source.read_to_string(&mut all).await.unwrap();
            assert_eq!((all.as_str(), source.progress.bytes_in()), ("abcdef", 6));
        }
    }

    #[tokio::test]
    async fn peeking_takes_what_there_is() {
        assert_eq!(source(&[], None).peek(4).await.unwrap(), b"");
        assert_eq!(source(&["a", "b"], None).peek(4).await.unwrap(), b"ab");
    }

    #[tokio::test]
    async fn fewer_bytes_than_promised_are_an_error() {
        let error = source(&["abc"], Some(5)).read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), "the connection to http://x/ broke after 3 of 5 bytes; download again");
    }

    #[tokio::test]
    async fn silence_is_an_error_but_our_own_rest_is_none() {
        let idle = Duration::from_millis(200);
        let silent = stream::pending::<io::Result<Bytes>>();
        let mut source = Source::new(silent, Origin::Stdin, Progress::new(None), Some(idle));
        let half = tokio::time::timeout(idle / 2, source.peek(1)).await;
        assert!(half.is_err(), "half the time is no silence");
        tokio::time::sleep(idle).await;
        source.rest();
        assert!(tokio::time::timeout(idle / 2, source.peek(1)).await.is_err(), "the clock has started anew");
        assert!(matches!(source.peek(1).await, Err(Error::Stalled { .. })));
    }
}
