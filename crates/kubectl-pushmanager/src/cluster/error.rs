//! Why the cluster could not be asked, or did not answer.

use pushtop::feed::{kube::KubeError, last_cause};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no way to the cluster.
    #[error(transparent)]
    Access(KubeError),
    /// The API server said nothing.
    #[error("{0}: the API server did not answer in time")]
    Silent(String),
    /// The caller may not.
    #[error("{doing}: refused: {said}")]
    Denied {
        /// What was asked for.
        doing: String,
        /// What the API server said of it.
        said: String,
    },
    /// What was asked for is not there, be it an object or a kind.
    #[error("{doing}: not found: {said}")]
    Absent {
        /// What was asked for.
        doing: String,
        /// What the API server said of it.
        said: String,
    },
    /// The kind is not installed.
    #[error(
        "this cluster has no kind PushManager (pushmanagers.pushmanager.io): install the operator \
         with its CRD first"
    )]
    NoKind,
    /// No PushManager has this name.
    #[error("there is no PushManager {name:?} in the namespace {namespace:?}{}", alternatives(.there))]
    NoSuch {
        /// Where it was looked for.
        namespace: String,
        /// The name.
        name: String,
        /// Names that there are; empty where there are none, or they may not be listed.
        there: Vec<String>,
    },
    /// Anything else.
    #[error("{doing}: {said}")]
    Failed {
        /// What was asked for.
        doing: String,
        /// What came of it.
        said: String,
    },
}

impl ClusterError {
    /// What an error of the client means.
    pub fn of(doing: &str, error: kube::Error) -> Self {
        let doing = doing.to_owned();
        match error {
            kube::Error::Api(status) => {
                let said = status.message.trim().to_owned();
                match status.code {
                    401 | 403 => Self::Denied { doing, said },
                    404 => Self::Absent { doing, said },
                    _ => Self::Failed { doing, said },
                }
            }
            other => Self::Failed {
                doing,
                said: last_cause(&other),
            },
        }
    }

    /// Whether what was asked for is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }
}

fn alternatives(there: &[String]) -> String {
    match there {
        [] => String::new(),
        there => format!("; there are: {}", there.join(", ")),
    }
}
