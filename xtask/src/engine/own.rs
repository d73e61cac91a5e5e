//! An engine of our own, beside whatever engine the machine has: its own data below the cache
//! folder, its own network namespace, and its own folder of sockets. Each cache folder has its own.
//!
//! Its runtime is `runc-fit`, so that privileged containers work where the machine
//! withholds a capability.

mod end;
mod pid;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result, While, cleared};
use crate::machine::{self, containers as programs};
use crate::{cache, process, tools};

/// What network namespaces and folders of sockets begin with.
const NAME: &str = "push-manager";
/// How long the engine may take to answer, or to stop its containers.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Own {
    /// What is kept.
    folder: PathBuf,
    /// The network namespace.
    namespace: String,
}

impl Own {
    pub(super) fn here() -> Result<Self> {
        Ok(Self::at(cache::folder("engine")?))
    }

    fn at(folder: PathBuf) -> Self {
        let name = cache::content_name([folder.as_os_str().as_bytes()]);
        let namespace = format!("{NAME}-{name}");
        Self { folder, namespace }
    }

    /// A program in the engine's network namespace. Not by `ip netns exec`: that mounts
    /// a fresh /sys, in which an engine finds no cgroups.
    pub(super) fn inside(&self, program: &OsStr) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.namespace_file().display()));
        command.arg("--").arg(program);
        command
    }

    fn namespace_file(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.namespace)
    }

    /// Sockets, and what ends with the engine. Not in the cache: the kernel takes 107 bytes for a
    /// socket's path, and a cache folder may be anywhere.
    fn sockets(&self) -> PathBuf {
        Path::new("/run").join(&self.namespace)
    }

    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.sockets().join("docker.sock").display())
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("dockerd.log")
    }

    /// Its process, while it runs.
    pub(super) fn process(&self) -> Option<u32> {
        pid::alive(&self.pid_file(), "dockerd")
    }

    /// Starts it and waits until it answers; does nothing where it runs.
    pub(super) fn start(&self) -> Result<()> {
        Self::check()?;
        let fit = tools::one("runc-fit")?;
        let _held = cache::lock(&self.folder, "engine")?;
        if self.process().is_some() {
            return self.wait(None);
        }
        self.sweep();
        self.make_namespace()?;
        cache::make(&self.sockets())?;
        // A copy, so that emptying the cache of tools does not hurt what runs.
        let runtime = self.folder.join("runc-fit");
        fs::copy(&fit, &runtime).while_doing(|| format!("copying {}", fit.display()))?;
        let mut child = self.spawn(&runtime)?;
        let answers = self.wait(Some(&mut child));
        if answers.is_ok() {
            return Ok(());
        }
        // It is of use to nobody, and would be taken for one that runs.
        let ended = end::child(&mut child, PATIENCE);
        cleared(answers, ended.and_then(|()| self.remove_namespace()))
    }

    /// Stops it and all its containers, and keeps its images.
    pub(super) fn stop(&self) -> Result<()> {
        let _held = cache::lock(&self.folder, "engine")?;
        let Some(pid) = self.process() else {
            // A crash leaves it.
            if let Err(failure) = self.remove_namespace() {
                eprintln!("    its network namespace is left: {failure}");
            }
            println!("our own engine does not run");
            return Ok(());
        };
        end::ask(pid)?;
        let started = Instant::now();
        while self.process().is_some() {
            if started.elapsed() > PATIENCE {
                return Err(Failure::new(format!("process {pid} does not end"))
                    .hint(format!("its log is {}", self.log().display())));
            }
            std::thread::sleep(POLL);
        }
        self.remove_namespace()?;
        println!("our own engine has stopped; its images are kept");
        Ok(())
    }

    fn check() -> Result<()> {
        if !machine::root_on_linux() {
            return Err(Failure::new("an engine of our own needs root on Linux")
                .hint("start Docker instead, or run this as root"));
        }
        machine::require(&[
            &machine::GO,
            &programs::DOCKER,
            &programs::DOCKERD,
            &programs::RUNC,
            &programs::IPTABLES,
            &programs::IP,
            &programs::NSENTER,
            &programs::SETSID,
        ])
    }

    fn pid_file(&self) -> PathBuf {
        self.sockets().join("dockerd.pid")
    }

    /// Removes process id files that a crash or a restart of the machine left: their
    /// numbers may be other processes' by now, and dockerd would wait for those.
    fn sweep(&self) {
        let containerd = self.sockets().join("exec/containerd/containerd.pid");
        for (file, program) in [(self.pid_file(), "dockerd"), (containerd, "containerd")] {
            if pid::alive(&file, program).is_none() {
                // Not there is as good as removed.
                drop(fs::remove_file(file));
            }
        }
    }

    fn spawn(&self, runtime: &Path) -> Result<Child> {
        let log = self.log();
        let doing = || format!("writing {}", log.display());
        let output = File::create(&log).while_doing(doing)?;
        let errors = output.try_clone().while_doing(doing)?;
        // setsid: the engine outlives the shell that starts it.
        let mut command = self.inside(OsStr::new("setsid"));
        command.current_dir(&self.folder).env_remove("DOCKER_HOST");
        command.args(["dockerd", "--storage-driver", "overlay2"]);
        command.arg("--host").arg(self.host());
        command.arg("--data-root").arg(self.folder.join("data"));
        command.arg("--exec-root").arg(self.sockets().join("exec"));
        command.arg("--pidfile").arg(self.pid_file());
        command.args(["--default-runtime", "fit", "--add-runtime"]);
        command.arg(format!("fit={}", runtime.display()));
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        command
            .spawn()
            .while_doing(|| "starting dockerd".to_owned())
    }

    /// Waits until it answers.
    fn wait(&self, mut child: Option<&mut Child>) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let mut docker = Command::new("docker");
            docker.env("DOCKER_HOST", self.host()).arg("version");
            if process::capture(&mut docker).is_ok() {
                return Ok(());
            }
            if let Some(child) = child.as_mut() {
                let ended = child
                    .try_wait()
                    .while_doing(|| "watching dockerd".to_owned())?;
                if ended.is_some() {
                    break;
                }
            }
            std::thread::sleep(POLL);
        }
        let log = self.log();
        Err(Failure::new(format!(
            "the engine did not start; the end of its log ({}):\n{}",
            log.display(),
            process::tail(&log)
        )))
    }

    fn make_namespace(&self) -> Result<()> {
        if !self.namespace_file().exists() {
            process::capture(Command::new("ip").args(["netns", "add", &self.namespace]))?;
        }
        let mut up = self.inside(OsStr::new("ip"));
        up.args(["link", "set", "lo", "up"]);
        process::capture(&mut up).map(drop)
    }

    fn remove_namespace(&self) -> Result<()> {
        if !self.namespace_file().exists() {
            return Ok(());
        }
        process::capture(Command::new("ip").args(["netns", "del", &self.namespace])).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cache_has_an_engine_of_its_own_whose_sockets_have_short_paths() {
        let (long, other) = (Own::at("/a".repeat(200).into()), Own::at("/b".into()));
        assert_ne!(long.namespace, other.namespace);
        // What dockerd adds to it is about 50 bytes.
        assert!(long.sockets().as_os_str().len() < 57);
    }

    #[test]
    fn to_stop_what_does_not_run_is_no_failure() {
        let folder = std::env::temp_dir().join(format!("own-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let stopped = Own::at(folder.clone()).stop();
        fs::remove_dir_all(&folder).unwrap();
        stopped.unwrap();
    }
}
