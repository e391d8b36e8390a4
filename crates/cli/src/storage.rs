//! How a destination or an input in S3 is reached: options of the command line, and `[destination.s3]` of
//! a pipeline. Credentials come from the environment alone.

use crate::failure::Failure;
use apsides_batcher::{Address, Destination, StorageSettings, open_object};
use apsides_fetcher::{self as fetcher, Origin, Reader};
use clap::Args as ClapArgs;
use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::time::Duration;

#[derive(Clone, Debug, Default, ClapArgs, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[command(next_help_heading = "S3")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storage {
    /// Address of the store, if it is not AWS [default: AWS_ENDPOINT_URL]
    #[arg(long = "s3-endpoint", value_name = "URL")]
    endpoint: Option<String>,
    /// Region [default: AWS_REGION, else us-east-1]
    #[arg(long = "s3-region", value_name = "REGION")]
    region: Option<String>,
    /// Whether the bucket stands in the path of URLs; else in the host's name.
    #[arg(skip)]
    path_style: Option<bool>,
    /// Allow plain http:// to other machines than this one
    #[arg(long = "s3-allow-http")]
    allow_http: bool,
    /// Encryption by the store: AES256, aws:kms or aws:kms:dsse
    #[arg(long = "s3-encryption", value_name = "KIND")]
    encryption: Option<String>,
    /// The key for aws:kms
    #[arg(long = "s3-kms-key-id", value_name = "ID")]
    kms_key_id: Option<String>,
    /// Storage class of the tables' files, such as STANDARD_IA
    #[arg(long = "s3-storage-class", value_name = "CLASS")]
    storage_class: Option<String>,
    /// How long a run that is not heard of any more keeps others away [default: 60s]
    #[arg(long, value_parser = span, value_name = "TIME")]
    #[serde(deserialize_with = "span_of")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    lease: Option<Duration>,
    /// How long files that were replaced stay for those who still read them [default: 1h]
    #[arg(long, value_parser = span, value_name = "TIME")]
    #[serde(deserialize_with = "span_of")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    grace: Option<Duration>,
}

impl Storage {
    /// The destination that a text names.
    pub(crate) fn destination(&self, text: &str) -> Result<Destination, Failure> {
        Ok(Destination::parse(text, self.settings())?)
    }

    pub(crate) fn settings(&self) -> StorageSettings {
        let default = StorageSettings::default();
        StorageSettings {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            allow_http: self.allow_http,
            encryption: self.encryption.clone(),
            kms_key_id: self.kms_key_id.clone(),
            storage_class: self.storage_class.clone(),
            lease: self.lease.unwrap_or(default.lease),
            grace: self.grace.unwrap_or(default.grace),
        }
    }
}

/// A span of time, as in `24h`, `90m` or `7d`, where a day has 24 hours.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match span.map(Duration::try_from) {
        Ok(Ok(span)) => Ok(span),
        _ => Err("no span of time; write \"24h\", \"90m\" or \"7d\"".to_owned()),
    }
}

fn span_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    span(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

/// Opens an object to be read.
pub(crate) async fn open(address: &Address, settings: &StorageSettings) -> Result<Reader, Failure> {
    let object = open_object(address, settings).await?;
    let origin = Origin::Url(address.to_string());
    Ok(fetcher::from_stream(object.bytes, origin, Some(object.size), &fetcher::Limits::default()))
}
