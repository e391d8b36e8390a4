//! A night of several windows whose exports are asked for ahead of their turn: fewer waits, and else no difference.

use super::{year, *};
use apsides_fetcher::Limits;
use apsides_simulator::{Class, CorpusSpec, Fault, Server, Settings, Size, Stats};
use jiff::SignedDuration;
use std::{collections::BTreeMap, path::Path};
use tempfile::tempdir;

const WINDOWS: usize = 6;
const AHEAD: usize = 3;
/// How long an export takes: so many polls, of whichever export.
const POLLS: u32 = 12;

/// What a night has come to.
struct Night {
    manifest: Manifest,
    events: BTreeMap<String, usize>,
    stats: Stats,
    /// When each step began, by the schedule's clock.
    began: Vec<Timestamp>,
}

async fn night(folder: &Path, exports_ahead: usize, faults: &[Fault]) -> Night {
    let corpus = CorpusSpec { size: Size::Profiles(40), ..CorpusSpec::default() };
    let settings = Settings { corpus, polls_until_ready: POLLS, side_by_side: true, ..Settings::default() };
    let server = Server::start(settings).await.expect("a server");
    faults.iter().for_each(|fault| server.plan_fault(Class::Export, *fault));
    let mut job = year::job(server.base_url(), folder, 5);
    let pause = Duration::from_millis(5);
    job.client.limits =
        Limits { exports_ahead, poll_interval_first: pause, poll_interval_max: pause, ..job.client.limits };
    let schedule = Schedule { windows_per_run: WINDOWS, ..year::schedule() };
    // Long ago, so that what is asked for by the schedule's clock is not by the real one.
    let clock = Clock::of(Some(schedule.start + SignedDuration::from_hours(24 * 8)));
    let client = Client::new(job.client.clone()).expect("a client");
    let watch = Watch::begin().expect("a run");
    let (output, shutdown) = (year::output(), Shutdown::listen().expect("signals"));
    let work = Work {
        job: &job,
        schedule: &schedule,
        share: None,
        client: &client,
        clock,
        watch: &watch,
        output: &output,
        shutdown: &shutdown,
    };
    let steps = Steps::due(&schedule, None, None, clock.now());
    let began_at = clock.now() - SignedDuration::try_from(watch.elapsed()).expect("a span");
    let report = work.all(steps, None).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.steps.len(), 1 + WINDOWS);
    let manifest = apsides_batcher::published(folder).expect("a manifest").expect("tables");
    let after_began =
        |step: &std::sync::Arc<crate::watch::Step>| began_at + SignedDuration::try_from(step.began).expect("a span");
    Night {
        events: year::events(folder, &manifest, |_| true),
        manifest,
        stats: server.stats(),
        began: watch.steps().0.iter().map(after_began).collect(),
    }
}

async fn nights<const N: usize>(of: [(usize, &[Fault]); N]) -> [Night; N] {
    let mut nights = Vec::new();
    for (ahead, faults) in of {
        let folder = tempdir().expect("a folder");
        nights.push(night(folder.path(), ahead, faults).await);
    }
    nights.try_into().unwrap_or_else(|_| panic!("as many as were asked for"))
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_share_the_time_that_exports_take() {
    let [apart, ahead] = nights([(0, &[]), (AHEAD, &[])]).await;
    assert_eq!((apart.stats.exports, ahead.stats.exports), (1 + WINDOWS as u64, 1 + WINDOWS as u64));
    assert_eq!(apart.stats.polls, (1 + WINDOWS as u64) * (u64::from(POLLS) + 1), "each waits for itself");
    println!("{} polls, and {}", apart.stats.polls, ahead.stats.polls);
    assert!(ahead.stats.polls < apart.stats.polls / 2, "{} and {}", ahead.stats.polls, apart.stats.polls);
    let files = |night: &Night| -> Vec<_> {
        let tables = night.manifest.tables.iter();
        tables.flat_map(|table| table.files.iter().map(|file| (file.name.clone(), file.sha256.clone()))).collect()
    };
    assert_eq!(files(&apart), files(&ahead));
    assert!(ahead.events == apart.events && apart.events.len() >= 20, "{}", apart.events.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_ahead_counts_from_then_on() {
    let [apart, ahead] = nights([(0, &[]), (AHEAD, &[])]).await;
    for (night, earlier) in [(apart, 0), (ahead, AHEAD)] {
        for (number, window) in night.manifest.windows.iter().enumerate() {
            // The first step is how profiles are.
            let step = number + 1;
            let asked_at = window.asked_at;
            let not_before = night.began[step.saturating_sub(earlier)];
            assert!(asked_at >= not_before - SignedDuration::from_millis(2), "{earlier}: {asked_at} {not_before}");
            let is_ahead = asked_at < night.began[step];
            assert_eq!(is_ahead, earlier > 0, "{earlier}: step {step}, {asked_at} and {}", night.began[step]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_while_asking_ahead_leaves_no_trace_in_the_tables() {
    let refused = [Fault::None, Fault::None, Fault::PendingLimit];
    let too_large = [Fault::None, Fault::TooLarge];
    let lost = [Fault::None, Fault::None, Fault::AnswerLost];
    let [good, refused, too_large, lost] =
        nights([(0, &[]), (AHEAD, &refused), (AHEAD, &too_large), (AHEAD, &lost)]).await;
    // Of the window that is too large there are two halves instead.
    for (night, more) in [(&refused, 1), (&too_large, 2), (&lost, 1)] {
        assert!(night.events == good.events);
        assert_eq!(night.manifest.windows.len(), WINDOWS);
        assert_eq!((night.stats.exports, night.stats.faults), (good.stats.exports + more, 1));
    }
}
