//! Failures in the log: by node and reason, never one line a push.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::{
    fakes::FakeController,
    scene::{around, nobody},
};

/// Keeps what is logged.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// One thread, so that its subscriber sees all that the server does.
#[tokio::test]
async fn a_dead_nodes_failures_are_one_line_for_each_reason_not_for_each_push() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (one, two) = (nobody().await, nobody().await);
    let members = [("a", "node-1"), ("b", "node-2"), ("c", "node-2")];
    let nodes = [("node-1", one.address()), ("node-2", two.address())];
    let bed = around(FakeController::with_members(&members), &nodes, |config| {
        config.fanout.retries = 0;
    })
    .await;
    for _ in 0..20 {
        assert!(!bed.push_room("room-001", "hello").await.unwrap().success);
    }
    let failed = lines.with("push failed");
    assert_eq!(failed.len(), 2, "{failed:#?}");
    for (node, targets) in [("node-1", "targets=1"), ("node-2", "targets=2")] {
        let line = failed.iter().find(|line| line.contains(node));
        let line = line.expect("a line that names the node");
        assert!(
            line.contains("connect_failed") && line.contains(targets),
            "{line}"
        );
        assert!(line.contains("onnection refused"), "the cause: {line}");
    }
}
