//! Running other programs: quietly with a log, streamed, or captured.
//!
//! What their output means is left to the callers.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result, While};

/// How often a quiet program is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How often a quiet program is said to be still running, where no terminal
/// shows a running clock.
const REMINDER: Duration = Duration::from_secs(30);
/// How many lines of a failed program's log are shown.
const LOG_TAIL: usize = 30;

/// The program of this name in PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The command as it would be typed.
pub(crate) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Runs a program and returns what it wrote to standard output.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .while_doing(|| format!("starting `{}`", typed(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!(
        "`{}` failed ({}): {}",
        typed(command),
        output.status,
        said.trim()
    )))
}

/// Runs a program in the open; its output goes where ours goes.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    eprintln!("    $ {}", typed(command));
    let status = command
        .status()
        .while_doing(|| format!("starting `{}`", typed(command)))?;
    expect_success(command, status)
}

/// Replaces this process, so that signals and the exit code are the program's own.
#[cfg(unix)]
pub(crate) fn become_it(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failure::new(format!(
        "starting `{}`: {error}",
        typed(&command)
    )))
}

#[cfg(not(unix))]
pub(crate) fn become_it(mut command: Command) -> Result<()> {
    show(&mut command)
}

/// As [`show`], and returns the lines of standard output as well.
pub(crate) fn show_and_keep(command: &mut Command) -> Result<(ExitStatus, Vec<String>)> {
    eprintln!("    $ {}", typed(command));
    let doing = || "reading what a program prints".to_owned();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .while_doing(|| format!("starting `{}`", typed(command)))?;
    let mut kept = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).while_doing(doing)? > 0 {
            std::io::stdout().write_all(&line).while_doing(doing)?;
            kept.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    }
    let status = child.wait().while_doing(doing)?;
    Ok((status, kept))
}

/// Runs a program with its output in a log; shows only a title and a clock,
/// and the end of the log when it fails.
pub(crate) fn quietly(title: &str, command: &mut Command, log: &Path) -> Result<Duration> {
    let started = Instant::now();
    match logged(title, command, log, None)? {
        End::Exited(status) if status.success() => Ok(started.elapsed()),
        End::Exited(_) | End::TimedOut => Err(Failure::new(format!(
            "`{}` failed; the end of its log ({}):\n{}",
            typed(command),
            log.display(),
            tail(log)
        ))),
    }
}

/// How a logged program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut,
}

/// Runs a program with its output in a log, for at most `limit`; a program
/// that takes longer is killed with all it started.
pub(crate) fn logged(
    title: &str,
    command: &mut Command,
    log: &Path,
    limit: Option<Duration>,
) -> Result<End> {
    let doing = || format!("running `{}`", command_line(log, title));
    let output = File::create(log).while_doing(doing)?;
    let errors = output.try_clone().while_doing(doing)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .while_doing(|| format!("starting `{}`", typed(command)))?;
    let mut clock = Clock::start(title);
    loop {
        if let Some(status) = child.try_wait().while_doing(doing)? {
            clock.stop();
            return Ok(End::Exited(status));
        }
        if limit.is_some_and(|limit| clock.started.elapsed() > limit) {
            clock.stop();
            kill_tree(child.id());
            // The child may have ended by itself meanwhile: nothing to do then.
            drop(child.kill());
            child.wait().while_doing(doing)?;
            return Ok(End::TimedOut);
        }
        clock.tick();
        std::thread::sleep(POLL);
    }
}

fn command_line(log: &Path, title: &str) -> String {
    format!("{title} (log: {})", log.display())
}

/// The last lines of a log, indented.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LOG_TAIL)..];
    let shown: Vec<String> = shown.iter().map(|line| format!("    | {line}")).collect();
    shown.join("\n")
}

/// A duration as people read it.
pub(crate) fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

fn expect_success(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` failed ({status})",
        typed(command)
    )))
}

/// Kills a program and everything it started. They share our process group, so
/// that Ctrl-C reaches them; so they are found by their parents' ids.
fn kill_tree(root: u32) {
    let listed = capture(Command::new("ps").args(["-A", "-o", "pid=,ppid="])).unwrap_or_default();
    let family = descendants(root, &listed);
    let mut kill = Command::new("kill");
    kill.arg("-KILL").args(family.iter().map(u32::to_string));
    // One that has ended by now makes `kill` fail; the others are dead.
    drop(capture(&mut kill));
}

/// The given process and those below it, from lines of "pid parent-pid".
fn descendants(root: u32, listed: &str) -> Vec<u32> {
    let pairs: Vec<(u32, u32)> = listed
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(pairs.iter().filter(|(_, p)| *p == parent).map(|(c, _)| c));
        next += 1;
    }
    family
}

/// Says that something is still going on.
struct Clock<'a> {
    title: &'a str,
    started: Instant,
    said: Instant,
    terminal: bool,
}

impl<'a> Clock<'a> {
    fn start(title: &'a str) -> Self {
        let now = Instant::now();
        Self {
            title,
            started: now,
            said: now,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn tick(&mut self) {
        let every = if self.terminal {
            Duration::from_secs(1)
        } else {
            REMINDER
        };
        if self.said.elapsed() < every {
            return;
        }
        self.said = Instant::now();
        let (title, time) = (self.title, self.started.elapsed().as_secs());
        if self.terminal {
            eprint!("\r    {title} … {time} s ");
        } else {
            eprintln!("    {title} … {time} s");
        }
    }

    fn stop(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_any_depth() {
        let listed = "1 0\n10 1\n11 10\n 12 11\n20 1\n";
        assert_eq!(descendants(10, listed), [10, 11, 12]);
    }

    #[test]
    fn a_long_time_is_said_in_minutes() {
        assert_eq!(took(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(took(Duration::from_millis(1500)), "1.5 s");
    }
}
