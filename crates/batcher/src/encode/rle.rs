//! Parquet's hybrid of run lengths and packed bits, for levels and for indices into a dictionary.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

use super::bits::{bitmap, pack, varint, width};
use arrow::buffer::BooleanBuffer;

/// Below this mean length, runs take more room than packed bits.
const RUN_MEAN_MIN: usize = 8;

/// Adds a run of one value.
pub(crate) fn run(value: u32, length: usize, width: u32, out: &mut Vec<u8>) {
    varint((length as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Adds the lengths of definition levels and the levels: 1 where a row has a value, else 0. None
/// stands for a value in every row.
pub(crate) fn levels(valid: Option<&BooleanBuffer>, rows: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    match valid {
        None => run(1, rows, 1, out),
        Some(valid) => match valid.count_set_bits() {
            0 => run(0, rows, 1, out),
            set if set == rows => run(1, rows, 1, out),
            _ => {
                varint((rows.div_ceil(8) as u64) << 1 | 1, out);
                bitmap(valid, out);
            }
        },
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Adds indices into a dictionary, none above `max`, with the byte that tells their width.
pub(crate) fn indices(indices: &[u32], max: u32, out: &mut Vec<u8>) {
    let width = width(u64::from(max));
    out.push(width as u8);
    hybrid(indices, width, out);
}

/// Adds the length of levels, none above `max`, and the levels.
pub(crate) fn many_levels(levels: &[u8], max: u8, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    hybrid(levels, width(u64::from(max)), out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Adds numbers of `width` bits, as runs or packed.
fn hybrid<T: Copy + PartialEq + Into<u32>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    let Some(&last) = values.last() else { return };
    let runs = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if values.len() >= runs * RUN_MEAN_MIN || width == 0 {
        let (mut current, mut length) = (values[0], 0);
        for &value in values {
            if value != current {
                run(current.into(), length, width, out);
                (current, length) = (value, 0);
            }
            length += 1;
        }
        run(last.into(), length, width, out);
    } else {
        let groups = values.len().div_ceil(8);
        varint((groups as u64) << 1 | 1, out);
        let end = out.len() + groups * width as usize;
        pack(values.iter().map(|&value| u64::from(value.into())), width, out);
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(values: &[u32], max: u32) -> Vec<u8> {
        let mut out = Vec::new();
        indices(values, max, &mut out);
        out
    }

    #[test]
    fn runs_and_packed_bits() {
        assert_eq!(encoded(&[], 5), [3]);
        assert_eq!(encoded(&[0; 9], 0), [0, 18]);
        assert_eq!(encoded(&[300; 200], 300), [9, 0x90, 3, 44, 1]);
        assert_eq!(encoded(&[vec![1; 10], vec![2; 9]].concat(), 2), [2, 20, 1, 18, 2]);
        // The example of the format's description: 0 to 7 in three bits.
        assert_eq!(encoded(&[0, 1, 2, 3, 4, 5, 6, 7], 7), [3, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        assert_eq!(encoded(&[0, 1, 0], 1), [1, 3, 0b010]);
        assert_eq!(encoded(&[0, 1, 2, 3, 4, 5, 6, 7, 7], 7), [3, 5, 136, 198, 250, 7, 0, 0]);
    }

    #[test]
    fn levels_are_the_bitmap() {
        let encoded = |valid: Option<BooleanBuffer>, rows| {
            let mut out = vec![9];
            levels(valid.as_ref(), rows, &mut out);
            out
        };
        let bits = |text: &str| text.chars().map(|bit| bit == '1').collect::<BooleanBuffer>();
        assert_eq!(encoded(None, 100), [9, 3, 0, 0, 0, 200, 1, 1]);
        assert_eq!(encoded(Some(bits("000")), 3), [9, 2, 0, 0, 0, 6, 0]);
        assert_eq!(encoded(Some(bits("111")), 3), [9, 2, 0, 0, 0, 6, 1]);
        assert_eq!(encoded(Some(bits("0110000001")), 10), [9, 3, 0, 0, 0, 5, 0b0110, 0b10]);
        assert_eq!(encoded(Some(bits("10110000001").slice(1, 10)), 10), [9, 3, 0, 0, 0, 5, 0b0110, 0b10]);
    }

    #[test]
    fn levels_of_several_bits_are_runs_or_packed() {
        let encoded = |levels: &[u8], max| {
            let mut out = vec![9];
            many_levels(levels, max, &mut out);
            out
        };
        assert_eq!(encoded(&[], 3), [9, 0, 0, 0, 0]);
        assert_eq!(encoded(&[3; 20], 3), [9, 2, 0, 0, 0, 40, 3]);
        assert_eq!(encoded(&[0, 1, 2, 3], 3), [9, 3, 0, 0, 0, 3, 0b1110_0100, 0]);
    }
}
