//! Two other tokenizers as judges: `serde_json` and `struson` accept and refuse the same documents,
//! and read the same from them. Where they differ from each other or from RFC 8259, [`judge::judge`]
//! says how and why. And every backend does what the careful way does, byte by byte.

#[path = "../common/mod.rs"]
mod common;

mod documents;
mod judge;
mod large;

use apsides_tokenizer::{Limits, Tokens};
use common::{
    alike::{Setup, WHOLE, Way, compare},
    case::item,
    failure, hear,
    random::Random,
};
use documents::{cut, document, fragment, mutation};
use judge::{judge, serde_accepts, side_by_side};
use large::{Style, broken, sizes, text};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};

fn config() -> Config {
    // A failure prints its shrunken input, which then becomes a case of its own; nothing is stored.
    Config { cases: 1024, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn documents_are_read_alike(json in document(), cut in cut()) {
        prop_assert!(judge(json.as_bytes(), &cut), "{json}");
    }

    #[test]
    fn broken_documents_are_refused_alike(
        json in document(),
        mutations in vec(mutation(), 1..4),
        cut in cut(),
        pad in 0..64_usize,
    ) {
        let mut bytes = json.into_bytes();
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        judge(&bytes, &cut);
        side_by_side(&item(&bytes, pad), &cut, pad as u64);
    }

    #[test]
    fn loose_pieces_of_json_are_refused_alike(pieces in vec(fragment(), 0..12), cut in cut(), pad in 0..64_usize) {
        judge(pieces.concat().as_bytes(), &cut);
        side_by_side(&item(pieces.concat().as_bytes(), pad), &cut, pad as u64);
    }

    #[test]
    fn deep_documents_are_read_alike(opens in vec(select(vec!["[", "{\"k\":", " [1,", "{\"a\":[],\"b\":"]), 0..300), cut in cut()) {
        let closes: String = opens.iter().rev().map(|open| if open.contains('{') { "}" } else { "]" }).collect();
        let json = format!("{}null{closes}", opens.concat());
        prop_assert!(judge(json.as_bytes(), &cut));
        judge(&json.as_bytes()[..json.len() - 1], &cut);
    }
}

/// All texts up to a length over an alphabet that has a part in every production.
#[test]
fn every_short_text_is_judged_alike() {
    let alphabet = b"[]{},:\"\\0-.eE+ 1\xc3\xa9";
    let mut text = Vec::new();
    let mut accepted = 0;
    for length in 0..=4_u32 {
        for number in 0..alphabet.len().pow(length) {
            text.clear();
            text.extend((0..length).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]));
            let ours = hear(&mut Tokens::with_limits(&text[..], Limits { window_bytes: 16, ..Limits::default() }));
            assert_eq!(ours.failure.is_none(), serde_accepts(&text), "{}", text.escape_ascii());
            accepted += u32::from(ours.failure.is_none());
        }
    }
    assert!(accepted > 400, "some of it is JSON: {accepted}");
}

#[test]
fn large_documents_are_read_alike() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let length = [300, 3_000, 30_000, 100_000][random.below(4)];
        let style = Style::of(&mut random);
        let json = text(&mut random, style, length);
        assert!(judge(&json, &sizes(&mut random)), "{style:?} {seed}");
    }
}

#[test]
fn large_documents_are_broken_alike() {
    let mut accepted = 0;
    for seed in 0..80 {
        let mut random = Random(1000 + seed);
        let length = [300, 1_000, 5_000, 20_000][random.below(4)];
        let style = Style::of(&mut random);
        let json = text(&mut random, style, length);
        for _ in 0..(200_000 / json.len()).clamp(10, 100) {
            let json = broken(&mut random, &json);
            let failed = side_by_side(&json, &sizes(&mut random), random.next());
            assert_eq!(failed.is_none(), serde_accepts(&json), "{style:?} {seed}: {failed:?}");
            accepted += u32::from(failed.is_none());
        }
    }
    assert!(accepted > 100, "some of it is JSON: {accepted}");
}

/// Containers of all sizes, more of them than a stretch holds, passed over and walked through by turns.
#[test]
fn what_was_passed_over_does_not_matter() {
    for seed in 0..40 {
        let mut random = Random(2000 + seed);
        let mut json = b"[".to_vec();
        for (number, style) in [Style::Compact, Style::Strings, Style::Brackets, Style::Pretty].into_iter().enumerate()
        {
            while json.len() < 60_000 * (1 + number) {
                let length = [1, 100, 1_000, 10_000, 30_000][random.below(5)];
                json.extend(text(&mut random, style, length));
                json.push(b',');
            }
        }
        json.extend(b"0]");
        let setups = Setup::fast(Limits::default(), &[256 << 10, 5000], WHOLE);
        for way in [Way::Phases(seed), Way::Skip(1), Way::Mixed(seed)] {
            let failed =
                compare(&json, Limits::default(), &setups, way).unwrap_or_else(|difference| panic!("{difference}"));
            assert_eq!(failed, None, "{seed}");
        }
    }
}

/// What is indexed in stretches of some KiB may not end where something stands.
#[test]
fn documents_break_alike_far_behind_their_start() {
    let pieces = ["x", "\"", "\\", "]", "}", "{", "[", ",", ":", "0", " ", "\n", "\u{1}", "é", "\"\"", "\\\\"];
    let mut random = Random(3);
    for style in Style::ALL {
        let json = text(&mut random, style, 60_000);
        for kib in 1..56 {
            for _ in 0..5 {
                let at = kib * 1024 + random.below(130) - 65;
                // Before and instead of what stands there.
                let behind = at + random.below(2);
                let json = [&json[..at], random.choose(&pieces).as_bytes(), &json[behind..]].concat();
                let careful = compare(&json, Limits::default(), &[], Way::Pull).expect("nothing to compare with");
                assert_eq!(careful.is_none(), serde_accepts(&json), "{style:?} at {at}");
                let setups = Setup::fast(Limits::default(), &[256 << 10, 5000], WHOLE);
                for setup in setups {
                    let mut tokens = setup.tokens(&json);
                    let passed = tokens.skip().and_then(|()| tokens.skip()).map_err(|error| failure(&error));
                    assert_eq!(passed.err(), careful, "{style:?} at {at} on {setup:?}");
                }
            }
        }
    }
}
