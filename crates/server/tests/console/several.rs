//! Consoles beside each other, a manager that stands still, and managers found in etcd.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    ALONE, CHANGE, DEAD_LINK, INTERVAL, SLACK,
    figures::Figures,
    lines::{Line, Lines, counted, named, replica, row},
    proxy::{Mode, Proxy},
    stage::Stage,
    terminal::Terminal,
};

/// How long something stands still.
const STILL: Duration = Duration::from_secs(4);
/// Until etcd's silence is taken for its absence, and between two attempts to reach it.
const AWAY: Duration = Duration::from_secs(20);
/// A silent link is made anew after 10 s at most; that takes up to 5 s, and a pause up to 8.
const GIVEN_UP: Duration = Duration::from_secs(23);
/// What begins needs no longer.
const BEGIN: Duration = Duration::from_secs(5);

fn is_live(document: &Value) -> bool {
    counted(document).0 == "a"
}

/// Lines came all the time since then, each with something new in it.
fn goes_on(lines: &Lines, since: Instant) {
    let came = lines.since(since);
    let least = since.elapsed().as_millis() / INTERVAL.as_millis() / 2;
    assert!(came.len() as u128 >= least, "{} lines", came.len());
    let pushes = |line: &Line| Figures::of_totals(&line.document).pushes;
    for pair in came.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart <= INTERVAL + SLACK, "{apart:?} between two lines");
        assert!(is_live(&pair[1].document), "{:#}", pair[1].document);
    }
    let (first, last) = (came.first().unwrap(), came.last().unwrap());
    assert!(pushes(last) > pushes(first) + 10, "the load is seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_stands_still_disturbs_no_other() {
    let _alone = ALONE.lock().await;
    let stage = Stage::start(1, 1).await;
    let (one, other) = (Lines::of(&stage.admins()), Lines::of(&stage.admins()));
    let admin = stage.managers[0].admin.to_string();
    let mut terminal = Terminal::start(&["--addr", &admin], &[]);
    for lines in [&one, &other] {
        lines
            .shows("a live manager", Instant::now(), BEGIN, is_live)
            .await;
    }
    terminal.wait_for(" 1/1");

    // A person stops a screen, and another console's process is stopped.
    let still = Instant::now();
    terminal.press("p");
    terminal.wait_for("PAUSED");
    other.signal("STOP");
    sleep(STILL).await;
    goes_on(&one, still);
    assert!(other.since(still + INTERVAL).is_empty(), "it was stopped");
    other.signal("CONT");
    let again = Instant::now();
    let pushes = Figures::of_manager(&stage.managers[0]).await.pushes;
    let caught_up =
        |document: &Value| is_live(document) && Figures::of_totals(document).pushes >= pushes;
    other.shows("the present", again, CHANGE, caught_up).await;
    goes_on(&one, still);
    terminal.press("p");
    terminal.wait_for("LIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_stands_still_is_stale_and_then_live_again() {
    let _alone = ALONE.lock().await;
    let stage = Stage::start(1, 1).await;
    let lines = Lines::of(&stage.admins());
    lines
        .shows("a live manager", Instant::now(), BEGIN, is_live)
        .await;

    let still = Instant::now();
    stage.managers[0].process.signal("STOP");
    let stale = |document: &Value| {
        replica(document, "a")["freshness"] == "stale"
            && counted(document) == (String::new(), "a".into())
            && named(document, "replica_stale") == ["a"]
            && document["totals"]["pushes"] == 0
    };
    let line = lines
        .shows("a stale manager", still, DEAD_LINK, stale)
        .await;
    let age = replica(&line.document, "a")["age_ms"].as_f64().unwrap();
    let most = (line.at - still + INTERVAL + SLACK).as_millis() as f64;
    assert!(
        (DEAD_LINK.as_millis() as f64..=most).contains(&age),
        "{age}"
    );
    stage.managers[0].process.signal("CONT");
    lines
        .shows("a live manager", Instant::now(), CHANGE, is_live)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalling_proxy_is_seen_for_what_it_is_and_survived() {
    let _alone = ALONE.lock().await;
    let stage = Stage::start(1, 1).await;
    let proxy = Proxy::to(stage.managers[0].admin).await;
    let lines = Lines::of(&[proxy.address()]);
    lines
        .shows("a live manager", Instant::now(), BEGIN, is_live)
        .await;

    let stalled = Instant::now();
    proxy.set(Mode::BlackHole).await;
    let stale = |document: &Value| replica(document, "a")["freshness"] == "stale";
    lines.shows("a stale link", stalled, DEAD_LINK, stale).await;
    // Longer: it is made anew, and that does not work either.
    let down = |document: &Value| {
        let row = replica(document, "a");
        row["freshness"] == "down" && row["why"] != "" && document["totals"]["pushes"] == 0
    };
    lines.shows("a lost link", stalled, GIVEN_UP, down).await;
    proxy.set(Mode::Pass).await;
    lines
        .shows("a live manager again", Instant::now(), GIVEN_UP, is_live)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_found_in_etcd_by_the_admin_address_that_they_register() {
    let _alone = ALONE.lock().await;
    let mut stage = Stage::start(1, 1).await;
    let lines = Lines::with(&["--etcd", &stage.etcd.endpoint()]);
    // The manager registers itself, without an admin address: that is on loopback.
    let own = |document: &Value| {
        let rows = document["replicas"].as_array().unwrap();
        let why = rows.first().and_then(|row| row["why"].as_str());
        rows.len() == 1 && why.is_some_and(|why| why.contains("registers no admin address"))
    };
    lines
        .shows("why it can't be seen", Instant::now(), BEGIN, own)
        .await;

    let admin = stage.managers[0].admin.to_string();
    let registration = serde_json::json!({
        "Op": 0,
        "Addr": "10.9.8.7:50053",
        "Metadata": { "instance_id": "i-1", "admin_address": admin },
    });
    let key = "push-manager/10.9.8.7:50053";
    stage.etcd.put(key, registration.to_string()).await;
    let found = |document: &Value| {
        let replica = row(document, "replicas", "target", &admin);
        replica["freshness"] == "live" && document["totals"]["nodes"]["ready"] == 1
    };
    lines
        .shows("the manager", Instant::now(), CHANGE, found)
        .await;

    // Without etcd the manager is watched on, and the console says what it does not see.
    stage.etcd.kill();
    let is_away = |document: &Value| {
        let problems = document["problems"].as_array().unwrap();
        problems
            .iter()
            .any(|problem| problem["kind"] == "source_away")
    };
    lines
        .shows("etcd is away", Instant::now(), AWAY, |document| {
            is_away(document) && found(document)
        })
        .await;
    stage.etcd.restart().await;
    lines
        .shows("etcd is there", Instant::now(), AWAY, |document| {
            !is_away(document) && found(document)
        })
        .await;

    stage.etcd.del(key).await;
    let gone = |document: &Value| own(document) && document["totals"]["pushes"] == 0;
    lines
        .shows("it is gone", Instant::now(), CHANGE, gone)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_that_fails_is_opened_and_names_its_pushes() {
    let _alone = ALONE.lock().await;
    let stage = Stage::start(2, 2).await;
    let [one, other] = [0, 1].map(|place| stage.managers[place].admin.to_string());
    let mut terminal = Terminal::start(&["--addr", &one, "--addr", &other], &[]);
    terminal.wait_for(" 2/2");
    terminal.press(":api touser\r");
    terminal.wait_for("none since this was opened");
    // Person 1 is on the node behind the proxy.
    stage.proxy.set(Mode::BlackHole).await;
    let receipt = stage.load.one(1, 1).await;
    terminal.wait_for(&receipt.push_id);
    let screen = terminal.text();
    let lines: Vec<&str> = screen.lines().collect();
    let row = lines
        .iter()
        .position(|line| line.contains(&receipt.push_id));
    let figures = lines[row.unwrap() - 1];
    assert!(
        figures.contains(" b ") && figures.contains("deadline exceeded 1"),
        "{screen}"
    );
    stage.proxy.set(Mode::Pass).await;

    terminal.press(":node connect-node-01\r");
    terminal.wait_for("a: 1 of ");
    terminal.press("q");
    assert_eq!(terminal.end(BEGIN), 0);
}
