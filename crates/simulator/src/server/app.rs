//! What all handlers share, and the gate that every call passes.

use super::{
    Class, Fault, Faults, Settings, StartError,
    jobs::Jobs,
    rate::{Limit, Rates},
    refusal::Refusal,
    token::Issuer,
};
use crate::corpus::{Arrivals, CorpusSpec};
use axum::http::{HeaderMap, header};
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::watch;

/// How many calls a server has had, refused ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// `POST /oauth/token`.
    pub tokens: u64,
    /// `GET /audience/sections`.
    pub sections: u64,
    /// `GET /audience/sections/{section}/attributes`, `/tags` and `/events`.
    pub definitions: u64,
    /// `GET /audience/segments`.
    pub segments: u64,
    /// `POST /audience/profiles/exports`.
    pub exports: u64,
    /// Poll URLs, downloads included.
    pub polls: u64,
    /// Polls that were answered with the file.
    pub downloads: u64,
    /// Calls refused with 401 or 403.
    pub unauthorized: u64,
    /// Calls refused with 429 because of a rate limit or the limit of pending exports. Injected faults are not among
    /// them.
    pub limited: u64,
    /// Calls that met a fault.
    pub faults: u64,
    /// Downloads that went on where an earlier one had broken off.
    pub resumed: u64,
    /// Calls of the storage, which is at another origin.
    pub storage: u64,
    /// Calls of the storage that came with a token or another credential.
    pub leaks: u64,
}

/// An endpoint, as far as counting and limiting go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Token,
    Sections,
    Definitions,
    Segments,
    Export,
    Poll,
}

/// The state of a running server.
#[derive(Debug)]
pub(super) struct App {
    pub(super) settings: Settings,
    /// What time it is for events.
    pub(super) now_ms: AtomicI64,
    pub(super) issuer: Issuer,
    /// See [`Server::closing`](super::Server).
    pub(super) closed: watch::Receiver<bool>,
    /// The base URL of the storage.
    pub(super) storage: String,
    jobs: Mutex<Jobs>,
    rates: Mutex<Rates>,
    faults: Mutex<Faults>,
    stats: Mutex<Stats>,
}

impl App {
    pub(super) fn new(settings: Settings, storage: String, closed: watch::Receiver<bool>) -> Result<App, StartError> {
        Ok(App {
            issuer: Issuer::new(settings.token_life).map_err(|error| StartError::Key(error.to_string()))?,
            jobs: Mutex::new(Jobs::new(settings.polls_until_ready, settings.side_by_side)),
            rates: Mutex::new(Rates::new(settings.second)),
            faults: Mutex::new(settings.faults.clone()),
            stats: Mutex::default(),
            storage,
            now_ms: AtomicI64::new(i64::MAX),
            settings,
            closed,
        })
    }

    /// Lets a call in, or refuses it: counted first, then authorized, then limited, as the real API's gateway does.
    pub(super) fn enter(&self, call: Call, headers: &HeaderMap) -> Result<(), Refusal> {
        tracing::debug!(?call, "call");
        self.count(|stats| match call {
            Call::Token => &mut stats.tokens,
            Call::Sections => &mut stats.sections,
            Call::Definitions => &mut stats.definitions,
            Call::Segments => &mut stats.segments,
            Call::Export => &mut stats.exports,
            Call::Poll => &mut stats.polls,
        });
        if call != Call::Token {
            self.authorize(headers).inspect_err(|_| self.count(|stats| &mut stats.unauthorized))?;
        }
        self.admit(match call {
            Call::Token => Limit::Tokens,
            Call::Export => Limit::Exports,
            Call::Poll => Limit::Polls,
            Call::Sections | Call::Definitions | Call::Segments => Limit::Calls,
        })
    }

    /// What goes wrong with a call that was let in. A fault that ends the call comes as its refusal.
    pub(super) fn fault(&self, class: Class) -> Result<Fault, Refusal> {
        let fault = lock(&self.faults).next(class);
        if fault == Fault::None {
            return Ok(fault);
        }
        tracing::debug!(?class, ?fault, "a fault");
        self.count(|stats| &mut stats.faults);
        match fault {
            Fault::Status(status, words, retry_after) => Err(Refusal::injected(status, words, retry_after)),
            Fault::PendingLimit => Err(Refusal::pending_limit()),
            Fault::TooLarge => Err(Refusal::export_too_large()),
            Fault::CallLost => Err(Refusal::Lost),
            Fault::TokensExpire if class != Class::Token => {
                self.issuer.expire_all();
                self.count(|stats| &mut stats.unauthorized);
                Err(Refusal::denied())
            }
            other => Ok(other),
        }
    }

    /// Takes a place under a rate limit, if there is one.
    pub(super) fn plan_fault(&self, class: Class, fault: Fault) {
        let mut faults = lock(&self.faults);
        *faults = std::mem::take(&mut *faults).then(class, fault);
    }

    /// The account as it is now.
    pub(super) fn corpus(&self) -> CorpusSpec {
        let late_ms_max = |late: Duration| i64::try_from(late.as_millis()).unwrap_or(i64::MAX);
        let now_ms = self.now_ms.load(Relaxed);
        let arrivals = self.settings.late_max.map(|late| Arrivals { now_ms, late_ms_max: late_ms_max(late) });
        CorpusSpec { arrivals, ..self.settings.corpus.clone() }
    }

    pub(super) fn admit(&self, limit: Limit) -> Result<(), Refusal> {
        if self.settings.rate_limits && !lock(&self.rates).admit(limit, Instant::now()) {
            self.count(|stats| &mut stats.limited);
            return Err(Refusal::limited(format!("The rate limit is {limit}.")));
        }
        Ok(())
    }

    /// Adds one to a counter.
    pub(super) fn count(&self, counter: impl FnOnce(&mut Stats) -> &mut u64) {
        *counter(&mut lock(&self.stats)) += 1;
    }

    pub(super) fn stats(&self) -> Stats {
        *lock(&self.stats)
    }

    pub(super) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(header) = headers.get(header::AUTHORIZATION) else {
            return Err(Refusal::missing_token());
        };
        let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) if self.issuer.accepts(token, SystemTime::now()) => Ok(()),
            _ => Err(Refusal::denied()),
        }
    }
}

/// The values under these locks are whole after every statement, so that a handler's panic does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
