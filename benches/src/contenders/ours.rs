//! Ours.

use crate::{Counts, Result};
use apsides_tokenizer::{Backend, Options, Token, Tokens};
use std::io::Read;

fn tokens<R: Read>(input: R, backend: Option<Backend>) -> Tokens<R> {
    Tokens::with_options(input, Options { backend, ..Options::default() })
}

#[inline(always)]
fn count(counts: &mut Counts, token: Token<'_>, scratch: &mut String) {
    match token {
        Token::ObjectStart => counts.objects += 1,
        Token::ArrayStart => counts.arrays += 1,
        Token::ObjectEnd | Token::ArrayEnd => {}
        Token::Key(text) => counts.key(text.decode(scratch).text),
        Token::String(text) => counts.string(text.decode(scratch).text),
        Token::Number(_) => counts.numbers += 1,
        Token::Bool(_) => counts.booleans += 1,
        Token::Null => counts.nulls += 1,
    }
}

/// Every token visited, every string decoded.
pub fn apsides(input: impl Read, backend: Option<Backend>) -> Result<Counts> {
    let mut tokens = tokens(input, backend);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    tokens.for_each(|token| count(&mut counts, token, &mut scratch))?;
    Ok(counts)
}

/// The same, pulled one by one.
pub fn apsides_pull(input: impl Read, backend: Option<Backend>) -> Result<Counts> {
    let mut tokens = tokens(input, backend);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull()? {
        count(&mut counts, token, &mut scratch);
    }
    Ok(counts)
}

/// The members of the outermost object passed over, one by one: of an export, its profiles. Their names are counted.
pub fn apsides_skip(input: impl Read, backend: Option<Backend>) -> Result<Counts> {
    let mut tokens = tokens(input, backend);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull()? {
        count(&mut counts, token, &mut scratch);
        if let Token::Key(_) = token {
            tokens.skip()?;
        }
    }
    Ok(counts)
}

/// As the conversion to tables does it: as [`apsides`], but each event's `data` goes to `data` whole, byte for byte,
/// and is not counted.
pub fn apsides_raw(input: impl Read, backend: Option<Backend>, mut data: impl FnMut(&str)) -> Result<Counts> {
    let mut tokens = tokens(input, backend);
    let mut counts = Counts::default();
    let mut scratch = String::new();
    while let Some(token) = tokens.pull()? {
        count(&mut counts, token, &mut scratch);
        if let Token::Key(name) = token
            && name.is("data")
        {
            data(tokens.raw()?);
        }
    }
    Ok(counts)
}

/// The counts of the whole, put together from what [`apsides_raw`] hands out and from what it does not.
pub fn apsides_raw_whole(input: impl Read, backend: Option<Backend>) -> Result<Counts> {
    let mut handed_out = Ok(Counts::default());
    let mut whole = apsides_raw(input, backend, |data| {
        if let Ok(sum) = &mut handed_out {
            match apsides(data.as_bytes(), backend) {
                Ok(counts) => sum.add(counts),
                Err(error) => handed_out = Err(error),
            }
        }
    })?;
    whole.add(handed_out?);
    Ok(whole)
}
