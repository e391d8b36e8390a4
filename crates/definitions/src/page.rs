//! One answer of the API to a listing.

use crate::{
    Attribute, Error, EventType, Section, Segment, Tag,
    read::{Items, list, member, text},
};
use serde_json::Value;

/// A page of a listing: `{"items": […], "next"?: …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page is, as the API wrote it (a URL or a part of one): `next`, or the `next` of `links`.
    pub next: Option<String>,
    /// How many items and versions had no id and are not here.
    pub skipped: usize,
}

impl Page<Section> {
    /// Reads a page of sections.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or has no list of items.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        page(json, Items::sections)
    }
}

impl Page<Attribute> {
    /// Reads a page of the attributes of a section.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or has no list of items.
    pub fn parse(json: &[u8], section_id: &str) -> Result<Self, Error> {
        page(json, |items, list| items.attributes(list, Some(section_id)))
    }
}

impl Page<Tag> {
    /// Reads a page of the tags of a section.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or has no list of items.
    pub fn parse(json: &[u8], section_id: &str) -> Result<Self, Error> {
        page(json, |items, list| items.tags(list, Some(section_id)))
    }
}

impl Page<EventType> {
    /// Reads a page of the event types of a section.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or has no list of items.
    pub fn parse(json: &[u8], section_id: &str) -> Result<Self, Error> {
        page(json, |items, list| items.events(list, Some(section_id)))
    }
}

impl Page<Segment> {
    /// Reads a page of segments.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or has no list of items.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        page(json, Items::segments)
    }
}

fn page<T>(json: &[u8], read: impl FnOnce(&mut Items, &[Value]) -> Vec<T>) -> Result<Page<T>, Error> {
    let answer: Value = serde_json::from_slice(json)?;
    let list = list(&answer).ok_or_else(|| Error::Shape { reason: instead(&answer) })?;
    let mut items = Items::default();
    let read = read(&mut items, list);
    Ok(Page { items: read, next: next(&answer), skipped: items.skipped })
}

/// A link is a text, or an object with the text as its `href`.
fn next(answer: &Value) -> Option<String> {
    let link = |of: &Value| text(of, &["next"]).or_else(|| text(member(of, &["next"])?, &["href", "url"]));
    link(answer).or_else(|| link(member(answer, &["links"])?))
}

fn instead(answer: &Value) -> String {
    match answer {
        Value::Object(members) => {
            let names: Vec<_> = members.keys().map(String::as_str).collect();
            format!(
                "there is no list `items`, but {}",
                if names.is_empty() { "nothing".into() } else { names.join(", ") }
            )
        }
        _ => "it is neither an object nor a list".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_their_links() {
        for (json, items, next) in [
            (r#"{"items": []}"#, 0, None),
            (r#"[{"id": 1}]"#, 1, None),
            (r#"{"items": [{"id": 1}], "next": null}"#, 1, None),
            (r#"{"items": [{"id": 1}], "next": ""}"#, 1, None),
            (r#"{"items": [{"id": 1}], "next": "/p?2"}"#, 1, Some("/p?2")),
            (r#"{"items": [{"id": 1}], "links": {"next": "/p?2", "self": "/p"}}"#, 1, Some("/p?2")),
            (r#"{"items": [{"id": 1}], "_links": {"next": {"href": "/p?2"}}}"#, 1, Some("/p?2")),
        ] {
            let page = Page::<Section>::parse(json.as_bytes()).unwrap();
            assert_eq!((page.items.len(), page.next.as_deref()), (items, next), "{json}");
        }
    }

    #[test]
    fn what_is_no_page() {
        for (json, words) in [
            ("<html>", "it is no JSON"),
            ("{}", "it holds no definitions: there is no list `items`, but nothing"),
            (r#"{"message": "x"}"#, "it holds no definitions: there is no list `items`, but message"),
            ("3", "it holds no definitions: it is neither an object nor a list"),
        ] {
            assert_eq!(Page::<Segment>::parse(json.as_bytes()).unwrap_err().to_string(), words, "{json}");
        }
    }
}
