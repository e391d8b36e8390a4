//! What the ids of an export stand for: the sections, attributes, tags, event types and segments of an account.
//!
//! An export speaks in version ids: `"40103"` is an attribute, `"90201"` a type of events. The API lists what they are,
//! and this crate holds that list: the model ([`Definitions`]), the API's listings read with tolerance ([`Page`]), a file
//! of them ([`Snapshot`]), lookups by id ([`Index`]) and by what people call things ([`Definitions::select`]), and names
//! for their columns ([`column_name`]). It knows nothing of HTTP, and nothing of tables.
//!
//! ```
//! use apsides_definitions::{Attribute, Definitions, Index, Page, ValueType, Versioned};
//!
//! let answer = br#"{"items": [{
//!     "discriminator": "com.apsis1.attributes.birthdate", "name": "Birthdate", "type": "Date",
//!     "versions": [{"id": 20114, "deprecated_at": "2024-11-05T09:30:00Z"}, {"id": "40114", "deprecated_at": null}]
//! }]}"#;
//! let page = Page::<Attribute>::parse(answer, "1203")?;
//! assert_eq!((page.next, page.skipped), (None, 0));
//!
//! let definitions = Definitions { attributes: page.items, ..Definitions::default() };
//! let index = Index::new(&definitions);
//! let (attribute, version) = index.attribute("40114").expect("it was listed");
//! assert_eq!(attribute.name, "Birthdate");
//! assert_eq!(version.value_type, Some(ValueType::Date));
//! assert!(version.is_live());
//! # Ok::<(), apsides_definitions::Error>(())
//! ```
//!
//! How the API spells its answers is known in part only. So a member may have any of several names, an id may be a number
//! or a string, and what is missing is missing; only an item that has no id at all is left out, and counted.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod error;
mod index;
mod model;
mod naming;
mod page;
mod read;
mod select;
mod snapshot;
mod things;

pub use error::Error;
pub use index::Index;
pub use model::{
    Attribute, AttributeVersion, Definitions, EventType, EventVersion, Field, Listed, Section, Segment, Tag,
    TagVersion, ValueType, Versioned,
};
pub use naming::{NAME_BYTES_MAX, Named, column_name, unique_names};
pub use page::Page;
pub use select::{SelectError, Versions, is_id};
pub use snapshot::Snapshot;
pub use things::{Kind, Thing, Version};
