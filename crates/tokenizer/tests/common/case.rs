//! How a case is run: cut at every place, through every window, at every alignment, on every
//! backend; pulled, peeked at, skipped and taken raw. All of it must come out the same.

use super::{
    Failure, Heard, Pieces,
    alike::{Setup, WHOLE, Way, assert_alike},
    cuts, dump, failure, hear, hear_peeking, tokens, windows,
};
use apsides_tokenizer::{Backend, ErrorKind, Expected, Limits, Tokens};
use std::io::Read;

pub(crate) fn expected(expected: Expected) -> ErrorKind {
    ErrorKind::Unexpected { expected }
}

/// The input is JSON under these limits; what was heard of it.
#[track_caller]
pub(crate) fn accepts(limits: Limits, input: impl AsRef<[u8]>) -> Heard {
    let input = input.as_ref();
    let heard = always_heard(limits, input);
    assert_eq!(heard.failure, None, "{}", input.escape_ascii());
    assert_values(limits, input, &heard);
    assert_aligned(limits, input);
    heard
}

/// The input is broken in this way at this byte, or exceeds a limit there.
#[track_caller]
pub(crate) fn rejects(limits: Limits, input: impl AsRef<[u8]>, kind: ErrorKind, offset: u64) {
    let input = input.as_ref();
    let heard = always_heard(limits, input);
    assert_eq!(heard.failure, Some((kind, offset)), "{}", input.escape_ascii());
    assert_values(limits, input, &heard);
    assert_aligned(limits, input);
}

/// A tokenizer that has failed fails in the same way for ever.
#[track_caller]
pub(crate) fn assert_spent<R: Read>(tokens: &mut Tokens<R>, failed: Failure) {
    for _ in 0..2 {
        assert_eq!(tokens.pull().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.peek().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.skip().map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.raw().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.scalar().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
        assert_eq!(tokens.enter_object().map(|_| ()).map_err(|error| failure(&error)), Err(failed));
    }
}

/// What pulling gives, however the input is cut.
#[track_caller]
fn always_heard(limits: Limits, input: &[u8]) -> Heard {
    let heard = hear(&mut Tokens::with_limits(input, limits));
    let mut end = 0;
    for seen in &heard.tokens {
        // Every token is where it says it is, and nothing overlaps.
        assert!(end <= seen.offset, "{}", input.escape_ascii());
        end = seen.consumed;
        let written = &input[seen.offset as usize..seen.consumed as usize];
        assert_eq!(written, seen.dump.strip_suffix(':').unwrap_or(&seen.dump).as_bytes());
    }
    for backend in Backend::available() {
        for limits in windows(limits) {
            for cut in cuts(input.len()) {
                let context = || format!("{} cut {cut:?} on {backend}", input.escape_ascii());
                let mut pulled = tokens(Pieces::new(input, &cut), backend, limits);
                assert_eq!(hear(&mut pulled), heard, "{}", context());
                match heard.failure {
                    Some(failed) => assert_spent(&mut pulled, failed),
                    None => assert_eq!(pulled.consumed(), input.len() as u64, "{}", context()),
                }
                let mut peeked = tokens(Pieces::new(input, &cut), backend, limits);
                assert_eq!(hear_peeking(&mut peeked), heard, "{}", context());
            }
        }
    }
    heard
}

/// At each token of the document, `raw` gives what stands there, `skip` passes over it, and both
/// leave what follows as it is; where the document breaks inside, they break in the same way.
#[track_caller]
fn assert_values(limits: Limits, input: &[u8], heard: &Heard) {
    // The whole square is for short inputs; of long ones a few cuts do.
    let cuts = if input.len() <= 64 { cuts(input.len()) } else { vec![vec![usize::MAX], vec![1], vec![5]] };
    for backend in Backend::available() {
        for limits in windows(limits) {
            for cut in &cuts {
                for from in 0..heard.tokens.len() {
                    let start = || {
                        let mut tokens = tokens(Pieces::new(input, cut), backend, limits);
                        for seen in &heard.tokens[..from] {
                            let token = tokens.pull().expect("this much was heard").map(dump);
                            assert_eq!(token.as_deref(), Some(seen.dump.as_str()));
                        }
                        tokens
                    };
                    assert_value(input, heard, from, start(), start());
                }
                if heard.failure.is_none() {
                    let mut tokens = tokens(Pieces::new(input, cut), backend, limits);
                    tokens.skip().expect("the document is one value");
                    assert_eq!(tokens.pull().expect("nothing follows"), None);
                    assert_eq!(tokens.consumed(), input.len() as u64);
                }
            }
        }
    }
}

/// The same at the token at `from`, before which both tokenizers stand.
#[track_caller]
fn assert_value(
    input: &[u8],
    heard: &Heard,
    from: usize,
    mut raw: Tokens<Pieces<'_>>,
    mut skipped: Tokens<Pieces<'_>>,
) {
    let got = raw.raw().map(String::from).map_err(|error| failure(&error));
    let passed = skipped.skip().map_err(|error| failure(&error));
    if got.is_err() || passed.is_err() {
        let failed = heard.failure.expect("only a broken document fails");
        assert_eq!((got, passed), (Err(failed), Err(failed)), "{}", input.escape_ascii());
        assert_spent(&mut raw, failed);
        assert_spent(&mut skipped, failed);
        return;
    }
    let end = heard.value_end(from).expect("it was passed over");
    let span = heard.tokens[from].offset as usize..heard.tokens[end - 1].consumed as usize;
    assert_eq!(got.as_deref().map(str::as_bytes), Ok(&input[span.clone()]));
    assert_eq!((raw.offset(), raw.consumed()), (span.start as u64, span.end as u64));
    assert_eq!((skipped.consumed(), skipped.depth()), (span.end as u64, raw.depth()));
    let rest = Heard { tokens: heard.tokens[end..].to_vec(), failure: heard.failure };
    assert_eq!(hear(&mut raw), rest);
    assert_eq!(hear(&mut skipped), rest);
}

/// What stands behind a case that is looked at in the midst of others: more than three blocks of
/// everything that is quick to index.
const FILLER: &str = concat!(
    r#"{"a":1,"bc":[true,false,null,-12.5e+3],"d":"Zo\u00eb \\ \"é中😀\""},[[],{}] , "some string that is longer","#,
    r#"0,{"k" : {"k" : {"k" : "v"}}}, 1234567890, "x", "y", [ 1, 2, 3, {"list":[4,5,6]}, "7" ],"another string, [not] {a} \n","#,
    r#"  [[[[1]]]]  ,   {"last":"one"}"#,
);

/// The input gives what it gives on the careful way wherever it stands: alone behind and before
/// white space, as an item, and as a member's value and more, so that each of its bytes comes to stand
/// at each place of a block, and whole blocks come before and behind it.
#[track_caller]
fn assert_aligned(limits: Limits, input: &[u8]) {
    let setups = Setup::fast(limits, &[4096, 192], WHOLE);
    for pad in 0..64 {
        for document in [spaced(input, pad), item(input, pad), member(input, pad)] {
            assert_alike(&document, limits, &setups, &[Way::Pull, Way::Skip(1), Way::Raw(1)]);
        }
    }
}

/// The input as it is, or in one of these ways among other things.
pub(crate) fn embedded(input: &[u8], how: u8, pad: usize) -> Vec<u8> {
    match how % 5 {
        0 => input.to_vec(),
        1 => spaced(input, pad),
        2 => item(input, pad),
        3 => member(input, pad),
        // Again and again, at each place of a block in its turn.
        _ => {
            let times = 6000 / (input.len() + 1);
            let items = (0..times).flat_map(|time| [input, b",", &b"                "[..time % 17]].concat());
            [&b"["[..], &items.collect::<Vec<u8>>(), b"0]"].concat()
        }
    }
}

/// Takes a document by choices: the first eight bytes of the input are these, and where the document stands; the rest is
/// the document. `take` has it, what pulling it is heard to say, and it to be read on every backend, through a large and
/// a small window.
pub(crate) fn each_by_choices(input: &[u8], take: impl Fn(&[u8], &Heard, u64, Tokens<&[u8]>)) {
    let Some((choices, document)) = input.split_first_chunk::<8>() else { return };
    let document = embedded(document, choices[7], usize::from(choices[6]));
    let heard = hear(&mut Setup::careful(Limits::default()).tokens(&document));
    for backend in Backend::available() {
        for window_bytes in [8 << 10, 64, 16] {
            let limits = Limits { window_bytes, ..Limits::default() };
            take(&document, &heard, u64::from_le_bytes(*choices), tokens(&document[..], backend, limits));
        }
    }
}

/// The input between white space.
fn spaced(input: &[u8], pad: usize) -> Vec<u8> {
    let space = |length: usize| b" \n\t \r\n  ".iter().copied().cycle().take(length);
    space(pad).chain(input.iter().copied()).chain(space(200)).collect()
}

/// The input in an array, behind a block or more.
pub(crate) fn item(input: &[u8], pad: usize) -> Vec<u8> {
    let before = format!("[\"{}\",", "s".repeat(64 + pad));
    [before.as_bytes(), input, b",", FILLER.as_bytes(), b"]"].concat()
}

/// The input in an object, as near the start as it can be.
fn member(input: &[u8], pad: usize) -> Vec<u8> {
    let before = format!("{{\"{}\":", "k".repeat(pad));
    [before.as_bytes(), input, b",\"k\":[", FILLER.as_bytes(), b"]}"].concat()
}
