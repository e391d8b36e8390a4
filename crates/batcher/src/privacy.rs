//! What must not be in the tables: values that are dropped, hashed or masked on their way.
//!
//! [`Guarded`] stands between the reading of an export and its tables, so that nothing behind it ever
//! sees what it withholds: neither the long tables nor the typed ones, neither `data` nor `unmapped`.
//!
//! Where a raw value is kept of which nothing is known (an attribute's history, a member that is new),
//! any of its members, however deep, that is named like something withheld is withheld as well.

mod redact;
mod rules;

pub(crate) use rules::{ANY_TYPE, Privacy};
pub use rules::{PrivacyRules, Treatment};

use crate::{
    at_hand::AtHand,
    error::Result,
    event::Event,
    facts::{Facts, ProfileCounts, Unplaced, Value},
};
use std::borrow::Cow;

/// Takes facts and hands on what may be known of them.
pub(crate) struct Guarded<'p, F> {
    facts: F,
    privacy: Option<&'p Privacy>,
    /// The profile's export key as the tables have it.
    export_key: String,
    /// What was dropped of the profile.
    dropped: ProfileCounts,
    event: Event,
    /// Reads JSON texts again.
    at_hand: AtHand,
}

/// What a masked value is in the tables.
const MASK: &str = "***";

impl<'p, F> Guarded<'p, F> {
    /// Without anything to keep private, facts are handed on as they come.
    pub(crate) fn new(facts: F, privacy: Option<&'p Privacy>) -> Self {
        let (dropped, event) = (ProfileCounts::default(), Event::default());
        Self { facts, privacy, export_key: String::new(), dropped, event, at_hand: AtHand::default() }
    }

    pub(crate) fn into_inner(self) -> F {
        self.facts
    }
}

impl<F: Facts> Facts for Guarded<'_, F> {
    fn begin_profile(&mut self, export_key: &str) -> Result<()> {
        let Some(privacy) = self.privacy else { return self.facts.begin_profile(export_key) };
        self.dropped = ProfileCounts::default();
        self.export_key = privacy.export_key(export_key).into_owned();
        self.facts.begin_profile(&self.export_key)
    }

    fn begin_section(&mut self, id: &str) -> Result<()> {
        self.facts.begin_section(id)
    }

    fn begin_attributes(&mut self) -> Result<()> {
        self.facts.begin_attributes()
    }

    #[inline(always)]
    fn attribute(&mut self, id: &str, value: Value<'_>) -> Result<()> {
        match self.privacy.and_then(|privacy| Some((privacy, privacy.attribute(id)?))) {
            None => self.facts.attribute(id, value),
            Some((privacy, treatment)) => self.withheld(id, value, privacy, treatment),
        }
    }

    #[inline]
    fn tag(&mut self, id: &str) -> Result<()> {
        if self.privacy.and_then(|privacy| privacy.attribute(id)) == Some(Treatment::Drop) {
            self.dropped.tags += 1;
            return Ok(());
        }
        self.facts.tag(id)
    }

    fn event(&mut self, ordinal: i64, event: &Event, is_duplicate: bool) -> Result<()> {
        let at_hand = &mut self.at_hand;
        let rewritten = self.privacy.and_then(|privacy| privacy.data(at_hand, event.type_id.get(), event.data.get()?));
        match rewritten {
            None => self.facts.event(ordinal, event, is_duplicate),
            Some(data) => {
                self.event.copy_from(event);
                self.event.data.set(Some(&data));
                self.facts.event(ordinal, &self.event, is_duplicate)
            }
        }
    }

    fn wants_events(&self) -> bool {
        self.facts.wants_events()
    }

    fn end_section(&mut self) -> Result<()> {
        self.facts.end_section()
    }

    fn end_profile(&mut self, export_key: &str, mut counts: ProfileCounts) -> Result<()> {
        if self.privacy.is_none() {
            return self.facts.end_profile(export_key, counts);
        }
        counts.attributes -= self.dropped.attributes;
        counts.tags -= self.dropped.tags;
        self.facts.end_profile(&self.export_key, counts)
    }

    fn unmapped(&mut self, found: Unplaced<'_>) -> Result<()> {
        let Some(privacy) = self.privacy else { return self.facts.unmapped(found) };
        let pointer: Cow<'_, str> = match found.export_key {
            Some(_) => found.pointer.into(),
            None => privacy.top_level_pointer(found.pointer),
        };
        let Some(value) = privacy.unmapped(&mut self.at_hand, &pointer, found.value) else { return Ok(()) };
        let export_key = found.export_key.map(|_| self.export_key.as_str());
        self.facts.unmapped(Unplaced { export_key, pointer: &pointer, value: &value, ..found })
    }
}

impl<F: Facts> Guarded<'_, F> {
    /// An attribute of which not all may be known.
    #[inline(never)]
    fn withheld(&mut self, id: &str, value: Value<'_>, privacy: &Privacy, treatment: Treatment) -> Result<()> {
        match treatment {
            Treatment::Drop => {
                self.dropped.attributes += 1;
                Ok(())
            }
            // That there is no value is kept.
            _ if matches!(value, Value::Null) => self.facts.attribute(id, value),
            Treatment::Mask => self.facts.attribute(id, text(MASK)),
            Treatment::Hash => {
                let hash = match value {
                    Value::String { decoded, .. } => privacy.hash(decoded),
                    value => privacy.hash(&value.json()),
                };
                self.facts.attribute(id, text(&hash))
            }
        }
    }
}

fn text(text: &str) -> Value<'_> {
    // Hashes and masks have nothing to escape.
    Value::String { decoded: text, raw: Some(text) }
}
