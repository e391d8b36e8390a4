//! The documents that tokenizers are timed on: four shapes, each of any size, always the same for the same size.
//!
//! The export is what this project is for; it is the simulator's. The others stand for JSON of other kinds, and have
//! what costs a tokenizer most: numbers, which have to be checked digit by digit; escapes and text beyond ASCII, which
//! have to be decoded and checked; white space, which has to be passed over.
//!
//! No contender is put at a disadvantage by the input. All numbers fit a 64-bit integer or a finite double, since some
//! parse them as they go; all surrogates come in pairs, since some decode into `str`; nesting stays below the usual
//! limit of 128.

mod nested;
mod numbers;
mod random;
mod strings;

use apsides_simulator::{CorpusSpec, Size, write_export};
use std::io::{self, Write};

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An export of the API: compact, short keys and strings, few escapes.
    Export,
    /// Coordinates, measurements and counters, compact; like GeoJSON and metrics.
    Numbers,
    /// Messages in several scripts, in UTF-8 and as `\uXXXX`, with escapes; compact.
    Strings,
    /// Trees some 20 to 40 containers deep, indented by two spaces a level; like configuration and syntax trees.
    Nested,
}

impl Shape {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Export, Self::Numbers, Self::Strings, Self::Nested];

    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Numbers => "number-heavy",
            Self::Strings => "string-heavy",
            Self::Nested => "nested, pretty",
        }
    }

    /// Writes a document of this shape: nothing new is begun once it has so many bytes. Says what it has.
    pub fn write(self, bytes: u64, out: impl Write) -> io::Result<u64> {
        let mut out = Document { out, bytes: 0 };
        match self {
            Self::Export => {
                let spec = CorpusSpec { seed: 1, size: Size::Bytes(bytes), ..CorpusSpec::default() };
                write_export(&spec, &mut out)?;
            }
            Self::Numbers => list(&mut out, bytes, r#"{"type":"FeatureCollection","features":["#, numbers::feature)?,
            Self::Strings => list(&mut out, bytes, r#"{"channel":"general","messages":["#, strings::message)?,
            Self::Nested => list(&mut out, bytes, "{\n  \"type\": \"Bundle\",\n  \"modules\": [", nested::module)?,
        }
        out.flush()?;
        Ok(out.bytes)
    }

    /// A document of this shape in memory.
    pub fn document(self, bytes: u64) -> Vec<u8> {
        let mut json = Vec::new();
        self.write(bytes, &mut json).expect("writing to memory cannot fail");
        json
    }
}

/// An object whose last member is a list that goes on until the document is long enough. An item is put together in
/// memory, and is always the same at the same place.
fn list(out: &mut impl Count, bytes: u64, head: &str, item: fn(u64, &mut String)) -> io::Result<()> {
    out.write_all(head.as_bytes())?;
    let mut text = String::new();
    let mut place = 0;
    while place == 0 || out.count() < bytes {
        text.clear();
        if place > 0 {
            text.push(',');
        }
        item(place, &mut text);
        out.write_all(text.as_bytes())?;
        place += 1;
    }
    out.write_all(b"]}\n")
}

/// A writer that knows how much it was given.
trait Count: Write {
    fn count(&self) -> u64;
}

struct Document<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Count for Document<W> {
    fn count(&self) -> u64 {
        self.bytes
    }
}

impl<W: Write> Write for Document<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, contenders::apsides};

    fn counts(shape: Shape) -> Counts {
        let json = shape.document(1 << 20);
        assert!((1 << 20..2 << 20).contains(&json.len()), "{shape:?} has {} bytes", json.len());
        assert_eq!(json, shape.document(1 << 20), "{shape:?} is always the same");
        apsides(&json[..], None).expect("a shape is valid JSON")
    }

    #[test]
    fn shapes_are_what_they_are_called() {
        let counts = Shape::ALL.map(counts);
        let [_, numbers, strings, nested] = counts;
        assert!(numbers.numbers > 10 * numbers.strings, "{numbers:?}");
        assert!(strings.text_bytes > 500_000, "{strings:?}");
        assert!(nested.text_bytes < 300_000, "{nested:?}");
    }
}
