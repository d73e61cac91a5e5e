//! An operator at the console's keys: drains a node, and lets it go again.

use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::pubsub::Outcome;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    CHANGE,
    bed::outcomes,
    lines::{Line, node},
    stage::node_id,
    story::Story,
    system::until,
    terminal::Terminal,
};

/// With the persons 3 and 13.
const DRAINED: usize = 4;

impl Story {
    pub async fn an_operator_drains_a_node(&self) {
        let id = node_id(DRAINED);
        let admins = self.stage.admins();
        let admins: Vec<String> = admins.iter().map(ToString::to_string).collect();
        let mut args: Vec<&str> = vec!["--allow-actions", "--screen", "nodes"];
        let pairs = admins.iter().flat_map(|address| ["--addr", address]);
        args.extend(pairs);
        let mut terminal = Terminal::start(&args, &[]);
        terminal.wait_for(" 2/3");
        terminal.press(&format!("/name={id}\r"));
        terminal.wait_for("Nodes 1/10");
        terminal.press("d");
        terminal.wait_for(&format!("drain {id}"));
        // The plan is each live manager's own.
        let planned = async || terminal.text().matches("drained").count() >= 2;
        until("both plans are shown", planned).await;
        terminal.press(&format!("{id}\r"));
        let pressed = Instant::now();
        let held = |document: &Value| {
            let node = node(document, &id);
            node["state"] == "draining"
                && ["a", "b"].map(|live| node["replicas"][live]["hold"] == "drained") == [true; 2]
                && document["totals"]["nodes"]["held"] == 1
        };
        let line = self
            .lines
            .shows("a drained node", pressed, CHANGE, held)
            .await;
        self.drained_node_gets_nothing(&id, &line).await;

        terminal.wait_for("Esc closes.");
        terminal.escape_from("Esc closes.");
        terminal.press("u");
        terminal.wait_for(&format!("undrain {id}"));
        let planned = async || !terminal.text().contains("asked ...");
        until("both plans are shown", planned).await;
        terminal.press(&format!("{id}\r"));
        let pressed = Instant::now();
        let free = |document: &Value| {
            let node = node(document, &id);
            node["state"] == "ready"
                && ["a", "b"].map(|live| node["replicas"][live]["hold"] == "none") == [true; 2]
        };
        self.lines
            .shows("an undrained node", pressed, CHANGE, free)
            .await;
        let receipt = self.stage.load.one(1, DRAINED - 1).await;
        assert!(outcomes(Some(&receipt)).contains_key(&Outcome::Delivered));
        terminal.escape_from("Esc closes.");
        terminal.press("4");
        terminal.wait_for("action.undrain");
        terminal.press("q");
        assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    }

    async fn drained_node_gets_nothing(&self, id: &str, first: &Line) {
        for place in [0, 1] {
            let receipt = self.stage.load.one(place, DRAINED - 1).await;
            let gone = BTreeMap::from([(Outcome::NodeGone, 1)]);
            assert_eq!(outcomes(Some(&receipt)), gone, "{receipt:?}");
        }
        let counted = |document: &Value| {
            let drained = document["totals"]["failed"]["drained"].as_u64();
            drained.is_some_and(|targets| targets >= 2)
        };
        let line = self
            .lines
            .shows("targets of it", Instant::now(), CHANGE, counted)
            .await;
        let delivered = |line: &Line| node(&line.document, id)["delivered"].clone();
        assert_eq!(delivered(&line), delivered(first), "nothing new");
        let all = |line: &Line| line.document["totals"]["delivered"].as_u64();
        assert!(all(&line) > all(first), "others get theirs");
    }
}
