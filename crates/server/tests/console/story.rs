//! What an operator lives through in a bad minute, and that the console told the truth all along:
//! a manager is killed, a node falls silent, another one is drained from the console, etcd
//! restarts, the manager comes back. In the end three sides must agree: the console's totals, the
//! managers' metrics, and what people received.

use std::{collections::BTreeMap, time::Duration};

use push_manager_proto::pubsub::Outcome;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    ALONE, CHANGE, DEAD_LINK, INTERVAL, SLACK,
    bed::outcomes,
    figures::{Figures, grown},
    honesty::{no_line_ever_lied, others_are_well},
    lines::{Lines, counted, named, node, replica},
    load::{Account, Door},
    proxy::Mode,
    stage::{Stage, node_id},
    system::{Manager, until},
};

const NODES: usize = 10;
/// Behind the proxy, with the persons 9 and 19.
const SILENT: usize = 10;
/// A node whose oldest call is so old is silent.
const OLD: Duration = Duration::from_secs(2);
/// How long a call to a node may take: `fanout.deadline`.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long etcd is away.
const OUTAGE: Duration = Duration::from_secs(6);
/// All of it takes half of this.
const WHOLE: Duration = Duration::from_secs(80);
/// Consoles and managers try again after at most so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn the_console_tells_the_truth_through_everything_that_goes_wrong() {
    let _alone = ALONE.lock().await;
    let stage = Stage::start(3, NODES).await;
    let lines = Lines::of(&stage.admins());
    let mut story = Story { stage, lines };
    let began = Instant::now();
    story.all_is_well().await;
    story.a_manager_is_killed().await;
    story.a_node_falls_silent().await;
    let base = story.books().await;
    story.stage.load.resume();
    story.an_operator_drains_a_node().await;
    story.etcd_restarts().await;
    story.the_manager_comes_back().await;
    story.all_sides_agree(&base).await;
    no_line_ever_lied(&story.lines);
    assert!(began.elapsed() <= WHOLE, "{:?}", began.elapsed());
}

/// Counters at a moment at which nothing is under way.
struct Books {
    managers: Figures,
    console: Figures,
    heard: BTreeMap<String, u64>,
    told: BTreeMap<String, Account>,
}

/// What it happens to; an operator's part is beside it.
pub struct Story {
    pub stage: Stage,
    pub lines: Lines,
}

impl Story {
    /// The managers that run, by their places.
    fn managers(&self, places: &[usize]) -> Vec<&Manager> {
        places
            .iter()
            .map(|place| &self.stage.managers[*place])
            .collect()
    }

    async fn all_is_well(&self) {
        let soon = Duration::from_secs(10);
        let well = |document: &Value| {
            counted(document) == ("abc".into(), String::new())
                && document["totals"]["nodes"]["ready"] == NODES
        };
        self.lines
            .shows("three live, ten nodes ready", Instant::now(), soon, well)
            .await;
        self.totals_follow(&[0, 1, 2]).await;
    }

    /// What managers count now is soon in the totals, and no total is ahead of them.
    async fn totals_follow(&self, places: &[usize]) {
        let managers = self.managers(places);
        for _ in 0..2 {
            let asked = Instant::now();
            let before = Figures::of_managers(&managers).await;
            let caught_up = |document: &Value| {
                let totals = Figures::of_totals(document);
                totals.pushes >= before.pushes && totals.delivered >= before.delivered
            };
            let line = self
                .lines
                .shows("totals that follow", asked, CHANGE, caught_up)
                .await;
            let after = Figures::of_managers(&managers).await;
            let shown = Figures::of_totals(&line.document);
            assert!(shown.pushes <= after.pushes, "{shown:?} {after:?}");
            assert!(shown.delivered <= after.delivered, "{shown:?} {after:?}");
            sleep(INTERVAL).await;
            let grown = Figures::of_managers(&managers).await;
            assert!(grown.delivered > before.delivered, "the load goes on");
        }
    }

    async fn a_manager_is_killed(&mut self) {
        let killed = Instant::now();
        self.stage.managers[2].process.kill();
        let gone = |document: &Value| {
            let replica = replica(document, "c");
            replica["freshness"] != "live"
                && replica["why"] != ""
                && counted(document) == ("ab".into(), "c".into())
                && named(document, "replica_down") == ["c"]
        };
        let line = self
            .lines
            .shows("the killed manager is left out", killed, DEAD_LINK, gone)
            .await;
        assert_eq!(line.document["totals"]["nodes"]["ready"], NODES);
        self.totals_follow(&[0, 1]).await;
        self.books().await;
        self.stage.load.resume();
    }

    /// Stops the load, and compares what can be compared at any time.
    async fn books(&self) -> Books {
        self.stage.load.pause().await;
        let live = if self.stage.load.accounts().contains_key("c2") {
            &[0, 1, 2][..]
        } else {
            &[0, 1]
        };
        let asked = Instant::now();
        let managers = Figures::of_managers(&self.managers(live)).await;
        let same = |document: &Value| Figures::of_totals(document) == managers;
        let line = self
            .lines
            .shows("totals are the managers' metrics", asked, CHANGE, same)
            .await;
        let rests = |document: &Value| document["totals"]["pushes_per_s"] == 0.0;
        self.lines
            .shows("nothing a second", asked, CHANGE, rests)
            .await;
        let heard = self.all_heard().await;
        let again = Figures::of_managers(&self.managers(live)).await;
        assert_eq!(managers, again, "nothing was under way");
        let later = self.lines.next().await;
        assert_eq!(Figures::of_totals(&later.document), managers);
        let nodes = later.document["nodes"].as_array().unwrap().iter();
        let by_node = nodes.map(|node| node["delivered"].as_u64().unwrap());
        assert_eq!(by_node.sum::<u64>(), managers.delivered, "node by node");
        Books {
            console: Figures::of_totals(&line.document),
            told: self.stage.load.accounts(),
            managers,
            heard,
        }
    }

    /// What people heard, once nothing more comes.
    async fn all_heard(&self) -> BTreeMap<String, u64> {
        let mut heard = self.stage.audience.by_manager();
        loop {
            sleep(Duration::from_millis(600)).await;
            let now = self.stage.audience.by_manager();
            if now == heard {
                return heard;
            }
            heard = now;
        }
    }

    async fn a_node_falls_silent(&self) {
        let id = node_id(SILENT);
        let others = |document: &Value| -> u64 {
            let nodes = document["nodes"].as_array().unwrap().iter();
            let others = nodes.filter(|node| node["id"] != id.as_str());
            others.map(|node| node["delivered"].as_u64().unwrap()).sum()
        };
        let before = others(&self.lines.next().await.document);
        self.stage.proxy.set(Mode::BlackHole).await;
        let silent_since = Instant::now();
        let into_the_void = self.stage.load.one(0, SILENT - 1);
        let watching = async {
            let shown = |document: &Value| {
                named(document, "node_silent") == [id.as_str()]
                    && node(document, &id)["warning"] == "error"
            };
            let line = self
                .lines
                .shows("a silent node", silent_since, OLD + CHANGE, shown)
                .await;
            let age = node(&line.document, &id)["oldest_in_flight_ms"].as_f64();
            let age = Duration::from_secs_f64(age.expect("an age") / 1e3);
            let most = line.at - silent_since + SLACK;
            assert!((OLD..=most).contains(&age), "{age:?} of {most:?}");
            let given_up =
                |document: &Value| document["totals"]["failed"]["deadline_exceeded"].is_u64();
            self.lines
                .shows("calls given up", silent_since, DEADLINE + CHANGE, given_up)
                .await
        };
        let (receipt, last) = tokio::join!(into_the_void, watching);
        assert_eq!(
            outcomes(Some(&receipt)),
            BTreeMap::from([(Outcome::Unknown, 1)])
        );
        let more = others(&last.document) - before;
        assert!(more > 20, "the other nodes go on: {more}");
        for line in self.lines.since(silent_since) {
            others_are_well(&line, &id);
        }

        self.stage.proxy.set(Mode::Pass).await;
        let healed = |document: &Value| {
            let silent = named(document, "node_silent").is_empty();
            silent && node(document, &id)["state"] == "ready"
        };
        self.lines
            .shows(
                "the node answers again",
                Instant::now(),
                LONGEST_PAUSE,
                healed,
            )
            .await;
        until("it gets pushes again", async || {
            let receipt = self.stage.load.one(1, SILENT - 1).await;
            outcomes(Some(&receipt)).contains_key(&Outcome::Delivered)
        })
        .await;
    }

    async fn etcd_restarts(&mut self) {
        let killed = Instant::now();
        self.stage.etcd.kill();
        for place in [0, 1] {
            let process = &mut self.stage.managers[place].process;
            process.log_line("etcd is away").await;
        }
        let known = killed.elapsed();
        let away = |document: &Value| {
            let up = ["a", "b"].map(|live| replica(document, live)["discovery_up"] == false);
            up == [true; 2] && named(document, "discovery_away") == ["a", "b"]
        };
        self.lines
            .shows("discovery is away", killed, known + CHANGE, away)
            .await;
        self.totals_follow(&[0, 1]).await;
        tokio::time::sleep_until(killed + OUTAGE).await;
        let mut during = self.lines.since(killed);
        self.stage.etcd.restart().await;
        let back = Instant::now();
        for manager in self.managers(&[0, 1]) {
            let up = async || manager.metric("push_manager_discovery_up", "").await == 1.0;
            until("discovery is back", up).await;
        }
        let known = back.elapsed();
        let there = |document: &Value| {
            let up = ["a", "b"].map(|live| replica(document, live)["discovery_up"] == true);
            up == [true; 2] && named(document, "discovery_away").is_empty()
        };
        self.lines
            .shows("discovery is back", back, known + CHANGE, there)
            .await;
        during.extend(self.lines.since(back));
        for line in during {
            assert_eq!(line.document["totals"]["nodes"]["ready"], NODES);
        }
    }

    async fn the_manager_comes_back(&mut self) {
        let before = self.lines.next().await.document;
        let before = replica(&before, "c");
        self.stage.start_again(2).await;
        let started = Instant::now();
        let again = |document: &Value| {
            counted(document) == ("abc".into(), String::new())
                && document["totals"]["nodes"]["all"] == NODES
        };
        let line = self
            .lines
            .shows("the manager is back", started, LONGEST_PAUSE, again)
            .await;
        let after = replica(&line.document, "c");
        assert_eq!(after["target"], before["target"]);
        assert_ne!(after["epoch"], before["epoch"], "another start of it");
        // Nobody has asked it for anything yet, and what it did before its end is no rate now.
        assert_eq!(after["pushes_per_s"].as_f64().unwrap_or(0.0), 0.0);
        let door = Door::to(&self.stage.managers[2], "c2");
        self.stage.load.replace(2, door);
        let counts = |document: &Value| {
            let row = replica(document, "c");
            let rate = row["pushes_per_s"].as_f64();
            row["delivered"].as_u64() > Some(5) && rate.is_some_and(|rate| rate > 1.0)
        };
        self.lines
            .shows(
                "it delivers",
                Instant::now(),
                Duration::from_secs(5),
                counts,
            )
            .await;
        self.totals_follow(&[0, 1, 2]).await;
    }

    /// The window begins after the silent node and ends now; in it, nobody knows less than all.
    async fn all_sides_agree(&self, base: &Books) {
        let end = self.books().await;
        let managers = end.managers.since(&base.managers);
        let console = end.console.since(&base.console);
        println!("in the window: {console:?}");
        assert_eq!(
            console, managers,
            "the console's totals, the managers' metrics"
        );
        let living = ["a1", "b1", "c2"];
        let heard = grown(&end.heard, &base.heard);
        let heard: u64 = living.iter().filter_map(|name| heard.get(*name)).sum();
        assert_eq!(
            managers.targets.get("unknown"),
            None,
            "or hearers may be more"
        );
        assert_eq!(console.delivered, heard, "what people received");
        let (mut answered, mut delivered) = (0, 0);
        for name in living {
            let account = |books: &Books| books.told.get(name).copied().unwrap_or_default();
            let (end, base) = (account(&end), account(base));
            answered += end.answered - base.answered;
            delivered += end.delivered - base.delivered;
            assert_eq!(end.refused, base.refused, "{name} refused none");
        }
        assert_eq!(console.pushes, answered, "what callers were answered");
        assert_eq!(console.delivered, delivered, "what receipts said");
        assert!(console.delivered > 100 && console.failed["drained"] >= 2);
        assert_eq!(self.stage.audience.repeated(), [], "each push once");
    }
}
