//! What can go wrong with a push as a whole, and the one place where that
//! becomes a gRPC status. What goes wrong for single targets is an
//! [`crate::outcome::Outcome`].

use std::time::Duration;

use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, StatusExt};

/// Why a push was not carried out.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PushError {
    /// A field is missing, too large or malformed.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field's path in the request, such as `content.data`.
        field: String,
        /// The limit and what was given.
        problem: String,
    },
    /// The option exists in the contract, not in this version.
    #[error("options.{option} is not implemented by this version")]
    Unimplemented {
        /// The option's field name.
        option: &'static str,
    },
    /// The Controller gave no usable answer in time.
    #[error("controller {address}: {problem}")]
    Controller {
        /// Where it was asked.
        address: String,
        /// What happened.
        problem: String,
    },
    /// The caller's deadline passed before the targets were known.
    #[error("deadline of the push exceeded while waiting for controller {address}")]
    Late {
        /// Where it was asked.
        address: String,
    },
    /// The set of nodes was never learnt, or this instance is on its way out.
    #[error("not ready: {0}")]
    NotReady(String),
    /// As much as allowed is under way.
    #[error("{knob} = {limit} are under way; retry in {} ms", retry_after.as_millis())]
    Overloaded {
        /// The limit's knob.
        knob: &'static str,
        /// The limit that was met.
        limit: usize,
        /// When a retry is likely to be taken.
        retry_after: Duration,
    },
    /// The push's task ended without an answer: a defect.
    #[error("internal: the push was given up")]
    Aborted,
}

impl PushError {
    /// A bad field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl From<PushError> for Status {
    fn from(error: PushError) -> Self {
        let text = error.to_string();
        match error {
            PushError::Invalid { field, problem } => Status::with_error_details(
                Code::InvalidArgument,
                text,
                ErrorDetails::with_bad_request_violation(field, problem),
            ),
            PushError::Unimplemented { .. } => Status::unimplemented(text),
            PushError::Controller { .. } | PushError::NotReady(_) => Status::unavailable(text),
            PushError::Late { .. } => Status::deadline_exceeded(text),
            PushError::Overloaded { retry_after, .. } => overloaded(text, retry_after),
            PushError::Aborted => Status::internal(text),
        }
    }
}

fn overloaded(text: String, retry_after: Duration) -> Status {
    let mut status = Status::with_error_details(
        Code::ResourceExhausted,
        text,
        ErrorDetails::with_retry_info(Some(retry_after)),
    );
    let pushback = MetadataValue::from(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX));
    status
        .metadata_mut()
        .insert("grpc-retry-pushback-ms", pushback);
    status
}

/// The status code as a metric label, in the spelling of the gRPC specification.
pub fn code_label(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_tells_when_to_retry() {
        let status = Status::from(PushError::Overloaded {
            knob: "limits.concurrent_pushes",
            limit: 3,
            retry_after: Duration::from_millis(100),
        });
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(
            status.metadata().get("grpc-retry-pushback-ms").unwrap(),
            "100"
        );
        let info = status.get_details_retry_info().unwrap();
        assert_eq!(info.retry_delay, Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_missing_controller_is_named() {
        let status = Status::from(PushError::Controller {
            address: "ctl:50051".into(),
            problem: "deadline exceeded".into(),
        });
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("ctl:50051"));
    }
}
