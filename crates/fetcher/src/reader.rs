//! The far end of the fetcher: inflated bytes for plain, blocking code.

use crate::{
    Error, Limits, Progress,
    inflate::Piece,
    pump::pump,
    resume::Resume,
    source::{Origin, Source},
    whole::Whole,
};
use bytes::{Buf, Bytes};
use std::{
    fmt, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{self, Receiver, error::TryRecvError};
use tracing::Instrument;

/// How long [`Reader::check_rest`] waits before it looks again whether something has come.
const REST_PAUSE: Duration = Duration::from_millis(1);

/// Inflated bytes, in bounded memory.
///
/// It blocks while bytes are on their way, so it belongs on a plain thread (`std::thread` or `spawn_blocking`); in
/// async code `read` panics. Dropping it stops whatever feeds it.
///
/// An error out of `read` holds an [`Error`] of this crate: [`Error::of`] takes it out. After an error no read succeeds
/// any more, so that a failure cannot be taken for the end.
pub struct Reader {
    feed: Feed,
    from: Origin,
    progress: Arc<Progress>,
}

enum Feed {
    /// A local file as it is: the shortest way, without a task or a copy in between.
    Direct(Box<dyn io::Read + Send>),
    /// The far end of the inflater's queue, and what is left of the piece taken last.
    Queue(Receiver<Piece>, Bytes),
    /// Every further read says so.
    Ended,
    /// Every further read fails.
    Failed,
}

impl Reader {
    /// Reads from `reader` itself.
    pub(crate) fn direct(reader: impl io::Read + Send + 'static, from: Origin, progress: Arc<Progress>) -> Self {
        Self { feed: Feed::Direct(Box::new(reader)), from, progress }
    }

    /// Starts the task that receives `source` and has it inflated, and goes on with it when it breaks, if it is a download
    /// that can `resume`. To be called within a runtime.
    pub(crate) fn pumped(source: Source, gzip_promised: bool, resume: Option<Resume>, limits: &Limits) -> Self {
        let (sender, receiver) = mpsc::channel(limits.queue_chunks.max(1));
        let (from, progress) = (source.from.clone(), source.progress.clone());
        tokio::spawn(pump(source, gzip_promised, resume, limits.clone(), sender).in_current_span());
        Self { feed: Feed::Queue(receiver, Bytes::new()), from, progress }
    }

    /// Counters that go on as the reader is read; they can be kept when the reader moves to its thread.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// The same as parts that are read in any order, if it is a local file that is not compressed, and nothing of it was
    /// read so far.
    pub fn whole(&self) -> io::Result<Option<Whole>> {
        match self.feed {
            Feed::Direct(_) if self.progress.bytes_in() == 0 => Whole::open(&self.from, &self.progress),
            _ => Ok(None),
        }
    }

    /// Reads on for nobody, up to so many bytes and for so long, if the stream is compressed: what is wrong with it shows
    /// only at its end, since there the checksums are. After that it is not read any more.
    pub fn check_rest(&mut self, bytes_max: u64, time_max: Duration) -> Result<(), Error> {
        let began = Instant::now();
        let Feed::Queue(queue, _) = &mut self.feed else { return Ok(()) };
        let mut left = if self.progress.is_packed() { bytes_max } else { 0 };
        let checked = loop {
            if left == 0 || began.elapsed() >= time_max {
                break Ok(());
            }
            match queue.try_recv() {
                Ok(Piece::Data(data)) => left = left.saturating_sub(data.len() as u64),
                Ok(Piece::End) => break Ok(()),
                Ok(Piece::Failed(error)) => break Err(error),
                // What it waits for may never come.
                Err(TryRecvError::Empty) => thread::sleep(REST_PAUSE),
                Err(TryRecvError::Disconnected) => break Err(self.stopped()),
            }
        };
        self.feed = Feed::Failed;
        checked
    }

    /// Where the bytes come from.
    pub fn origin(&self) -> &Origin {
        &self.from
    }

    fn fail(&mut self, error: Error) -> io::Error {
        self.feed = Feed::Failed;
        error.into()
    }

    fn stopped(&self) -> Error {
        Error::Stopped { from: self.from.clone() }
    }
}

impl io::Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        match &mut self.feed {
            Feed::Direct(reader) => match reader.read(buf) {
                Ok(count) => {
                    self.progress.add_in(count);
                    self.progress.add_out(count);
                    Ok(count)
                }
                // By the contract of `Read` this one is no failure: the caller reads again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
                Err(error) => {
                    let (from, received) = (self.from.clone(), self.progress.bytes_in());
                    Err(self.fail(Error::InputRead { from, received, source: error.into() }))
                }
            },
            Feed::Queue(queue, chunk) => {
                if chunk.is_empty() {
                    match queue.blocking_recv() {
                        Some(Piece::Data(data)) => *chunk = data,
                        Some(Piece::End) => {
                            self.feed = Feed::Ended;
                            return Ok(0);
                        }
                        Some(Piece::Failed(error)) => return Err(self.fail(error)),
                        None => {
                            let error = self.stopped();
                            return Err(self.fail(error));
                        }
                    }
                }
                let count = chunk.len().min(buf.len());
                chunk.copy_to_slice(&mut buf[..count]);
                self.progress.add_out(count);
                Ok(count)
            }
            Feed::Ended => Ok(0),
            Feed::Failed => Err(self.stopped().into()),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("from", &self.from).field("progress", &self.progress).finish_non_exhaustive()
    }
}
