//! Our programs as processes: found or built, started with their output kept,
//! signalled by pid, killed when dropped. What they are told is the caller's.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep, timeout};

/// How long a process may take until it says what a test waits for.
const WORD_WITHIN: Duration = Duration::from_secs(20);
/// How long a command that ends by itself may take.
const RUN_WITHIN: Duration = Duration::from_secs(30);
/// Lines shown of each process when a test fails.
const SHOWN_LINES: usize = 200;
/// Variables of this process that a child may see: others could configure it.
const KEPT_VARIABLES: [&str; 5] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
];

type Lines = Arc<Mutex<Vec<String>>>;

/// A running process; it is killed when dropped, and its output is shown if the
/// test fails.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
    out: Lines,
    log: Lines,
}

impl Process {
    /// Starts a program with nothing in its environment but `env`.
    pub fn spawn(name: &str, program: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        scrub(&mut command, env);
        let mut child = command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let out = keep(child.stdout.take().unwrap());
        let log = keep(child.stderr.take().unwrap());
        Self {
            name: name.to_owned(),
            child,
            ended: None,
            out,
            log,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as TERM.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(sent.unwrap().success(), "kill -{signal} {pid}");
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        if self.ended.is_none() {
            self.child.kill().unwrap();
            self.ended = Some(self.child.wait().unwrap());
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended.is_none()
    }

    /// Waits for its end.
    pub async fn exit(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        while self.runs() {
            let name = &self.name;
            assert!(
                Instant::now() < deadline,
                "{name} did not end in {within:?}"
            );
            sleep(Duration::from_millis(10)).await;
        }
        self.ended.unwrap()
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How many lines of its log contain `text`.
    pub fn logged(&self, text: &str) -> usize {
        let lines = self.log.lock().unwrap();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Waits for the first line of its log that contains `text`.
    pub async fn log_line(&mut self, text: &str) -> String {
        let log = self.log.clone();
        self.line_of(&log, text).await
    }

    /// Waits for the first line on standard output that contains `text`.
    pub async fn out_line(&mut self, text: &str) -> String {
        let out = self.out.clone();
        self.line_of(&out, text).await
    }

    /// What it wrote to standard output.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().join("\n")
    }

    async fn line_of(&mut self, lines: &Lines, text: &str) -> String {
        let deadline = Instant::now() + WORD_WITHIN;
        loop {
            // Asked before reading: what it wrote before its end must not be missed.
            let over = !self.runs() || Instant::now() > deadline;
            let found = lines
                .lock()
                .unwrap()
                .iter()
                .find(|line| line.contains(text))
                .cloned();
            match found {
                Some(line) => return line,
                None if over => {
                    panic!(
                        "{} never said {text:?} (ended: {:?})",
                        self.name, self.ended
                    )
                }
                None => sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may be gone already.
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            for (what, lines) in [("stdout", &self.out), ("stderr", &self.log)] {
                let lines = lines.lock().unwrap();
                let skipped = lines.len().saturating_sub(SHOWN_LINES);
                for line in &lines[skipped..] {
                    eprintln!("[{} {what}] {line}", self.name);
                }
            }
        }
    }
}

/// How a command ended that was waited for.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end.
pub async fn run(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Run {
    let mut command = Command::new(program);
    scrub(&mut command, env);
    command.args(args).stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let ended = timeout(RUN_WITHIN, command.kill_on_drop(true).output()).await;
    let ended = ended.unwrap_or_else(|_| panic!("{program:?} {args:?} does not end"));
    let ended = ended.unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let code = ended.status.code();
    Run {
        code: code.unwrap_or_else(|| panic!("{program:?} {args:?}: {}", ended.status)),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

/// The server, built together with these tests.
pub fn push_manager() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_push-manager"))
}

/// The Connect-Node.
pub fn node_program() -> PathBuf {
    reference_programs().join("push-manager-node")
}

/// The Controller.
pub fn controller_program() -> PathBuf {
    reference_programs().join("push-manager-controller")
}

/// The program that a variable names; `cargo xtask test` sets it.
pub fn tool(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} must name the program; `cargo xtask test` sets it"))
        .into()
}

/// The folder of the reference programs. Cargo builds them with a run of the
/// whole workspace's tests; for these tests alone, they are built here.
fn reference_programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = push_manager().parent().unwrap().to_owned();
        if !is_fresh(&folder) {
            build(&folder);
        }
        folder
    })
}

fn is_fresh(folder: &Path) -> bool {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sources = [
        "reference/src",
        "reference/page",
        "proto/src",
        "../proto/pubsub",
    ];
    let newest = sources
        .iter()
        .filter_map(|source| newest(&crates.join(source)))
        .max();
    let built = ["push-manager-node", "push-manager-controller"].map(|name| {
        folder
            .join(name)
            .metadata()
            .and_then(|file| file.modified())
            .ok()
    });
    built
        .iter()
        .all(|built| built.is_some() && *built >= newest)
}

/// The latest change of any file below a folder.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).unwrap();
    let times = entries.filter_map(|entry| {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            newest(&entry.path())
        } else {
            entry.metadata().unwrap().modified().ok()
        }
    });
    times.max()
}

fn build(folder: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "push-manager-reference", "--bins"]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = cargo.output().unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "cargo build of the reference programs:\n{errors}"
    );
}

fn scrub(command: &mut Command, env: &[(&str, &str)]) {
    command.env_clear();
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(env.iter().copied());
}

/// Reads lines for as long as there are any.
fn keep(from: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let kept = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line);
        }
    });
    lines
}
