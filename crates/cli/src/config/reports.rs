//! What a pipeline says of those who are told of its runs.

use super::{text::Text, wrong};
use crate::{
    args::{lineage_url, otlp_endpoint},
    failure::Failure,
    reports,
};
use apsides_fetcher::{Headers, Secret};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{collections::BTreeMap, path::PathBuf};

/// Metrics of the runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    /// A file of this pipeline's own for node_exporter's textfile collector, replaced at the end of each run.
    pub(super) textfile: Option<PathBuf>,
}

/// Events of OpenLineage, of which run made which tables of what.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Lineage {
    /// Where events are sent: `https://host/api/v1/lineage`.
    url: Option<Text>,
    /// A file that events are added to, a line each.
    file: Option<PathBuf>,
    /// That of the jobs. Default: apsides.
    namespace: Option<String>,
}

impl Lineage {
    pub(super) fn into_lineage(self) -> Result<reports::Lineage, Failure> {
        let url = self.url.map(|url| lineage_url(&url.0).map_err(|error| wrong(&format!("[lineage] `url`: {error}"))));
        Ok(reports::Lineage { url: url.transpose()?, file: self.file, namespace: self.namespace })
    }
}

/// Traces and metrics of the runs, for a collector of OpenTelemetry.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Otlp {
    /// Where they are sent, by OTLP over HTTP in JSON: `https://host:4318`; `/v1/traces` and `/v1/metrics` are added.
    /// Default: what OTEL_EXPORTER_OTLP_ENDPOINT says.
    endpoint: Option<Text>,
    /// What is sent with them, as a key. Default: what OTEL_EXPORTER_OTLP_HEADERS says.
    #[serde(default, deserialize_with = "texts")]
    headers: Option<BTreeMap<String, Text>>,
    /// Whose they are. Default: what OTEL_SERVICE_NAME says, or apsides.
    service_name: Option<String>,
}

/// The words of another error would show what stands there, which may be a secret.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, Text>>, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let table = value.try_into::<BTreeMap<String, toml::Value>>();
    let table = table.map_err(|_| D::Error::custom("a table of texts is expected, as in { api-key = \"…\" }"))?;
    let texts = table.into_iter().map(|(name, value)| Ok((name, value.try_into().map_err(D::Error::custom)?)));
    texts.collect::<Result<_, D::Error>>().map(Some)
}

impl Otlp {
    pub(super) fn into_otlp(self) -> Result<reports::Otlp, Failure> {
        let refused = |key: &str, error: &dyn std::fmt::Display| wrong(&format!("[otlp] `{key}`: {error}"));
        let endpoint = self.endpoint.map(|url| otlp_endpoint(&url.0).map_err(|error| refused("endpoint", &error)));
        let headers = self.headers.map(|texts| {
            let mut headers = Headers::default();
            for (name, value) in texts {
                headers.add(&name, &Secret::new(value.0)).map_err(|error| refused("headers", &error))?;
            }
            Ok::<_, Failure>(headers)
        });
        let (endpoint, headers) = (endpoint.transpose()?, headers.transpose()?);
        Ok(reports::Otlp { endpoint, headers, service_name: self.service_name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_without_secrets() {
        let read = |text: &str| -> Result<reports::Otlp, String> {
            let otlp: Otlp = toml::from_str(text).map_err(|error| error.message().to_owned())?;
            otlp.into_otlp().map_err(|failure| failure.to_string())
        };
        for (text, words) in [
            ("endpoint = 'collector:4318'", "`endpoint`: it is no address; write https://host:4318"),
            ("endpoint = 'https://me:hunter2@'", "`endpoint`: it is no address"),
            ("endpoint = 'https://host/v1/traces/'", "leave out what begins with /v1"),
            ("headers = 'hunter2'", "a table of texts is expected"),
            ("headers = ['hunter2']", "a table of texts is expected"),
            ("headers = { api-key = ['hunter2'] }", "a text in quotes is expected"),
            ("headers = { 'api key' = 'hunter2' }", "`headers`: a header has a name that is none"),
            ("headers = { host = 'hunter2' }", "`headers`: the header host is set by apsides"),
            ("headers = { api-key = \"hunter2\\n\" }", "`headers`: the header api-key has a value that cannot be sent"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(words) && !error.contains("hunter2"), "{text}: {error}");
        }
        let otlp =
            read("endpoint = 'https://host/base/'\nheaders = { api-key = 'x${env:CARGO_PKG_NAME}' }").expect("otlp");
        let mut headers = Headers::default();
        headers.add("api-key", &Secret::new("xapsides-cli")).expect("a header");
        assert_eq!((otlp.endpoint.as_ref().map(|url| url.path()), otlp.headers), (Some("/base/"), Some(headers)));
        assert_eq!(read(""), Ok(reports::Otlp::default()));
    }
}
