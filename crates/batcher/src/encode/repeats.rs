//! Parquet's `DELTA_BYTE_ARRAY`: of each text, how many bytes it begins with as the text before does, and what comes behind
//! these.
//!
//! A text that stays for some rows is written once, and for each further row as nothing behind all of it. That takes no
//! dictionary, whose indices would cost more where it stays for two or three rows.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTASTRING>

use super::delta;
use arrow::array::StringArray;

/// The least that is worth to be left out. Where texts are random, less is in common by chance here and there, and the
/// lengths of that cost more than it saves.
const COMMON_MIN: usize = 4;

/// Adds texts, each of which stays up to the row where it ends.
pub(super) fn texts(ends: &[i32], texts: &StringArray, out: &mut Vec<u8>) {
    let rows = ends.last().map_or(0, |&end| end as usize);
    let (mut commons, mut lengths) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut rests = Vec::with_capacity(ends.len());
    let mut before = "";
    for (text, &end) in texts.iter().flatten().zip(ends) {
        let common = common(before, text);
        commons.push(common as i64);
        lengths.push((text.len() - common) as i64);
        commons.resize(end as usize, text.len() as i64);
        lengths.resize(end as usize, 0);
        rests.push(&text.as_bytes()[common..]);
        before = text;
    }
    delta::numbers(commons.into_iter(), out);
    delta::numbers(lengths.into_iter(), out);
    rests.iter().for_each(|rest| out.extend_from_slice(rest));
}

/// How many bytes both texts begin with, if that is worth it; whole characters, since some readers look at what is left alone.
fn common(before: &str, text: &str) -> usize {
    let bytes = before.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
    (COMMON_MIN..=bytes).rev().find(|&bytes| text.is_char_boundary(bytes)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_common_is_whole_characters_and_some_of_them() {
        for (before, text, expected) in [
            ("", "", 0),
            ("abc", "abd", 0),
            ("abcde", "abcdx", 4),
            ("abcde", "abcde", 5),
            ("abcde", "abcdef", 5),
            ("abcdef", "abcde", 5),
            ("abcdé", "abcdè", 4),
            ("abcdé", "abcdéf", 6),
            ("abcé", "abcè", 0),
            ("xbcde", "abcde", 0),
        ] {
            assert_eq!(common(before, text), expected, "{before} {text}");
        }
    }
}
