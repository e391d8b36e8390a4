//! Trees as compilers and configuration tools write them: each level on lines of its own, indented by two spaces more.

use super::random::Random;
use std::fmt::Write as _;

/// How many containers are open inside `modules`.
const OUTSIDE: usize = 2;

/// Appends a module: one path from its top to 20 to 40 containers below, with small subtrees beside it.
pub(super) fn module(place: u64, out: &mut String) {
    let mut random = Random::of(place);
    // A node opens two containers: itself and the list of its children.
    let levels = 9 + random.below(11);
    line(OUTSIDE, out);
    node(&mut random, OUTSIDE, levels, out);
}

/// Appends a node whose longest path has so many levels below it.
fn node(random: &mut Random, depth: usize, levels: u64, out: &mut String) {
    out.push('{');
    line(depth + 1, out);
    _ = write!(out, r#""kind": "{}","#, random.pick(&KINDS));
    if random.percent(60) {
        line(depth + 1, out);
        _ = write!(out, r#""name": "{}","#, random.pick(&NAMES));
    }
    if random.percent(30) {
        line(depth + 1, out);
        out.push_str(r#""span": ["#);
        line(depth + 2, out);
        let start = random.below(100_000);
        _ = write!(out, "{start},");
        line(depth + 2, out);
        _ = write!(out, "{}", start + random.below(500));
        line(depth + 1, out);
        out.push_str("],");
    }
    if random.percent(25) {
        line(depth + 1, out);
        _ = write!(out, r#""optional": {},"#, random.pick(&["true", "false", "null"]));
    }
    line(depth + 1, out);
    out.push_str(r#""children": ["#);
    if levels > 0 {
        // The path goes on in the last child; the others are leaves, or nearly.
        for _ in 0..random.below(3) {
            line(depth + 2, out);
            let below = random.below(2).min(levels - 1);
            node(random, depth + 2, below, out);
            out.push(',');
        }
        line(depth + 2, out);
        node(random, depth + 2, levels - 1, out);
        line(depth + 1, out);
    }
    out.push(']');
    line(depth, out);
    out.push('}');
}

fn line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

const KINDS: [&str; 8] = [
    "BlockStatement",
    "CallExpression",
    "MemberExpression",
    "Identifier",
    "ArrowFunctionExpression",
    "ReturnStatement",
    "ObjectExpression",
    "Property",
];

const NAMES: [&str; 8] = ["options", "i", "resolve", "createElement", "next", "is_open", "handlers", "props"];
