//! The account's rate limits: so many calls in any span of a second or a minute.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    time::{Duration, Instant},
};

/// A limit, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    Tokens,
    Calls,
    Exports,
    EventExports,
    Polls,
}

impl Limit {
    fn calls(self) -> usize {
        match self {
            Limit::Tokens => 10,
            Limit::Calls => 100,
            Limit::Exports | Limit::EventExports => 1,
            Limit::Polls => 60,
        }
    }

    fn seconds(self) -> u32 {
        match self {
            Limit::Calls | Limit::Exports => 1,
            Limit::Tokens | Limit::EventExports | Limit::Polls => 60,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Limit::Tokens => "tokens",
            Limit::Calls => "calls",
            Limit::Exports => "profile exports",
            Limit::EventExports => "event exports",
            Limit::Polls => "export downloads",
        };
        write!(f, "{} {what} in {} s", self.calls(), self.seconds())
    }
}

/// The calls admitted lately.
#[derive(Debug)]
pub(super) struct Rates {
    /// How long a second is.
    second: Duration,
    /// Per limit the times of the calls within its span, oldest first: never more than the limit allows.
    admitted: HashMap<Limit, VecDeque<Instant>>,
}

impl Rates {
    pub(super) fn new(second: Duration) -> Rates {
        Rates { second, admitted: HashMap::new() }
    }

    /// Whether a call may pass now. One that may not does not count.
    pub(super) fn admit(&mut self, limit: Limit, now: Instant) -> bool {
        let span = self.second * limit.seconds();
        let calls = self.admitted.entry(limit).or_default();
        while calls.front().is_some_and(|&call| now.duration_since(call) >= span) {
            calls.pop_front();
        }
        let admitted = calls.len() < limit.calls();
        if admitted {
            calls.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_in_any_span_and_alone() {
        let mut rates = Rates::new(Duration::from_secs(1));
        let start = Instant::now();
        let second = |seconds| start + Duration::from_secs(seconds);
        for at in 0..10 {
            assert!(rates.admit(Limit::Tokens, second(at)));
        }
        assert!(!rates.admit(Limit::Tokens, second(59)));
        assert!(rates.admit(Limit::Exports, second(59)));
        assert!(!rates.admit(Limit::Exports, second(59)));
        assert!(rates.admit(Limit::Tokens, second(60)));
        assert!(!rates.admit(Limit::Tokens, second(60)));
    }
}
