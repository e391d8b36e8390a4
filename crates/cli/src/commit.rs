//! `apsides commit`: publishes what the shards of a pipeline have made.

use crate::{
    args::{Commit, Output},
    config::Pipeline,
    failure::{Exit, Failure},
    measure,
    reports::Reports,
    run::Job,
    schedule::{Bounds, Schedule},
    shutdown::Shutdown,
    summary::print,
    watch::{Phase, Watch},
};
use apsides_batcher::{
    Change, Error, Extent, Manifest, Options, Shard, TableFiles, Window, clear_removed, remove_shard, settle, shards,
    stage_shard,
};
use apsides_fetcher::Counts;
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Handle;
use tracing::Instrument;

/// Windows of a message that are named.
const NAMED_MAX: usize = 5;

/// Publishes what shards have made.
pub(crate) async fn commit(args: Commit, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let job = Pipeline::read(&args.pipeline)?.into_job()?;
    let Some(schedule) = job.schedule.clone() else {
        return Err(Failure::new(Exit::Configuration, "the pipeline has no [schedule], so it has no shards")
            .next("`apsides run` publishes what it makes"));
    };
    let reports = Reports::of("commit", &job, args.reports, &args.pipeline)?;
    let run = async { Committing { job: &job, schedule, watch, output, shutdown }.all().await };
    reports.around(watch, Counts::default, run).await
}

struct Committing<'a> {
    job: &'a Job,
    schedule: Schedule,
    watch: &'a Watch,
    output: &'a Output,
    shutdown: &'a Shutdown,
}

/// A shard with what it has made.
struct Made {
    shard: Shard,
    manifest: Manifest,
}

/// Something that a shard has made, and that is to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// Among those that have made something.
    made: usize,
    /// None of how profiles are.
    window: Option<Window>,
    asked_at: Timestamp,
}

/// What `apsides commit` has done.
#[derive(Debug, Serialize)]
struct Report {
    destination: String,
    steps: Vec<Done>,
    /// What could not be published, since a column is of another type where it is published.
    unfit: Vec<Unfit>,
    /// The shards that stay, since a run is at work there.
    at_work: Vec<String>,
    watermark: Option<Timestamp>,
    next_due: Option<Timestamp>,
}

/// A step that is published.
#[derive(Debug, Serialize)]
struct Done {
    shard: String,
    #[serde(flatten)]
    window: Option<Bounds>,
    rows: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schema_changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Unfit {
    shard: String,
    #[serde(flatten)]
    window: Option<Bounds>,
    problem: String,
}

impl Committing<'_> {
    async fn all(&self) -> Result<Manifest, Failure> {
        let destination = &self.job.destination;
        self.job.options.check()?;
        let published = self.shutdown.or_interrupted(settle(destination)).await??;
        let made = self.shutdown.or_interrupted(self.made()).await??;
        let mut now = published.unwrap_or_else(|| Manifest::nothing(&self.job.source));
        let (mut done, mut unfit) = (Vec::new(), Vec::new());
        let steps = steps(&made, &now);
        for step in &steps {
            let name = name(step.window);
            let Made { shard, manifest } = &made[step.made];
            let span = tracing::error_span!("shard", %shard, step = name);
            let staged = self.step(*shard, manifest, step).instrument(span).await?;
            let shard = shard.to_string();
            let window = step.window.as_ref().map(Bounds::from);
            match staged {
                Ok((written, all)) => {
                    let sum = |of: fn(&TableFiles) -> u64| written.tables.iter().map(of).sum();
                    let step = Done {
                        shard,
                        window,
                        rows: sum(|table| table.rows),
                        bytes: sum(|table| table.bytes),
                        schema_changes: written.schema_changes,
                    };
                    if !self.output.json {
                        print(&line(&step, &name))?;
                    }
                    done.push(step);
                    now = all;
                }
                Err(error @ Error::SchemaApart { .. }) => {
                    unfit.push(Unfit { shard, window, problem: error.to_string() });
                }
                Err(error) => {
                    let what = format!("{name} of shard {shard} (after {} of {} steps)", done.len(), steps.len());
                    return Err(Failure::from(error).of_part(&what));
                }
            }
            if self.shutdown.is_requested() {
                let failure = Failure::new(
                    Exit::Interrupted,
                    format!("interrupted after {} of {} steps", done.len(), steps.len()),
                );
                return Err(failure.next("run the same command again; it goes on from there"));
            }
        }
        let mut at_work = Vec::new();
        for Made { shard, manifest } in &made {
            if !self.shutdown.or_interrupted(remove_shard(destination, *shard, manifest)).await?? {
                at_work.push(shard.to_string());
            }
        }
        clear_removed(destination)?;
        let (watermark, next_due) = (self.schedule.watermark(&now.windows), self.schedule.next_due(&now.windows));
        let report = Report { destination: destination.to_string(), steps: done, unfit, at_work, watermark, next_due };
        print(&if self.output.json {
            serde_json::to_string_pretty(&report).expect("a report is plain data")
        } else {
            report.text()
        })?;
        report.failure().map_or(Ok(now), Err)
    }

    /// What shards have made, after what dead runs have left undone there.
    async fn made(&self) -> Result<Vec<Made>, Failure> {
        let mut made = Vec::new();
        for (shard, manifest) in shards(&self.job.destination).await? {
            let manifest = match settle(&self.job.destination.shard(shard)).await {
                Ok(settled) => settled.unwrap_or(manifest),
                Err(Error::Locked { .. }) => manifest,
                Err(error) => return Err(Failure::from(error).of_part(&format!("shard {shard}"))),
            };
            made.push(Made { shard, manifest });
        }
        Ok(made)
    }

    /// What it has written, and all that is published then.
    async fn step(
        &self,
        shard: Shard,
        from: &Manifest,
        step: &Step,
    ) -> Result<Result<(Manifest, Manifest), Error>, Failure> {
        let Step { window, asked_at, .. } = *step;
        let extent = window.map_or_else(|| self.schedule.snapshot(asked_at), Extent::Window);
        let options = Options { extent, run: Some(self.watch.run().clone()), ..self.job.options.clone() };
        let (from, destination, watch) = (from.clone(), self.job.destination.clone(), self.watch.clone());
        let runtime = Handle::current();
        // A step takes seconds, and is waited for as long as any work that is to stop.
        let work = self.shutdown.or_left(move || {
            watch.time(Phase::Publishing, || {
                let staged = stage_shard(&destination, shard, &from, &options, &runtime)?;
                let written = staged.manifest().clone();
                staged.publish().map(|all| (written, all))
            })
        });
        work.await
    }
}

/// What is to be published of what shards have made: how profiles are, if that is newer than what is published, then each
/// window of which that is so, by time; of several of one, each after those before it.
fn steps(made: &[Made], published: &Manifest) -> Vec<Step> {
    let mut steps = Vec::new();
    let newest = made.iter().enumerate().filter_map(|(at, made)| Some((made.manifest.snapshot?, at))).max();
    if let Some((asked_at, made)) =
        newest.filter(|(asked_at, _)| published.snapshot.is_none_or(|known| known < *asked_at))
    {
        steps.push(Step { made, window: None, asked_at });
    }
    let windows =
        made.iter().enumerate().flat_map(|(at, made)| made.manifest.windows.iter().map(move |&window| (at, window)));
    let is_newer = |window: &Window| {
        let known = published.windows.iter().find(|known| Bounds::from(*known) == window.into());
        known.is_none_or(|known| known.asked_at < window.asked_at)
    };
    let mut windows: Vec<_> = windows.filter(|(_, window)| is_newer(window)).collect();
    windows.sort_by_key(|(_, window)| (window.start, window.asked_at));
    steps.extend(windows.into_iter().map(|(made, window)| Step {
        made,
        window: Some(window),
        asked_at: window.asked_at,
    }));
    steps
}

fn name(window: Option<Window>) -> String {
    window.map_or_else(|| "profiles".to_owned(), |window| format!("window {}", Bounds::from(&window)))
}

fn line(done: &Done, name: &str) -> String {
    let (shard, rows, size) = (&done.shard, measure::count(done.rows), measure::size(done.bytes));
    format!("{name:<24} {:<12} {:>20} {size:>10}", format!("shard {shard}"), format!("{rows} rows"))
}

impl Report {
    fn text(&self) -> String {
        let mut text = match (self.steps.len(), self.unfit.len()) {
            (0, 0) => format!("no shard has anything that is not published in {}", self.destination),
            (0, _) => format!("nothing could be published in {}", self.destination),
            _ => format!("published in {}", self.destination),
        };
        if let Some(watermark) = self.watermark {
            text.push_str(&format!("\nall events until {watermark} are there"));
        }
        for shard in &self.at_work {
            text.push_str(&format!("\nnote: shard {shard} is still at work; commit again when it has ended"));
        }
        text
    }

    /// What is told of what could not be published.
    fn failure(&self) -> Option<Failure> {
        let [first, ..] = self.unfit.as_slice() else { return None };
        let name = |unfit: &Unfit| unfit.window.map_or_else(|| "profiles".to_owned(), |bounds| bounds.to_string());
        let mut names: Vec<_> = self.unfit.iter().take(NAMED_MAX).map(name).collect();
        if self.unfit.len() > NAMED_MAX {
            names.push(format!("{} more", measure::count((self.unfit.len() - NAMED_MAX) as u64)));
        }
        let message = format!("not published: {}: {}", names.join(", "), first.problem);
        let next = "what the shard has of them is dropped: ask again without --shard, with the columns that are published \
                    (`apsides run`, or `apsides backfill` if they were published before); `[schema] types` says a type for good";
        Some(Failure::new(Exit::Destination, message).next(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::tests::{at, manifest};

    /// What is asked for of which day, and when: `p@9` of profiles, `1@9` of the first.
    fn shown(steps: &[Step]) -> String {
        let day = |moment: Timestamp| moment.duration_since(at(1, 0)).as_hours() / 24 + 1;
        let shown = steps.iter().map(|step| {
            let what = step.window.map_or_else(|| "p".to_owned(), |window| day(window.start).to_string());
            format!("{what}@{}", day(step.asked_at))
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_newer_than_what_is_published_is_published() {
        let nothing = manifest(None, &[]);
        for (name, made, published, expected) in [
            ("nothing was made", vec![], nothing.clone(), ""),
            (
                "all, by time",
                vec![manifest(Some(9), &[(1, 9), (3, 9)]), manifest(None, &[(2, 9), (4, 9)])],
                nothing.clone(),
                "p@9 1@9 2@9 3@9 4@9",
            ),
            ("the newest snapshot", vec![manifest(Some(8), &[]), manifest(Some(9), &[])], nothing.clone(), "p@9"),
            (
                "one that is published already, and one that was before",
                vec![manifest(Some(9), &[(1, 9), (2, 9), (3, 9)])],
                manifest(Some(9), &[(1, 9), (2, 8), (3, 10)]),
                "2@9",
            ),
            ("twice the same window", vec![manifest(None, &[(1, 9)]), manifest(None, &[(1, 8)])], nothing, "1@8 1@9"),
        ] {
            let made: Vec<_> =
                made.into_iter().map(|manifest| Made { shard: "0/2".parse().expect("a shard"), manifest }).collect();
            assert_eq!(shown(&steps(&made, &published)), expected, "{name}");
        }
    }
}
