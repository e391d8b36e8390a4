//! What can go wrong: each error says what happened, where, and what to do next.
//!
//! `Display` is one whole sentence without the cause; the cause is in [`source`](std::error::Error::source), so that a
//! caller who prints the chain says nothing twice. URLs are shown without user, password, query and fragment (a signed
//! storage URL is a credential), and text from a server is cleaned of every secret before it comes here.

mod kind;

pub use kind::ErrorKind;

use crate::source::Origin;
use std::{io, time::Duration};
use url::Url;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whatever the layer below had to say.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no export. [`Error::kind`] sorts them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The base URL in the configuration is none that may be used.
    #[error(
        "the base URL {url} cannot be used: {reason}; set it to https://api.apsis.one or https://api-apac.apsis.one"
    )]
    BaseUrl {
        /// As configured.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The TLS or HTTP machinery could not be set up.
    #[error("the HTTP client could not be set up; check that the CA certificates of the system are installed")]
    Setup {
        /// What it said.
        source: reqwest::Error,
    },

    /// Events are asked for of no time.
    #[error("the window of the events from {start} to {end} is empty; set an end that is after the start")]
    EventWindow {
        /// Its start, in UTC.
        start: String,
        /// Its end.
        end: String,
    },

    /// A setting of the network that cannot be used.
    #[error("{setting} cannot be used: {reason}")]
    Network {
        /// Which, and what it says without secrets.
        setting: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },

    /// The token endpoint does not accept the client id and secret.
    #[error(
        "{url} refused the credentials with {status}: {body}; check the client id and secret, and that they belong \
         to this region"
    )]
    Credentials {
        /// The token endpoint.
        url: String,
        /// Its answer.
        status: u16,
        /// Its words.
        body: String,
    },

    /// A call was refused, and refused again with a fresh token.
    #[error(
        "{url} refused the {what} with {status}, also with a fresh token: {body}; check that this API key may read \
         profiles of the account, and that it is active"
    )]
    Refused {
        /// The call.
        what: &'static str,
        /// Its URL.
        url: String,
        /// The second answer.
        status: u16,
        /// Its words.
        body: String,
    },

    /// A status that ends the call.
    #[error("the {what} at {url} was answered with {status}: {body}; {}", next_step(*status))]
    Status {
        /// The call.
        what: &'static str,
        /// Its URL.
        url: String,
        /// The answer.
        status: u16,
        /// Its words.
        body: String,
    },

    /// An answer without the member it should have.
    #[error(
        "the {what} at {url} was answered with something else than expected: {reason}; check that the base URL is \
         that of the API"
    )]
    Answer {
        /// The call.
        what: &'static str,
        /// Its URL.
        url: String,
        /// What is missing or wrong.
        reason: String,
    },

    /// The poll URL is on another host than the API: the token must not go there.
    #[error(
        "the poll URL {url} is not on the API's own origin {base}: the token is not sent there; check the base URL, \
         and the poll URL's pointer if one is configured, or allow the host (in a pipeline: source.poll_hosts)"
    )]
    ForeignPollUrl {
        /// The poll URL.
        url: String,
        /// The base URL.
        base: String,
    },

    /// The API failed to make the export.
    #[error(
        "the export at {url} failed while it was processed: {body}; request a new export, with fewer columns or a \
         shorter time window if it fails again"
    )]
    ExportFailed {
        /// The poll URL.
        url: String,
        /// The API's words.
        body: String,
    },

    /// The export is no longer there, or never was.
    #[error("the export at {url} is gone or its id is invalid ({status}); run again, which requests a new export")]
    ExportGone {
        /// The poll URL.
        url: String,
        /// The answer.
        status: u16,
    },

    /// The export was not ready in time.
    #[error(
        "the export at {url} was not ready after {waited:?}, and its URL dies after a day; request a new export, \
         with fewer columns or a shorter time window"
    )]
    NotReady {
        /// The poll URL.
        url: String,
        /// Since the request.
        waited: Duration,
    },

    /// No answer came.
    #[error("no answer came to the {what} at {url}; {next}")]
    Unreachable {
        /// The call.
        what: &'static str,
        /// Its URL.
        url: String,
        /// What to do.
        next: &'static str,
        /// What the network said.
        source: Cause,
    },

    /// No answer came to a call that starts something.
    #[error(
        "no answer came to the {what} at {url}; it is not known whether it was started: start over, but mind the limit \
         of pending exports"
    )]
    AnswerLost {
        /// The call.
        what: &'static str,
        /// Its URL.
        url: String,
        /// What the network said.
        source: Cause,
    },

    /// A redirect that is not followed.
    #[error("the redirect from {url} is not followed: {reason}; if it comes again, tell the operator of the API")]
    Redirect {
        /// Who redirected.
        url: String,
        /// Why not.
        reason: String,
    },

    /// A stream broke in the middle.
    #[error("the connection to {from} broke after {received} of {} bytes; download again", promised(*total))]
    Broken {
        /// The stream.
        from: Origin,
        /// Bytes that came.
        received: u64,
        /// Bytes that were promised.
        total: Option<u64>,
        /// What the network said.
        source: Cause,
    },

    /// No byte came for too long.
    #[error("{from} sent nothing for {idle:?} after {received} bytes; download again")]
    Stalled {
        /// The stream.
        from: Origin,
        /// Bytes that came.
        received: u64,
        /// The limit.
        idle: Duration,
    },

    /// A file that broke off has another beginning when it is downloaded again.
    #[error(
        "the first {bytes} bytes of {from} were others when it was downloaded again after it had broken: nobody can tell \
         what the rest belongs to; start over"
    )]
    Changed {
        /// The stream.
        from: Origin,
        /// The (uncompressed) bytes that had been read before.
        bytes: u64,
    },

    /// A copy of a download could not be written.
    #[error("the download could not be kept in {place}; check that it may be written to, and has space")]
    Keep {
        /// The file or object.
        place: String,
        /// What the system or the store said.
        source: Cause,
    },

    /// A state cannot be kept where it is to be.
    #[error(
        "the state cannot be kept in {place}; check the address, and that objects there may be listed, read, written and removed"
    )]
    State {
        /// The place.
        place: String,
        /// What the store said.
        source: Cause,
    },

    /// The stream ended inside compressed data.
    #[error("the {format} stream of {from} is cut short after {received} compressed bytes; fetch the file again")]
    Truncated {
        /// The stream.
        from: Origin,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Compressed bytes that came.
        received: u64,
    },

    /// Compressed data that is none, or fails its checksum.
    #[error(
        "the {format} stream of {from} is corrupt within its first {received} compressed bytes: {detail}; fetch the \
         file again"
    )]
    Corrupt {
        /// The stream.
        from: Origin,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Compressed bytes that came so far; the fault is among them.
        received: u64,
        /// What the decoder found.
        detail: String,
    },

    /// Something follows the compressed data.
    #[error(
        "after the end of the {format} stream of {from} comes something else, within its first {received} bytes; \
         fetch the file again, or cut off what was appended"
    )]
    Trailing {
        /// The stream.
        from: Origin,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Bytes that came so far; the end of the stream is among them.
        received: u64,
    },

    /// A zstd file that needs more memory than it is given.
    #[error(
        "the zstd stream of {from} needs a window of more than 2^{window_log_max} bytes to decompress; compress it \
         again with --long={window_log_max} or without --long and --ultra"
    )]
    Window {
        /// The stream.
        from: Origin,
        /// The limit, as a power of two.
        window_log_max: u32,
    },

    /// The input's name is none we can open.
    #[error("the input {input} cannot be opened: {reason}")]
    InputName {
        /// As given.
        input: String,
        /// What is wrong, and what to give instead.
        reason: &'static str,
    },

    /// The input cannot be opened.
    #[error("{from} cannot be opened; check the path and its permissions")]
    InputOpen {
        /// The input.
        from: Origin,
        /// What the system said.
        source: io::Error,
    },

    /// The input stopped to be readable.
    #[error("reading {from} failed after {received} bytes; check the disk or the program that writes it")]
    InputRead {
        /// The input.
        from: Origin,
        /// Bytes read so far.
        received: u64,
        /// What the system said.
        source: Cause,
    },

    /// The system gave no thread to inflate with.
    #[error("no thread could be started for {from}; let this program have more threads or memory")]
    Thread {
        /// The stream.
        from: Origin,
        /// What the system said.
        source: io::Error,
    },

    /// The stream ended without its end: the runtime went down, or the reader was used again after an error.
    #[error("the stream of {from} stopped before its end; start over")]
    Stopped {
        /// The stream.
        from: Origin,
    },
}

/// A URL as people may see it: no user, password, query or fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // These two fail only for URLs without a host, which have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

fn promised(total: Option<u64>) -> String {
    total.map_or_else(|| "an unknown number of".into(), |total| total.to_string())
}

fn next_step(status: u16) -> &'static str {
    match status {
        300..400 => "check the base URL: the API's own calls are never redirected",
        400 | 422 => "check the ids, the time window and the raw members of the request",
        401 | 403 => "the address has expired or is not meant for us: start over",
        404 => "check the base URL",
        413 => "ask for less: fewer columns, or a shorter time window",
        429 => "too many calls or pending exports: wait a little, and start over",
        500.. => "the server has trouble: start over later, asking for less if it stays",
        _ => "check the base URL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_credentials() {
        let url = Url::parse("https://user:pass@example.com/a/b?signature=abc#x").unwrap();
        assert_eq!(shown(&url), "https://example.com/a/b");
    }

    #[test]
    fn errors_are_small() {
        assert!(size_of::<Error>() <= 96, "{}", size_of::<Error>());
    }

    #[test]
    fn what_to_do_next_stands_after_what_a_server_says() {
        let (url, body) = ("https://x/".to_owned(), "first; second".to_owned());
        for (error, what, next) in [
            (
                Error::Status { what: "poll", url: url.clone(), status: 404, body },
                "the poll at https://x/ was answered with 404: first; second",
                "check the base URL",
            ),
            (
                Error::Redirect { url, reason: "it does not say where to".into() },
                "the redirect from https://x/ is not followed: it does not say where to",
                "if it comes again, tell the operator of the API",
            ),
        ] {
            assert_eq!(error.told(), (what.to_owned(), next.to_owned()));
            assert_eq!(error.to_string(), format!("{what}; {next}"));
        }
    }

    #[test]
    fn an_error_survives_its_way_through_io() {
        let error = io::Error::from(Error::Stopped { from: Origin::Stdin });
        assert_eq!(Error::of(&error).map(Error::kind), Some(ErrorKind::Io));
        assert!(Error::of(&io::Error::other("else")).is_none());
    }
}
