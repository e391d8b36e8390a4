//! A selection, resolved against the catalogue: what an export has to draw, so that no id is looked up while it is
//! written.

use super::spec::Selection;
use crate::catalogue::{Attribute, EVENTS, SECTIONS, STANDARD_ATTRIBUTES, Section};
use std::collections::BTreeSet;

/// What to draw.
pub(super) struct Plan {
    /// Parallel to [`SECTIONS`].
    pub(super) sections: Vec<SectionPlan>,
    /// Parallel to [`EVENTS`].
    pub(super) events: Vec<bool>,
}

/// What to draw of a section.
pub(super) struct SectionPlan {
    pub(super) id: &'static str,
    pub(super) entries: Vec<Entry>,
}

/// A selected attribute or tag.
pub(super) struct Entry {
    pub(super) id: &'static str,
    /// The attribute, or `None` for a tag.
    pub(super) attribute: Option<&'static Attribute>,
    /// Names its random numbers. It is its place in the catalogue, whatever else is selected: so its draws never shift.
    pub(super) stream: u64,
    /// How many of a hundred profiles have it.
    pub(super) share: u32,
}

const STANDARD_SHARE: u32 = 70;
const OWN_SHARE: u32 = 62;
const TAG_SHARE: u32 = 40;

impl Plan {
    pub(super) fn new(selection: &Selection, oddities: bool) -> Plan {
        let wants_event = |event: &crate::catalogue::Event| wants(&selection.events, event.id);
        Plan {
            sections: SECTIONS.iter().map(|section| SectionPlan::new(section, selection, oddities)).collect(),
            events: EVENTS.iter().map(wants_event).collect(),
        }
    }

    pub(super) fn has_profiles(&self) -> bool {
        self.sections.iter().any(|section| !section.entries.is_empty())
    }

    pub(super) fn has_events(&self) -> bool {
        self.events.contains(&true)
    }
}

impl SectionPlan {
    fn new(section: &'static Section, selection: &Selection, oddities: bool) -> SectionPlan {
        let attribute = |share| move |attribute: &'static Attribute| (attribute.id, Some(attribute), share);
        let standard = STANDARD_ATTRIBUTES.iter().map(attribute(STANDARD_SHARE));
        let own = section.attributes.iter().map(attribute(OWN_SHARE));
        let tags = section.tags.iter().map(|tag| (tag.id, None, TAG_SHARE));
        // Behind everything else, so that the rest is as it is without them.
        let odd = section.own_attributes(oddities).skip(section.attributes.len()).map(attribute(OWN_SHARE));
        let odd_tags = section.own_tags(oddities).skip(section.tags.len()).map(|tag| (tag.id, None, TAG_SHARE));
        // Tags between attributes, as nothing separates them in a real export either.
        let entries = standard
            .chain(tags)
            .chain(own)
            .chain(odd)
            .chain(odd_tags)
            .zip(0..)
            .filter(|((id, attribute, _), _)| match attribute {
                Some(attribute) => !attribute.retired && wants(&selection.attributes, id),
                None => wants(&selection.tags, id),
            })
            .map(|((id, attribute, share), stream)| Entry { id, attribute, stream, share })
            .collect();
        SectionPlan { id: section.id, entries }
    }
}

fn wants(selected: &Option<BTreeSet<String>>, id: &str) -> bool {
    selected.as_ref().is_none_or(|ids| ids.contains(id))
}
