//! Writes each member of one big JSON object as a line of its own (NDJSON), in a window's memory:
//! `{"a":{"n":1},"b":[2]}` becomes
//!
//! ```text
//! {"key":"a","value":{"n":1}}
//! {"key":"b","value":[2]}
//! ```
//!
//! `cargo run --release --example ndjson -- export.json > export.ndjson`

use apsides_tokenizer::{ErrorKind, Token, Tokens};
use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufWriter, Read, Write},
    process::ExitCode,
};

const USAGE: &str = "\
Writes each member of one big JSON object as a line {\"key\":…,\"value\":…} to standard output.

Usage: ndjson [FILE]

Without FILE, or where it is -, standard input is read.";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (file, more) = (arguments.next(), arguments.next());
    if matches!(file.as_deref(), Some("-h" | "--help")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let name = file.as_deref().filter(|&file| file != "-");
    if more.is_some() || name.is_some_and(|name| name.starts_with('-')) {
        eprintln!("ndjson: one file is expected\n\n{USAGE}");
        return ExitCode::from(2);
    }
    match run(name) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has seen enough: `ndjson … | head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ndjson: {}: {error}", name.unwrap_or("standard input"));
            ExitCode::FAILURE
        }
    }
}

fn run(name: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let written = match name {
        Some(name) => members(&mut Tokens::new(File::open(name)?), &mut out),
        None => members(&mut Tokens::new(io::stdin().lock()), &mut out),
    };
    // The lines before an error are whole, and kept.
    out.flush()?;
    written
}

/// Writes the document's members, line by line.
pub(crate) fn members(tokens: &mut Tokens<impl Read>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    if !tokens.enter_object().map_err(explained)? {
        return Err("the document is not an object".into());
    }
    let mut key = String::new();
    while let Some(Token::Key(text)) = tokens.pull().map_err(explained)? {
        // A key is gone at the next call; as it stands it is JSON already, escapes and all.
        key.clear();
        key.push_str(text.text());
        let value = tokens.raw().map_err(explained)?;
        write!(out, "{{\"key\":\"{key}\",\"value\":")?;
        one_line(value, out)?;
        out.write_all(b"}\n")?;
    }
    // Nothing follows the object, or this says what.
    tokens.pull().map_err(explained)?;
    Ok(())
}

/// Writes a value without its line breaks and what indents the lines. Inside of strings there are none:
/// they would have to be escaped.
fn one_line(value: &str, out: &mut impl Write) -> io::Result<()> {
    for line in value.split(['\n', '\r']) {
        out.write_all(line.trim_start_matches([' ', '\t']).as_bytes())?;
    }
    Ok(())
}

/// The error, with advice where there is some; a reader's own error is the reader's.
fn explained(error: apsides_tokenizer::Error) -> Box<dyn Error> {
    match error.kind() {
        ErrorKind::Read => match error.into_io() {
            Some(error) => error.into(),
            None => "the input could not be read".into(),
        },
        ErrorKind::RawTooLong { .. } => format!("{error}; a line holds a whole value").into(),
        _ => error.into(),
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
