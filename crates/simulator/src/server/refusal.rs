//! Answers that refuse a call, in the shapes of the real API: `{"status","title","detail"}` from the service,
//! `{"message"}` from the gateway before it.

use super::{RetryAfter, Words, wire::HangUp};
use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde_json::json;

/// A refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Service {
        status: StatusCode,
        detail: String,
    },
    Gateway {
        status: StatusCode,
        message: &'static str,
    },
    /// By a fault.
    Injected {
        status: StatusCode,
        words: Words,
        retry_after: Option<RetryAfter>,
    },
    /// No answer at all.
    Lost,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal::Service { status, detail: detail.into() }
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub(super) fn limited(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail)
    }

    pub(super) fn pending_limit() -> Refusal {
        Refusal::limited("Too many exports are pending already.")
    }

    pub(super) fn export_too_large() -> Refusal {
        Refusal::too_large("The export exceeds the maximum file size: ask for a smaller data subset.")
    }

    pub(super) fn injected(status: u16, words: Words, retry_after: Option<RetryAfter>) -> Refusal {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Refusal::Injected { status, words, retry_after }
    }

    pub(super) fn missing_token() -> Refusal {
        Refusal::Gateway { status: StatusCode::UNAUTHORIZED, message: "Unauthorized" }
    }

    pub(super) fn denied() -> Refusal {
        Refusal::Gateway {
            status: StatusCode::FORBIDDEN,
            message: "User is not authorized to access this resource with an explicit deny",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::debug!(?self, "refused");
        match self {
            Refusal::Service { status, detail } => problem(status, &detail),
            Refusal::Gateway { status, message } => (status, Json(json!({"message": message}))).into_response(),
            Refusal::Injected { status, words, retry_after } => {
                const DETAIL: &str = "A fault was injected.";
                let mut response = match words {
                    Words::Problem => problem(status, DETAIL),
                    Words::Message => (status, Json(json!({"message": DETAIL}))).into_response(),
                    Words::Text => (status, DETAIL).into_response(),
                };
                if let Some(value) = retry_after.and_then(|asked| retry_after_value(asked).parse().ok()) {
                    response.headers_mut().insert(RETRY_AFTER, value);
                }
                response
            }
            Refusal::Lost => {
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(HangUp);
                response
            }
        }
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    (status, Json(json!({"status": status.as_u16(), "title": title, "detail": detail}))).into_response()
}

fn retry_after_value(asked: RetryAfter) -> String {
    match asked {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => {
            let at = Timestamp::now().checked_add(SignedDuration::from_secs(i64::from(seconds)));
            at.and_then(|at| rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at)).unwrap_or_default()
        }
    }
}
