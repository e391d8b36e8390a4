//! Answers that refuse a call, in the shapes of the real API: `{"status","title","detail"}` from the service,
//! `{"message"}` from the gateway before it.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Service { status: StatusCode, detail: String },
    Gateway { status: StatusCode, message: &'static str },
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
            Refusal::Service { status, detail } => {
                let title = status.canonical_reason().unwrap_or_default();
                let body = json!({"status": status.as_u16(), "title": title, "detail": detail});
                (status, Json(body)).into_response()
            }
            Refusal::Gateway { status, message } => (status, Json(json!({"message": message}))).into_response(),
        }
    }
}
