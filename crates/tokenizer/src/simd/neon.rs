//! NEON: a block is four vectors.

use super::scalar;
use crate::index::{
    self, Stretch,
    kernel::{self, BLOCK, CODES, Classes, Escapes, Kernel, Vector},
    marks::{self, Marks},
};
use std::arch::aarch64::*;

struct Neon;

/// # Safety
///
/// The processor must have what [`Backend::Neon`](crate::Backend::Neon) needs.
#[target_feature(enable = "neon")]
pub(super) unsafe fn run(stretch: &mut Stretch<'_>) -> Option<usize> {
    index::index::<Neon>(stretch)
}

/// # Safety
///
/// As for [`run`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn write(marks: &mut Marks, blocks: usize) {
    marks::write::<Neon>(marks, blocks);
}

impl Kernel for Neon {
    #[inline(always)]
    fn classes(block: &[u8; BLOCK]) -> Classes {
        kernel::classes::<Bytes>(block)
    }

    #[inline(always)]
    fn escapes(block: &[u8; BLOCK]) -> Escapes {
        kernel::escapes::<Bytes>(block)
    }

    #[inline(always)]
    fn breaks_utf8(bytes: &[u8], at: usize) -> bool {
        kernel::breaks_utf8::<Bytes>(bytes, at)
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        scalar::prefix_xor(bits)
    }

    #[inline(always)]
    fn extract<const N: usize>(words: [u64; N], mask: u64) -> [u64; N] {
        scalar::extract(words, mask)
    }

    #[inline(always)]
    fn push(codes: &mut [u64; CODES], count: usize, _: &[u8; BLOCK], code: [u64; 3], tokens: u64) {
        kernel::push::<Self>(codes, count, code, tokens);
    }

    #[inline(always)]
    fn codes(codes: &[u64; CODES], word: usize) -> [u64; 3] {
        kernel::codes(codes, word)
    }

    #[inline(always)]
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
        scalar::flatten(bits, base, marks);
    }
}

#[derive(Clone, Copy)]
struct Bytes(uint8x16_t);

/// A bit for each byte that is 0xff; all others are 0.
#[inline(always)]
fn bits(v: uint8x16_t) -> u64 {
    const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: as below.
    unsafe {
        let weighed = vandq_u8(v, vld1q_u8(WEIGHTS.as_ptr()));
        u64::from(vaddv_u8(vget_low_u8(weighed))) | u64::from(vaddv_u8(vget_high_u8(weighed))) << 8
    }
}

// SAFETY of all blocks below: the instructions are there, since this is compiled into `run` alone,
// and nothing but values is touched, except in `load` and `table`, where the reference guarantees
// the bytes that are read.
impl Vector for Bytes {
    const LANES: usize = 16;

    #[inline(always)]
    fn load(block: &[u8; BLOCK], part: usize) -> Self {
        let (parts, _) = block.as_chunks::<16>();
        // SAFETY: see above.
        Self(unsafe { vld1q_u8(parts[part].as_ptr()) })
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdupq_n_u8(byte) })
    }

    #[inline(always)]
    fn table(entries: &[u8; 16]) -> Self {
        // SAFETY: see above.
        Self(unsafe { vld1q_u8(entries.as_ptr()) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vorrq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vandq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { veorq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vsubq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn minus_saturating(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vqsubq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn upper(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vshrq_n_u8::<4>(self.0) })
    }

    #[inline(always)]
    fn lookup(self, table: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vqtbl1q_u8(table.0, vandq_u8(self.0, vdupq_n_u8(0x0f))) })
    }

    #[inline(always)]
    fn equals(self, other: Self) -> u64 {
        // SAFETY: see above.
        bits(unsafe { vceqq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> u64 {
        // SAFETY: see above.
        bits(unsafe { vcleq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn is(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vceqq_u8(self.0, other.0) })
    }

    #[inline(always)]
    fn high(self) -> u64 {
        // SAFETY: see above.
        bits(unsafe { vcgeq_u8(self.0, vdupq_n_u8(0x80)) })
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: see above.
        unsafe { vmaxvq_u8(self.0) != 0 }
    }
}
