//! Why a reconcile did not come to its end, and what follows from it.

use std::time::Duration;

use crate::pods::Complaint;

/// Why a reconcile did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The API server refused, or could not be reached.
    #[error("{doing}: {}", told(.source))]
    Api {
        /// What was being done.
        doing: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time.
    #[error("{doing}: the API server does not answer")]
    Silent {
        /// What was being done.
        doing: String,
    },
    /// Something passes by itself.
    #[error("waiting: {0}")]
    Waiting(String),
    /// An object of a child's name is someone else's.
    #[error("{0}")]
    Conflict(String),
}

impl Failure {
    /// What people must mend; nothing when it passes by itself.
    pub(super) fn obstacle(&self) -> Option<Complaint> {
        let reason = match self {
            Self::Conflict(_) => "NameConflict",
            Self::Api { .. } if self.is_namespace_terminating() => return None,
            Self::Api { .. } => match self.code() {
                Some(400 | 403 | 404 | 413 | 422) => "ApplyRefused",
                _ => return None,
            },
            Self::Silent { .. } | Self::Waiting(_) => return None,
        };
        Some(Complaint {
            reason,
            message: self.to_string(),
        })
    }

    /// A bounded word for metrics; none for what is no failure but passes by itself.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Waiting(_) => None,
            Self::Conflict(_) => Some("name_conflict"),
            Self::Silent { .. } => Some("timeout"),
            Self::Api { .. } => Some(match self.code() {
                Some(403) => "forbidden",
                Some(409) => "conflict",
                Some(422) => "invalid",
                Some(429) => "throttled",
                Some(400..=499) => "refused",
                Some(_) => "server_error",
                None => "unreachable",
            }),
        }
    }

    /// How long the API server wants not to be asked.
    pub fn retry_after(&self) -> Option<Duration> {
        let details = self.status()?.details.as_ref()?;
        (details.retry_after_seconds > 0)
            .then(|| Duration::from_secs(u64::from(details.retry_after_seconds)))
    }

    /// What passes by itself.
    pub(super) fn waiting(&self) -> Option<String> {
        match self {
            Self::Waiting(what) => Some(format!("waiting: {what}")),
            Self::Api { .. } | Self::Silent { .. } | Self::Conflict(_) => None,
        }
    }

    /// Whether only people can mend it.
    pub(super) fn is_lasting(&self) -> bool {
        self.obstacle().is_some()
    }

    /// Whether what was to be deleted is not there any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.code(), Some(404))
    }

    /// Whether a field was to be changed that can't be.
    pub(super) fn is_immutable(&self) -> bool {
        let message = self.status().map_or("", |status| &status.message);
        let words = ["field is immutable", "may not change once set"];
        self.code() == Some(422) && words.iter().any(|words| message.contains(words))
    }

    /// Whether nothing more can be made, because the namespace is being deleted.
    pub(super) fn is_namespace_terminating(&self) -> bool {
        let details = self.status().and_then(|status| status.details.as_ref());
        let mut causes = details.into_iter().flat_map(|details| &details.causes);
        causes.any(|cause| cause.reason == "NamespaceTerminating")
    }

    fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    fn status(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            Self::Silent { .. } | Self::Waiting(_) | Self::Conflict(_) => None,
        }
    }
}

/// What the API server said, or the last cause of not reaching it.
fn told(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return format!("{} ({})", status.message, status.code);
    }
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
