//! A store whose answers cannot be relied on, and what a conditional put makes of them.

use super::*;
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, PutMultipartOptions, PutPayload, PutResult,
    Result as StoreResult, client::HttpErrorKind, memory::InMemory,
};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What becomes of a put.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::destination) enum Fate {
    /// It is done and answered.
    Fine,
    /// It is done, and the answer is lost.
    Unanswered,
    /// It is done, sent once more by the client, and that is refused.
    Twice,
    /// It does not arrive.
    Lost,
    /// It is refused as a conflict, and nothing is there.
    Conflict,
    /// Somebody else's comes before.
    Overtaken,
    /// It is done, whatever its condition.
    Unconditional,
}

#[derive(Debug)]
struct Unreliable {
    store: InMemory,
    /// Of the puts to come, the last first.
    fates: Mutex<Vec<Fate>>,
    /// Of its listings.
    lists: Arc<AtomicUsize>,
}

impl std::fmt::Display for Unreliable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "unreliable")
    }
}

fn silent() -> StoreError {
    StoreError::Generic { store: "S3", source: "no answer".into() }
}

fn there_already() -> StoreError {
    StoreError::AlreadyExists { path: "lock".to_owned(), source: "conflict".into() }
}

#[async_trait]
impl ObjectStore for Unreliable {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        let fate = self.fates.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or(Fate::Fine);
        match fate {
            Fate::Lost => return Err(silent()),
            Fate::Conflict => return Err(there_already()),
            Fate::Unconditional => return self.store.put(path, payload).await,
            Fate::Overtaken => drop(self.store.put(path, "theirs".into()).await?),
            _ => {}
        }
        let put = self.store.put_opts(path, payload.clone(), options.clone()).await;
        match fate {
            Fate::Unanswered => put.and(Err(silent())),
            Fate::Twice => self.store.put_opts(path, payload, options).await,
            _ => put,
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.store.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.lists.fetch_add(1, Relaxed);
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.store.copy_opts(from, to, options).await
    }
}

pub(in crate::destination) fn bucket(fates: &[Fate]) -> Bucket {
    counted(fates).0
}

/// The same with the number of its listings.
pub(in crate::destination) fn counted(fates: &[Fate]) -> (Bucket, Arc<AtomicUsize>) {
    let fates = Mutex::new(fates.iter().rev().copied().collect());
    let lists = Arc::new(AtomicUsize::new(0));
    let bucket = Bucket {
        store: Arc::new(Unreliable { store: InMemory::new(), fates, lists: Arc::clone(&lists) }),
        address: "s3://bucket".to_owned(),
        clock: Arc::default(),
        attributes: Attributes::new(),
        lease: Duration::from_secs(60),
        grace: Duration::from_secs(60),
        folder: None,
    };
    (bucket, lists)
}

/// Every put ends in the same way for who creates an object and for who replaces one.
#[tokio::test]
async fn a_put_is_ours_or_it_is_not() {
    use Fate::*;
    for (fates, is_ours) in [
        (&[Fine] as &[_], true),
        (&[Unanswered], true),
        (&[Twice], true),
        (&[Lost], true),
        (&[Lost, Lost, Unanswered], true),
        (&[Conflict], true),
        (&[Conflict, Twice], true),
        (&[Overtaken], false),
        (&[Lost, Overtaken], false),
        (&[Conflict, Overtaken], false),
    ] {
        for replaces in [false, true] {
            let before = [Fine].into_iter().filter(|_| replaces);
            let bucket = bucket(&before.chain(fates.iter().copied()).collect::<Vec<_>>());
            let mut seen = None;
            if replaces {
                let Ok(Swapped::Done(version)) = bucket.swap("lock", &"before".into(), None).await else {
                    panic!("the first put is fine");
                };
                seen = Some(version);
            }
            let swapped = bucket.swap("lock", &"ours".into(), seen.as_ref()).await.expect("an end");
            let there = bucket.read("lock").await.expect("it is readable").expect("an object");
            let shown = format!("{fates:?}, replaces: {replaces}, {swapped:?}");
            assert_eq!(there.bytes, if is_ours { "ours" } else { "theirs" }, "{shown}");
            match swapped {
                Swapped::Done(version) => assert!(is_ours && version.e_tag == there.version.e_tag, "{shown}"),
                Swapped::Lost => assert!(!is_ours, "{shown}"),
            }
        }
    }
}

#[test]
fn of_an_answer_only_code_and_message_are_told() {
    let xml = "status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
               <Message>No match.</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>x</StringToSign></Error>";
    let error = StoreError::Generic { store: "S3", source: xml.into() };
    assert_eq!(told(&error), "SignatureDoesNotMatch: No match.");
    let shown = told_or("s3://bucket", error, |_, _| Error::Random).to_string();
    assert_eq!(shown, "the store of s3://bucket refused: SignatureDoesNotMatch: No match.");
    assert!(!brief(&StoreError::Generic { store: "S3", source: xml.into() }).contains("AKIA"));
}

#[test]
fn what_may_pass_is_told_from_what_does_not() {
    let generic = |text: &str| StoreError::Generic { store: "S3", source: text.into() };
    let unanswered = HttpError::new(HttpErrorKind::Timeout, std::io::Error::other("timed out"));
    for (error, expected) in [
        (StoreError::Generic { store: "S3", source: Box::new(unanswered) }, "Unreachable"),
        (generic("Server returned non-2xx status code: 503 Service Unavailable: "), "Unreachable"),
        (generic("Server returned non-2xx status code: 429 Too Many Requests: "), "Unreachable"),
        (generic("Server returned non-2xx status code: 403 Forbidden: "), "StorageRefused"),
        (generic("Server returned non-2xx status code: 400 Bad Request: "), "Storage"),
        (StoreError::NotFound { path: "x".to_owned(), source: "NoSuchBucket".into() }, "Storage"),
        (generic("http://169.254.169.254/latest"), "NoCredentials"),
    ] {
        let shown = error.to_string();
        let told = format!("{:?}", bucket(&[]).failed("read", "lock", error));
        assert_eq!(told.split(' ').next(), Some(expected), "{shown}");
    }
}
