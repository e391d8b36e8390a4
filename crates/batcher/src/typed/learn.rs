//! What a sample of an export says of the types of its values.

use super::kind::Kind;
use crate::{
    error::Result,
    event::Event,
    facts::{Facts, ProfileCounts, Reason, Value},
};
use serde_json::Value as Json;
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
    fn begin_profile(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn begin_section(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn begin_attributes(&mut self) -> Result<()> {
        Ok(())
    }

    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        self.entries.see(id, |seen| match value {
            Value::String { .. } => seen.string = true,
            Value::Integer { .. } => seen.integer = true,
            Value::Double { .. } => seen.double = true,
            Value::Boolean(_) => seen.boolean = true,
            Value::Object(_) | Value::Array(_) => seen.other = true,
            Value::Null => seen.null = true,
        });
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
        let data = event.data.get().and_then(|data| serde_json::from_str(data).ok());
        let Some(Json::Object(data)) = data else { return Ok(()) };
        for (name, value) in data {
            members.see(&name, |seen| match value {
                Json::String(_) => seen.string = true,
                Json::Number(number) if number.is_i64() => seen.integer = true,
                Json::Number(_) => seen.double = true,
                Json::Bool(_) => seen.boolean = true,
                Json::Object(_) | Json::Array(_) => seen.other = true,
                Json::Null => seen.null = true,
            });
        }
        Ok(())
    }

    fn end_section(&mut self) -> Result<()> {
        Ok(())
    }

    fn end_profile(&mut self, _: &str, _: ProfileCounts) -> Result<()> {
        Ok(())
    }

    fn unmapped(
        &mut self,
        export_key: Option<&str>,
        _: Option<&str>,
        pointer: &str,
        _: Reason,
        value: &str,
    ) -> Result<()> {
        if export_key.is_none() && pointer == "/metadata" {
            self.metadata = Some(value.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_fits_all_that_was_seen() {
        for (values, expected) in [
            (r#"[1, 2]"#, Some(Kind::Integer)),
            (r#"[1, 2.5, null]"#, Some(Kind::Double)),
            (r#"[18446744073709551615]"#, Some(Kind::Double)),
            (r#"["a", null]"#, Some(Kind::Text)),
            (r#"[true]"#, Some(Kind::Boolean)),
            (r#"[true, 1]"#, Some(Kind::Json)),
            (r#"["a", 1]"#, Some(Kind::Json)),
            (r#"["a", {}]"#, Some(Kind::Json)),
            (r#"[[]]"#, Some(Kind::Json)),
            (r#"[null]"#, None),
        ] {
            let mut learner = Learner::default();
            let parsed: Vec<Json> = serde_json::from_str(values).expect(values);
            for value in parsed {
                let mut event = Event::default();
                event.type_id.set(Some("9"));
                event.data.set(Some(&serde_json::json!({ "m": value }).to_string()));
                learner.event(0, &event, false).expect("nothing fails");
            }
            assert_eq!(learner.events["9"].kind("m"), expected, "{values}");
            assert_eq!(learner.events["9"].is_only_null("m"), expected.is_none(), "{values}");
        }
    }
}
