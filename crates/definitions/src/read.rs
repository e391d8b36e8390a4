//! Items of a listing, from any JSON that looks like one.
//!
//! The names of members are compared without case, `_` and `-`; of several that fit, the first of our list counts.

use crate::model::{
    Attribute, AttributeVersion, EventType, EventVersion, Field, Section, Segment, Tag, TagVersion, ValueType,
};
use serde_json::{Map, Value};

const TYPE: &[&str] = &["typename", "type", "datatype", "valuetype", "attributetype", "fieldtype"];
const MEMBERS: &[&str] = &["fields", "properties", "members"];
const ITEMS: &[&str] = &["items", "elements", "element"];
const FIELDS: &[&str] = &["fields", "properties", "schema", "data", "parameters", "attributes"];

/// Reads items, and counts what cannot be used.
#[derive(Default)]
pub(crate) struct Items {
    /// Items, versions and fields without any id or name.
    pub(crate) skipped: usize,
}

/// What an item says of itself, whatever it is.
struct Itself {
    section_id: String,
    discriminator: String,
    name: String,
}

impl Items {
    pub(crate) fn sections(&mut self, items: &[Value]) -> Vec<Section> {
        self.each(items, |_, item| {
            let itself = Itself::of(item, None)?;
            let id = text(item, &["id", "sectionid"]).or_else(|| filled(&itself.discriminator))?;
            Some(Section { id, discriminator: itself.discriminator, name: itself.name })
        })
    }

    pub(crate) fn segments(&mut self, items: &[Value]) -> Vec<Segment> {
        self.each(items, |_, item| {
            let itself = Itself::of(item, None)?;
            let discriminator = filled(&itself.discriminator).or_else(|| text(item, &["id", "segmentid"]))?;
            Some(Segment { discriminator, name: itself.name })
        })
    }

    /// `section` is the section they were listed in, if that is known from elsewhere.
    pub(crate) fn attributes(&mut self, items: &[Value], section: Option<&str>) -> Vec<Attribute> {
        self.each(items, |this, item| {
            let Itself { section_id, discriminator, name } = Itself::of(item, section)?;
            let versions = this.versions(item, |_, version, id, deprecated_at| {
                let (type_name, value_type) = value_type(version, item);
                AttributeVersion { id, value_type, type_name, deprecated_at }
            })?;
            Some(Attribute { section_id, discriminator, name, versions })
        })
    }

    pub(crate) fn tags(&mut self, items: &[Value], section: Option<&str>) -> Vec<Tag> {
        self.each(items, |this, item| {
            let Itself { section_id, discriminator, name } = Itself::of(item, section)?;
            let versions = this.versions(item, |_, _, id, deprecated_at| TagVersion { id, deprecated_at })?;
            Some(Tag { section_id, discriminator, name, versions })
        })
    }

    pub(crate) fn events(&mut self, items: &[Value], section: Option<&str>) -> Vec<EventType> {
        self.each(items, |this, item| {
            let Itself { section_id, discriminator, name } = Itself::of(item, section)?;
            let versions = this.versions(item, |this, version, id, deprecated_at| {
                let fields = member(version, FIELDS).or_else(|| member(item, FIELDS));
                EventVersion { id, deprecated_at, fields: fields.map(|fields| this.fields(fields)).unwrap_or_default() }
            })?;
            Some(EventType { section_id, discriminator, name, versions })
        })
    }

    fn each<T>(&mut self, items: &[Value], mut read: impl FnMut(&mut Self, &Value) -> Option<T>) -> Vec<T> {
        let mut read_all = Vec::with_capacity(items.len());
        for item in items {
            match read(self, item) {
                Some(item) => read_all.push(item),
                None => self.skipped += 1,
            }
        }
        read_all
    }

    /// The versions of an item, which is its own and only version where it has no list of them. None if no version has
    /// an id.
    fn versions<T>(
        &mut self,
        item: &Value,
        mut read: impl FnMut(&mut Self, &Value, String, Option<String>) -> T,
    ) -> Option<Vec<T>> {
        let itself = std::slice::from_ref(item);
        let listed = member(item, &["versions"]).and_then(Value::as_array);
        let versions = listed.map_or(itself, Vec::as_slice);
        let mut read_all = Vec::with_capacity(versions.len());
        let mut nameless = 0;
        for version in versions {
            match text(version, &["id", "versionid"]) {
                Some(id) => {
                    let deprecated_at = text(version, &["deprecatedat"]);
                    read_all.push(read(self, version, id, deprecated_at));
                }
                None => nameless += 1,
            }
        }
        if read_all.is_empty() {
            return None;
        }
        self.skipped += nameless;
        Some(read_all)
    }

    /// Fields as a list of objects or of names, as an object by name, or as the `properties` of a JSON Schema.
    fn fields(&mut self, fields: &Value) -> Vec<Field> {
        match fields {
            Value::Array(fields) => self.each(fields, |this, field| match field {
                Value::String(name) => Some(Field { name: filled(name)?, ..Field::default() }),
                field => Some(this.field(text(field, &["name", "discriminator", "key", "field", "id"])?, field)),
            }),
            Value::Object(members) => match members.get("properties") {
                Some(properties @ Value::Object(_)) => self.fields(properties),
                _ => members.iter().map(|(name, field)| self.field(name.clone(), field)).collect(),
            },
            _ => Vec::new(),
        }
    }

    /// A field of this name, whose type is the value itself or a member of it. What has items is an array, also of
    /// objects whose members stand beside the type.
    fn field(&mut self, name: String, field: &Value) -> Field {
        if let Value::String(type_name) = field {
            let value_type = ValueType::parse(type_name);
            return Field { name, value_type, type_name: filled(type_name), ..Field::default() };
        }
        let (type_name, value_type) = value_type(field, &Value::Null);
        let fields = member(field, MEMBERS).map(|fields| self.fields(fields)).unwrap_or_default();
        let items = member(field, ITEMS).map(|items| Box::new(self.field(String::new(), items)));
        let is_array =
            type_name.as_deref().is_some_and(|name| matches!(name.to_ascii_lowercase().as_str(), "array" | "list"));
        match items {
            None if is_array && !fields.is_empty() => {
                let object = Field {
                    value_type: Some(ValueType::Json),
                    type_name: Some("object".to_owned()),
                    ..Field::default()
                };
                let items = Some(Box::new(Field { fields, ..object }));
                Field { name, value_type, type_name, fields: Vec::new(), items }
            }
            items => Field { name, value_type, type_name, fields, items },
        }
    }
}

impl Itself {
    /// None if it is no object.
    fn of(item: &Value, section: Option<&str>) -> Option<Itself> {
        item.as_object()?;
        let section_id = section.map(str::to_owned).or_else(|| text(item, &["sectionid"]));
        Some(Itself {
            section_id: section_id.unwrap_or_default(),
            discriminator: text(item, &["discriminator"]).unwrap_or_default(),
            name: text(item, &["name", "displayname", "title", "label"]).unwrap_or_default(),
        })
    }
}

/// The type that a version has, or else its item: as written, and as understood.
fn value_type(version: &Value, item: &Value) -> (Option<String>, Option<ValueType>) {
    let written = text(version, TYPE).or_else(|| text(item, TYPE));
    let understood = written.as_deref().and_then(ValueType::parse);
    (written, understood)
}

/// The list in a member that is a listing itself, or a bare array.
pub(crate) fn list(value: &Value) -> Option<&[Value]> {
    let items = if value.is_array() { Some(value) } else { member(value, &["items"]) };
    items.and_then(Value::as_array).map(Vec::as_slice)
}

/// The member under the first of these names (lower case, without `_`) that is there and not null.
pub(crate) fn member<'v>(value: &'v Value, names: &[&str]) -> Option<&'v Value> {
    let members: &Map<String, Value> = value.as_object()?;
    let is = |written: &str, name: &str| {
        let plain = written.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase());
        plain.eq(name.chars())
    };
    let find = |name: &&str| members.iter().find(|(written, value)| is(written, name) && !value.is_null());
    names.iter().find_map(find).map(|(_, value)| value)
}

/// The text under the first of these names, where a number is its digits; none if it is empty.
pub(crate) fn text(value: &Value, names: &[&str]) -> Option<String> {
    match member(value, names)? {
        Value::String(text) => filled(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attribute(item: Value) -> Option<(String, Option<ValueType>)> {
        let attributes = Items::default().attributes(&[item], None);
        let version = attributes.first()?.versions.first()?;
        Some((version.id.clone(), version.value_type))
    }

    #[test]
    fn attributes_in_every_spelling() {
        use ValueType::*;
        for (item, expected) in [
            (json!({"versions": [{"id": 7}], "type": "text"}), Some(("7", Some(Text)))),
            (json!({"versions": [{"id": "7", "dataType": "bool"}], "type": "text"}), Some(("7", Some(Boolean)))),
            (json!({"versions": [{"version_id": "7", "data_type": "number"}]}), Some(("7", Some(Integer)))),
            (json!({"versions": [{"id": "7", "value_type": "date"}]}), Some(("7", Some(Date)))),
            (json!({"versions": [{"id": "7"}], "attribute_type": "Timestamp"}), Some(("7", Some(Timestamp)))),
            (json!({"id": 7, "type": "decimal"}), Some(("7", Some(Double)))),
            (json!({"id": 7, "type": "colour"}), Some(("7", None))),
            (json!({"id": 7, "type": 3}), Some(("7", None))),
            (json!({"id": 7, "versions": null}), Some(("7", None))),
            (json!({"versions": [{}, {"id": "8"}]}), Some(("8", None))),
            (json!({"versions": []}), None),
            (json!({"versions": [{"id": null}]}), None),
            (json!({"versions": [{"id": ""}]}), None),
            (json!({"versions": [{"id": {}}]}), None),
            (json!({"discriminator": "x", "name": "X"}), None),
            (json!("7"), None),
        ] {
            let expected = expected.map(|(id, kind)| (id.to_owned(), kind));
            assert_eq!(attribute(item.clone()), expected, "{item}");
        }
    }

    #[test]
    fn fields_in_every_spelling() {
        let expected = [("a", Some("text"), Some(ValueType::Text)), ("b", Some("number"), Some(ValueType::Integer))];
        let names = [("a", None, None), ("b", None, None)];
        for (event, expected) in [
            (json!({"id": 1, "fields": [{"name": "a", "type": "text"}, {"key": "b", "dataType": "number"}]}), expected),
            (json!({"id": 1, "data": {"a": "text", "b": {"type": "number"}}}), expected),
            (json!({"versions": [{"id": 1}], "schema": {"properties": {"a": "text", "b": "number"}}}), expected),
            (json!({"versions": [{"id": 1, "properties": {"a": "text", "b": "number"}}], "fields": []}), expected),
            (json!({"id": 1, "fields": ["a", "b", ""]}), names),
        ] {
            let events = Items::default().events(std::slice::from_ref(&event), None);
            let fields: Vec<_> = events[0].versions[0]
                .fields
                .iter()
                .map(|field| (field.name.as_str(), field.type_name.as_deref(), field.value_type))
                .collect();
            assert_eq!(fields, expected, "{event}");
        }
    }

    #[test]
    fn fields_with_what_is_in_them() {
        fn shown(fields: &[Field]) -> String {
            let one = |field: &Field| {
                let of = field.value_type.map_or("?", ValueType::name);
                let items = field
                    .items
                    .as_deref()
                    .map_or(String::new(), |items| format!("[{}]", shown(std::slice::from_ref(items))));
                let fields =
                    if field.fields.is_empty() { String::new() } else { format!("({})", shown(&field.fields)) };
                format!("{} {of}{items}{fields}", field.name)
            };
            fields.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        for (fields, expected) in [
            (json!([{"name": "a", "type": "object", "fields": [{"name": "b", "type": "text"}]}]), "a json(b text)"),
            (json!({"a": {"type": "object", "properties": {"b": {"type": "number"}}}}), "a json(b integer)"),
            (json!({"a": {"type": "array", "items": "text"}}), "a json[ text]"),
            (json!({"a": {"type": "array", "items": {"properties": {"b": "date"}}}}), "a json[ ?(b date)]"),
            (
                json!([{"name": "a", "type": "List", "fields": [{"name": "b", "type": "text"}]}]),
                "a json[ json(b text)]",
            ),
            (json!([{"name": "a", "type": "array"}]), "a json"),
        ] {
            let event = json!({"id": 1, "fields": fields});
            let events = Items::default().events(std::slice::from_ref(&event), None);
            assert_eq!(shown(&events[0].versions[0].fields), expected, "{event}");
            // A file of definitions has them as they were read.
            let written = serde_json::to_value(&events[0]).unwrap();
            assert_eq!(Items::default().events(&[written], None)[0].versions[0].fields, events[0].versions[0].fields);
        }
    }

    #[test]
    fn what_has_no_id_is_counted() {
        let mut items = Items::default();
        let read = items.tags(&[json!({"name": "x"}), json!(null), json!({"versions": [{}, {"id": 1}]})], Some("s"));
        assert_eq!((read.len(), items.skipped), (1, 3));
        assert_eq!(read[0].section_id, "s");
        // A discriminator is an id, where there is no other.
        let sections = Items::default().sections(&[json!({"discriminator": "d"}), json!({"id": 5, "name": "n"})]);
        assert_eq!(sections.iter().map(|section| section.id.as_str()).collect::<Vec<_>>(), ["d", "5"]);
    }
}
