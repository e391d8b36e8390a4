//! Every limit of the crate: its name, its default, and why the default is what it is.

use crate::Rates;
use std::time::Duration;

/// What the fetcher waits for, how often it tries again and how much it keeps in memory, at most.
///
/// The defaults suit the documented rate limits of the API (10 tokens, 60 polls or downloads a minute); tests scale
/// them down.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Until a connection stands, TLS included. Default 10 s.
    pub connect_timeout: Duration,
    /// From sending a request until its answer: the whole of a small one, the headers of a download. Default 60 s.
    pub request_timeout: Duration,
    /// Without a byte in the middle of a download. Time in which our own consumer reads nothing, or in which what came
    /// is being kept, does not count. Default 60 s.
    pub read_idle_timeout: Duration,

    /// How often one call is sent again after a passing fault. Default 6: with the back-off below, about a minute.
    pub retries_max: usize,
    /// For how long one call is sent again after a passing fault. Default 10 min.
    pub retry_time_max: Duration,
    /// For how long an export is asked for again while too many are pending. Default 1 h.
    pub pending_time_max: Duration,
    /// What the first back-off is at most; each further one may be twice as long, and is some part of that, at random.
    /// Default 0.5 s.
    pub backoff_min: Duration,
    /// The back-off stops to grow here. Default 30 s.
    pub backoff_max: Duration,
    /// A `Retry-After` is honoured up to here. Default 2 min.
    pub retry_after_max: Duration,

    /// Calls in a span of time, by kind. Default: what the API allows an account.
    pub rates: Rates,

    /// A token is renewed this long before it expires, so that none dies on its way to the server. Default 60 s.
    pub token_margin: Duration,

    /// Between the request and the first poll; it grows by half with each poll, and jitter is added. Default 1 s.
    pub poll_interval_first: Duration,
    /// The interval between polls stops to grow here. Default 60 s.
    pub poll_interval_max: Duration,
    /// From the request to the last poll. Default 23 h: the poll URL lives a day, and the download needs a part of it.
    pub poll_deadline: Duration,

    /// For how long one call of the store is waited for that has the state, where it is not in a folder. After one that is not
    /// answered, or fails, the run goes on without. Default 10 s.
    pub state_timeout: Duration,

    /// How often one export is asked for, if it fails or is lost each time. Default 3.
    pub exports_max: u32,

    /// How many exports are asked for ahead of the one that is worked on, where there are several. Default 2.
    pub exports_ahead: usize,

    /// The shortest window of events that is still cut in half when its export is too large. Default 1 h.
    pub window_min: Duration,
    /// How often a broken download is gone on with. Default 50.
    pub resumes_max: u32,
    /// How often in a row that may bring nothing new. Default 5.
    pub resumes_in_vain_max: u32,
    /// Redirects followed in one download. Default 5.
    pub redirects_max: usize,
    /// An answer that is parsed (a token, a poll URL) and is longer than this is refused. Default 1 MiB.
    pub answer_bytes_max: usize,
    /// Of the body of an error answer, this much is shown. Default 600 bytes.
    pub error_bytes_shown: usize,

    /// A listing that is longer than this, all its pages together, is refused. Default 16 MiB.
    pub listing_bytes_max: usize,
    /// Pages of one listing; more are refused, as something that goes round in circles. Default 1,000.
    pub listing_pages_max: usize,
    /// Listings asked for at the same time. Default 4.
    pub listings_at_once: usize,

    /// Bytes that were received and wait to be inflated before the network has to wait too. A piece of less than 8 KiB
    /// counts as that. Default 1 MiB.
    pub packed_bytes: usize,
    /// The size of one piece of inflated bytes on its way to the reader. Default 256 KiB.
    pub chunk_bytes: usize,
    /// Inflated pieces that wait for the reader before inflating has to wait too. Default 8.
    pub queue_chunks: usize,
    /// The largest zstd window accepted, as a power of two: the decoder allocates what the file's header asks for, so
    /// this is what keeps a hostile or extreme file inside the memory budget. Default 26 (64 MiB): every level up to
    /// `--ultra -21`.
    pub zstd_window_log_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            read_idle_timeout: Duration::from_secs(60),
            retries_max: 6,
            retry_time_max: Duration::from_secs(600),
            pending_time_max: Duration::from_secs(3600),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(120),
            rates: Rates::default(),
            token_margin: Duration::from_secs(60),
            poll_interval_first: Duration::from_secs(1),
            poll_interval_max: Duration::from_secs(60),
            poll_deadline: Duration::from_secs(23 * 3600),
            state_timeout: Duration::from_secs(10),
            exports_max: 3,
            exports_ahead: 2,
            window_min: Duration::from_secs(3600),
            resumes_max: 50,
            resumes_in_vain_max: 5,
            redirects_max: 5,
            answer_bytes_max: 1 << 20,
            error_bytes_shown: 600,
            listing_bytes_max: 16 << 20,
            listing_pages_max: 1_000,
            listings_at_once: 4,
            packed_bytes: 1 << 20,
            chunk_bytes: 256 << 10,
            queue_chunks: 8,
            zstd_window_log_max: 26,
        }
    }
}
