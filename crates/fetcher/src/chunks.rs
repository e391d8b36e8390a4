//! Memory for the pieces on their way to the reader, which is used again and again: what is fresh from the system costs a fault
//! for each page, and is in no cache.

use bytes::Bytes;
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// Where chunks come from, and go back to when nobody reads them any more.
#[derive(Clone)]
pub(crate) struct Chunks {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    bytes: usize,
    /// More are not kept.
    number: usize,
}

/// A chunk that is filled.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    home: Chunks,
}

impl Chunks {
    /// Chunks of so many bytes, for a queue of so many.
    pub(crate) fn new(bytes: usize, queue: usize) -> Self {
        // One is filled, and one is read.
        Self { free: Arc::default(), bytes, number: queue.saturating_add(2) }
    }

    /// An empty one.
    pub(crate) fn empty(&self) -> Chunk {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Chunk { bytes: free.unwrap_or_else(|| Vec::with_capacity(self.bytes)), home: self.clone() }
    }
}

impl Chunk {
    /// What is to be filled, up to its capacity.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// It goes back when the last of these bytes is dropped.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut bytes = mem::take(&mut self.bytes);
        bytes.clear();
        let mut free = self.home.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.home.number {
            free.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_nobody_reads_it() {
        let chunks = Chunks::new(100, 1);
        let filled = |text: &str| {
            let mut chunk = chunks.empty();
            assert!(chunk.bytes().is_empty() && chunk.bytes().capacity() >= 100);
            chunk.bytes().extend_from_slice(text.as_bytes());
            chunk.freeze()
        };
        let one = filled("one");
        let (at, half) = (one.as_ptr(), one.slice(1..));
        drop(one);
        let two = filled("two");
        assert!(two.as_ptr() != at && half == "ne", "half of the first is still there");
        drop(half);
        let three = filled("three");
        assert!(three.as_ptr() == at && three == "three" && two == "two");
        // More than are needed at once are not kept.
        drop((two, three));
        drop([filled("a"), filled("b"), filled("c"), filled("d"), filled("e")]);
        assert_eq!(chunks.free.lock().unwrap().len(), 3);
    }
}
