//! Builds tools into the cache, atomically: into a name of this process first,
//! then renamed. Two runs at once wait for each other; a run that dies leaves
//! nothing that looks finished.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::cache;
use crate::failure::{Result, While};
use crate::machine;
use crate::process;

/// The linker's flags that write a pinned version into a program, and leave out what
/// only a debugger reads.
pub(crate) fn stamp_flags(stamps: &[&str], version: &str) -> String {
    let stamps = stamps
        .iter()
        .map(|stamp| format!(" -X {}", stamp.replace("{}", version)));
    format!("-s -w{}", stamps.collect::<String>())
}

/// Where the Go program of a module folder is, or will be.
pub(crate) fn go_path(folder: &Path, flags: &str, name: &str) -> Result<PathBuf> {
    let mut parts = vec![go_version()?.into_bytes(), flags.as_bytes().to_vec()];
    for file in ["go.mod", "go.sum"] {
        parts.push(read(&folder.join(file))?);
    }
    program(folder, &parts, name)
}

/// Builds one package of the module in `folder`.
pub(crate) fn go(folder: &Path, package: &str, flags: &str, name: &str) -> Result<PathBuf> {
    let path = go_path(folder, flags, name)?;
    go_at(&path, folder, package, flags, name)
}

/// Where a Go program is, or will be, to which all the sources in `folder` count.
pub(crate) fn sources_path(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut parts = vec![go_version()?.into_bytes()];
    for file in crate::workspace::files(folder)? {
        parts.push(file.to_string_lossy().into_owned().into_bytes());
        parts.push(read(&folder.join(&file))?);
    }
    program(folder, &parts, name)
}

/// Builds one package of the module in `folder`, whose own sources count too: any
/// change of a file there is a new program.
pub(crate) fn go_sources(folder: &Path, package: &str, name: &str) -> Result<PathBuf> {
    let path = sources_path(folder, name)?;
    go_at(&path, folder, package, "-s -w", name)
}

fn go_at(path: &Path, folder: &Path, package: &str, flags: &str, name: &str) -> Result<PathBuf> {
    once(path, name, |unfinished| {
        let mut go = go_command()?;
        go.current_dir(folder)
            .env("GOWORK", "off")
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", flags])
            .arg("-o")
            .arg(unfinished)
            .arg(package);
        process::quietly(&format!("building {name}"), &mut go, &log(path))?;
        Ok(())
    })
}

/// Where the npm program of a package folder is, or will be.
pub(crate) fn npm_path(folder: &Path, name: &str) -> Result<PathBuf> {
    let here = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let lock = read(&folder.join("package-lock.json"))?;
    let place = program(folder, &[here.into_bytes(), lock], name)?;
    let above = |path: &Path| path.parent().map(Path::to_path_buf);
    let place = above(&place).and_then(|bin| above(&bin)).unwrap_or(place);
    Ok(place.join("node_modules").join(".bin").join(name))
}

/// Installs the packages that the lock file in `folder` names.
pub(crate) fn npm(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = npm_path(folder, name)?;
    let place = path.ancestors().nth(3).unwrap_or(&path);
    once(place, name, |unfinished| {
        let npm = machine::NPM.find().ok_or_else(|| machine::NPM.missing())?;
        machine::NODE
            .find()
            .ok_or_else(|| machine::NODE.missing())?;
        cache::make(unfinished)?;
        for file in ["package.json", "package-lock.json"] {
            let (from, to) = (folder.join(file), unfinished.join(file));
            fs::copy(&from, &to).while_doing(|| format!("copying {}", from.display()))?;
        }
        let mut install = Command::new(npm);
        install.current_dir(unfinished);
        // Not `npm ci`: that wants the lock to name buf's build for every system.
        install.args(["install", "--no-save", "--ignore-scripts"]);
        install.args(["--no-audit", "--no-fund"]);
        process::quietly(&format!("installing {name}"), &mut install, &log(place))?;
        Ok(())
    })?;
    Ok(path)
}

/// `CACHE/tools/FOLDER-HASH/bin/NAME`
fn program(folder: &Path, parts: &[Vec<u8>], name: &str) -> Result<PathBuf> {
    let hash = cache::content_name(parts.iter().map(Vec::as_slice));
    let label = folder.file_name().unwrap_or_default().to_string_lossy();
    let place = cache::folder("tools")?.join(format!("{label}-{hash}"));
    Ok(place.join("bin").join(name))
}

/// Makes `path` by way of an unfinished name beside it, unless it is there.
fn once(path: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    let _held = cache::lock(&cache::folder("tools")?, name)?;
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    let unfinished = path.with_file_name(format!(".{name}.{}", std::process::id()));
    if let Some(parent) = path.parent() {
        cache::make(parent)?;
    }
    make(&unfinished)?;
    fs::rename(&unfinished, path).while_doing(|| format!("putting {} in place", path.display()))?;
    Ok(path.to_path_buf())
}

fn log(path: &Path) -> PathBuf {
    path.with_extension("log")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).while_doing(|| format!("reading {}", path.display()))
}

fn go_command() -> Result<Command> {
    let go = machine::GO.find().ok_or_else(|| machine::GO.missing())?;
    Ok(Command::new(go))
}

/// What `go version` says, asked once: it names the system as well.
fn go_version() -> Result<String> {
    static SAID: OnceLock<String> = OnceLock::new();
    if let Some(said) = SAID.get() {
        return Ok(said.clone());
    }
    let said = process::capture(go_command()?.arg("version"))?;
    Ok(SAID.get_or_init(|| said).clone())
}
