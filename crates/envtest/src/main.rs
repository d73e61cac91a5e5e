//! Holds a cluster until standard input ends: to try things by hand, and to show
//! in tests that nothing outlives a killed process.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for the terminal"
)]

use push_manager_envtest::{Cluster, Options};

#[tokio::main]
async fn main() {
    let cluster = Cluster::start(Options {
        controllers: true,
        audit: true,
    })
    .await;
    println!("KUBECONFIG={}", cluster.kubeconfig().display());
    println!("folder {}", cluster.folder().display());
    for id in cluster.process_ids() {
        println!("process {id}");
    }
    println!("until the end of standard input");
    // Nothing else is to be done meanwhile.
    let read = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    read.expect("standard input can be read");
}
