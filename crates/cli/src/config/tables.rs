//! What a pipeline says of the tables: the columns of typed ones, and what is withheld from all.

use super::text::Text;
use crate::args::{ModeName, NestedName, TableName, typed_of};
use apsides_batcher::{Kind, PrivacyRules, Treatment, Typed};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::{BTreeMap, HashMap};

/// The columns of typed tables.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Schema {
    /// What becomes of typed columns that the tables to be replaced don't have. Default: evolve.
    #[serde(default)]
    mode: ModeName,
    /// What becomes of objects and arrays in the data of events: `typed`, structs and lists where their shape is known
    /// and stable; `json`, JSON text. Default: typed.
    #[serde(default)]
    nested: NestedName,
    /// Kinds that are not those of the definitions: by an attribute's id or discriminator, or by
    /// `<event type>/<member>`; of what is in a member by `<event type>/<member>/<member>`, with `[]` behind a
    /// member that is a list.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, super::schema::KindWord>"))]
    types: HashMap<String, KindName>,
}

impl Schema {
    /// The typed tables among those that are written.
    pub(super) fn into_typed(self, tables: &[TableName]) -> Typed {
        Typed {
            kinds: self.types.into_iter().map(|(id, kind)| (id, kind.0)).collect(),
            mode: self.mode.into(),
            nested: self.nested.into(),
            ..typed_of(tables)
        }
    }
}

/// A [`Kind`] that can be chosen.
#[derive(Clone, Copy, Debug)]
struct KindName(Kind);

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// What is withheld from the tables.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Privacy {
    /// Of the hashes.
    key: Option<Text>,
    /// What stands for export keys in the tables.
    export_key: Option<HashOnly>,
    /// By version id, discriminator or display name.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, super::schema::TreatmentName>"))]
    attributes: BTreeMap<String, Treatment>,
    /// By `<event type>/<member>`.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, super::schema::TreatmentName>"))]
    events: BTreeMap<String, Treatment>,
}

/// What can be done to export keys.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum HashOnly {
    Hash,
}

impl Privacy {
    pub(super) fn into_rules(self) -> PrivacyRules {
        PrivacyRules {
            attributes: self.attributes.into_iter().collect(),
            members: self.events.into_iter().collect(),
            hash_export_key: matches!(self.export_key, Some(HashOnly::Hash)),
            key: self.key.map(|key| key.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_is_read_and_keys_are_not_told() {
        let privacy: Privacy = toml::from_str(
            "key = 'a key of many bytes'\nexport_key = 'hash'\nattributes = { email = 'hash', '7' = 'drop' }\n\
             events = { '*/name' = 'mask' }",
        )
        .expect("privacy");
        assert!(!format!("{privacy:?}").contains("bytes"));
        let rules = privacy.into_rules();
        assert!(!format!("{rules:?}").contains("bytes"));
        assert_eq!(rules.attributes, [("7".into(), Treatment::Drop), ("email".into(), Treatment::Hash)]);
        assert_eq!(rules.members, [("*/name".into(), Treatment::Mask)]);
        assert!(rules.hash_export_key);
        for wrong in ["export_key = 'drop'", "attributes = { email = 'remove' }", "keys = 'x'"] {
            assert!(toml::from_str::<Privacy>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn typed_tables_have_the_types_that_are_said() {
        let schema: Schema =
            toml::from_str("mode = 'freeze'\ntypes = { '7' = 'timestamp_ms', 'order/total' = 'text' }")
                .expect("a schema");
        let typed = schema.into_typed(&["wide".parse().expect("a table")]);
        assert!(typed.wide && !typed.events);
        assert_eq!(typed.kinds["7"], Kind::TimestampMs);
        assert!(toml::from_str::<Schema>("types = { a = 'tag' }").is_err());
    }
}
