use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder with this program alone.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let program = env!("CARGO_BIN_EXE_kubectl-pushmanager");
    std::fs::hard_link(program, folder.join("kubectl-pushmanager")).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_beside_it_gets_the_cluster_and_its_own_arguments() {
    let folder = folder("top");
    let console = folder.join("pushtop");
    std::fs::write(&console, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
    std::fs::set_permissions(&console, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(folder.join("kubectl-pushmanager"));
    command.args([
        "--context",
        "c",
        "top",
        "push",
        "-n",
        "prod",
        "--once",
        "--json",
    ]);
    let output = command.output().await.unwrap();
    assert_eq!(out(&output), "--kube prod/push --context c --once --json\n");
    assert_eq!(output.status.code(), Some(7), "the console's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_console_it_says_how_to_get_one() {
    let folder = folder("top-alone");
    let mut command = Command::new(folder.join("kubectl-pushmanager"));
    command.args(["top", "push"]).env("PATH", "/nowhere");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("install it"), "{output:?}");
}
