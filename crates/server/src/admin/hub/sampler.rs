//! Samples at the shortest interval that anyone asked for, and only while someone
//! takes what comes.

use std::sync::Arc;

use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{Moment, Shared, stamp};
use crate::{
    admin::{
        rows::{self, Wire, Writer},
        table::{Next, State, Who},
    },
    metrics::Api,
    pool::Node,
};

/// Nodes read without letting others have the thread in between: some tens of
/// microseconds' worth.
const AT_ONCE: usize = 64;

#[derive(Debug)]
pub(super) struct Sampler {
    shared: Arc<Shared>,
    writer: Writer,
}

impl Sampler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            writer: Writer::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut last: Option<Instant> = None;
        loop {
            let seats = &self.shared.seats;
            let Some(interval) = seats.shortest(Instant::now()) else {
                self.forget();
                seats.woken().await;
                continue;
            };
            let due = last.map_or_else(Instant::now, |last| last + interval);
            tokio::select! {
                biased;
                () = seats.wanted() => if self.is_fresh() { continue },
                () = seats.woken() => continue,
                () = sleep_until(due) => {}
            }
            let now = Instant::now();
            if now >= due {
                // On a grid, unless this process stood still; those in between leave it as it is.
                last = Some(if now < due + interval { due } else { now });
            }
            self.sample().await;
        }
    }

    /// There was a sample since one was wanted.
    fn is_fresh(&self) -> bool {
        self.shared.fresh().is_some()
    }

    /// What was encoded for the last who watched; the state stays, for those who resume.
    fn forget(&self) {
        let newest = self.shared.newest.load();
        let bare = Moment::new(newest.state.clone(), newest.stamp);
        self.shared.newest.store(Arc::new(bare));
    }

    async fn sample(&mut self) {
        let state = self.state_now().await;
        let stamp = stamp(&self.shared.facts, state.seq());
        let moment = Moment::new(state, stamp);
        self.shared.newest.store(Arc::new(moment));
        let at = Instant::now();
        self.shared.seats.offer(at);
        self.shared.ticks.send_modify(|tick| {
            tick.number += 1;
            tick.at = at;
        });
    }

    async fn state_now(&mut self) -> Arc<State> {
        let Shared { facts, newest, .. } = &*self.shared;
        // First, so that no event is told before what it is about.
        let event_seq = facts.events.newest_seq();
        let snapshot = facts.pool.snapshot();
        let mut nodes: Vec<&Node> = snapshot.nodes().iter().map(|node| &**node).collect();
        nodes.sort_unstable_by_key(|node| node.serial());
        let mut next = Next::after(newest.load().state.clone());
        for some in nodes.chunks(AT_ONCE) {
            for node in some {
                let who = || Who::new(rows::node_static(node));
                next.node(node.serial(), self.writer.node(node), who);
            }
            yield_now().await;
        }
        let apis = Api::ALL.map(|api| Wire::api(rows::api(&facts.metrics, api)));
        let replica = facts.replica(&snapshot, self.shared.seats.taken());
        next.finish(apis.into(), Wire::replica(replica), event_seq)
    }
}
