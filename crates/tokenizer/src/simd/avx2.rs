//! AVX2: a block is two vectors.

use crate::index::{
    self, Stretch,
    kernel::{self, BLOCK, CODES, Classes, Escapes, Kernel, Vector},
    marks::{self, Marks},
};
use std::arch::x86_64::*;

struct Avx2;

/// # Safety
///
/// The processor must have what [`Backend::Avx2`](crate::Backend::Avx2) needs.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn run(stretch: &mut Stretch<'_>) -> Option<usize> {
    index::index::<Avx2>(stretch)
}

/// # Safety
///
/// As for [`run`].
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn write(marks: &mut Marks, blocks: usize) {
    marks::write::<Avx2>(marks, blocks);
}

/// A multiplication without carries by a word of ones.
#[inline(always)]
pub(super) fn prefix_xor(bits: u64) -> u64 {
    // SAFETY: the instructions are there, since this is compiled into `run` and `write` alone, here and in `avx512`; nothing
    // but values is touched.
    unsafe {
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    }
}

#[inline(always)]
pub(super) fn extract<const N: usize>(mut words: [u64; N], mask: u64) -> [u64; N] {
    for word in &mut words {
        // SAFETY: as above.
        *word = unsafe { _pext_u64(*word, mask) };
    }
    words
}

/// For each byte the indices of the bits that are set in it, as wide as marks: so an entry is added as it is loaded.
static INDICES: [[u32; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][count] = bit as u32;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

impl Kernel for Avx2 {
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
    fn extract<const N: usize>(words: [u64; N], mask: u64) -> [u64; N] {
        extract(words, mask)
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
        // SAFETY: the instructions are there, since this is compiled into `write` alone. A place is at most 255 entries behind
        // the first. Eight marks are stored behind at most eight from each byte before: at most up to the 64th.
        unsafe {
            let mut base = _mm256_set1_epi32(base as i32);
            let mut room = marks.as_mut_ptr();
            let mut bits = bits.rotate_left(5);
            for _ in 0..8 {
                // The place of the byte's entry in the table, which is the byte times 32.
                let place = bits as usize & 0x1fe0;
                let indices = _mm256_loadu_si256(INDICES.as_ptr().byte_add(place).cast());
                _mm256_storeu_si256(room.cast(), _mm256_add_epi32(indices, base));
                base = _mm256_add_epi32(base, _mm256_set1_epi32(8));
                room = room.add(place.count_ones() as usize);
                bits = bits.rotate_right(8);
            }
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
    fn is(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_cmpeq_epi8(self.0, other.0) })
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
