//! Which value each setting of a pipeline has in the end, and who said so. Secrets are masked.

use super::{
    Pipeline,
    defaults::{Default, settings},
    text::{self, Place},
};
use crate::failure::Failure;
use serde::Serialize;
use std::{fs, path::Path};
use toml::{Spanned, Value, de::DeTable};

/// What stands for a secret.
const MASKED: &str = "***";

/// Settings whose values nobody sees, nor those of what is in them.
const SECRETS: [&str; 3] = ["source.client_secret", "otlp.headers", "privacy.key"];

/// Settings whose texts may come from elsewhere, and those of what is in them; see [`text::Text`].
const EXPANDED: [&str; 8] = [
    "source.base_url",
    "source.client_id",
    "source.client_secret",
    "source.proxy",
    "lineage.url",
    "otlp.endpoint",
    "otlp.headers",
    "privacy.key",
];

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Effective {
    /// Its dotted name.
    pub(crate) setting: String,
    /// None where nothing is said, and nothing is the default.
    pub(crate) value: Option<Value>,
    #[serde(flatten)]
    pub(crate) origin: Origin,
}

/// Who said so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "origin")]
pub(crate) enum Origin {
    /// Nobody.
    Default,
    /// A variable, without a word in the file.
    Environment { name: String },
    /// The pipeline file.
    File {
        path: String,
        /// From 1 on.
        line: usize,
        /// Where the file says that the value comes from.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        from: Vec<Place>,
    },
}

/// All settings of a pipeline file, those first that every pipeline has.
pub(crate) fn effective(path: &Path) -> Result<Vec<Effective>, Failure> {
    let pipeline = Pipeline::read(path)?;
    let text = fs::read_to_string(path)?;
    let read = |error: toml::de::Error| super::wrong(&format!("{}: {}", path.display(), error.message()));
    let spans = DeTable::parse(&text).map_err(read)?;
    let values: toml::Table = toml::from_str(&text).map_err(read)?;
    let mut said = Vec::new();
    leaves("", spans.get_ref(), &values, &mut |setting, offset, value| {
        let (value, from) = seen(&setting, value.clone());
        let line = text[..offset].matches('\n').count() + 1;
        let origin = Origin::File { path: path.display().to_string(), line, from };
        said.push(Effective { setting, value: Some(value), origin });
    });
    let mut all = Vec::new();
    for setting in settings(&pipeline) {
        let below = format!("{}.", setting.name);
        let here: Vec<_> =
            said.extract_if(.., |said| said.setting == setting.name || said.setting.starts_with(&below)).collect();
        if here.is_empty() {
            // Of a folder, they would be nothing but noise.
            if setting.name.starts_with("destination.s3.") && !is_bucket(&pipeline) {
                continue;
            }
            all.push(unsaid(setting.name, setting.default, |name| std::env::var(name).ok()));
        } else {
            all.extend(here);
        }
    }
    all.extend(said);
    Ok(all)
}

fn is_bucket(pipeline: &Pipeline) -> bool {
    pipeline.destination.as_ref().is_some_and(|destination| destination.path.starts_with("s3:"))
}

/// Tells of each value in a table, where its name begins, and its dotted name.
fn leaves(prefix: &str, spans: &DeTable<'_>, values: &toml::Table, tell: &mut impl FnMut(String, usize, &Value)) {
    let mut names: Vec<_> = spans.iter().collect();
    names.sort_by_key(|(name, _)| name.span().start);
    for (name, span) in names {
        let Some(value) = values.get(name.get_ref().as_ref()) else { continue };
        let setting = format!("{prefix}{}", key(name));
        match (span.get_ref().as_table(), value) {
            (Some(spans), Value::Table(values)) => leaves(&format!("{setting}."), spans, values, tell),
            _ => tell(setting, name.span().start, value),
        }
    }
}

/// A name as TOML writes it.
fn key(name: &Spanned<std::borrow::Cow<'_, str>>) -> String {
    let name = name.get_ref();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_string()
    } else {
        Value::from(name.as_ref()).to_string()
    }
}

fn is_among(settings: &[&str], setting: &str) -> bool {
    let rest = |of: &&str| setting.strip_prefix(*of);
    settings.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A value of the file as it may be seen, and where it comes from.
fn seen(setting: &str, value: Value) -> (Value, Vec<Place>) {
    let from = match &value {
        Value::String(text) if is_among(&EXPANDED, setting) => text::places(text),
        _ => Vec::new(),
    };
    let value = match value {
        _ if is_among(&SECRETS, setting) => MASKED.into(),
        Value::String(text) if !from.is_empty() => text::expand(&text).unwrap_or_default().into(),
        value => value,
    };
    (without_passwords(value), from)
}

/// A setting that the file does not say.
fn unsaid(setting: &str, default: Default, variable: impl Fn(&str) -> Option<String>) -> Effective {
    let set = |name: &&str| Some(((*name).to_owned(), variable(name).filter(|value| !value.is_empty())?));
    let (value, origin) = match default {
        Default::None => (None, Origin::Default),
        Default::Value(value) => (Some(value), Origin::Default),
        Default::Environment(names, default) => match names.iter().find_map(set) {
            Some((name, _)) if is_among(&SECRETS, setting) => (Some(MASKED.into()), Origin::Environment { name }),
            Some((name, value)) => (Some(without_passwords(value.into())), Origin::Environment { name }),
            None => (default, Origin::Default),
        },
    };
    Effective { setting: setting.to_owned(), value, origin }
}

/// The same without users and passwords in URLs.
fn without_passwords(value: Value) -> Value {
    match value {
        Value::String(text) => match text.split_once("://") {
            Some((scheme, rest)) => {
                let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
                match host.rfind('@') {
                    Some(at) => format!("{scheme}://{MASKED}{}", &rest[at..]).into(),
                    None => text.into(),
                }
            }
            None => text.into(),
        },
        Value::Array(values) => Value::Array(values.into_iter().map(without_passwords).collect()),
        Value::Table(table) => {
            Value::Table(table.into_iter().map(|(name, value)| (name, without_passwords(value))).collect())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    fn shown(text: &str) -> Vec<Effective> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.toml");
        fs::write(&path, text).expect("a file");
        effective(&path).unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn line(of: &Effective) -> String {
        let value = of.value.as_ref().map_or("-".to_owned(), ToString::to_string);
        match &of.origin {
            Origin::Default => format!("{value} default"),
            Origin::Environment { name } => format!("{value} {name}"),
            Origin::File { line, from, .. } => format!("{value} {line} {from:?}").replace(" []", ""),
        }
    }

    #[test]
    fn each_value_has_its_origin() {
        let secret = tempfile::NamedTempFile::new().expect("a file");
        fs::write(secret.path(), "hunter2\n").expect("it can be written");
        let all = shown(&format!(
            "[source]\nclient_id = '${{env:CARGO_PKG_NAME}}'\nclient_secret = '${{file:{}}}'\n\
             proxy = 'http://me:hunter2@proxy:3128/x@y'\n\n[export]\nattributes = [\n  '7',\n]\nwindow.last_days = 1\n\
             [export.extra]\n'a b' = {{ c = 1 }}\n[destination]\npath = 's3://bucket/a@b'\n[limits]\nmemory_limit = '96M'\n\
             [privacy]\nkey = 'hunter2hunter2hunter2'\n[otlp]\nendpoint = 'https://me:hunter2@host'\n\
             headers = {{ 'a.b' = 'hunter2', c = '${{file:{0}}}' }}\n",
            secret.path().display()
        ));
        let of = |name: &str| all.iter().find(|of| of.setting == name).map(line).unwrap_or_default();
        for (setting, expected) in [
            ("source.region", "\"emea\" default".to_owned()),
            ("source.base_url", "\"https://api.apsis.one\" default".to_owned()),
            ("source.client_id", "\"apsides-cli\" 2 [Environment { name: \"CARGO_PKG_NAME\" }]".to_owned()),
            ("source.client_secret", format!("\"***\" 3 [SecretFile {{ path: {:?} }}]", secret.path())),
            ("source.proxy", "\"http://***@proxy:3128/x@y\" 4".to_owned()),
            ("source.state", "- default".to_owned()),
            ("export.attributes", "[\"7\"] 7".to_owned()),
            ("export.window.last_days", "1 10".to_owned()),
            ("export.extra.\"a b\".c", "1 12".to_owned()),
            ("export.extra", String::new()),
            ("destination.path", "\"s3://bucket/a@b\" 14".to_owned()),
            ("destination.s3.lease", "\"1m\" default".to_owned()),
            ("limits.memory_limit", "\"96M\" 16".to_owned()),
            ("files.row_group_size", format!("\"{}\" default", (64 << 20) * 2 / 5)),
            ("privacy.key", "\"***\" 18".to_owned()),
            ("otlp.endpoint", "\"https://***@host\" 20".to_owned()),
            ("otlp.headers.\"a.b\"", "\"***\" 21".to_owned()),
            ("otlp.headers.c", format!("\"***\" 21 [SecretFile {{ path: {:?} }}]", secret.path())),
            ("otlp.service_name", "\"apsides\" default".to_owned()),
        ] {
            assert_eq!(of(setting), expected, "{setting}");
        }
        assert!(!serde_json::to_string(&all).expect("plain data").contains("hunter2"));
    }

    #[test]
    fn what_the_environment_says_is_told() {
        let default = || Default::Environment(&["A", "B"], Some("none".into()));
        let of = |set: &'static str, value: &'static str| {
            line(&unsaid("x", default(), |name| (name == set).then(|| value.to_owned())))
        };
        assert_eq!(of("B", "https://me:hunter2@host"), "\"https://***@host\" B");
        assert_eq!(of("A", ""), "\"none\" default");
        assert_eq!(of("C", "c"), "\"none\" default");
        let secret = unsaid("otlp.headers", default(), |_| Some("hunter2".to_owned()));
        assert_eq!(line(&secret), "\"***\" A");
    }

    #[test]
    fn the_texts_that_come_from_elsewhere_are_those_of_the_schema() {
        assert_eq!(EXPANDED.to_vec(), schema::texts());
    }
}
