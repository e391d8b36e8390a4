//! Memory does not grow with the input: what the tokenizer takes, it takes when it is made; only a
//! token longer than the window takes more, and gives it back. The same on every backend.

use allocation_counter::{AllocationInfo, measure};
use apsides_tokenizer::{Backend, Limits, Next, Options, Path, Result, Token, Tokens};
use std::io::{self, Read};

const WINDOW: usize = 8 << 10;
/// Of a row each, some 13 MB together.
const ROWS: usize = 100_000;
/// Every kind of token, with and without escapes.
const ROW: &str =
    r#"{"id": 12345678, "name": "Zoë Müller", "note": "a \"b\" \u00e9\n", "x": [-1.5e3, true, false, null, {}]},"#;

/// An array of `rows` rows with `middle` in the midst of them, which is made as it is read.
fn document(rows: usize, middle: &str) -> impl Read {
    let half = || Repeated { times: rows / 2, text: ROW, at: 0 };
    b"[".chain(half()).chain(middle.as_bytes()).chain(half()).chain(&b"null]"[..])
}

struct Repeated {
    times: usize,
    text: &'static str,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.times == 0 {
            return Ok(0);
        }
        let count = (&self.text.as_bytes()[self.at..]).read(buffer)?;
        self.at += count;
        if self.at == self.text.len() {
            (self.at, self.times) = (0, self.times - 1);
        }
        Ok(count)
    }
}

fn limits() -> Limits {
    Limits { window_bytes: WINDOW, ..Limits::default() }
}

/// Runs with each backend.
fn on_each(test: impl Fn(Backend)) {
    for backend in Backend::available() {
        println!("on {backend}");
        test(backend);
    }
}

fn tokens<R: Read>(reader: R, backend: Backend) -> Tokens<R> {
    Tokens::with_options(reader, Options { limits: limits(), backend: Some(backend) })
}

/// What `run` allocates with a tokenizer that has been made before.
fn steady<R: Read>(reader: R, backend: Backend, run: impl FnOnce(&mut Tokens<R>) -> Result<()>) -> AllocationInfo {
    let mut tokens = tokens(reader, backend);
    measure(|| run(&mut tokens).expect("the document is JSON"))
}

#[test]
fn pulling_allocates_nothing() {
    on_each(|backend| {
        let mut count = 0;
        let info = steady(document(ROWS, ""), backend, |tokens| {
            while tokens.pull()?.is_some() {
                count += 1;
            }
            Ok(())
        });
        assert_eq!(count, ROWS * 17 + 3);
        assert_eq!(info.count_total, 0, "{info:?}");
    });
}

#[test]
fn the_calls_beside_it_allocate_nothing() {
    on_each(|backend| {
        let info = steady(document(ROWS, ""), backend, |tokens| {
            while tokens.peek()? != Next::Eof {
                if tokens.scalar()?.is_none() && !tokens.enter_object()? {
                    tokens.pull()?;
                }
            }
            Ok(())
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    });
}

#[test]
fn skipping_allocates_nothing() {
    on_each(|backend| {
        let info = steady(document(ROWS, ""), backend, |tokens| {
            tokens.skip()?;
            assert_eq!(tokens.pull()?, None);
            Ok(())
        });
        assert_eq!(info.count_total, 0, "{info:?}");

        let info = steady(document(ROWS, ""), backend, |tokens| {
            tokens.pull()?;
            while tokens.peek()? != Next::End {
                tokens.skip()?;
            }
            Ok(())
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    });
}

#[test]
fn raw_values_allocate_nothing() {
    on_each(|backend| {
        let mut count = 0;
        let info = steady(document(ROWS, ""), backend, |tokens| {
            tokens.pull()?;
            while tokens.peek()? == Next::Object {
                assert_eq!(tokens.raw()?.len(), ROW.len() - 1);
                count += 1;
            }
            Ok(())
        });
        assert_eq!(count, ROWS);
        assert_eq!(info.count_total, 0, "{info:?}");
    });
}

#[test]
fn decoding_allocates_nothing_without_escapes_and_reuses_its_scratch_with_them() {
    let decode_all = |backend, scratch: &mut String, escaped: bool| {
        steady(document(ROWS, ""), backend, |tokens| {
            while let Some(token) = tokens.pull()? {
                match token {
                    Token::Key(text) | Token::String(text) if escaped || !text.is_escaped() => {
                        assert!(!text.decode(scratch).text.is_empty());
                        assert!(!text.is("something else"));
                    }
                    Token::Number(number) => assert!(number.to_f64() == 12345678.0 || number.to_i64().is_none()),
                    _ => {}
                }
            }
            Ok(())
        })
    };
    on_each(|backend| {
        let mut scratch = String::new();
        let info = decode_all(backend, &mut scratch, false);
        assert_eq!((info.count_total, scratch.capacity()), (0, 0), "{info:?}");

        let mut scratch = String::with_capacity(64);
        let info = decode_all(backend, &mut scratch, true);
        assert_eq!((info.count_total, scratch.capacity()), (0, 64), "{info:?}");
    });
}

#[test]
fn a_path_takes_what_its_deepest_place_needs() {
    on_each(|backend| {
        let taken = [10, ROWS].map(|rows| {
            let mut path = Path::new();
            let info = steady(document(rows, ""), backend, |tokens| {
                while let Some(token) = tokens.pull()? {
                    path.note(&token);
                }
                Ok(())
            });
            assert_eq!(path.to_string(), "$");
            info.count_total
        });
        assert_eq!(taken, [taken[0]; 2], "it is the same for any document");
        assert!(taken[0] <= 2, "the list of levels, and the names: {taken:?}");
    });
}

#[test]
fn a_path_takes_no_more_than_the_limit_for_a_name() {
    const LEVELS: usize = 64;
    let name = "n".repeat(50_000);
    let json = format!("{}1{}", format!("{{\"{name}\":").repeat(LEVELS), "}".repeat(LEVELS));
    let mut tokens = Tokens::new(json.as_bytes());
    let info = measure(|| {
        let mut path = Path::new();
        while let Some(token) = tokens.pull().expect("the document is JSON") {
            path.note(&token);
        }
    });
    // Doubled for a moment: an old and a new list, the new of at most twice what is needed.
    assert!(info.bytes_max < (3 * LEVELS * (Path::NAME_BYTES_MAX + 32)) as u64, "{info:?}");
}

#[test]
fn a_tokenizer_takes_its_window_its_stack_and_its_index_and_no_more() {
    /// More than the index of a stretch, and less than would need a second look.
    const INDEX_MAX: u64 = 96 << 10;
    on_each(|backend| {
        let taken = [10, 1000, ROWS].map(|rows| {
            let info = measure(|| {
                let mut tokens = tokens(document(rows, ""), backend);
                while tokens.pull().expect("the document is JSON").is_some() {}
            });
            assert_eq!(info.bytes_current, 0);
            (info.count_total, info.bytes_max)
        });
        assert_eq!(taken, [taken[0]; 3], "it is the same for any document");
        let stack = 2 * u64::from(limits().depth_max);
        assert!(taken[0].0 <= 10 && taken[0].1 <= WINDOW as u64 + stack + INDEX_MAX, "{taken:?}");
    });
}

#[test]
fn to_start_over_with_another_document_allocates_nothing() {
    on_each(|backend| {
        let mut tokens = Some(tokens(ROW.as_bytes(), backend));
        let mut count = 0;
        let info = measure(|| {
            for end in (0..ROW.len()).rev() {
                let mut restarted = tokens.take().expect("it is given back").restart(&ROW.as_bytes()[..end]);
                while count < 1_000_000 && restarted.peek().is_ok_and(|next| next != Next::Eof) {
                    count += usize::from(restarted.pull().is_ok());
                }
                tokens = Some(restarted);
            }
        });
        assert!(count > ROW.len() && info.bytes_current == 0);
        // An error each, of the document that is cut.
        assert!(info.count_total <= 2 * ROW.len() as u64, "{info:?}");
    });
}

#[test]
fn what_is_broken_costs_an_error() {
    on_each(|backend| {
        let mut tokens = tokens(document(ROWS, "[1 2]"), backend);
        let info = measure(|| while let Ok(Some(_)) = tokens.pull() {});
        assert_eq!((info.count_total, info.bytes_current), (1, 0), "{info:?}");
    });
}

#[test]
fn a_long_token_is_given_back() {
    on_each(|backend| {
        let long = format!("\"{}\",", "é".repeat(1 << 19));
        // Short rows, one string of 1 MiB, and short rows: behind it the window is what it was.
        let info = steady(document(ROWS, &long), backend, |tokens| {
            while tokens.pull()?.is_some() {}
            Ok(())
        });
        assert_eq!(info.bytes_current, 0, "the window is as large as it was: {info:?}");
        // Doubling holds an old and a new window for a moment, of at most 1 and 2 MiB.
        assert!(info.bytes_max < 4 << 20, "{info:?}");
        assert!(info.count_total < 16, "the window doubles: {info:?}");
        // The same for a value held as a whole.
        let long = format!("[{}null],", ROW.repeat(10_000));
        let info = steady(document(ROWS, &long), backend, |tokens| {
            tokens.pull()?;
            let mut longest = 0;
            while tokens.peek()? != Next::End {
                longest = longest.max(tokens.raw()?.len());
            }
            assert_eq!(longest, long.len() - 1);
            Ok(())
        });
        assert_eq!(info.bytes_current, 0, "the window is as large as it was: {info:?}");
        assert!(info.bytes_max < 4 << 20, "{info:?}");
        // A value that is passed over needs no window at all.
        let info = steady(document(ROWS, &long), backend, |tokens| {
            tokens.pull()?;
            while tokens.peek()? != Next::End {
                tokens.skip()?;
            }
            Ok(())
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    });
}

#[test]
fn a_token_beyond_its_limit_takes_no_more_than_the_limit() {
    on_each(|backend| {
        let limits = Limits { token_bytes_max: 100_000, raw_bytes_max: 50_000, ..limits() };
        for byte in [b'7', b'"'] {
            // A number that never ends, or a string.
            let endless = io::repeat(byte).take(1).chain(io::repeat(b'7'));
            let mut tokens = Tokens::with_options(endless, Options { limits, backend: Some(backend) });
            let info = measure(|| assert!(tokens.pull().is_err()));
            // An old and a new window for a moment.
            assert!(info.bytes_max < 2 * (100_000 + WINDOW as u64), "{info:?}");
            assert!(info.bytes_current <= 100_000, "{info:?}");
        }
    });
}
