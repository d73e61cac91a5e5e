//! What a failed call says about whether the peer can have seen it.

use std::error::Error;

use tonic::{Code, ConnectError, Status, TimeoutExpired};

/// How far a failed call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made: surely unsent.
    Unconnected,
    /// The connection closed before the call went out, or the peer said that it
    /// did not look at it: surely not carried out.
    Unsent,
    /// The connection broke after the call may have gone out.
    Lost,
    /// No answer by the deadline.
    Late,
    /// The peer answered with this code.
    Answered(Code),
}

impl Failure {
    /// Reads the error that lies under a status. A status without one was
    /// written by the peer.
    pub fn of(status: &Status) -> Self {
        let Some(cause) = status.source() else {
            return Failure::Answered(status.code());
        };
        for error in chain(cause) {
            if error.is::<ConnectError>() {
                return Failure::Unconnected;
            }
            if error.is::<TimeoutExpired>() {
                return Failure::Late;
            }
            if let Some(error) = error.downcast_ref::<hyper::Error>()
                && error.is_canceled()
            {
                return Failure::Unsent;
            }
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
                // A graceful GOAWAY fails only streams above its last id.
                let goodbye = error.is_go_away()
                    && error.is_remote()
                    && error.reason() == Some(h2::Reason::NO_ERROR);
                return if refused || goodbye {
                    Failure::Unsent
                } else {
                    Failure::Lost
                };
            }
        }
        Failure::Lost
    }

    /// True when the peer surely did nothing with the call.
    pub fn is_unsent(self) -> bool {
        matches!(self, Failure::Unconnected | Failure::Unsent)
    }
}

/// A status in words: the innermost cause where the transport failed, else
/// what the peer wrote.
pub fn describe(status: &Status) -> String {
    let Some(cause) = status.source() else {
        return format!(
            "{}: {}",
            crate::error::code_label(status.code()),
            status.message()
        );
    };
    let innermost = chain(cause)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    match Failure::of(status) {
        Failure::Unconnected => format!("could not connect: {innermost}"),
        Failure::Unsent | Failure::Lost => format!("connection lost: {innermost}"),
        Failure::Late => "deadline exceeded".to_owned(),
        Failure::Answered(code) => format!("{}: {innermost}", crate::error::code_label(code)),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_own_status_is_an_answer() {
        let status = Status::unavailable("store is down");
        assert_eq!(Failure::of(&status), Failure::Answered(Code::Unavailable));
        assert!(describe(&status).contains("store is down"));
    }

    #[test]
    fn a_failed_connect_is_surely_unsent() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused))));
        assert!(Failure::of(&status).is_unsent());
        assert_eq!(describe(&status), "could not connect: connection refused");
    }

    #[test]
    fn a_broken_connection_may_have_carried_the_call() {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let status = Status::from_error(Box::new(broken));
        assert_eq!(Failure::of(&status), Failure::Lost);
    }
}
