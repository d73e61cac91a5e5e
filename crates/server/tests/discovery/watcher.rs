//! A running etcd source, and the set of nodes that follows from its events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use push_manager::discovery::Event;
use push_manager::discovery::etcd::{EtcdAccess, EtcdSettings, run};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::etcd::EtcdProcess;

/// What any step of a test may take.
pub(crate) const STEP: Duration = Duration::from_secs(15);
pub(crate) const RECEIVE_DEADLINE: Duration = Duration::from_millis(1500);

fn access(endpoints: &[String]) -> EtcdAccess {
    EtcdAccess {
        endpoints: endpoints.to_vec(),
        username: None,
        password: None,
        dial_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(2),
        backoff_max: Duration::from_millis(500),
    }
}

pub(crate) fn settings(endpoints: &[String]) -> EtcdSettings {
    EtcdSettings {
        access: access(endpoints),
        prefixes: vec!["connect-node/".into(), "/services/".into()],
        progress_interval: Duration::from_millis(300),
        receive_deadline: RECEIVE_DEADLINE,
        max_value: 64 * 1024,
    }
}

/// A running source, and the set of nodes that follows from its events.
pub(crate) struct Watcher {
    pub(crate) events: Receiver<Event>,
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) lists: u32,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Watcher {
    pub(crate) fn start(settings: EtcdSettings, bound: usize) -> Self {
        let (sender, events) = channel(bound);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(settings, sender, stop.clone()));
        Self {
            events,
            keys: BTreeMap::new(),
            lists: 0,
            stop,
            tasks,
        }
    }

    pub(crate) fn of(etcd: &EtcdProcess) -> Self {
        Self::start(settings(&[etcd.endpoint()]), 64)
    }

    pub(crate) async fn next(&mut self) -> Event {
        let event = timeout(STEP, self.events.recv())
            .await
            .expect("an event in time");
        let event = event.expect("the source runs");
        match &event {
            Event::Listed { registrations, .. } => {
                self.lists += 1;
                self.keys.clear();
                for node in registrations {
                    let address = node.address.to_string();
                    let earlier = self.keys.insert(node.key.clone(), address);
                    assert_eq!(earlier, None, "{} is listed twice", node.key);
                }
            }
            Event::Put { registration } => {
                let address = registration.address.to_string();
                self.keys.insert(registration.key.clone(), address);
            }
            Event::Removed { key, .. } | Event::Skipped { key, .. } => {
                self.keys.remove(key);
            }
            Event::Away { .. } => {}
        }
        event
    }

    pub(crate) async fn until(
        &mut self,
        what: &str,
        done: impl Fn(&Self, &Event) -> bool,
    ) -> Event {
        let deadline = Instant::now() + STEP;
        loop {
            let event = self.next().await;
            if done(self, &event) {
                return event;
            }
            assert!(Instant::now() < deadline, "{what}: have {:?}", self.keys);
        }
    }

    pub(crate) async fn until_keys(&mut self, keys: &[&str]) {
        let wanted: BTreeSet<_> = keys.iter().copied().collect();
        self.until("keys", |watcher, _| {
            watcher
                .keys
                .keys()
                .map(String::as_str)
                .collect::<BTreeSet<_>>()
                == wanted
        })
        .await;
    }

    pub(crate) async fn until_away(&mut self) -> String {
        match self
            .until("away", |_, event| matches!(event, Event::Away { .. }))
            .await
        {
            Event::Away { why } => why,
            other => panic!("expected Away, got {other:?}"),
        }
    }

    pub(crate) async fn until_listed(&mut self) -> i64 {
        match self
            .until("listed", |_, event| matches!(event, Event::Listed { .. }))
            .await
        {
            Event::Listed { revision, .. } => revision,
            other => panic!("expected Listed, got {other:?}"),
        }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let ended = timeout(Duration::from_secs(2), self.tasks.join_next()).await;
        ended
            .expect("the source ends")
            .expect("a task")
            .expect("no panic");
    }
}
