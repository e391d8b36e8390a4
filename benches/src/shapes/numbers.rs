//! Features with coordinates, and with the measurements of a station: nine tokens of ten are numbers.

use super::random::Random;
use std::fmt::Write as _;

/// Appends a feature.
pub(super) fn feature(place: u64, out: &mut String) {
    let mut random = Random::of(place);
    let id = random.next() >> 1;
    _ = write!(out, r#"{{"type":"Feature","id":{id},"geometry":{{"type":"Polygon","coordinates":[["#);
    // Surveys have seven decimals; what a program computed has as many as a double does.
    let computed = random.percent(30);
    let points = 8 + random.below(56);
    for point in 0..points {
        out.push_str(if point == 0 { "[" } else { ",[" });
        coordinate(&mut random, 180, computed, out);
        out.push(',');
        coordinate(&mut random, 90, computed, out);
        out.push(']');
    }
    out.push_str(r#"]]},"properties":{"station":"#);
    _ = write!(out, "{},\"since\":{}", random.below(100_000), 1_767_225_600_000 + random.below(1 << 31));
    for (name, append) in SERIES {
        _ = write!(out, r#","{name}":["#);
        for value in 0..8 + random.below(24) {
            if value > 0 {
                out.push(',');
            }
            append(&mut random, out);
        }
        out.push(']');
    }
    out.push_str("}}");
}

/// Appends a value.
type Append = fn(&mut Random, &mut String);

const SERIES: [(&str, Append); 5] = [
    ("counters", |random, out| {
        // Of all lengths up to ten digits, short ones as frequent as long ones.
        let digits = random.below(31);
        _ = write!(out, "{}", random.below(1 << 31) >> digits);
    }),
    ("bytes", |random, out| _ = write!(out, "{}", random.next() >> (8 + random.below(32)))),
    ("temperature", |random, out| {
        let (sign, tenths) = (if random.percent(30) { "-" } else { "" }, random.below(400));
        _ = write!(out, "{sign}{}.{}", tenths / 10, tenths % 10);
    }),
    ("flux", |random, out| {
        let (digit, rest, exponent) = (1 + random.below(9), random.below(1_000_000), random.below(40));
        let form = random.pick(&["e-", "e+", "E", "e"]);
        _ = write!(out, "{digit}.{rest:06}{form}{exponent}");
    }),
    ("delta", |random, out| _ = write!(out, "{}", random.below(2001) as i64 - 1000)),
];

fn coordinate(random: &mut Random, degrees: u64, computed: bool, out: &mut String) {
    let (sign, whole) = (if random.percent(50) { "-" } else { "" }, random.below(degrees));
    if computed {
        _ = write!(out, "{sign}{whole}.{:014}", (random.next() >> 11) % 100_000_000_000_000);
    } else {
        _ = write!(out, "{sign}{whole}.{:07}", random.below(10_000_000));
    }
}
