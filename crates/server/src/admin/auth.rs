//! Who may call, by where they call from and the token they send. Pure.

use std::net::SocketAddr;

use push_manager_config::{Config, Secret};
use push_manager_proto::admin::Role;
use subtle::ConstantTimeEq;
use tonic::Status;

/// The tokens of the roles.
#[derive(Clone, Debug)]
pub struct Tokens {
    read: Secret,
    operate: Secret,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) role: Role,
    /// As the audit names them.
    pub(super) name: String,
}

impl Tokens {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        Self {
            read: config.admin.read_token.clone(),
            operate: config.admin.operate_token.clone(),
        }
    }

    /// The caller at `peer` who sent this `authorization` header. From loopback
    /// all may do everything, but who sends the token of a role gets that role.
    pub(super) fn admit(
        &self,
        peer: Option<SocketAddr>,
        header: Option<&[u8]>,
    ) -> Result<Actor, Status> {
        let local = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let role = match header.and_then(bearer).and_then(|token| self.role(token)) {
            Some(role) => role,
            None if local => Role::Operate,
            None => return Err(refusal(header.is_some())),
        };
        let from = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        let role_name = if role == Role::Operate {
            "operate"
        } else {
            "read"
        };
        Ok(Actor {
            role,
            name: format!("{role_name} from {from}"),
        })
    }

    fn role(&self, token: &[u8]) -> Option<Role> {
        let is = |secret: &Secret| {
            let same: bool = secret.expose().as_bytes().ct_eq(token).into();
            same && !secret.is_empty()
        };
        // Both are compared, whichever it is.
        let (operate, read) = (is(&self.operate), is(&self.read));
        match (operate, read) {
            (true, _) => Some(Role::Operate),
            (false, true) => Some(Role::Read),
            (false, false) => None,
        }
    }
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

fn refusal(sent: bool) -> Status {
    let problem = if sent {
        "the token is unknown here"
    } else {
        "a token is needed from this address"
    };
    Status::unauthenticated(format!(
        "{problem}: send `authorization: Bearer TOKEN` with the value of admin.read_token \
         or admin.operate_token"
    ))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            read: Secret::new("look"),
            operate: Secret::new("touch"),
        }
    }

    fn admit(tokens: &Tokens, peer: &str, header: Option<&str>) -> Result<Role, Code> {
        let peer = Some(peer.parse().unwrap());
        let admitted = tokens.admit(peer, header.map(str::as_bytes));
        admitted.map(|actor| actor.role).map_err(|status| {
            let text = status.message();
            assert!(text.contains("authorization: Bearer TOKEN"), "{text}");
            status.code()
        })
    }

    #[test]
    fn from_elsewhere_only_a_known_token_admits() {
        let (tokens, away) = (tokens(), "10.0.0.9:1");
        assert_eq!(admit(&tokens, away, Some("Bearer look")), Ok(Role::Read));
        assert_eq!(
            admit(&tokens, away, Some("bearer touch")),
            Ok(Role::Operate)
        );
        for bad in [
            "Bearer ",
            "Bearer loo",
            "Bearer looks",
            "look",
            "Basic look",
            "",
        ] {
            assert_eq!(
                admit(&tokens, away, Some(bad)),
                Err(Code::Unauthenticated),
                "{bad}"
            );
        }
        assert_eq!(admit(&tokens, away, None), Err(Code::Unauthenticated));
        assert_eq!(
            admit(&tokens, "[2001:db8::1]:1", None),
            Err(Code::Unauthenticated)
        );
    }

    #[test]
    fn no_token_is_no_role() {
        let none = Tokens::of(&Config::default());
        assert_eq!(
            admit(&none, "10.0.0.9:1", Some("Bearer ")),
            Err(Code::Unauthenticated)
        );
    }

    #[test]
    fn loopback_needs_no_token_and_may_take_a_lesser_role() {
        let tokens = tokens();
        for peer in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(admit(&tokens, peer, None), Ok(Role::Operate), "{peer}");
            assert_eq!(
                admit(&tokens, peer, Some("Bearer x")),
                Ok(Role::Operate),
                "{peer}"
            );
            assert_eq!(
                admit(&tokens, peer, Some("Bearer look")),
                Ok(Role::Read),
                "{peer}"
            );
        }
    }
}
