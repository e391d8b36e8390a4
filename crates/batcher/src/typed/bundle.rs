//! Batches of a long table from which batches of typed tables are made together.
//!
//! A batch of `attributes` has a thousand profiles, one of `events` a thousand events of a type. Pages of so few rows
//! compress badly, take long, and are many. So some batches wait for those behind them, a bundle, and one batch of each
//! typed table is made of all. Which belong together is told by the thread that reads, so that files do not depend on
//! the threads that encode: the one that brings the last missing batch, whichever it is, makes the rows.

use crate::gate::Gate;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Where a batch is among those of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InBundle {
    /// Bundles before this one.
    pub(crate) number: u64,
    /// Batches of the bundle before this one.
    pub(crate) place: usize,
    pub(crate) is_last: bool,
}

/// The bundles of a table whose batches are not all there yet.
pub(super) struct Bundles<'g, T> {
    gate: &'g Gate,
    waiting: Mutex<HashMap<u64, Waiting<T>>>,
}

struct Waiting<T> {
    items: Vec<(usize, T)>,
    /// How many there will be, if that is known.
    count: Option<usize>,
    bytes: usize,
}

impl<'g, T> Bundles<'g, T> {
    pub(super) fn new(gate: &'g Gate) -> Self {
        Self { gate, waiting: Mutex::default() }
    }

    /// Adds an item, from which so many bytes are to be made. Gives all of the bundle, in order, if none is missing.
    ///
    /// What waits is not on its way: else what it waits for might not get through the gate. It is bounded by itself, since
    /// a bundle is.
    pub(super) fn add(&self, at: InBundle, bytes: usize, item: T) -> Option<Vec<T>> {
        // It is right at any time: nothing in here panics halfway.
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.entry(at.number).or_insert_with(|| Waiting { items: Vec::new(), count: None, bytes: 0 });
        waiting.items.push((at.place, item));
        waiting.count = waiting.count.or_else(|| at.is_last.then_some(at.place + 1));
        if waiting.count != Some(waiting.items.len()) {
            waiting.bytes += bytes;
            self.gate.leave(bytes);
            return None;
        }
        let Waiting { mut items, bytes, .. } = all.remove(&at.number)?;
        self.gate.enter_again(bytes);
        items.sort_unstable_by_key(|(place, _)| *place);
        Some(items.into_iter().map(|(_, item)| item).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_whole_and_in_order_in_whatever_order_their_items_come() {
        let gate = Gate::new(100);
        let bundles = Bundles::new(&gate);
        assert!(gate.enter(60));
        let at = |number, place, is_last| InBundle { number, place, is_last };
        assert_eq!(bundles.add(at(7, 0, true), 10, "alone"), Some(vec!["alone"]));
        assert_eq!(bundles.add(at(0, 2, true), 10, "c"), None);
        assert_eq!(bundles.add(at(1, 0, false), 10, "d"), None);
        assert_eq!(bundles.add(at(0, 0, false), 10, "a"), None);
        // Of 60 bytes, three times ten wait, and are not in the way of as many others.
        assert!(gate.enter(70));
        gate.leave(70);
        assert_eq!(bundles.add(at(0, 1, false), 10, "b"), Some(vec!["a", "b", "c"]));
        assert_eq!(bundles.add(at(1, 1, true), 10, "e"), Some(vec!["d", "e"]));
        gate.leave(60);
        assert!(gate.enter(100), "all have come and gone");
    }
}
