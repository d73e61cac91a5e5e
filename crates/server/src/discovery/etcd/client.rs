//! Connections to one etcd endpoint, and what can go wrong with them.
//!
//! The one place where an etcd client is made. Which endpoint is used, and when to try again, is
//! left to the callers.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Error};
use tokio::time::timeout;
use tonic::{Code, Status};

/// The longest reason kept of a failure, in bytes: servers choose those texts.
const MAX_REASON_BYTES: usize = 300;
/// The largest message taken from etcd, in bytes: above its own usual limit of 1.5 MB for one
/// request, and above the 10 MB that it advises not to exceed.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Where etcd is, who we are there, and how long it may take.
#[derive(Clone)]
pub struct EtcdAccess {
    /// `host:port` of each member, in order of preference.
    pub endpoints: Vec<String>,
    /// The user, if etcd asks for one.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// How long a connection may take.
    pub dial_timeout: Duration,
    /// How long one request may take, connecting included.
    pub request_timeout: Duration,
    /// The longest pause between attempts once all endpoints failed.
    pub backoff_max: Duration,
}

impl EtcdAccess {
    /// The endpoint at `index`, or nothing to connect to.
    pub(crate) fn endpoint(&self, index: usize) -> &str {
        self.endpoints.get(index).map_or("", String::as_str)
    }
}

impl fmt::Debug for EtcdAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoints,
            username,
            password,
            dial_timeout,
            request_timeout,
            backoff_max,
        } = self;
        f.debug_struct("EtcdAccess")
            .field("endpoints", endpoints)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "<redacted>"))
            .field("dial_timeout", dial_timeout)
            .field("request_timeout", request_timeout)
            .field("backoff_max", backoff_max)
            .finish()
    }
}

/// Why etcd couldn't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EtcdError {
    /// The list of endpoints is empty.
    #[error("no etcd endpoint is configured")]
    NoEndpoint,
    /// The list of prefixes is empty.
    #[error("no key prefix is configured")]
    NoPrefix,
    /// No answer in time.
    #[error("{doing}: no answer within {limit:?}")]
    Timeout {
        /// The request.
        doing: &'static str,
        /// What it was given.
        limit: Duration,
    },
    /// The request failed.
    #[error("{doing}: {reason}")]
    Request {
        /// The request.
        doing: &'static str,
        /// The server's or the connection's words, in bounded length.
        reason: String,
    },
    /// The answer exceeds what is taken in one message.
    #[error("{doing}: answer is over {MAX_MESSAGE_BYTES} bytes")]
    TooLarge {
        /// The request.
        doing: &'static str,
    },
    /// The revision asked for was compacted away.
    #[error("revision was compacted")]
    Compacted,
    /// The lease is gone.
    #[error("lease is gone")]
    LeaseGone,
    /// The watch heard nothing, not even the progress it asked for.
    #[error("watch: no word within {limit:?}")]
    Silent {
        /// The receive deadline.
        limit: Duration,
    },
    /// The server ended the watch.
    #[error("watch ended by etcd: {reason}")]
    WatchEnded {
        /// The server's words, in bounded length.
        reason: String,
    },
}

/// Makes a client of one endpoint; it insists on a member that has a leader.
///
/// Without credentials nothing is sent yet: the first request connects.
pub(crate) async fn connect(access: &EtcdAccess, endpoint: &str) -> Result<Client, EtcdError> {
    const DOING: &str = "connect";
    if endpoint.is_empty() {
        return Err(EtcdError::NoEndpoint);
    }
    let options = ConnectOptions::new()
        .with_connect_timeout(access.dial_timeout)
        .with_require_leader(true);
    let Some(user) = &access.username else {
        let client = Client::connect([endpoint], Some(options));
        return within(DOING, access.request_timeout, client).await;
    };
    let password = access.password.clone().unwrap_or_default();
    let with_user = options.clone().with_user(user, password);
    let client = Client::connect([endpoint], Some(with_user));
    match within(DOING, access.request_timeout, client).await {
        // Go's client goes on without a token too: credentials may be rolled out before etcd asks.
        Err(EtcdError::Request { reason, .. })
            if reason.contains("authentication is not enabled") =>
        {
            let client = Client::connect([endpoint], Some(options));
            within(DOING, access.request_timeout, client).await
        }
        connected => connected,
    }
}

/// Waits for a request for `limit` at most: a stopped etcd accepts connections and never answers.
pub(crate) async fn within<T>(
    doing: &'static str,
    limit: Duration,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, EtcdError> {
    match timeout(limit, request).await {
        Ok(answer) => answer.map_err(|error| explain(doing, &error)),
        Err(_) => Err(EtcdError::Timeout { doing, limit }),
    }
}

pub(super) fn explain(doing: &'static str, error: &Error) -> EtcdError {
    match error {
        Error::GRpcStatus(status) => explain_status(doing, status),
        // The client's own word for a keep-alive that was answered with no time left.
        Error::LeaseKeepAliveError(text) if text == "lease not found" => EtcdError::LeaseGone,
        error => EtcdError::Request {
            doing,
            reason: bounded(&error.to_string()),
        },
    }
}

fn explain_status(doing: &'static str, status: &Status) -> EtcdError {
    let message = status.message();
    match status.code() {
        Code::OutOfRange if message.contains("decoded message length") => {
            EtcdError::TooLarge { doing }
        }
        Code::OutOfRange if message.contains("compacted") => EtcdError::Compacted,
        Code::NotFound if message.contains("lease not found") => EtcdError::LeaseGone,
        _ => {
            let mut reason = if message.is_empty() {
                status.code().description().to_owned()
            } else {
                message.to_owned()
            };
            // Tonic says "transport error"; what happened is at the end of the chain.
            let mut source = status.source();
            while let Some(cause) = source {
                source = cause.source();
                if source.is_none() && !reason.contains(&cause.to_string()) {
                    reason = format!("{reason}: {cause}");
                }
            }
            let reason = bounded(&reason);
            EtcdError::Request { doing, reason }
        }
    }
}

/// One line of bounded length.
pub(super) fn bounded(text: &str) -> String {
    let mut line = String::new();
    for char in text.chars() {
        if line.len() + char.len_utf8() > MAX_REASON_BYTES {
            break;
        }
        line.push(if char.is_control() { ' ' } else { char });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let access = EtcdAccess {
            endpoints: vec!["localhost:2379".into()],
            username: Some("root".into()),
            password: Some("hunter2".into()),
            dial_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(1),
            backoff_max: Duration::from_secs(1),
        };
        let shown = format!("{access:?}");
        assert!(
            shown.contains("root") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn reasons_are_one_line_of_bounded_length() {
        let reason = bounded(&"é\n".repeat(1000));
        assert!(reason.len() <= MAX_REASON_BYTES && !reason.contains('\n'));
    }

    #[test]
    fn a_status_is_sorted_by_what_follows_from_it() {
        let explain = |code, text: &str| explain_status("list", &Status::new(code, text));
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        assert_eq!(explain(Code::OutOfRange, compacted), EtcdError::Compacted);
        let large = "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes";
        assert_eq!(
            explain(Code::OutOfRange, large),
            EtcdError::TooLarge { doing: "list" }
        );
        let gone = "etcdserver: requested lease not found";
        assert_eq!(explain(Code::NotFound, gone), EtcdError::LeaseGone);
        let error = explain(Code::Unavailable, "etcdserver: no leader");
        assert_eq!(error.to_string(), "list: etcdserver: no leader");
    }
}
