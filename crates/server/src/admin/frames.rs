//! Changes as encoded frames, in parts that fit. What is one subscriber's own
//! (its interval, what it missed) follows as a few bytes: on the wire, a message
//! whose pieces stand one after the other is that message.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prost::Message;
use push_manager_proto::admin::{
    Event, Goodbye, GoodbyeReason, Heartbeat, RowsPart, WatchResponse, watch_response::Kind,
};

use super::{rows::duration, table::Changes};

/// The largest part, about: a single row that is larger goes alone.
pub const PART_BYTES: usize = 256 << 10;
/// What a field's tag and length, and the frame around the rows, may take.
const FIELD: usize = 8;
const HEADER: usize = 256;

/// A message to a subscriber: what it shares with its equals, and its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// Encoded once for all.
    pub(super) shared: Bytes,
    /// The rest.
    pub(super) own: Bytes,
}

/// What all frames of a moment have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The replica's epoch.
    pub(super) epoch: u64,
    /// The state.
    pub(super) seq: u64,
    /// By the wall clock.
    pub(super) wall: SystemTime,
    /// By the epoch's.
    pub(super) ns: u64,
}

impl Stamp {
    fn frame(self, base: u64, kind: Kind) -> Bytes {
        let frame = WatchResponse {
            epoch: self.epoch,
            seq: self.seq,
            base_seq: base,
            kind: Some(kind),
            wall_time: Some(self.wall.into()),
            monotonic_ns: self.ns,
            ..WatchResponse::default()
        };
        frame.encode_to_vec().into()
    }

    /// Changes in parts, at least one; a heartbeat where there are none.
    pub(super) fn parts(self, changes: &Changes<'_>, events: Vec<Event>) -> Vec<Bytes> {
        let base = changes.base;
        if base > 0 && changes.is_empty() && events.is_empty() {
            // The receiver stays where it is.
            let stamp = Self { seq: base, ..self };
            return vec![stamp.frame(base, Kind::Heartbeat(Heartbeat {}))];
        }
        let kind = if base == 0 {
            Kind::Snapshot
        } else {
            Kind::Delta
        };
        let parts = Packer::pack(changes, events);
        parts
            .into_iter()
            .map(|part| self.frame(base, kind(part)))
            .collect()
    }

    /// The last frame of a stream whose receiver is at `at`.
    pub(super) fn goodbye(self, at: u64) -> Bytes {
        let goodbye = Goodbye {
            reason: GoodbyeReason::Shutdown.into(),
            message: "this replica is shutting down".to_owned(),
        };
        let stamp = Self { seq: at, ..self };
        stamp.frame(at, Kind::Goodbye(goodbye))
    }
}

/// What is one subscriber's own in a frame.
pub(super) fn own(interval: Duration, coalesced: u64, events_missed: u64) -> Bytes {
    let own = WatchResponse {
        interval: Some(duration(interval)),
        coalesced,
        events_missed,
        ..WatchResponse::default()
    };
    own.encode_to_vec().into()
}

#[derive(Default)]
struct Packer {
    done: Vec<RowsPart>,
    part: RowsPart,
    size: usize,
}

impl Packer {
    fn pack(changes: &Changes<'_>, events: Vec<Event>) -> Vec<RowsPart> {
        let mut packer = Self::default();
        for removed in &changes.removed {
            packer.room(removed.encoded_len()).removed.push(*removed);
        }
        for (fixed, row) in &changes.nodes {
            let fixed_size = fixed.map_or(0, |fixed| fixed.encoded_len() + FIELD);
            let part = packer.room(row.encoded_len() + fixed_size);
            part.node_statics.extend(fixed.cloned());
            part.nodes.push((*row).clone());
        }
        for api in &changes.apis {
            packer.room(api.encoded_len()).apis.push((*api).clone());
        }
        if let Some(replica) = changes.replica {
            packer.room(replica.encoded_len()).replica = Some(replica.clone());
        }
        for event in events {
            packer.room(event.encoded_len()).events.push(event);
        }
        packer.done.push(packer.part);
        packer.done
    }

    /// The part that so many more bytes go into.
    fn room(&mut self, bytes: usize) -> &mut RowsPart {
        if self.size > 0 && self.size + bytes + FIELD > PART_BYTES - HEADER {
            self.part.more = true;
            self.done.push(std::mem::take(&mut self.part));
            self.size = 0;
        }
        self.size += bytes + FIELD;
        &mut self.part
    }
}

#[cfg(test)]
mod tests {
    use push_manager_proto::admin::{NodeRow, NodeStatic};

    use super::*;

    const STAMP: Stamp = Stamp {
        epoch: 7,
        seq: 9,
        wall: SystemTime::UNIX_EPOCH,
        ns: 5,
    };

    fn decoded(shared: &Bytes, own: &Bytes) -> WatchResponse {
        WatchResponse::decode([&shared[..], &own[..]].concat().as_slice()).unwrap()
    }

    #[test]
    fn parts_keep_their_bound_and_hold_every_row_once_after_its_node() {
        let rows: Vec<(NodeStatic, NodeRow)> = (1..=3000)
            .map(|key| {
                let fixed = NodeStatic {
                    key,
                    id: "x".repeat(200),
                    ..NodeStatic::default()
                };
                let row = NodeRow {
                    key,
                    last_error: "界".repeat(40),
                    ..NodeRow::default()
                };
                (fixed, row)
            })
            .collect();
        let changes = Changes {
            nodes: rows.iter().map(|(fixed, row)| (Some(fixed), row)).collect(),
            ..Changes::default()
        };
        let parts = STAMP.parts(&changes, Vec::new());
        assert!(parts.len() > 2);
        let mut keys = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            assert!(part.len() <= PART_BYTES, "{}", part.len());
            let Some(Kind::Snapshot(rows)) = decoded(part, &Bytes::new()).kind else {
                panic!("no snapshot");
            };
            assert_eq!(rows.more, at + 1 < parts.len());
            let statics: Vec<u64> = rows.node_statics.iter().map(|fixed| fixed.key).collect();
            keys.extend(rows.nodes.iter().map(|row| row.key));
            assert_eq!(&keys[keys.len() - statics.len()..], statics);
        }
        assert_eq!(keys, (1..=3000).collect::<Vec<u64>>());
    }

    #[test]
    fn a_frame_and_what_is_a_subscribers_own_are_one_message() {
        let changes = Changes {
            base: 4,
            ..Changes::default()
        };
        let parts = STAMP.parts(&changes, Vec::new());
        let frame = decoded(&parts[0], &own(Duration::from_millis(250), 3, 2));
        assert_eq!(frame.kind, Some(Kind::Heartbeat(Heartbeat {})));
        assert_eq!((frame.epoch, frame.seq, frame.base_seq), (7, 4, 4));
        assert_eq!((frame.coalesced, frame.events_missed), (3, 2));
        assert_eq!(frame.interval.unwrap().nanos, 250_000_000);
    }
}
