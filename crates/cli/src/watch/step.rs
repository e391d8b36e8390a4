//! The steps of a run that a schedule has: how profiles are, and each window that is due.

use super::{Lasted, Phase, Phases};
use crate::{failure::Exit, schedule::Due};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The most steps that are told one by one: there may be thousands of windows to fill.
const STEPS_MAX: usize = 256;

/// One of them, measured.
#[derive(Debug)]
pub(crate) struct Step {
    /// None of how profiles are.
    pub(crate) window: Option<Due>,
    /// Since the run began.
    pub(crate) began: Duration,
    phases: Phases,
    ended: OnceLock<(Duration, Outcome)>,
}

/// How a step ended.
pub(crate) type Outcome = Result<Written, Exit>;

/// What a step has published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Step {
    pub(super) fn new(window: Option<Due>, began: Duration) -> Self {
        Self { window, began, phases: <_>::default(), ended: OnceLock::new() }
    }

    pub(super) fn phases(&self) -> &Phases {
        &self.phases
    }

    /// Only the first end counts.
    pub(super) fn end(&self, at: Duration, outcome: Outcome) {
        let _ = self.ended.set((at, outcome));
    }

    /// When a phase of it went on, if it has.
    pub(crate) fn lasted(&self, phase: Phase) -> Option<Lasted> {
        self.phases[phase as usize].lasted()
    }

    /// When it ended, since the run began, and how; none if it goes on.
    pub(crate) fn ended(&self) -> Option<(Duration, Outcome)> {
        self.ended.get().copied()
    }
}

/// The steps of a run.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The first ones.
    first: Vec<Arc<Step>>,
    more: u64,
}

impl Steps {
    pub(super) fn add(&mut self, step: &Arc<Step>) {
        if self.first.len() < STEPS_MAX {
            self.first.push(Arc::clone(step));
        } else {
            self.more += 1;
        }
    }

    pub(super) fn all(&self) -> (Vec<Arc<Step>>, u64) {
        (self.first.clone(), self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_end_are_counted() {
        let mut steps = Steps::default();
        for _ in 0..STEPS_MAX + 3 {
            steps.add(&Arc::new(Step::new(None, Duration::ZERO)));
        }
        assert_eq!((steps.all().0.len(), steps.all().1), (STEPS_MAX, 3));
    }
}
