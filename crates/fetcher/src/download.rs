//! Files over HTTP: redirects followed by hand, and the token kept at home.

use crate::{
    Client, Error, Progress, Reader, Result,
    error::shown,
    http::{Call, Content, Http, is_safe},
    input::read_file,
    keep::{Keep, KeptFile},
    resume::{Again, Resume, promises_gzip},
    retry::Repeat,
    source::Origin,
};
use reqwest::{Response, header::LOCATION};
use std::{fmt, io, path::Path, sync::Arc};
use url::Url;

/// A file that has begun to arrive: the server said 200, and nothing of the body is read yet.
#[must_use = "nothing is read before it is a reader"]
pub struct Download {
    response: Response,
    again: Again,
    keep: Option<Arc<dyn Keep>>,
    progress: Arc<Progress>,
}

pub(crate) fn started(response: Response, again: Again) -> Download {
    let progress = Progress::new(response.content_length());
    tracing::debug!(url = shown(response.url()), bytes = progress.total_in(), "download started");
    Download { response, again, keep: None, progress }
}

impl Download {
    /// The bytes, inflated if they are compressed. Call it within the runtime, a task of which will do the receiving; then
    /// take the reader to a thread of its own.
    ///
    /// A download that breaks is gone on with; the reader notices nothing but the time it takes.
    pub fn into_reader(self) -> Reader {
        let Self { response, again, keep, progress } = self;
        let limits = again.limits().clone();
        let gzip_promised = promises_gzip(&response);
        let from = Origin::Url(shown(response.url()));
        let resume = Resume::new(again, &response, keep);
        let source = resume.source(response, from, progress);
        Reader::pumped(source, gzip_promised, Some(resume), &limits)
    }

    /// Keeps the bytes in this file too, compressed as they come. It is there under its name when the reader has come to
    /// its end without an error; only its owner may read it.
    pub async fn keep(self, path: &Path) -> Result<Self> {
        Ok(self.keep_in(Arc::new(KeptFile::create(path).await?)))
    }

    /// The same in any other place. It is finished when the reader has come to its end without an error, and never if it
    /// does not.
    pub fn keep_in(self, keep: Arc<dyn Keep>) -> Self {
        Self { keep: Some(keep), ..self }
    }

    /// Downloads all of it to where it is kept, and checks it, without anybody who reads.
    pub async fn drain(self) -> Result<()> {
        let mut reader = self.into_reader();
        let from = reader.origin().clone();
        let drained = tokio::task::spawn_blocking(move || io::copy(&mut reader, &mut io::sink()));
        match drained.await.map_err(io::Error::other).flatten() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.downcast().unwrap_or(Error::Stopped { from })),
        }
    }

    /// Downloads all of it into a private temporary file in this folder, and checks it, before the first byte can be
    /// read: for readers so slow that the server would lose its patience. The file has no name by then, and goes with
    /// the reader. That is instead of where it was to be kept.
    pub async fn spool(self, folder: &Path) -> Result<Reader> {
        let failed = |source: io::Error| Error::Keep { place: folder.display().to_string(), source: source.into() };
        let (limits, from) = (self.again.limits().clone(), Origin::Url(shown(self.response.url())));
        let folder = tempfile::Builder::new().prefix(".apsides-").tempdir_in(folder).map_err(failed)?;
        let path = folder.path().join("export");
        // Read while the folder is still there.
        self.keep(&path).await?.drain().await?;
        read_file(path, from, &limits).await
    }

    /// Whether the headers announce gzip.
    pub fn is_gzip(&self) -> bool {
        promises_gzip(&self.response)
    }

    /// Counters that go on as the reader is read.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &shown(self.response.url()))
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

/// The answer to a `GET` after all redirects, whatever its status. With a client, its token goes to its own origin and
/// nowhere else; without, there is no token at all.
pub(crate) async fn fetch(
    http: &Http,
    client: Option<&Client>,
    what: &'static str,
    url: &Url,
    repeat: Repeat,
    content: Content,
) -> Result<Response> {
    let mut url = url.clone();
    for _ in 0..=http.limits.redirects_max {
        let own = client.filter(|client| client.is_own(&url));
        // Off the API's origin, a status has its usual meaning.
        let repeat = if own.is_some() { repeat } else { Repeat::Freely };
        let call = Call { what, url: &url, repeat, content: content.clone() };
        let reply = match own {
            Some(client) => client.call(&call).await?,
            None => http.call(&call, None).await?,
        };
        let response = reply.response;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        let target = target(&url, &response)?;
        tracing::debug!(from = shown(&url), to = shown(&target), "redirected");
        url = target;
    }
    Err(Error::Redirect {
        url: shown(&url),
        reason: format!("it would be more than {} in a row", http.limits.redirects_max),
    })
}

fn target(url: &Url, response: &Response) -> Result<Url> {
    let refuse = |reason: String| Error::Redirect { url: shown(url), reason };
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location
        .and_then(|location| url.join(location).ok())
        .ok_or_else(|| refuse("it does not say where to".into()))?;
    // Nobody out there sends us to plain HTTP, not even to a service on this machine.
    if !is_safe(&target) || (url.scheme() == "https" && target.scheme() != "https") {
        return Err(refuse(format!("{} is not on https", shown(&target))));
    }
    Ok(target)
}
