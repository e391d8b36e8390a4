//! Lines that fit a terminal.

use std::{io::IsTerminal, os::fd::AsFd};

/// Narrower columns cannot be read.
const TEXT_MIN: usize = 20;

/// How wide a terminal is; None where this is none.
pub(crate) fn width_of(stream: impl IsTerminal + AsFd) -> Option<usize> {
    let is_terminal = stream.is_terminal();
    is_terminal.then(|| terminal_size::terminal_size_of(stream)).flatten().map(|(width, _)| width.0.into())
}

/// A text behind its label. Lines that would be wider than this are broken between words, and go on below the text's
/// beginning; a word stays whole, so that addresses and paths can be copied.
pub(crate) fn wrapped(label: &str, text: &str, width: Option<usize>) -> String {
    let indent = label.chars().count();
    let Some(width) = width.filter(|width| indent + TEXT_MIN <= *width) else { return format!("{label}{text}") };
    let mut lines = vec![label.to_owned()];
    let mut taken = indent;
    for (at, line) in text.split('\n').enumerate() {
        for (place, word) in line.split_whitespace().enumerate() {
            let length = word.chars().count();
            let is_first = taken == indent && place == 0;
            if (place == 0 && at > 0) || (!is_first && taken + 1 + length > width) {
                lines.push(" ".repeat(indent));
                taken = indent;
            } else if !is_first {
                lines.last_mut().expect("there is one").push(' ');
                taken += 1;
            }
            lines.last_mut().expect("there is one").push_str(word);
            taken += length;
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        for (label, text, width, expected) in [
            ("next: ", "check the path", None, "next: check the path"),
            ("next: ", "check the path", Some(80), "next: check the path"),
            (
                "next: ",
                "check the path and all of its permissions",
                Some(28),
                "next: check the path and all\n      of its permissions",
            ),
            (
                "next: ",
                "check the path and all of its permissions",
                Some(27),
                "next: check the path and\n      all of its\n      permissions",
            ),
            // A word that is too long stays whole.
            (
                "error: ",
                "at http://example.com/a/long/address it fails",
                Some(30),
                "error: at\n       http://example.com/a/long/address\n       it fails",
            ),
            ("error: ", "http://example.com/a/long/address", Some(30), "error: http://example.com/a/long/address"),
            // Lines of its own begin below the first.
            ("error: ", "one\n       two", Some(80), "error: one\n       two"),
            ("error: ", "one\n       two", None, "error: one\n       two"),
            // Too narrow for anything.
            ("error: ", "one two three four five", Some(20), "error: one two three four five"),
        ] {
            assert_eq!(wrapped(label, text, width), expected, "{width:?}");
        }
    }
}
