//! What a client remembers between runs, if it is given a place for that: its token, and the exports it has asked for.
//!
//! The place is a private [`folder`], or [`objects`] of a store, which cannot be private and are sealed instead. They make
//! the next run cheaper, but no run depends on them: what cannot be read, or is none of ours, is left alone and told in
//! the log.

mod folder;
mod objects;
mod seal;

use crate::{ClientConfig, Result, Secret, error::shown, wire::PollKind};
use folder::Folder;
use jiff::Timestamp;
use object_store::ObjectStore;
use objects::Objects;
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use url::Url;

/// Where a client keeps its state.
#[derive(Clone)]
pub enum StatePlace {
    /// A folder of this client's own. Several accounts that share one forget each other.
    Folder(PathBuf),
    /// Objects of a store, which several clients may share.
    Objects {
        /// The store, with the state's prefix before all names.
        store: Arc<dyn ObjectStore>,
        /// What it is called in messages.
        name: String,
    },
}

impl fmt::Debug for StatePlace {
    /// Without the store, which knows credentials.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => out.debug_tuple("Folder").field(folder).finish(),
            Self::Objects { name, .. } => out.debug_tuple("Objects").field(name).finish(),
        }
    }
}

impl From<PathBuf> for StatePlace {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

/// The memory of one client.
#[derive(Clone)]
pub(crate) struct State(Option<Place>);

#[derive(Clone)]
enum Place {
    Folder(Folder),
    Objects(Arc<Objects>),
}

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    base_url: String,
    client_id: String,
}

/// A token, and when it dies.
#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    expires_at: Timestamp,
}

/// An export that was asked for and not yet published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Requested {
    /// The fingerprint of the request's body.
    pub(crate) request: String,
    pub(crate) poll_url: Url,
    pub(crate) kind: PollKind,
    pub(crate) at: Timestamp,
}

/// An export that was asked for and not yet published, as a client's state remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingExport {
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Where it is polled for, without the query.
    pub poll_url: String,
    /// No run takes it up any more: its day is over.
    pub is_expired: bool,
}

/// The exports that the state of a client remembers, the oldest first; none without a state. Nothing is sent to the API.
pub async fn pending_exports(config: &ClientConfig) -> Vec<PendingExport> {
    let state = State::new(config);
    let now = Timestamp::now();
    let is_expired =
        |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > config.limits.poll_deadline);
    let pending = |requested: Requested| PendingExport {
        requested_at: requested.at,
        poll_url: shown(&requested.poll_url),
        is_expired: is_expired(requested.at),
    };
    let mut requested = match &state.0 {
        None => Vec::new(),
        Some(Place::Folder(folder)) => folder.list().await,
        Some(Place::Objects(objects)) => objects.list(None).await,
    };
    requested.sort_by_key(|requested| requested.at);
    requested.into_iter().map(pending).collect()
}

/// Tries, where the state is to be kept as objects, whether they can be written, found, read and removed.
pub async fn try_state(config: &ClientConfig) -> Result<()> {
    match State::new(config).0 {
        None | Some(Place::Folder(_)) => Ok(()),
        Some(Place::Objects(objects)) => objects.try_out().await,
    }
}

impl State {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        let ClientConfig { base_url, client_id, client_secret, state, limits, .. } = config;
        let account = Account { base_url: base_url.to_string(), client_id: client_id.clone() };
        Self(state.clone().map(|place| match place {
            StatePlace::Folder(folder) => Place::Folder(Folder::new(folder, account)),
            StatePlace::Objects { store, name } => {
                Place::Objects(Arc::new(Objects::new(store, name, &account, client_secret, limits.state_timeout)))
            }
        }))
    }

    /// The token of an earlier run, and when it expires.
    pub(crate) async fn token(&self) -> Option<(Secret, Timestamp)> {
        let kept = match self.0.as_ref()? {
            Place::Folder(folder) => folder.token().await,
            Place::Objects(objects) => objects.token().await,
        };
        kept.map(|kept| (Secret::new(kept.access_token), kept.expires_at))
    }

    pub(crate) async fn set_token(&self, token: &Secret, expires_at: Timestamp) {
        let kept = Kept { access_token: token.expose().to_owned(), expires_at };
        match &self.0 {
            None => {}
            Some(Place::Folder(folder)) => folder.set_token(kept).await,
            Some(Place::Objects(objects)) => objects.set_token(&kept).await,
        }
    }

    /// The latest export that was asked for by the same request, since `oldest`.
    pub(crate) async fn requested(&self, request: &str, oldest: Timestamp) -> Option<Requested> {
        let list = match self.0.as_ref()? {
            Place::Folder(folder) => folder.list().await,
            Place::Objects(objects) => objects.list(Some(request)).await,
        };
        let same = |requested: &Requested| requested.request == request && requested.at >= oldest;
        list.into_iter().filter(same).max_by_key(|requested| requested.at)
    }

    /// Remembers an export, and forgets those from before `oldest`: their poll URLs have died.
    pub(crate) async fn add(&self, requested: Requested, oldest: Timestamp) {
        match &self.0 {
            None => {}
            Some(Place::Folder(folder)) => folder.add(requested, oldest).await,
            Some(Place::Objects(objects)) => objects.add(&requested, oldest).await,
        }
    }

    /// Forgets an export, by its request and where it is polled for: it is published, or lost.
    pub(crate) async fn forget(&self, request: &str, poll_url: &Url) {
        match &self.0 {
            None => {}
            Some(Place::Folder(folder)) => folder.forget(poll_url).await,
            Some(Place::Objects(objects)) => objects.forget(request, poll_url).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn state(place: impl Into<Option<StatePlace>>, client_id: &str, secret: &str) -> State {
        let config = ClientConfig::new(Url::parse("https://api.apsis.one").unwrap(), client_id, Secret::new(secret));
        State::new(&ClientConfig { state: place.into(), ..config })
    }

    pub(super) fn requested(request: &str, id: u32, at: &str) -> Requested {
        let poll_url = Url::parse(&format!("https://api.apsis.one/{id}?signature=h1dden")).unwrap();
        Requested { request: request.into(), poll_url, kind: PollKind::V2, at: at.parse().unwrap() }
    }

    /// What holds wherever the state is.
    pub(super) async fn exports_are_found_until_they_are_forgotten(state: &State) {
        let found = async |request, oldest| {
            state.requested(request, oldest).await.map(|found| found.poll_url.path().to_owned())
        };
        let noon = "2026-01-01T12:00:00Z".parse().unwrap();
        for (request, id, at) in
            [("a", 1, "2026-01-01T00:00:00Z"), ("a", 2, "2026-01-02T00:00:00Z"), ("b", 3, "2026-01-01T00:00:00Z")]
        {
            state.add(requested(request, id, at), Timestamp::MIN).await;
        }
        assert_eq!(found("a", noon).await.as_deref(), Some("/2"));
        state.forget("a", &requested("a", 2, "2026-01-02T00:00:00Z").poll_url).await;
        assert_eq!(found("a", Timestamp::MIN).await.as_deref(), Some("/1"));
        assert_eq!((found("a", noon).await, found("b", noon).await), (None, None));
        assert_eq!(found("b", Timestamp::MIN).await.as_deref(), Some("/3"));
    }

    #[tokio::test]
    async fn without_a_place_nothing_is_remembered() {
        let state = state(None, "one", "s3cret");
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        state.add(requested("a", 1, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        assert!(state.token().await.is_none() && state.requested("a", Timestamp::MIN).await.is_none());
    }
}
