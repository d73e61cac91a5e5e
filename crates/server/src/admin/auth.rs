//! Who may call, by where they call from and the token they send. Pure.

use std::net::{IpAddr, SocketAddr};

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
    /// Where they call from.
    pub(super) ip: Option<IpAddr>,
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
    /// whoever sends none may do everything; who sends a token gets its role, and
    /// no other when it is unknown: a token that was changed must not make more of
    /// its holder. Where no role has a token, a header from loopback says nothing.
    pub(super) fn admit(
        &self,
        peer: Option<SocketAddr>,
        header: Option<&[u8]>,
    ) -> Result<Actor, Status> {
        let ip = peer.map(|peer| peer.ip().to_canonical());
        let local = ip.is_some_and(|ip| ip.is_loopback());
        let anonymous = header.is_none() || !self.any();
        let role = match header.and_then(bearer).and_then(|token| self.role(token)) {
            Some(role) => role,
            None if local && anonymous => Role::Operate,
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
            ip,
            name: format!("{role_name} from {from}"),
        })
    }

    fn any(&self) -> bool {
        !self.read.is_empty() || !self.operate.is_empty()
    }

    fn role(&self, token: &[u8]) -> Option<Role> {
        let is = |secret: &Secret| same(secret.expose().as_bytes(), token) && !secret.is_empty();
        // Both are compared, whichever it is.
        let (operate, read) = (is(&self.operate), is(&self.read));
        match (operate, read) {
            (true, _) => Some(Role::Operate),
            (false, true) => Some(Role::Read),
            (false, false) => None,
        }
    }
}

/// Takes as long as `token` is long: neither where they differ nor the secret's
/// length can be measured.
fn same(secret: &[u8], token: &[u8]) -> bool {
    let same_length = secret.len().ct_eq(&token.len());
    let pairs = secret.iter().cycle().zip(token);
    let same = pairs.fold(same_length, |same, (ours, theirs)| {
        same & ours.ct_eq(theirs)
    });
    same.into()
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

    const LOCAL: [&str; 4] = [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ];

    #[test]
    fn loopback_needs_no_token_and_may_take_a_lesser_role() {
        let tokens = tokens();
        for peer in LOCAL {
            assert_eq!(admit(&tokens, peer, None), Ok(Role::Operate), "{peer}");
            let look = admit(&tokens, peer, Some("Bearer look"));
            assert_eq!(look, Ok(Role::Read), "{peer}");
        }
    }

    #[test]
    fn an_unknown_token_admits_nobody_also_from_loopback() {
        for peer in LOCAL {
            for bad in ["Bearer x", "Bearer loo", "Bearer ", "Basic look", ""] {
                let admitted = admit(&tokens(), peer, Some(bad));
                assert_eq!(admitted, Err(Code::Unauthenticated), "{peer} {bad}");
            }
            let none = Tokens::of(&Config::default());
            let admitted = admit(&none, peer, Some("Bearer x"));
            assert_eq!(admitted, Ok(Role::Operate), "there is nothing to mistake");
        }
    }

    #[test]
    fn a_token_is_the_same_only_as_a_whole() {
        for (secret, token, expected) in [
            ("look", "look", true),
            ("look", "looklook", false),
            ("look", "loo", false),
            ("look", "", false),
            ("", "look", false),
            ("", "", true),
            ("aa", "aaaa", false),
        ] {
            let found = same(secret.as_bytes(), token.as_bytes());
            assert_eq!(found, expected, "{secret} {token}");
        }
    }
}
