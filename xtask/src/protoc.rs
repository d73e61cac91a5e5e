//! Finds the protobuf compiler, which etcd-client's build script calls.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;

/// `$PROTOC`, else the one in PATH, else the one that comes as a crate.
pub(crate) fn path() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("PROTOC").map(PathBuf::from) {
        return if named.is_file() {
            Ok(named)
        } else {
            Err(Failure::new(format!(
                "PROTOC names {}, which is not a file",
                named.display()
            ))
            .hint("unset PROTOC to use a protoc from PATH, or the one that comes along"))
        };
    }
    if let Some(found) = process::find("protoc") {
        return Ok(found);
    }
    protoc_bin_vendored::protoc_bin_path().map_err(|error| {
        Failure::new(format!("no protoc comes along for this machine: {error}"))
            .hint("install it (Debian: apt-get install -y protobuf-compiler) or set PROTOC")
    })
}

/// The `cargo` that runs us, with PROTOC set for the build scripts.
pub(crate) fn cargo() -> Result<Command> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.env("PROTOC", path()?);
    Ok(command)
}
