//! A client's place in the hub: the rooms it is in, given up when dropped, whatever happened.

use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::oneshot;

use super::{client::Client, config::NodeLimits, frame, hub::Hub};
use crate::{LOBBY, id};

/// Why a client may not be in a room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSuchSeat {
    /// The id is not one.
    #[error(transparent)]
    Id(#[from] id::BadId),
    /// The name is the node's own.
    #[error("room_id {LOBBY} is reserved; expected another name")]
    Reserved,
    /// It is in too many already.
    #[error("{0} rooms asked for; expected at most {1} per client")]
    TooMany(usize, usize),
}

/// Accepts the rooms that a client asks for.
pub(crate) fn check_rooms(rooms: &[String], limits: &NodeLimits) -> Result<(), NoSuchSeat> {
    if rooms.len() > limits.rooms_per_client {
        return Err(NoSuchSeat::TooMany(rooms.len(), limits.rooms_per_client));
    }
    for room in rooms {
        id::check("room_id", room)?;
        if room == LOBBY {
            return Err(NoSuchSeat::Reserved);
        }
    }
    Ok(())
}

/// A client in the hub.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Arc<Hub>,
    node: Arc<str>,
    limits: NodeLimits,
    pub(crate) client: Arc<Client>,
    /// Never empty once the client has been seated: the lobby stands for "no room".
    rooms: Vec<Arc<str>>,
}

impl Seat {
    /// Seats a client; nothing when the node is full.
    pub(crate) fn take(
        hub: Arc<Hub>,
        node: Arc<str>,
        limits: NodeLimits,
        client: Arc<Client>,
    ) -> Option<Self> {
        hub.enter(&client).then(|| Self {
            hub,
            node,
            limits,
            client,
            rooms: Vec::new(),
        })
    }

    /// Enters the first rooms, or the lobby when there are none, and waits a bounded time for the
    /// Controller to know. The confirmations are the first frames that the client reads.
    pub(crate) async fn settle(&mut self, rooms: Vec<String>) {
        let mut rooms: Vec<Arc<str>> = rooms.into_iter().map(Arc::from).collect();
        if rooms.is_empty() {
            rooms.push(LOBBY.into());
        }
        for room in &rooms {
            self.confirm("joined", room);
        }
        let told: Vec<_> = rooms.iter().map(|room| self.enter(room)).collect();
        self.wait(told).await;
    }

    /// Enters one more room and confirms it; the answer says why not.
    pub(crate) async fn join(&mut self, room: String) -> Result<(), NoSuchSeat> {
        check_rooms(std::slice::from_ref(&room), &self.limits)?;
        let asked = self.rooms.len() + 1;
        if asked > self.limits.rooms_per_client {
            return Err(NoSuchSeat::TooMany(asked, self.limits.rooms_per_client));
        }
        let room: Arc<str> = room.into();
        let told = self.enter(&room);
        self.exit(LOBBY);
        self.wait(vec![told]).await;
        self.confirm("joined", &room);
        Ok(())
    }

    /// Leaves a room; without any other the client is in the lobby.
    pub(crate) fn leave(&mut self, room: &str) {
        if room == LOBBY || !self.rooms.iter().any(|own| **own == *room) {
            return;
        }
        if self.rooms.len() == 1 {
            // The user stays findable: the lobby comes before the room goes.
            drop(self.enter(&LOBBY.into()));
        }
        self.exit(room);
        self.confirm("left", room);
    }

    fn enter(&mut self, room: &Arc<str>) -> oneshot::Receiver<()> {
        if !self.rooms.contains(room) {
            self.rooms.push(room.clone());
        }
        self.hub.join(&self.client, room)
    }

    fn exit(&mut self, room: &str) {
        if let Some(at) = self.rooms.iter().position(|own| **own == *room) {
            let room = self.rooms.swap_remove(at);
            self.hub.leave(&self.client, &room);
        }
    }

    async fn wait(&self, told: Vec<oneshot::Receiver<()>>) {
        let all = tokio::time::timeout(self.limits.join_wait, join_all(told));
        if all.await.is_err() {
            tracing::debug!("controller has not confirmed a join in time; going on");
        }
    }

    fn confirm(&self, what: &'static str, room: &str) {
        self.client
            .offer(&frame::confirmation(what, room, &self.node));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.exit(&self.client, self.rooms.iter());
    }
}
