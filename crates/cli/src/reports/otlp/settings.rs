//! Which collector is told: what the command line or the pipeline says, or else the environment variables that all programs
//! with OpenTelemetry have in common.

use super::{Collector, SERVICE};
use crate::args::otlp_endpoint;
use apsides_fetcher::{Headers, Secret};
use url::Url;

/// What somebody says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Otlp {
    /// `v1/traces` and `v1/metrics` are added.
    pub(crate) endpoint: Option<Url>,
    pub(crate) headers: Option<Headers>,
    pub(crate) service_name: Option<String>,
}

impl Otlp {
    /// What holds in the end, if somebody is told.
    pub(in crate::reports) fn resolved(self, variable: impl Fn(&str) -> Option<String>) -> Option<Collector> {
        // As the specification has it, an empty variable is none, and one that is wrong is ignored, with a warning.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint = self.endpoint.or_else(|| {
            let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|_| !is_disabled)?;
            let warn = |error| tracing::warn!("OTEL_EXPORTER_OTLP_ENDPOINT is ignored: {error}");
            otlp_endpoint(&endpoint).map_err(warn).ok()
        })?;
        let headers = self.headers.or_else(|| {
            let warn = |error| tracing::warn!("OTEL_EXPORTER_OTLP_HEADERS is ignored: {error}");
            headers(&variable("OTEL_EXPORTER_OTLP_HEADERS")?).map_err(warn).ok()
        });
        Some(Collector {
            endpoint,
            headers: headers.unwrap_or_default(),
            service_name: self.service_name.or_else(|| variable("OTEL_SERVICE_NAME")).unwrap_or(SERVICE.to_owned()),
            trace_parent: variable("TRACEPARENT"),
        })
    }
}

/// Headers as the variable has them: `name=value,name=value`, with `%` and two digits for what would be mistaken.
fn headers(text: &str) -> Result<Headers, String> {
    let mut headers = Headers::default();
    for header in text.split(',').map(str::trim).filter(|header| !header.is_empty()) {
        // Nothing of it is shown: it may be a key.
        let (name, value) = header.split_once('=').ok_or("a header has no value; write name=value,name=value")?;
        let value =
            decoded(value.trim()).ok_or("a header has `%` without two digits, or is no UTF-8; write %25 for it")?;
        headers.add(name.trim(), &Secret::new(value)).map_err(|error| error.to_string())?;
    }
    Ok(headers)
}

fn decoded(text: &str) -> Option<String> {
    let (first, rest) = text.split_once('%').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let mut decoded = first.as_bytes().to_vec();
    for part in rest.iter().flat_map(|rest| rest.split('%')) {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

    fn resolved(said: Otlp, set: &[(&str, &str)]) -> Option<Collector> {
        let value = |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        said.resolved(value)
    }

    #[test]
    fn the_environment_holds_where_nothing_is_said() {
        let there = || Otlp { endpoint: otlp_endpoint("https://there").ok(), ..Otlp::default() };
        for (said, set, expected) in [
            (Otlp::default(), &[][..], None),
            (Otlp::default(), &[(ENDPOINT, "")], None),
            (Otlp::default(), &[(ENDPOINT, "http://here:4318")], Some("http://here:4318/")),
            (Otlp::default(), &[(ENDPOINT, "here:4318")], None),
            (Otlp::default(), &[(ENDPOINT, "http://here"), ("OTEL_SDK_DISABLED", "True")], None),
            (Otlp::default(), &[(ENDPOINT, "http://here"), ("OTEL_SDK_DISABLED", "no")], Some("http://here/")),
            (there(), &[(ENDPOINT, "http://here")], Some("https://there/")),
            (there(), &[("OTEL_SDK_DISABLED", "true")], Some("https://there/")),
        ] {
            let collector = resolved(said, set);
            assert_eq!(collector.as_ref().map(|collector| collector.endpoint.as_str()), expected, "{set:?}");
        }
        let set = [(ENDPOINT, "http://here"), ("OTEL_SERVICE_NAME", "nights"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=b")];
        let collector = resolved(Otlp::default(), &set).expect("a collector");
        assert_eq!((collector.service_name.as_str(), collector.headers), ("nights", headers("a=b").expect("headers")));
        let said = Otlp { headers: Some(Headers::default()), service_name: Some("days".into()), ..there() };
        let collector = resolved(said, &set).expect("a collector");
        assert_eq!((collector.service_name.as_str(), collector.headers), ("days", Headers::default()));
        assert_eq!(resolved(there(), &[]).expect("a collector").service_name, "apsides");
        let wrong = [("OTEL_EXPORTER_OTLP_HEADERS", "a")];
        assert_eq!(resolved(there(), &wrong).expect("a collector").headers, Headers::default());
    }

    #[test]
    fn headers_are_read_as_they_are_documented() {
        let of = |headers: &[(&str, &str)]| {
            let mut all = Headers::default();
            headers.iter().for_each(|(name, value)| all.add(name, &Secret::new(*value)).expect("a header"));
            all
        };
        for (text, expected) in [
            ("", of(&[])),
            ("api-key=key", of(&[("api-key", "key")])),
            (" api-key = key , x = y=z ,", of(&[("api-key", "key"), ("x", "y=z")])),
            ("authorization=Basic%20YTpi,x=%C3%85re%2C", of(&[("authorization", "Basic YTpi"), ("x", "Åre,")])),
        ] {
            assert_eq!(headers(text), Ok(expected), "{text}");
        }
        for wrong in
            ["h1dden", "a=h1dden%2", "a=h1dden%", "a=%+1h1dden", "a=%é", "a=%ffh1dden", "a b=h1dden", "a=h1dden%0a"]
        {
            let error = headers(wrong).expect_err(wrong);
            assert!(!error.contains("h1dden"), "{error}");
        }
    }
}
