//! The store's time, as its answers tell it: two machines that write to one destination need not agree on theirs.

use async_trait::async_trait;
use jiff::{Timestamp, fmt::rfc2822};
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

/// The store's clock. Until its first answer, and for stores that tell no time, that of this machine.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Seconds by which it is ahead.
    ahead: AtomicI64,
}

impl Clock {
    /// Within a second or two.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_second(now.as_second() + self.ahead.load(Relaxed)).unwrap_or(now)
    }

    fn heard(&self, date: &str) {
        if let Ok(date) = rfc2822::parse(date) {
            self.ahead.store(date.timestamp().as_second() - Timestamp::now().as_second(), Relaxed);
        }
    }
}

/// Connections that listen for the time.
#[derive(Debug)]
pub(super) struct Listening(pub(super) Arc<Clock>);

impl HttpConnector for Listening {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Dated { client, clock: Arc::clone(&self.0) }))
    }
}

#[derive(Debug)]
struct Dated {
    client: HttpClient,
    clock: Arc<Clock>,
}

#[async_trait]
impl HttpService for Dated {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.client.execute(request).await?;
        if let Some(date) = response.headers().get("date").and_then(|date| date.to_str().ok()) {
            self.clock.heard(date);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_as_it_was_told() {
        let clock = Clock::default();
        clock.heard("Tue, 24 Nov 2020 19:30:00 GMT");
        let told: Timestamp = "2020-11-24T19:30:00Z".parse().expect("a time");
        assert!((0..5).contains(&(clock.now().as_second() - told.as_second())), "{}", clock.now());
        clock.heard("no date");
        assert!(clock.now().as_second() - told.as_second() < 5);
    }
}
