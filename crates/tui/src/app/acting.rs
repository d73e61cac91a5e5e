//! The flow of an act: plan at every live replica, show, confirm by typing, do, show what came of it.

use std::{collections::BTreeMap, time::Duration};

use crossterm::event::{KeyCode, KeyEvent};
use push_manager_proto::admin::Verb;

use super::{
    Action, Effect, Model, Overlay,
    act::{ActDialog, ActPart, ActStage, ActTarget, ActWish, Answer},
    cursor, overlay,
};
use crate::replica::{Freshness, ReplicaId};

/// How long a drain lasts unless said otherwise.
pub(super) const DEFAULT_TTL: Duration = Duration::from_mins(10);
/// A plan older than this must be made anew.
const PLAN_HOLDS_FOR: Duration = Duration::from_mins(1);
/// Most nodes acted on at once.
const MOST_TARGETS: usize = 50;

/// Begins an act on the marked nodes, else on the one under the cursor.
pub(super) fn begin(model: &mut Model, action: Action) -> Vec<Effect> {
    let verb = match action {
        Action::Drain => Verb::Drain,
        Action::Eject => Verb::Eject,
        Action::Undrain => Verb::Undrain,
        Action::Reconnect => Verb::Reconnect,
        _ => return Vec::new(),
    };
    let marked = &model.nodes.marked;
    let names: Vec<_> = if marked.is_empty() || matches!(model.screen, super::Screen::Node(_)) {
        cursor::node(model).into_iter().collect()
    } else {
        marked.iter().cloned().collect()
    };
    if names.len() > MOST_TARGETS {
        model.complain(format!(
            "at most {MOST_TARGETS} nodes at once; {} are marked",
            names.len()
        ));
        return Vec::new();
    }
    let targets = names.into_iter().map(ActTarget::Node).collect();
    plan(model, verb, targets, DEFAULT_TTL, "")
}

/// Asks every live replica what the act would do. The present is acted on, whatever is shown.
pub(super) fn plan(
    model: &mut Model,
    verb: Verb,
    targets: Vec<ActTarget>,
    ttl: Duration,
    reason: &str,
) -> Vec<Effect> {
    let mut parts = Vec::new();
    for target in targets {
        let replicas = replicas(model, &target);
        if replicas.is_empty() {
            model.complain(format!("no live replica knows {}", target.label()));
            return Vec::new();
        }
        let number = model.next_wish;
        model.next_wish += 1;
        parts.push(ActPart {
            wish: ActWish {
                number,
                verb,
                target,
                replicas,
                ttl,
                reason: reason.to_owned(),
                dry_run: true,
            },
            answers: BTreeMap::new(),
        });
    }
    let Some(first) = parts.first() else {
        return Vec::new();
    };
    let confirmation = match &first.wish.target {
        _ if parts.len() > 1 => format!("{} {}", word(verb), parts.len()),
        ActTarget::Node(name) => name.to_string(),
        ActTarget::Setting { key, .. } => key.clone(),
    };
    let effects = parts
        .iter()
        .map(|part| Effect::Act(part.wish.clone()))
        .collect();
    model.overlay = Some(Overlay::Act(Box::new(ActDialog {
        parts,
        confirmation,
        typed: String::new(),
        stage: ActStage::Planning,
        top: 0,
        asked_at: model.now,
    })));
    effects
}

/// A verb as it is typed.
pub fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Drain => "drain",
        Verb::Eject => "eject",
        Verb::Undrain => "undrain",
        Verb::Reconnect => "reconnect",
        Verb::Set => "set",
        Verb::Unspecified => "nothing",
    }
}

/// The live replicas that a target concerns, each with the instance that it knows.
fn replicas(model: &Model, target: &ActTarget) -> BTreeMap<ReplicaId, String> {
    let concerned = |id: &ReplicaId| model.only.is_none_or(|only| only == *id);
    match target {
        ActTarget::Node(name) => {
            let cells = model
                .fleet
                .node(name)
                .into_iter()
                .flat_map(|node| &node.cells);
            cells
                .filter(|(id, cell)| cell.freshness == Freshness::Live && concerned(id))
                .map(|(id, cell)| (*id, cell.instance.to_string()))
                .collect()
        }
        ActTarget::Setting { .. } => {
            let counted = model.fleet.totals().counted.iter();
            counted
                .filter(|id| concerned(id))
                .map(|id| (*id, String::new()))
                .collect()
        }
    }
}

/// Takes a replica's answer in. What was asked for is told also after its dialog was closed; a plan
/// that nobody waits for any more is dropped.
pub(super) fn answered(model: &mut Model, wish: u64, replica: ReplicaId, answer: Answer) {
    let asked = settle(model, wish, replica);
    let mut part = None;
    if let Some(Overlay::Act(dialog)) = &mut model.overlay {
        let mut parts = dialog.parts.iter_mut();
        part = parts.find(|part| part.wish.number == wish);
    }
    match (part, asked, answer) {
        (Some(part), _, answer) => drop(part.answers.insert(replica, answer)),
        (None, Some(what), Ok(done)) => model.say(format!("{replica}: {what}: {}", done.message)),
        (None, Some(what), Err(why)) => model.complain(format!("{replica}: {what}: {why}")),
        (None, None, _) => {}
    }
}

/// Strikes the replica off those that an act waits for; what the act was, where it was one.
fn settle(model: &mut Model, wish: u64, replica: ReplicaId) -> Option<String> {
    let waiting = model.acting.get_mut(&wish)?;
    waiting.replicas.remove(&replica)?;
    let what = format!("{} {}", word(waiting.verb), waiting.target.label());
    if waiting.replicas.is_empty() {
        model.acting.remove(&wish);
    }
    Some(what)
}

/// A key in the dialog.
pub(super) fn on_key(model: &mut Model, key: KeyEvent, mut dialog: Box<ActDialog>) -> Vec<Effect> {
    if let Some(top) = overlay::scrolled(crate::view::act_reach(model, &dialog), dialog.top, key) {
        dialog.top = top;
        model.overlay = Some(Overlay::Act(dialog));
        return Vec::new();
    }
    match (dialog.stage, key.code) {
        (_, KeyCode::Esc) | (ActStage::Acting, KeyCode::Enter | KeyCode::Char('q')) => {
            return Vec::new();
        }
        (ActStage::Planning, KeyCode::Enter) => return confirm(model, dialog),
        (ActStage::Planning, _) => overlay::typed(&mut dialog.typed, key),
        (ActStage::Acting, _) => {}
    }
    model.overlay = Some(Overlay::Act(dialog));
    Vec::new()
}

fn confirm(model: &mut Model, mut dialog: Box<ActDialog>) -> Vec<Effect> {
    let refusal = hindrance(model, &dialog);
    if let Some(why) = refusal {
        model.complain(why);
        model.overlay = Some(Overlay::Act(dialog));
        return Vec::new();
    }
    let mut effects = Vec::new();
    let planned = dialog.parts.len();
    dialog.parts.retain(ActPart::is_agreed);
    let left_out = planned - dialog.parts.len();
    if left_out > 0 {
        model.complain(format!("{left_out} left out: not every replica would"));
    }
    for part in &mut dialog.parts {
        let willing: Vec<ReplicaId> = part.willing().collect();
        part.wish.replicas.retain(|id, _| willing.contains(id));
        part.wish.dry_run = false;
        part.wish.number = model.next_wish;
        model.next_wish += 1;
        part.answers.clear();
        model.acting.insert(part.wish.number, part.wish.clone());
        effects.push(Effect::Act(part.wish.clone()));
    }
    dialog.stage = ActStage::Acting;
    dialog.top = 0;
    model.nodes.marked.clear();
    model.overlay = Some(Overlay::Act(dialog));
    effects
}

/// What has become of a plan's node or replicas since.
fn change(model: &Model, part: &ActPart) -> Option<String> {
    let now = replicas(model, &part.wish.target);
    part.willing().find_map(|id| match now.get(&id) {
        None => Some(format!("replica {id} is no longer heard, or lost the node")),
        Some(instance) if Some(instance) != part.wish.replicas.get(&id) => {
            Some("the node is another one by now".to_owned())
        }
        Some(_) => None,
    })
}

/// What still stands between the plan and the act.
fn hindrance(model: &Model, dialog: &ActDialog) -> Option<String> {
    if let Some(why) = super::keymap::refusal(model, Action::Drain) {
        return Some(why.to_owned());
    }
    if !dialog.parts.iter().all(ActPart::is_answered) {
        return Some("not every replica has answered yet".to_owned());
    }
    if !dialog.parts.iter().any(ActPart::is_agreed) {
        let refusal = dialog.parts.iter().find_map(ActPart::refusal);
        return Some(match refusal {
            Some((replica, why)) => format!("replica {replica} would refuse: {why}"),
            None => "no replica would do it: see its reason; Esc closes".to_owned(),
        });
    }
    if model.now.since(dialog.asked_at) > PLAN_HOLDS_FOR {
        return Some("this plan is over a minute old: Esc, and ask for it again".to_owned());
    }
    let mut agreed = dialog.parts.iter().filter(|part| part.is_agreed());
    if let Some(change) = agreed.find_map(|part| change(model, part)) {
        return Some(format!("{change}: Esc, and ask for the plan again"));
    }
    (dialog.typed.trim() != dialog.confirmation)
        .then(|| format!("type {:?} to confirm, Esc to leave it", dialog.confirmation))
}
