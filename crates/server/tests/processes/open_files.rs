//! A server with a thousand nodes needs a thousand connections; shells allow fewer at first.

use std::path::Path;

use crate::{
    process::{Process, controller_program, node_program, push_manager},
    system::until,
};

/// Soft and hard, as the system tells them of a process.
fn limits(pid: u32) -> Option<(u64, u64)> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = told
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

async fn takes_all(program: &Path, arguments: &str) {
    let script = format!("ulimit -Sn 100; exec {} {arguments}", program.display());
    let process = Process::spawn("limited", Path::new("/bin/sh"), &["-c", &script], &[]);
    let pid = process.pid();
    // Until then it is the shell, before it lowered the limit.
    let ours = || std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    let all = || limits(pid).is_some_and(|(soft, hard)| hard > 100 && soft == hard);
    let raised = async || ours() && all();
    until("it takes what the machine allows", raised).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_take_as_many_open_files_as_the_machine_allows() {
    let server = "--set grpc.port=0 --set metrics.port=0 --set admin.address=127.0.0.1:0 \
                  --set discovery.kind=static --set discovery.nodes=127.0.0.1:1";
    takes_all(push_manager(), server).await;
    takes_all(&controller_program(), "--bind 127.0.0.1 --grpc-port 0").await;
    takes_all(
        &node_program(),
        "--bind 127.0.0.1 --grpc-port 0 --http-port 0",
    )
    .await;
}
