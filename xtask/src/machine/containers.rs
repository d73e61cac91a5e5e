//! The programs that run containers, or build what goes into them.

use super::Program;

const fn debian(
    name: &'static str,
    binaries: &'static [&'static str],
    version_flag: &'static str,
    why: &'static str,
    get: &'static str,
) -> Program {
    Program {
        name,
        binaries,
        version_flag,
        at_least: (0, 0),
        why,
        get,
        variable: None,
    }
}

const DOCKER_IO: &str =
    "apt-get install -y docker.io   (or see https://docs.docker.com/engine/install)";

pub(crate) static DOCKER: Program = debian(
    "docker",
    &["docker"],
    "--version",
    "talks to the container engine",
    DOCKER_IO,
);
pub(crate) static DOCKERD: Program = debian(
    "dockerd",
    &["dockerd"],
    "--version",
    "is the container engine",
    DOCKER_IO,
);
pub(crate) static RUNC: Program = debian(
    "runc",
    &["runc"],
    "--version",
    "starts containers",
    "apt-get install -y runc",
);
pub(crate) static NSENTER: Program = debian(
    "nsenter",
    &["nsenter"],
    "--version",
    "enters the engine's network namespace",
    "apt-get install -y util-linux",
);
pub(crate) static SETSID: Program = debian(
    "setsid",
    &["setsid"],
    "--version",
    "lets the engine outlive the shell that starts it",
    "apt-get install -y util-linux",
);
pub(crate) static IP: Program = debian(
    "ip",
    &["ip"],
    "-V",
    "makes the engine's network namespace",
    "apt-get install -y iproute2",
);
pub(crate) static IPTABLES: Program = debian(
    "iptables",
    &["iptables"],
    "--version",
    "is what the engine makes container networks with",
    "apt-get install -y iptables",
);
pub(crate) static DEBOOTSTRAP: Program = debian(
    "debootstrap",
    &["debootstrap"],
    "--version",
    "makes the root file systems of the node image from Debian's packages",
    "apt-get install -y debootstrap",
);
pub(crate) static TAR: Program = debian(
    "tar",
    &["tar"],
    "--version",
    "packs root file systems",
    "apt-get install -y tar",
);
