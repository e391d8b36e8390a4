//! The way to the network, where it is not the usual one: a proxy, and certificates of one's own.

use crate::{Error, Result, Secret};
use reqwest::{Certificate, Proxy};
use std::{fs, path::PathBuf};
use url::Url;

/// How the API is reached. By default: directly or by the proxy that `HTTPS_PROXY` names, verified by the certificates of
/// the system.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// A file of PEM certificates that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// A proxy, `http://[user:password@]host:port`, instead of what the environment says. Loopback is reached directly.
    pub proxy: Option<Secret>,
}

impl Network {
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let refuse =
            |reason: String| Error::Network { setting: format!("the certificate file {}", path.display()), reason };
        let pem = fs::read(path).map_err(|error| refuse(format!("{error}; check the path and its permissions")))?;
        let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|certificates| !certificates.is_empty());
        certificates.ok_or_else(|| {
            refuse("it has no certificates in PEM form; give a file in which they begin with BEGIN CERTIFICATE".into())
        })
    }

    pub(crate) fn proxy(&self) -> Result<Option<Proxy>> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        // Nothing of it is shown: it may hold a password.
        let refuse = || Error::Network {
            setting: "the proxy".into(),
            reason: "it is no address; write http://host:port or http://user:password@host:port".into(),
        };
        let url =
            Url::parse(proxy.expose()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let proxy = Proxy::all(url.ok_or_else(refuse)?).map_err(|_| refuse())?;
        Ok(Some(proxy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_told_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "nothing").unwrap();
        let with_ca = |path: PathBuf| Network { ca_file: Some(path), ..Network::default() }.certificates().map(drop);
        let with_proxy = |url: &str| Network { proxy: Some(Secret::new(url)), ..Network::default() }.proxy().map(drop);
        for (result, words) in [
            (with_ca("/nowhere/ca.pem".into()), "/nowhere/ca.pem cannot be used: No such file"),
            (with_ca(empty), "empty.pem cannot be used: it has no certificates"),
            (with_proxy("h1dden"), "the proxy cannot be used"),
            (with_proxy("ftp://user:h1dden@host"), "the proxy cannot be used"),
        ] {
            let error = result.unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains(words) && !said.contains("h1dden"), "{said}");
        }
        assert!(with_proxy("http://user:password@proxy:3128").is_ok());
    }
}
