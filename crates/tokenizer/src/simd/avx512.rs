//! AVX-512: a block is one vector.

use super::scalar::{BACKSLASH, CONTROL, DIGIT, QUOTE, ZERO, class};
use crate::index::{
    self, Stretch,
    kernel::{self, BLOCK, CODES, Classes, Escapes, Kernel, Vector},
    marks::{self, Marks},
};
use std::arch::x86_64::*;

struct Avx512;

/// # Safety
///
/// The processor must have what [`Backend::Avx512`](crate::Backend::Avx512) needs.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn run(stretch: &mut Stretch<'_>) -> Option<usize> {
    index::index::<Avx512>(stretch)
}

/// # Safety
///
/// As for [`run`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
pub(super) unsafe fn write(marks: &mut Marks, blocks: usize) {
    marks::write::<Avx512>(marks, blocks);
}

impl Kernel for Avx512 {
    #[inline(always)]
    fn classes(block: &[u8; BLOCK]) -> Classes {
        let (class, high) = classes(block);
        Classes {
            quote: has(class, QUOTE),
            code: [has(class, 1), has(class, 2), has(class, 4)],
            control: has(class, CONTROL),
            digit: has(class, DIGIT),
            zero: has(class, ZERO),
            backslash: has(class, BACKSLASH),
            high,
        }
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
    fn extract<const N: usize>(words: [u64; N], mask: u64) -> [u64; N] {
        super::avx2::extract(words, mask)
    }

    #[inline(always)]
    fn flag(flagged: u64, bits: u64, flag: u32, marks: &mut [u32; BLOCK]) {
        let [mut flagged] = super::avx2::extract([flagged], bits);
        for sixteen in marks.as_chunks_mut::<16>().0 {
            if flagged == 0 {
                break;
            }
            // SAFETY: the instructions are there, since this is compiled into `write` alone; the reference is to one vector.
            unsafe {
                let marks = sixteen.as_mut_ptr().cast();
                let flag = _mm512_maskz_set1_epi32(flagged as u16, flag as i32);
                _mm512_storeu_si512(marks, _mm512_or_si512(_mm512_loadu_si512(marks), flag));
            }
            flagged >>= 16;
        }
    }

    #[inline(always)]
    fn push(codes: &mut [u64; CODES], count: usize, block: &[u8; BLOCK], _: [u64; 3], tokens: u64) {
        // Here each code is a byte.
        assert!(count + BLOCK <= size_of_val(codes), "there is room for a block's codes");
        // SAFETY: the instructions are there, since this is compiled into `run` alone; that there is room was
        // just checked.
        unsafe {
            let room = codes.as_mut_ptr().cast::<u8>().add(count);
            _mm512_storeu_si512(room.cast(), _mm512_maskz_compress_epi8(tokens, classes(block).0));
        }
    }

    #[inline(always)]
    fn codes(codes: &[u64; CODES], word: usize) -> [u64; 3] {
        let words: &[u64; 8] = codes[word * 8..].first_chunk().expect("there are such codes");
        // SAFETY: as above; the reference is to 64 bytes.
        let codes = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        [has(codes, 1), has(codes, 2), has(codes, 4)]
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
        // SAFETY: the instructions are there, since this is compiled into `write` alone; the load is
        // of 64 bytes of a constant, and the stores are of 16 marks each, at most up to the 64th.
        unsafe {
            let indices = _mm512_loadu_si512(INDICES.as_ptr().cast());
            let set = _mm512_maskz_compress_epi8(bits, indices);
            let base = _mm512_set1_epi32(base as i32);
            let marks: *mut u32 = marks.as_mut_ptr();
            store(_mm512_castsi512_si128(set), base, marks);
            if bits.count_ones() > 16 {
                store(_mm512_extracti32x4_epi32::<1>(set), base, marks.add(16));
                store(_mm512_extracti32x4_epi32::<2>(set), base, marks.add(32));
                store(_mm512_extracti32x4_epi32::<3>(set), base, marks.add(48));
            }
        }
    }
}

/// The class of each byte below 0x80.
static CLASSES: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};

/// The class of each byte, and which are from 0x80 up; these have none.
#[inline(always)]
fn classes(block: &[u8; BLOCK]) -> (__m512i, u64) {
    let table: *const __m512i = CLASSES.as_ptr().cast();
    // SAFETY: the instructions are there, since this is compiled into `run` alone; the table is of
    // two vectors, the block of one.
    unsafe {
        let (low, high) = (_mm512_loadu_si512(table), _mm512_loadu_si512(table.add(1)));
        let block = _mm512_loadu_si512(block.as_ptr().cast());
        let beyond = _mm512_movepi8_mask(block);
        (_mm512_maskz_permutex2var_epi8(!beyond, low, block, high), beyond)
    }
}

/// Of which bytes this bit is set.
#[inline(always)]
fn has(v: __m512i, bit: u8) -> u64 {
    // SAFETY: as above; nothing but values is touched.
    unsafe { _mm512_test_epi8_mask(v, _mm512_set1_epi8(bit as i8)) }
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
    fn is(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_movm_epi8(_mm512_cmpeq_epi8_mask(self.0, other.0)) })
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
