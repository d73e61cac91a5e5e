//! `top`: the console, pushtop, at the pods of a PushManager.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use pushtop::feed::kube::Access;

/// The console's program.
const PROGRAM: &str = if cfg!(windows) {
    "pushtop.exe"
} else {
    "pushtop"
};

/// pushtop is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "pushtop is neither beside this program nor on PATH: install it from the same release, or from \
     the repository with cargo xtask cargo install --path crates/tui"
)]
pub struct NoConsole;

/// The command that shows the console.
pub fn command(
    name: &str,
    namespace: Option<&str>,
    access: &Access,
    more: &[OsString],
) -> Result<Command, NoConsole> {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = find(beside, std::env::split_paths(&path)).ok_or(NoConsole)?;
    let mut command = Command::new(program);
    command.args(arguments(name, namespace, access)).args(more);
    Ok(command)
}

/// Beside this program, for then it is of the same release; else on the path.
fn find(beside: Option<&Path>, path: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let folders = beside.map(Path::to_owned).into_iter().chain(path);
    let mut programs = folders.map(|folder| folder.join(PROGRAM));
    programs.find(|program| program.is_file())
}

fn arguments(name: &str, namespace: Option<&str>, access: &Access) -> Vec<OsString> {
    let whole = namespace.map_or_else(|| name.to_owned(), |space| format!("{space}/{name}"));
    let mut arguments: Vec<OsString> = vec!["--kube".into(), whole.into()];
    if let Some(context) = &access.context {
        arguments.extend(["--context".into(), context.into()]);
    }
    if let Some(file) = &access.kubeconfig {
        arguments.extend(["--kubeconfig".into(), file.into()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_same_cluster_and_namespace() {
        let access = Access {
            kubeconfig: Some("/k".into()),
            context: Some("c".to_owned()),
        };
        let all = arguments("push", Some("prod"), &access);
        assert_eq!(
            all,
            [
                "--kube",
                "prod/push",
                "--context",
                "c",
                "--kubeconfig",
                "/k"
            ]
        );
        assert_eq!(
            arguments("push", None, &Access::default()),
            ["--kube", "push"]
        );
    }

    #[test]
    fn the_one_beside_this_program_comes_first() {
        let root = std::env::temp_dir().join(format!("kubectl-pushmanager-{}", std::process::id()));
        let folders = ["empty", "beside", "path"].map(|name| root.join(name));
        for folder in &folders {
            std::fs::create_dir_all(folder).unwrap();
        }
        for folder in &folders[1..] {
            std::fs::write(folder.join(PROGRAM), "").unwrap();
        }
        let [empty, beside, path] = &folders;
        let on_path = || [empty.clone(), path.clone()].into_iter();
        assert_eq!(find(Some(beside), on_path()), Some(beside.join(PROGRAM)));
        assert_eq!(find(Some(empty), on_path()), Some(path.join(PROGRAM)));
        assert_eq!(find(None, [empty.clone()].into_iter()), None);
        std::fs::remove_dir_all(root).unwrap();
    }
}
