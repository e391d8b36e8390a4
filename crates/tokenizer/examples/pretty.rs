//! Indents a JSON document of any size in a window's memory: each token is written as it was read,
//! byte for byte. `curl … | cargo run --release --example pretty | less`

use apsides_tokenizer::{Next, Token, Tokens};
use std::{
    error::Error,
    io::{self, BufWriter, Read, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let written = pretty(&mut Tokens::new(io::stdin().lock()), &mut out);
    match written.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has seen enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pretty: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn pretty(tokens: &mut Tokens<impl Read>, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // What stands between the last token and the next: a container's first item and its end need no
    // comma before them, a member's value and the document no line of their own.
    let (mut first, mut inline) = (true, true);
    loop {
        let next = tokens.peek()?;
        if next == Next::Eof {
            return Ok(writeln!(out)?);
        }
        let end = next == Next::End;
        if !first && !end && !inline {
            out.write_all(b",")?;
        }
        // An empty container stays on one line.
        if !(inline || first && end) {
            new_line(out, tokens.depth() - u16::from(end))?;
        }
        let token = tokens.pull()?.ok_or("a token was promised")?;
        (first, inline) = (matches!(token, Token::ObjectStart | Token::ArrayStart), matches!(token, Token::Key(_)));
        match token {
            Token::ObjectStart => out.write_all(b"{")?,
            Token::ObjectEnd => out.write_all(b"}")?,
            Token::ArrayStart => out.write_all(b"[")?,
            Token::ArrayEnd => out.write_all(b"]")?,
            Token::Key(text) => write!(out, "\"{}\": ", text.text())?,
            Token::String(text) => write!(out, "\"{}\"", text.text())?,
            Token::Number(number) => out.write_all(number.text().as_bytes())?,
            Token::Bool(value) => write!(out, "{value}")?,
            Token::Null => out.write_all(b"null")?,
        }
    }
}

fn new_line(out: &mut impl Write, depth: u16) -> io::Result<()> {
    write!(out, "\n{:1$}", "", 2 * usize::from(depth))
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
