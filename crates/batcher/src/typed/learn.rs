//! What a sample of an export says of the types of its values.

use super::shape::{DEPTH_MAX, Shape};
use crate::{
    at_hand::AtHand,
    error::{Error, Result},
    event::Event,
    facts::{Facts, Unplaced, Value},
};
use apsides_tokenizer::{self as json, Next, Token, Tokens};
use foldhash::{HashMap, HashMapExt};

/// Ids of attributes and tags, and types of events, that are learned at most; and members of each
/// type's data. What comes beyond has no column of its own.
pub(crate) const COLUMNS_MAX: usize = 1000;

/// Members of objects in the data of events that are learned at most, of all types together. What has
/// more is JSON text.
const INNER_MAX: usize = 20_000;

/// Members of one object in the data of events that are learned at most. Names without end are keys.
pub(super) const INNER_OF_ONE_MAX: usize = 64;

/// What was seen of the attributes, tags and events of a sample.
#[derive(Debug)]
pub(crate) struct Learner {
    /// Whether the data of events is looked at.
    wants_events: bool,
    /// By id, in the order in which they first came.
    pub(crate) entries: Ordered,
    /// By type id, the members of the data.
    pub(crate) events: HashMap<String, Ordered>,
    /// The type ids, in the order in which they first came.
    pub(crate) type_ids: Vec<String>,
    /// The export's `metadata`, exact.
    pub(crate) metadata: Option<String>,
    /// Members of objects in data that may yet be learned.
    inner_left: usize,
    at_hand: AtHand,
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            wants_events: true,
            entries: Ordered::default(),
            events: HashMap::new(),
            type_ids: Vec::new(),
            metadata: None,
            inner_left: INNER_MAX,
            at_hand: AtHand::default(),
        }
    }
}

impl Learner {
    /// One that learns of events only if that is wanted.
    pub(crate) fn with_events(wants_events: bool) -> Self {
        Self { wants_events, ..Self::default() }
    }
}

/// What was seen of each name, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    pub(crate) names: Vec<String>,
    /// By the place of its name.
    seen: Vec<Seen>,
    places: HashMap<String, usize>,
    /// There are more.
    pub(super) has_more: bool,
}

/// The types of values that were seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) string: bool,
    pub(super) integer: bool,
    pub(super) double: bool,
    pub(super) boolean: bool,
    /// Objects or arrays of which nothing more is learned.
    pub(super) other: bool,
    /// Values, nulls among them.
    pub(super) times: u32,
    pub(super) objects: u32,
    pub(super) arrays: u32,
    /// The members of the objects.
    pub(super) members: Ordered,
    /// The elements of the arrays.
    pub(super) element: Option<Box<Seen>>,
}

impl Ordered {
    fn see(&mut self, name: &str) -> Option<&mut Seen> {
        if let Some(&place) = self.places.get(name) {
            return self.seen.get_mut(place);
        }
        if self.names.len() == COLUMNS_MAX {
            return None;
        }
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.seen.push(Seen::default());
        self.seen.last_mut()
    }

    /// A member of an object in the data of events.
    fn see_inner(&mut self, name: &str, inner_left: &mut usize) -> Option<&mut Seen> {
        if !self.places.contains_key(name) {
            if self.names.len() == INNER_OF_ONE_MAX || *inner_left == 0 {
                self.has_more = true;
                return None;
            }
            *inner_left -= 1;
        }
        self.see(name)
    }

    /// What was seen of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.names.iter().map(String::as_str).zip(&self.seen)
    }

    fn get(&self, name: &str) -> Option<&Seen> {
        self.seen.get(*self.places.get(name)?)
    }

    /// The shape that fits all values that were seen; none if there were only nulls.
    pub(crate) fn shape(&self, name: &str) -> Option<Shape> {
        self.get(name).and_then(Shape::of_seen)
    }

    /// Whether the name was seen, and never with a value.
    pub(crate) fn is_only_null(&self, name: &str) -> bool {
        self.get(name).is_some_and(|seen| Shape::of_seen(seen).is_none())
    }
}

impl Seen {
    fn note(&mut self, value: Value<'_>) {
        self.times = self.times.saturating_add(1);
        match value {
            Value::String { .. } => self.string = true,
            Value::Integer { .. } => self.integer = true,
            Value::Double { .. } => self.double = true,
            Value::Boolean(_) => self.boolean = true,
            Value::Object(_) | Value::Array(_) => self.other = true,
            Value::Null => {}
        }
    }
}

impl Facts for Learner {
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        if let Some(seen) = self.entries.see(id) {
            seen.note(value);
        }
        Ok(())
    }

    fn tag(&mut self, id: &str) -> Result<()> {
        self.attribute(id, Value::Null)
    }

    fn event(&mut self, _: i64, event: &Event, _: bool) -> Result<()> {
        let Some(type_id) = event.type_id.get() else { return Ok(()) };
        if !self.events.contains_key(type_id) {
            if self.type_ids.len() == COLUMNS_MAX {
                return Ok(());
            }
            self.type_ids.push(type_id.to_owned());
            self.events.insert(type_id.to_owned(), Ordered::default());
        }
        let (Some(members), Some(data)) = (self.events.get_mut(type_id), event.data.get()) else { return Ok(()) };
        let mut reading = Reading { inner_left: &mut self.inner_left, scratch: String::new() };
        let read = self.at_hand.read(data, |tokens| reading.data(members, tokens));
        read.map_err(|error| Error::json(error, "the data of events".to_owned()))
    }

    fn wants_events(&self) -> bool {
        self.wants_events
    }

    fn unmapped(&mut self, found: Unplaced<'_>) -> Result<()> {
        if found.export_key.is_none() && found.pointer == "/metadata" {
            self.metadata = Some(found.value.to_owned());
        }
        Ok(())
    }
}

/// Reads an event's data as the export itself is read: what other parsers refuse, such as `1e400` or
/// half of a surrogate pair, hides no member.
struct Reading<'l> {
    inner_left: &'l mut usize,
    scratch: String,
}

impl Reading<'_> {
    fn data(&mut self, members: &mut Ordered, tokens: &mut Tokens<&[u8]>) -> json::Result<()> {
        if !tokens.enter_object()? {
            return Ok(());
        }
        while let Some(Token::Key(name)) = tokens.pull()? {
            let member = members.see(name.decode(&mut self.scratch).text);
            self.value(tokens, member, DEPTH_MAX)?;
        }
        Ok(())
    }

    /// `depth_left` structs and lists may hold what is learned of the value.
    fn value(&mut self, tokens: &mut Tokens<&[u8]>, seen: Option<&mut Seen>, depth_left: u32) -> json::Result<()> {
        let Some(seen) = seen else { return tokens.skip() };
        let next = tokens.peek()?;
        if !matches!(next, Next::Object | Next::Array) {
            let value = tokens.pull()?.map_or(Value::Null, |token| Value::of_scalar(token, &mut self.scratch));
            seen.note(value);
            return Ok(());
        }
        seen.times = seen.times.saturating_add(1);
        if depth_left == 0 {
            seen.other = true;
            return tokens.skip();
        }
        tokens.pull()?;
        if next == Next::Array {
            seen.arrays = seen.arrays.saturating_add(1);
            while tokens.peek()? != Next::End {
                self.value(tokens, Some(seen.element.get_or_insert_default()), depth_left - 1)?;
            }
            tokens.pull()?;
            return Ok(());
        }
        seen.objects = seen.objects.saturating_add(1);
        while let Some(Token::Key(name)) = tokens.pull()? {
            let member = seen.members.see_inner(name.decode(&mut self.scratch).text, self.inner_left);
            self.value(tokens, member, depth_left - 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{kind::Kind, shape::VALUES_MIN},
        *,
    };

    /// What is learned of the member `m` of events with these values of it.
    #[track_caller]
    fn learned<S: AsRef<str>>(values: &[S]) -> Option<Shape> {
        let mut learner = Learner::default();
        for value in values {
            let mut event = Event::default();
            event.type_id.set(Some("9"));
            event.data.set(Some(&format!(r#"{{"m": {}, "other": 1}}"#, value.as_ref())));
            learner.event(0, &event, false).expect("nothing fails");
        }
        assert_eq!(learner.events["9"].shape("other"), Some(Shape::of(Kind::Integer)));
        let shape = learner.events["9"].shape("m");
        assert_eq!(learner.events["9"].is_only_null("m"), shape.is_none());
        shape
    }

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
            (&["{}", "[]"], Some(Kind::Json)),
            (&["[[]]"], Some(Kind::Json)),
            (&[r#"[1, "a"]"#], Some(Kind::Json)),
            (&["null"], None),
            (&["1e400"], Some(Kind::Double)),
            (&[r#""\ud800""#], Some(Kind::Text)),
        ] {
            assert_eq!(learned(values), expected.map(Shape::of), "{values:?}");
        }
    }

    #[test]
    fn a_shape_is_learned_where_it_is_stable() {
        let repeat = |value: &str, times: u32| vec![value.to_owned(); times as usize];
        for (values, expected) in [
            (repeat(r#"{"a": 1, "b": "x"}"#, VALUES_MIN), "struct<a: integer, b: text>"),
            (repeat(r#"{"a": 1}"#, VALUES_MIN - 1), "struct<a: integer>?"),
            (repeat("[1, 2.5, null]", VALUES_MIN), "list<double>"),
            (repeat("[1]", VALUES_MIN - 1), "list<integer>?"),
            (repeat("[]", 100), "list<>?"),
            (repeat("[null]", 100), "list<>?"),
            (repeat("{}", 100), "struct<>?"),
            (repeat(r#"{"a": null}"#, 100), "struct<>?"),
            (repeat(r#"[{"a": {"b": true}}, {}]"#, VALUES_MIN), "list<struct<a: struct<b: boolean>>>"),
            (repeat(r#"{"a": [[1]], "b": 1}"#, VALUES_MIN), "struct<a: json, b: integer>"),
            (repeat(r#"{"a": [{"b": 1}, 2], "b": 1}"#, VALUES_MIN), "struct<a: json, b: integer>"),
            // What has come seldom may be chance, also within a shape that is known.
            (
                [repeat(r#"{"a": 1}"#, VALUES_MIN), repeat(r#"{"a": 1, "c": [2]}"#, 1)].concat(),
                "struct<a: integer, c: list<integer>?>",
            ),
            // Keys, not members: each in one of many, or without end.
            ((0..30).map(|id| format!(r#"{{"{id}": 1}}"#)).collect(), "struct<>?"),
            (
                repeat(
                    &format!("{{{}}}", (0..65).map(|id| format!(r#""{id}": 1"#)).collect::<Vec<_>>().join(",")),
                    100,
                ),
                "struct<>?",
            ),
            (
                repeat(&format!("{}1{}", r#"{"a":"#.repeat(9), "}".repeat(9)), VALUES_MIN),
                &format!("{}json{}", "struct<a: ".repeat(8), ">".repeat(8)),
            ),
        ] {
            assert_eq!(learned(&values).expect("values").to_string(), expected, "{}", values[0]);
        }
    }
}
