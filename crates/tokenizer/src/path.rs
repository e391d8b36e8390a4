//! Where in a document the tokens are, by names and places, for who asks: a path is told every token,
//! beside the tokenizer, which knows nothing of it.

use crate::{text::Text, tokens::Token};
use std::fmt::{self, Write};

/// Where in a document the tokens stand that it was told of: `$.sections."1203".events[17]`.
///
/// Show it every token with [`note`](Self::note), and every value that was passed over or taken whole
/// with [`note_skipped`](Self::note_skipped). It then says where the next token belongs; so, when a pull
/// fails, where the error is:
///
/// ```
/// use apsides_tokenizer::{Path, Token, Tokens};
///
/// let json = r#"{"items":[{"name":"tea","price":4.5},{"name":"rye","price":}]}"#;
/// let (mut tokens, mut path) = (Tokens::new(json.as_bytes()), Path::new());
/// let error = loop {
///     match tokens.pull() {
///         Ok(Some(token)) => path.note(&token),
///         Ok(None) => panic!("a price is missing"),
///         Err(error) => break error,
///     }
/// };
/// assert_eq!(format!("{error}, in {path}"), "expected a value at byte 59, in $.items[1].price");
/// ```
///
/// - `$` is the document.
/// - A member is `.name`, or, if its name is not made of ASCII letters, digits and `_` (or starts with a
///   digit), `."its name"`, as a JSON string. The name is decoded, so that it is the same however it was
///   escaped.
/// - An item is `[17]`, counted from zero.
///
/// Between the members of an object it is the path of that object, and behind the last item of an array
/// that of the item which would follow. An error inside a value that is skipped has the path of that
/// value.
///
/// Its memory is bounded by the depth that the tokenizer allows, and [`NAME_BYTES_MAX`](Self::NAME_BYTES_MAX)
/// for each level; it is reused, so that in the long run nothing is allocated.
///
/// Names may be personal data: [`redacted`](Self::redacted) is the path for logs.
#[derive(Clone, Default)]
pub struct Path {
    /// The open containers, the outermost first.
    levels: Vec<Level>,
    /// The names of the members on the way, decoded, one behind another.
    names: String,
}

#[derive(Clone, Copy)]
enum Level {
    /// An object between its members.
    Object,
    /// A member of an object, from its name to the end of its value; its name is these bytes of the
    /// names, or the start of it.
    Member { start: usize, end: usize, cut: bool },
    /// An array, and the place of the item that is open or comes next.
    Array { place: u64 },
}

impl Path {
    /// How many bytes of a name are kept, decoded. What is longer is cut where a character ends, and
    /// shown with a `…` at its end.
    pub const NAME_BYTES_MAX: usize = 256;

    /// The path of a document of which nothing has been read: `$`.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token was read.
    #[inline]
    pub fn note(&mut self, token: &Token<'_>) {
        match *token {
            Token::ObjectStart => self.levels.push(Level::Object),
            Token::ArrayStart => self.levels.push(Level::Array { place: 0 }),
            Token::ObjectEnd | Token::ArrayEnd => {
                self.leave_member();
                self.levels.pop();
                self.note_skipped();
            }
            Token::Key(name) => self.enter_member(name),
            Token::String(_) | Token::Number(_) | Token::Bool(_) | Token::Null => self.note_skipped(),
        }
    }

    /// A whole value was passed over by [`Tokens::skip`](crate::Tokens::skip) or taken by
    /// [`Tokens::raw`](crate::Tokens::raw). A name or an end that these passed over is not known here:
    /// names and ends are to be pulled and noted.
    #[inline]
    pub fn note_skipped(&mut self) {
        match self.levels.last_mut() {
            Some(Level::Array { place }) => *place += 1,
            Some(Level::Member { .. }) => self.leave_member(),
            Some(Level::Object) | None => {}
        }
    }

    /// The path without the names that may mean something: one that is longer than 128 bytes, or has
    /// other characters than ASCII letters, digits, `-`, `_`, `.` and `:`, is shown as `"…"`. What is
    /// left are plain names and ids; a word or a number is shown, whatever it stands for.
    ///
    /// ```
    /// use apsides_tokenizer::{Path, Tokens};
    ///
    /// let mut tokens = Tokens::new(r#"{"profiles":{"zoe@example.com":{"1203":"#.as_bytes());
    /// let mut path = Path::new();
    /// while let Ok(Some(token)) = tokens.pull() {
    ///     path.note(&token);
    /// }
    /// assert_eq!(path.to_string(), r#"$.profiles."zoe@example.com"."1203""#);
    /// assert_eq!(path.redacted().to_string(), r#"$.profiles."…"."1203""#);
    /// ```
    pub fn redacted(&self) -> impl fmt::Display {
        fmt::from_fn(|out| self.write(out, looks_like_id))
    }

    #[inline(never)]
    fn enter_member(&mut self, name: Text<'_>) {
        // Noted twice without a value between them, the second counts.
        self.leave_member();
        let Some(level) = self.levels.last_mut() else { return };
        let start = self.names.len();
        let cut = if name.is_escaped() {
            let names = &mut self.names;
            name.characters().any(|character| {
                let fits = names.len() - start + character.len_utf8() <= Self::NAME_BYTES_MAX;
                if fits {
                    names.push(character);
                }
                !fits
            })
        } else {
            let kept = name.text().floor_char_boundary(Self::NAME_BYTES_MAX);
            self.names.push_str(&name.text()[..kept]);
            kept < name.text().len()
        };
        *level = Level::Member { start, end: self.names.len(), cut };
    }

    #[inline]
    fn leave_member(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && let Level::Member { start, .. } = *level
        {
            *level = Level::Object;
            self.names.truncate(start);
        }
    }

    /// Writes the path with those names that `is_shown` says.
    fn write(&self, out: &mut fmt::Formatter<'_>, is_shown: impl Fn(&str) -> bool) -> fmt::Result {
        out.write_char('$')?;
        for level in &self.levels {
            match *level {
                Level::Object => {}
                Level::Array { place } => write!(out, "[{place}]")?,
                Level::Member { start, end, cut } => {
                    let name = &self.names[start..end];
                    match (is_shown(name), cut) {
                        (false, _) => out.write_str(".\"…\"")?,
                        (true, false) if is_identifier(name) => write!(out, ".{name}")?,
                        (true, _) => write_quoted(out, name, if cut { "…" } else { "" })?,
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(out, |_| true)
    }
}

/// The redacted path: what is printed to find an error may end up in a log.
impl fmt::Debug for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Path({})", self.redacted())
    }
}

fn is_identifier(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_word) && !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Names and ids have no spaces, no accents and no `@`.
fn looks_like_id(name: &str) -> bool {
    /// Longer names are no ids.
    const ID_BYTES_MAX: usize = 128;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    name.len() <= ID_BYTES_MAX && name.bytes().all(is_id)
}

/// Writes a member's name as a JSON string, with something behind it. Control characters are escaped,
/// beyond ASCII too: the path may be shown on a terminal.
fn write_quoted(out: &mut fmt::Formatter<'_>, name: &str, behind: &str) -> fmt::Result {
    out.write_str(".\"")?;
    for character in name.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            control if control.is_control() => write!(out, "\\u{:04x}", u32::from(control))?,
            other => out.write_char(other)?,
        }
    }
    write!(out, "{behind}\"")
}
