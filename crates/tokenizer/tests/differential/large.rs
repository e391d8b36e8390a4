//! Documents of some length by chance, and ways to break them: long enough for blocks, stretches and
//! windows to end in the midst of everything.

use crate::common::random::Random;

/// What most of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// All of it, and no white space.
    Compact,
    /// All of it, indented.
    Pretty,
    /// White space of any length anywhere.
    Spaced,
    /// Little but brackets and commas.
    Brackets,
    /// Long strings, with escapes and characters of all lengths.
    Strings,
    /// Numbers of all forms.
    Numbers,
    /// Deeper than a word has bits.
    Deep,
}

impl Style {
    pub(crate) const ALL: [Self; 7] =
        [Self::Compact, Self::Pretty, Self::Spaced, Self::Brackets, Self::Strings, Self::Numbers, Self::Deep];

    pub(crate) fn of(random: &mut Random) -> Self {
        Self::ALL[random.below(Self::ALL.len())]
    }

    fn depth_max(self) -> usize {
        if self == Self::Deep { 300 } else { 8 }
    }
}

/// A document of about this length.
pub(crate) fn text(random: &mut Random, style: Style, length: usize) -> Vec<u8> {
    let mut writer = Writer { random, style, out: Vec::new(), depth: 0 };
    let object = writer.random.chance(1, 2);
    writer.container(object, |writer| writer.out.len() < length);
    writer.space();
    writer.out
}

struct Writer<'a> {
    random: &'a mut Random,
    style: Style,
    out: Vec<u8>,
    depth: usize,
}

impl Writer<'_> {
    fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// An array or object of items for as long as more are wanted.
    fn container(&mut self, object: bool, mut more: impl FnMut(&mut Self) -> bool) {
        self.write(if object { "{" } else { "[" });
        self.depth += 1;
        let mut first = true;
        while more(self) {
            if !first {
                self.write(",");
            }
            first = false;
            self.space();
            if object {
                self.string(true);
                self.gap();
                self.write(":");
                self.gap();
            }
            self.value();
            self.gap();
        }
        self.depth -= 1;
        self.space();
        self.write(if object { "}" } else { "]" });
    }

    fn value(&mut self) {
        let kinds = match self.style {
            Style::Compact | Style::Pretty | Style::Spaced => "oosssnnnlaa",
            Style::Brackets => "oaoaoaoanls",
            Style::Strings => "sssssssssoa",
            Style::Numbers => "nnnnnnnnnla",
            Style::Deep => "oaoaoaoaoasnl",
        };
        match kinds.as_bytes()[self.random.below(kinds.len())] {
            b's' => self.string(false),
            b'n' => self.number(),
            b'l' => {
                let literal = self.random.choose(&["true", "false", "null"]);
                self.write(literal);
            }
            _ if self.depth == self.style.depth_max() => self.write("[]"),
            kind => {
                // In a deep document most containers have one item, which is one again.
                let mut items = if self.style == Style::Deep { 1 } else { self.random.below(6) };
                items += usize::from(self.random.chance(1, 20));
                self.container(kind == b'o', |_| {
                    items = items.wrapping_sub(1);
                    items != usize::MAX
                });
            }
        }
    }

    /// White space where a pretty printer has a line.
    fn space(&mut self) {
        if self.style == Style::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * self.depth, b' ');
        } else {
            self.gap();
        }
    }

    fn gap(&mut self) {
        let length = match self.style {
            Style::Spaced if self.random.chance(1, 20) => self.random.below(300),
            Style::Spaced => self.random.below(4),
            Style::Compact => 0,
            _ if self.random.chance(1, 40) => self.random.below(80),
            _ => usize::from(self.random.chance(1, 10)),
        };
        for _ in 0..length {
            let space = b" \n\t\r"[self.random.below(4)];
            self.out.push(space);
        }
    }

    fn string(&mut self, key: bool) {
        self.write("\"");
        let pieces = match self.style {
            Style::Strings if !key && self.random.chance(1, 50) => self.random.below(400),
            Style::Strings => self.random.below(20),
            _ => self.random.below(4),
        };
        for _ in 0..pieces {
            match self.random.below(12) {
                0..6 => {
                    let word = self.random.choose(&["a", "name", "some words in a row", "{\"[:,]} //", "0123456789"]);
                    self.write(&word.replace('"', "'"));
                }
                6 => {
                    let text = self.random.choose(&[
                        "é",
                        "слово",
                        "中文字",
                        "😀",
                        "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10ffff}",
                    ]);
                    self.write(text);
                }
                7 => {
                    let escape = self.random.choose(&[
                        "\\n",
                        "\\\"",
                        "\\\\",
                        "\\/",
                        "\\u00e9",
                        "\\uD83D\\uDE00",
                        "\\t\\b\\f\\r",
                    ]);
                    self.write(escape);
                }
                8 => {
                    let (text, count) = (self.random.choose(&["\\\\", "\\\"", "x", "é"]), self.random.below(40));
                    self.write(&text.repeat(count));
                }
                _ => {
                    let length = self.random.below(24);
                    self.write(&"the quick brown fox jumps over the lazy dog"[..length]);
                }
            }
        }
        self.write("\"");
    }

    fn number(&mut self) {
        let number = self.random.next();
        let text = match self.random.below(8) {
            0 => self.random.choose(&["0", "-0", "0.0", "-0.0e-0", "1E400", "1e-400"]).to_owned(),
            1 | 2 => (number % 1000).to_string(),
            3 => (number as i64).to_string(),
            4 => format!("{}.{}", number % 100, number >> 32),
            5 => format!("-{}e{}{}", number % 10, self.random.choose(&["", "+", "-"]), number % 90),
            6 => format!("{}.5E{}", number, (number % 700) as i64 - 350),
            _ => format!("1{}.{}", "0".repeat(number as usize % 70), "3".repeat(1 + (number >> 8) as usize % 70)),
        };
        self.write(&text);
    }
}

/// Sizes of the pieces in which a document comes.
pub(crate) fn sizes(random: &mut Random) -> Vec<usize> {
    let max = [70, 300, 5000][random.below(3)];
    match random.below(4) {
        0 => vec![usize::MAX],
        1 => vec![1 + random.below(200)],
        _ => (0..50).map(|_| 1 + random.below(max)).collect(),
    }
}

/// The document with one thing changed, or two.
pub(crate) fn broken(random: &mut Random, json: &[u8]) -> Vec<u8> {
    let mut json = json.to_vec();
    for _ in 0..1 + usize::from(random.chance(1, 5)) {
        change(random, &mut json);
    }
    json
}

fn change(random: &mut Random, json: &mut Vec<u8>) {
    const BYTES: &[u8] = b"[]{},:\"\\\"\\ 0-.etn\n\x00\x1f\x7f\x80\xbf\xc0\xe0\xed\xf0\xff";
    if json.is_empty() {
        return;
    }
    let at = random.below(json.len());
    let (count, byte) = (1 + random.below(3), BYTES[random.below(BYTES.len())]);
    let span = at..(at + count).min(json.len());
    match random.below(10) {
        0 | 1 => json[at] = byte,
        2 => json[at] ^= 1 << random.below(8),
        3 => drop(json.drain(span)),
        4 => json.insert(at, byte),
        5 => drop(json.splice(at..at, *b"  \n    ")),
        6 => json.truncate(at),
        7 => {
            let repeated = json[span].to_vec();
            drop(json.splice(at..at, repeated));
        }
        // A bracket of the other kind, the next there is.
        8 => {
            let next = json[at..].iter().position(|byte| b"[]{}".contains(byte));
            if let Some(next) = next {
                json[at + next] ^= b'[' ^ b'{';
            }
        }
        // A comma for a colon, or the other way.
        _ => {
            let next = json[at..].iter().position(|byte| b",:".contains(byte));
            if let Some(next) = next {
                json[at + next] ^= b',' ^ b':';
            }
        }
    }
}
