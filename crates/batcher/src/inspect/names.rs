//! Counters by id: found quickly, and of a bounded number.

use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Longer names are no ids.
const ID_BYTES_MAX: usize = 128;

/// Whether a name looks like an id. What does not may be personal data, and is not shown.
pub(super) fn is_id(name: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !name.is_empty() && name.len() <= ID_BYTES_MAX && name.bytes().all(is_of_ids)
}

/// How many more names may be tracked, of all that share this room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room(pub(super) usize);

/// Counters by name, in the order in which the names first came.
///
/// An export has few ids, again and again, and they are short. So there is a small table in front of the map: a few
/// bytes of a name tell its place there, and the slot found there last is most probably the right one.
#[derive(Debug)]
pub(super) struct Names<T> {
    slots: Vec<Slot<T>>,
    index: HashMap<Box<str>, u32, RandomState>,
    /// The slots found last, by [`Gist::place`]; empty as long as there are no slots.
    recent: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    gist: Gist,
    name: Box<str>,
    counters: T,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), index: HashMap::default(), recent: Vec::new() }
    }
}

impl<T: Default> Names<T> {
    /// The counters of a name; none if it is a new one and there is no room, or it does not look like an id.
    #[inline]
    pub(super) fn get(&mut self, name: &str, room: &mut Room) -> Option<&mut T> {
        let slot = self.slot(name, room)?;
        Some(&mut self.slots[slot].counters)
    }

    /// The same for names that need not look like ids.
    pub(super) fn get_any(&mut self, name: &str, room: &mut Room) -> Option<&mut T> {
        let slot = match self.index.get(name) {
            Some(&slot) => slot,
            None => self.add(name, room)?,
        };
        Some(&mut self.slots[slot as usize].counters)
    }

    /// As [`get`](Self::get), to be found again with [`at`](Self::at).
    #[inline]
    pub(super) fn slot(&mut self, name: &str, room: &mut Room) -> Option<usize> {
        let gist = Gist::of(name);
        if let Some(&recent) = self.recent.get(gist.place())
            && self.slots[recent as usize].is(gist, name)
        {
            return Some(recent as usize);
        }
        self.find(gist, name, room)
    }

    pub(super) fn at(&mut self, slot: usize) -> &mut T {
        &mut self.slots[slot].counters
    }

    fn find(&mut self, gist: Gist, name: &str, room: &mut Room) -> Option<usize> {
        let slot = match self.index.get(name) {
            Some(&slot) => slot,
            None if is_id(name) => self.add(name, room)?,
            None => return None,
        };
        // Every place points to a slot, there being one.
        self.recent.resize(Gist::PLACES, slot);
        self.recent[gist.place()] = slot;
        Some(slot as usize)
    }

    #[cold]
    fn add(&mut self, name: &str, room: &mut Room) -> Option<u32> {
        if room.0 == 0 {
            return None;
        }
        room.0 -= 1;
        let slot = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot { gist: Gist::of(name), name: name.into(), counters: T::default() });
        self.index.insert(name.into(), slot);
        Some(slot)
    }

    /// All names with their counters, in the order in which they came.
    pub(super) fn into_counters(self) -> impl Iterator<Item = (Box<str>, T)> {
        self.slots.into_iter().map(|slot| (slot.name, slot.counters))
    }

    /// All names, the smallest first: numbers by their value, before other names.
    pub(super) fn into_sorted(self) -> Vec<(String, T)> {
        let mut all: Vec<_> = self.slots.into_iter().map(|slot| (String::from(slot.name), slot.counters)).collect();
        all.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
        all
    }
}

impl<T> Slot<T> {
    #[inline(always)]
    fn is(&self, gist: Gist, name: &str) -> bool {
        self.gist == gist && (gist.is_all() || *self.name == *name)
    }
}

/// The length of a name, its first four bytes and its last four: all of it, if it has four to eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gist {
    length: usize,
    ends: u64,
}

impl Gist {
    const PLACES: usize = 1 << 10;

    #[inline(always)]
    fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(&first), Some(&last)) => {
                u64::from(u32::from_le_bytes(first)) << 32 | u64::from(u32::from_le_bytes(last))
            }
            _ => 0,
        };
        Self { length: bytes.len(), ends }
    }

    #[inline(always)]
    fn is_all(self) -> bool {
        (4..=8).contains(&self.length)
    }

    /// A place that hardly any two of a few names share.
    #[inline(always)]
    fn place(self) -> usize {
        const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
        ((self.ends ^ self.length as u64).wrapping_mul(GOLDEN_RATIO) >> (u64::BITS - Self::PLACES.ilog2())) as usize
    }
}

fn order(name: &str) -> (bool, usize, &str) {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number, if is_number { name.len() } else { 0 }, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_order_and_bounded() {
        let (mut names, mut room) = (Names::<u64>::default(), Room(3));
        for name in ["10", "9", "x", "10", "x", "9", "9", "10", "9", "beyond", "x", "no id", ""] {
            if let Some(count) = names.get(name, &mut room) {
                *count += 1;
            }
        }
        assert_eq!(names.into_sorted(), [("9".into(), 4), ("10".into(), 3), ("x".into(), 3)]);
    }

    #[test]
    fn what_looks_like_an_id() {
        for (name, expected) in [
            ("40103", true),
            ("usercreated.sections.europe-r6tz73a27t", true),
            ("", false),
            ("anna@example.org", false),
            ("Anna Larsson", false),
            ("Åsa", false),
            (&"7".repeat(128), true),
            (&"7".repeat(129), false),
        ] {
            assert_eq!(is_id(name), expected, "{name}");
        }
    }
}
