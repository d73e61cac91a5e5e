//! Short ways to write histories down.

use super::{Client, History, Interval, Push, Received, Target};

/// Somebody who is there all the time.
pub(super) fn client(name: &str, user: &str, rooms: &[&str]) -> Client {
    Client {
        name: name.to_owned(),
        user: user.to_owned(),
        rooms: rooms.iter().map(|&room| room.to_owned()).collect(),
        present: vec![Interval {
            from_ms: 0,
            until_ms: 1_000_000,
        }],
    }
}

/// A push that took 20 ms of its own second, and whose receipt says so.
pub(super) fn push(seq: u64, target: Target, outcomes: &[(&str, u64)]) -> Push {
    let sent_ms = 10_000 + seq * 1_000;
    let outcomes = outcomes.iter().map(|&(name, n)| (name.to_owned(), n));
    let mut push = Push {
        seq,
        data: format!("load-test-{seq}"),
        target,
        sent_ms,
        ended_ms: sent_ms + 20,
        tries: 1,
        sends: 1,
        ok: true,
        code: "OK".to_owned(),
        error: String::new(),
        success: true,
        total_delivered: 0,
        targets: 0,
        push_id: format!("id-{seq}"),
        outcomes: outcomes.collect(),
    };
    push.total_delivered = push.count("delivered");
    push.targets = push.outcomes.values().sum();
    push.success = push.is_well();
    push
}

pub(super) fn room(name: &str) -> Target {
    Target::Room(name.to_owned())
}

pub(super) fn user(name: &str) -> Target {
    Target::User(name.to_owned())
}

impl History {
    pub(super) fn with(clients: Vec<Client>) -> Self {
        Self {
            clients,
            ..Self::default()
        }
    }

    /// Adds a push that these clients received.
    pub(super) fn pushed(mut self, push: Push, to: &[&str]) -> Self {
        for name in to {
            let client = self.clients.iter().find(|client| client.name == *name);
            let received = arrival(&push, client.expect("a client of the history"));
            self.received.push(received);
        }
        self.pushes.push(push);
        self
    }
}

pub(super) fn arrival(push: &Push, client: &Client) -> Received {
    Received {
        client: client.name.clone(),
        user: client.user.clone(),
        rooms: client.rooms.clone(),
        data: push.data.clone(),
        at_ms: push.sent_ms + 10,
    }
}
