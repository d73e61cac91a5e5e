//! A terminal with the program in it, seen as a person would see it.

use std::{
    io::{Read, Write},
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const ROWS: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(100).unwrap();

/// What must come may take so long.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The release program that `cargo xtask test` builds and names.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("PUSHTOP")
        .expect("PUSHTOP must name the release program; `cargo xtask test` builds it and sets it")
        .into()
}

/// A recording in the repository.
pub(crate) fn demo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/demo.pmrec")
}

/// A program in a terminal of 100 columns and 30 rows.
pub(crate) struct Terminal {
    pub(crate) child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    pub(crate) tty: PathBuf,
    seen: Arc<Mutex<Seen>>,
    /// Keeps the terminal's settings readable after the program's end.
    _slave: std::fs::File,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_in(&std::env::current_dir().unwrap(), args, env)
    }

    /// In a folder of the test's.
    pub(crate) fn start_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 100,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let tty = pair.master.tty_name().unwrap();
        let slave = std::fs::File::options().read(true).open(&tty).unwrap();
        let mut command = CommandBuilder::new(program());
        command.args(args);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
            .iter()
            .chain(env)
        {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(ROWS, COLUMNS, 0),
            bytes: Vec::new(),
        }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shared = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut seen = shared.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            child,
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            tty,
            seen,
            _slave: slave,
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Another size: columns, rows.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.lock().unwrap();
        let [high, wide] = [rows, columns].map(|size| NonZero::new(size).unwrap());
        seen.parser.screen_mut().set_size(high, wide);
        drop(seen);
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).unwrap();
    }

    /// Whether the program takes the mouse.
    pub(crate) fn takes_mouse(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.parser.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None
    }

    /// The text on the screen.
    pub(crate) fn text(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Presses Escape, and waits until it has done its work: the next key would make another one of it.
    pub(crate) fn escape_from(&mut self, text: &str) {
        self.press("\u{1b}");
        let began = Instant::now();
        while self.text().contains(text) {
            assert!(began.elapsed() < SOON, "always {text:?}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Bytes since the last time.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.seen.lock().unwrap().bytes)
    }

    /// Waits for text on the screen; gives the time that it took.
    pub(crate) fn wait_for(&self, text: &str) -> Duration {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(began.elapsed() < SOON, "never {text:?}:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(1));
        }
        began.elapsed()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn end(&mut self, within: Duration) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(
                began.elapsed() < within,
                "it does not end:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asserts that the shell finds its terminal as it left it.
    pub(crate) fn assert_restored(&self) {
        let began = Instant::now();
        // The last bytes may still be on their way.
        while self.seen.lock().unwrap().parser.screen().alternate_screen() && began.elapsed() < SOON
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pastes are plain again");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is the terminal's own"
        );
        drop(seen);
        let stty = Command::new("stty")
            .arg("-F")
            .arg(&self.tty)
            .arg("-a")
            .output()
            .unwrap();
        let modes = String::from_utf8(stty.stdout).unwrap();
        let modes: Vec<&str> = modes.split_whitespace().collect();
        for mode in ["icanon", "echo", "isig"] {
            assert!(modes.contains(&mode), "{mode} is on again: {modes:?}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
