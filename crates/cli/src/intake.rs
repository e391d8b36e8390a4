//! What a run downloads, part by part: kept and spooled if that is wanted.

use crate::{failure::Failure, raw::RawRun, watch::Watch};
use apsides_batcher::Adds;
use apsides_fetcher::{self as fetcher, Exports, Reader, Ready};
use jiff::Timestamp;
use tracing::Instrument;

/// The exports of a run.
pub(crate) struct Intake {
    exports: Exports,
    raw: Option<RawRun>,
    spools: bool,
    watch: Watch,
    /// Those whose tables are not published yet.
    taken: Vec<Ready>,
}

/// A part that can be read.
pub(crate) struct Taken {
    pub(crate) reader: Reader,
    pub(crate) adds: Adds,
    /// When it was asked for.
    pub(crate) asked_at: Timestamp,
    /// Whether another one follows.
    pub(crate) has_next: bool,
    /// Whether there are attributes and tags in those that follow.
    pub(crate) has_more_columns: bool,
}

impl Intake {
    /// What is kept goes to `raw`.
    pub(crate) fn new(exports: Exports, raw: Option<RawRun>, spools: bool, watch: &Watch) -> Self {
        Self { exports, raw, spools, watch: watch.clone(), taken: Vec::new() }
    }

    /// The next part, when it is ready.
    pub(crate) async fn next(&mut self) -> Result<Option<Taken>, Failure> {
        let (watch, part) = (self.watch.clone(), self.taken.len() + 1);
        watch.wait(self.ready().instrument(tracing::error_span!("part", part))).await
    }

    async fn ready(&mut self) -> Result<Option<Taken>, Failure> {
        let Some(next) = self.exports.next().await.transpose()? else { return Ok(None) };
        let adds = match next.part.adds {
            fetcher::Adds::All => Adds::All,
            fetcher::Adds::Columns => Adds::Columns,
            fetcher::Adds::Events => Adds::Events,
        };
        let (has_next, has_more_columns) = (!next.left.is_empty(), next.left.contains(&fetcher::Adds::Columns));
        let download = next.ready.download().await?;
        let reader = match (&mut self.raw, self.spools) {
            (None, false) => download.into_reader(),
            (None, true) => download.spool(&std::env::temp_dir()).await?,
            (Some(raw), false) => raw.keep(download, adds, !has_next).await?.into_reader(),
            // What is kept is a spool, too.
            (Some(raw), true) => {
                raw.keep(download, adds, !has_next).await?.drain().await?;
                raw.read(raw.parts() - 1).await?.0
            }
        };
        let asked_at = next.ready.asked_at();
        self.taken.push(next.ready);
        Ok(Some(Taken { reader, adds, asked_at, has_next, has_more_columns }))
    }

    /// Says that no part is read any more: what is not kept whole by now is not kept.
    pub(crate) async fn end(&self) {
        if let Some(raw) = &self.raw {
            raw.end().await;
        }
    }

    /// Says that the tables are published.
    pub(crate) async fn done(&mut self) {
        for ready in self.taken.drain(..) {
            ready.done().await;
        }
    }
}
