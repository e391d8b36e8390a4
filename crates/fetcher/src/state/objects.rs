//! A state in a store: an object for the token, and one for each export, so that runs at the same time lose nothing of each
//! other's.
//!
//! ```text
//! token-<account>
//! exports-<account>/<request>/<poll URL>        all names are HMACs, all contents sealed
//! ```
//!
//! A run does not depend on it: after the first call that fails, or is not answered in time, the store is left alone.

use super::{Account, Kept, Requested, seal::Keys};
use crate::{Error, Secret, error::Cause};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::timeout;
use url::Url;

/// An object that is longer is none of ours.
const OBJECT_BYTES_MAX: u64 = 64 << 10;
/// Of a listing, this many are looked at.
const EXPORTS_MAX: usize = 1_000;

pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// For messages.
    name: String,
    keys: Keys,
    /// What names of this account's objects have in common.
    account: String,
    /// How long one call may take.
    timeout: Duration,
    is_left_alone: AtomicBool,
}

impl Objects {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        name: String,
        account: &Account,
        client_secret: &Secret,
        timeout: Duration,
    ) -> Self {
        let keys = Keys::new(account, client_secret);
        Self { store, name, account: keys.name("account"), keys, timeout, is_left_alone: AtomicBool::new(false) }
    }

    pub(super) async fn token(&self) -> Option<Kept> {
        self.read(&self.token_path()).await
    }

    pub(super) async fn set_token(&self, kept: &Kept) {
        self.write(&self.token_path(), kept).await;
    }

    pub(super) async fn add(&self, requested: &Requested, oldest: Timestamp) {
        self.write(&self.export_path(&requested.request, &requested.poll_url), requested).await;
        let old = self.found(&self.exports_path()).await.into_iter();
        let old = old.filter(|object| object.last_modified.timestamp() < oldest.as_second());
        for object in old {
            self.remove(&object.location).await;
        }
    }

    pub(super) async fn forget(&self, request: &str, poll_url: &Url) {
        self.remove(&self.export_path(request, poll_url)).await;
    }

    /// All exports, or those of a request.
    pub(super) async fn list(&self, request: Option<&str>) -> Vec<Requested> {
        let folder = match request {
            None => self.exports_path(),
            Some(request) => self.request_path(request),
        };
        let mut list = Vec::new();
        for object in self.found(&folder).await {
            list.extend(self.read(&object.location).await);
        }
        list
    }

    fn token_path(&self) -> Path {
        Path::from(format!("token-{}", self.account))
    }

    fn exports_path(&self) -> Path {
        Path::from(format!("exports-{}", self.account))
    }

    fn request_path(&self, request: &str) -> Path {
        self.exports_path().join(self.keys.name(request))
    }

    fn export_path(&self, request: &str, poll_url: &Url) -> Path {
        self.request_path(request).join(self.keys.name(poll_url.as_str()))
    }

    async fn found(&self, folder: &Path) -> Vec<ObjectMeta> {
        let found = self.store.list(Some(folder)).take(EXPORTS_MAX).try_collect();
        self.within("listed", found).await.unwrap_or_default()
    }

    async fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        let read = async {
            match self.store.get(path).await {
                Ok(found) if found.meta.size > OBJECT_BYTES_MAX => Ok(Some(Default::default())),
                Ok(found) => found.bytes().await.map(Some),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let bytes = self.within("read", read).await??;
        let text = self.keys.open(path.as_ref(), &bytes);
        let value = text.and_then(|text| serde_json::from_slice(&text).ok());
        if value.is_none() {
            tracing::warn!(state = self.name, object = %path, "an object of the state is not used: it is not as it was written");
        }
        value
    }

    async fn write<T: Serialize>(&self, path: &Path, value: &T) {
        let text = serde_json::to_vec(value).unwrap_or_default();
        let Some(sealed) = self.keys.seal(path.as_ref(), &text) else {
            return tracing::warn!(state = self.name, "the state is not kept: the system has no random numbers");
        };
        self.within("written", self.store.put(path, sealed.into())).await;
    }

    async fn remove(&self, path: &Path) {
        let removed = async {
            match self.store.delete(path).await {
                Err(StoreError::NotFound { .. }) => Ok(()),
                removed => removed,
            }
        };
        self.within("removed", removed).await;
    }

    /// What a call of the store gives, if it does in time.
    async fn within<T>(&self, what: &str, call: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        if self.is_left_alone.load(Relaxed) {
            return None;
        }
        let called = self.in_time(call).await;
        let report = |error: &Cause| {
            if !self.is_left_alone.swap(true, Relaxed) {
                tracing::warn!(state = self.name, error, "the state cannot be {what}; the run goes on without it");
            }
        };
        called.inspect_err(report).ok()
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Cause> {
        match timeout(self.timeout, call).await {
            Ok(called) => Ok(called?),
            Err(_) => Err(format!("no answer within {:?}", self.timeout).into()),
        }
    }

    /// Whether all that is done here can be, with an object of its own.
    pub(super) async fn try_out(&self) -> crate::Result<()> {
        let folder = self.exports_path().join(self.keys.name("trial"));
        let path = folder.clone().join("trial");
        let tried = async {
            self.in_time(self.store.put(&path, Vec::new().into())).await?;
            let _: Vec<_> = self.in_time(self.store.list(Some(&folder)).try_collect()).await?;
            self.in_time(self.store.get(&path)).await?;
            self.in_time(self.store.delete(&path)).await
        };
        tried.await.map_err(|source| Error::State { place: self.name.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        State, StatePlace,
        tests::{exports_are_found_until_they_are_forgotten, requested, state},
    };
    use super::*;
    use crate::ClientConfig;
    use object_store::memory::InMemory;
    use std::time::Instant;

    fn place(store: &Arc<InMemory>) -> StatePlace {
        StatePlace::Objects { store: store.clone(), name: "s3://lake/state".to_owned() }
    }

    async fn paths(store: &InMemory) -> Vec<Path> {
        store.list(None).map_ok(|object| object.location).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn only_the_same_secret_of_the_same_account_sees_it() {
        let store = Arc::new(InMemory::new());
        let expires_at: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let of = |client_id, secret| state(place(&store), client_id, secret);
        of("one", "s3cret").set_token(&Secret::new("t0ken"), expires_at).await;
        of("one", "s3cret").add(requested("a", 1, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        for (client_id, secret, sees) in [("one", "s3cret", true), ("two", "s3cret", false), ("one", "other", false)] {
            let state = of(client_id, secret);
            assert_eq!(state.token().await, sees.then(|| (Secret::new("t0ken"), expires_at)), "{client_id} {secret}");
            let found = state.requested("a", Timestamp::MIN).await.map(|found| found.poll_url);
            let expected = requested("a", 1, "2026-01-01T00:00:00Z").poll_url;
            assert_eq!(found, sees.then_some(expected), "{client_id} {secret}");
        }
        // Of two accounts, neither forgets the other's.
        of("two", "s3cret").set_token(&Secret::new("other"), expires_at).await;
        assert!(of("one", "s3cret").token().await.is_some());
    }

    #[tokio::test]
    async fn nothing_of_it_can_be_read_by_others() {
        let store = Arc::new(InMemory::new());
        let state = state(place(&store), "the-client", "s3cret");
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        state.add(requested("f1ngerprint", 123_456, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        let paths = paths(&store).await;
        assert_eq!(paths.len(), 2);
        for path in paths {
            let mut all = store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
            all.extend_from_slice(path.as_ref().as_bytes());
            for secret in ["t0ken", "api.apsis.one", "123456", "h1dden", "f1ngerprint", "the-client", "s3cret", "2026"]
            {
                assert!(!all.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} in {path}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_as_it_was_written_is_not_used() {
        let store = Arc::new(InMemory::new());
        let state = state(place(&store), "one", "s3cret");
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        state.add(requested("a", 1, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        let good = paths(&store).await;
        let mut bytes = Vec::new();
        for path in &good {
            bytes.push(store.get(path).await.unwrap().bytes().await.unwrap());
        }
        let tampered = |bytes: &[u8]| [&bytes[..20], &[bytes[20] ^ 1], &bytes[21..]].concat();
        let long = vec![1; OBJECT_BYTES_MAX as usize + 1];
        for [one, other] in [
            [tampered(&bytes[0]), tampered(&bytes[1])],
            // Each where the other was.
            [bytes[1].to_vec(), bytes[0].to_vec()],
            [Vec::new(), b"{}".to_vec()],
            [long.clone(), long],
        ] {
            for (path, bytes) in good.iter().zip([one, other]) {
                store.put(path, bytes.into()).await.unwrap();
            }
            assert!(state.token().await.is_none() && state.requested("a", Timestamp::MIN).await.is_none());
        }
        // It does no harm: a new one takes its place.
        state.set_token(&Secret::new("t0ken"), Timestamp::MAX).await;
        assert!(state.token().await.is_some());
    }

    #[tokio::test]
    async fn exports_are_forgotten_one_by_one_or_when_they_are_old() {
        let store = Arc::new(InMemory::new());
        let state = state(place(&store), "one", "s3cret");
        exports_are_found_until_they_are_forgotten(&state).await;
        assert_eq!(paths(&store).await.len(), 2);
        // By the store's clock, all that is there was written before this moment.
        state
            .add(requested("c", 4, "2026-01-02T00:00:00Z"), Timestamp::now() + jiff::SignedDuration::from_hours(1))
            .await;
        assert!(paths(&store).await.is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_at_the_same_time_lose_nothing() {
        let store = Arc::new(InMemory::new());
        let runs = (0..8).map(|run| {
            let state = state(place(&store), "one", "s3cret");
            tokio::spawn(async move {
                for number in 0..20 {
                    let export = requested(&format!("{number}"), run * 100 + number, "2026-01-01T00:00:00Z");
                    state.add(export.clone(), Timestamp::MIN).await;
                    if number % 2 == 0 {
                        state.forget(&export.request, &export.poll_url).await;
                    }
                }
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap();
        }
        assert_eq!(paths(&store).await.len(), 80);
    }

    /// A server that takes connections and says nothing.
    #[tokio::test]
    async fn a_store_that_does_not_answer_is_left_alone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store = object_store::aws::AmazonS3Builder::new()
            .with_bucket_name("lake")
            .with_endpoint(format!("http://{}", listener.local_addr().unwrap()))
            .with_allow_http(true)
            .with_access_key_id("id")
            .with_secret_access_key("key")
            .build()
            .unwrap();
        let place = StatePlace::Objects { store: Arc::new(store), name: "s3://lake".to_owned() };
        let base_url = Url::parse("https://api.apsis.one").unwrap();
        let config = ClientConfig { state: Some(place), ..ClientConfig::new(base_url, "one", Secret::new("s3cret")) };
        let limits = crate::Limits { state_timeout: Duration::from_millis(100), ..config.limits.clone() };
        let state = State::new(&ClientConfig { limits, ..config });
        let began = Instant::now();
        for number in 0..100 {
            assert!(state.token().await.is_none());
            state.add(requested("a", number, "2026-01-01T00:00:00Z"), Timestamp::MIN).await;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
