//! A state in a folder: files that are private (0600, in a folder of 0700), and written whole or not at all.

use super::{Account, Kept, Requested};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Mutex;
use url::Url;

const TOKEN_FILE: &str = "token.json";
const EXPORTS_FILE: &str = "exports.json";

#[derive(Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whose it is: the same folder may serve several accounts in turn, which then forget each other.
    account: Account,
    /// One change of the list of exports at a time.
    exports: Arc<Mutex<()>>,
}

#[derive(Serialize, Deserialize)]
struct TokenFile {
    #[serde(flatten)]
    account: Account,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize, Deserialize)]
struct ExportsFile {
    #[serde(flatten)]
    account: Account,
    exports: Vec<Requested>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, account: Account) -> Self {
        Self { path, account, exports: Arc::default() }
    }

    pub(super) async fn token(&self) -> Option<Kept> {
        let file: TokenFile = self.read(TOKEN_FILE).await?;
        (file.account == self.account).then_some(file.kept)
    }

    pub(super) async fn set_token(&self, kept: Kept) {
        self.write(TOKEN_FILE, &TokenFile { account: self.account.clone(), kept }).await;
    }

    pub(super) async fn add(&self, requested: Requested, oldest: Timestamp) {
        self.change(|exports| {
            exports.retain(|known| known.at >= oldest);
            exports.push(requested);
        })
        .await;
    }

    pub(super) async fn forget(&self, poll_url: &Url) {
        self.change(|exports| exports.retain(|requested| requested.poll_url != *poll_url)).await;
    }

    async fn change(&self, change: impl FnOnce(&mut Vec<Requested>)) {
        let _one = self.exports.lock().await;
        let mut exports = self.list().await;
        change(&mut exports);
        self.write(EXPORTS_FILE, &ExportsFile { account: self.account.clone(), exports }).await;
    }

    pub(super) async fn list(&self) -> Vec<Requested> {
        let file: Option<ExportsFile> = self.read(EXPORTS_FILE).await;
        file.filter(|file| file.account == self.account).map_or_else(Vec::new, |file| file.exports)
    }

    async fn read<T: DeserializeOwned + Send + 'static>(&self, name: &str) -> Option<T> {
        let path = self.path.join(name);
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
        let (folder, path) = (self.path.clone(), self.path.join(name));
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
    use super::super::tests::{exports_are_found_until_they_are_forgotten, requested};
    use super::*;
    use crate::{Secret, state::State};
    use std::fs::Permissions;

    fn state(folder: &Path, client_id: &str) -> State {
        super::super::tests::state(super::super::StatePlace::Folder(folder.join("state")), client_id, "s3cret")
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
    async fn exports_are_found_until_they_are_forgotten_or_old() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path(), "one");
        exports_are_found_until_they_are_forgotten(&state).await;
        state.add(requested("c", 4, "2026-01-02T00:00:00Z"), "2026-01-01T12:00:00Z".parse().unwrap()).await;
        let is_there = async |request| state.requested(request, Timestamp::MIN).await.is_some();
        assert_eq!((is_there("a").await, is_there("b").await, is_there("c").await), (false, false, true));
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
