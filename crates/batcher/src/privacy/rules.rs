//! What is withheld, and how.

use super::{
    MASK,
    redact::{Depth, redact},
};
use crate::{
    at_hand::AtHand,
    error::{Error, Result},
    hexadecimal::hexadecimal,
    typed::{Kind, Typed},
};
use apsides_definitions::{Definitions, ValueType, is_id};
use ring::hmac;
use serde::Deserialize;
use std::{borrow::Cow, collections::HashMap, fmt};

/// How a value is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It is left out.
    Drop,
    /// Its HMAC-SHA-256 with a secret key, in hexadecimal, stands for it: equal values stay equal.
    Hash,
    /// `***` stands for it.
    Mask,
}

/// What is to be withheld, as people write it.
#[derive(Clone, Default)]
pub struct PrivacyRules {
    /// Attributes and tags, by version id, discriminator, or display name.
    pub attributes: Vec<(String, Treatment)>,
    /// Members of events' data, as `<version id, discriminator or display name of the type>/<member>`;
    /// `*` stands for any type.
    pub members: Vec<(String, Treatment)>,
    /// Whether export keys are hashed, in every table.
    pub hash_export_key: bool,
    /// The key of the hashes.
    pub key: Option<String>,
}

impl fmt::Debug for PrivacyRules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PrivacyRules")
            .field("attributes", &self.attributes)
            .field("members", &self.members)
            .field("hash_export_key", &self.hash_export_key)
            .finish_non_exhaustive()
    }
}

impl PrivacyRules {
    /// Whether nothing is withheld.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.members.is_empty() && !self.hash_export_key
    }
}

/// What stands for any type of events.
pub(crate) const ANY_TYPE: &str = "*";

/// The shortest key, in bytes: what makes guessing it as hard as guessing a password of that length.
const KEY_BYTES_MIN: usize = 16;

/// What is withheld, by the ids of the export.
#[derive(Debug)]
pub(crate) struct Privacy {
    attributes: HashMap<String, Treatment>,
    /// By type id.
    members: HashMap<String, HashMap<String, Treatment>>,
    /// Of events of any type.
    members_of_any: HashMap<String, Treatment>,
    /// By the name of anything that is withheld.
    names: HashMap<String, Treatment>,
    hash_export_key: bool,
    key: Option<hmac::Key>,
}

impl Privacy {
    /// Finds the ids. A name that nothing has is an error: what it was to protect would be published.
    pub(crate) fn new(rules: &PrivacyRules, definitions: Option<&Definitions>) -> Result<Self> {
        let hashes = |rules: &[(String, Treatment)]| rules.iter().any(|(_, treatment)| *treatment == Treatment::Hash);
        let needs_key = rules.hash_export_key || hashes(&rules.attributes) || hashes(&rules.members);
        let key = match rules.key.as_deref() {
            None if needs_key => {
                return Err(Error::Privacy {
                    problem: "hashing needs a key: `key` in [privacy] of a pipeline, or --hash-key-file".to_owned(),
                });
            }
            Some(key) if key.len() < KEY_BYTES_MIN => {
                let problem = format!("the key for hashing is shorter than {KEY_BYTES_MIN} bytes");
                return Err(Error::Privacy { problem });
            }
            key => key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())),
        };
        let mut this = Self {
            attributes: HashMap::new(),
            members: HashMap::new(),
            members_of_any: HashMap::new(),
            names: HashMap::new(),
            hash_export_key: rules.hash_export_key,
            key,
        };
        for (name, treatment) in &rules.attributes {
            let ids = attribute_ids(name, definitions);
            for id in or_unknown(name, ids)? {
                this.attributes.insert(id.clone(), *treatment);
                this.names.insert(id, *treatment);
            }
        }
        for (name, treatment) in &rules.members {
            let (of, member) = name
                .split_once('/')
                .filter(|(of, member)| !of.is_empty() && !member.is_empty())
                .ok_or(Error::Privacy { problem: format!("`{name}` is not of the form <event type>/<member>") })?;
            this.names.insert(member.to_owned(), *treatment);
            if of == ANY_TYPE {
                this.members_of_any.insert(member.to_owned(), *treatment);
                continue;
            }
            for id in or_unknown(of, type_ids(of, definitions))? {
                this.members.entry(id).or_default().insert(member.to_owned(), *treatment);
            }
        }
        Ok(this)
    }

    /// Whether export keys must not be told.
    pub(crate) fn hides_export_keys(&self) -> bool {
        self.hash_export_key
    }

    /// What typed tables are to be like, and of which definitions: what is dropped has no column, and
    /// what is hashed or masked is text.
    pub(crate) fn typed(&self, typed: &Typed, definitions: &Definitions) -> (Typed, Definitions) {
        let (mut typed, mut definitions) = (typed.clone(), definitions.clone());
        let is_kept = |id: &str| self.attribute(id) != Some(Treatment::Drop);
        definitions.attributes.retain(|attribute| attribute.versions.iter().any(|version| is_kept(&version.id)));
        definitions.tags.retain(|tag| tag.versions.iter().any(|version| is_kept(&version.id)));
        for (id, treatment) in &self.attributes {
            if *treatment != Treatment::Drop {
                typed.kinds.insert(id.clone(), Kind::Text);
            }
        }
        for version in definitions.events.iter_mut().flat_map(|event| &mut event.versions) {
            let rules = |name: &str| self.member(Some(&version.id), name);
            version.fields.retain(|field| rules(&field.name) != Some(Treatment::Drop));
            for field in version.fields.iter_mut().filter(|field| rules(&field.name).is_some()) {
                field.value_type = Some(ValueType::Text);
            }
        }
        (typed, definitions)
    }

    fn member(&self, type_id: Option<&str>, name: &str) -> Option<Treatment> {
        let of_type = type_id.and_then(|id| self.members.get(id)).and_then(|rules| rules.get(name));
        of_type.or_else(|| self.members_of_any.get(name)).copied()
    }

    pub(super) fn hash(&self, text: &str) -> String {
        let Some(key) = &self.key else { return MASK.to_owned() };
        hexadecimal(hmac::sign(key, text.as_bytes()).as_ref())
    }

    pub(super) fn export_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.hash_export_key { self.hash(key).into() } else { key.into() }
    }

    #[inline]
    pub(super) fn attribute(&self, id: &str) -> Option<Treatment> {
        self.attributes.get(id).copied()
    }

    /// The data of an event, if something of it is withheld.
    pub(super) fn data(&self, at_hand: &mut AtHand, type_id: Option<&str>, raw: &str) -> Option<String> {
        let of_type = type_id.and_then(|id| self.members.get(id));
        if !may_name(raw, of_type.into_iter().chain([&self.members_of_any]).flat_map(HashMap::keys)) {
            return None;
        }
        let treatment = |name: &str| self.member(type_id, name);
        let depth = if raw.starts_with('{') { Depth::Own } else { Depth::Any };
        self.redacted(at_hand, raw, depth, treatment)
    }

    /// What may be known of a value without a column; none if it must not be known at all.
    pub(super) fn unmapped<'v>(&self, at_hand: &mut AtHand, pointer: &str, raw: &'v str) -> Option<Cow<'v, str>> {
        let mut steps = pointer.split('/').skip(1);
        let is_attribute = (steps.next(), steps.next().is_some(), steps.next());
        if let (Some("sections"), true, Some("attributes")) = is_attribute
            && let Some(treatment) = steps.next().and_then(|id| self.attribute(&unescaped(id)))
        {
            return match treatment {
                Treatment::Drop => None,
                Treatment::Hash => Some(format!("\"{}\"", self.hash(raw)).into()),
                Treatment::Mask => Some(format!("\"{MASK}\"").into()),
            };
        }
        if !may_name(raw, self.names.keys()) {
            return Some(raw.into());
        }
        let redacted = self.redacted(at_hand, raw, Depth::Any, |name| self.names.get(name).copied());
        Some(redacted.map_or(Cow::Borrowed(raw), Cow::Owned))
    }

    /// The pointer of a member above profiles, whose name may be an export key.
    pub(super) fn top_level_pointer<'v>(&self, pointer: &'v str) -> Cow<'v, str> {
        match pointer.strip_prefix('/') {
            Some(name) if self.hash_export_key && !matches!(name, "profiles" | "metadata") => {
                format!("/{}", self.hash(&unescaped(name))).into()
            }
            _ => pointer.into(),
        }
    }

    fn redacted(
        &self,
        at_hand: &mut AtHand,
        raw: &str,
        depth: Depth,
        treatment: impl Fn(&str) -> Option<Treatment>,
    ) -> Option<String> {
        // It has been read before; whatever cannot be read now must not be told either.
        let redacted = at_hand.read(raw, |tokens| redact(tokens, depth, treatment, |text| self.hash(text)));
        redacted.unwrap_or_else(|_| Some(format!("\"{MASK}\"")))
    }
}

/// Whether a member may have one of the names, in which case the text is to be read.
fn may_name<'n>(raw: &str, mut names: impl Iterator<Item = &'n String>) -> bool {
    names.any(|name| raw.contains(name.as_str()) || raw.contains('\\'))
}

/// A step of a JSON Pointer as it was before it was escaped.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn attribute_ids(name: &str, definitions: Option<&Definitions>) -> Vec<String> {
    let Some(definitions) = definitions else { return Vec::new() };
    let is_meant =
        |discriminator: &str, title: &str, ids: &[&str]| discriminator == name || title == name || ids.contains(&name);
    let mut found = Vec::new();
    for attribute in &definitions.attributes {
        let ids: Vec<&str> = attribute.versions.iter().map(|version| version.id.as_str()).collect();
        if is_meant(&attribute.discriminator, &attribute.name, &ids) {
            found.extend(ids.into_iter().map(str::to_owned));
        }
    }
    for tag in &definitions.tags {
        let ids: Vec<&str> = tag.versions.iter().map(|version| version.id.as_str()).collect();
        if is_meant(&tag.discriminator, &tag.name, &ids) {
            found.extend(ids.into_iter().map(str::to_owned));
        }
    }
    found
}

fn type_ids(name: &str, definitions: Option<&Definitions>) -> Vec<String> {
    let Some(definitions) = definitions else { return Vec::new() };
    let mut found = Vec::new();
    for event in &definitions.events {
        let ids: Vec<&str> = event.versions.iter().map(|version| version.id.as_str()).collect();
        if event.discriminator == name || event.name == name || ids.contains(&name) {
            found.extend(ids.into_iter().map(str::to_owned));
        }
    }
    found
}

/// The ids that were found, or the name itself if it is an id that nothing is known of.
fn or_unknown(name: &str, ids: Vec<String>) -> Result<Vec<String>> {
    if !ids.is_empty() {
        return Ok(ids);
    }
    if is_id(name) {
        return Ok(vec![name.to_owned()]);
    }
    let problem = format!("`{name}` is no id, and no definition has this discriminator or name");
    Err(Error::Privacy { problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_data_are_found_however_they_are_written() {
        let members = [("5/drop", Treatment::Drop), ("*/mask", Treatment::Mask), (r#"*/a"b"#, Treatment::Mask)];
        let members = members.map(|(name, treatment)| (name.to_owned(), treatment)).into();
        let definitions = apsides_definitions::Snapshot::parse(br#"{"events":[{"versions":[{"id":"5"}]}]}"#);
        let definitions = definitions.expect("definitions").definitions;
        let privacy = Privacy::new(&PrivacyRules { members, ..PrivacyRules::default() }, Some(&definitions));
        let (privacy, mut at_hand) = (privacy.expect("rules"), AtHand::default());
        for (type_id, raw, expected) in [
            (Some("5"), r#"{"drop": 1, "a": 2}"#, Some(r#"{"a":2}"#)),
            (Some("5"), r#"{"dr\u006fp": 1}"#, Some("{}")),
            (Some("5"), r#"{"a": "drop"}"#, None),
            (Some("5"), r#"{"a": {"drop": 1}}"#, None),
            (Some("5"), r#"{"a": "\n"}"#, None),
            (Some("6"), r#"{"drop": 1}"#, None),
            (None, r#"{"drop": 1, "mask": 2}"#, Some(r#"{"drop":1,"mask":"***"}"#)),
            (None, r#"{"\u006dask": 2}"#, Some(r#"{"\u006dask":"***"}"#)),
            (None, r#"{"a\"b": 2}"#, Some(r#"{"a\"b":"***"}"#)),
            (None, r#"[{"mask": 2}]"#, Some(r#"[{"mask":"***"}]"#)),
            (None, "7", None),
        ] {
            assert_eq!(privacy.data(&mut at_hand, type_id, raw).as_deref(), expected, "{type_id:?} {raw}");
            let unmapped = privacy.unmapped(&mut at_hand, "/sections/1/events/0/new", raw);
            let is_hidden =
                raw.contains("drop\":") || raw.contains("mask\":") || raw.contains("\\u00") || raw.contains("\\\"");
            assert_eq!(unmapped.is_some_and(|value| value != raw), is_hidden, "{raw}");
        }
    }
}
