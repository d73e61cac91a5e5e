//! What acts are in words. Pure.

use push_manager_proto::admin::{ActRequest, NodeRow, Verb};

use crate::pool::{Deed, Hold, Order, Plan};

/// What was done.
pub(super) fn done(order: &Order) -> String {
    let node = &order.node;
    match order.deed {
        Deed::Drain { ttl } => format!("{node} is drained for {ttl:?}"),
        Deed::Eject { ttl } => format!("{node} is ejected for {ttl:?}"),
        Deed::Release => format!("{node} is neither drained nor ejected now"),
        Deed::Reconnect => format!("the connections to {node} are made anew"),
    }
}

/// What was asked for, of an act that came to nothing.
pub(super) fn asked(request: &ActRequest) -> String {
    let verb = match Verb::try_from(request.verb) {
        Ok(Verb::Drain) => "drain",
        Ok(Verb::Eject) => "eject",
        Ok(Verb::Undrain) => "undrain",
        Ok(Verb::Reconnect) => "reconnect",
        Ok(Verb::Set) => "set",
        Ok(Verb::Unspecified) | Err(_) => "an unknown verb",
    };
    format!("refused: {verb}")
}

/// What would happen, a sentence a line.
pub(super) fn plan(order: &Order, plan: &Plan, before: &NodeRow) -> Vec<String> {
    let (node, at) = (&order.node, plan.node.address());
    let (queued, in_flight) = (before.queued, before.in_flight);
    let mut lines = match order.deed {
        Deed::Drain { ttl } => vec![
            format!("{node} at {at} gets nothing new for {ttl:?}."),
            format!("{queued} calls that wait and {in_flight} under way end as usual."),
            "Later targets there end node_gone, reason drained.".to_owned(),
        ],
        Deed::Eject { ttl } => vec![
            format!("{node} at {at} gets nothing for {ttl:?}; its connections close."),
            format!("{queued} calls that wait end node_gone, reason drained."),
            format!("{in_flight} under way are cut: unknown, reason drained."),
        ],
        Deed::Release => match plan.hold_before {
            Hold::None => vec![format!("{node} is not held: nothing changes.")],
            Hold::Drained | Hold::Ejected => {
                let held = plan.hold_before.as_label();
                vec![format!("{node} at {at} is {held}, and gets pushes again.")]
            }
        },
        Deed::Reconnect => vec![format!(
            "The connections to {node} at {at} are made anew; {in_flight} calls under way keep theirs."
        )],
    };
    let balance = plan.balance;
    if balance.before != balance.after {
        lines.push(format!(
            "Usable nodes: {} before, {} after, at least {} must remain.",
            balance.before, balance.after, balance.least
        ));
    }
    lines
}

/// What a change of a setting would do.
pub(super) fn set(key: &str, from: &str, to: &str) -> Vec<String> {
    if from == to {
        return vec![format!("{key} is {from} already: nothing changes.")];
    }
    vec![
        format!("{key} changes from {from} to {to} at once."),
        "It lasts until the next restart, or the next change.".to_owned(),
    ]
}
