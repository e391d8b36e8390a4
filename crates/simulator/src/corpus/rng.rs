//! The corpus' random numbers: splitmix64 (Steele, Lea and Flood 2014).
//!
//! A generator is a single word and costs nothing to set up. So each thing that must not depend on another (a profile,
//! one attribute of it, one day of its events) draws from a generator of its own, named by the seed and its
//! coordinates.

/// A seeded generator. Good enough for test data, not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The generator of the thing with these coordinates.
    pub(crate) fn of<const N: usize>(coordinates: [u64; N]) -> Rng {
        let fold = |state: u64, part| mix(state.wrapping_add(GOLDEN) ^ mix(part));
        Rng(coordinates.into_iter().fold(0, fold))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number from zero to below `bound`. Lemire's multiplication: its bias is far below what test data could show.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let product = (self.next() >> 32) * u64::from(bound);
        (product >> 32) as u32
    }

    /// A number between both ends, the upper one excluded.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low)
    }

    /// True once in so many draws.
    pub(crate) fn one_in(&mut self, draws: u32) -> bool {
        self.below(draws) == 0
    }

    /// True in so many of a hundred draws.
    pub(crate) fn percent(&mut self, share: u32) -> bool {
        self.below(100) < share
    }

    /// A fraction of one.
    pub(crate) fn fraction(&mut self) -> f64 {
        // A double holds 53 bits exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_name_independent_generators() {
        let mut a = Rng::of([1, 2, 3]);
        let mut again = Rng::of([1, 2, 3]);
        let mut swapped = Rng::of([1, 3, 2]);
        let mut longer = Rng::of([1, 2, 3, 0]);
        let first = a.next();
        assert_eq!(first, again.next());
        assert_ne!(first, swapped.next());
        assert_ne!(first, longer.next());
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_them() {
        let mut rng = Rng::of([7]);
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            seen[rng.below(6) as usize] = true;
            assert!((0.0..1.0).contains(&rng.fraction()));
        }
        assert_eq!(seen, [true; 6]);
    }
}
