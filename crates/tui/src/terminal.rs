//! The terminal: taken at the start, given back whatever happens.
//!
//! Given back after q, an error, a panic in any task, SIGTERM, SIGHUP, SIGINT; lent out during Ctrl-Z. What is
//! drawn is the view's; when, the run loop's.

use std::{
    io::{self, Stdout, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

/// Most bytes copied: terminals drop longer texts in silence.
const MOST_COPIED: usize = 64 << 10;

/// The exit code after a panic.
const PANICKED: i32 = 101;

/// True while the terminal is ours: giving back twice would spoil what others drew since.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal.
    pub fn take(mouse: bool) -> io::Result<Self> {
        give_back_on_panic();
        enter(mouse)?;
        let terminal = fresh();
        if terminal.is_err() {
            give_back();
        }
        Ok(Self {
            terminal: terminal?,
            mouse,
        })
    }

    /// Draws what changed, all of it at once.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(draw)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next draw draws everything.
    pub fn forget(&mut self) -> io::Result<()> {
        // The library's own way asks the terminal where its cursor is, which not all answer.
        self.terminal = fresh()?;
        execute!(self.terminal.backend_mut(), Clear(ClearType::All))
    }

    /// The size: columns, rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Puts text on the clipboard of the terminal, also through tmux.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let inside_tmux = std::env::var_os("TMUX").is_some();
        let sequence = clipboard(text, inside_tmux);
        let out = self.terminal.backend_mut();
        out.write_all(sequence.as_bytes())?;
        Write::flush(out)
    }

    /// Lends the terminal to the shell until the program is continued.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // The way that a shell knows: the default action of the signal.
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        enter(self.mouse)?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn fresh() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    let entered = execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide);
    let entered = match (entered, mouse) {
        (Ok(()), true) => execute!(out, EnableMouseCapture),
        (entered, _) => entered,
    };
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back, once. Errors are of no use to anybody: it may be gone.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    drop(execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    ));
    drop(disable_raw_mode());
}

/// A panic's message must reach the reader on a terminal that shows it. It ends the program wherever
/// it happens: a console of which a part is dead would show what is no longer true.
fn give_back_on_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
            std::process::exit(PANICKED);
        }));
    });
}

/// Ends the program also where the terminal takes nothing any more, e.g. behind a stalled ssh: what
/// is left to write is not waited for.
pub fn leave_within(patience: Duration) {
    std::thread::spawn(move || {
        wait(patience);
        std::thread::spawn(give_back);
        wait(patience / 4);
        drop(disable_raw_mode());
        std::process::exit(1);
    });
}

fn wait(patience: Duration) {
    std::thread::park_timeout(patience);
}

/// OSC 52, wrapped for tmux where that stands between.
fn clipboard(text: &str, inside_tmux: bool) -> String {
    let mut end = text.len().min(MOST_COPIED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(&text[..end]));
    if inside_tmux {
        return format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"));
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_encoded_and_bounded() {
        assert_eq!(clipboard("push-7", false), "\x1b]52;c;cHVzaC03\x07");
        assert!(clipboard("push-7", true).starts_with("\x1bPtmux;\x1b\x1b]52;"));
        let long = "推".repeat(MOST_COPIED);
        assert!(clipboard(&long, false).len() < MOST_COPIED * 2);
    }
}
