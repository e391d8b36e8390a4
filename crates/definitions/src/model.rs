//! The model: what there is in an account, as plain data.

use serde::Serialize;

/// The definitions of an account.
///
/// The API lists attributes, tags and event types per section. What exists in several sections (the standard attributes)
/// is here once for each of them, with the same discriminator and the same version ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Definitions {
    /// The sections.
    pub sections: Vec<Section>,
    /// The attributes, by section.
    pub attributes: Vec<Attribute>,
    /// The tags, by section.
    pub tags: Vec<Tag>,
    /// The event types, by section.
    pub events: Vec<EventType>,
    /// The segments.
    pub segments: Vec<Segment>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The id that the export uses; the discriminator, if the API gave no id.
    pub id: String,
    /// The stable name, part of the API's paths; empty if the API gave none.
    pub discriminator: String,
    /// The display name; empty if the API gave none.
    pub name: String,
}

/// An attribute, a tag or a type of events, as one section has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed<V> {
    /// The section; empty if it is not known.
    pub section_id: String,
    /// The stable name.
    pub discriminator: String,
    /// The display name.
    pub name: String,
    /// Every version, in the API's order; at least one.
    pub versions: Vec<V>,
}

/// An attribute, as one section has it.
pub type Attribute = Listed<AttributeVersion>;
/// A tag, as one section has it.
pub type Tag = Listed<TagVersion>;
/// A type of events, as one section has it.
pub type EventType = Listed<EventVersion>;

/// A version of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeVersion {
    /// The id that the export uses as attribute id.
    pub id: String,
    /// The type of its values; none where the API's word for it is not known here, or there is none.
    pub value_type: Option<ValueType>,
    /// The type, as the API wrote it.
    pub type_name: Option<String>,
    /// Since when it is no longer in use, as the API wrote it; none for the live version.
    pub deprecated_at: Option<String>,
}

/// A version of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagVersion {
    /// The id that the export uses as tag id.
    pub id: String,
    /// Since when it is no longer in use, as the API wrote it; none for the live version.
    pub deprecated_at: Option<String>,
}

/// A version of a type of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventVersion {
    /// The id that the export uses as `typeId`.
    pub id: String,
    /// Since when it is no longer in use, as the API wrote it; none for the live version.
    pub deprecated_at: Option<String>,
    /// What its `data` holds; empty if the API does not say.
    pub fields: Vec<Field>,
}

/// A member of an event's `data`, or of an object in it; or what the elements of an array are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The member's name; empty for elements.
    pub name: String,
    /// The type of its values; none where the API's word for it is not known here, or there is none.
    pub value_type: Option<ValueType>,
    /// The type, as the API wrote it.
    pub type_name: Option<String>,
    /// The members of its values, which are objects; empty if the API does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The elements of its values, which are arrays; none if the API does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Field>>,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The stable name, which an export request uses.
    pub discriminator: String,
    /// The display name.
    pub name: String,
}

/// The type of values, as far as the product tells types apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// An instant: seconds or milliseconds since the Unix epoch, or ISO 8601.
    Timestamp,
    /// A whole number.
    Integer,
    /// A number with decimals.
    Double,
    /// Any JSON: an object or array.
    Json,
}

impl ValueType {
    /// The type that a name stands for, in any case and punctuation; none if it is not known.
    pub fn parse(name: &str) -> Option<ValueType> {
        let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match plain.as_str() {
            "text" | "string" | "str" | "varchar" => ValueType::Text,
            "boolean" | "bool" | "truefalse" => ValueType::Boolean,
            "date" => ValueType::Date,
            "timestamp" | "datetime" | "unixtimestamp" | "instant" => ValueType::Timestamp,
            "integer" | "int" | "int32" | "int64" | "long" | "bigint" | "number" | "wholenumber" => ValueType::Integer,
            "double" | "float" | "decimal" | "real" | "numberwithdecimals" | "decimalnumber" => ValueType::Double,
            "json" | "object" | "array" | "list" | "map" => ValueType::Json,
            _ => return None,
        })
    }

    /// Our own name for it: `text`, `boolean`, `date`, `timestamp`, `integer`, `double`, `json`.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Text => "text",
            ValueType::Boolean => "boolean",
            ValueType::Date => "date",
            ValueType::Timestamp => "timestamp",
            ValueType::Integer => "integer",
            ValueType::Double => "double",
            ValueType::Json => "json",
        }
    }
}

impl Definitions {
    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Definitions::default()
    }
}

/// What every version has.
pub trait Versioned {
    /// The id that the export uses.
    fn id(&self) -> &str;

    /// Since when it is no longer in use.
    fn deprecated_at(&self) -> Option<&str>;

    /// Whether it is in use.
    fn is_live(&self) -> bool {
        self.deprecated_at().is_none()
    }
}

impl Versioned for AttributeVersion {
    fn id(&self) -> &str {
        &self.id
    }

    fn deprecated_at(&self) -> Option<&str> {
        self.deprecated_at.as_deref()
    }
}

impl Versioned for TagVersion {
    fn id(&self) -> &str {
        &self.id
    }

    fn deprecated_at(&self) -> Option<&str> {
        self.deprecated_at.as_deref()
    }
}

impl Versioned for EventVersion {
    fn id(&self) -> &str {
        &self.id
    }

    fn deprecated_at(&self) -> Option<&str> {
        self.deprecated_at.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_in_every_spelling() {
        for (name, expected) in [
            ("text", Some(ValueType::Text)),
            ("String", Some(ValueType::Text)),
            ("TRUE_FALSE", Some(ValueType::Boolean)),
            ("True/False", Some(ValueType::Boolean)),
            ("bool", Some(ValueType::Boolean)),
            ("Date", Some(ValueType::Date)),
            ("date-time", Some(ValueType::Timestamp)),
            ("Unix timestamp", Some(ValueType::Timestamp)),
            ("Number", Some(ValueType::Integer)),
            ("int64", Some(ValueType::Integer)),
            ("number with decimals", Some(ValueType::Double)),
            ("Decimal", Some(ValueType::Double)),
            ("array", Some(ValueType::Json)),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(ValueType::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn our_own_names_are_read_back() {
        use ValueType::*;
        for kind in [Text, Boolean, Date, Timestamp, Integer, Double, Json] {
            assert_eq!(ValueType::parse(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
