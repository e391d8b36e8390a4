//! When a call is sent again, and after how long.

use crate::Limits;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use std::time::Duration;

/// Under which circumstances a call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Repeat {
    /// Nothing happens on the server: after every fault that may pass.
    Freely,
    /// The same, but this status is an answer and no fault.
    FreelyExcept(StatusCode),
    /// It starts something on the server: only where it surely started nothing.
    IfNotStarted,
    /// It starts something on the server, and is of no use later.
    Never,
}

impl Repeat {
    pub(crate) fn after_status(self, status: StatusCode) -> bool {
        match self {
            Self::Freely => is_passing(status),
            Self::FreelyExcept(answer) => status != answer && is_passing(status),
            // Nothing is started by a call that a limit turned away, or that came too early. After any other fault nobody
            // knows.
            Self::IfNotStarted => matches!(status.as_u16(), 425 | 429),
            Self::Never => false,
        }
    }

    /// `unsent` says that not a byte of the request has left: the connection never stood.
    pub(crate) fn after_fault(self, unsent: bool) -> bool {
        match self {
            Self::Freely | Self::FreelyExcept(_) => true,
            Self::IfNotStarted => unsent,
            Self::Never => false,
        }
    }
}

/// A status that says "not now" rather than "no".
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500..)
}

/// The delays before each retry of one call; where they end, the call has failed. Each is a random part of its back-off
/// ("full jitter"), so that clients that failed together do not come back together.
pub(crate) fn delays(limits: &Limits) -> impl Iterator<Item = Duration> + Send + use<> {
    patient_delays(limits).take(limits.retries_max)
}

/// The same without an end: it is time that ends them.
pub(crate) fn patient_delays(limits: &Limits) -> impl Iterator<Item = Duration> + Send + use<> {
    ExponentialBuilder::new()
        .with_min_delay(limits.backoff_min)
        .with_max_delay(limits.backoff_max)
        .without_max_times()
        .build()
        .map(|backoff| backoff.mul_f64(fastrand::f64()))
}

/// The delays before each poll. They grow more slowly than those between retries, since a poll that finds nothing is no
/// fault and each doubling could add as much again to the time the export takes; they end with the deadline, not by
/// count.
pub(crate) fn poll_delays(limits: &Limits) -> impl Iterator<Item = Duration> + Send + use<> {
    ExponentialBuilder::new()
        .with_min_delay(limits.poll_interval_first)
        .with_max_delay(limits.poll_interval_max)
        .with_factor(1.5)
        .without_max_times()
        .with_jitter()
        .build()
}

/// How long the server asks us to wait: seconds, or an HTTP date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(Duration::try_from(http_date(text)?.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A time as HTTP writes it.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    // A wrong day of the week does not make the time any less clear.
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again() {
        for (status, freely, except_503, if_not_started) in [
            (200, false, false, false),
            (404, false, false, false),
            (408, true, true, false),
            (413, false, false, false),
            (425, true, true, true),
            (429, true, true, true),
            (500, true, true, false),
            (503, true, false, false),
        ] {
            let code = StatusCode::from_u16(status).unwrap();
            assert_eq!(Repeat::Freely.after_status(code), freely, "{status}");
            assert_eq!(
                Repeat::FreelyExcept(StatusCode::SERVICE_UNAVAILABLE).after_status(code),
                except_503,
                "{status}"
            );
            assert_eq!(Repeat::IfNotStarted.after_status(code), if_not_started, "{status}");
            assert!(!Repeat::Never.after_status(code), "{status}");
        }
        assert!(Repeat::IfNotStarted.after_fault(true));
        assert!(!Repeat::IfNotStarted.after_fault(false) && !Repeat::Never.after_fault(true));
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Mon, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn delays_are_bounded() {
        let limits = Limits { retries_max: 5, ..Limits::default() };
        assert_eq!(delays(&limits).count(), 5);
        assert!(patient_delays(&limits).take(1000).all(|delay| delay <= limits.backoff_max));
        let first: Vec<_> = (0..1000).filter_map(|_| delays(&limits).next()).collect();
        assert!(first.iter().all(|delay| *delay <= limits.backoff_min));
        let mean = first.iter().sum::<Duration>() / 1000;
        assert!(mean > limits.backoff_min / 3 && mean < limits.backoff_min * 2 / 3, "{mean:?}");
        assert!(poll_delays(&limits).take(1000).all(|delay| delay <= limits.poll_interval_max * 2));
    }
}
