//! Ctrl-C and SIGTERM: a clean stop, within seconds.

use crate::failure::Failure;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
    task::spawn_blocking,
    time::timeout,
};
use tracing::Span;

/// How long work may take to stop after a signal.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Whether somebody wants the program to stop.
#[derive(Clone)]
pub(crate) struct Shutdown(Arc<State>);

struct State {
    requested: AtomicBool,
    notify: Notify,
}

impl Shutdown {
    /// Listens for the signals from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        let state = Arc::new(State { requested: AtomicBool::new(false), notify: Notify::new() });
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            shared.requested.store(true, Relaxed);
            shared.notify.notify_waiters();
        });
        Ok(Self(state))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.requested.load(Relaxed)
    }

    /// Waits for a signal.
    pub(crate) async fn requested(&self) {
        let notified = self.0.notify.notified();
        // Asked for only after the waiting has begun, so that no signal falls in between.
        if !self.is_requested() {
            notified.await;
        }
    }

    /// Awaits `work`, or fails when a signal comes first.
    pub(crate) async fn or_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            result = work => Ok(result),
            () = self.requested() => Err(Failure::interrupted()),
        }
    }

    /// Does `work` on a thread of its own, and after a signal waits for it to stop, but not for ever.
    ///
    /// # Errors
    ///
    /// Fails where it does not stop; the thread is then left to itself.
    pub(crate) async fn or_left<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let span = Span::current();
        let mut work = spawn_blocking(move || span.in_scope(work));
        let done = tokio::select! {
            done = &mut work => done,
            () = self.requested() => match timeout(STOP_WAIT, work).await {
                Ok(done) => done,
                Err(_) => return Err(Failure::interrupted_at_work()),
            },
        };
        done.map_err(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// A reader that fails once a signal has come, so that a thread that reads stops cleanly.
    pub(crate) fn reader<R>(&self, reader: R) -> Interruptible<R> {
        Interruptible { reader, shutdown: self.clone() }
    }
}

/// See [`Shutdown::reader`].
pub(crate) struct Interruptible<R> {
    reader: R,
    shutdown: Shutdown,
}

impl<R: io::Read> io::Read for Interruptible<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shutdown.is_requested() {
            return Err(io::Error::other("interrupted"));
        }
        self.reader.read(buffer)
    }
}
