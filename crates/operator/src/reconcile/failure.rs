//! Why a reconcile did not come to its end, and what follows from it.

use std::time::Duration;

use crate::pods::Complaint;

/// Fields of children that can't be changed, and that only a new object has right.
const FIXED: [&str; 4] = [
    "spec.selector",
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.clusterIPs[0]",
];

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
    /// Something else keeps changing a child.
    #[error("{0}")]
    Contested(String),
}

impl Failure {
    /// What people must mend; nothing when it passes by itself.
    pub(super) fn obstacle(&self) -> Option<Complaint> {
        let reason = match self {
            Self::Conflict(_) => "NameConflict",
            Self::Contested(_) => "Contested",
            Self::Api { .. } if self.is_namespace_terminating() => return None,
            Self::Api { .. } => match self.code() {
                Some(400 | 403 | 404 | 413 | 422) => "ApplyRefused",
                // What server-side apply says of an object that it can't take apart.
                Some(500) if self.says("failed to create typed patch object") => "ApplyRefused",
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
            Self::Contested(_) => Some("contested"),
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
            Self::Api { .. } | Self::Silent { .. } | Self::Conflict(_) | Self::Contested(_) => None,
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
        let details = self.status().and_then(|status| status.details.as_ref());
        let mut causes = details.into_iter().flat_map(|details| &details.causes);
        self.code() == Some(422) && causes.any(|cause| FIXED.contains(&cause.field.as_str()))
    }

    fn says(&self, words: &str) -> bool {
        let message = self.status().map(|status| status.message.as_str());
        message.is_some_and(|message| message.contains(words))
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
            Self::Silent { .. } | Self::Waiting(_) | Self::Conflict(_) | Self::Contested(_) => None,
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
