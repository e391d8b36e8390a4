//! How many bytes of batches are on their way, from the thread that reads to their row groups. This
//! bounds the memory of everything between them, however uneven batches and their encoding are.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets through so many bytes at a time, or one batch, whatever its size.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    inside: usize,
    closed: bool,
}

impl State {
    fn enter(&mut self, bytes: usize) -> bool {
        self.inside += bytes;
        !self.closed
    }
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most }
    }

    /// Waits until a batch of so many bytes may be on its way; false if none ever may.
    #[must_use]
    pub(crate) fn enter(&self, bytes: usize) -> bool {
        let waited = self.changed.wait_while(self.lock(), |state| self.is_full(state, bytes));
        waited.unwrap_or_else(PoisonError::into_inner).enter(bytes)
    }

    /// The same if there is no need to wait.
    #[must_use]
    pub(crate) fn enter_at_once(&self, bytes: usize) -> Option<bool> {
        let mut state = self.lock();
        (!self.is_full(&state, bytes)).then(|| state.enter(bytes))
    }

    fn is_full(&self, state: &State, bytes: usize) -> bool {
        state.inside > 0 && state.inside + bytes > self.most && !state.closed
    }

    /// Batches of so many bytes have arrived.
    pub(crate) fn leave(&self, bytes: usize) {
        self.lock().inside -= bytes;
        self.changed.notify_all();
    }

    /// Batches of so many bytes are on their way again, whatever others are: what they wait for must not wait for them.
    pub(crate) fn enter_again(&self, bytes: usize) {
        self.lock().inside += bytes;
    }

    /// A value that closes the gate when it is dropped: whoever holds it has stopped working.
    pub(crate) fn closer(&self) -> Closer<'_> {
        Closer(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is a number and a flag, and right at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Gate::closer`].
pub(crate) struct Closer<'g>(&'g Gate);

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    #[test]
    fn no_more_than_so_many_bytes_are_inside_and_none_waits_at_a_closed_gate() {
        let gate = Gate::new(20);
        let entered = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while gate.enter(10) {
                    entered.fetch_add(1, Ordering::SeqCst);
                }
            });
            let settles = |expected| {
                for _ in 0..1000 {
                    thread::sleep(Duration::from_millis(1));
                    if entered.load(Ordering::SeqCst) == expected {
                        break;
                    }
                }
                thread::sleep(Duration::from_millis(5));
                assert_eq!(entered.load(Ordering::SeqCst), expected);
            };
            settles(2);
            gate.leave(20);
            settles(4);
            drop(gate.closer());
        });
    }
}
