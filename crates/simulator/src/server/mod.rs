//! The simulated API over HTTP: plain HTTP/1.1, meant for loopback.
//!
//! [`routes`] has a handler per endpoint. Each call passes [`App::enter`](app::App::enter) first: it counts the call,
//! checks the token ([`token`]) and the rate limits ([`rate`]); then [`faults`] decides what goes wrong with it.
//! [`request`] validates an export request, [`jobs`] remembers the exports, [`download`] streams them, and [`refusal`]
//! has every answer that is none of these. [`wire`] is what is below HTTP: connections that can be cut.

mod app;
mod download;
mod faults;
mod jobs;
mod night;
mod rate;
mod refusal;
mod request;
mod routes;
mod token;
mod wire;

use crate::corpus::CorpusSpec;
use app::App;
use axum::{Router, middleware};
use std::{
    future::{Future, IntoFuture},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

pub use app::Stats;
pub use faults::{Class, Fault, Faults, RetryAfter, UnknownFault, Words};
pub use night::Night;

/// How long a stopping server waits for its open connections.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// How a simulated API behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What the account holds. Each export replaces the window and the selection by what its request asks for. A
    /// segment filter is accepted and does not narrow the export.
    pub corpus: CorpusSpec,
    /// How many polls of an export are answered with "not ready".
    pub polls_until_ready: u32,
    /// Whether the time that exports take passes for all of them at once: a poll of one brings all of them on.
    pub side_by_side: bool,
    /// Which kind of poll URL a request for an export is answered with.
    pub poll_url: PollUrl,
    /// The only client that gets tokens.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: String,
    /// How long a token lives, in whole seconds. Zero gives tokens that are already expired.
    pub token_life: Duration,
    /// Whether the account's rate limits apply.
    pub rate_limits: bool,
    /// How long a second of the rate limits is: tests have short ones.
    pub second: Duration,
    /// Whether files are served as a storage does: with their length and an `ETag`, and from any byte on. Each is then
    /// generated whole, in memory.
    pub ranges: bool,
    /// How late events may be. None: all of them are there from the beginning; see [`Server::set_now`].
    pub late_max: Option<Duration>,
    /// What goes wrong.
    pub faults: Faults,
    /// The largest export there is; none says that any is.
    pub size_max: Option<SizeMax>,
}

/// A limit on exports, by what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeMax {
    /// Of the window of an export with events, in whole days.
    pub days: u32,
    /// Attributes and tags.
    pub columns: usize,
    /// When a client gets to know: when it asks for the export, or when it polls.
    pub told_at: Class,
}

impl Default for Settings {
    /// An account of a thousand profiles on a free port of loopback, without rate limits.
    fn default() -> Settings {
        Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            corpus: CorpusSpec::default(),
            polls_until_ready: 2,
            side_by_side: false,
            poll_url: PollUrl::V1,
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret".to_owned(),
            token_life: Duration::from_secs(86_400),
            rate_limits: false,
            second: Duration::from_secs(1),
            ranges: false,
            late_max: None,
            faults: Faults::default(),
            size_max: None,
        }
    }
}

/// The two kinds of poll URL that the real API is known to give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollUrl {
    /// `file_download_url`: 404 until ready, 410 when gone or invalid.
    #[default]
    V1,
    /// `file_download_url_v2`: 202 until ready, 404 when invalid, 410 when gone.
    V2,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The key that signs the tokens is unusable: the build is damaged.
    #[error("the signing key is unusable: {0}")]
    Key(String),
}

/// A running simulated API. Dropping it stops it, without waiting.
#[derive(Debug)]
pub struct Server {
    base_url: String,
    app: Arc<App>,
    /// Turns true, or goes away, when the server is to stop.
    closing: watch::Sender<bool>,
    serving: JoinHandle<io::Result<()>>,
    /// The storage, at an origin of its own.
    storing: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts listening and serving, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on.
    pub async fn start(settings: Settings) -> Result<Server, StartError> {
        let address = settings.bind;
        let bind_error = |source| StartError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind_error)?;
        let base_url = format!("http://{}", listener.local_addr().map_err(bind_error)?);
        let storage = TcpListener::bind((address.ip(), 0)).await.map_err(bind_error)?;
        let storage_url = format!("http://{}", storage.local_addr().map_err(bind_error)?);
        let (closing, closed) = watch::channel(false);
        let app = Arc::new(App::new(settings, storage_url, closed.clone())?);
        let serving = serve(listener, routes::router(Arc::clone(&app)), closed.clone());
        let storing = serve(storage, routes::storage(Arc::clone(&app)), closed);
        tracing::info!(%base_url, "the simulated API is listening");
        Ok(Server { base_url, app, closing, serving, storing })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The calls so far.
    pub fn stats(&self) -> Stats {
        self.app.stats()
    }

    /// Says what time it is, in milliseconds since the Unix epoch: later events have not happened yet, and some before
    /// have not arrived, if [`Settings::late_max`] is set.
    pub fn set_now(&self, now_ms: i64) {
        self.app.now_ms.store(now_ms, Relaxed);
    }

    /// The next call of this class that has no fault planned yet meets this one.
    pub fn plan_fault(&self, class: Class, fault: Fault) {
        self.app.plan_fault(class, fault);
    }

    /// Stops listening. Downloads under way break off, other calls get their answers.
    pub async fn stop(mut self) {
        self.closing.send_replace(true);
        let both = async {
            let _ = (&mut self.serving).await;
            let _ = (&mut self.storing).await;
        };
        if timeout(STOP_WAIT, both).await.is_err() {
            tracing::debug!("connections were still open when the simulated API stopped");
            self.serving.abort();
            self.storing.abort();
        }
    }

    /// Serves until `shutdown` completes, then stops.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stop().await;
    }
}

fn serve(listener: TcpListener, router: Router, mut closed: watch::Receiver<bool>) -> JoinHandle<io::Result<()>> {
    let shutdown = async move {
        // An error means that the server was dropped.
        let _ = closed.wait_for(|&closing| closing).await;
    };
    let router = router.layer(middleware::from_fn(wire::on_the_wire));
    let serve = axum::serve(wire::Wires(listener), router.into_make_service_with_connect_info::<wire::Wire>());
    tokio::spawn(serve.with_graceful_shutdown(shutdown).into_future())
}
