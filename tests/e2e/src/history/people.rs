//! Users, who are whom a push is for: a node that is given the names of a room's
//! members serves all their devices, in that room or not.

use std::collections::{HashMap, HashSet};

use super::{Client, Target};

/// The clients by what pushes name.
#[derive(Debug)]
pub(super) struct People<'h> {
    clients: &'h [Client],
    /// Room → the users who have a client in it.
    members: HashMap<&'h str, HashSet<&'h str>>,
}

impl<'h> People<'h> {
    pub(super) fn of(clients: &'h [Client]) -> Self {
        let mut members: HashMap<&str, HashSet<&str>> = HashMap::new();
        for client in clients {
            for room in &client.rooms {
                members.entry(room).or_default().insert(&client.user);
            }
        }
        Self { clients, members }
    }

    /// Whether a user is meant.
    pub(super) fn mean(&self, target: &Target, user: &str) -> bool {
        match target {
            Target::Room(room) => {
                let members = self.members.get(room.as_str());
                members.is_some_and(|members| members.contains(user))
            }
            Target::User(only) => only == user,
            Target::Broadcast => true,
        }
    }

    /// All clients of those who are meant.
    pub(super) fn clients_of(&self, target: &Target) -> impl Iterator<Item = &'h Client> {
        let meant = move |client: &&Client| self.mean(target, &client.user);
        self.clients.iter().filter(meant)
    }
}
