//! A drain at a terminal is asked about.

use std::{
    io::{Read, Write},
    time::Duration,
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::*;

/// Runs it at a terminal where somebody types that once asked; its exit code, and all that it said.
fn typing(cluster: &Cluster, typed: &str) -> (u32, String) {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kubectl-pushmanager"));
    command.args(["drain", "push", "push-1"]);
    command.env("KUBECONFIG", cluster.kubeconfig());
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut writer = pair.master.take_writer().unwrap();
    let (mut said, mut buffer) = (String::new(), [0; 1_024]);
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        let asked_before = said.contains("to drain it:");
        said.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if !asked_before && said.contains("to drain it:") {
            writer.write_all(format!("{typed}\n").as_bytes()).unwrap();
        }
    }
    let ended = child.wait().unwrap();
    (ended.exit_code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_the_name_of_the_node() {
    let cluster = cluster().await;
    let manager = Manager::start(Takes::Acts).await;
    cluster.put_pod("push-a", HASH, [Some(manager.address), None]);
    for (typed, code, acts) in [("y", 1, 0), ("push-1", 0, 1)] {
        let there = cluster.clone();
        let typing = tokio::task::spawn_blocking(move || typing(&there, typed));
        let ended = tokio::time::timeout(Duration::from_secs(30), typing).await;
        let (exit, said) = ended.expect("an end").unwrap();
        assert!(
            said.contains("nothing new is sent to push-1"),
            "the plan first: {said}"
        );
        assert_eq!(
            (exit, manager.acts().len()),
            (code, acts),
            "{typed}: {said}"
        );
    }
}
