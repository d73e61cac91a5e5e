//! Ending a process: it is asked first, so that it ends what it started, too.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::POLL;
use crate::failure::{Result, While};
use crate::process;

/// Only once each: dockerd takes repeated asking for impatience, and leaves its containers.
pub(super) fn ask(pid: u32) -> Result<()> {
    process::capture(Command::new("kill").arg(pid.to_string())).map(drop)
}

/// Ends a child, which is killed if it takes longer; returns when it is gone.
pub(super) fn child(child: &mut Child, patience: Duration) -> Result<()> {
    let pid = child.id();
    let doing = || format!("ending process {pid}");
    let started = Instant::now();
    if child.try_wait().while_doing(doing)?.is_none() {
        // It may have ended by itself meanwhile; if it has not, it is killed below.
        drop(ask(pid));
    }
    while child.try_wait().while_doing(doing)?.is_none() {
        if started.elapsed() > patience {
            child.kill().while_doing(doing)?;
            child.wait().while_doing(doing)?;
            break;
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    use super::*;

    /// Ends what this script does once it has said something; tells the signal that did it.
    fn ended(script: &str, patience: Duration) -> Option<i32> {
        let mut sh = Command::new("sh");
        sh.args(["-c", script]).stdout(Stdio::piped());
        let mut process = sh.spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        child(&mut process, patience).unwrap();
        process.wait().unwrap().signal()
    }

    #[test]
    fn a_child_that_heeds_is_asked_and_one_that_does_not_is_killed() {
        let long = Duration::from_mins(1);
        assert_eq!(ended("echo up; exec sleep 60", long), Some(15));
        let deaf = "trap '' TERM; echo up; while :; do sleep 0.1; done";
        assert_eq!(ended(deaf, POLL), Some(9));
        assert_eq!(
            ended(
                "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done",
                long
            ),
            None
        );
    }
}
