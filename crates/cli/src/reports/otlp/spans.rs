//! The spans of a run: itself, its steps if it has a schedule, and within them its phases.

use super::{
    Run,
    context::Context,
    wire::{Attribute, INTERNAL, PARENT_IS_REMOTE, SAMPLED, Span, Status},
};
use crate::{
    failure::Exit,
    watch::{Lasted, Phase, Step, Written},
};
use jiff::Timestamp;
use std::time::Duration;

/// Those of a run, itself first.
pub(super) fn of(run: &Run<'_>, context: &Context) -> Vec<Span> {
    let tree = Tree { began: run.watch.began_at(), ended: run.elapsed, trace: context.trace };
    let mut root = tree.span(format!("apsides {}", run.command), Duration::ZERO, run.elapsed);
    root.parent_span_id = context.parent;
    root.flags |= if context.parent.is_some() { PARENT_IS_REMOTE } else { 0 };
    let (steps, more) = run.watch.steps();
    root.attributes.push(Attribute::text("apsides.run", run.watch.run()));
    for (name, value) in run.labels {
        let name = if *name == "pipeline" { "apsides.pipeline" } else { "apsides.destination" };
        root.attributes.push(Attribute::text(name, value));
    }
    root.attributes.push(Attribute::whole("apsides.json_bytes", run.watch.json_bytes()));
    if !steps.is_empty() {
        root.attributes.push(Attribute::whole("apsides.steps", steps.len() as u64 + more));
    }
    let published = run.ended.map(|manifest| Written {
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: manifest.tables.iter().map(|table| table.bytes).sum(),
    });
    ended(&mut root, published.map_err(|failure| failure.exit));
    let mut spans = Vec::new();
    for step in &steps {
        let span = tree.step(step, root.span_id);
        let phases = tree.phases(span.span_id, |phase| step.lasted(phase));
        spans.push(span);
        spans.extend(phases);
    }
    // Those of a schedule's runs are those of its steps.
    if steps.is_empty() {
        spans.extend(tree.phases(root.span_id, |phase| run.watch.lasted(phase)));
    }
    spans.insert(0, root);
    spans
}

/// Nanoseconds since 1970, which no run is before.
pub(super) fn unix_nano(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

/// What all spans of a run have in common.
struct Tree {
    began: Timestamp,
    /// Since then.
    ended: Duration,
    trace: u128,
}

impl Tree {
    /// A span from one moment to another, both since the run began. A thread that did not stop in time may go on after the
    /// run's end; nothing is told of that.
    fn span(&self, name: impl Into<String>, first: Duration, last: Duration) -> Span {
        let [start, end] = [first, last].map(|time| unix_nano(self.began + time.min(self.ended)));
        Span {
            trace_id: self.trace,
            // 0 is none.
            span_id: fastrand::u64(1..),
            parent_span_id: None,
            flags: SAMPLED,
            name: name.into(),
            kind: INTERNAL,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: Vec::new(),
            status: None,
        }
    }

    fn step(&self, step: &Step, parent: u64) -> Span {
        let (last, outcome) = step.ended().unwrap_or((self.ended, Err(Exit::Interrupted)));
        let mut span = self.span(if step.window.is_some() { "window" } else { "profiles" }, step.began, last);
        span.parent_span_id = Some(parent);
        if let Some(due) = step.window {
            span.attributes.push(Attribute::text("apsides.window.start", due.bounds.start));
            span.attributes.push(Attribute::text("apsides.window.end", due.bounds.end));
            span.attributes.push(Attribute::text("apsides.window.why", due.why.words()));
        }
        ended(&mut span, outcome);
        span
    }

    fn phases(&self, parent: u64, lasted: impl Fn(Phase) -> Option<Lasted>) -> impl Iterator<Item = Span> {
        Phase::ALL.into_iter().filter_map(move |phase| {
            let Lasted { first, last, busy } = lasted(phase)?;
            let mut span = self.span(phase.name(), first, last);
            span.parent_span_id = Some(parent);
            span.attributes.push(Attribute::double("apsides.busy_seconds", busy.as_secs_f64()));
            Some(span)
        })
    }
}

/// How a run or a step ended.
fn ended(span: &mut Span, outcome: Result<Written, Exit>) {
    let word = match outcome {
        Ok(_) => "published",
        Err(Exit::Interrupted) => "interrupted",
        Err(_) => "failed",
    };
    span.attributes.push(Attribute::text("apsides.outcome", word));
    match outcome {
        Ok(Written { rows, bytes }) => {
            span.attributes.push(Attribute::whole("apsides.rows", rows));
            span.attributes.push(Attribute::whole("apsides.bytes", bytes));
        }
        Err(exit) => {
            span.attributes.push(Attribute::whole("apsides.exit_status", exit as u64));
            span.attributes.push(Attribute::text("error.type", exit.kind()));
            span.status = Some(Status::error(exit.kind()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure::Failure, watch::Watch};

    fn told(watch: &Watch, ended: Result<&apsides_batcher::Manifest, &Failure>, context: &Context) -> Vec<Span> {
        let labels = [("pipeline", "nightly"), ("destination", "/data")];
        let run = Run { command: "run", watch, elapsed: watch.elapsed(), labels: &labels, metrics: &[], ended };
        of(&run, context)
    }

    #[test]
    fn phases_are_within_their_step_and_steps_within_the_run() {
        let context = Context { trace: 7, parent: Some(9), is_sampled: true };
        let watch = Watch::begin().expect("a run");
        for outcome in [Ok(Written { rows: 1, bytes: 2 }), Err(Exit::Network)] {
            let step = watch.step(None);
            step.time(Phase::Converting, || ());
            step.end_step(outcome);
        }
        let failure = Failure::new(Exit::Network, "no way to somebody@example.com");
        let spans = told(&watch, Err(&failure), &context);
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["apsides run", "profiles", "converting", "profiles", "converting"]);
        for (span, parent) in [(1, 0), (2, 1), (3, 0), (4, 3)] {
            let (span, parent) = (&spans[span], &spans[parent]);
            assert_eq!((span.parent_span_id, span.flags), (Some(parent.span_id), 0x101));
            assert!(span.start_time_unix_nano >= parent.start_time_unix_nano, "{span:?}");
            assert!(span.end_time_unix_nano <= parent.end_time_unix_nano, "{span:?}");
        }
        assert_eq!((spans[0].parent_span_id, spans[0].flags), (Some(9), 0x301));
        assert!(spans.iter().all(|span| span.trace_id == 7 && span.start_time_unix_nano <= span.end_time_unix_nano));
        assert_eq!(
            spans.iter().map(|span| span.status.is_some()).collect::<Vec<_>>(),
            [true, false, false, true, false]
        );
        assert!(!format!("{spans:?}").contains("somebody"));
    }
}
