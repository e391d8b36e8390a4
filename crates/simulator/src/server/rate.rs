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

    fn span(self) -> Duration {
        match self {
            Limit::Calls | Limit::Exports => Duration::from_secs(1),
            Limit::Tokens | Limit::EventExports | Limit::Polls => Duration::from_secs(60),
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
        write!(f, "{} {what} in {} s", self.calls(), self.span().as_secs())
    }
}

/// The calls admitted lately.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// Per limit the times of the calls within its span, oldest first: never more than the limit allows.
    admitted: HashMap<Limit, VecDeque<Instant>>,
}

impl Rates {
    /// Whether a call may pass now. One that may not does not count.
    pub(super) fn admit(&mut self, limit: Limit, now: Instant) -> bool {
        let calls = self.admitted.entry(limit).or_default();
        while calls.front().is_some_and(|&call| now.duration_since(call) >= limit.span()) {
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
        let mut rates = Rates::default();
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
