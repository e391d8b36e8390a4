//! Every setting of a pipeline, in the order of the documentation, and what holds where the file does not say.
//!
//! A test holds the list to the schema of pipelines, so that no setting can be forgotten here.

use super::{Pipeline, schedule::WINDOWS_PER_RUN};
use crate::args::CodecName;
use apsides_batcher::{Commit, FileOptions, Options, StorageSettings};
use apsides_fetcher::{Limits, Region};
use std::time::Duration;
use toml::Value;

/// What holds where the file does not say.
pub(super) enum Default {
    /// Nothing.
    None,
    Value(Value),
    /// The first of these environment variables that is set, or else this, if there is something.
    Environment(&'static [&'static str], Option<Value>),
}

/// A setting, by its dotted name.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: Default,
}

/// All of them. Some defaults depend on what the pipeline does say.
pub(super) fn settings(pipeline: &Pipeline) -> Vec<Setting> {
    let Pipeline { source, definitions, schedule, limits, .. } = pipeline;
    let memory = limits.memory_limit.map_or(Options::MEMORY_DEFAULT, |size| size.0);
    let options = Options::within(memory);
    let FileOptions { file_bytes, row_group_bytes, row_group_rows, bloom_filters: _, codec: _, chunks_max: _ } =
        options.files;
    let storage = StorageSettings::default();
    let has_cache = definitions.as_ref().is_some_and(|definitions| definitions.cache.is_some());
    let base_url = match (&source.base_url, source.region) {
        (None, Some(super::source::RegionName::Apac)) => Some(Region::Apac.base_url()),
        (None, _) => Some(Region::Emea.base_url()),
        (Some(_), _) => None,
    };
    let scheduled = |default| if schedule.is_some() { default } else { Default::None };
    let no = || Default::Value(false.into());
    let list = || Default::Value(Value::Array(Vec::new()));
    let tables = ["profiles", "attributes", "tags", "events"].map(Value::from).to_vec();
    [
        ("source.region", if source.base_url.is_none() { text("emea") } else { Default::None }),
        ("source.base_url", base_url.map_or(Default::None, |url| text(url.as_str().trim_end_matches('/')))),
        ("source.client_id", Default::None),
        ("source.client_secret", Default::None),
        ("source.state", Default::None),
        ("source.ca_file", Default::None),
        ("source.proxy", Default::Environment(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], None)),
        ("source.event_exports_per_minute", number(1)),
        ("source.exports_ahead", number(Limits::default().exports_ahead)),
        ("source.first_poll", span(Limits::default().poll_interval_first)),
        ("source.poll_hosts", list()),
        ("export.segment", Default::None),
        ("export.attributes", list()),
        ("export.tags", list()),
        ("export.events", list()),
        ("export.versions", text("live")),
        ("export.window.start", Default::None),
        ("export.window.end", Default::None),
        ("export.window.last_days", Default::None),
        ("export.extra", Default::None),
        ("export.poll_url_pointer", Default::None),
        ("export.keep_raw", Default::None),
        ("export.spool", no()),
        ("schedule.start", Default::None),
        ("schedule.every", scheduled(text("1d"))),
        ("schedule.lookback", scheduled(text("0s"))),
        ("schedule.lag", scheduled(text("0s"))),
        ("schedule.windows_per_run", scheduled(number(WINDOWS_PER_RUN))),
        ("schedule.keep_snapshots", scheduled(number(1))),
        ("definitions.cache", Default::None),
        ("definitions.max_age", if has_cache { span(super::source::DEFINITIONS_AGE_MAX) } else { Default::None }),
        ("destination.path", Default::None),
        ("destination.overwrite", no()),
        ("destination.commit", text(Commit::default().name())),
        ("destination.tables", Default::Value(Value::Array(tables))),
        (
            "destination.s3.endpoint",
            Default::Environment(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"], None),
        ),
        (
            "destination.s3.region",
            Default::Environment(&["AWS_REGION", "AWS_DEFAULT_REGION"], Some("us-east-1".into())),
        ),
        ("destination.s3.path_style", Default::Value(true.into())),
        ("destination.s3.allow_http", Default::Environment(&["AWS_ALLOW_HTTP"], Some(false.into()))),
        ("destination.s3.encryption", Default::None),
        ("destination.s3.kms_key_id", Default::None),
        ("destination.s3.storage_class", Default::None),
        ("destination.s3.lease", span(storage.lease)),
        ("destination.s3.grace", span(storage.grace)),
        ("files.codec", text(codec())),
        ("files.file_size", size(file_bytes)),
        ("files.row_group_size", size(row_group_bytes)),
        ("files.row_group_rows", number(row_group_rows)),
        ("files.bloom_filters", no()),
        ("limits.max_value_size", size(options.limits.token_bytes_max)),
        ("limits.max_depth", number(options.limits.depth_max.into())),
        ("limits.memory_limit", size(memory)),
        ("limits.threads", Default::None),
        ("schema.mode", text("evolve")),
        ("schema.nested", text("typed")),
        ("schema.types", Default::None),
        ("privacy.key", Default::None),
        ("privacy.export_key", Default::None),
        ("privacy.attributes", Default::None),
        ("privacy.events", Default::None),
        ("metrics.textfile", Default::None),
        ("lineage.url", Default::None),
        ("lineage.file", Default::None),
        ("lineage.namespace", text("apsides")),
        ("otlp.endpoint", Default::Environment(&["OTEL_EXPORTER_OTLP_ENDPOINT"], None)),
        ("otlp.headers", Default::Environment(&["OTEL_EXPORTER_OTLP_HEADERS"], None)),
        ("otlp.service_name", Default::Environment(&["OTEL_SERVICE_NAME"], Some("apsides".into()))),
    ]
    .map(|(name, default)| Setting { name, default })
    .into()
}

/// The word for the codec by default.
fn codec() -> &'static str {
    match CodecName::default() {
        CodecName::Zstd => "zstd",
        CodecName::Snappy => "snappy",
        CodecName::Lz4 => "lz4",
        CodecName::None => "none",
    }
}

fn text(text: &str) -> Default {
    Default::Value(text.into())
}

fn number(number: usize) -> Default {
    Default::Value(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// As it is written in a pipeline: with the largest unit that tells it exactly.
fn size(bytes: usize) -> Default {
    let units = [(30, "G"), (20, "M"), (10, "K")];
    let unit = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    Default::Value(unit.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift)).into())
}

/// As it is written in a pipeline.
fn span(span: Duration) -> Default {
    let seconds = span.as_secs();
    let units = [(3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    Default::Value(
        unit.map_or_else(|| format!("{seconds}s"), |(length, unit)| format!("{}{unit}", seconds / length)).into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    const LEAST: &str = "[source]\nclient_id = 'i'\nclient_secret = 's'\n";

    fn names(pipeline: &str) -> Vec<&'static str> {
        settings(&toml::from_str(pipeline).expect("a pipeline")).into_iter().map(|setting| setting.name).collect()
    }

    #[test]
    fn every_setting_of_the_schema_is_here() {
        let mut ours = names(LEAST);
        ours.sort_unstable();
        assert_eq!(ours, schema::leaves());
    }

    #[test]
    fn defaults_are_what_holds_without_a_word() {
        let pipeline: Pipeline = toml::from_str(LEAST).expect("a pipeline");
        // What is read back from the words is what an empty pipeline has.
        let mut said = String::from(LEAST);
        let settings = settings(&pipeline);
        for name in ["files", "limits"] {
            said.push_str(&format!("[{name}]\n"));
            for setting in settings.iter().filter(|setting| setting.name.starts_with(&format!("{name}."))) {
                if let Default::Value(value) = &setting.default {
                    said.push_str(&format!("{} = {value}\n", &setting.name[name.len() + 1..]));
                }
            }
        }
        let said: Pipeline = toml::from_str(&said).expect("a pipeline");
        let default = Options::default();
        assert_eq!(said.files.into_options(FileOptions { row_group_bytes: 1, ..default.files }), default.files);
        assert_eq!(said.limits.into_options().limits, default.limits);
        assert!(toml::from_str::<Pipeline>(LEAST).expect("a pipeline").limits.memory_limit.is_none());
    }

    #[test]
    fn sizes_and_spans_are_short() {
        let word = |default| match default {
            Default::Value(value) => value.as_str().map(str::to_owned),
            _ => None,
        };
        for (bytes, expected) in [(512 << 20, "512M"), (1 << 30, "1G"), (1500, "1500"), (3 << 10, "3K")] {
            assert_eq!(word(size(bytes)).as_deref(), Some(expected));
        }
        for (seconds, expected) in [(60, "1m"), (3600, "1h"), (86_400, "24h"), (90, "90s"), (0, "0s")] {
            assert_eq!(word(span(Duration::from_secs(seconds))).as_deref(), Some(expected));
        }
    }
}
