//! Which containers are open.

/// A stack of open containers. Its memory is taken once, for the deepest nesting allowed.
#[derive(Debug)]
pub(crate) struct Nesting {
    inner: Inner,
    /// The levels around, the outermost first: whether they are objects.
    outer: Box<[bool]>,
    /// How many these are.
    outer_count: u32,
    /// What was saved of these three.
    saved: (Inner, Box<[bool]>, u32),
    depth_max: u16,
}

/// The innermost levels, a bit for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inner {
    /// Set for an object; the innermost level is the lowest bit.
    kinds: u64,
    /// How many of the bits are levels. It is zero only if there are no levels around.
    count: i32,
}

impl Nesting {
    pub(crate) fn new(depth_max: u16) -> Self {
        let outer = vec![false; usize::from(depth_max)].into_boxed_slice();
        let inner = Inner { kinds: 0, count: 0 };
        Self { inner, outer: outer.clone(), outer_count: 0, saved: (inner, outer, 0), depth_max }
    }

    /// Forgets all levels.
    pub(crate) fn clear(&mut self) {
        (self.inner, self.outer_count) = (Inner { kinds: 0, count: 0 }, 0);
    }

    /// Opens a container; false if that would be one too many.
    pub(crate) fn open(&mut self, object: bool) -> bool {
        let room = self.make_room(1, 0);
        if room {
            self.inner = self.inner.opened(u64::from(object));
        }
        room
    }

    /// Closes the innermost container, which must exist.
    pub(crate) fn close(&mut self) {
        debug_assert!(self.depth() > 0, "only an open container is closed");
        self.inner = self.inner.closed();
        self.make_room(0, 1);
    }

    /// Whether the innermost open container is an object.
    pub(crate) fn in_object(&self) -> bool {
        self.inner.count > 0 && self.inner.in_object() != 0
    }

    #[inline(always)]
    pub(crate) fn depth(&self) -> u16 {
        (self.outer_count + self.inner.count as u32) as u16
    }

    pub(crate) fn depth_max(&self) -> u16 {
        self.depth_max
    }

    /// Sees to it that so many levels can be opened and closed among the innermost. False if they
    /// might be too many. One level more stays among the innermost, if there is any.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, opening: u32, closing: u32) -> bool {
        let (opening, closing) = (opening as i32, closing as i32);
        let depth = self.outer_count as i32 + self.inner.count;
        if depth + opening > i32::from(self.depth_max) || opening + closing >= u64::BITS as i32 {
            return false;
        }
        if self.inner.count + opening > u64::BITS as i32 || (self.inner.count <= closing && self.outer_count > 0) {
            self.shift(opening, closing);
        }
        true
    }

    #[cold]
    fn shift(&mut self, opening: i32, closing: i32) {
        let Inner { kinds, count } = &mut self.inner;
        while *count + opening > u64::BITS as i32 {
            *count -= 1;
            self.outer[self.outer_count as usize] = *kinds >> *count & 1 == 1;
            self.outer_count += 1;
        }
        while *count <= closing && self.outer_count > 0 {
            self.outer_count -= 1;
            let bit = 1 << *count;
            *kinds = if self.outer[self.outer_count as usize] { *kinds | bit } else { *kinds & !bit };
            *count += 1;
        }
    }

    /// The innermost levels, to go on with or to come back to.
    #[inline(always)]
    pub(crate) fn inner(&self) -> Inner {
        self.inner
    }

    /// For which there was made room.
    #[inline(always)]
    pub(crate) fn set_inner(&mut self, inner: Inner) {
        self.inner = inner;
    }

    /// Remembers the levels.
    pub(crate) fn save(&mut self) {
        let count = self.outer_count as usize;
        self.saved.1[..count].copy_from_slice(&self.outer[..count]);
        (self.saved.0, self.saved.2) = (self.inner, self.outer_count);
    }

    /// Goes back to the levels that were saved.
    pub(crate) fn restore(&mut self) {
        (self.inner, self.outer_count) = (self.saved.0, self.saved.2);
        let count = self.outer_count as usize;
        self.outer[..count].copy_from_slice(&self.saved.1[..count]);
    }
}

impl Inner {
    /// All bits set if the innermost container is an object.
    #[inline(always)]
    pub(crate) fn in_object(self) -> u64 {
        (self.kinds & 1).wrapping_neg()
    }

    #[inline(always)]
    pub(crate) fn count(self) -> i32 {
        self.count
    }

    /// A bit for each level, set for an object; the innermost is the lowest.
    #[inline(always)]
    pub(crate) fn kinds(self) -> u64 {
        self.kinds
    }

    /// With a container opened, an object if `object` is 1.
    #[inline(always)]
    fn opened(self, object: u64) -> Self {
        Self { kinds: self.kinds << 1 | object, count: self.count + 1 }
    }

    /// With the innermost closed.
    #[inline(always)]
    fn closed(self) -> Self {
        Self { kinds: self.kinds >> 1, count: self.count - 1 }
    }

    /// With so many closed, fewer than 64, and then as many opened as `opening` says; of these a bit each, the first the
    /// lowest.
    #[inline(always)]
    pub(crate) fn replaced(self, closing: u32, objects: u64, opening: u32) -> Self {
        let count = self.count - closing as i32 + opening as i32;
        let left = self.kinds >> closing;
        if opening == 0 {
            return Self { kinds: left, count };
        }
        // The last that is opened is the innermost.
        let opened = objects.reverse_bits() >> (u64::BITS - opening);
        Self { kinds: left << 1 << (opening - 1) | opened, count }
    }
}
