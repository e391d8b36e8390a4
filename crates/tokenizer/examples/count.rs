//! Counts the tokens of a JSON document and says how fast they came:
//! `cargo run --release --example count < document.json`
//!
//! With the word `skip` behind `--` the document is passed over instead, checked as strictly. The
//! environment variable `APSIDES_SIMD` forces a backend: `avx512`, `avx2`, `neon` or `scalar`.

use apsides_tokenizer::{Backend, Error, Token, Tokens};
use std::{env, io, process::ExitCode, time::Instant};

#[derive(Debug, Default)]
struct Counts {
    objects: u64,
    arrays: u64,
    keys: u64,
    strings: u64,
    numbers: u64,
    literals: u64,
}

fn main() -> ExitCode {
    let skipped = match env::args().nth(1).as_deref() {
        None => false,
        Some("skip") => true,
        Some(_) => {
            eprintln!("Usage: count [skip] < document.json");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let mut tokens = Tokens::new(io::stdin().lock());
    let counted = if skipped { skip(&mut tokens).map(|()| None) } else { count(&mut tokens).map(Some) };
    match counted {
        Ok(counts) => {
            let (bytes, seconds) = (tokens.consumed() as f64, start.elapsed().as_secs_f64());
            if let Some(counts) = counts {
                println!("{counts:#?}");
            }
            let rate = bytes / 1e6 / seconds;
            println!("{:.1} MB in {seconds:.3} s: {rate:.0} MB/s ({})", bytes / 1e6, Backend::preferred());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("count: {error}");
            ExitCode::FAILURE
        }
    }
}

fn skip(tokens: &mut Tokens<impl io::Read>) -> Result<(), Error> {
    tokens.skip()?;
    tokens.pull().map(|_| ())
}

fn count(tokens: &mut Tokens<impl io::Read>) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    while let Some(token) = tokens.pull()? {
        match token {
            Token::ObjectStart => counts.objects += 1,
            Token::ArrayStart => counts.arrays += 1,
            Token::ObjectEnd | Token::ArrayEnd => {}
            Token::Key(_) => counts.keys += 1,
            Token::String(_) => counts.strings += 1,
            Token::Number(_) => counts.numbers += 1,
            Token::Bool(_) | Token::Null => counts.literals += 1,
        }
    }
    Ok(counts)
}
