//! Typed tables: what the long tables hold by id, by name and with types.
//!
//! | table | one row per | filled by |
//! |---|---|---|
//! | `wide` | profile × section, with a column per attribute and per tag | [`Wide`], from batches of `attributes` and `tags` |
//! | `events_<type>` | event of the type, with a column per member of `data` | [`ByType`], from batches of `events` |
//!
//! Both are made where batches are encoded.
//! Which columns there are is a [`TypedSchema`]. It comes from the account's definitions and from a
//! sample of the export ([`learn`]), is held against the one that was published before
//! ([`contract`]), and is published with the data.

mod bundle;
mod by_type;
mod cells;
mod contract;
mod fill;
mod join;
mod kind;
mod learn;
mod maker;
mod members;
mod nested;
mod numbers;
mod plan;
mod schema;
mod sections;
mod shape;
mod usual;
mod wide;

pub(crate) use bundle::InBundle;
pub(crate) use by_type::{ByType, ByTypePlan};
pub(crate) use contract::{merge, warn_of};
pub(crate) use join::join;
pub(crate) use learn::Learner;
pub(crate) use maker::{Maker, Workshop};
pub(crate) use members::unused;
pub(crate) use plan::plan;
pub(crate) use sections::{SectionList, Sections};
pub(crate) use wide::{Wide, WidePlan};

pub use contract::{Change, SchemaMode};
pub use kind::Kind;
pub use plan::{Asked, Nested, Typed};
pub use schema::{TypedColumn, TypedOf, TypedSchema, TypedTable};

#[cfg(test)]
mod tests;
