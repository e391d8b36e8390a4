//! What goes wrong: on demand, call by call, and by seed.
//!
//! Each call belongs to a [`Class`], and each class has its own sequence of faults. The first calls of a class meet what
//! was planned with [`Faults::then`]; after these, a call meets a fault at random, if a seed was given, until so many
//! faults have happened. The same seed always gives the same sequence per class.

use crate::corpus::Rng;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    str::FromStr,
    time::Duration,
};

/// A kind of call, as far as faults go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `POST /oauth/token`.
    Token,
    /// Sections, segments, attributes, tags, events.
    Definitions,
    /// `POST /audience/profiles/exports`.
    Export,
    /// A poll that does not find the export ready.
    Poll,
    /// A poll that finds it ready, with which its download begins.
    Download,
}

impl Class {
    const ALL: [(&'static str, Class); 5] = [
        ("token", Class::Token),
        ("definitions", Class::Definitions),
        ("export", Class::Export),
        ("poll", Class::Poll),
        ("download", Class::Download),
    ];
}

/// How an error answer says what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// `{"status","title","detail"}`
    #[default]
    Problem,
    /// `{"message"}`
    Message,
    /// Plain text.
    Text,
}

/// When an error answer asks to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// In so many seconds.
    Seconds(u32),
    /// At the HTTP date that is so many seconds from now.
    Date(u32),
}

/// One thing that goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; it takes a place in the plan.
    None,
    /// The answer comes so much later.
    Slow(Duration),
    /// This status, and nothing happens.
    Status(u16, Words, Option<RetryAfter>),
    /// 429: too many exports are pending.
    PendingLimit,
    /// 413: the export would be too large.
    TooLarge,
    /// Every token given out so far is refused from now on, beginning with this call's.
    TokensExpire,
    /// The connection ends before the call has had its effect.
    CallLost,
    /// The call has its effect, but the connection ends before the answer.
    AnswerLost,
    /// The poll URL comes in a member that nobody knows.
    UnknownPollUrl,
    /// The export is gone: 410, from now on.
    Gone,
    /// The export failed while it was processed: 503, from now on.
    Failed,
    /// The export is made from other data than the times before.
    Changed,
    /// A redirect to a storage at another origin, which then answers with the file.
    Redirect,
    /// The connection ends after so many bytes of the body.
    Cut(u64),
    /// Nothing comes any more after so many bytes of the body, and the connection stays.
    Stall(u64),
    /// A bit of this byte of the body is wrong.
    Corrupt(u64),
    /// The `Content-Length` says so many bytes more (or fewer) than there are.
    WrongLength(i64),
}

/// How calls of a class can go wrong at random. A body has at least some hundred bytes; a place beyond its end does no
/// harm.
fn random_fault(class: Class, rng: &mut Rng) -> Fault {
    let words = rng.pick(&[Words::Problem, Words::Message, Words::Text]);
    let retry_after = rng.pick(&[None, None, Some(RetryAfter::Seconds(0)), Some(RetryAfter::Date(0))]);
    let status = |status| Fault::Status(status, words, retry_after);
    let slow = Fault::Slow(Duration::from_millis(u64::from(rng.below(5))));
    let magnitude = rng.between(4, 17);
    let at = u64::from(rng.below(1 << magnitude));
    let any = [status(429), status(500), status(502), status(408), slow, Fault::CallLost, Fault::AnswerLost];
    let own: &[Fault] = match class {
        Class::Token => &[status(503), status(425)],
        Class::Definitions => &[status(503), Fault::TokensExpire],
        Class::Export => &[Fault::PendingLimit, Fault::TokensExpire, status(429)],
        Class::Poll => &[Fault::TokensExpire, Fault::Gone, Fault::Failed],
        Class::Download => &[
            Fault::TokensExpire,
            Fault::Redirect,
            Fault::Cut(at),
            Fault::Cut(at * 2),
            Fault::Stall(at),
            Fault::Corrupt(at),
            Fault::WrongLength(at as i64 + 1),
            Fault::WrongLength(-1 - at as i64 / 8),
            Fault::Changed,
            Fault::Gone,
        ],
    };
    match rng.below((any.len() + own.len()) as u32) as usize {
        index if index < any.len() => any[index],
        index => own[index - any.len()],
    }
}

/// A plan of faults. By default, nothing goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: HashMap<Class, VecDeque<Fault>>,
    random: Option<Random>,
}

#[derive(Clone, Debug)]
struct Random {
    seed: u64,
    percent: u32,
    left: u32,
    calls: HashMap<Class, u64>,
}

impl Faults {
    /// The next call of this class that has no fault planned yet meets this one.
    #[must_use]
    pub fn then(mut self, class: Class, fault: Fault) -> Faults {
        self.planned.entry(class).or_default().push_back(fault);
        self
    }

    /// So many calls in a hundred meet a fault, at random by this seed, until there were `faults_max`.
    #[must_use]
    pub fn seeded(mut self, seed: u64, percent: u32, faults_max: u32) -> Faults {
        self.random = Some(Random { seed, percent, left: faults_max, calls: HashMap::new() });
        self
    }

    /// Plans what a text says: `CLASS=FAULT`, or `CLASS=FAULT*COUNT`.
    ///
    /// ```
    /// use apsides_simulator::{Class, Fault, Faults};
    ///
    /// let faults = Faults::default().parsed("poll=503:text:retry=2*3")?.parsed("download=cut:5000")?;
    /// # Ok::<(), apsides_simulator::UnknownFault>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a name is not known. The error lists those that are.
    pub fn parsed(mut self, text: &str) -> Result<Faults, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        let (class, fault) = text.split_once('=').ok_or_else(unknown)?;
        let class = Class::ALL.into_iter().find(|(name, _)| *name == class).ok_or_else(unknown)?.1;
        let (fault, count) = match fault.split_once('*') {
            Some((fault, count)) => (fault, count.parse().map_err(|_| unknown())?),
            None => (fault, 1),
        };
        let fault = fault_of(fault).ok_or_else(unknown)?;
        for _ in 0..count {
            self = self.then(class, fault);
        }
        Ok(self)
    }

    /// What happens to the next call of this class.
    pub(super) fn next(&mut self, class: Class) -> Fault {
        if let Some(fault) = self.planned.get_mut(&class).and_then(VecDeque::pop_front) {
            return fault;
        }
        let Some(random) = self.random.as_mut().filter(|random| random.left > 0) else { return Fault::None };
        let call = random.calls.entry(class).or_default();
        *call += 1;
        let mut rng = Rng::of([random.seed, class as u64, *call]);
        if !rng.percent(random.percent) {
            return Fault::None;
        }
        random.left -= 1;
        random_fault(class, &mut rng)
    }
}

fn fault_of(text: &str) -> Option<Fault> {
    let mut parts = text.split(':');
    let name = parts.next()?;
    if let Some(status) = name.parse().ok().filter(|status| (100..600).contains(status)) {
        let (mut words, mut retry_after) = (Words::Problem, None);
        for part in parts {
            match part.split_once('=') {
                None => {
                    words = match part {
                        "problem" => Words::Problem,
                        "message" => Words::Message,
                        "text" => Words::Text,
                        _ => return None,
                    }
                }
                Some(("retry", seconds)) => retry_after = Some(RetryAfter::Seconds(seconds.parse().ok()?)),
                Some(("retry-date", seconds)) => retry_after = Some(RetryAfter::Date(seconds.parse().ok()?)),
                Some(_) => return None,
            }
        }
        return Some(Fault::Status(status, words, retry_after));
    }
    let value = parts.next();
    if parts.next().is_some() {
        return None;
    }
    fn number<T: FromStr>(value: Option<&str>) -> Option<T> {
        value?.parse().ok()
    }
    Some(match (name, value) {
        ("ok", None) => Fault::None,
        ("pending-limit", None) => Fault::PendingLimit,
        ("too-large", None) => Fault::TooLarge,
        ("tokens-expire", None) => Fault::TokensExpire,
        ("call-lost", None) => Fault::CallLost,
        ("answer-lost", None) => Fault::AnswerLost,
        ("unknown-poll-url", None) => Fault::UnknownPollUrl,
        ("gone", None) => Fault::Gone,
        ("failed", None) => Fault::Failed,
        ("changed", None) => Fault::Changed,
        ("redirect", None) => Fault::Redirect,
        ("slow", value) => Fault::Slow(Duration::from_millis(number(value)?)),
        ("cut", value) => Fault::Cut(number(value)?),
        ("stall", value) => Fault::Stall(number(value)?),
        ("corrupt", value) => Fault::Corrupt(number(value)?),
        ("wrong-length", value) => Fault::WrongLength(number(value)?),
        _ => return None,
    })
}

/// A fault that is not known by this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "`{}` is no fault: write CLASS=FAULT or CLASS=FAULT*COUNT, where CLASS is token, definitions, export, poll \
             or download, and FAULT is ok, slow:MILLISECONDS, a status (as in 429, 503:text, 500:message:retry=5, \
             429:retry-date=5), pending-limit, too-large, tokens-expire, call-lost, answer-lost, unknown-poll-url, \
             gone, failed, changed, redirect, cut:BYTE, stall:BYTE, corrupt:BYTE or wrong-length:BYTES",
            self.0
        )
    }
}

impl std::error::Error for UnknownFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_names() {
        for (text, class, fault) in [
            ("poll=ok", Class::Poll, Fault::None),
            ("token=slow:20", Class::Token, Fault::Slow(Duration::from_millis(20))),
            ("export=429", Class::Export, Fault::Status(429, Words::Problem, None)),
            (
                "export=429:message:retry=3",
                Class::Export,
                Fault::Status(429, Words::Message, Some(RetryAfter::Seconds(3))),
            ),
            ("poll=503:text:retry-date=3", Class::Poll, Fault::Status(503, Words::Text, Some(RetryAfter::Date(3)))),
            ("export=pending-limit", Class::Export, Fault::PendingLimit),
            ("export=too-large", Class::Export, Fault::TooLarge),
            ("definitions=tokens-expire", Class::Definitions, Fault::TokensExpire),
            ("poll=call-lost", Class::Poll, Fault::CallLost),
            ("export=answer-lost", Class::Export, Fault::AnswerLost),
            ("export=unknown-poll-url", Class::Export, Fault::UnknownPollUrl),
            ("poll=gone", Class::Poll, Fault::Gone),
            ("poll=failed", Class::Poll, Fault::Failed),
            ("download=changed", Class::Download, Fault::Changed),
            ("download=redirect", Class::Download, Fault::Redirect),
            ("download=cut:5", Class::Download, Fault::Cut(5)),
            ("download=stall:5", Class::Download, Fault::Stall(5)),
            ("download=corrupt:5", Class::Download, Fault::Corrupt(5)),
            ("download=wrong-length:-5", Class::Download, Fault::WrongLength(-5)),
        ] {
            assert_eq!(Faults::default().parsed(text).unwrap().next(class), fault, "{text}");
        }
        for text in
            ["", "poll", "poll=", "poll=sad", "polls=gone", "poll=cut", "poll=gone:1", "poll=gone*x", "poll=503:x"]
        {
            assert!(Faults::default().parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn planned_faults_come_in_turn_and_by_class() {
        let mut faults = Faults::default().parsed("poll=gone*2").unwrap().parsed("poll=failed").unwrap();
        assert_eq!(faults.next(Class::Token), Fault::None);
        let polls = [(); 4].map(|()| faults.next(Class::Poll));
        assert_eq!(polls, [Fault::Gone, Fault::Gone, Fault::Failed, Fault::None]);
    }

    #[test]
    fn a_seed_gives_the_same_faults_and_no_more_than_so_many() {
        let drawn = |seed| {
            let mut faults = Faults::default().seeded(seed, 50, 20);
            (0..200).map(|_| faults.next(Class::Download)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert_eq!(drawn(1).iter().filter(|fault| **fault != Fault::None).count(), 20);
    }
}
