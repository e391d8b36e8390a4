//! Which containers are open: one bit a level.

/// A stack of open containers, a set bit for an object, a clear one for an array. Its memory is
/// taken once, for the deepest nesting allowed.
#[derive(Debug)]
pub(crate) struct Nesting {
    /// Bit `d % 64` of word `d / 64` tells what the container at depth `d` is, for `d < depth`.
    words: Box<[u64]>,
    depth: u16,
    depth_max: u16,
}

impl Nesting {
    pub(crate) fn new(depth_max: u16) -> Self {
        let words = usize::from(depth_max).div_ceil(64).max(1);
        Self { words: vec![0; words].into_boxed_slice(), depth: 0, depth_max }
    }

    /// Opens a container; false if that would be one too many.
    #[inline]
    pub(crate) fn open(&mut self, object: bool) -> bool {
        if self.depth == self.depth_max {
            return false;
        }
        let (word, bit) = (usize::from(self.depth / 64), 1 << (self.depth % 64));
        if object {
            self.words[word] |= bit;
        } else {
            self.words[word] &= !bit;
        }
        self.depth += 1;
        true
    }

    /// Closes the innermost container, which must exist.
    #[inline]
    pub(crate) fn close(&mut self) {
        debug_assert!(self.depth > 0, "only an open container is closed");
        self.depth -= 1;
    }

    /// Whether the innermost open container is an object.
    #[inline]
    pub(crate) fn in_object(&self) -> bool {
        let Some(top) = self.depth.checked_sub(1) else { return false };
        self.words[usize::from(top / 64)] >> (top % 64) & 1 == 1
    }

    #[inline]
    pub(crate) fn depth(&self) -> u16 {
        self.depth
    }

    pub(crate) fn depth_max(&self) -> u16 {
        self.depth_max
    }
}
