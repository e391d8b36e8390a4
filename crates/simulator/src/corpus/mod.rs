//! The seeded export generator.
//!
//! [`spec`] says what to generate; [`plan`] resolves its selection against the catalogue, once; [`profiles`] walks the
//! document; [`values`] and [`events`] fill it from [`words`]. Everything goes through struson's streaming writer and
//! [`escape`] to the caller's writer, so that memory does not grow with the export.

mod escape;
mod events;
mod plan;
mod profiles;
mod rng;
mod spec;
mod values;
mod words;

pub use profiles::write_export;
pub(crate) use rng::Rng;
pub use spec::{Arrivals, CorpusSpec, Layout, Selection, Shape, Size, Window, Written};
pub(crate) use values::push_uuid;
