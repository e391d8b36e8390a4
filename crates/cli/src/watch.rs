//! What is measured of a run while it works, for those who ask when it has ended, however it did.

mod step;

use crate::{failure::Failure, schedule::Due};
use apsides_batcher::RunId;
use jiff::Timestamp;
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use step::Steps;

pub(crate) use step::{Outcome, Step, Written};

/// What a run spends its time on. Downloading and converting go on at the same time: what is counted as the former is the
/// time in which the latter waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// For the export to be ready.
    Waiting,
    /// Waiting for bytes of the input.
    Downloading,
    Converting,
    Publishing,
}

impl Phase {
    pub(crate) const ALL: [Self; 4] = [Self::Waiting, Self::Downloading, Self::Converting, Self::Publishing];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
            Self::Converting => "converting",
            Self::Publishing => "publishing",
        }
    }
}

/// One run, measured. Clones measure the same.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    all: Arc<Measured>,
    /// The part of it that goes on now.
    step: Option<Arc<Step>>,
}

#[derive(Debug)]
struct Measured {
    run: RunId,
    began: Instant,
    /// The same moment by the clock of the machine, which may be set meanwhile: all others follow from it.
    began_at: Timestamp,
    phases: Phases,
    json_bytes: AtomicU64,
    steps: Mutex<Steps>,
}

/// What is measured of each phase.
type Phases = [Measure; Phase::ALL.len()];

/// What is measured of a phase, all in nanoseconds.
#[derive(Debug)]
struct Measure {
    busy: AtomicU64,
    /// Since the run began; later than `last` as long as there is nothing.
    first: AtomicU64,
    last: AtomicU64,
}

/// When a phase went on, since the run began. It may have paused meanwhile, or others gone on beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lasted {
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    /// What it has taken of that.
    pub(crate) busy: Duration,
}

impl Default for Measure {
    fn default() -> Self {
        Self { busy: AtomicU64::new(0), first: AtomicU64::new(u64::MAX), last: AtomicU64::new(0) }
    }
}

impl Measure {
    fn add(&self, lasted: Lasted) {
        self.busy.fetch_add(nanoseconds(lasted.busy), Relaxed);
        self.first.fetch_min(nanoseconds(lasted.first), Relaxed);
        self.last.fetch_max(nanoseconds(lasted.last), Relaxed);
    }

    fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy.load(Relaxed))
    }

    fn lasted(&self) -> Option<Lasted> {
        let [first, last] = [&self.first, &self.last].map(|time| Duration::from_nanos(time.load(Relaxed)));
        (first <= last).then(|| Lasted { first, last, busy: self.busy() })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Watch {
    /// A run begins.
    pub(crate) fn begin() -> Result<Self, Failure> {
        let (began, began_at) = (Instant::now(), Timestamp::now());
        let (phases, json_bytes, steps) = <_>::default();
        let all = Arc::new(Measured { run: RunId::new()?, began, began_at, phases, json_bytes, steps });
        Ok(Self { all, step: None })
    }

    /// A step of it begins: what is measured by the watch that this gives is measured of both.
    pub(crate) fn step(&self, window: Option<Due>) -> Self {
        let step = Arc::new(Step::new(window, self.elapsed()));
        self.all.steps.lock().unwrap_or_else(PoisonError::into_inner).add(&step);
        Self { all: Arc::clone(&self.all), step: Some(step) }
    }

    /// The step is over.
    pub(crate) fn end_step(&self, outcome: Outcome) {
        if let Some(step) = &self.step {
            step.end(self.elapsed(), outcome);
        }
    }

    /// The steps so far, and how many more there were.
    pub(crate) fn steps(&self) -> (Vec<Arc<Step>>, u64) {
        self.all.steps.lock().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// What it is called.
    pub(crate) fn run(&self) -> &RunId {
        &self.all.run
    }

    /// When it began.
    pub(crate) fn began_at(&self) -> Timestamp {
        self.all.began_at
    }

    /// Since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.all.began.elapsed()
    }

    /// The time that a phase has taken so far.
    pub(crate) fn time_of(&self, phase: Phase) -> Duration {
        self.all.phases[phase as usize].busy()
    }

    /// When a phase has gone on so far, if it has.
    pub(crate) fn lasted(&self, phase: Phase) -> Option<Lasted> {
        self.all.phases[phase as usize].lasted()
    }

    /// The bytes of JSON read so far.
    pub(crate) fn json_bytes(&self) -> u64 {
        self.all.json_bytes.load(Relaxed)
    }

    pub(crate) fn add_json_bytes(&self, bytes: u64) {
        self.all.json_bytes.fetch_add(bytes, Relaxed);
    }

    /// Measures work of one phase, but for what other phases take of it.
    pub(crate) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let (began, others) = (Instant::now(), self.times_but(phase));
        let done = work();
        let elapsed = began.elapsed();
        self.add(phase, began, elapsed, elapsed.saturating_sub(self.times_but(phase).saturating_sub(others)));
        done
    }

    /// The same of work that waits.
    pub(crate) async fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        let elapsed = began.elapsed();
        self.add(Phase::Waiting, began, elapsed, elapsed);
        done
    }

    /// A reader whose reads are downloading.
    pub(crate) fn reader<R>(&self, reader: R) -> Watched<R> {
        Watched { reader, watch: self.clone() }
    }

    /// So long from this moment on, of which it was busy for `busy`.
    fn add(&self, phase: Phase, began: Instant, elapsed: Duration, busy: Duration) {
        let first = began.duration_since(self.all.began);
        let lasted = Lasted { first, last: first + elapsed, busy };
        for phases in [&self.all.phases].into_iter().chain(self.step.as_ref().map(|step| step.phases())) {
            phases[phase as usize].add(lasted);
        }
    }

    fn times_but(&self, phase: Phase) -> Duration {
        Phase::ALL.into_iter().filter(|other| *other != phase).map(|other| self.time_of(other)).sum()
    }
}

/// See [`Watch::reader`].
pub(crate) struct Watched<R> {
    reader: R,
    watch: Watch,
}

impl<R: io::Read> io::Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let read = self.reader.read(buffer);
        let elapsed = began.elapsed();
        self.watch.add(Phase::Downloading, began, elapsed, elapsed);
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, thread::sleep};

    const PAUSE: Duration = Duration::from_millis(20);

    #[test]
    fn what_waits_for_its_input_does_not_work() {
        struct Slow;
        impl Read for Slow {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                sleep(PAUSE * 5);
                Ok(0)
            }
        }
        let watch = Watch::begin().expect("a run");
        watch.time(Phase::Converting, || {
            sleep(PAUSE);
            watch.reader(Slow).read(&mut [0]).expect("nothing")
        });
        let [waiting, downloading, converting, publishing] = Phase::ALL.map(|phase| watch.time_of(phase));
        assert_eq!((waiting, publishing), (Duration::ZERO, Duration::ZERO));
        assert!(downloading >= PAUSE * 5 && converting >= PAUSE && converting < downloading, "{converting:?}");
        assert!(watch.elapsed() >= downloading + converting);
        // One goes on within the other.
        let lasted = |phase| watch.lasted(phase).expect("it went on");
        let (outer, inner) = (lasted(Phase::Converting), lasted(Phase::Downloading));
        assert!(outer.first + PAUSE <= inner.first && inner.last <= outer.last, "{outer:?} {inner:?}");
        assert!(inner.busy == inner.last - inner.first && outer.busy < outer.last - outer.first, "{outer:?} {inner:?}");
        assert_eq!(watch.lasted(Phase::Waiting), None);
    }

    #[test]
    fn what_a_step_takes_the_run_takes() {
        let watch = Watch::begin().expect("a run");
        for outcome in [Ok(Written { rows: 1, bytes: 2 }), Err(crate::failure::Exit::Network)] {
            let step = watch.step(None);
            step.time(Phase::Publishing, || sleep(PAUSE));
            step.end_step(outcome);
        }
        let (steps, more) = watch.steps();
        let lasted: Vec<_> = steps.iter().filter_map(|step| step.lasted(Phase::Publishing)).collect();
        let all = watch.lasted(Phase::Publishing).expect("it went on");
        assert_eq!((lasted.len(), more), (2, 0));
        assert_eq!((lasted[0].first, lasted[1].last, lasted[0].busy + lasted[1].busy), (all.first, all.last, all.busy));
        let ended: Vec<_> = steps.iter().filter_map(|step| step.ended()).collect();
        assert!(ended[0].0 >= lasted[0].last && ended[0].0 <= steps[1].began, "{ended:?}");
        assert_eq!([ended[0].1.is_ok(), ended[1].1.is_ok()], [true, false]);
    }
}
