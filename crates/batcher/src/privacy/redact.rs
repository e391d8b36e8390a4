//! JSON text without what is withheld of its members.

use super::{MASK, rules::Treatment};
use apsides_tokenizer::{self as json, Token, Tokens};

/// Which members are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Those of the object itself.
    Own,
    /// Those of any object in it.
    Any,
}

/// The text of these tokens with its members treated, compact; none if there are none to treat, so that it stays as
/// it is. `hash` gives the hash of a string's text, or of another value's JSON text.
pub(super) fn redact(
    tokens: &mut Tokens<&[u8]>,
    depth: Depth,
    treatment: impl Fn(&str) -> Option<Treatment>,
    hash: impl Fn(&str) -> String,
) -> json::Result<Option<String>> {
    let mut out = Writer { text: String::new(), follows: false };
    let mut level = 0;
    let mut is_treated = false;
    let (mut name_scratch, mut value_scratch) = (String::new(), String::new());
    while let Some(token) = tokens.pull()? {
        let name = match token {
            Token::ObjectStart | Token::ArrayStart => {
                level += 1;
                out.open(if token == Token::ObjectStart { '{' } else { '[' });
                continue;
            }
            Token::ObjectEnd | Token::ArrayEnd => {
                level -= 1;
                out.close(if token == Token::ObjectEnd { '}' } else { ']' });
                continue;
            }
            Token::Key(name) => name,
            Token::String(text) => {
                out.string(text.text());
                continue;
            }
            Token::Number(number) => {
                out.scalar(number.text());
                continue;
            }
            Token::Bool(value) => {
                out.scalar(if value { "true" } else { "false" });
                continue;
            }
            Token::Null => {
                out.scalar("null");
                continue;
            }
        };
        let is_looked_at = depth == Depth::Any || level == 1;
        let found = if is_looked_at { treatment(name.decode(&mut name_scratch).text) } else { None };
        let Some(found) = found else {
            out.key(name.text());
            continue;
        };
        is_treated = true;
        if found == Treatment::Drop {
            tokens.skip()?;
            continue;
        }
        out.key(name.text());
        match (found, tokens.scalar()?) {
            (_, Some(Token::Null)) => out.scalar("null"),
            (Treatment::Hash, Some(Token::String(text))) => out.string(&hash(text.decode(&mut value_scratch).text)),
            (Treatment::Hash, Some(Token::Number(number))) => out.string(&hash(number.text())),
            (Treatment::Hash, Some(Token::Bool(value))) => out.string(&hash(if value { "true" } else { "false" })),
            (Treatment::Hash, None) => out.string(&hash(tokens.raw()?)),
            (_, None) => {
                tokens.skip()?;
                out.string(MASK);
            }
            (_, Some(_)) => out.string(MASK),
        }
    }
    Ok(is_treated.then_some(out.text))
}

/// Writes compact JSON, with the commas.
struct Writer {
    text: String,
    /// A value or member came before, in the open container.
    follows: bool,
}

impl Writer {
    fn separate(&mut self) {
        if self.follows {
            self.text.push(',');
        }
        self.follows = true;
    }

    fn open(&mut self, bracket: char) {
        self.separate();
        self.text.push(bracket);
        self.follows = false;
    }

    fn close(&mut self, bracket: char) {
        self.text.push(bracket);
        self.follows = true;
    }

    fn key(&mut self, raw: &str) {
        self.string(raw);
        self.text.push(':');
        self.follows = false;
    }

    fn string(&mut self, raw: &str) {
        self.separate();
        self.text.extend(["\"", raw, "\""]);
    }

    fn scalar(&mut self, raw: &str) {
        self.separate();
        self.text.push_str(raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at_hand::AtHand;

    #[test]
    fn members_are_treated_wherever_they_are_looked_for() {
        let treatment = |name: &str| match name {
            "drop" => Some(Treatment::Drop),
            "hash" => Some(Treatment::Hash),
            "mask" => Some(Treatment::Mask),
            _ => None,
        };
        let hash = |text: &str| format!("#{}", text.len());
        for (raw, own, any) in [
            (r#"{ "a": 1 }"#, None, None),
            ("[1, 2]", None, None),
            ("7", None, None),
            (r#"{"drop":1}"#, Some("{}"), Some("{}")),
            (
                r#"{ "a": [1, {"b": null}], "drop": {"x": 1}, "c": "\u0041" }"#,
                Some(r#"{"a":[1,{"b":null}],"c":"\u0041"}"#),
                Some(r#"{"a":[1,{"b":null}],"c":"\u0041"}"#),
            ),
            (
                r#"{"hash":"abc","mask":[1],"b":true}"#,
                Some(r##"{"hash":"#3","mask":"***","b":true}"##),
                Some(r##"{"hash":"#3","mask":"***","b":true}"##),
            ),
            (
                r#"{"hash":{"a":1},"mask":"x"}"#,
                Some(r##"{"hash":"#7","mask":"***"}"##),
                Some(r##"{"hash":"#7","mask":"***"}"##),
            ),
            (
                r#"{"hash":null,"mask":null}"#,
                Some(r#"{"hash":null,"mask":null}"#),
                Some(r#"{"hash":null,"mask":null}"#),
            ),
            (r#"{"\u0064rop":1,"a":2}"#, Some(r#"{"a":2}"#), Some(r#"{"a":2}"#)),
            (r#"{"a":{"drop":1,"b":2}}"#, None, Some(r#"{"a":{"b":2}}"#)),
            (r#"[{"drop":1},3,{"mask":-1.50}]"#, None, Some(r#"[{},3,{"mask":"***"}]"#)),
            (
                r#"{"hash":12,"hash":false}"#,
                Some(r##"{"hash":"#2","hash":"#5"}"##),
                Some(r##"{"hash":"#2","hash":"#5"}"##),
            ),
        ] {
            for (depth, expected) in [(Depth::Own, own), (Depth::Any, any)] {
                let found = AtHand::default().read(raw, |tokens| redact(tokens, depth, treatment, hash)).expect(raw);
                assert_eq!(found.as_deref(), expected, "{raw} {depth:?}");
            }
        }
    }
}
