//! Random numbers: splitmix64 (Steele, Lea and Flood 2014).

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seeded generator.
pub(super) struct Random(u64);

impl Random {
    /// The generator of the item at this place, which depends on nothing else.
    pub(super) fn of(place: u64) -> Self {
        Self(mix(place.wrapping_add(GOLDEN)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number from zero to below `bound`, which is far below 2³²; so its bias does not matter.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((self.next() >> 32) * bound) >> 32
    }

    /// True in so many of a hundred draws.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(super) fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len() as u64) as usize]
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
