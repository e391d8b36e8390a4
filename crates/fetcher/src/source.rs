//! Raw bytes as they arrive, counted, watched and kept.

use crate::{
    Error, Result,
    error::Cause,
    keep::{self, Keep},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{
    fmt,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
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
#[async_trait]
pub(crate) trait Mend: Send {
    /// The stream from this byte on, after this error; or nothing if it cannot be had, now or at all.
    async fn rest(&mut self, received: u64, error: &Error) -> Option<ByteStream>;
}

/// A stream of chunks, with typed errors.
pub(crate) struct Source {
    stream: ByteStream,
    mend: Option<Box<dyn Mend>>,
    /// Where the chunks are kept, if they are.
    keep: Option<Arc<dyn Keep>>,
    /// The longest time without a byte, where there is such a limit.
    idle: Option<Duration>,
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
        let stream = Box::pin(stream.map(|chunk| chunk.map_err(Into::into)));
        Self { stream, mend: None, keep: None, idle, from, progress }
    }

    /// The same of a stream that can be mended, and that is kept if there is a place for it.
    pub(crate) fn resumable(self, mend: impl Mend + 'static, keep: Option<Arc<dyn Keep>>) -> Self {
        Self { mend: Some(Box::new(mend)), keep, ..self }
    }

    /// The next chunk, or nothing at the end. After that, or after an error, there is no next one.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let error = match self.received().await {
                Ok(chunk) => return self.kept(chunk).await,
                Err(error) => error,
            };
            let rest = match &mut self.mend {
                Some(mend) => mend.rest(self.progress.bytes_in(), &error).await,
                None => None,
            };
            self.stream = rest.ok_or(error)?;
        }
    }

    /// What the stream brings next, unless it fails or is silent for too long. Only as long as this waits does the time
    /// count: while our own side is busy, bytes may well wait unread.
    async fn received(&mut self) -> Result<Option<Bytes>> {
        let next = match self.idle {
            Some(idle) => tokio::time::timeout(idle, self.stream.next()).await.map_err(|_| self.stalled(idle))?,
            None => self.stream.next().await,
        };
        match next {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            Some(Err(cause)) => Err(self.broken(cause)),
            // HTTP checks this by itself, other streams may not.
            None if self.progress.total_in().is_some_and(|total| self.progress.bytes_in() < total) => {
                Err(self.broken("it ended early".into()))
            }
            None => Ok(None),
        }
    }

    /// Counts a chunk, and keeps it. That is no part of the stream, whose silence is watched: a slow disk is not the other
    /// side's fault.
    async fn kept(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>> {
        if let Some(chunk) = &chunk {
            let at = self.progress.bytes_in();
            self.progress.add_in(chunk.len());
            if let Some(keep) = &self.keep {
                keep.write(chunk.clone(), at).await.map_err(keep::failed(&**keep))?;
            }
        }
        Ok(chunk)
    }

    fn stalled(&self, idle: Duration) -> Error {
        Error::Stalled { from: self.from.clone(), received: self.progress.bytes_in(), idle }
    }

    fn broken(&self, source: Cause) -> Error {
        let (from, received) = (self.from.clone(), self.progress.bytes_in());
        match from {
            Origin::Url(_) => Error::Broken { from, received, total: self.progress.total_in(), source },
            Origin::Path(_) | Origin::Stdin => Error::InputRead { from, received, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::io;

    #[tokio::test]
    async fn fewer_bytes_than_promised_are_an_error() {
        let stream = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"abc"))]);
        let mut source = Source::new(stream, Origin::Url("http://x/".into()), Progress::new(Some(5)), None);
        assert_eq!(source.next().await.unwrap(), Some(Bytes::from_static(b"abc")));
        let error = source.next().await.unwrap_err();
        assert_eq!(error.to_string(), "the connection to http://x/ broke after 3 of 5 bytes; download again");
    }

    #[tokio::test]
    async fn silence_is_an_error_but_our_own_rest_is_none() {
        let idle = Duration::from_millis(200);
        let silent = stream::pending::<io::Result<Bytes>>();
        let mut source = Source::new(silent, Origin::Stdin, Progress::new(None), Some(idle));
        let half = tokio::time::timeout(idle / 2, source.next()).await;
        assert!(half.is_err(), "half the time is no silence");
        tokio::time::sleep(idle).await;
        assert!(tokio::time::timeout(idle / 2, source.next()).await.is_err(), "the clock has started anew");
        assert!(matches!(source.next().await, Err(Error::Stalled { .. })));
    }
}
