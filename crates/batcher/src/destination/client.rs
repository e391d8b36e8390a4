//! How a bucket is reached: settings, credentials from the environment, and what is refused before
//! anything is sent.

use super::{
    address::Address,
    aws_profile::with_profile,
    clock::{Clock, Listening},
    objects::{Bucket, told, told_or},
};
use crate::error::{Error, Result};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream::BoxStream};
use object_store::{
    Attribute, Attributes, ClientConfigKey, ObjectStoreExt,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut},
    prefix::PrefixStore,
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use url::{Host, Url};

/// How a bucket is reached, and how files are kept there. What is not set here comes from the environment:
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, web identities,
/// roles of containers and machines; or from a profile (`AWS_PROFILE`).
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// The store's address, if it is not that of AWS: `https://…`.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Whether the bucket stands in the path of URLs, not in the host's name. Default: it does.
    pub path_style: Option<bool>,
    /// Whether plain HTTP is allowed to other machines than this one.
    pub allow_http: bool,
    /// Encryption by the server: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub encryption: Option<String>,
    /// The key for `aws:kms`.
    pub kms_key_id: Option<String>,
    /// The storage class of the tables' files.
    pub storage_class: Option<String>,
    /// How long a run that is not heard of any more still keeps others away. Default 60 s.
    pub lease: Duration,
    /// How long files stay that are not named any more. Default 1 h.
    pub grace: Duration,
}

impl StorageSettings {
    /// The shortest lease, since stores tell the time in seconds.
    pub const LEASE_MIN: Duration = Duration::from_secs(3);
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            path_style: None,
            allow_http: false,
            encryption: None,
            kms_key_id: None,
            storage_class: None,
            lease: Duration::from_secs(60),
            grace: Duration::from_secs(3600),
        }
    }
}

/// A client for the objects below an address. Nothing is sent yet.
pub(super) fn connect(address: &Address, settings: &StorageSettings) -> Result<Bucket> {
    if settings.lease < StorageSettings::LEASE_MIN {
        return wrong(format!("a lease is at least {} seconds long", StorageSettings::LEASE_MIN.as_secs()));
    }
    // reqwest takes the process's provider, and panics where there is none. Losing the race to install it is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(Clock::default());
    let store = builder(address, settings)?
        .with_http_connector(Listening(Arc::clone(&clock)))
        .build()
        .map_err(|source| Error::StorageSettings { problem: source.to_string() })?;
    let mut attributes = Attributes::new();
    if let Some(class) = &settings.storage_class {
        attributes.insert(Attribute::StorageClass, class.clone().into());
    }
    Ok(Bucket {
        store: Arc::new(PrefixStore::new(store, address.prefix.clone())),
        address: address.to_string(),
        clock,
        attributes,
        lease: settings.lease,
        grace: settings.grace,
        folder: None,
    })
}

fn builder(address: &Address, settings: &StorageSettings) -> Result<AmazonS3Builder> {
    let agent = AmazonS3ConfigKey::Client(ClientConfigKey::UserAgent);
    let mut builder = with_profile(AmazonS3Builder::from_env())?
        .with_config(agent, concat!("apsides/", env!("CARGO_PKG_VERSION")))
        .with_bucket_name(&address.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    let from_env = builder
        .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
        .or(builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
    let endpoint = settings.endpoint.clone().or(from_env).filter(|endpoint| !endpoint.is_empty());
    if let Some(path_style) = settings.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    if let Some(endpoint) = endpoint {
        let allowed = builder.get_config_value(&AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
        let may_be_plain = settings.allow_http || allowed.is_some_and(|allowed| allowed == "true");
        let mut url = checked(&endpoint, may_be_plain)?;
        builder = builder.with_allow_http(url.scheme() == "http");
        if settings.path_style == Some(false)
            && let Some(host) = url.host_str()
        {
            let host = format!("{}.{host}", address.bucket);
            url.set_host(Some(&host)).map_err(|error| settings_error(format!("endpoint {endpoint}: {error}")))?;
        }
        let url = url.as_str().trim_end_matches('/');
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, url).with_endpoint(url);
    } else {
        builder = builder.with_allow_http(false);
    }
    for (key, value) in
        [("aws_server_side_encryption", &settings.encryption), ("aws_sse_kms_key_id", &settings.kms_key_id)]
    {
        if let (Ok(key), Some(value)) = (key.parse(), value) {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder)
}

/// An endpoint that credentials may be used with.
fn checked(endpoint: &str, may_be_plain: bool) -> Result<Url> {
    // It is shown only once it is known to hold no password.
    let Ok(url) = Url::parse(endpoint) else { return wrong("the endpoint is no URL") };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return wrong("the endpoint has more than a scheme, a host, a port and a path");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if may_be_plain || is_loopback(&url) => Ok(url),
        "http" => wrong(format!(
            "endpoint {url}: plain http is for loopback only, or where it is allowed (AWS_ALLOW_HTTP=true)"
        )),
        _ => wrong(format!("endpoint {url}: it begins with neither https:// nor http://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

fn settings_error(problem: impl Into<String>) -> Error {
    Error::StorageSettings { problem: problem.into() }
}

fn wrong<T>(problem: impl Into<String>) -> Result<T> {
    Err(settings_error(problem))
}

/// An object that is being read.
pub struct OpenObject {
    /// Its bytes, as they come; what breaks off is continued.
    pub bytes: BoxStream<'static, Result<Bytes>>,
    /// How many there are.
    pub size: u64,
}

/// Opens an object of a bucket for reading.
pub async fn open_object(address: &Address, settings: &StorageSettings) -> Result<OpenObject> {
    let bucket = connect(&Address { prefix: object_store::path::Path::default(), ..address.clone() }, settings)?;
    let failed = {
        let address = address.to_string();
        move |source| {
            told_or(&address, source, |address, source| Error::InputObject { address, problem: told(&source) })
        }
    };
    let object = bucket.store.get(&address.prefix).await.map_err(&failed)?;
    let size = object.meta.size;
    Ok(OpenObject { bytes: Box::pin(stream(object).map_err(failed)), size })
}

fn stream(object: object_store::GetResult) -> impl Stream<Item = object_store::Result<Bytes>> + Send + 'static {
    object.into_stream()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_encrypted_or_near_or_allowed() {
        for (endpoint, may_be_plain, is_taken) in [
            ("https://s3.example", false, true),
            ("http://127.0.0.1:8333", false, true),
            ("http://localhost:8333", false, true),
            ("http://[::1]:8333", false, true),
            ("http://s3:8333", false, false),
            ("http://s3:8333", true, true),
            ("http://127.0.0.1.example", false, false),
            ("ftp://127.0.0.1", true, false),
            ("https://key:secret@s3.example", true, false),
            ("s3.example", true, false),
        ] {
            let taken = checked(endpoint, may_be_plain);
            assert_eq!(taken.is_ok(), is_taken, "{endpoint}");
            assert!(!taken.is_err_and(|error| error.to_string().contains("secret")), "{endpoint}");
        }
    }
}
