//! What is measured of a run while it works, for those who ask when it has ended, however it did.

use crate::failure::Failure;
use apsides_batcher::RunId;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

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
pub(crate) struct Watch(Arc<Measured>);

#[derive(Debug)]
struct Measured {
    run: RunId,
    began: Instant,
    /// Of each phase, in nanoseconds.
    phases: [AtomicU64; Phase::ALL.len()],
    json_bytes: AtomicU64,
}

impl Watch {
    /// A run begins.
    pub(crate) fn begin() -> Result<Self, Failure> {
        let (phases, json_bytes) = <_>::default();
        Ok(Self(Arc::new(Measured { run: RunId::new()?, began: Instant::now(), phases, json_bytes })))
    }

    /// What it is called.
    pub(crate) fn run(&self) -> &RunId {
        &self.0.run
    }

    /// Since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// The time that a phase has taken so far.
    pub(crate) fn time_of(&self, phase: Phase) -> Duration {
        Duration::from_nanos(self.0.phases[phase as usize].load(Relaxed))
    }

    /// The bytes of JSON read so far.
    pub(crate) fn json_bytes(&self) -> u64 {
        self.0.json_bytes.load(Relaxed)
    }

    pub(crate) fn add_json_bytes(&self, bytes: u64) {
        self.0.json_bytes.fetch_add(bytes, Relaxed);
    }

    /// Measures work of one phase, but for what other phases take of it.
    pub(crate) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let (began, others) = (Instant::now(), self.times_but(phase));
        let done = work();
        self.add(phase, began.elapsed().saturating_sub(self.times_but(phase).saturating_sub(others)));
        done
    }

    /// The same of work that waits.
    pub(crate) async fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.add(Phase::Waiting, began.elapsed());
        done
    }

    /// A reader whose reads are downloading.
    pub(crate) fn reader<R>(&self, reader: R) -> Watched<R> {
        Watched { reader, watch: self.clone() }
    }

    fn add(&self, phase: Phase, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.phases[phase as usize].fetch_add(nanoseconds, Relaxed);
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
        self.watch.add(Phase::Downloading, began.elapsed());
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
    }
}
