//! Whom a push is for, who of them was there and who got it; and what a receipt
//! can then say.

use std::collections::{HashMap, HashSet};

use super::{Client, Push, Target, people::People};

/// When a client got a push, by data and client.
pub(super) type Arrivals<'h> = HashMap<(&'h str, &'h str), Vec<u64>>;

/// A push's targets, by what is known of each.
#[derive(Debug, Default)]
pub(super) struct Reach<'h> {
    pub(super) got: Vec<(&'h Client, Presence)>,
    /// Surely there, without the push.
    pub(super) missed: Vec<&'h Client>,
    /// Partly there, without the push.
    pub(super) partly: Vec<&'h Client>,
    /// Surely there or not, with the push or without.
    sure: usize,
    unsure: usize,
}

/// Where a client was while a push was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// There for all of it.
    Sure,
    /// Came or went.
    Partly,
    /// Not there.
    Absent,
}

impl<'h> Reach<'h> {
    pub(super) fn of(
        push: &Push,
        people: &People<'h>,
        arrivals: &Arrivals<'_>,
        margin: u64,
    ) -> Self {
        let mut reach = Self::default();
        for client in people.clients_of(&push.target) {
            let presence = presence(client, push, margin);
            let got = arrivals.contains_key(&(push.data.as_str(), client.name.as_str()));
            if got {
                reach.got.push((client, presence));
            }
            if !push.target.means(&client.user, &client.rooms) {
                continue;
            }
            if presence == Presence::Sure {
                reach.sure += 1;
            } else {
                reach.unsure += 1;
            }
            match presence {
                Presence::Sure if !got => reach.missed.push(client),
                Presence::Partly if !got => reach.partly.push(client),
                Presence::Sure | Presence::Partly | Presence::Absent => {}
            }
        }
        reach
    }

    /// The highest count that can be right.
    pub(super) fn most(&self, target: &Target, blamed: &[&Client]) -> u64 {
        let clients = self.got.len() + self.partly.len() + blamed.len();
        match target {
            Target::User(_) => clients.min(1) as u64,
            Target::Room(_) | Target::Broadcast => clients as u64,
        }
    }

    /// How many can have been offline. A user whom no client belongs to may be.
    pub(super) fn away(&self, target: &Target, blamed: &[&Client]) -> u64 {
        match target {
            Target::User(_) => u64::from(self.sure == blamed.len()),
            Target::Room(_) | Target::Broadcast => (self.unsure + blamed.len()) as u64,
        }
    }

    /// The lowest count that can be right. When the call was made twice the receipt
    /// is of the last one, which those who left in between had no part in.
    pub(super) fn least(&self, again: bool) -> u64 {
        let counted = self
            .got
            .iter()
            .filter(|(_, presence)| !again || *presence == Presence::Sure);
        let users: HashSet<&str> = counted.map(|(client, _)| client.user.as_str()).collect();
        users.len() as u64
    }
}

fn presence(client: &Client, push: &Push, margin: u64) -> Presence {
    let from = push.sent_ms.saturating_sub(margin);
    let until = push.ended_ms.saturating_add(margin);
    let mut overlapping = client
        .present
        .iter()
        .filter(|there| there.from_ms <= until && there.until_ms >= from)
        .peekable();
    if overlapping.peek().is_none() {
        return Presence::Absent;
    }
    if overlapping.any(|there| there.from_ms <= from && there.until_ms >= until) {
        Presence::Sure
    } else {
        Presence::Partly
    }
}
