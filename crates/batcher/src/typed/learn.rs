//! What a sample of an export says of the types of its values.

use super::kind::Kind;
use crate::{
    at_hand,
    error::{Error, Result},
    event::Event,
    facts::{Facts, Unplaced, Value},
};
use apsides_tokenizer::{self as json, Next, Token};
use std::collections::HashMap;

/// Ids of attributes and tags, and types of events, that are learned at most; and members of each
/// type's data. What comes beyond has no column of its own.
pub(crate) const COLUMNS_MAX: usize = 1000;

/// What was seen of the attributes, tags and events of a sample.
#[derive(Debug, Default)]
pub(crate) struct Learner {
    /// By id, in the order in which they first came.
    pub(crate) entries: Ordered,
    /// By type id, the members of the data.
    pub(crate) events: HashMap<String, Ordered>,
    /// The type ids, in the order in which they first came.
    pub(crate) type_ids: Vec<String>,
    /// The export's `metadata`, exact.
    pub(crate) metadata: Option<String>,
}

/// What was seen of each name, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    pub(crate) names: Vec<String>,
    seen: HashMap<String, Seen>,
}

/// The types of values that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    string: bool,
    integer: bool,
    double: bool,
    boolean: bool,
    other: bool,
    null: bool,
}

impl Ordered {
    fn see(&mut self, name: &str, update: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.seen.get_mut(name) {
            return update(seen);
        }
        if self.names.len() < COLUMNS_MAX {
            self.names.push(name.to_owned());
            update(self.seen.entry(name.to_owned()).or_default());
        }
    }

    /// The kind of column that fits all values that were seen; none if there were only nulls.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.seen.get(name).and_then(|seen| seen.kind())
    }

    /// Whether the name was seen, and never with a value.
    pub(crate) fn is_only_null(&self, name: &str) -> bool {
        self.seen.get(name).is_some_and(|seen| seen.kind().is_none())
    }
}

impl Seen {
    fn note(&mut self, value: Value<'_>) {
        match value {
            Value::String { .. } => self.string = true,
            Value::Integer { .. } => self.integer = true,
            Value::Double { .. } => self.double = true,
            Value::Boolean(_) => self.boolean = true,
            Value::Object(_) | Value::Array(_) => self.other = true,
            Value::Null => self.null = true,
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Self { other: true, .. } => Some(Kind::Json),
            Self { string: true, integer: false, double: false, boolean: false, .. } => Some(Kind::Text),
            Self { string: false, boolean: false, double: true, .. } => Some(Kind::Double),
            Self { string: false, boolean: false, integer: true, .. } => Some(Kind::Integer),
            Self { string: false, integer: false, double: false, boolean: true, .. } => Some(Kind::Boolean),
            Self { string: false, boolean: false, integer: false, double: false, .. } => None,
            _ => Some(Kind::Json),
        }
    }
}

impl Facts for Learner {
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        self.entries.see(id, |seen| seen.note(value));
        Ok(())
    }

    fn tag(&mut self, id: &str) -> Result<()> {
        self.entries.see(id, |seen| seen.null = true);
        Ok(())
    }

    fn event(&mut self, _: i64, event: &Event, _: bool) -> Result<()> {
        let Some(type_id) = event.type_id.get() else { return Ok(()) };
        if !self.events.contains_key(type_id) {
            if self.type_ids.len() == COLUMNS_MAX {
                return Ok(());
            }
            self.type_ids.push(type_id.to_owned());
        }
        let members = self.events.entry(type_id.to_owned()).or_default();
        let Some(data) = event.data.get() else { return Ok(()) };
        see_members(members, data).map_err(|error| Error::json(error, "the data of events".to_owned()))?;
        Ok(())
    }

    fn unmapped(&mut self, found: Unplaced<'_>) -> Result<()> {
        if found.export_key.is_none() && found.pointer == "/metadata" {
            self.metadata = Some(found.value.to_owned());
        }
        Ok(())
    }
}

/// Reads the members of an event's data as the export itself is read: what other parsers refuse, such
/// as `1e400` or half of a surrogate pair, hides no member.
fn see_members(members: &mut Ordered, data: &str) -> json::Result<()> {
    let mut tokens = at_hand::tokens(data);
    if !matches!(tokens.peek()?, Next::Object) {
        return Ok(());
    }
    tokens.pull()?;
    let (mut name_scratch, mut scratch) = (String::new(), String::new());
    while let Some(Token::Key(name)) = tokens.pull()? {
        let name = name.decode(&mut name_scratch).text.to_owned();
        let value = match tokens.peek()? {
            Next::Object => Value::Object(tokens.raw()?),
            Next::Array => Value::Array(tokens.raw()?),
            _ => tokens.pull()?.map_or(Value::Null, |token| Value::of_scalar(token, &mut scratch)),
        };
        members.see(&name, |seen| seen.note(value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_fits_all_that_was_seen() {
        for (values, expected) in [
            (&["1", "2"][..], Some(Kind::Integer)),
            (&["1", "2.5", "null"], Some(Kind::Double)),
            (&["18446744073709551615"], Some(Kind::Double)),
            (&[r#""a""#, "null"], Some(Kind::Text)),
            (&["true"], Some(Kind::Boolean)),
            (&["true", "1"], Some(Kind::Json)),
            (&[r#""a""#, "1"], Some(Kind::Json)),
            (&[r#""a""#, "{}"], Some(Kind::Json)),
            (&["[]"], Some(Kind::Json)),
            (&["null"], None),
            (&["1e400"], Some(Kind::Double)),
            (&[r#""\ud800""#], Some(Kind::Text)),
        ] {
            let mut learner = Learner::default();
            for value in values {
                let mut event = Event::default();
                event.type_id.set(Some("9"));
                event.data.set(Some(&format!(r#"{{"m": {value}, "other": 1}}"#)));
                learner.event(0, &event, false).expect("nothing fails");
            }
            assert_eq!(learner.events["9"].kind("m"), expected, "{values:?}");
            assert_eq!(learner.events["9"].is_only_null("m"), expected.is_none(), "{values:?}");
            assert_eq!(learner.events["9"].kind("other"), Some(Kind::Integer), "{values:?}");
        }
    }
}
