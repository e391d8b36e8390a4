//! AVX2: a block is two vectors.

use crate::index::{
    self, Run, Stop,
    kernel::{self, BLOCK, Classes, Escapes, Kernel, Vector},
    words::{GROUP, Words},
};
use std::arch::x86_64::*;

struct Avx2;

/// # Safety
///
/// The processor must have what [`Backend::Avx2`](crate::Backend::Avx2) needs.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn run<const MARKS: bool>(run: Run<'_>) -> Stop {
    index::run::<Avx2, MARKS>(run)
}

/// A multiplication without carries by a word of ones.
#[inline(always)]
pub(super) fn prefix_xor(bits: u64) -> u64 {
    // SAFETY: the instructions are there, since this is compiled into both `run` alone; nothing but
    // values is touched.
    unsafe {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    }
}

#[inline(always)]
pub(super) fn extract(bits: u64, mask: u64) -> u64 {
    // SAFETY: as above.
    unsafe { _pext_u64(bits, mask) }
}

#[inline(always)]
pub(super) fn deposit(bits: u64, mask: u64) -> u64 {
    // SAFETY: as above.
    unsafe { _pdep_u64(bits, mask) }
}

/// To which of eight words that were added one by one a carry comes: `over` says of which it goes out,
/// `full` through which it goes on. One addition lets all carries run.
#[inline(always)]
pub(super) fn carries(over: u8, full: u8, carry: &mut u64) -> u8 {
    let full = u32::from(full);
    let ones = ((u32::from(over) << 1 | *carry as u32) + full) ^ full;
    *carry = u64::from(ones >> 8 & 1);
    ones as u8
}

/// For each byte the indices of the bits that are set in it.
static INDICES: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][count] = bit as u8;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

impl Kernel for Avx2 {
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
        prefix_xor(bits)
    }

    #[inline(always)]
    fn extract(bits: u64, mask: u64) -> u64 {
        extract(bits, mask)
    }

    #[inline(always)]
    fn deposit(bits: u64, mask: u64) -> u64 {
        deposit(bits, mask)
    }

    #[inline(always)]
    fn flatten(bits: u64, base: u32, marks: &mut [u32; BLOCK]) {
        let mut count = 0;
        for (part, byte) in bits.to_le_bytes().into_iter().enumerate() {
            // SAFETY: the instructions are there, since this is compiled into `run` alone. Eight
            // marks are stored behind at most eight from each byte before: at most up to the 64th.
            unsafe {
                let indices = _mm_loadl_epi64(INDICES[usize::from(byte)].as_ptr().cast());
                let base = _mm256_set1_epi32(base as i32 + part as i32 * 8);
                let eight = _mm256_add_epi32(_mm256_cvtepu8_epi32(indices), base);
                _mm256_storeu_si256(marks.as_mut_ptr().add(count).cast(), eight);
            }
            count += byte.count_ones() as usize;
        }
    }
}

#[derive(Clone, Copy)]
struct Bytes(__m256i);

/// The top bits.
#[inline(always)]
fn tops(v: __m256i) -> u64 {
    // SAFETY: as below.
    u64::from(unsafe { _mm256_movemask_epi8(v) } as u32)
}

// SAFETY of all blocks below: the instructions are there, since this is compiled into `run` alone,
// and nothing but values is touched, except in `load` and `table`, where the reference guarantees
// the bytes that are read.
impl Vector for Bytes {
    const LANES: usize = 32;

    #[inline(always)]
    fn load(block: &[u8; BLOCK], part: usize) -> Self {
        let (parts, _) = block.as_chunks::<32>();
        // SAFETY: see above.
        Self(unsafe { _mm256_loadu_si256(parts[part].as_ptr().cast()) })
    }

    #[inline(always)]
    fn splat(byte: u8) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    fn table(entries: &[u8; 16]) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(entries.as_ptr().cast())) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_sub_epi8(self.0, other.0) })
    }

    #[inline(always)]
    fn minus_saturating(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_subs_epu8(self.0, other.0) })
    }

    #[inline(always)]
    fn upper(self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_and_si256(_mm256_srli_epi16::<4>(self.0), _mm256_set1_epi8(0x0f)) })
    }

    #[inline(always)]
    fn lookup(self, table: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_shuffle_epi8(table.0, self.0) })
    }

    #[inline(always)]
    fn equals(self, other: Self) -> u64 {
        // SAFETY: see above.
        tops(unsafe { _mm256_cmpeq_epi8(self.0, other.0) })
    }

    #[inline(always)]
    fn at_most(self, other: Self) -> u64 {
        // SAFETY: see above.
        tops(unsafe { _mm256_cmpeq_epi8(_mm256_min_epu8(self.0, other.0), self.0) })
    }

    #[inline(always)]
    fn high(self) -> u64 {
        tops(self.0)
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: see above.
        unsafe { _mm256_testz_si256(self.0, self.0) == 0 }
    }
}

/// A group of blocks, each a lane of two vectors.
#[derive(Clone, Copy)]
struct Group(__m256i, __m256i);

/// For each four bits four lanes, all of whose bits are set where the bit is.
static LANES: [[i64; 4]; 16] = {
    let mut table = [[0; 4]; 16];
    let mut bits = 0;
    while bits < 16 {
        let mut lane = 0;
        while lane < 4 {
            table[bits][lane] = -(bits as i64 >> lane & 1);
            lane += 1;
        }
        bits += 1;
    }
    table
};

/// The topmost bits of eight lanes.
#[inline(always)]
fn signs(low: __m256i, high: __m256i) -> u8 {
    // SAFETY: as below.
    unsafe {
        let low = _mm256_movemask_pd(_mm256_castsi256_pd(low));
        let high = _mm256_movemask_pd(_mm256_castsi256_pd(high));
        (low | high << 4) as u8
    }
}

// SAFETY of all blocks below: as above; `load` and `store` move 2 x 32 bytes, which is what the
// references point to, and of `LANES` each entry is 32 bytes.
impl Words for Group {
    const COUNT: usize = GROUP;

    #[inline(always)]
    fn load(words: &[u64; GROUP]) -> Self {
        let words: *const __m256i = words.as_ptr().cast();
        // SAFETY: see above.
        unsafe { Self(_mm256_loadu_si256(words), _mm256_loadu_si256(words.add(1))) }
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; GROUP]) {
        let words: *mut __m256i = words.as_mut_ptr().cast();
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_si256(words, self.0);
            _mm256_storeu_si256(words.add(1), self.1);
        }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(_mm256_and_si256(self.0, other.0), _mm256_and_si256(self.1, other.1)) }
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(_mm256_or_si256(self.0, other.0), _mm256_or_si256(self.1, other.1)) }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(_mm256_xor_si256(self.0, other.0), _mm256_xor_si256(self.1, other.1)) }
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(_mm256_andnot_si256(other.0, self.0), _mm256_andnot_si256(other.1, self.1)) }
    }

    #[inline(always)]
    fn down(self) -> Self {
        // SAFETY: see above.
        unsafe {
            let top = _mm256_set1_epi64x(i64::MIN);
            let low = _mm256_or_si256(_mm256_srli_epi64::<1>(self.0), top);
            Self(low, _mm256_or_si256(_mm256_srli_epi64::<1>(self.1), top))
        }
    }

    #[inline(always)]
    fn up(self, carry: &mut u64) -> Self {
        // SAFETY: see above.
        unsafe {
            // The lanes before each: 3 2 1 0 and the carry, and so on.
            let low = _mm256_permute4x64_epi64::<0b10_01_00_00>(self.0);
            let low = _mm256_blend_epi32::<0b11>(low, _mm256_set1_epi64x(*carry as i64));
            let high = _mm256_permute2x128_si256::<0x21>(self.0, self.1);
            let high = _mm256_alignr_epi8::<8>(self.1, high);
            *carry = _mm256_extract_epi64::<3>(self.1) as u64;
            Self(
                _mm256_or_si256(_mm256_slli_epi64::<1>(self.0), _mm256_srli_epi64::<63>(low)),
                _mm256_or_si256(_mm256_slli_epi64::<1>(self.1), _mm256_srli_epi64::<63>(high)),
            )
        }
    }

    #[inline(always)]
    fn plus(self, other: Self, carry: &mut u64) -> Self {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_add_epi64(self.0, other.0);
            let high = _mm256_add_epi64(self.1, other.1);
            // The carry out of a sum: both have the topmost bit, or one has it and the sum has not.
            let both = self.and(other);
            let one = self.or(other).without(Self(low, high));
            let over = both.or(one);
            let over = signs(over.0, over.1);
            let ones = _mm256_set1_epi64x(-1);
            let full = signs(_mm256_cmpeq_epi64(low, ones), _mm256_cmpeq_epi64(high, ones));
            let more = usize::from(carries(over, full, carry));
            let lanes = |bits: usize| -> *const __m256i { LANES[bits].as_ptr().cast() };
            Self(
                _mm256_sub_epi64(low, _mm256_loadu_si256(lanes(more & 15))),
                _mm256_sub_epi64(high, _mm256_loadu_si256(lanes(more >> 4))),
            )
        }
    }

    #[inline(always)]
    fn any(self) -> bool {
        // SAFETY: see above.
        unsafe {
            let all = _mm256_or_si256(self.0, self.1);
            _mm256_testz_si256(all, all) == 0
        }
    }
}
