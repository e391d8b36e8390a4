//! The task that receives bytes, and has them inflated into the queue of a [`Reader`](crate::Reader).
//!
//! ```text
//! Source ── task: receives ──▶ packed::queue, in bytes ── thread: inflates ──▶ queue of pieces ──▶ Reader
//! ```
//!
//! Two stages, so that what the network costs is no part of the time that inflating takes. The thread is a plain one, for
//! which no runtime waits: it ends by itself when either queue is closed. Each new start of a download has a new thread
//! and a queue of its own, so that nothing of the old one can come after it.

use crate::{
    Error, Limits, Result,
    inflate::{self, Piece, Resumable},
    packed,
    resume::{Resume, promises_gzip},
    source::Source,
};
use tokio::sync::mpsc::Sender;

/// Sends what comes of `source` into the queue, inflated, until its end, an error, or until nobody reads any more.
/// `gzip_promised` says that a header announced gzip: then an empty stream is one that was cut short. A download that can
/// `resume` is gone on with where it breaks, or started over.
pub(crate) async fn pump(
    source: Source,
    gzip_promised: bool,
    resume: Option<Resume>,
    limits: Limits,
    queue: Sender<Piece>,
) {
    let last = tokio::select! {
        () = queue.closed() => return,
        end = to_the_end(source, gzip_promised, resume, &limits, &queue) => end,
    };
    let _ = queue.send(last.map_or_else(Piece::Failed, |()| Piece::End)).await;
}

async fn to_the_end(
    mut source: Source,
    mut gzip_promised: bool,
    resume: Option<Resume>,
    limits: &Limits,
    queue: &Sender<Piece>,
) -> Result<()> {
    let (from, progress) = (source.from.clone(), source.progress.clone());
    let mut resumable = resume.map(Resumable::new);
    loop {
        let (sender, packed) = packed::queue(&source, limits.packed_bytes);
        let mut inflated = inflate::start(packed, gzip_promised, resumable, limits, queue)?;
        let ended = tokio::select! {
            ended = &mut inflated => ended,
            () = receive(source, sender) => inflated.await,
        };
        // With the thread is lost what it knew.
        let ended = ended.map_err(|_| Error::Stopped { from: from.clone() })?;
        let Some(Resumable { resume, mut handed_on }) = ended.resumable else { return ended.end };
        let Err(error) = ended.end else {
            handed_on.end(&from)?;
            return resume.finish(progress.bytes_in()).await;
        };
        let response = resume.restart(error).await?;
        handed_on.start_over();
        progress.start_over(response.content_length());
        gzip_promised = promises_gzip(&response);
        source = resume.source(response, from.clone(), progress.clone());
        resumable = Some(Resumable { resume, handed_on });
    }
}

/// Receives all of it. How that ended is known at the other end of the queue, when all before is inflated.
async fn receive(mut source: Source, mut packed: packed::Sender) {
    let end = loop {
        match source.next().await {
            Ok(Some(chunk)) => {
                if !packed.send(chunk).await {
                    return;
                }
            }
            Ok(None) => break Piece::End,
            Err(error) => break Piece::Failed(error),
        }
    };
    packed.end(end);
}
