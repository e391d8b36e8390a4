//! What a run downloads, part by part: kept and spooled if that is wanted.

use crate::{failure::Failure, raw::RawRun, run::Job, watch::Watch};
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
}

impl Intake {
    pub(crate) fn new(exports: Exports, job: &Job, watch: &Watch) -> Result<Self, Failure> {
        let begin = |dir| RawRun::begin(dir, &job.source, &job.export.attributes);
        let raw = job.keep_raw.as_deref().map(begin).transpose()?;
        Ok(Self { exports, raw, spools: job.spools, watch: watch.clone(), taken: Vec::new() })
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
        let has_next = next.left > 0;
        let download = next.ready.download().await?;
        let path = match &mut self.raw {
            Some(raw) => Some(raw.next(adds, download.is_gzip(), !has_next)?),
            None => None,
        };
        let reader = match (path, self.spools) {
            (None, false) => download.into_reader(),
            (None, true) => download.spool(&std::env::temp_dir()).await?,
            (Some(path), false) => download.keep(&path).await?.into_reader(),
            (Some(path), true) => download.keep_first(&path).await?,
        };
        let asked_at = next.ready.asked_at();
        self.taken.push(next.ready);
        Ok(Some(Taken { reader, adds, asked_at, has_next }))
    }

    /// Says that the tables are published.
    pub(crate) async fn done(&mut self) {
        for ready in self.taken.drain(..) {
            ready.done().await;
        }
    }
}
