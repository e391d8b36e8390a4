//! Exports that are asked for before their turn: while one is made, downloaded and published, the API makes the next.
//!
//! ```text
//! in order:      1        2        3        4        5
//!             reached   asked    asked    open     open        two ahead
//! ```
//!
//! Whoever works on them in order knows nothing of this: [`Client::request`] finds the one that was asked for, and says by
//! that how far the work is. Nothing is polled for or downloaded here. To ask ahead is a favour, so that nothing of it is a
//! failure: an export that could not be had is asked for in its turn, as if nobody had tried. Only that one is too large
//! is kept for its turn, which need not hear it twice.

use crate::{Client, ExportSpec, Result, export, state::Requested};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::{sync::watch, task::JoinHandle};
use tracing::Instrument;

/// Exports that are asked for ahead, as long as it is not dropped. Those that nobody has taken then are what the state
/// remembers, if there is one.
#[must_use = "dropped, it asks for nothing"]
pub struct Ahead {
    /// Of which the client has a weak reference.
    _queue: Arc<watch::Sender<Queue>>,
    task: JoinHandle<()>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ahead {
    /// To be called within a runtime.
    pub(crate) fn start(client: Client, specs: Vec<ExportSpec>) -> Self {
        let places = specs.iter().map(|spec| Place { request: export::fingerprint(spec), stage: Stage::Open });
        let ahead = client.http().limits.exports_ahead;
        let queue = Arc::new(watch::Sender::new(Queue { places: places.collect(), reached: 0, ahead }));
        client.asked_ahead().set(&queue);
        let asker = Asker(Arc::clone(&queue));
        let task = async move {
            while let Some(place) = asker.next().await {
                let span = tracing::error_span!("ahead", export = tracing::field::Empty);
                let asked = export::request_ahead(&client, &specs[place]).instrument(span).await;
                asker.put(place, asked).await;
            }
        };
        Self { _queue: queue, task: tokio::spawn(task.in_current_span()) }
    }
}

/// What a client has asked for ahead.
#[derive(Default)]
pub(crate) struct Register(Mutex<Weak<watch::Sender<Queue>>>);

impl Register {
    fn set(&self, queue: &Arc<watch::Sender<Queue>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(queue);
    }

    fn queue(&self) -> Option<Arc<watch::Sender<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// What came of asking for this ahead, if that was done. One that is being asked for is waited for.
    pub(crate) async fn take(&self, request: &str) -> Option<Result<Requested>> {
        let queue = self.queue()?;
        let mut changes = queue.subscribe();
        loop {
            let mut taken = Taken::Nothing;
            queue.send_if_modified(|queue| {
                taken = queue.take(request);
                !matches!(taken, Taken::NotYet)
            });
            match taken {
                Taken::Nothing => return None,
                Taken::Asked(asked) => return Some(asked),
                Taken::NotYet => changes.changed().await.ok()?,
            }
        }
    }

    /// The work on this export has begun: so many that follow may be asked for.
    pub(crate) fn reached(&self, request: &str) {
        if let Some(queue) = self.queue() {
            queue.send_modify(|queue| queue.reach(request));
        }
    }
}

/// Exports in the order in which they will be worked on.
struct Queue {
    places: Vec<Place>,
    /// How many of them the work has come to.
    reached: usize,
    /// How many more may be asked for.
    ahead: usize,
}

struct Place {
    /// The fingerprint of its request's body.
    request: String,
    stage: Stage,
}

enum Stage {
    /// Nobody has asked for it.
    Open,
    /// It is being asked for.
    Asking,
    /// It is there to be taken.
    Asked(Result<Requested>),
    /// Its turn has come.
    Over,
}

/// What is found of an export whose turn has come.
enum Taken {
    Nothing,
    NotYet,
    Asked(Result<Requested>),
}

impl Queue {
    fn take(&mut self, request: &str) -> Taken {
        let is_it = |place: &&mut Place| place.request == request && !matches!(place.stage, Stage::Over);
        let Some(place) = self.places.iter_mut().find(is_it) else { return Taken::Nothing };
        match std::mem::replace(&mut place.stage, Stage::Over) {
            Stage::Open | Stage::Over => Taken::Nothing,
            Stage::Asked(asked) => Taken::Asked(asked),
            Stage::Asking => {
                place.stage = Stage::Asking;
                Taken::NotYet
            }
        }
    }

    fn reach(&mut self, request: &str) {
        let is_it = |place: &Place| place.request == request && matches!(place.stage, Stage::Over);
        if let Some(place) = self.places.iter().rposition(is_it) {
            self.reached = self.reached.max(place + 1);
        }
    }

    /// The next to ask for. None before the first, or while one whose turn has come is asked for: those come first.
    fn next(&self) -> Option<usize> {
        let ahead = self.reached..self.reached.saturating_add(self.ahead).min(self.places.len());
        let is_asked_for_now = matches!(self.places.get(self.reached)?.stage, Stage::Over);
        let mut open = ahead.filter(|place| matches!(self.places[*place].stage, Stage::Open));
        if self.reached == 0 || is_asked_for_now { None } else { open.next() }
    }

    /// Whether there is nothing more to ask for, now or later.
    fn is_over(&self) -> bool {
        self.ahead == 0 || !self.places[self.reached..].iter().any(|place| matches!(place.stage, Stage::Open))
    }
}

/// Who asks for what is in a queue.
struct Asker(Arc<watch::Sender<Queue>>);

impl Asker {
    /// Waits for the next export that may be asked for, and takes its place.
    async fn next(&self) -> Option<usize> {
        let mut changes = self.0.subscribe();
        loop {
            let mut next = None;
            self.0.send_if_modified(|queue| {
                next = queue.next();
                next.is_some_and(|place| {
                    queue.places[place].stage = Stage::Asking;
                    true
                })
            });
            if next.is_some() {
                return next;
            }
            changes
                .wait_for(|queue| queue.next().is_some() || queue.is_over())
                .await
                .ok()
                .filter(|queue| !queue.is_over())?;
        }
    }

    /// Leaves what came of it there. After anything but an export, it waits until the work has come further.
    async fn put(&self, place: usize, asked: Result<Requested>) {
        let wants_rest = match &asked {
            Ok(_) => false,
            Err(error) => {
                tracing::info!(%error, "an export could not be asked for ahead; it will be in its turn");
                !error.wants_less()
            }
        };
        let mut reached = 0;
        self.0.send_modify(|queue| {
            reached = queue.reached;
            queue.places[place].stage = if wants_rest { Stage::Open } else { Stage::Asked(asked) };
        });
        if wants_rest {
            let _ = self.0.subscribe().wait_for(|queue| queue.reached > reached).await;
        }
    }
}

impl Drop for Asker {
    /// Whoever waits for an export that is being asked for asks for it now.
    fn drop(&mut self) {
        self.0.send_modify(|queue| {
            for place in queue.places.iter_mut().filter(|place| matches!(place.stage, Stage::Asking)) {
                place.stage = Stage::Open;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue whose places are named and staged like this: `a.` open, `a?` being asked for, `a!` over.
    fn queue(places: &str, reached: usize, ahead: usize) -> Queue {
        let place = |place: &str| Place {
            request: place[..1].to_owned(),
            stage: match &place[1..] {
                "." => Stage::Open,
                "?" => Stage::Asking,
                _ => Stage::Over,
            },
        };
        Queue { places: places.split(' ').map(place).collect(), reached, ahead }
    }

    #[test]
    fn so_many_are_asked_for_as_may_be() {
        for (places, reached, ahead, next, is_over) in [
            ("a. b. c.", 0, 2, None, false),
            ("a! b. c. d.", 1, 2, Some(1), false),
            ("a! b? c. d.", 1, 2, Some(2), false),
            ("a! b? c? d.", 1, 2, None, false),
            ("a! b! c? d.", 2, 2, Some(3), false),
            ("a! b! c. d.", 1, 2, None, false),
            ("a! b! c? d?", 2, 2, None, true),
            ("a! b. c.", 1, usize::MAX, Some(1), false),
            ("a! b. c.", 1, 0, None, true),
            // Two of the same: each has a place of its own.
            ("a! a. b.", 1, 1, Some(1), false),
        ] {
            let queue = queue(places, reached, ahead);
            assert_eq!((queue.next(), queue.is_over()), (next, is_over), "{places} {reached} {ahead}");
        }
    }

    #[test]
    fn whose_turn_has_come_is_reached() {
        for (places, request, found, reached) in [
            ("a. b. c.", "a", "nothing", 1),
            ("a! b. c.", "b", "nothing", 2),
            ("a! b? c.", "b", "not yet", 1),
            ("a! b! c.", "d", "nothing", 1),
            // Asked for once more, since it was lost.
            ("a! b! c.", "b", "nothing", 2),
            ("a! a. b.", "a", "nothing", 2),
        ] {
            let mut queue = queue(places, 1, 2);
            let taken = match queue.take(request) {
                Taken::Nothing => "nothing",
                Taken::NotYet => "not yet",
                Taken::Asked(_) => "asked",
            };
            queue.reach(request);
            assert_eq!((taken, queue.reached), (found, reached), "{places} {request}");
        }
    }
}
