//! What a client remembers between runs, if it is given a folder for that: its token, and the exports it has asked for.
//!
//! The files are private (0600, in a folder of 0700), and written whole or not at all. They make the next run cheaper,
//! but no run depends on them: what cannot be read or is not private is left alone and told in the log.

use crate::{ClientConfig, Secret, error::shown, wire::PollKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;
use url::Url;

const TOKEN_FILE: &str = "token.json";
const EXPORTS_FILE: &str = "exports.json";

/// The memory of one client.
#[derive(Clone)]
pub(crate) struct State {
    folder: Option<PathBuf>,
    /// Whose it is: the same folder may serve several accounts in turn, which then forget each other.
    account: Account,
    /// One change of the list of exports at a time.
    exports: Arc<Mutex<()>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    base_url: String,
    client_id: String,
}

#[derive(Serialize, Deserialize)]
struct TokenFile {
    #[serde(flatten)]
    account: Account,
    access_token: String,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ExportsFile {
    #[serde(flatten)]
    account: Account,
    exports: Vec<Requested>,
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

/// The exports that the state of a client remembers, the oldest first; none without a folder. Nothing is sent.
pub async fn pending_exports(config: &ClientConfig) -> Vec<PendingExport> {
    let state = State::new(config.state.clone(), &config.base_url, &config.client_id);
    let now = Timestamp::now();
    let is_expired =
        |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > config.limits.poll_deadline);
    let pending = |requested: Requested| PendingExport {
        requested_at: requested.at,
        poll_url: shown(&requested.poll_url),
        is_expired: is_expired(requested.at),
    };
    state.list().await.into_iter().map(pending).collect()
}

impl State {
    pub(crate) fn new(folder: Option<PathBuf>, base: &Url, client_id: &str) -> Self {
        let account = Account { base_url: base.to_string(), client_id: client_id.to_owned() };
        Self { folder, account, exports: Arc::default() }
    }

    /// The token of an earlier run, and when it expires.
    pub(crate) async fn token(&self) -> Option<(Secret, Timestamp)> {
        let file: TokenFile = self.read(TOKEN_FILE).await?;
        (file.account == self.account).then(|| (Secret::new(file.access_token), file.expires_at))
    }

    pub(crate) async fn set_token(&self, token: &Secret, expires_at: Timestamp) {
        let access_token = token.expose().to_owned();
        self.write(TOKEN_FILE, &TokenFile { account: self.account.clone(), access_token, expires_at }).await;
    }

    /// The latest export that was asked for by the same request, since `oldest`.
    pub(crate) async fn requested(&self, request: &str, oldest: Timestamp) -> Option<Requested> {
        let same = |requested: &Requested| requested.request == request && requested.at >= oldest;
        self.list().await.into_iter().rev().find(same)
    }

    /// Remembers an export, and forgets those from before `oldest`: their poll URLs have died.
    pub(crate) async fn add(&self, requested: Requested, oldest: Timestamp) {
        self.change(|exports| {
            exports.retain(|known| known.at >= oldest);
            exports.push(requested);
        })
        .await;
    }

    /// Forgets an export: it is published, or lost.
    pub(crate) async fn forget(&self, poll_url: &Url) {
        self.change(|exports| exports.retain(|requested| requested.poll_url != *poll_url)).await;
    }

    async fn change(&self, change: impl FnOnce(&mut Vec<Requested>)) {
        if self.folder.is_none() {
            return;
        }
        let _one = self.exports.lock().await;
        let mut exports = self.list().await;
        change(&mut exports);
        self.write(EXPORTS_FILE, &ExportsFile { account: self.account.clone(), exports }).await;
    }

    async fn list(&self) -> Vec<Requested> {
        let file: Option<ExportsFile> = self.read(EXPORTS_FILE).await;
        file.filter(|file| file.account == self.account).map_or_else(Vec::new, |file| file.exports)
    }

    async fn read<T: DeserializeOwned + Send + 'static>(&self, name: &str) -> Option<T> {
        let path = self.folder.as_ref()?.join(name);
        let read = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || read_private(&path)).await.map_err(io::Error::other).flatten()
        };
        // serde's own words could quote the token.
        let parsed = read.and_then(|text| {
            text.map(|text| serde_json::from_str(&text).map_err(|_| io::Error::other("it is not of our form")))
                .transpose()
        });
        parsed.unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "a file of the state is not used");
            None
        })
    }

    async fn write<T: Serialize>(&self, name: &str, value: &T) {
        let Some(folder) = self.folder.clone() else { return };
        let path = folder.join(name);
        let text = serde_json::to_string(value).unwrap_or_default();
        let written = tokio::task::spawn_blocking(move || write_private(&folder, &path, &text));
        if let Err(error) = written.await.map_err(io::Error::other).flatten() {
            tracing::warn!(file = name, %error, "the state is not kept");
        }
    }
}

/// A file's text, unless there is none; others must not be able to read it.
fn read_private(path: &Path) -> io::Result<Option<String>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others than its owner have access to it; make it private with chmod 600"));
    }
    fs::read_to_string(path).map(Some)
}

fn write_private(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Its name is nobody else's, not even in a container of the same process id, and its mode is 0600 from the start.
    let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    fn state(folder: &Path, client_id: &str) -> State {
        State::new(Some(folder.join("state")), &Url::parse("https://api.apsis.one").unwrap(), client_id)
    }

    fn requested(request: &str, id: u32, at: &str) -> Requested {
        let poll_url = Url::parse(&format!("https://api.apsis.one/{id}")).unwrap();
        Requested { request: request.into(), poll_url, kind: PollKind::V2, at: at.parse().unwrap() }
    }

    #[tokio::test]
    async fn a_token_is_kept_for_its_account_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let expires_at: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        state(folder.path(), "one").set_token(&Secret::new("t0ken"), expires_at).await;
        assert_eq!(state(folder.path(), "one").token().await, Some((Secret::new("t0ken"), expires_at)));
        assert_eq!(state(folder.path(), "two").token().await, None);
        let path = folder.path().join("state/token.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(state(folder.path(), "one").token().await, None, "not private");
        // Written again it is private again.
        state(folder.path(), "one").set_token(&Secret::new("other"), expires_at).await;
        assert!(state(folder.path(), "one").token().await.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_that_share_a_folder_do_not_spoil_each_others_files() {
        let folder = tempfile::tempdir().unwrap();
        let expires_at: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        state(folder.path(), "one").set_token(&Secret::new("t0ken"), expires_at).await;
        // Different lengths, so that a mixture would be no JSON.
        let runs = [1, 5000].map(|length| {
            let state = state(folder.path(), "one");
            tokio::spawn(async move {
                for _ in 0..100 {
                    state.set_token(&Secret::new("x".repeat(length)), expires_at).await;
                    assert!(state.token().await.is_some());
                }
            })
        });
        for run in runs {
            run.await.unwrap();
        }
        assert_eq!(fs::read_dir(folder.path().join("state")).unwrap().count(), 1, "nothing else is left behind");
    }

    #[tokio::test]
    async fn exports_are_found_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path(), "one");
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
        state.forget(&requested("a", 2, "2026-01-02T00:00:00Z").poll_url).await;
        assert_eq!(found("a", Timestamp::MIN).await.as_deref(), Some("/1"));
        assert_eq!((found("a", noon).await, found("b", noon).await), (None, None));
        state.add(requested("c", 4, "2026-01-02T00:00:00Z"), noon).await;
        assert_eq!((found("a", Timestamp::MIN).await, found("b", Timestamp::MIN).await), (None, None));
        assert_eq!(found("c", noon).await.as_deref(), Some("/4"));
    }

    #[tokio::test]
    async fn without_a_folder_nothing_is_remembered() {
        let state = State::new(None, &Url::parse("https://api.apsis.one").unwrap(), "one");
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        state.add(requested("a", 1, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        assert!(state.token().await.is_none() && state.requested("a", Timestamp::MIN).await.is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_none_of_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path(), "one");
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        fs::write(folder.path().join("state/token.json"), "[]").unwrap();
        assert!(state.token().await.is_none());
    }
}
