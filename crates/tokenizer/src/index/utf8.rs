//! UTF-8 many bytes at a time, after Keiser and Lemire, "Validating UTF-8 in less than one
//! instruction per byte" (2021): three lookups classify each byte together with the one before it,
//! and what all three agree on is an error.

use super::kernel::Vector;

// What can be wrong with two bytes in a row; a bit each.
/// A lead byte without its continuation.
const TOO_SHORT: u8 = 1 << 0;
/// A continuation behind ASCII.
const TOO_LONG: u8 = 1 << 1;
const OVERLONG_3: u8 = 1 << 2;
/// Beyond U+10FFFF.
const TOO_LARGE: u8 = 1 << 3;
const SURROGATE: u8 = 1 << 4;
const OVERLONG_2: u8 = 1 << 5;
/// Beyond U+10FFFF with a second byte of the form 1000xxxx, or an overlong character of four bytes.
const TOO_LARGE_1000: u8 = 1 << 6;
const OVERLONG_4: u8 = 1 << 6;
/// Two continuations: an error unless a third or fourth byte is due.
const TWO_CONTINUATIONS: u8 = 1 << 7;
/// What the lower half of the first byte says nothing about.
const ANY_LOWER: u8 = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS;

/// By the upper half of the first byte.
const FIRST_UPPER: [u8; 16] = [
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TOO_LONG,
    TWO_CONTINUATIONS,
    TWO_CONTINUATIONS,
    TWO_CONTINUATIONS,
    TWO_CONTINUATIONS,
    TOO_SHORT | OVERLONG_2,
    TOO_SHORT,
    TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
];

/// By the lower half of the first byte.
const FIRST_LOWER: [u8; 16] = {
    let mut table = [ANY_LOWER | TOO_LARGE | TOO_LARGE_1000; 16];
    table[0] = ANY_LOWER | OVERLONG_2 | OVERLONG_3 | OVERLONG_4;
    table[1] = ANY_LOWER | OVERLONG_2;
    table[2] = ANY_LOWER;
    table[3] = ANY_LOWER;
    table[4] = ANY_LOWER | TOO_LARGE;
    table[13] |= SURROGATE;
    table
};

/// By the upper half of the second byte.
const SECOND_UPPER: [u8; 16] = {
    let mut table = [TOO_SHORT; 16];
    table[8] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4;
    table[9] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE;
    table[10] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE;
    table[11] = table[10];
    table
};

/// Not zero where the bytes `v`, seen with those `one`, `two` and `three` places before each, break
/// UTF-8.
#[inline(always)]
pub(super) fn errors<V: Vector>(v: V, one: V, two: V, three: V) -> V {
    let pair = one
        .upper()
        .lookup(V::table(&FIRST_UPPER))
        .and(one.and(V::splat(0x0f)).lookup(V::table(&FIRST_LOWER)))
        .and(v.upper().lookup(V::table(&SECOND_UPPER)));
    // The top bit is set where a character of three or four bytes wants a continuation: there two
    // in a row are right, and anything else is wrong.
    let third = two.minus_saturating(V::splat(0xe0 - 0x80));
    let fourth = three.minus_saturating(V::splat(0xf0 - 0x80));
    third.or(fourth).and(V::splat(0x80)).xor(pair)
}
