//! From raw bytes to inflated ones, on a thread of its own between two bounded queues.
//!
//! What the bytes are is told by what they begin with, never by a header or a file's name. Several gzip members or zstd
//! frames in a row are one stream; an end in the middle of one is an error, and so is anything else after the last.

use crate::{
    Error, Limits, Result,
    block_on::block_on,
    packed::Packed,
    resume::{HandedOn, Resume},
    source::Origin,
};
use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::{io, thread};
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc::Sender, oneshot},
};
use tracing::Span;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Gzip,
    Zstd,
}

/// So many first bytes tell the format.
pub(crate) const HEAD_BYTES: usize = 4;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The one method of compression there is; it follows the magic number.
const GZIP_DEFLATE: u8 = 8;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Format {
    /// Tells the format by its first [`HEAD_BYTES`], fewer only if there are no more. No JSON begins like either magic
    /// number, so a mere piece of one is a file of that format that was cut short.
    pub(crate) fn of(head: &[u8]) -> Self {
        let begins = |magic: &[u8]| !head.is_empty() && (head.starts_with(magic) || magic.starts_with(head));
        if begins(&GZIP_MAGIC) {
            Self::Gzip
        } else if begins(&ZSTD_MAGIC) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// What goes through a queue. The end is said explicitly: a queue that just closes is a failure.
pub(crate) enum Piece {
    Data(Bytes),
    End,
    Failed(Error),
}

/// What is known when a stream has been inflated.
pub(crate) struct Inflated {
    /// Also why it was not, if the source failed.
    pub(crate) end: Result<()>,
    pub(crate) resumable: Option<Resumable>,
}

/// Sees each piece of a download before it goes to the reader.
pub(crate) struct Resumable {
    pub(crate) resume: Resume,
    pub(crate) handed_on: HandedOn,
}

impl Resumable {
    pub(crate) fn new(resume: Resume) -> Self {
        Self { resume, handed_on: HandedOn::default() }
    }

    /// What of the piece goes on.
    fn pass(&mut self, piece: Bytes, from: &Origin) -> Result<Bytes> {
        let new = self.handed_on.pass(piece, from)?;
        if !new.is_empty() {
            self.resume.progressed();
        }
        Ok(new)
    }
}

/// Starts the thread that inflates `packed` into the queue until its end, an error, or until nobody reads any more.
/// `gzip_promised` says that a header announced gzip: then an empty stream is one that was cut short.
pub(crate) fn start(
    packed: Packed,
    gzip_promised: bool,
    mut resumable: Option<Resumable>,
    limits: &Limits,
    queue: &Sender<Piece>,
) -> Result<oneshot::Receiver<Inflated>> {
    let (from, limits, queue) = (packed.from().clone(), limits.clone(), queue.clone());
    let (sender, receiver) = oneshot::channel();
    let span = Span::current();
    let inflate = move || {
        let end = hand_on(packed, gzip_promised, &limits, &queue, resumable.as_mut());
        let end = span.in_scope(|| block_on(end));
        // If nobody waits for this, the runtime is gone, or the reader.
        let _ = sender.send(Inflated { end, resumable });
    };
    let started = thread::Builder::new().name("inflate".to_owned()).spawn(inflate);
    started.map_err(|source| Error::Thread { from, source })?;
    Ok(receiver)
}

/// Inflates into the queue until the end or an error.
async fn hand_on(
    packed: Packed,
    gzip_promised: bool,
    limits: &Limits,
    queue: &Sender<Piece>,
    mut resumable: Option<&mut Resumable>,
) -> Result<()> {
    let from = packed.from().clone();
    let mut stream = Inflate::of(packed, gzip_promised, limits).await?;
    loop {
        let mut chunk = BytesMut::with_capacity(limits.chunk_bytes.max(1));
        let more = stream.fill(&mut chunk).await;
        let piece = chunk.freeze();
        let new = match &mut resumable {
            Some(resumable) => resumable.pass(piece, &from)?,
            None => piece,
        };
        // Also before an error: how much can be read does not depend on where a chunk happens to end.
        if !new.is_empty() && queue.send(Piece::Data(new)).await.is_err() {
            // Nobody reads any more, so nobody hears of this either.
            return Err(Error::Stopped { from });
        }
        if !more? {
            return Ok(());
        }
    }
}

/// A stream being inflated.
enum Inflate {
    Plain(Packed),
    Gzip(GzipDecoder<Packed>),
    Zstd { decoder: ZstdDecoder<Packed>, window_log_max: u32 },
}

impl Inflate {
    async fn of(mut packed: Packed, gzip_promised: bool, limits: &Limits) -> Result<Self> {
        let head = packed.peek(HEAD_BYTES).await?;
        if gzip_promised && head.is_empty() {
            return Err(Error::Truncated { from: packed.from().clone(), format: "gzip", received: 0 });
        }
        let format = Format::of(head);
        if format == Format::Gzip && head.get(2).is_some_and(|method| *method != GZIP_DEFLATE) {
            let (from, received) = (packed.from().clone(), packed.taken());
            return Err(Error::Corrupt { from, format: "gzip", received, detail: "unknown method".into() });
        }
        if format != Format::Plain {
            packed.set_packed();
        }
        Ok(match format {
            Format::Plain => Self::Plain(packed),
            Format::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                Self::Gzip(decoder)
            }
            Format::Zstd => {
                // The range that zstd itself accepts; outside of it the decoder would panic.
                let window_log_max = limits.zstd_window_log_max.clamp(10, 31);
                let mut decoder = ZstdDecoder::with_params(packed, &[DParameter::window_log_max(window_log_max)]);
                decoder.multiple_members(true);
                Self::Zstd { decoder, window_log_max }
            }
        })
    }

    /// Fills `chunk` to its capacity; `false` says that the stream has ended with it.
    async fn fill(&mut self, chunk: &mut BytesMut) -> Result<bool> {
        let capacity = chunk.capacity();
        let mut room = chunk.limit(capacity);
        while room.has_remaining_mut() {
            let read = match self {
                Self::Plain(packed) => packed.read_buf(&mut room).await,
                Self::Gzip(decoder) => decoder.read_buf(&mut room).await,
                Self::Zstd { decoder, .. } => decoder.read_buf(&mut room).await,
            };
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) => return Err(self.explain(error)),
            }
        }
        Ok(true)
    }

    fn packed(&self) -> &Packed {
        match self {
            Self::Plain(packed) => packed,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd { decoder, .. } => decoder.get_ref(),
        }
    }

    /// Takes a typed error of the source as it is, and gives a decoder's error a type.
    fn explain(&self, error: io::Error) -> Error {
        let error = match error.downcast::<Error>() {
            Ok(typed) => return typed,
            Err(error) => error,
        };
        let (from, received) = (self.packed().from().clone(), self.packed().taken());
        match self {
            Self::Plain(_) => Error::InputRead { from, received, source: error.into() },
            Self::Gzip(_) => gzip_error(from, received, &error),
            Self::Zstd { window_log_max, .. } => zstd_error(from, received, &error, *window_log_max),
        }
    }
}

fn gzip_error(from: Origin, received: u64, error: &io::Error) -> Error {
    let format = "gzip";
    let detail = error.to_string();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Error::Truncated { from, format, received }
    } else if detail == "Invalid gzip header" {
        // That of the first member was seen to be right before the decoder was made.
        Error::Trailing { from, format, received }
    } else {
        Error::Corrupt { from, format, received, detail }
    }
}

fn zstd_error(from: Origin, received: u64, error: &io::Error, window_log_max: u32) -> Error {
    let format = "zstd";
    let detail = error.to_string();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Error::Truncated { from, format, received }
    } else if detail.contains("too much memory") {
        Error::Window { from, window_log_max }
    } else if detail.contains("Unknown frame descriptor") {
        Error::Trailing { from, format, received }
    } else {
        Error::Corrupt { from, format, received, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        for (head, format) in [
            (&b""[..], Format::Plain),
            (b"{", Format::Plain),
            (b"\xef\xbb\xbf{", Format::Plain),
            (b"\x1f", Format::Gzip),
            (b"\x1f\x8b\x08\x00", Format::Gzip),
            (b"\x1f\x00", Format::Plain),
            (b"\x28\xb5", Format::Zstd),
            (b"\x28\xb5\x2f\xfd", Format::Zstd),
            (b"\x28\xb5\x2f\x00", Format::Plain),
        ] {
            assert_eq!(Format::of(head), format, "{head:?}");
        }
    }
}
