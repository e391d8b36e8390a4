//! Documents made by chance, small enough to shrink, and ways to break them.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

/// Sizes of the pieces in which a document comes.
pub(crate) fn cut() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![usize::MAX]), Just(vec![1]), vec(1..40_usize, 1..20)]
}

/// A document as text, white space and all.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![select(vec!["true", "false", "null"]).prop_map(String::from), number(), string()];
    let value = leaf.prop_recursive(6, 48, 6, |value| {
        let member = (string(), space(), space(), value.clone())
            .prop_map(|(key, before, behind, value)| format!("{key}{before}:{behind}{value}"));
        prop_oneof![
            2 => container("[", value, "]"),
            3 => container("{", member, "}"),
        ]
    });
    (space(), value, space()).prop_map(|(before, value, behind)| format!("{before}{value}{behind}"))
}

fn container(
    open: &'static str,
    item: impl Strategy<Value = String>,
    close: &'static str,
) -> impl Strategy<Value = String> {
    (vec((space(), item, space()), 0..6), space()).prop_map(move |(items, empty)| {
        let items: Vec<String> =
            items.into_iter().map(|(before, item, behind)| format!("{before}{item}{behind}")).collect();
        if items.is_empty() { format!("{open}{empty}{close}") } else { format!("{open}{}{close}", items.join(",")) }
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(""),
        2 => Just(" "),
        1 => select(vec!["\n", "\r\n", "\t", "  \t \n\n\r ", "                                        "]),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        select(vec!["-0", "-0.0", "0e0", "0E-00", "1e400", "9223372036854775808", "-9223372036854775809"])
            .prop_map(String::from),
    ]
}

/// A string with its quotes; few different ones, so that keys come twice.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z {}\\[\\],:/]{0,8}",
        2 => "[^\"\\\\\\x00-\\x1f]{0,12}",
        1 => select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(String::from),
        1 => any::<char>().prop_map(escaped),
        // At times a surrogate on its own.
        1 => prop_oneof![9 => Just(String::from("\\u0061")), 1 => "\\\\u[dD][89a-fA-F][0-9a-f]{2}"],
    ];
    let text = prop_oneof![
        2 => select(vec!["", "id", "name", "\\u006eame", "value"]).prop_map(String::from),
        3 => vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
    ];
    text.prop_map(|text| format!("\"{text}\""))
}

/// A character as one or two `\u` escapes, in either case.
fn escaped(character: char) -> String {
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units).iter();
    units.map(|unit| if unit % 2 == 0 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") }).collect()
}

/// Something that stands in JSON, in no order.
pub(crate) fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(vec![
            "[", "]", "{", "}", ",", ":", "\"", "\\", "true", "fals", "null", "0", "-", "1.", "e5", "\"a\"", "\"a\":",
            " ", "\n", "\\u12", "\\ud800", "\u{feff}", "é", "\u{1}", "\u{0}", "//", "'", "NaN", "+1",
        ])
        .prop_map(String::from),
        1 => string(),
        1 => number(),
    ]
}

/// A way to break a document, or not.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Delete(Index, usize),
    Insert(Index, Vec<u8>),
    Truncate(Index),
    Repeat(Index, usize),
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let inserted = prop_oneof![
        3 => fragment().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (any::<Index>(), select(b"[]{},:\"\\ 0-.etn\x00\x1f\x7f\x80\xbf\xc0\xe0\xed\xf0\xff".to_vec()))
            .prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (any::<Index>(), 1..4_usize).prop_map(|(at, count)| Mutation::Delete(at, count)),
        (any::<Index>(), inserted).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        any::<Index>().prop_map(Mutation::Truncate),
        (any::<Index>(), 1..6_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
    ]
}

impl Mutation {
    pub(crate) fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let span = |at: &Index, count: usize| at.index(length)..(at.index(length) + count).min(length);
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Delete(at, count) => drop(bytes.drain(span(&at, count))),
            Self::Insert(at, inserted) => drop(bytes.splice(span(&at, 0), inserted)),
            Self::Truncate(at) => bytes.truncate(at.index(length)),
            Self::Repeat(at, count) => {
                let repeated = bytes[span(&at, count)].to_vec();
                bytes.splice(span(&at, 0), repeated);
            }
        }
    }
}
