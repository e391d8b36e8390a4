//! From what people call things to the ids that an export is asked for.

use crate::{Definitions, Kind, Thing, column_name};
use std::fmt;
use wildmatch::WildMatch;

/// Which versions a name stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// The live one. It is an error if there are several.
    #[default]
    Live,
    /// Every live one.
    All,
}

/// How many near names an error lists, at most.
const NEAREST_MAX: usize = 3;
/// How near they are at least, from 0 to 1.
const NEARNESS_MIN: f64 = 0.75;
/// How many candidates or ids an error lists, at most.
const LISTED_MAX: usize = 8;

/// Why a name stands for no id, or for none in particular. The texts hold no line breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// Nothing is called so.
    #[error("there is no {kind} {wanted:?}{}", near(nearest))]
    Unknown {
        /// `attribute`, `tag`, `event type` or `segment`.
        kind: String,
        /// As asked for.
        wanted: String,
        /// What is called alike, the nearest first.
        nearest: Vec<String>,
    },

    /// No name fits the pattern.
    #[error("no {kind} in use has a name or discriminator like {wanted:?}")]
    NoMatch {
        /// `attribute`, `tag`, `event type` or `segment`.
        kind: String,
        /// As asked for.
        wanted: String,
    },

    /// Several things are called so.
    #[error("{wanted:?} is the name of more than one {kind}; write which: {}", list(candidates))]
    Ambiguous {
        /// `attribute`, `tag`, `event type` or `segment`.
        kind: String,
        /// As asked for.
        wanted: String,
        /// Their discriminators, or else their ids.
        candidates: Vec<String>,
    },

    /// No version is in use.
    #[error(
        "the {kind} {wanted:?} is no longer in use; to have its values nevertheless, write an id of it: {}",
        list(ids)
    )]
    NotLive {
        /// `attribute`, `tag` or `event type`.
        kind: String,
        /// As asked for.
        wanted: String,
        /// The ids of its versions.
        ids: Vec<String>,
    },

    /// Several versions are in use.
    #[error("the {kind} {wanted:?} has several live versions; write `versions = \"all\"`, or which: {}", list(ids))]
    SeveralLive {
        /// `attribute`, `tag` or `event type`.
        kind: String,
        /// As asked for.
        wanted: String,
        /// The ids of its live versions.
        ids: Vec<String>,
    },
}

/// Whether a text is an id, which stands for itself, rather than a name to look up.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Definitions {
    /// The version ids that are wanted, each once: ids as they are, discriminators and names by their live versions, and
    /// whatever fits a pattern with `*` (any characters) and `?` (any one).
    ///
    /// A discriminator comes before a name, and either before a pattern. Names are compared without case if need be.
    ///
    /// ```
    /// use apsides_definitions::{Kind, Snapshot, Versions};
    ///
    /// let definitions = Snapshot::parse(br#"{"tags": [
    ///     {"discriminator": "usercreated.tags.vip-nsipzz5fk2", "name": "VIP", "versions": [{"id": 40227}]},
    ///     {"discriminator": "usercreated.tags.gold-616i76bofb", "name": "Gold", "versions": [{"id": 40365}]}
    /// ]}"#)?.definitions;
    /// let wanted = ["Gold", "usercreated.*", "7"].map(str::to_owned);
    /// assert_eq!(definitions.select(Kind::Tag, &wanted, Versions::Live).unwrap(), ["40365", "40227", "7"]);
    ///
    /// let errors = definitions.select(Kind::Tag, &["Glod".to_owned()], Versions::Live).unwrap_err();
    /// assert_eq!(errors[0].to_string(), r#"there is no tag "Glod"; near: "Gold" (usercreated.tags.gold-616i76bofb)"#);
    /// # Ok::<(), apsides_definitions::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// One for each text that stands for nothing, or for nothing in particular.
    pub fn select(&self, kind: Kind, wanted: &[String], versions: Versions) -> Result<Vec<String>, Vec<SelectError>> {
        let select = Select { kind, things: self.things(kind), versions };
        let (mut ids, mut errors) = (Vec::new(), Vec::new());
        for wanted in wanted {
            match select.ids(wanted) {
                Ok(found) => ids.extend(found),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut once = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(&id) {
                once.push(id);
            }
        }
        Ok(once)
    }

    /// The discriminator of the one segment that has this discriminator or name, or fits this pattern.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one.
    pub fn select_segment(&self, wanted: &str) -> Result<String, SelectError> {
        let names = self.segments.iter().map(|segment| (segment.discriminator.as_str(), segment.name.as_str()));
        let named: Vec<_> = names.collect();
        let found = match Found::of(&named, wanted) {
            Found::Exact(found) | Found::Pattern(found) => found,
        };
        let kind = || "segment".to_owned();
        match found.as_slice() {
            [] => Err(unknown(kind(), wanted, &named)),
            [one] => Ok(named[*one].0.to_owned()),
            several => {
                let candidates = several.iter().map(|&at| named[at].0.to_owned()).collect();
                Err(SelectError::Ambiguous { kind: kind(), wanted: wanted.to_owned(), candidates })
            }
        }
    }
}

/// The things of a kind, to be selected from.
struct Select<'d> {
    kind: Kind,
    things: Vec<Thing<'d>>,
    versions: Versions,
}

impl Select<'_> {
    fn ids(&self, wanted: &str) -> Result<Vec<String>, SelectError> {
        let is_version = |thing: &Thing<'_>| thing.versions.iter().any(|version| version.id == wanted);
        if is_id(wanted) || self.things.iter().any(is_version) {
            return Ok(vec![wanted.to_owned()]);
        }
        let named: Vec<_> = self.things.iter().map(|thing| (thing.discriminator, thing.name)).collect();
        match Found::of(&named, wanted) {
            Found::Exact(found) => match found.as_slice() {
                [] => Err(unknown(self.kind.to_string(), wanted, &named)),
                [one] => self.versions_of(&self.things[*one], wanted),
                several => {
                    let candidates = several.iter().map(|&at| candidate(&self.things[at])).collect();
                    Err(SelectError::Ambiguous { kind: self.kind.to_string(), wanted: wanted.to_owned(), candidates })
                }
            },
            Found::Pattern(found) => {
                // Who asks for all that fits means all that is in use.
                let live = found.iter().map(|&at| &self.things[at]).filter(|thing| thing.live().next().is_some());
                let ids =
                    live.map(|thing| self.versions_of(thing, thing.name)).collect::<Result<Vec<_>, _>>()?.concat();
                if ids.is_empty() {
                    return Err(SelectError::NoMatch { kind: self.kind.to_string(), wanted: wanted.to_owned() });
                }
                Ok(ids)
            }
        }
    }

    fn versions_of(&self, thing: &Thing<'_>, wanted: &str) -> Result<Vec<String>, SelectError> {
        let ids: Vec<String> = thing.live().map(str::to_owned).collect();
        let (kind, wanted) = (self.kind.to_string(), wanted.to_owned());
        match (ids.len(), self.versions) {
            (0, _) => {
                let ids = thing.versions.iter().map(|version| version.id.to_owned()).collect();
                Err(SelectError::NotLive { kind, wanted, ids })
            }
            (1, _) | (_, Versions::All) => Ok(ids),
            (_, Versions::Live) => Err(SelectError::SeveralLive { kind, wanted, ids }),
        }
    }
}

/// The places of what was found.
enum Found {
    /// By a name that was written out.
    Exact(Vec<usize>),
    /// By a pattern.
    Pattern(Vec<usize>),
}

/// Whether something with this discriminator and name is meant.
type Is<'w> = dyn Fn(&str, &str) -> bool + 'w;

impl Found {
    /// Looks among discriminators and names, in the order of how sure it is what is meant.
    fn of(named: &[(&str, &str)], wanted: &str) -> Found {
        let lower = wanted.to_lowercase();
        let places = |is: &Is<'_>| {
            let found = named.iter().enumerate().filter(|(_, (discriminator, name))| is(discriminator, name));
            found.map(|(at, _)| at).collect::<Vec<_>>()
        };
        let exact: [&Is<'_>; 3] =
            [&|discriminator, _| discriminator == wanted, &|_, name| name == wanted, &|discriminator, name| {
                discriminator.to_lowercase() == lower || name.to_lowercase() == lower
            }];
        if let Some(found) = exact.iter().map(|is| places(is)).find(|found| !found.is_empty()) {
            return Found::Exact(found);
        }
        if !wanted.contains(['*', '?']) {
            return Found::Exact(Vec::new());
        }
        let pattern = WildMatch::new(&lower);
        Found::Pattern(places(&|discriminator, name| {
            [discriminator, name].iter().any(|text| !text.is_empty() && pattern.matches(&text.to_lowercase()))
        }))
    }
}

fn unknown(kind: String, wanted: &str, named: &[(&str, &str)]) -> SelectError {
    let wanted = wanted.to_owned();
    if wanted.contains(['*', '?']) {
        return SelectError::NoMatch { kind, wanted };
    }
    let (lower, column) = (wanted.to_lowercase(), column_name(&wanted));
    let nearness = |&(discriminator, name): &(&str, &str)| {
        let alike = [
            strsim::jaro_winkler(&lower, &name.to_lowercase()),
            strsim::jaro_winkler(&column, &column_name(discriminator)),
            strsim::jaro_winkler(&lower, &discriminator.to_lowercase()),
        ];
        // What belongs to every discriminator makes none of them near.
        let count = if lower.contains('.') { 3 } else { 2 };
        alike[..count].iter().copied().fold(0.0, f64::max)
    };
    let mut near: Vec<_> = named.iter().map(|named| (nearness(named), named)).collect();
    near.retain(|(nearness, _)| *nearness >= NEARNESS_MIN);
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let nearest = near.iter().take(NEAREST_MAX).map(|(_, (discriminator, name))| format!("{name:?} ({discriminator})"));
    SelectError::Unknown { kind, wanted, nearest: nearest.collect() }
}

/// What tells a thing from its namesakes.
fn candidate(thing: &Thing<'_>) -> String {
    match (thing.discriminator, thing.versions.first()) {
        ("", Some(version)) => version.id.to_owned(),
        (discriminator, _) => discriminator.to_owned(),
    }
}

fn near(nearest: &[String]) -> impl fmt::Display {
    if nearest.is_empty() {
        "; `apsides definitions` lists what there is".to_owned()
    } else {
        format!("; near: {}", nearest.join(", "))
    }
}

fn list(texts: &[String]) -> impl fmt::Display {
    let more = texts.len().saturating_sub(LISTED_MAX);
    let listed = texts[..texts.len() - more].join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    fn definitions() -> Definitions {
        let json = r#"{
            "attributes": [
                {"section_id": 1, "discriminator": "com.apsis1.attributes.email", "name": "Email", "versions": [
                    {"id": 9, "deprecated_at": "2024"}, {"id": 10}]},
                {"section_id": 2, "discriminator": "com.apsis1.attributes.email", "name": "Email", "versions": [
                    {"id": 9, "deprecated_at": "2024"}, {"id": 10}]},
                {"discriminator": "com.apsis1.attributes.city", "name": "City", "versions": [{"id": 11}]},
                {"discriminator": "usercreated.attributes.city-c5t0m1k8wz", "name": "City", "versions": [{"id": 12}]},
                {"discriminator": "usercreated.attributes.town-p9r3w7f1ke", "name": "city", "versions": [{"id": 13}]},
                {"discriminator": "usercreated.attributes.köp-q3z8u0c2dn", "name": "Antal KÖP?", "versions": [{"id": 14}]},
                {"discriminator": "usercreated.attributes.fax-f7g1l5x3my", "name": "Fax", "versions": [
                    {"id": 15, "deprecated_at": "2023"}, {"id": 16, "deprecated_at": "2024"}]},
                {"discriminator": "usercreated.attributes.two-s4n2v6b8jt", "name": "Two", "versions": [{"id": 17}, {"id": 18}]},
                {"discriminator": "usercreated.attributes.email", "name": "com.apsis1.attributes.city", "versions": [{"id": 19}]},
                {"discriminator": "x.y", "name": "Text id", "versions": [{"id": "v-20"}]}
            ],
            "segments": [
                {"discriminator": "usercreated.segments.vip-1", "name": "VIP"},
                {"discriminator": "usercreated.segments.all-2", "name": "Everybody"},
                {"discriminator": "usercreated.segments.all-3", "name": "everybody"}
            ]
        }"#;
        Snapshot::parse(json.as_bytes()).unwrap().definitions
    }

    #[test]
    fn what_is_wanted_and_what_it_is() {
        let definitions = definitions();
        for (wanted, versions, expected) in [
            // Ids stand for themselves, known or not, deprecated or not.
            ("10", Versions::Live, "10"),
            ("9", Versions::Live, "9"),
            ("4711", Versions::Live, "4711"),
            ("v-20", Versions::Live, "v-20"),
            // Discriminators and names.
            ("com.apsis1.attributes.email", Versions::Live, "10"),
            ("usercreated.attributes.köp-q3z8u0c2dn", Versions::Live, "14"),
            ("Email", Versions::Live, "10"),
            ("EMAIL", Versions::Live, "10"),
            ("Text id", Versions::Live, "v-20"),
            ("city", Versions::Live, "13"),
            ("com.apsis1.attributes.city", Versions::Live, "11"),
            ("Two", Versions::All, "17 18"),
            ("Email", Versions::All, "10"),
            // A name that looks like a pattern.
            ("Antal KÖP?", Versions::Live, "14"),
            ("antal köp?", Versions::Live, "14"),
            // Patterns.
            ("com.apsis1.*", Versions::Live, "10 11 19"),
            ("*KÖP*", Versions::Live, "14"),
            ("?ity", Versions::Live, "11 12 13"),
            ("usercreated.attributes.t*", Versions::All, "13 17 18"),
            ("F*", Versions::Live, r#"no attribute in use has a name or discriminator like "F*""#),
            ("nothing*", Versions::All, r#"no attribute in use has a name or discriminator like "nothing*""#),
            (
                "usercreated.attributes.t*",
                Versions::Live,
                r#"the attribute "Two" has several live versions; write `versions = "all"`, or which: 17, 18"#,
            ),
            // What stands for nothing in particular.
            (
                "City",
                Versions::Live,
                r#""City" is the name of more than one attribute; write which: com.apsis1.attributes.city, usercreated.attributes.city-c5t0m1k8wz"#,
            ),
            (
                "Fax",
                Versions::All,
                r#"the attribute "Fax" is no longer in use; to have its values nevertheless, write an id of it: 15, 16"#,
            ),
            (
                "Two",
                Versions::Live,
                r#"the attribute "Two" has several live versions; write `versions = "all"`, or which: 17, 18"#,
            ),
            // Typos.
            (
                "Emial",
                Versions::Live,
                r#"there is no attribute "Emial"; near: "Email" (com.apsis1.attributes.email), "com.apsis1.attributes.city" (usercreated.attributes.email)"#,
            ),
            (
                "com.apsis1.attributes.emails",
                Versions::Live,
                r#"there is no attribute "com.apsis1.attributes.emails"; near: "Email" (com.apsis1.attributes.email), "com.apsis1.attributes.city" (usercreated.attributes.email), "City" (com.apsis1.attributes.city)"#,
            ),
            ("Qqqq", Versions::Live, r#"there is no attribute "Qqqq"; `apsides definitions` lists what there is"#),
            ("", Versions::Live, r#"there is no attribute ""; `apsides definitions` lists what there is"#),
        ] {
            let found = definitions.select(Kind::Attribute, &[wanted.to_owned()], versions);
            let said = found.map_or_else(|errors| errors[0].to_string(), |ids| ids.join(" "));
            assert_eq!(said, expected, "{wanted:?}");
        }
    }

    #[test]
    fn lists_have_each_id_once_or_all_errors() {
        let select = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&text| text.to_owned()).collect();
            definitions().select(Kind::Attribute, &wanted, Versions::Live)
        };
        assert_eq!(select(&["com.*", "11", "Email", "7"]).unwrap(), ["10", "11", "19", "7"]);
        assert_eq!(select(&["nope", "10", "City", "Fax"]).unwrap_err().len(), 3);
        assert_eq!(select(&[]).unwrap(), [""; 0]);
        // Definitions are not asked about ids.
        let ids = ["1", "2"].map(str::to_owned);
        assert_eq!(Definitions::default().select(Kind::Tag, &ids, Versions::Live).unwrap(), ids);
    }

    #[test]
    fn segments() {
        for (wanted, expected) in [
            ("usercreated.segments.vip-1", "usercreated.segments.vip-1"),
            ("VIP", "usercreated.segments.vip-1"),
            ("vip", "usercreated.segments.vip-1"),
            ("*vip*", "usercreated.segments.vip-1"),
            ("Everybody", "usercreated.segments.all-2"),
            (
                "EVERYBODY",
                r#""EVERYBODY" is the name of more than one segment; write which: usercreated.segments.all-2, usercreated.segments.all-3"#,
            ),
            (
                "*all*",
                r#""*all*" is the name of more than one segment; write which: usercreated.segments.all-2, usercreated.segments.all-3"#,
            ),
            ("*x*", r#"no segment in use has a name or discriminator like "*x*""#),
            ("VPI", r#"there is no segment "VPI"; near: "VIP" (usercreated.segments.vip-1)"#),
            ("10", r#"there is no segment "10"; `apsides definitions` lists what there is"#),
        ] {
            let found = definitions().select_segment(wanted);
            assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected, "{wanted:?}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let ids: Vec<String> = (0..20).map(|id| id.to_string()).collect();
        assert_eq!(list(&ids).to_string(), "0, 1, 2, 3, 4, 5, 6, 7 and 12 more");
    }
}
