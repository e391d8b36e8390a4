//! Where an export comes from: the API, the client, and what the ids stand for.

use super::{export::VersionsName, text::Text, units::Age, wrong};
use crate::{failure::Failure, names::Lookup, storage::Storage};
use apsides_batcher::{Archive, Destination};
use apsides_definitions::Versions;
use apsides_fetcher::{self as fetcher, ClientConfig, DefinitionsCache, Network, Rate, Region, Secret, StatePlace};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// The API and the client.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Where the account lives. Default: emea.
    pub(super) region: Option<RegionName>,
    /// The API, instead of a region.
    pub(super) base_url: Option<Text>,
    /// The id of the API key.
    client_id: Text,
    /// Its secret.
    client_secret: Text,
    /// A folder where the token and pending exports are kept between runs, or `s3://bucket/prefix`.
    state: Option<String>,
    /// Certificates that are trusted besides the system's.
    ca_file: Option<PathBuf>,
    /// Instead of what HTTPS_PROXY says.
    proxy: Option<Text>,
    /// How often an export with events may be asked for. Default: 1, as the API documents it.
    event_exports_per_minute: Option<std::num::NonZeroU32>,
    /// How many exports are asked for ahead of the one that is worked on, 0 to 20. Default: 2.
    #[cfg_attr(test, schemars(range(min = 0, max = EXPORTS_AHEAD_MAX)))]
    exports_ahead: Option<usize>,
    /// How long after its request an export is polled for first. Default: 1s.
    first_poll: Option<Age>,
    /// Other origins that poll URLs may have.
    #[serde(default)]
    poll_hosts: Vec<String>,
}

/// The most exports that may be asked for ahead: the API refuses more when too many are pending.
const EXPORTS_AHEAD_MAX: usize = 20;

#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum RegionName {
    Emea,
    Apac,
}

/// Where what the ids stand for is remembered. If it is there at all, every run wants to know.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Definitions {
    /// A file where they are remembered. Its folder must be there.
    pub(super) cache: Option<PathBuf>,
    /// From when on they are fetched again. Default: 24h.
    max_age: Option<Age>,
}

impl Source {
    /// What a client needs to know. `s3` says how a bucket is reached.
    pub(super) fn into_client(self, s3: &Storage) -> Result<ClientConfig, Failure> {
        let base_url = match (self.region, self.base_url) {
            (Some(_), Some(_)) => return Err(wrong("[source] has both `region` and `base_url`")),
            (None, Some(url)) => {
                let no_url = |error| wrong(&format!("[source] `base_url` is no URL ({error}); write https://host"));
                url.0.parse().map_err(no_url)?
            }
            (Some(RegionName::Apac), None) => Region::Apac.base_url(),
            (Some(RegionName::Emea) | None, None) => Region::Emea.base_url(),
        };
        let poll_hosts = self.poll_hosts.iter().map(|host| {
            let no_url =
                |error| wrong(&format!("[source] `poll_hosts`: {host} is no URL ({error}); write https://host"));
            host.parse().map_err(no_url)
        });
        let mut limits = fetcher::Limits::default();
        if let Some(calls) = self.event_exports_per_minute {
            limits.rates.event_exports = Rate::new(calls.get(), 60);
            // They are exports too: more than one a second must be allowed of these as well, or it would have no effect.
            if calls.get() > 60 {
                limits.rates.exports = limits.rates.event_exports;
            }
        }
        if let Some(ahead) = self.exports_ahead {
            if ahead > EXPORTS_AHEAD_MAX {
                return Err(wrong(&format!("[source] `exports_ahead` is {ahead}, and at most {EXPORTS_AHEAD_MAX}")));
            }
            limits.exports_ahead = ahead;
        }
        limits.poll_interval_first = self.first_poll.map_or(limits.poll_interval_first, |delay| delay.0);
        for (key, text) in [("client_id", &self.client_id), ("client_secret", &self.client_secret)] {
            if text.0.is_empty() {
                return Err(wrong(&format!("[source] `{key}` is empty: so is the variable or the file it comes from")));
            }
        }
        Ok(ClientConfig {
            limits,
            network: Network { ca_file: self.ca_file, proxy: self.proxy.map(|url| Secret::new(url.0)) },
            poll_hosts: poll_hosts.collect::<Result<_, _>>()?,
            state: self.state.map(|place| state(&place, s3)).transpose()?,
            ..ClientConfig::new(base_url, self.client_id.0, Secret::new(self.client_secret.0))
        })
    }
}

fn state(place: &str, s3: &Storage) -> Result<StatePlace, Failure> {
    Ok(match s3.destination(place)? {
        Destination::Folder(folder) => StatePlace::Folder(folder),
        Destination::Bucket { address, settings } => {
            let store = Archive::new(&address, &settings)?.store();
            StatePlace::Objects { store, name: address.to_string() }
        }
    })
}

/// How long cached definitions are taken for true, where the pipeline does not say.
pub(super) const DEFINITIONS_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

pub(super) fn lookup(definitions: Option<Definitions>, versions: VersionsName) -> Result<Lookup, Failure> {
    let versions = match versions {
        VersionsName::Live => Versions::Live,
        VersionsName::All => Versions::All,
    };
    let Some(Definitions { cache, max_age }) = definitions else { return Ok(Lookup { versions, ..Lookup::default() }) };
    if cache.is_none() && max_age.is_some() {
        return Err(wrong("[definitions] has `max_age`, but no `cache` that could be too old"));
    }
    let max_age = max_age.map_or(DEFINITIONS_AGE_MAX, |age| age.0);
    Ok(Lookup { versions, always: true, cache: cache.map(|path| DefinitionsCache { path, max_age }) })
}
