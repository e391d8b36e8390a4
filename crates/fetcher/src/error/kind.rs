//! What an error is to those who have to do something about it.

use super::Error;
use std::io;

/// The kinds of errors that a caller treats differently, and that have exit codes of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something in the configuration or on this machine: no retry will help.
    Config,
    /// The API does not let us in.
    Credentials,
    /// The API answered no, or something unexpected.
    Api,
    /// This export is lost, failed or late: a new request may succeed.
    Export,
    /// Connections fail or break: the same again may succeed.
    Network,
    /// The bytes themselves are cut, corrupt or no longer the same.
    Data,
    /// A copy of a download, or the state, cannot be written.
    Disk,
    /// The input is not there or not readable.
    Input,
    /// The machinery underneath stopped.
    Io,
}

impl Error {
    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BaseUrl { .. } | Self::Setup { .. } | Self::Network { .. } | Self::EventWindow { .. } => {
                ErrorKind::Config
            }
            Self::Credentials { .. } | Self::Refused { .. } => ErrorKind::Credentials,
            Self::Status { .. } | Self::Answer { .. } | Self::ForeignPollUrl { .. } | Self::Redirect { .. } => {
                ErrorKind::Api
            }
            Self::ExportFailed { .. } | Self::ExportGone { .. } | Self::NotReady { .. } => ErrorKind::Export,
            Self::Unreachable { .. } | Self::AnswerLost { .. } | Self::Broken { .. } | Self::Stalled { .. } => {
                ErrorKind::Network
            }
            Self::Truncated { .. }
            | Self::Corrupt { .. }
            | Self::Trailing { .. }
            | Self::Window { .. }
            | Self::Changed { .. } => ErrorKind::Data,
            Self::Keep { .. } | Self::State { .. } => ErrorKind::Disk,
            Self::InputName { .. } | Self::InputOpen { .. } => ErrorKind::Input,
            Self::InputRead { .. } | Self::Thread { .. } | Self::Stopped { .. } => ErrorKind::Io,
        }
    }

    /// Whether the same export may succeed if it is asked for anew: it failed, or is lost, or nobody knows whether it was
    /// ever started.
    pub(crate) fn wants_new_export(&self) -> bool {
        match self {
            Self::ExportFailed { .. } | Self::ExportGone { .. } | Self::AnswerLost { .. } => true,
            Self::Status { what, status, .. } => *what == crate::export::WHAT_REQUEST && matches!(status, 408 | 500..),
            _ => false,
        }
    }

    /// Whether a smaller export may succeed: this one is too large, or fails again and again, which mostly has that
    /// reason.
    pub(crate) fn wants_less(&self) -> bool {
        match self {
            Self::ExportFailed { .. } => true,
            Self::Status { status: 413, .. } => true,
            Self::Status { status: 400..500, body, .. } => {
                let body = body.to_ascii_lowercase();
                ["too large", "file size", "smaller data"].iter().any(|words| body.contains(words))
            }
            _ => false,
        }
    }

    /// Whether the same bytes may come whole if they are downloaded again.
    pub(crate) fn is_mendable(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. }
                | Self::Stalled { .. }
                | Self::Truncated { .. }
                | Self::Corrupt { .. }
                | Self::Trailing { .. }
        )
    }

    /// What happened, and what to do next, which [`Display`](std::fmt::Display) makes one sentence of.
    pub fn told(&self) -> (String, String) {
        let whole = self.to_string();
        // What a server says stands before the last semicolon, which is always ours.
        let (what, next) = whole.rsplit_once("; ").unwrap_or((&whole, "run again"));
        (what.to_owned(), next.to_owned())
    }

    /// The error of this crate that came out of [`Reader`](crate::Reader)'s `read`, if `error` is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Data => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
