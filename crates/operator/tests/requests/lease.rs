//! The Lease: taking, keeping, losing, giving back.

use std::{cell::RefCell, time::Duration};

use push_manager_operator::lease::{Candidate, Leadership, Lost};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{api::Answer, world::World};

const KEY: &str = "leases/operator";

fn candidate(world: &World) -> Candidate {
    Candidate::new(world.client(), "system", "operator", "me")
}

fn held(by: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "operator", "namespace": "system"},
        "spec": {"holderIdentity": by, "leaseDurationSeconds": 15, "leaseTransitions": 4},
    })
}

fn spec(world: &World) -> Value {
    world.api.objects[KEY]["spec"].clone()
}

async fn leading(world: &mut World) -> Leadership {
    let leadership = candidate(world).lead(|_| {});
    let leadership = world.drive(leadership).await;
    world.api.take();
    leadership
}

#[tokio::test(start_paused = true)]
async fn the_first_makes_it_and_leads() {
    let mut world = World::new();
    let leadership = candidate(&world).lead(|_| {});
    world.drive(leadership).await;
    assert_eq!(world.api.take(), ["GET leases/operator", "POST leases"]);
    assert_eq!(spec(&world)["holderIdentity"], "me");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_faster_is_waited_for() {
    let mut world = World::new();
    world.api.put(KEY, held(""));
    world
        .api
        .fail("PUT leases/operator", 409, "it was modified");
    let reached = RefCell::new(Vec::new());
    let leadership = candidate(&world).lead(|is| reached.borrow_mut().push(is));
    let before = Instant::now();
    world.drive(leadership).await;
    assert!(before.elapsed() >= Duration::from_secs(2));
    assert_eq!(
        *reached.borrow(),
        [true],
        "the Lease could be read all the while"
    );
    let written = world
        .api
        .log
        .iter()
        .filter(|seen| seen.line.starts_with("PUT"));
    let versions: Vec<_> = written
        .map(|seen| seen.body["metadata"]["resourceVersion"].clone())
        .collect();
    assert_eq!(
        versions,
        ["1", "1"],
        "each write names the version that it replaces"
    );
    assert_eq!(spec(&world)["leaseTransitions"], 5);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_says_nothing_is_replaced_after_its_time_and_not_before() {
    let mut world = World::new();
    world.api.put(KEY, held("other"));
    let before = Instant::now();
    let leadership = candidate(&world).lead(|_| {});
    world.drive(leadership).await;
    let waited = before.elapsed();
    assert!(
        waited > Duration::from_secs(15) && waited < Duration::from_secs(20),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_api_server_is_not_ready() {
    let mut world = World::new();
    world.api.answer_with("GET leases", 1, Answer::Silence);
    world.api.fail("GET leases", 500, "no");
    let reached = RefCell::new(Vec::new());
    let leadership = candidate(&world).lead(|is| reached.borrow_mut().push(is));
    world.drive(leadership).await;
    assert_eq!(*reached.borrow(), [false, false]);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_by_versioned_writes_while_it_leads() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    let keeping = leadership.keep(CancellationToken::new());
    timeout(Duration::from_mins(1), world.drive(keeping))
        .await
        .unwrap_err();
    let writes = world
        .api
        .log
        .iter()
        .filter(|seen| seen.line.starts_with("PUT"))
        .count();
    assert!((15..=20).contains(&writes), "{writes}");
    assert_eq!(spec(&world)["holderIdentity"], "me");
}

/// A leader works on for so long without having renewed.
async fn stops(answer: Answer) -> (Lost, Duration) {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.answer_with("GET leases", 99, answer);
    let before = Instant::now();
    let keeping = leadership.keep(CancellationToken::new());
    let lost = world.drive(keeping).await.unwrap_err();
    (lost, before.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_can_t_renew_has_stopped_before_another_begins() {
    let refused = Answer::With(500, crate::api::refusal(500, "InternalError", "no"));
    for answer in [refused, Answer::Silence] {
        let (lost, after) = stops(answer.clone()).await;
        assert_eq!(lost, Lost::Late);
        assert!(after >= Duration::from_secs(8), "{answer:?}: {after:?}");
        assert!(after <= Duration::from_secs(10), "{answer:?}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_holds_is_lost_at_once() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.put(KEY, held("other"));
    let before = Instant::now();
    let keeping = leadership.keep(CancellationToken::new());
    assert_eq!(world.drive(keeping).await.unwrap_err(), Lost::Taken);
    assert!(before.elapsed() < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_written_to_meanwhile_but_is_still_ours_is_renewed_soon_after() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.fail("PUT leases", 409, "it was modified");
    let keeping = leadership.keep(CancellationToken::new());
    timeout(Duration::from_secs(30), world.drive(keeping))
        .await
        .unwrap_err();
    assert_eq!(spec(&world)["holderIdentity"], "me");
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_is_late_loses_no_lease() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.answer_with("GET leases", 2, Answer::Silence);
    let keeping = leadership.keep(CancellationToken::new());
    timeout(Duration::from_secs(30), world.drive(keeping))
        .await
        .unwrap_err();
    assert_eq!(spec(&world)["holderIdentity"], "me");
}

#[tokio::test(start_paused = true)]
async fn it_is_given_back_at_the_end_and_only_by_its_holder() {
    for holder in ["me", "other"] {
        let mut world = World::new();
        let leadership = leading(&mut world).await;
        if holder == "other" {
            world.api.put(KEY, held("other"));
        }
        let stop = CancellationToken::new();
        stop.cancel();
        let keeping = leadership.keep(stop);
        world.drive(keeping).await.unwrap();
        let left = spec(&world)["holderIdentity"].clone();
        if holder == "me" {
            assert_eq!(left, Value::Null);
            assert_eq!(
                world.api.take(),
                ["GET leases/operator", "PUT leases/operator"]
            );
        } else {
            assert_eq!(left, "other");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_given_back_however_the_work_ends() {
    for fails in [false, true] {
        let mut world = World::new();
        let leadership = leading(&mut world).await;
        let work = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            if fails { Err(Lost::Late) } else { Ok(()) }
        };
        let outcome = world.drive(leadership.during(work)).await;
        assert_eq!(outcome.is_err(), fails);
        assert_eq!(spec(&world)["holderIdentity"], Value::Null, "{fails}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_ends_with_the_lease() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.put(KEY, held("other"));
    let outcome = leadership.during(std::future::pending::<Result<(), Lost>>());
    assert_eq!(world.drive(outcome).await.unwrap_err(), Lost::Taken);
}

#[tokio::test(start_paused = true)]
async fn a_silent_api_server_does_not_keep_it_from_ending() {
    let mut world = World::new();
    let leadership = leading(&mut world).await;
    world.api.answer_with("GET leases", 99, Answer::Silence);
    let stop = CancellationToken::new();
    stop.cancel();
    let before = Instant::now();
    let keeping = leadership.keep(stop);
    world.drive(keeping).await.unwrap();
    assert!(before.elapsed() <= Duration::from_secs(6));
}
