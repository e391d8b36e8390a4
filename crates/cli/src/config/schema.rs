//! `schemas/pipeline.schema.json`, by which editors complete and check pipelines, is what the types here say.
//!
//! To write it anew: `APSIDES_WRITE_SCHEMA=1 cargo test -p apsides-cli schema`.

use super::Pipeline;
use crate::args::TableName;
use apsides_batcher::{Kind, Treatment};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fs, path::PathBuf};

impl JsonSchema for TableName {
    fn schema_name() -> Cow<'static, str> {
        "TableName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A table: `wide` is typed, with a row per profile and section, `events_*` one per event type.",
            "enum": ["profiles", "attributes", "tags", "events", "unmapped", "wide", "events_*"]
        })
    }
}

/// The type of a typed column.
pub(super) struct KindWord;

impl JsonSchema for KindWord {
    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The type of a typed column.",
            "enum": ["text", "integer", "double", "boolean", "date", "timestamp_s", "timestamp_ms", "json"]
        })
    }
}

/// How a value is withheld.
pub(super) struct TreatmentName;

impl JsonSchema for TreatmentName {
    fn schema_name() -> Cow<'static, str> {
        "Treatment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How a value is withheld: left out, as its HMAC, or as `***`.",
            "enum": ["drop", "hash", "mask"]
        })
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn generated() -> Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(Pipeline)).expect("plain data");
    schema["title"] = "A pipeline of apsides".into();
    schema
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = root().join("schemas/pipeline.schema.json");
    let generated = generated();
    if std::env::var_os("APSIDES_WRITE_SCHEMA").is_some() {
        fs::write(&path, format!("{generated:#}\n")).expect("the file can be written");
    }
    let published = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let is_same = published == Some(generated);
    assert!(is_same, "write it anew: APSIDES_WRITE_SCHEMA=1 cargo test -p apsides-cli schema");
}

#[test]
fn the_words_of_the_schema_are_those_that_are_read() {
    fn words<T: JsonSchema>() -> Vec<String> {
        let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
        let words = schema["enum"].as_array().expect("words").iter();
        words.map(|word| word.as_str().expect("a word").to_owned()).collect()
    }
    for word in words::<TableName>() {
        assert!(word.parse::<TableName>().is_ok(), "{word}");
    }
    for word in words::<KindWord>() {
        assert!(word.parse::<Kind>().is_ok(), "{word}");
    }
    for word in words::<TreatmentName>() {
        assert!(serde_json::from_value::<Treatment>(word.clone().into()).is_ok(), "{word}");
    }
}

#[test]
fn every_member_has_words_for_it() {
    let schema = generated();
    let types = schema["$defs"].as_object().expect("types").values().chain([&schema]);
    for (name, member) in types.filter_map(|of| of["properties"].as_object()).flatten() {
        assert!(member["description"].as_str().is_some_and(|words| !words.is_empty()), "{name}: {member}");
    }
}

#[test]
fn pipelines_name_the_schema_and_keep_to_it() {
    let schema = generated();
    let files = fs::read_dir(root().join("pipelines")).expect("the folder").map(|file| file.expect("an entry").path());
    for path in files {
        let text = fs::read_to_string(&path).expect("a pipeline");
        assert_eq!(text.lines().next(), Some("#:schema ../schemas/pipeline.schema.json"), "{}", path.display());
        let pipeline: Value = toml::from_str(&text).expect("TOML");
        assert_eq!(unknown(&schema, &schema, &pipeline), Vec::<String>::new(), "{}", path.display());
    }
    let wrong = serde_json::json!({ "sauce": {}, "export": { "tags": [], "tag": [], "window": { "stop": "" } } });
    assert_eq!(
        unknown(&schema, &schema, &wrong),
        ["window.stop", "tag", "sauce"].map(|name| match name {
            "sauce" => name.to_owned(),
            name => format!("export.{name}"),
        })
    );
}

/// The dotted names of all settings, sorted.
pub(super) fn leaves() -> Vec<String> {
    settings().into_keys().collect()
}

/// Those whose texts may come from elsewhere, in the order of the file.
pub(super) fn texts() -> Vec<String> {
    let mut texts: Vec<_> =
        settings().into_iter().filter(|(_, schema)| schema.to_string().contains("#/$defs/Text\"")).collect();
    texts.sort_by_key(|(name, _)| !name.starts_with("source."));
    texts.into_iter().map(|(name, _)| name).collect()
}

/// All settings with their schemas.
fn settings() -> BTreeMap<String, Value> {
    fn below(root: &Value, prefix: &str, schema: &Value, settings: &mut BTreeMap<String, Value>) {
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let name = format!("{prefix}{name}");
            let referred = referred(root, schema).unwrap_or_default();
            if referred["properties"].is_object() {
                below(root, &format!("{name}."), &referred, settings);
            } else {
                settings.insert(name, schema.clone());
            }
        }
    }
    let (root, mut settings) = (generated(), BTreeMap::new());
    below(&root, "", &root, &mut settings);
    settings
}

/// The type that a schema refers to, of itself or unless there is none.
fn referred(root: &Value, schema: &Value) -> Option<Value> {
    let reference =
        |schema: &Value| schema["$ref"].as_str().and_then(|at| root.pointer(at.strip_prefix('#')?)).cloned();
    reference(schema).or_else(|| schema["anyOf"].as_array()?.iter().find_map(reference))
}

/// Members that the schema does not know, the deepest first.
fn unknown(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = referred(root, schema).unwrap_or_else(|| schema.clone());
    let (Some(members), Some(known)) = (value.as_object(), schema["properties"].as_object()) else { return Vec::new() };
    let (mut below, mut here) = (Vec::new(), Vec::new());
    for (name, value) in members {
        match known.get(name) {
            Some(schema) => {
                below.extend(unknown(root, schema, value).into_iter().map(|below| format!("{name}.{below}")))
            }
            None => here.push(name.clone()),
        }
    }
    below.into_iter().chain(here).collect()
}
