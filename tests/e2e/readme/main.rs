//! The pushes of the README, where its commands have brought up a cluster: `cargo xtask readme`.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::{path::Path, time::Duration};

use push_manager_e2e::{
    pushes::{PUSHES, commands},
    settings::variable,
    ws::{ClientSpec, Clients},
};
use tokio::{process::Command, time::sleep};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_pushes_of_the_readme_are_seen_at_the_page() {
    // What the page opens, once it is open.
    let clients = Clients::start(vec![ClientSpec {
        name: "page".to_owned(),
        user: "user-001".to_owned(),
        rooms: vec!["room-001".to_owned()],
        nodes: vec!["127.0.0.1:8080".to_owned()],
    }]);
    clients.all_present(SOON).await.unwrap();
    // The Controller hears of it a little later.
    sleep(Duration::from_secs(2)).await;
    let root = variable("E2E_ROOT").unwrap();
    let readme = std::fs::read_to_string(Path::new(&root).join("README.md")).unwrap();
    let commands = commands(&readme);
    assert_eq!(commands.len(), PUSHES.len());
    for ((body, method), text) in commands.into_iter().zip(PUSHES) {
        let mut grpcurl = Command::new(variable("GRPCURL").unwrap());
        grpcurl.args(["-plaintext", "-max-time", "20", "-d", body]);
        grpcurl.args(["localhost:50053", method]);
        let answer = grpcurl.output().await.unwrap();
        assert!(answer.status.success(), "{answer:?}");
        assert!(
            clients.got("page", text, SOON).await,
            "{text:?} never came: {answer:?}"
        );
    }
}
