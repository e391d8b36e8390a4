//! From raw bytes to inflated ones, on a task of its own that feeds a [`Reader`](crate::Reader) through a bounded
//! queue.
//!
//! What the bytes are is told by what they begin with, never by a header or a file's name. Several gzip members or zstd
//! frames in a row are one stream; an end in the middle of one is an error, and so is anything else after the last.

use crate::{
    Error, Limits, Result,
    resume::{HandedOn, Resume},
    source::{Origin, Source},
};
use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::{BufMut, Bytes, BytesMut};
use reqwest::{Response, header::CONTENT_ENCODING};
use std::io;
use tokio::{io::AsyncReadExt, sync::mpsc::Sender};

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

/// What the task sends to the reader. The end is said explicitly: a queue that just closes is a failure.
pub(crate) enum Piece {
    Data(Bytes),
    End,
    Failed(Error),
}

/// Inflates `source` into the queue until its end, an error, or until nobody reads any more. `gzip_promised` says that
/// a header announced gzip: then an empty stream is one that was cut short. A download that can `resume` is gone on with
/// where it breaks, or started over.
pub(crate) async fn pump(
    source: Source,
    gzip_promised: bool,
    resume: Option<Resume>,
    limits: Limits,
    queue: Sender<Piece>,
) {
    let last = tokio::select! {
        () = queue.closed() => return,
        end = inflate(source, gzip_promised, resume, &limits, &queue) => end,
    };
    let _ = queue.send(last.map_or_else(Piece::Failed, |()| Piece::End)).await;
}

async fn inflate(
    mut source: Source,
    mut gzip_promised: bool,
    resume: Option<Resume>,
    limits: &Limits,
    queue: &Sender<Piece>,
) -> Result<()> {
    let (from, progress) = (source.from.clone(), source.progress.clone());
    let mut resumable = resume.map(|resume| Resumable { resume, handed_on: HandedOn::default() });
    loop {
        let end = hand_on(source, gzip_promised, limits, queue, resumable.as_mut()).await;
        let Some(Resumable { resume, handed_on }) = &mut resumable else { return end };
        let Err(error) = end else {
            handed_on.end(&from)?;
            return resume.finish(progress.bytes_in()).await;
        };
        let response = resume.restart(error).await?;
        handed_on.start_over();
        progress.start_over(response.content_length());
        gzip_promised = promises_gzip(&response);
        source = resume.source(response, from.clone(), progress.clone());
    }
}

/// Whether the headers announce gzip.
pub(crate) fn promises_gzip(response: &Response) -> bool {
    response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip")
}

/// Sees each piece of a download before it goes to the reader.
struct Resumable {
    resume: Resume,
    handed_on: HandedOn,
}

impl Resumable {
    /// What of the piece goes on.
    fn pass(&mut self, piece: Bytes, from: &Origin) -> Result<Bytes> {
        let new = self.handed_on.pass(piece, from)?;
        if !new.is_empty() {
            self.resume.progressed();
        }
        Ok(new)
    }
}

/// Inflates a source into the queue until its end or an error.
async fn hand_on(
    source: Source,
    gzip_promised: bool,
    limits: &Limits,
    queue: &Sender<Piece>,
    mut resumable: Option<&mut Resumable>,
) -> Result<()> {
    let from = source.from.clone();
    let mut stream = Inflate::of(source, gzip_promised, limits).await?;
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
            // Nobody reads any more: whoever runs this is about to be told.
            return std::future::pending().await;
        }
        stream.source().rest();
        if !more? {
            return Ok(());
        }
    }
}

/// A stream being inflated.
enum Inflate {
    Plain(Source),
    Gzip(GzipDecoder<Source>),
    Zstd { decoder: ZstdDecoder<Source>, window_log_max: u32 },
}

impl Inflate {
    async fn of(mut source: Source, gzip_promised: bool, limits: &Limits) -> Result<Self> {
        let head = source.peek(HEAD_BYTES).await?;
        if gzip_promised && head.is_empty() {
            return Err(Error::Truncated { from: source.from, format: "gzip", received: 0 });
        }
        let format = Format::of(head);
        if format == Format::Gzip && head.get(2).is_some_and(|method| *method != GZIP_DEFLATE) {
            let (from, received) = (source.from, source.progress.bytes_in());
            return Err(Error::Corrupt { from, format: "gzip", received, detail: "unknown method".into() });
        }
        if format != Format::Plain {
            source.progress.set_packed();
        }
        Ok(match format {
            Format::Plain => Self::Plain(source),
            Format::Gzip => {
                let mut decoder = GzipDecoder::new(source);
                decoder.multiple_members(true);
                Self::Gzip(decoder)
            }
            Format::Zstd => {
                // The range that zstd itself accepts; outside of it the decoder would panic.
                let window_log_max = limits.zstd_window_log_max.clamp(10, 31);
                let mut decoder = ZstdDecoder::with_params(source, &[DParameter::window_log_max(window_log_max)]);
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
                Self::Plain(source) => source.read_buf(&mut room).await,
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

    fn source(&mut self) -> &mut Source {
        match self {
            Self::Plain(source) => source,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd { decoder, .. } => decoder.get_mut(),
        }
    }

    /// Takes a typed error of the source as it is, and gives a decoder's error a type.
    fn explain(&mut self, error: io::Error) -> Error {
        let error = match error.downcast::<Error>() {
            Ok(typed) => return typed,
            Err(error) => error,
        };
        let (from, received) = (self.source().from.clone(), self.source().progress.bytes_in());
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
