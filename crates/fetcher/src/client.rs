//! The way in: a client for one account in one region, and the rule of who sees its token.

use crate::{
    Ahead, Counts, DefinitionsCache, Error, ExportSpec, Exports, Limits, Network, Part, Pending, Poll, Ready, Result,
    Secret, Waiting, ahead, definitions,
    error::shown,
    export,
    http::{self, Call, Http, Reply},
    state::{State, StatePlace},
    token::{TokenCheck, Tokens},
};
use apsides_definitions::Snapshot;
use reqwest::Response;
use std::{fmt, sync::Arc};
use url::Url;

/// Where the account lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Region {
    /// Europe, the Middle East and Africa: `https://api.apsis.one`
    #[default]
    Emea,
    /// Asia and the Pacific: `https://api-apac.apsis.one`
    Apac,
}

impl Region {
    /// The base URL of the region's API.
    pub fn base_url(self) -> Url {
        let url = match self {
            Self::Emea => "https://api.apsis.one",
            Self::Apac => "https://api-apac.apsis.one",
        };
        Url::parse(url).expect("a constant, and a test parses it")
    }
}

/// What a [`Client`] needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The API: see [`Region::base_url`]. HTTPS, or plain HTTP on loopback for tests and the demo.
    pub base_url: Url,
    /// The id of the API key.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The way there.
    pub network: Network,
    /// Other origins that poll URLs may have, and that get the token: `https://host` or `https://host:port`.
    pub poll_hosts: Vec<Url>,
    /// Where it keeps its token and the exports it has asked for until they are published, so that the next run finds
    /// them. By default nowhere.
    pub state: Option<StatePlace>,
    /// Every limit on time, tries and memory.
    pub limits: Limits,
}

impl ClientConfig {
    /// All that is needed; the rest is as by default.
    pub fn new(base_url: Url, client_id: impl Into<String>, client_secret: Secret) -> Self {
        Self {
            base_url,
            client_id: client_id.into(),
            client_secret,
            network: Network::default(),
            poll_hosts: Vec::new(),
            state: None,
            limits: Limits::default(),
        }
    }
}

/// A client for one account. Cloning it is cheap, and clones share connections and token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    tokens: Tokens,
    state: State,
    ahead: ahead::Register,
    base: Url,
    poll_hosts: Vec<Url>,
    account: String,
}

impl Client {
    /// Checks the configuration and sets up TLS. Nothing is sent yet.
    pub fn new(config: ClientConfig) -> Result<Self> {
        let state = State::new(&config);
        let ClientConfig { base_url: base, client_id, client_secret, network, poll_hosts, state: _, limits } = config;
        let refuse = |reason| Err(Error::BaseUrl { url: shown(&base), reason });
        if !http::is_safe(&base) {
            return refuse("the secret travels over https only (plain http is for loopback)");
        }
        if !base.username().is_empty() || base.password().is_some() {
            return refuse("it holds a user or password, which belong into the client id and secret");
        }
        if let Some(host) = poll_hosts.iter().find(|host| !http::is_safe(host)) {
            let (setting, reason) = (format!("the host of poll URLs {}", shown(host)), "it is not https://…".into());
            return Err(Error::Network { setting, reason });
        }
        let http = Http::new(limits, base.scheme() == "http", &network, Some(&client_secret))?;
        let account = definitions::account(&base, &client_id);
        let tokens = Tokens::new(&base, client_id, client_secret, state.clone());
        let ahead = ahead::Register::default();
        Ok(Self { inner: Arc::new(Inner { http, tokens, state, ahead, base, poll_hosts, account }) })
    }

    /// Fetches a new token, which shows that the API can be reached and takes the credentials. One call, and nothing else
    /// happens there.
    pub async fn check(&self) -> Result<TokenCheck> {
        self.inner.tokens.check(&self.inner.http).await
    }

    /// Asks the API to make an export. What comes back is its promise: a URL to poll.
    ///
    /// If the state remembers one that was asked for by the same request, or it was asked for [ahead](Self::ahead), it is
    /// that one, and none is asked for.
    pub async fn request(&self, spec: &ExportSpec) -> Result<Pending> {
        export::request(self, spec).await
    }

    /// Asks for an export and waits until it is there. One that fails or is lost on the way is asked for again, up to
    /// [`Limits::exports_max`] times in all.
    ///
    /// A request whose answer is lost may have started an export that nobody will fetch: the log says so.
    pub async fn export(&self, spec: &ExportSpec, observer: impl FnMut(Poll) + Send) -> Result<Ready> {
        export::export(self, spec, observer).await
    }

    /// Asks for the parts of an export in order, as soon as there is a use for them, and tells `observer` of each poll
    /// that finds nothing. A part that is too large is asked for in two. To be called within a runtime.
    pub fn exports(&self, parts: Vec<Part>, observer: impl FnMut(Waiting) + Send + 'static) -> Exports {
        Exports::start(self.clone(), parts, observer)
    }

    /// Asks for exports ahead of their turn: when the first of these has been asked for, the next
    /// [`Limits::exports_ahead`] are too, and so on with each that is requested. Within the same rates as all calls, and
    /// until what comes back is dropped. One at a time: another one takes its place. To be called within a runtime.
    pub fn ahead(&self, specs: Vec<ExportSpec>) -> Ahead {
        Ahead::start(self.clone(), specs)
    }

    /// Fetches what the ids of the account stand for: its sections, and per section all versions of its attributes, tags
    /// and event types, and its segments.
    pub async fn definitions(&self) -> Result<Snapshot> {
        definitions::fetch(self).await
    }

    /// The same from a cache, as long as it is of this account and young enough, else fetched and put there. Where they
    /// cannot be fetched, those in the cache are better than none: they are used whatever their age, with a warning.
    pub async fn cached_definitions(&self, cache: &DefinitionsCache) -> Result<Snapshot> {
        definitions::cached(self, cache).await
    }

    /// What its calls, and those of its clones, have come to.
    pub fn counts(&self) -> Counts {
        self.inner.http.counting.counts()
    }

    /// Names the account, without its credentials.
    pub(crate) fn account(&self) -> &str {
        &self.inner.account
    }

    pub(crate) fn http(&self) -> &Http {
        &self.inner.http
    }

    /// The API.
    pub fn base_url(&self) -> &Url {
        &self.inner.base
    }

    pub(crate) fn asked_ahead(&self) -> &ahead::Register {
        &self.inner.ahead
    }

    pub(crate) fn state(&self) -> &State {
        &self.inner.state
    }

    /// The one condition under which a URL sees the token.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        let own = std::iter::once(&self.inner.base).chain(&self.inner.poll_hosts);
        own.into_iter().any(|own| own.origin() == url.origin())
    }

    /// One call with the token where the URL is the API's own, and without it anywhere else. An expired token is
    /// replaced once; a second refusal is final.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Reply> {
        let Inner { http, tokens, .. } = &*self.inner;
        if !self.is_own(call.url) {
            return http.call(call, None).await;
        }
        let token = tokens.get(http).await?;
        let reply = http.call(call, Some(&token.header)).await?;
        if !is_refusal(&reply.response) {
            return Ok(reply);
        }
        let status = reply.response.status().as_u16();
        drop(reply);
        tracing::debug!(call = call.what, url = shown(call.url), status, "refused: replacing the token");
        let token = tokens.replace(http, &token).await?;
        let reply = http.call(call, Some(&token.header)).await?;
        if !is_refusal(&reply.response) {
            return Ok(reply);
        }
        let status = reply.response.status().as_u16();
        let body = http.words(reply.response).await;
        Err(Error::Refused { what: call.what, url: shown(call.url), status, body })
    }
}

/// 403 is what the API says to an expired or invalid token, 401 to none.
fn is_refusal(response: &Response) -> bool {
    matches!(response.status().as_u16(), 401 | 403)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &shown(&self.inner.base)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Result<Client> {
        Client::new(ClientConfig::new(Url::parse(base).unwrap(), "id", Secret::new("s3cret")))
    }

    #[test]
    fn regions_have_urls() {
        assert_eq!(Region::Emea.base_url().as_str(), "https://api.apsis.one/");
        assert_eq!(Region::Apac.base_url().as_str(), "https://api-apac.apsis.one/");
    }

    #[test]
    fn base_urls_are_checked() {
        assert!(client("http://127.0.0.1:1").is_ok());
        assert!(client("https://api.apsis.one").is_ok());
        for base in ["http://api.apsis.one", "https://user:s3cret@api.apsis.one", "file:///etc/passwd"] {
            let error = client(base).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn only_own_origins_see_the_token() {
        let poll_hosts = vec![Url::parse("https://files.apsis.one").unwrap()];
        let config = ClientConfig::new(Region::Emea.base_url(), "id", Secret::new("s3cret"));
        let client = Client::new(ClientConfig { poll_hosts, ..config.clone() }).unwrap();
        for (url, own) in [
            ("https://api.apsis.one/x", true),
            ("https://files.apsis.one/x?y", true),
            ("https://files.apsis.one:444/x", false),
            ("http://files.apsis.one/x", false),
            ("https://api-apac.apsis.one/x", false),
            ("https://apsis.one", false),
        ] {
            assert_eq!(client.is_own(&Url::parse(url).unwrap()), own, "{url}");
        }
        let plain = vec![Url::parse("http://files.apsis.one").unwrap()];
        assert!(Client::new(ClientConfig { poll_hosts: plain, ..config }).is_err());
    }

    #[test]
    fn debug_has_no_secrets() {
        let client = client("https://api.apsis.one").unwrap();
        assert_eq!(format!("{client:?}"), r#"Client { base_url: "https://api.apsis.one/", .. }"#);
    }
}
