//! The definitions of the simulated account: sections, attributes, tags, events and segments.
//!
//! The generator draws from them and the API lists them, so that an id in an export always has its definition. As in
//! the real product, the standard attributes and the event types exist in every section under one version id, while
//! other attributes and tags belong to one section. Altogether they fit into one export request (75 attributes, 25
//! tags).

pub(crate) mod listing;
mod tables;

pub use listing::definitions;
pub use tables::{EVENTS, ODD_ATTRIBUTES, ODD_SECTION, ODD_TAGS, SECTIONS, SEGMENTS, STANDARD_ATTRIBUTES};

/// The type of an attribute's values, as the product names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Text of at most 1,000 characters.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// Seconds since the Unix epoch.
    Timestamp,
    /// A whole number.
    Integer,
    /// A number with decimals.
    Decimal,
}

impl DataType {
    /// The name the API uses in a definition's `type`.
    pub fn name(self) -> &'static str {
        match self {
            DataType::Text => "text",
            DataType::Boolean => "boolean",
            DataType::Date => "date",
            DataType::Timestamp => "timestamp",
            DataType::Integer => "integer",
            DataType::Decimal => "decimal",
        }
    }
}

/// What the values of an attribute look like; each belongs to one [`DataType`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    FirstName,
    LastName,
    Email,
    Mobile,
    Street,
    PostalCode,
    City,
    Country,
    Company,
    Product,
    Url,
    Note,
    Code,
    Choice(&'static [&'static str]),
    Flag,
    /// A day between the first of January of both years.
    Day(i32, i32),
    Moment,
    /// A whole number from zero to below the bound.
    Count(u32),
    /// An amount from zero to below the bound, with two decimals.
    Amount(u32),
    /// A fraction of one, with many digits.
    Score,
}

impl Content {
    pub(crate) const fn data_type(self) -> DataType {
        match self {
            Content::Flag => DataType::Boolean,
            Content::Day(..) => DataType::Date,
            Content::Moment => DataType::Timestamp,
            Content::Count(_) => DataType::Integer,
            Content::Amount(_) | Content::Score => DataType::Decimal,
            _ => DataType::Text,
        }
    }
}

/// An attribute's definition.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// The live version's id, which the export uses as attribute id.
    pub id: &'static str,
    /// The id of an older, deprecated version: the API knows it, the export has no value of it.
    pub deprecated_id: Option<&'static str>,
    /// The stable name.
    pub discriminator: &'static str,
    /// The display name.
    pub name: &'static str,
    /// The type of its values.
    pub data_type: DataType,
    /// The type that the deprecated version had, if it was another.
    pub former_type: Option<DataType>,
    /// Whether no version is in use: the API knows the attribute, the export has no value of it.
    pub retired: bool,
    pub(crate) content: Content,
}

/// A tag's definition.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// The live version's id, which the export uses as tag id.
    pub id: &'static str,
    /// The stable name.
    pub discriminator: &'static str,
    /// The display name.
    pub name: &'static str,
}

/// What an event reports, and so what its `data` looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventKind {
    EmailSent,
    EmailOpened,
    EmailClicked,
    EmailBounced,
    PageView,
    OrderPlaced,
    FormSubmitted,
    Custom,
}

impl EventKind {
    /// The members of `data` and their types, as a definition lists them. Some events have fewer.
    pub(crate) fn fields(self) -> &'static [(&'static str, &'static str)] {
        const ACTIVITY: (&str, &str) = ("activityId", "integer");
        const MESSAGE: (&str, &str) = ("messageId", "integer");
        const LIST: (&str, &str) = ("mailingList", "text");
        match self {
            EventKind::EmailSent => &[ACTIVITY, MESSAGE, LIST, ("subject", "text")],
            EventKind::EmailOpened => &[ACTIVITY, MESSAGE, LIST, ("userAgent", "text")],
            EventKind::EmailClicked => &[ACTIVITY, MESSAGE, LIST, ("linkId", "integer"), ("url", "text")],
            EventKind::EmailBounced => &[ACTIVITY, MESSAGE, LIST, ("bounceType", "text"), ("reason", "text")],
            EventKind::PageView => &[
                ("url", "text"),
                ("title", "text"),
                ("referrer", "text"),
                ("durationMs", "integer"),
                ("utm", "object"),
            ],
            EventKind::OrderPlaced => &[
                ("orderId", "text"),
                ("currency", "text"),
                ("total", "decimal"),
                ("items", "array"),
                ("shipping", "object"),
            ],
            EventKind::FormSubmitted => &[("formId", "integer"), ("fields", "object")],
            EventKind::Custom => &[("action", "text"), ("önskan", "text"), ("matrix", "array"), ("path", "text")],
        }
    }
}

/// An event type's definition.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The live version's id, which the export uses as `typeId`.
    pub id: &'static str,
    /// The id of an older, deprecated version: the API knows it, the export has no event of it.
    pub deprecated_id: Option<&'static str>,
    /// The stable name.
    pub discriminator: &'static str,
    /// The display name.
    pub name: &'static str,
    pub(crate) kind: EventKind,
    /// How often it happens, relative to the others.
    pub(crate) weight: u32,
}

/// A section's definition, with what belongs to it alone.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// The id that the export uses.
    pub id: &'static str,
    /// The stable name, part of the paths of its definitions.
    pub discriminator: &'static str,
    /// The display name.
    pub name: &'static str,
    /// Its own attributes; [`STANDARD_ATTRIBUTES`] come on top.
    pub attributes: &'static [Attribute],
    /// Its tags.
    pub tags: &'static [Tag],
}

impl Section {
    /// What belongs to it alone, with [`ODD_ATTRIBUTES`] if the account has them and this is their section.
    pub fn own_attributes(&self, oddities: bool) -> impl Iterator<Item = &'static Attribute> + use<> {
        let odd: &[Attribute] = if oddities && self.id == ODD_SECTION { &ODD_ATTRIBUTES } else { &[] };
        self.attributes.iter().chain(odd)
    }

    /// Its tags, with [`ODD_TAGS`] if the account has them and this is their section.
    pub fn own_tags(&self, oddities: bool) -> impl Iterator<Item = &'static Tag> + use<> {
        let odd: &[Tag] = if oddities && self.id == ODD_SECTION { &ODD_TAGS } else { &[] };
        self.tags.iter().chain(odd)
    }
}

/// A segment's definition.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// The stable name.
    pub discriminator: &'static str,
    /// The display name.
    pub name: &'static str,
}

/// Every attribute of an account without oddities: the standard ones, then each section's own.
pub fn attributes() -> impl Iterator<Item = &'static Attribute> {
    let own = SECTIONS.iter().flat_map(|section| section.attributes);
    STANDARD_ATTRIBUTES.iter().chain(own)
}

/// Every tag of an account without oddities.
pub fn tags() -> impl Iterator<Item = &'static Tag> {
    SECTIONS.iter().flat_map(|section| section.tags)
}

/// The section with this discriminator.
pub fn section(discriminator: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.discriminator == discriminator)
}

/// Whether this is the id of a version of some attribute.
pub(crate) fn knows_attribute(id: &str, oddities: bool) -> bool {
    let odd = ODD_ATTRIBUTES.iter().filter(|_| oddities);
    attributes().chain(odd).any(|known| known.id == id || known.deprecated_id == Some(id))
}

/// Whether this is the id of a version of some tag.
pub(crate) fn knows_tag(id: &str, oddities: bool) -> bool {
    let odd = ODD_TAGS.iter().filter(|_| oddities);
    tags().chain(odd).any(|known| known.id == id)
}

/// Whether this is the id of a version of some event type.
pub(crate) fn knows_event(id: &str) -> bool {
    EVENTS.iter().any(|known| known.id == id || known.deprecated_id == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everything_fits_into_one_request() {
        assert_eq!(attributes().count(), 60);
        assert_eq!(tags().count(), 24);
        assert_eq!(EVENTS.len(), 8);
        assert!(attributes().count() + ODD_ATTRIBUTES.len() <= 75 && tags().count() + ODD_TAGS.len() <= 25);
    }

    #[test]
    fn version_ids_and_discriminators_are_unique() {
        let live = attributes()
            .chain(&ODD_ATTRIBUTES)
            .map(|attribute| attribute.id)
            .chain(tags().chain(&ODD_TAGS).map(|tag| tag.id))
            .chain(EVENTS.iter().map(|event| event.id));
        let deprecated = attributes()
            .chain(&ODD_ATTRIBUTES)
            .filter_map(|attribute| attribute.deprecated_id)
            .chain(EVENTS.iter().filter_map(|event| event.deprecated_id));
        let ids: Vec<_> = live.chain(deprecated).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());

        let names: Vec<_> = attributes()
            .chain(&ODD_ATTRIBUTES)
            .map(|attribute| attribute.discriminator)
            .chain(tags().chain(&ODD_TAGS).map(|tag| tag.discriminator))
            .chain(EVENTS.iter().map(|event| event.discriminator))
            .collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
    #[test]
    fn oddities_are_as_odd_as_they_say() {
        let with = |wanted: fn(&&Attribute) -> bool| ODD_ATTRIBUTES.iter().filter(wanted).count();
        assert_eq!(with(|odd| attributes().any(|other| other.name == odd.name)), 1, "the name of another");
        assert_eq!(with(|odd| odd.retired), 1);
        assert_eq!(with(|odd| odd.former_type.is_some_and(|former| former != odd.data_type)), 1);
        assert_eq!(with(|odd| odd.discriminator.chars().count() == 60 && !odd.discriminator.is_ascii()), 1);
        assert!(tags().any(|other| other.name == ODD_TAGS[0].name));
        assert!(SECTIONS.iter().any(|section| section.id == ODD_SECTION));
    }
}
