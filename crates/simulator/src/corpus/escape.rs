//! The writer under the JSON writer: it re-encodes some characters as escapes, counts the bytes, and buffers.
//!
//! struson escapes all non-ASCII characters of a document or none, while a real export has both. So struson writes
//! everything raw, and this adapter turns certain characters into their equivalent escapes: Cyrillic and emoticons into
//! `\u` escapes (these as surrogate pairs), and `</` into `<\/`, which some serializers write for the sake of HTML. It
//! may do so without knowing JSON, because none of these can stand outside a string.
//!
//! struson writes a few bytes at a time. They gather until it is worth escaping them in one pass, in which nearly all
//! are copied in large runs. A character may be cut by the end of what has gathered: its beginning waits for the next
//! pass.

use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
};

/// How many bytes gather before they are escaped and go down in one write.
const GATHER_BYTES: usize = 64 * 1024;

/// See the module's description.
pub(crate) struct Escaper<W> {
    out: W,
    /// What was written and is not escaped yet; shorter than `gather_bytes` between calls, except for the beginning of
    /// a character.
    gathered: Vec<u8>,
    gather_bytes: usize,
    /// Scratch space of a pass; empty between calls.
    escaped: Vec<u8>,
    written: Rc<Cell<u64>>,
}

/// Tells how many bytes an [`Escaper`] has written while the JSON writer owns it.
pub(crate) struct Meter(Rc<Cell<u64>>);

impl Meter {
    /// The bytes so far. Those of the last 64 KiB are counted as they were before escaping, until the escaper is
    /// flushed.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.get()
    }
}

impl<W: Write> Escaper<W> {
    pub(crate) fn new(out: W) -> Escaper<W> {
        Escaper::gathering(out, GATHER_BYTES)
    }

    fn gathering(out: W, gather_bytes: usize) -> Escaper<W> {
        Escaper { out, gathered: Vec::new(), gather_bytes, escaped: Vec::new(), written: Rc::default() }
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter(Rc::clone(&self.written))
    }

    /// Escapes what has gathered and sends it down.
    #[inline(never)]
    fn pass(&mut self) -> io::Result<()> {
        let complete = complete_len(&self.gathered);
        escape(&self.gathered[..complete], &mut self.escaped);
        self.written.set(self.written.get() + (self.escaped.len() - complete) as u64);
        self.gathered.drain(..complete);
        let sent = self.out.write_all(&self.escaped);
        self.escaped.clear();
        sent
    }
}

impl<W: Write> Write for Escaper<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        self.written.set(self.written.get() + bytes.len() as u64);
        if self.gathered.len() >= self.gather_bytes {
            self.pass()?;
        }
        Ok(bytes.len())
    }

    /// The provided method would loop; every write takes everything.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    /// Sends down what has gathered. The beginning of a character stays: a whole document never ends with one.
    fn flush(&mut self) -> io::Result<()> {
        self.pass()?;
        self.out.flush()
    }
}

/// How many of these bytes come before the beginning of a character (or of a `</`) that the end cuts.
fn complete_len(bytes: &[u8]) -> usize {
    let len = bytes.len();
    for back in 1..=len.min(3) {
        let byte = bytes[len - back];
        if byte < 0x80 {
            return if back == 1 && byte == b'<' { len - 1 } else { len };
        }
        if byte >= 0xc0 {
            return if back < sequence_len(byte) { len - back } else { len };
        }
    }
    len
}

/// Appends the bytes, with what is to be escaped escaped.
fn escape(mut bytes: &[u8], escaped: &mut Vec<u8>) {
    while let Some(at) = find_special(bytes) {
        escaped.extend_from_slice(&bytes[..at]);
        bytes = &bytes[at..];
        let len = if bytes[0] == b'<' {
            escaped.extend_from_slice(if bytes.get(1) == Some(&b'/') { br"<\/" } else { b"<" });
            if bytes.get(1) == Some(&b'/') { 2 } else { 1 }
        } else {
            let len = sequence_len(bytes[0]).min(bytes.len());
            escape_character(&bytes[..len], escaped);
            len
        };
        bytes = &bytes[len..];
    }
    escaped.extend_from_slice(bytes);
}

fn escape_character(sequence: &[u8], escaped: &mut Vec<u8>) {
    let character = str::from_utf8(sequence).ok().and_then(|text| text.chars().next());
    match character.filter(|&character| is_escaped(character)) {
        Some(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.extend_from_slice(&unicode_escape(*unit));
            }
        }
        None => escaped.extend_from_slice(sequence),
    }
}

/// Where the first byte is that may begin something to escape. Most of a document is plain: so it is looked over in
/// blocks, which the compiler turns into vector instructions.
fn find_special(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let is_special = |byte: u8| byte >= 0x80 || byte == b'<';
    let is_plain = |block: &[u8]| !block.iter().fold(false, |any, &byte| any | is_special(byte));
    let skipped = bytes.chunks_exact(BLOCK).take_while(|block| is_plain(block)).count() * BLOCK;
    let found = bytes[skipped..].iter().position(|&byte| is_special(byte));
    found.map(|at| skipped + at)
}

fn is_escaped(character: char) -> bool {
    matches!(character, '\u{400}'..='\u{4ff}' | '\u{1f600}'..='\u{1f64f}')
}

/// The length of the UTF-8 sequence that begins with this byte.
fn sequence_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    }
}

fn unicode_escape(unit: u16) -> [u8; 6] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| DIGITS[usize::from(unit >> shift) & 15];
    [b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"a<b":"Ж </p> é 日本 😀🎉 <<//","n":-0}"#;
    const ESCAPED: &str = r#"{"a<b":"\u0416 <\/p> é 日本 \ud83d\ude00🎉 <<\//","n":-0}"#;

    /// Escapes in passes of at least so many bytes.
    fn escape_in_passes(gather_bytes: usize, pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut escaper = Escaper::gathering(&mut out, gather_bytes);
        let meter = escaper.meter();
        for piece in pieces {
            escaper.write_all(piece).unwrap();
        }
        escaper.flush().unwrap();
        assert_eq!(meter.bytes(), out.len() as u64);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_the_same_at_every_split_point() {
        let bytes = PLAIN.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(escape_in_passes(1, &pieces), ESCAPED, "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn escapes_the_same_byte_by_byte_in_passes_of_every_length() {
        let pieces: Vec<_> = PLAIN.as_bytes().chunks(1).collect();
        for gather_bytes in 1..=PLAIN.len() {
            assert_eq!(escape_in_passes(gather_bytes, &pieces), ESCAPED, "passes of {gather_bytes}");
        }
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for at in 0..200 {
            let text = format!("{}Ж{}", "x".repeat(at), "y".repeat(200 - at));
            assert_eq!(escape_in_passes(1, &[text.as_bytes()]), text.replace('Ж', r"\u0416"));
        }
    }

    #[test]
    fn the_escapes_mean_the_same() {
        let plain: serde_json::Value = serde_json::from_str(PLAIN).unwrap();
        let escaped: serde_json::Value = serde_json::from_str(ESCAPED).unwrap();
        assert_eq!(plain, escaped);
    }

    #[test]
    fn more_than_the_buffer_goes_down_in_order() {
        let long = "Ж<".repeat(GATHER_BYTES);
        let escaped = escape_in_passes(GATHER_BYTES, &[long.as_bytes(), b"\""]);
        assert_eq!(escaped, r"\u0416<".repeat(GATHER_BYTES) + "\"");
    }
}
