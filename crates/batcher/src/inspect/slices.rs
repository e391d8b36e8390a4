//! An export that is at hand whole, read by several threads at once.
//!
//! It is cut at commas between profiles, and each slice is read as an object of its own. Whether a comma is one of those
//! cannot be known without reading all before it, so they are guessed; yet what comes of it is certain: a list of members
//! is such a list whichever way it is cut at commas between them, and if a slice with brackets around it is no object, some
//! guess was wrong. Then, as with anything else that might make a difference, all is read from its start by one thread,
//! which also tells what is wrong, and where.

use super::{InspectOptions, Inspection, Reading};
use crate::{
    error::{Error, Result},
    progress::Progress,
};
use std::{
    io::{self, Cursor, Read},
    ops::Range,
    sync::Arc,
    thread,
};

/// A profile that begins is looked for in so many bytes from where a slice should.
const SEARCHED: u64 = 1 << 20;
/// What is looked at of the export's start.
const HEAD: u64 = 4 << 10;

/// As [`inspect`](super::inspect), of an export of so many bytes of which `slice` reads any range. None if it has to be read
/// from its start to its end after all; `progress` is then as if nothing had been read.
pub fn inspect_slices<R: Read + Send>(
    bytes: u64,
    slice: impl Fn(Range<u64>) -> R + Sync,
    options: &InspectOptions,
    progress: &Progress,
) -> Result<Option<Inspection>> {
    let found = if options.duplicates {
        read::<true, R>(bytes, &slice, options, progress)
    } else {
        read::<false, R>(bytes, &slice, options, progress)
    };
    if !matches!(found, Ok(Some(_))) {
        progress.split(Vec::new());
    }
    found
}

fn read<const DUPLICATES: bool, R: Read + Send>(
    bytes: u64,
    slice: &(impl Fn(Range<u64>) -> R + Sync),
    options: &InspectOptions,
    progress: &Progress,
) -> Result<Option<Inspection>> {
    let head = peek(slice(0..bytes), HEAD).map_err(|source| Error::Read { source, offset: 0 })?;
    let Some(form) = Form::of(&head) else { return Ok(None) };
    let ranges = ranges(bytes, slice, options)?;
    if ranges.len() < 2 {
        return Ok(None);
    }
    let (last, options) = (ranges.len() - 1, options.of_slice(ranges.len()));
    let each: Vec<_> = ranges.iter().map(|_| Arc::new(Progress::default())).collect();
    progress.split(each.clone());
    let read = |(number, range): (usize, &Range<u64>)| {
        let before = if number == 0 { "" } else { form.before() };
        let after = if number == last { "" } else { form.after() };
        let mut input = Cursor::new(before).chain(slice(range.clone())).chain(Cursor::new(after));
        Reading::<DUPLICATES>::new(&mut input, &options, &each[number])
    };
    let read = &read;
    let readings: Vec<Result<Reading<DUPLICATES>>> = thread::scope(|scope| {
        let threads: Vec<_> = ranges.iter().enumerate().map(|of| scope.spawn(move || read(of))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|reading| reading.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut whole: Option<Reading<DUPLICATES>> = None;
    for (number, reading) in readings.into_iter().enumerate() {
        let reading = match reading {
            Ok(reading) => reading,
            Err(Error::Read { source, offset }) => {
                return Err(Error::Read { source, offset: ranges[number].start + offset });
            }
            // It may be of no more than a wrong guess.
            Err(_) => return Ok(None),
        };
        let is_as_guessed = match form {
            Form::Plain => !reading.top.has_profiles,
            // Else it may be cut within another member of the outermost object.
            Form::Wrapped => number == last || reading.top.others == 0,
        };
        if !is_as_guessed || reading.inspector.rooms.is_any_full() {
            return Ok(None);
        }
        whole = match whole {
            None => Some(reading),
            Some(mut before) => match before.add(reading) {
                true => Some(before),
                false => return Ok(None),
            },
        };
    }
    Ok(whole.map(|whole| whole.report(bytes, &options)))
}

/// Where slices are; they begin one behind the other, whatever the guesses.
fn ranges<R: Read>(bytes: u64, slice: &impl Fn(Range<u64>) -> R, options: &InspectOptions) -> Result<Vec<Range<u64>>> {
    let count = (bytes / options.slice_bytes.max(1)).min(options.threads as u64);
    let (mut ranges, mut start) = (Vec::new(), 0);
    for number in 1..count {
        let from = bytes / count * number;
        if from > start {
            let begin = peek(slice(from..bytes), SEARCHED).map_err(|source| Error::Read { source, offset: from })?;
            if let Some(comma) = cut(&begin) {
                ranges.push(start..from + comma as u64);
                start = from + comma as u64 + 1;
            }
        }
    }
    ranges.push(start..bytes);
    Ok(ranges)
}

/// How profiles stand in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As the members of the outermost object.
    Plain,
    /// As those of its member `profiles`.
    Wrapped,
}

impl Form {
    /// What is before the members of a slice that is not the first.
    fn before(self) -> &'static str {
        match self {
            Self::Plain => "{",
            Self::Wrapped => r#"{"profiles":{"#,
        }
    }

    /// What is behind those of a slice that is not the last.
    fn after(self) -> &'static str {
        match self {
            Self::Plain => "}",
            Self::Wrapped => "}}",
        }
    }

    /// By how the export begins; none if that is unusual.
    fn of(head: &[u8]) -> Option<Self> {
        let mut rest = Rest(head);
        if !rest.eat(b"{") {
            return None;
        }
        let name = rest.name()?;
        let is_object = rest.eat(b":") && rest.eat(b"{");
        match name {
            b"metadata" => None,
            b"profiles" => is_object.then_some(Self::Wrapped),
            _ => is_object.then_some(Self::Plain),
        }
    }
}

/// Bytes of JSON that are looked at, without the white space before them.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn eat(&mut self, expected: &[u8]) -> bool {
        let rest = self.0.trim_ascii_start().strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A string without escapes.
    fn name(&mut self) -> Option<&'a [u8]> {
        if !self.eat(b"\"") {
            return None;
        }
        let end = self.0.iter().position(|byte| matches!(byte, b'"' | b'\\')).filter(|&end| self.0[end] == b'"')?;
        let (name, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(name)
    }
}

/// Where a comma is that has `"…":{"sections":` behind it.
fn cut(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).filter(|&at| bytes[at] == b',').find(|&at| {
        let mut rest = Rest(&bytes[at + 1..]);
        rest.name().is_some() && rest.eat(b":") && rest.eat(b"{") && rest.name() == Some(b"sections") && rest.eat(b":")
    })
}

/// What a slice begins with.
fn peek(slice: impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    slice.take(bytes).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_export_begins_with_tells_its_form() {
        for (head, expected) in [
            (r#"{"key":{"sections":{"#, Some(Form::Plain)),
            (" {\n \"key\" : {", Some(Form::Plain)),
            (r#"{"profiles":{"key":{"#, Some(Form::Wrapped)),
            (r#"{ "profiles" : { "#, Some(Form::Wrapped)),
            (r#"{"profiles":[]}"#, None),
            (r#"{"metadata":{},"profiles":{"#, None),
            (r#"{"key":1}"#, None),
            (r#"{"k\u0065y":{"#, None),
            ("[{}]", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(Form::of(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn slices_begin_behind_commas() {
        for (bytes, expected) in [
            (r#"1},"7":2}}},"b":{"sections":{"#, Some(11)),
            (r#"}, "b" : { "sections" : {"#, Some(1)),
            (r#"},"b":{"topics":{}}"#, None),
            (r#"},"b":{"sections""#, None),
            (r#"},"b\"":{"sections":{}}"#, None),
            (r#"}},"b\"c":{"sections":{}},"d":{"sections":{}}"#, Some(25)),
            ("", None),
        ] {
            assert_eq!(cut(bytes.as_bytes()), expected, "{bytes}");
        }
    }
}
