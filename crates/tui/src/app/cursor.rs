//! The cursor: by identity, never by row number.

use super::{Effect, Model, Overlay, Screen, model::HeldProblem, update};
use crate::{
    fleet::{EventItem, NodeName},
    replica::ReplicaId,
};

/// Moves the cursor so many rows.
pub(super) fn by(model: &mut Model, rows: isize) {
    match model.screen {
        Screen::Overview => {
            let count = model.shown().problems().len();
            to_problem(model, moved(model.overview.selected, rows, count));
            model.jumped = false;
        }
        Screen::Nodes => {
            let at = moved(model.nodes.selected_at, rows, model.nodes.order.len());
            to_node(model, at);
        }
        Screen::Node(_) | Screen::Api(_) => {}
        Screen::Pushes => {
            let apis: Vec<String> = model
                .shown()
                .apis()
                .iter()
                .map(|api| api.name.clone())
                .collect();
            let at = apis
                .iter()
                .position(|name| model.pushes.selected.as_ref() == Some(name));
            let at = moved(at.unwrap_or(0), rows, apis.len());
            model.pushes.selected = apis.get(at).cloned();
        }
        Screen::Events => {
            let order = &model.events.order;
            let at = event_at(model);
            let to = moved(at.unwrap_or(0), rows, order.len());
            // The first move takes hold of the newest; the top is where new ones come.
            model.events.selected = order.get(to).copied();
        }
        Screen::Replicas => {
            let ids: Vec<ReplicaId> = model.listed().map(crate::replica::Replica::id).collect();
            let at = ids
                .iter()
                .position(|id| model.replicas.selected == Some(*id));
            let at = moved(at.unwrap_or(0), rows, ids.len());
            model.replicas.selected = ids.get(at).copied();
        }
    }
}

fn moved(at: usize, rows: isize, count: usize) -> usize {
    at.saturating_add_signed(rows).min(count.saturating_sub(1))
}

/// The last row; in events, following the newest.
pub(super) fn last(model: &mut Model) {
    if model.screen == Screen::Events {
        model.events.selected = None;
        model.events.top = 0;
    } else {
        by(model, isize::MAX / 2);
    }
}

/// The row at this place of the page.
pub(super) fn to(model: &mut Model, row: usize) {
    match model.screen {
        Screen::Nodes => {
            let at = model.nodes.top + row;
            if at < model.nodes.order.len() {
                to_node(model, at);
            }
        }
        Screen::Events => {
            let at = model.events.top + row;
            model.events.selected = model
                .events
                .order
                .get(at)
                .copied()
                .or(model.events.selected);
        }
        Screen::Replicas => {
            let at = model.replicas.top + row;
            let replica = model.listed().nth(at).map(crate::replica::Replica::id);
            model.replicas.selected = replica.or(model.replicas.selected);
        }
        Screen::Pushes => {
            let api = model.shown().apis().get(row).map(|api| api.name.clone());
            model.pushes.selected = api.or(model.pushes.selected.take());
        }
        Screen::Overview => {
            let count = model.shown().problems().len();
            let at = model.overview.top + row;
            if at < count {
                to_problem(model, at);
                model.jumped = false;
            }
        }
        Screen::Node(_) | Screen::Api(_) => {}
    }
}

pub(super) fn to_problem(model: &mut Model, at: usize) {
    model.overview.selected = at;
    model.overview.held = model.shown().problems().get(at).map(HeldProblem::of);
}

fn to_node(model: &mut Model, at: usize) {
    model.nodes.selected_at = at;
    model.nodes.selected = model.nodes.order.get(at).cloned();
}

/// Puts the cursor on a node, wherever it stands.
pub(super) fn select_node(model: &mut Model, name: &NodeName) {
    model.nodes.selected = Some(name.clone());
}

/// The node that an action on this screen is about.
pub(super) fn node(model: &Model) -> Option<NodeName> {
    match &model.screen {
        Screen::Node(name) => Some(name.clone()),
        Screen::Nodes => model.nodes.selected.clone(),
        Screen::Events => event(model)?.node.clone(),
        Screen::Overview | Screen::Pushes | Screen::Api(_) | Screen::Replicas => None,
    }
}

fn event_at(model: &Model) -> Option<usize> {
    let id = model.events.selected?;
    model.events.order.iter().position(|other| *other == id)
}

/// The event that the cursor is on: the newest while it follows.
pub(super) fn event(model: &Model) -> Option<&EventItem> {
    let id = model
        .events
        .selected
        .or(model.events.order.first().copied())?;
    model.shown().events().items().find(|item| item.id == id)
}

/// Opens what the cursor is on.
pub(super) fn open(model: &mut Model) {
    match &model.screen {
        Screen::Overview => {
            let problem = model.shown().problems().get(model.overview.selected);
            if let Some(problem) = problem.cloned() {
                model.jumped = true;
                update::jump(model, &problem);
            }
        }
        Screen::Nodes => {
            if let Some(name) = model.nodes.selected.clone() {
                model.screen = Screen::Node(name);
            }
        }
        Screen::Events => {
            let item = event(model).cloned().map(Box::new);
            model.overlay = item.map(|item| Overlay::Event { item, top: 0 });
        }
        Screen::Replicas => only(model),
        Screen::Pushes => {
            if let Some(name) = model.pushes.selected.clone() {
                model.screen = Screen::Api(name);
            }
        }
        Screen::Node(_) | Screen::Api(_) => {}
    }
}

/// Goes to an event's node, as it was when the event was learnt.
pub(super) fn follow(model: &mut Model, item: &EventItem) {
    if let Some(name) = item.node.clone() {
        super::time::go_to_event(model, item.learnt, item.wall);
        model.screen = Screen::Node(name);
    }
}

/// Shows one replica alone, or all again.
pub(super) fn only(model: &mut Model) {
    let only = match (model.only, &model.screen) {
        (None, _) => model.replicas.selected,
        (Some(shown), Screen::Replicas) if model.replicas.selected != Some(shown) => {
            model.replicas.selected
        }
        (Some(_), _) => None,
    };
    model.only = only;
    match only {
        Some(replica) => model.say(format!("replica {replica} alone; o shows all again")),
        None => model.say("all replicas"),
    }
    super::time::refresh_only(model);
}

pub(super) fn mark(model: &mut Model) {
    let Some(name) = model.nodes.selected.clone() else {
        return;
    };
    if !model.nodes.marked.remove(&name) {
        model.nodes.marked.insert(name);
    }
    by(model, 1);
}

/// Makes the link to the replica under the cursor anew.
pub(super) fn relink(model: &mut Model) -> Vec<Effect> {
    let Some(replica) = model.replicas.selected else {
        return Vec::new();
    };
    if model.options.replay {
        model.complain("a recording is played: there is no link to make anew");
        return Vec::new();
    }
    model.say(format!("making the link to replica {replica} anew"));
    vec![Effect::Reconnect(replica)]
}
