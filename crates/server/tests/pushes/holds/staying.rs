//! What becomes of a hold when its node goes for a moment, and of a node that
//! only its connection keeps.

use super::*;

impl Pair {
    /// node-1's registration goes for a moment, as when it misses a lease.
    async fn blip(&self, instance: Option<&str>) {
        let (id, memory) = (NodeId::new("node-1"), &self.bed.memory);
        let known = || {
            let snapshot = self.bed.server.pool().snapshot();
            snapshot.resolve(&id, None).is_some()
        };
        let before = self.find("node-1");
        assert_eq!(before.live(), 0, "it does not linger");
        assert!(memory.remove(&id));
        eventually("it left", || !known()).await;
        let address = self.proxy.address().to_string().parse().unwrap();
        memory.put(id.clone(), address, instance.map(str::to_owned));
        eventually("it is back", known).await;
        assert_ne!(self.find("node-1").serial(), before.serial());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_node_that_misses_a_lease_stays_held_until_its_time() {
    let pair = Pair::start().await;
    let ttl = Duration::from_secs(2);
    pair.act("node-1", Deed::Eject { ttl }).await.unwrap();
    pair.blip(None).await;
    let node = pair.find("node-1");
    assert_eq!(node.hold(), Hold::Ejected);
    assert_ended(&pair.push().await, Outcome::NodeGone);
    let (events, _) = pair.bed.server.events().after(0, usize::MAX);
    let found = events.iter().rfind(|event| {
        event.news.kind == Kind::NodeFound && event.news.message.ends_with(", still ejected")
    });
    assert!(found.is_some(), "{events:?}");
    pair.ended_by_itself().await;
    assert!(pair.push().await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_node_that_comes_back_as_another_instance_is_free() {
    let pair = Pair::start().await;
    pair.blip(Some("a")).await;
    pair.act("node-1", Deed::Eject { ttl: LONG }).await.unwrap();
    pair.blip(Some("a")).await;
    assert_eq!(pair.find("node-1").hold(), Hold::Ejected);
    pair.blip(Some("b")).await;
    pair.ended_by_itself().await;
    assert!(pair.push().await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lingering_node_keeps_the_connection_without_which_it_would_leave() {
    let pair = Pair::start().await;
    assert!(pair.push().await.success);
    let node = pair.find("node-1");
    assert!(pair.bed.memory.remove(&NodeId::new("node-1")));
    eventually("it lingers", || node.is_lingering()).await;
    for deed in [Deed::Reconnect, Deed::Eject { ttl: LONG }] {
        let plan = pair.bed.server.pool().plan(&order("node-1", deed)).unwrap();
        let refusal = plan.refusal.expect("the dry run says so");
        assert!(refusal.to_string().contains("unresolved_node"), "{refusal}");
        let refused = pair.act("node-1", deed).await.unwrap_err();
        assert!(
            matches!(&refused, OrderError::Refused(why, _) if *why == refusal),
            "{refused:?}"
        );
    }
    assert_eq!(node.live(), 1);
    assert!(pair.push().await.success, "nothing was done");
    pair.drain(LONG).await;
    assert_ended(&pair.push().await, Outcome::NodeGone);
    assert_eq!(pair.find("node-1").serial(), node.serial());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_node_may_be_held_longer_or_harder_when_too_few_are_left() {
    let pair = Pair::start().await;
    let drain = Deed::Drain { ttl: LONG };
    pair.act("node-2", drain).await.unwrap();
    pair.proxy.set(Mode::Refuse).await;
    assert!(!pair.push().await.success);
    let failed = pair.find("node-1");
    eventually("node-1 fails", || failed.link().0 == LinkState::Failed).await;
    for deed in [drain, Deed::Eject { ttl: LONG }] {
        let plan = pair.act("node-2", deed).await.unwrap();
        assert_eq!((plan.balance.before, plan.balance.after), (0, 0));
    }
    assert_eq!(pair.find("node-2").hold(), Hold::Ejected);
    let refused = pair.act("node-1", drain).await.unwrap_err();
    assert!(
        matches!(
            refused,
            OrderError::Refused(Refusal::TooFewUsable { .. }, _)
        ),
        "one more is one too many: {refused:?}"
    );
}
