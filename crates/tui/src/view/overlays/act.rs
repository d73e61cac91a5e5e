//! An act: how many would do it, what each replica would do, then the confirmation, then what came
//! of it. Plans scroll; the summary and what must be typed are always seen.

use push_manager_proto::admin::Verb;
use ratatui::layout::Rect;

use super::{
    super::{
        layout, number,
        pen::{Pen, Piece},
        text,
        theme::Role,
    },
    Reach, more, over, typed,
};
use crate::{
    app::{ActDialog, ActPart, ActStage, Answer, Model, verb_word},
    replica::{Freshness, Link, Replica, ReplicaId},
};

/// Most lines of the summary.
const MOST_SUMMARY: usize = 4;

/// The dialog laid out in an area.
struct Sheet {
    area: Rect,
    summary: Vec<Piece>,
    plans: Vec<Vec<Piece>>,
    foot: Vec<Vec<Piece>>,
    /// Lines of the plans shown at once.
    page: usize,
}

impl Sheet {
    fn of(model: &Model, dialog: &ActDialog, whole: Rect) -> Self {
        let width = whole.width.min(90);
        let room = usize::from(width).saturating_sub(4);
        let summary = summary(model, dialog).into_iter();
        let summary = summary.flat_map(|(told, role)| {
            let lines = text::wrapped(&told, room).into_iter();
            lines.map(move |line| (line, role))
        });
        let summary: Vec<_> = summary.take(MOST_SUMMARY).collect();
        let (plans, foot) = (plans(dialog, room), foot(dialog));
        // The first line and the last stay: a word of why it can't be done stands there.
        let most = whole.height.saturating_sub(2);
        let fixed = summary.len() + foot.len() + 2;
        let height = (fixed + plans.len()).min(most.into());
        Self {
            area: layout::middle(whole, width, height as u16),
            page: height.saturating_sub(fixed),
            summary,
            plans,
            foot,
        }
    }

    fn reach(&self) -> Reach {
        Reach::of(self.plans.len(), self.page)
    }
}

/// How far the plans scroll on the model's screen.
pub fn reach(model: &Model, dialog: &ActDialog) -> Reach {
    let whole = Rect::new(0, 0, model.size.0, model.size.1);
    Sheet::of(model, dialog, whole).reach()
}

pub(super) fn draw(model: &Model, dialog: &ActDialog, pen: &mut Pen<'_>) {
    let Some(first) = dialog.parts.first() else {
        return;
    };
    let verb = verb_word(first.wish.verb);
    let title = match dialog.parts.len() {
        1 => format!("{verb} {}", first.wish.target.label()),
        several => format!("{verb} {several} nodes"),
    };
    let sheet = Sheet::of(model, dialog, pen.area);
    let top = dialog.top.min(sheet.reach().last);
    let mut part = over(pen, sheet.area);
    let mut inner = part.boxed(&title);
    for (row, (told, role)) in sheet.summary.iter().enumerate() {
        inner.put(1, row, told, *role);
    }
    let from = sheet.summary.len();
    let shown = sheet.plans.iter().skip(top).take(sheet.page);
    for (row, line) in shown.enumerate() {
        inner.line(1, from + row, line);
    }
    let from = from + sheet.page.min(sheet.plans.len());
    for (row, line) in sheet.foot.iter().enumerate() {
        inner.line(1, from + row, line);
    }
    if dialog.stage == ActStage::Planning {
        let last = (from + sheet.foot.len()).saturating_sub(1);
        let area = Rect::new(
            inner.area.x + 1,
            inner.area.y,
            inner.area.width,
            inner.area.height,
        );
        typed(&mut inner.part(area), last, "> ", &dialog.typed);
    }
    let below = sheet.plans.len().saturating_sub(top + sheet.page);
    more(&mut part, top, below);
}

/// How many would do it or did, and which replicas are not asked.
fn summary(model: &Model, dialog: &ActDialog) -> Vec<Piece> {
    let asked = dialog.parts.iter().map(|part| part.wish.replicas.len());
    let asked: usize = asked.sum();
    let answers = || dialog.parts.iter().flat_map(|part| part.answers.values());
    let willing = answers()
        .filter(|answer| answer.is_ok() && refused(answer).is_none())
        .count();
    let refusing = answers().count() - willing;
    let waiting = asked.saturating_sub(answers().count());
    let (does, does_not) = match dialog.stage {
        ActStage::Planning => ("would do it", "refuse"),
        ActStage::Acting => ("done", "failed"),
    };
    let waiting = match waiting {
        0 => String::new(),
        waiting => format!(", {waiting} not answered yet"),
    };
    let told = format!("{asked} asked: {willing} {does}, {refusing} {does_not}{waiting}");
    let role = if refusing > 0 {
        Role::Bad
    } else {
        Role::Heading
    };
    let mut lines = vec![(told, role)];
    let silent = match dialog.stage {
        ActStage::Planning => not_asked(model, dialog),
        // Whoever refused is not asked to act.
        ActStage::Acting => Vec::new(),
    };
    if !silent.is_empty() {
        lines.push((format!("not asked: {}", silent.join(", ")), Role::Warn));
    }
    let unwanted = dialog.parts.iter().filter(|part| part.refusal().is_some());
    let unwanted = unwanted.count();
    if dialog.stage == ActStage::Planning && unwanted > 0 && dialog.parts.len() > 1 {
        let told = format!("{unwanted} left out: nothing is done where any replica refuses");
        lines.push((told, Role::Warn));
    }
    lines
}

/// Replicas that are not asked about every target, each with why.
fn not_asked(model: &Model, dialog: &ActDialog) -> Vec<String> {
    let replicas = model.fleet.replicas().iter();
    let present = replicas.filter(|replica| *replica.link() != Link::Gone);
    let silent = present.filter_map(|replica| {
        let without = |part: &&ActPart| !part.wish.replicas.contains_key(&replica.id());
        let without: Vec<_> = dialog.parts.iter().filter(without).collect();
        (!without.is_empty()).then(|| {
            let why = why_not(model, replica, &without, dialog.parts.len());
            format!("{} ({why})", replica.id())
        })
    });
    silent.collect()
}

fn why_not(model: &Model, replica: &Replica, without: &[&ActPart], all: usize) -> String {
    if let Some(only) = model.only.filter(|only| *only != replica.id()) {
        return format!("only {only} is shown");
    }
    match replica.freshness(model.now) {
        Freshness::Stale => "stale".to_owned(),
        Freshness::Down => "down".to_owned(),
        Freshness::Live if all == 1 => "does not know it".to_owned(),
        Freshness::Live => match without {
            [part] => format!("does not know {}", part.wish.target.label()),
            several => format!("does not know {} of them", several.len()),
        },
    }
}

fn plans(dialog: &ActDialog, room: usize) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    for part in &dialog.parts {
        if dialog.parts.len() > 1 {
            lines.push(vec![(part.wish.target.label(), Role::Heading)]);
        }
        for id in part.wish.replicas.keys() {
            replica(&mut lines, part, *id, dialog.stage, room);
        }
    }
    lines
}

fn foot(dialog: &ActDialog) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    let first = dialog.parts.first().map(|part| &part.wish);
    let lasting = first.filter(|wish| matches!(wish.verb, Verb::Drain | Verb::Eject));
    if let Some(wish) = lasting {
        let ttl = number::age(Some(wish.ttl));
        let reason = match wish.reason.as_str() {
            "" => "none",
            reason => reason,
        };
        lines.push(vec![(format!("lasts {ttl}, reason: {reason}"), Role::Dim)]);
    }
    lines.push(Vec::new());
    match dialog.stage {
        ActStage::Planning => {
            lines.push(vec![
                ("Type ".to_owned(), Role::Plain),
                (dialog.confirmation.clone(), Role::Key),
                (
                    " and Enter to do it, Esc to leave it:".to_owned(),
                    Role::Plain,
                ),
            ]);
            // What is typed stands there.
            lines.push(Vec::new());
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
