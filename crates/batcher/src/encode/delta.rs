//! Parquet's `DELTA_BINARY_PACKED`: differences from number to number, in blocks, each difference
//! in as many bits as its part of the block needs.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC>

use super::bits::{pack, varint, width, zigzag};

/// Differences in a block: the usual size, which is what readers are tried with.
const BLOCK: usize = 128;
/// Parts of a block with a width of their own.
const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// Adds numbers. What is read as 32 bits must fit in 32 bits.
pub(crate) fn numbers(values: impl ExactSizeIterator<Item = i64>, out: &mut Vec<u8>) {
    let mut values = values;
    varint(BLOCK as u64, out);
    varint(PARTS as u64, out);
    varint(values.len() as u64, out);
    let mut previous = values.next().unwrap_or(0);
    zigzag(previous, out);
    let mut block = [0_i64; BLOCK];
    while values.len() > 0 {
        let length = values.len().min(BLOCK);
        for (delta, value) in block.iter_mut().zip(values.by_ref().take(length)) {
            *delta = value.wrapping_sub(previous);
            previous = value;
        }
        deltas(&mut block, length, out);
    }
}

/// Adds a block.
fn deltas(block: &mut [i64; BLOCK], length: usize, out: &mut Vec<u8>) {
    let min = block[..length].iter().copied().min().unwrap_or(0);
    zigzag(min, out);
    let widths = out.len();
    out.extend_from_slice(&[0; PARTS]);
    for delta in &mut block[..length] {
        *delta = delta.wrapping_sub(min);
    }
    // A part is always whole; parts without a value are left out.
    block[length..].fill(0);
    for (index, part) in block.chunks_exact(PART).take(length.div_ceil(PART)).enumerate() {
        let width = width(part.iter().fold(0, |all, &delta| all | delta as u64));
        out[widths + index] = width as u8;
        pack(part.iter().map(|&delta| delta as u64), width, out);
    }
}
