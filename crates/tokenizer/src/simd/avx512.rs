//! AVX-512: a block is one vector.

use crate::index::{
    self, Run, Stop,
    kernel::{self, BLOCK, Classes, Escapes, Kernel, Vector},
    words::{GROUP, Words},
};
use std::arch::x86_64::*;

struct Avx512;

/// # Safety
///
/// The processor must have what [`Backend::Avx512`](crate::Backend::Avx512) needs.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn run<const MARKS: bool>(run: Run<'_>) -> Stop {
    index::run::<Avx512, MARKS>(run)
}

impl Kernel for Avx512 {
    type Group = Group;

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
        super::avx2::prefix_xor(bits)
    }

    #[inline(always)]
    fn extract(bits: u64, mask: u64) -> u64 {
        super::avx2::extract(bits, mask)
    }

    #[inline(always)]
    fn deposit(bits: u64, mask: u64) -> u64 {
        super::avx2::deposit(bits, mask)
    }

    #[inline(always)]
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
        const INDICES: [u8; BLOCK] = {
            let mut indices = [0; BLOCK];
            let mut index = 0;
            while index < BLOCK {
                indices[index] = index as u8;
                index += 1;
            }
            indices
        };
        // SAFETY: the instructions are there, since this is compiled into `run` alone; the load is
        // of 64 bytes of a constant, and the stores are of 16 marks each, at most up to the 64th.
        unsafe {
            let indices = _mm512_loadu_si512(INDICES.as_ptr().cast());
            let set = _mm512_maskz_compress_epi8(bits, indices);
            let base = _mm512_set1_epi32(base as i32);
            let marks: *mut u32 = marks.as_mut_ptr();
            // Few blocks have more than 32, so this branch is foreseen; one at 16 would not be.
            store(_mm512_castsi512_si128(set), base, marks);
            store(_mm512_extracti32x4_epi32::<1>(set), base, marks.add(16));
            if bits.count_ones() > 32 {
                store(_mm512_extracti32x4_epi32::<2>(set), base, marks.add(32));
                store(_mm512_extracti32x4_epi32::<3>(set), base, marks.add(48));
            }
        }
    }
}

/// Stores sixteen marks.
///
/// # Safety
///
/// There must be room for them; and as for [`run`].
#[inline(always)]
unsafe fn store(indices: __m128i, base: __m512i, marks: *mut u32) {
    // SAFETY: the caller's.
    unsafe { _mm512_storeu_si512(marks.cast(), _mm512_add_epi32(_mm512_cvtepu8_epi32(indices), base)) }
}

#[derive(Clone, Copy)]
struct Bytes(__m512i);

// SAFETY of all blocks below: the instructions are there, since this is compiled into `run` alone,
// and nothing but values is touched, except in `load` and `table`, where the reference guarantees
// the bytes that are read.
impl Vector for Bytes {
    const LANES: usize = 64;

    #[inline(always)]
    fn load(block: &[u8; BLOCK], part: usize) -> Self {
        debug_assert!(part == 0, "a block is one vector");
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_si512(block.as_ptr().cast()) })
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    fn table(entries: &[u8; 16]) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(entries.as_ptr().cast())) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_sub_epi8(self.0, other.0) })
    }

    #[inline(always)]
    fn minus_saturating(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_subs_epu8(self.0, other.0) })
    }

    #[inline(always)]
    fn upper(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_and_si512(_mm512_srli_epi16::<4>(self.0), _mm512_set1_epi8(0x0f)) })
    }

    #[inline(always)]
    fn lookup(self, table: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_shuffle_epi8(table.0, self.0) })
    }

    #[inline(always)]
    fn equals(self, other: Self) -> u64 {
        // SAFETY: see above.
        unsafe { _mm512_cmpeq_epi8_mask(self.0, other.0) }
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> u64 {
        // SAFETY: see above.
        unsafe { _mm512_cmple_epu8_mask(self.0, other.0) }
    }

    #[inline(always)]
    fn high(self) -> u64 {
        // SAFETY: see above.
        unsafe { _mm512_movepi8_mask(self.0) }
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: see above.
        unsafe { _mm512_test_epi8_mask(self.0, self.0) != 0 }
    }
}

/// A group of blocks, each a lane.
#[derive(Clone, Copy)]
struct Group(__m512i);

// SAFETY of all blocks below: as above; `load` and `store` move 64 bytes, which is what the references
// point to.
impl Words for Group {
    const COUNT: usize = GROUP;

    #[inline(always)]
    fn load(words: &[u64; GROUP]) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; GROUP]) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_andnot_si512(other.0, self.0) })
    }

    #[inline(always)]
    fn down(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_or_si512(_mm512_srli_epi64::<1>(self.0), _mm512_set1_epi64(i64::MIN)) })
    }

    #[inline(always)]
    fn up(self, carry: &mut u64) -> Self {
        // SAFETY: see above.
        unsafe {
            let before = _mm512_alignr_epi64::<7>(self.0, _mm512_set1_epi64(*carry as i64));
            *carry = _mm_extract_epi64::<1>(_mm512_extracti64x2_epi64::<3>(self.0)) as u64;
            Self(_mm512_or_si512(_mm512_slli_epi64::<1>(self.0), _mm512_srli_epi64::<63>(before)))
        }
    }

    #[inline(always)]
    fn plus(self, other: Self, carry: &mut u64) -> Self {
        // SAFETY: see above.
        unsafe {
            let sum = _mm512_add_epi64(self.0, other.0);
            let over = _mm512_cmplt_epu64_mask(sum, self.0);
            let full = _mm512_cmpeq_epi64_mask(sum, _mm512_set1_epi64(-1));
            let ones = super::avx2::carries(over, full, carry);
            Self(_mm512_mask_sub_epi64(sum, ones, sum, _mm512_set1_epi64(-1)))
        }
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: see above.
        unsafe { _mm512_test_epi64_mask(self.0, self.0) != 0 }
    }
}
