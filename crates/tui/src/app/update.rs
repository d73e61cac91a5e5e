//! What each message changes: dispatch, time, screens. What the subjects need stands beside it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};

use super::{
    Action, Context, Effect, Model, Msg, Notice, Screen, TimeState, acting, cursor, details,
    export, keymap, order, overlay, time,
};
use crate::{
    feed::{Aside, FeedEvent, Learnt},
    fleet::{Fleet, Problem, Subject},
    moment::Moment,
};

/// A word on the status line stays so long.
const NOTICE_FOR: std::time::Duration = std::time::Duration::from_secs(5);

/// Takes a message in; gives what is to be done outside. Pure.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = take_in(model, msg);
    order::refresh(model);
    effects.extend(details::look(model));
    effects
}

fn take_in(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Tick { now, wall } => tick(model, now, wall),
        Msg::Feed(FeedEvent {
            replica,
            at,
            what: Learnt::Aside(aside @ (Aside::Node(_) | Aside::Api(_) | Aside::Untold(_))),
        }) => model.details.take_in(replica, at, aside),
        Msg::Feed(event) => {
            if event.is_state() {
                model.tape.note(&event);
            }
            // One replica alone is followed as all of them are.
            let concerns = model.only == Some(event.replica) || !event.is_state();
            if let Some(only) = followed(model).filter(|_| concerns) {
                only.take_in(event.clone());
            }
            model.fleet.take_in(event);
        }
        Msg::Key(key) => return on_key(model, key),
        Msg::Mouse(mouse) => on_mouse(model, mouse),
        Msg::Paste(text) => return overlay::paste(model, &text),
        Msg::Ended(why) => time::ended(model, why),
        Msg::Done(Ok(text)) => model.say(text),
        Msg::Done(Err(text)) => model.complain(text),
        Msg::Acted {
            wish,
            replica,
            answer,
        } => acting::answered(model, wish, replica, answer),
        Msg::Settings { replica, answer } => {
            model.replicas.settings.insert(replica, answer);
            // Whoever went on to something else is not called back.
            if model.overlay.is_none() && model.screen == Screen::Replicas {
                overlay::show_settings(model);
            }
        }
    }
    Vec::new()
}

/// One replica alone, where it is shown as it is now: neither a past nor the picture that stays while
/// a recording is gone through.
fn followed(model: &mut Model) -> Option<&mut Fleet> {
    let is_followed =
        model.only.is_some() && model.time == TimeState::Live && model.playing.goal.is_none();
    model.past.as_deref_mut().filter(|_| is_followed)
}

fn tick(model: &mut Model, now: Moment, wall: std::time::SystemTime) {
    model.now = now;
    model.wall = wall;
    model.fleet.tick(now);
    if let Some(only) = followed(model) {
        only.tick(now);
    }
    model.tape.tick(&model.fleet, now);
    time::ticked(model);
    let for_long = NOTICE_FOR.mul_f64(model.playing.speed);
    let over = |notice: &Notice| now.since(notice.at) > for_long;
    if model.notice.as_ref().is_some_and(over) {
        model.notice = None;
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if keymap::is_interrupt(key) {
        return vec![Effect::Quit];
    }
    if model.overlay.is_some() {
        return overlay::on_key(model, key);
    }
    match keymap::find(Context::of(&model.screen), key) {
        Some(action) => perform(model, action),
        None => Vec::new(),
    }
}

/// Does what a key or a command asks for.
pub(super) fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(why) = keymap::refusal(model, action) {
        model.complain(why);
        return Vec::new();
    }
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => overlay::open_help(model),
        Action::Palette => overlay::open_palette(model),
        Action::Filter => overlay::open_filter(model),
        Action::Go(number) => go(model, &screen(number)),
        Action::NextScreen => go(model, &neighbour(&model.screen, 1)),
        Action::PreviousScreen => go(model, &neighbour(&model.screen, 4)),
        Action::Up => cursor::by(model, -1),
        Action::Down => cursor::by(model, 1),
        Action::PageUp => cursor::by(model, -page(model)),
        Action::PageDown => cursor::by(model, page(model)),
        Action::First => cursor::by(model, isize::MIN / 2),
        Action::Last => cursor::last(model),
        Action::Open => cursor::open(model),
        Action::Back => back(model),
        Action::NextProblem => next_problem(model, 1),
        Action::PreviousProblem => next_problem(model, -1),
        Action::Sort => model.nodes.sort = order::next(model.nodes.sort),
        Action::Reverse => model.nodes.reversed = !model.nodes.reversed,
        Action::Freeze => model.nodes.frozen = !model.nodes.frozen,
        Action::Wide => model.nodes.wide = !model.nodes.wide,
        Action::Mark => cursor::mark(model),
        Action::UnmarkAll => model.nodes.marked.clear(),
        Action::Copy => return export::copy(model),
        Action::Pause => time::pause(model),
        Action::StepBack => time::step(model, -1),
        Action::StepForward => time::step(model, 1),
        Action::Live => time::live(model),
        Action::SeekBack => return time::seek_by(model, -1),
        Action::SeekAhead => return time::seek_by(model, 1),
        Action::ExportCsv => return export::write(model, super::ExportFormat::Csv),
        Action::ExportJson => return export::write(model, super::ExportFormat::Json),
        Action::Record => return export::record(model),
        Action::Snapshot => return export::snapshot(model),
        Action::Window => model.pushes.window = order::next_window(model.pushes.window),
        Action::Level => order::next_level(model),
        Action::Kind => order::toggle_kind(model),
        Action::Only => cursor::only(model),
        Action::Relink => return cursor::relink(model),
        Action::Settings => return overlay::ask_settings(model),
        Action::Drain | Action::Undrain | Action::Eject | Action::Reconnect => {
            return acting::begin(model, action);
        }
    }
    Vec::new()
}

fn page(model: &Model) -> isize {
    isize::try_from(crate::view::page_rows(model)).unwrap_or(1)
}

fn screen(number: u8) -> Screen {
    match number {
        2 => Screen::Nodes,
        3 => Screen::Pushes,
        4 => Screen::Events,
        5 => Screen::Replicas,
        _ => Screen::Overview,
    }
}

fn neighbour(of: &Screen, steps: u8) -> Screen {
    let number = match of {
        Screen::Overview => 1,
        Screen::Nodes | Screen::Node(_) => 2,
        Screen::Pushes | Screen::Api(_) => 3,
        Screen::Events => 4,
        Screen::Replicas => 5,
    };
    screen((number - 1 + steps) % 5 + 1)
}

pub(super) fn go(model: &mut Model, to: &Screen) {
    model.screen = to.clone();
}

/// One level up: detail → table; then the filter, the marks, one replica alone.
fn back(model: &mut Model) {
    match &model.screen {
        Screen::Node(_) => model.screen = Screen::Nodes,
        Screen::Api(_) => model.screen = Screen::Pushes,
        Screen::Nodes if !model.nodes.filter_text.is_empty() => order::clear_filter(model),
        Screen::Nodes if !model.nodes.marked.is_empty() => model.nodes.marked.clear(),
        Screen::Events if order::events_are_narrowed(model) => order::widen_events(model),
        _ if model.only.is_some() => {
            model.only = None;
            time::refresh_only(model);
        }
        _ => {}
    }
}

fn next_problem(model: &mut Model, step: isize) {
    let count = model.shown().problems().len();
    if count == 0 {
        model.say("no problems");
        return;
    }
    let at = model.overview.selected.min(count - 1);
    // The first press goes to the one under the cursor.
    let at = if model.jumped {
        (at.cast_signed() + step)
            .rem_euclid(count.cast_signed())
            .unsigned_abs()
    } else {
        at
    };
    model.jumped = true;
    cursor::to_problem(model, at);
    if let Some(problem) = model.shown().problems().get(at).cloned() {
        jump(model, &problem);
    }
}

/// Goes to where a problem's cause is shown.
pub(super) fn jump(model: &mut Model, problem: &Problem) {
    match &problem.subject {
        Subject::Nodes(names) => {
            let Some(worst) = names.first() else { return };
            order::clear_filter(model);
            if names.len() > 1 {
                order::filter_problem(model, problem.kind);
            }
            cursor::select_node(model, worst);
            model.screen = Screen::Nodes;
        }
        Subject::Api(name) => {
            model.pushes.selected = Some(name.clone());
            model.screen = Screen::Pushes;
        }
        Subject::Replica(id) => {
            model.replicas.selected = Some(*id);
            model.screen = Screen::Replicas;
        }
        Subject::Console => model.screen = Screen::Replicas,
    }
}

fn on_mouse(model: &mut Model, mouse: MouseEvent) {
    if model.overlay.is_some() {
        match mouse.kind {
            MouseEventKind::ScrollUp => overlay::wheel(model, KeyCode::Up),
            MouseEventKind::ScrollDown => overlay::wheel(model, KeyCode::Down),
            _ => {}
        }
        return;
    }
    match mouse.kind {
        MouseEventKind::ScrollUp => cursor::by(model, -3),
        MouseEventKind::ScrollDown => cursor::by(model, 3),
        MouseEventKind::Down(_) => match crate::view::hit(model, mouse.column, mouse.row) {
            Some(crate::view::Hit::Tab(number)) => go(model, &screen(number)),
            Some(crate::view::Hit::Row(row)) => cursor::to(model, row),
            None => {}
        },
        _ => {}
    }
}

impl Model {
    /// Says a word on the status line.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.note(text.into(), false);
    }

    /// Says that something failed.
    pub(super) fn complain(&mut self, text: impl Into<String>) {
        self.note(text.into(), true);
    }

    fn note(&mut self, text: String, is_error: bool) {
        self.notice = Some(Notice {
            text,
            is_error,
            at: self.now,
        });
    }
}
