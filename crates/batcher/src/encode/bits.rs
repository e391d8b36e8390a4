//! Numbers in as many bits as they need, the first in the lowest bits.

use arrow::buffer::BooleanBuffer;

/// The bits that numbers up to `max` need.
pub(crate) fn width(max: u64) -> u32 {
    u64::BITS - max.leading_zeros()
}

/// Adds `values` of `width` bits each; the last byte is filled up with zeros.
pub(crate) fn pack(values: impl IntoIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut word, mut used) = (0_u64, 0);
    for value in values {
        debug_assert!(self::width(value) <= width);
        word |= value << used;
        used += width;
        if used >= u64::BITS {
            out.extend_from_slice(&word.to_le_bytes());
            used -= u64::BITS;
            // What had no room; a shift by all 64 bits is none of its own.
            word = if used == 0 { 0 } else { value >> (width - used) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..used.div_ceil(8) as usize]);
}

/// Adds bits, packed as Arrow's bitmaps are.
pub(crate) fn bitmap(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    if bits.offset() == 0 {
        out.extend_from_slice(&bits.values()[..bits.len().div_ceil(8)]);
    } else {
        pack(bits.iter().map(u64::from), 1, out);
    }
}

/// Adds a number in groups of seven bits, the lowest first, as Thrift and Parquet do (ULEB128).
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Adds a signed number, so that those near zero are short.
pub(crate) fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint(((value << 1) ^ (value >> 63)) as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_there_bit_for_bit() {
        for width in 1..=64 {
            let mask = u64::MAX >> (64 - width);
            for count in [0_u64, 1, 7, 8, 31, 32, 100] {
                let value = |index: u64| (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask;
                let mut out = Vec::new();
                pack((0..count).map(value), width, &mut out);
                assert_eq!(out.len() as u64, (count * u64::from(width)).div_ceil(8));
                for index in 0..count {
                    let bit = |bit: u64| u64::from(out[(bit / 8) as usize] >> (bit % 8) & 1);
                    let start = index * u64::from(width);
                    let found = (0..u64::from(width)).map(|at| bit(start + at) << at).sum::<u64>();
                    assert_eq!(found, value(index), "{width} bits, value {index} of {count}");
                }
            }
        }
    }

    #[test]
    fn variable_lengths() {
        for (value, bytes) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xAC, 2])] {
            let mut out = Vec::new();
            varint(value, &mut out);
            assert_eq!(out, bytes);
        }
        for (value, bytes) in [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[127]), (64, &[0x80, 1])] {
            let mut out = Vec::new();
            zigzag(value, &mut out);
            assert_eq!(out, bytes);
        }
        let mut out = Vec::new();
        zigzag(i64::MIN, &mut out);
        assert_eq!(out, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
}
