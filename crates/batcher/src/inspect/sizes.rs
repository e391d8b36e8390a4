//! How large profiles are.

use super::{SizeBucket, Sizes};

/// Profiles by the bits of their sizes: each number of bits stands for twice as much as the one before.
#[derive(Debug)]
pub(super) struct ProfileSizes {
    by_bits: [u64; 65],
    bytes: u64,
    bytes_max: u64,
}

impl Default for ProfileSizes {
    fn default() -> Self {
        Self { by_bits: [0; 65], bytes: 0, bytes_max: 0 }
    }
}

impl ProfileSizes {
    pub(super) fn see(&mut self, bytes: u64) {
        self.by_bits[(u64::BITS - bytes.leading_zeros()) as usize] += 1;
        self.bytes += bytes;
        self.bytes_max = self.bytes_max.max(bytes);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.by_bits.iter_mut().zip(other.by_bits).for_each(|(count, more)| *count += more);
        self.bytes += other.bytes;
        self.bytes_max = self.bytes_max.max(other.bytes_max);
    }

    pub(super) fn sizes(&self) -> Sizes {
        let filled = || (0..self.by_bits.len()).filter(|&bits| self.by_bits[bits] > 0);
        let bucket = |bits: usize| SizeBucket {
            from_bytes: if bits == 0 { 0 } else { 1 << (bits - 1) },
            profiles: self.by_bits[bits],
        };
        let histogram = match (filled().next(), filled().next_back()) {
            (Some(first), Some(last)) => (first..=last).map(bucket).collect(),
            _ => Vec::new(),
        };
        Sizes { bytes: self.bytes, bytes_max: self.bytes_max, histogram }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_double() {
        let mut sizes = ProfileSizes::default();
        assert_eq!(sizes.sizes(), Sizes { bytes: 0, bytes_max: 0, histogram: Vec::new() });
        for bytes in [2, 3, 15, 16, 16] {
            sizes.see(bytes);
        }
        let buckets: Vec<_> = sizes.sizes().histogram.iter().map(|b| (b.from_bytes, b.profiles)).collect();
        assert_eq!(buckets, [(2, 2), (4, 0), (8, 1), (16, 2)]);
        sizes.see(1 << 63);
        assert_eq!(sizes.sizes().histogram.last().map(|b| b.from_bytes), Some(1 << 63));
    }
}
