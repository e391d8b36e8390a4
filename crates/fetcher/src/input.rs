//! Exports that are already at hand: a file, standard input, an address. All become the same [`Reader`].
//!
//! A plain file or pipe is read directly, by the thread that wants the bytes; a compressed one goes through the same
//! inflating task as a download, so that inflating and parsing run side by side.

use crate::{
    Error, Limits, Network, Origin, Progress, Reader, Result,
    download::{self, fetch},
    error::{Cause, shown},
    http::{Content, Http, is_safe},
    inflate::{Format, HEAD_BYTES},
    resume::Again,
    retry::Repeat,
    source::Source,
};
use bytes::Bytes;
use futures_util::{Stream, stream::try_unfold};
use reqwest::StatusCode;
use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};
use url::Url;

/// Where an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A local file, by whatever name.
    Path(PathBuf),
    /// Standard input, written `-`.
    Stdin,
    /// `https://…`, or `http://…` on loopback. No token is sent there.
    Https(Url),
}

impl Input {
    /// Reads an input's name as it stands on a command line.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |input: String, reason| Err(Error::InputName { input, reason });
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if text.is_empty() {
            return refuse("\"\"".into(), "it has no name; give a path, - or an https:// address");
        }
        if !text.contains("://") {
            return Ok(Self::Path(text.into()));
        }
        match Url::parse(text) {
            Ok(url) if is_safe(&url) => Ok(Self::Https(url)),
            Ok(url) if url.scheme() == "http" => refuse(shown(&url), "plain http is for loopback only; use https"),
            Ok(url) => refuse(shown(&url), "this kind of address is not known; give a path, - or an https:// address"),
            // The rest is not shown: whatever it is, it may hold a password or a signature.
            Err(_) => {
                let scheme = text.split("://").next().unwrap_or_default();
                refuse(format!("{scheme}://…"), "it looks like an address, but is none; write https://host/path")
            }
        }
    }
}

impl FromStr for Input {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// Opens an input. To be called within a runtime; the reader then goes to a thread of its own. An empty input is no
/// error here.
pub async fn open(input: &Input, limits: &Limits) -> Result<Reader> {
    match input {
        Input::Path(path) => {
            let path = path.clone();
            local(Origin::Path(path.clone()), limits, move || open_file(path)).await
        }
        Input::Stdin => local(Origin::Stdin, limits, || Ok((io::stdin(), None))).await,
        Input::Https(url) => {
            let http = Arc::new(Http::new(limits.clone(), url.scheme() == "http", &Network::default(), None)?);
            let response = fetch(&http, None, "download", url, Repeat::Freely, Content::File).await?;
            if response.status() != StatusCode::OK {
                return Err(http.status_error("download", response).await);
            }
            Ok(download::started(response, Again::Address(http, url.clone())).into_reader())
        }
    }
}

/// A file that is at hand now, and came from somewhere else.
pub(crate) async fn read_file(path: PathBuf, from: Origin, limits: &Limits) -> Result<Reader> {
    local(from, limits, move || open_file(path)).await
}

/// A reader of any other stream, say of an object store: inflated by its content like every input, and checked to be as
/// long as `total` says. To be called within a runtime.
pub fn from_stream<E: Into<Cause>>(
    stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    from: Origin,
    total: Option<u64>,
    limits: &Limits,
) -> Reader {
    let source = Source::new(stream, from, Progress::new(total), Some(limits.read_idle_timeout));
    Reader::pumped(source, false, limits)
}

/// `start` opens the input, and says how long it is if it knows; it may block, as may the first read.
async fn local<R: Read + Send + 'static>(
    from: Origin,
    limits: &Limits,
    start: impl FnOnce() -> io::Result<(R, Option<u64>)> + Send + 'static,
) -> Result<Reader> {
    let started = tokio::task::spawn_blocking(move || {
        let (mut reader, total) = start()?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok((head, reader, total))
    });
    let started = started.await.map_err(io::Error::other).flatten();
    let (head, reader, total) = started.map_err(|source| Error::InputOpen { from: from.clone(), source })?;

    let format = Format::of(&head);
    tracing::debug!(%from, ?format, bytes = total, "input opened");
    let whole = Cursor::new(head).chain(reader);
    let progress = Progress::new(total);
    Ok(match format {
        Format::Plain => Reader::direct(whole, from, progress),
        // A pipe may be silent for as long as its writer works, so there is no limit on that.
        Format::Gzip | Format::Zstd => {
            Reader::pumped(Source::new(blocking_chunks(whole, limits.chunk_bytes), from, progress, None), false, limits)
        }
    })
}

fn open_file(path: PathBuf) -> io::Result<(File, Option<u64>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        // Otherwise it would only show at the first read, with less of an explanation.
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// A blocking reader as a stream: each chunk is read on the runtime's threads for blocking work.
fn blocking_chunks(reader: impl Read + Send + 'static, size: usize) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let size = size.max(1);
    try_unfold(reader, move |mut reader| async move {
        let next = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::with_capacity(size);
            reader.by_ref().take(size as u64).read_to_end(&mut chunk)?;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), reader)))
        });
        next.await.map_err(io::Error::other).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn a_pipe_that_trickles_is_read_like_a_file() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{}").unwrap();
        for bytes in [b"{}".to_vec(), b"".to_vec(), gzip.finish().unwrap()] {
            let (pipe, mut writer) = io::pipe().unwrap();
            let expected: &[u8] = if bytes.is_empty() { b"" } else { b"{}" };
            std::thread::spawn(move || bytes.iter().for_each(|byte| writer.write_all(&[*byte]).unwrap()));
            let mut reader = local(Origin::Stdin, &Limits::default(), || Ok((pipe, None))).await.unwrap();
            let mut read = Vec::new();
            let read = tokio::task::spawn_blocking(move || reader.read_to_end(&mut read).map(|_| read)).await.unwrap();
            assert_eq!(read.unwrap(), expected);
        }
    }
}
