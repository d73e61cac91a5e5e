//! A process that never outlives the one that started it, however that one ends.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// The shell becomes the program, so the child's id is the program's. Beside it a
/// subshell reads the leash, a pipe that we alone hold the other end of: a line
/// lets it go, and the pipe's end, which our death is too, kills the program.
/// It ignores the signals that a terminal or a time limit sends to all of us.
const LEASHED: &str = r#"
exec 3<&0
( trap '' HUP INT TERM; read -r line <&3 || kill -KILL $$ ) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// Removes a folder once the leash breaks. The processes that write there are
/// being killed at the same moment, hence the wait.
const JANITOR: &str = r#"
trap '' HUP INT TERM
read -r line || { sleep 1; rm -rf -- "$1"; }
"#;

/// A running program; it is killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    leash: ChildStdin,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a program whose output is added to a log file.
    pub(crate) fn start(name: &'static str, program: &Path, args: &[String], log: &Path) -> Self {
        Self::start_with(name, program, args, &[], log)
    }

    /// The same, with variables beside those of this process.
    pub fn start_with(
        name: &'static str,
        program: &Path,
        args: &[String],
        env: &[(&str, String)],
        log: &Path,
    ) -> Self {
        let log = append(log);
        let errors = log.try_clone().expect("a log file can be shared");
        let mut command = shell(LEASHED);
        command.arg(program).args(args).stdout(log).stderr(errors);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Self::leashed(name, command)
    }

    /// Starts what removes a folder should this process end without doing so.
    pub(crate) fn janitor(folder: &Path) -> Self {
        let mut command = shell(JANITOR);
        command.arg(folder).stdout(Stdio::null());
        command.stderr(Stdio::null());
        Self::leashed("the janitor", command)
    }

    fn leashed(name: &'static str, mut command: Command) -> Self {
        // A group of its own: Ctrl-C must not end it before the test is through.
        command.stdin(Stdio::piped()).process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        let leash = child.stdin.take().expect("standard input is a pipe");
        Self {
            name,
            child,
            leash,
            ended: None,
        }
    }

    /// The subshell must not kill whoever gets the process id next.
    fn let_go(&mut self) {
        // It may be gone already.
        drop(self.leash.write_all(b"\n"));
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked");
            if self.ended.is_some() {
                self.let_go();
            }
        }
        self.ended
    }

    /// Sends a signal by its name, such as STOP.
    pub fn signal(&mut self, signal: &str) {
        let ended = self.ended();
        assert!(ended.is_none(), "{} has ended: {ended:?}", self.name);
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.id().to_string())
            .status()
            .expect("kill runs");
        assert!(sent.success(), "kill -{signal} of {}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may be gone already.
            drop(self.child.kill());
        }
        self.let_go();
        drop(self.child.wait());
    }
}

/// The program that a variable names.
pub(crate) fn program(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} must name the program; `cargo xtask test` sets it"),
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]);
    command
}

fn append(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
