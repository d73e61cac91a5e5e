//! From a request to an act: the only place where its fields are checked. Pure.

use std::time::Duration;

use push_manager_proto::admin::{ActRequest, Scope, Verb};

use crate::{
    admin::detail::LONGEST_NODE,
    events::Kind,
    ids::NodeId,
    pool::{Deed, Order},
};

/// Bytes of a request id.
const LONGEST_ID: usize = 128;
/// Bytes of a reason.
const LONGEST_REASON: usize = 256;
/// Bytes of a setting's key.
const LONGEST_SETTING: usize = 128;
/// Bytes of its value.
const LONGEST_VALUE: usize = 1024;
const USUAL_TTL: Duration = Duration::from_mins(10);
const LONGEST_TTL: Duration = Duration::from_hours(24);

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAct {
    #[error("{field}: at most {most} bytes, got {got}")]
    TooLong {
        field: &'static str,
        most: usize,
        got: usize,
    },
    #[error("{0}: must not hold control characters")]
    Control(&'static str),
    #[error("verb: say what to do, got {0}")]
    Verb(i32),
    #[error("scope: {0} is no scope of this version")]
    Scope(i32),
    #[error("{0}: is required for this verb")]
    Missing(&'static str),
    #[error("ttl: more than 0 and at most 24 h")]
    Ttl,
}

/// A checked request.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Node(Order),
    Set { key: String, value: String },
}

impl Act {
    pub(super) fn parse(request: &ActRequest) -> Result<Self, BadAct> {
        for (field, text, most) in [
            ("request_id", &request.request_id, LONGEST_ID),
            ("reason", &request.reason, LONGEST_REASON),
            ("node", &request.node, LONGEST_NODE),
            (
                "expected_instance",
                &request.expected_instance,
                LONGEST_NODE,
            ),
            ("setting", &request.setting, LONGEST_SETTING),
            ("value", &request.value, LONGEST_VALUE),
        ] {
            let got = text.len();
            if got > most {
                return Err(BadAct::TooLong { field, most, got });
            }
            if text.contains(char::is_control) {
                return Err(BadAct::Control(field));
            }
        }
        if Scope::try_from(request.scope).is_err() {
            return Err(BadAct::Scope(request.scope));
        }
        let deed = match Verb::try_from(request.verb) {
            Ok(Verb::Drain) => Deed::Drain { ttl: ttl(request)? },
            Ok(Verb::Eject) => Deed::Eject { ttl: ttl(request)? },
            Ok(Verb::Undrain) => Deed::Release,
            Ok(Verb::Reconnect) => Deed::Reconnect,
            Ok(Verb::Set) => return set(request),
            Ok(Verb::Unspecified) | Err(_) => return Err(BadAct::Verb(request.verb)),
        };
        if request.node.is_empty() {
            return Err(BadAct::Missing("node"));
        }
        let expected = request.expected_instance.clone();
        let order = Order {
            node: NodeId::new(request.node.as_str()),
            expected: (!expected.is_empty()).then_some(expected),
            deed,
            // The configuration's word comes later.
            least_usable_ratio: 1.0,
        };
        Ok(Self {
            what: What::Node(order),
        })
    }

    /// What the audit calls it.
    pub(super) fn kind(&self) -> Kind {
        match &self.what {
            What::Node(order) => match order.deed {
                Deed::Drain { .. } => Kind::ActionDrain,
                Deed::Eject { .. } => Kind::ActionEject,
                Deed::Release => Kind::ActionUndrain,
                Deed::Reconnect => Kind::ActionReconnect,
            },
            What::Set { .. } => Kind::ActionSet,
        }
    }
}

fn set(request: &ActRequest) -> Result<Act, BadAct> {
    if request.setting.is_empty() {
        return Err(BadAct::Missing("setting"));
    }
    let what = What::Set {
        key: request.setting.clone(),
        value: request.value.clone(),
    };
    Ok(Act { what })
}

fn ttl(request: &ActRequest) -> Result<Duration, BadAct> {
    let Some(ttl) = request.ttl else {
        return Ok(USUAL_TTL);
    };
    let ttl = Duration::try_from(ttl).map_err(|_| BadAct::Ttl)?;
    let fits = !ttl.is_zero() && ttl <= LONGEST_TTL;
    fits.then_some(ttl).ok_or(BadAct::Ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain() -> ActRequest {
        ActRequest {
            verb: Verb::Drain.into(),
            node: "push-1".to_owned(),
            ..ActRequest::default()
        }
    }

    #[test]
    fn a_drain_without_a_ttl_ends_after_ten_minutes() {
        let Ok(Act {
            what: What::Node(order),
        }) = Act::parse(&drain())
        else {
            panic!("refused");
        };
        assert_eq!(order.deed, Deed::Drain { ttl: USUAL_TTL });
        assert_eq!(order.expected, None);
    }

    #[test]
    fn a_bad_field_is_named() {
        let refused = |change: &dyn Fn(&mut ActRequest)| {
            let mut request = drain();
            change(&mut request);
            Act::parse(&request).unwrap_err().to_string()
        };
        let seconds = |seconds| prost_types::Duration { seconds, nanos: 0 };
        assert!(refused(&|r| r.verb = 0).starts_with("verb"));
        assert!(refused(&|r| r.verb = 99).starts_with("verb"));
        assert!(refused(&|r| r.scope = 99).starts_with("scope"));
        assert!(refused(&|r| r.node.clear()).starts_with("node"));
        assert!(refused(&|r| r.verb = Verb::Set.into()).starts_with("setting"));
        assert!(refused(&|r| r.reason = "x".repeat(257)).starts_with("reason"));
        assert!(refused(&|r| r.request_id = "x".repeat(129)).starts_with("request_id"));
        assert!(refused(&|r| r.setting = "x".repeat(129)).starts_with("setting"));
        assert!(refused(&|r| r.value = "x".repeat(1025)).starts_with("value"));
        assert!(refused(&|r| r.reason = "a\nb".to_owned()).starts_with("reason"));
        for bad in [0, -1, 86_401] {
            assert!(
                refused(&|r| r.ttl = Some(seconds(bad))).starts_with("ttl"),
                "{bad}"
            );
        }
    }
}
