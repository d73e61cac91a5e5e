//! An act: what each replica would do, then the confirmation, then what came of it.

use super::{
    super::{
        number,
        pen::{Pen, Piece},
        text,
        theme::Role,
    },
    over,
};
use crate::{
    app::{ActDialog, ActPart, ActStage, Answer, Model, verb_word},
    replica::ReplicaId,
};

pub(super) fn draw(model: &Model, dialog: &ActDialog, pen: &mut Pen<'_>) {
    let width = pen.area.width.min(90);
    let room = usize::from(width).saturating_sub(4);
    let lines = lines(model, dialog, room);
    let mut part = over(pen, width, (lines.len() as u16).saturating_add(2));
    let Some(first) = dialog.parts.first() else {
        return;
    };
    let title = match dialog.parts.len() {
        1 => format!(
            "{} {}",
            verb_word(first.wish.verb),
            first.wish.target.label()
        ),
        several => format!("{} {several} nodes", verb_word(first.wish.verb)),
    };
    let mut inner = part.boxed(&title);
    // What must be typed is always seen, however long the plans are.
    let height = inner.height();
    let skip = lines.len().saturating_sub(height);
    let kept = lines.len().min(2).min(height);
    let head = lines.iter().take(if skip > 0 {
        height.saturating_sub(kept)
    } else {
        lines.len()
    });
    let tail = lines.iter().skip(if skip > 0 {
        lines.len() - kept
    } else {
        lines.len()
    });
    for (row, line) in head.chain(tail).enumerate() {
        inner.line(1, row, line);
    }
}

fn lines(model: &Model, dialog: &ActDialog, room: usize) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    for part in &dialog.parts {
        if dialog.parts.len() > 1 {
            lines.push(vec![(part.wish.target.label(), Role::Heading)]);
        }
        for id in part.wish.replicas.keys() {
            replica(&mut lines, part, *id, dialog.stage, room);
        }
    }
    if let Some(first) = dialog.parts.first() {
        let ttl = number::age(Some(first.wish.ttl));
        let reason = if first.wish.reason.is_empty() {
            "none"
        } else {
            &first.wish.reason
        };
        if matches!(
            first.wish.verb,
            push_manager_proto::admin::Verb::Drain | push_manager_proto::admin::Verb::Eject
        ) {
            lines.push(vec![(format!("lasts {ttl}, reason: {reason}"), Role::Dim)]);
        }
    }
    lines.push(Vec::new());
    match dialog.stage {
        ActStage::Planning => {
            let cursor = model.options.look.glyphs.pick("▏", "_");
            lines.push(vec![
                ("Type ".to_owned(), Role::Plain),
                (dialog.confirmation.clone(), Role::Key),
                (
                    " and Enter to do it, Esc to leave it:".to_owned(),
                    Role::Plain,
                ),
            ]);
            lines.push(vec![(format!("> {}{cursor}", dialog.typed), Role::Heading)]);
        }
        ActStage::Acting => lines.push(vec![("Esc closes.".to_owned(), Role::Plain)]),
    }
    lines
}

fn replica(
    lines: &mut Vec<Vec<Piece>>,
    part: &ActPart,
    id: ReplicaId,
    stage: ActStage,
    room: usize,
) {
    let mut say = |text: &str, role| {
        let indent = room.saturating_sub(3);
        for (at, line) in text::wrapped(text, indent).into_iter().enumerate() {
            let name = if at == 0 {
                format!("{:<3}", id.to_string())
            } else {
                "   ".to_owned()
            };
            lines.push(vec![(name, Role::Dim), (line, role)]);
        }
    };
    match part.answers.get(&id) {
        None => say("asked ...", Role::Dim),
        Some(answer) => match (answer, refused(answer)) {
            (Err(why), _) => say(why, Role::Bad),
            (Ok(_), Some(why)) => say(&format!("would refuse: {why}"), Role::Bad),
            (Ok(answer), None) if stage == ActStage::Acting => say(&answer.message, Role::Good),
            (Ok(answer), None) => {
                let told = answer.plan.as_ref().map(|plan| plan.lines.join(" "));
                let told = told.filter(|told| !told.is_empty());
                say(told.as_deref().unwrap_or(&answer.message), Role::Plain);
            }
        },
    }
}

fn refused(answer: &Answer) -> Option<String> {
    let plan = answer.as_ref().ok()?.plan.as_ref()?;
    let refused = !plan.refusal.is_empty();
    refused.then(|| super::super::text::cut(&plan.refusal, 400))
}
