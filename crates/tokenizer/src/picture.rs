//! What the structure around a place looks like, with all that it says left out.
//!
//! To draw the bytes around a place one has to know which of them stand in strings, and nothing but the
//! window is at hand, which may start anywhere. What is known is where the token starts that was being
//! read: it is outside all strings, and all before it is right. So it goes from there, both ways.
//! Backwards, the first quote closes a string, and the string's own first quote is the next one that has
//! no backslash right before it: in a string a quote has one, and outside there are none. Forwards it is
//! plain reading.
//!
//! ```text
//!      known to be right │ the token, right so far │ the place, and what nobody has checked
//!   ◀─── drawn backwards │ drawn forwards ───────────────────────────────▶ as if it were JSON
//! ```

use std::fmt;

/// The structure around the place where a tokenizer failed or stands, without names and values; it may
/// be logged. Made by [`Tokens::picture`](crate::Tokens::picture).
///
/// It is two lines, the second with a mark under the place and its offset in the stream:
///
/// ```
/// use apsides_tokenizer::Tokens;
///
/// let json = r#"{"name": "Zoë", "visits": [3, -14.5, hello], "notes": ["a", ""]}"#;
/// let mut tokens = Tokens::new(json.as_bytes());
/// assert!(tokens.skip().is_err());
/// let expected = r#"
/// {"…": "…", "…": [0, 0, x], "…": ["…", ""]}
///                        ^ byte 38"#;
/// assert_eq!(format!("\n{}", tokens.picture()), expected);
/// ```
///
/// | shown | stands for |
/// |---|---|
/// | `{` `}` `[` `]` `,` `:` `"` | themselves, outside strings |
/// | `…` | what a string holds, if it holds anything |
/// | `0` | digits, signs and points, however many |
/// | `x` | ASCII letters, however many |
/// | `?` | other bytes, however many |
/// | a space | white space, however much |
/// | `·` | what a string holds from the place on; `?` if a control character or a byte beyond ASCII is there |
///
/// What is at the place is kept apart from what is before it: of `01`, which is wrong at the 1, it shows
/// `00`. At the end of what was read there is nothing, and the mark stands alone.
///
/// At most [`CHARACTERS_MAX`](Self::CHARACTERS_MAX) characters are shown before the place, and as many
/// behind it, of at most [`BYTES_MAX`](Self::BYTES_MAX) bytes on either side of the token that is wrong:
/// - *Before* the place all is known to be right, and the picture exact. It does not depend on how
///   the input was cut (if the window has 2 KiB at least). A string that begins before the bytes
///   looked at has no opening quote.
/// - *Behind* it are the bytes that happen to have been read. Nobody has checked them; they are drawn
///   as JSON that goes on. Where a quote was missing, or is one too many, strings and what is between
///   them change places: then of a string's text are shown the marks that JSON has (brackets, commas,
///   colons), and in the forms above where there are words, numbers and spaces. A letter, a digit or a
///   length is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Only what the table above has; no byte of the document.
    drawn: String,
    /// How many characters of it are before the place.
    column: usize,
    offset: u64,
}

impl Picture {
    /// How many characters are shown before the place, and behind it.
    pub const CHARACTERS_MAX: usize = 40;
    /// How many bytes are looked at before the token in which the place is, and behind the place.
    pub const BYTES_MAX: usize = 256;

    /// Draws what is around the index `place` of a window that starts at the offset `base` in the
    /// stream. The token that the place is in, or before, starts at `token`.
    #[cold]
    pub(crate) fn new(window: &[u8], base: u64, token: usize, place: usize) -> Self {
        let place = place.min(window.len());
        let token = token.min(place);
        let mut forwards = Forwards::default();
        let head = forwards.draw(&window[token..place], Self::CHARACTERS_MAX);
        let mut drawn = before(&window[..token], base == 0, Self::CHARACTERS_MAX.saturating_sub(head.len()));
        drawn.extend(head);
        let column = drawn.len();
        if let Some((&byte, behind)) = window[place..].split_first() {
            drawn.push(forwards.draw_apart(byte));
            let behind = &behind[..behind.len().min(Self::BYTES_MAX)];
            drawn.extend(forwards.draw(behind, Self::CHARACTERS_MAX));
        }
        Self { drawn: drawn.into_iter().collect(), column, offset: base + place as u64 }
    }

    /// The offset in the stream, in bytes, of the place.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n{:>width$} byte {}", self.drawn, '^', self.offset, width = self.column + 1)
    }
}

/// What a string holds.
const CONTENT: char = '…';

/// A byte outside strings.
fn outside(byte: u8) -> char {
    match byte {
        b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' => char::from(byte),
        b' ' | b'\t' | b'\n' | b'\r' => ' ',
        b'0'..=b'9' | b'-' | b'+' | b'.' => '0',
        b'a'..=b'z' | b'A'..=b'Z' => 'x',
        _ => '?',
    }
}

/// Whether many of these are shown as one.
fn is_run(drawn: char) -> bool {
    matches!(drawn, ' ' | '0' | 'x' | '?' | CONTENT)
}

/// The end of what is right, up to a place outside all strings, in no more than so many characters.
/// `whole` says that nothing was before these bytes.
fn before(bytes: &[u8], whole: bool, characters_max: usize) -> Vec<char> {
    let start = bytes.len().saturating_sub(Picture::BYTES_MAX);
    let (bytes, whole) = (&bytes[start..], whole && start == 0);
    let mut backwards = Vec::new();
    let mut end = bytes.len();
    while let Some(&last) = bytes[..end].last() {
        let drawn = outside(last);
        let (from, unit) = match drawn {
            '"' => match opening_quote(&bytes[..end - 1], whole) {
                Some(at) if at + 2 == end => (at, &['"', '"'][..]),
                Some(at) => (at, &['"', CONTENT, '"'][..]),
                None => (0, &['"', CONTENT][..]),
            },
            _ if is_run(drawn) => {
                let other = bytes[..end].iter().rposition(|&byte| outside(byte) != drawn);
                (other.map_or(0, |at| at + 1), &[drawn][..])
            }
            _ => (end - 1, &[drawn][..]),
        };
        if backwards.len() + unit.len() > characters_max {
            break;
        }
        backwards.extend(unit);
        end = from;
    }
    backwards.reverse();
    backwards
}

/// The index of the quote that opens the string whose content these bytes end with, if it is known to.
fn opening_quote(bytes: &[u8], whole: bool) -> Option<usize> {
    let opens = |at: &usize| bytes[*at] == b'"' && if *at == 0 { whole } else { bytes[at - 1] != b'\\' };
    (0..bytes.len()).rev().find(opens)
}

/// Draws from a token's start on.
#[derive(Default)]
struct Forwards {
    in_string: bool,
    after_backslash: bool,
    last: Option<char>,
}

impl Forwards {
    fn next(&mut self, byte: u8) -> char {
        if !self.in_string {
            self.in_string = byte == b'"';
            return outside(byte);
        }
        let escaped = std::mem::take(&mut self.after_backslash);
        if byte == b'"' && !escaped {
            self.in_string = false;
            return '"';
        }
        self.after_backslash = byte == b'\\' && !escaped;
        CONTENT
    }

    fn draw(&mut self, bytes: &[u8], characters_max: usize) -> Vec<char> {
        let mut drawn = Vec::new();
        for &byte in bytes {
            let next = self.next(byte);
            if self.last == Some(next) && is_run(next) {
                continue;
            }
            if drawn.len() == characters_max {
                break;
            }
            drawn.push(next);
            self.last = Some(next);
        }
        drawn
    }

    /// The byte at the place, whatever was before it.
    fn draw_apart(&mut self, byte: u8) -> char {
        let next = self.next(byte);
        self.last = Some(next);
        match (next, byte) {
            (CONTENT, ..0x20 | 0x80..) => '?',
            (CONTENT, _) => '·',
            _ => next,
        }
    }
}
