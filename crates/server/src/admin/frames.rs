//! Changes as encoded frames, in parts that fit. On the wire, a message whose
//! pieces stand one after the other is that message: so the rows, which are bytes
//! already, are put together as they are, and what is one subscriber's own (its
//! interval, what it missed) follows as a few bytes.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use push_manager_proto::admin::{
    Goodbye, GoodbyeReason, Heartbeat, RowsPart, WatchResponse, watch_response::Kind,
};

use super::{rows::duration, table::Changes};

/// The largest part, about: a single row that is larger goes alone.
pub const PART_BYTES: usize = 256 << 10;
/// What the frame around the rows may take.
const HEADER: usize = 256;
/// Numbers of the fields of `WatchResponse` that hold rows.
const SNAPSHOT: u32 = 4;
const DELTA: u32 = 5;

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
    fn frame(self, base: u64, kind: Option<Kind>) -> Vec<u8> {
        let frame = WatchResponse {
            epoch: self.epoch,
            seq: self.seq,
            base_seq: base,
            kind,
            wall_time: Some(self.wall.into()),
            monotonic_ns: self.ns,
            ..WatchResponse::default()
        };
        frame.encode_to_vec()
    }

    /// Nothing changed for a receiver at `at`, which stays there.
    pub(super) fn heartbeat(self, at: u64) -> Bytes {
        let stamp = Self { seq: at, ..self };
        let frame = stamp.frame(at, Some(Kind::Heartbeat(Heartbeat {})));
        frame.into()
    }

    /// Changes in parts, at least one; each is made when it is asked for.
    pub(super) fn parts<'a>(self, changes: &'a Changes<'a>) -> impl Iterator<Item = Bytes> + 'a {
        let mut rest = Some(&changes.rows[..]);
        std::iter::from_fn(move || {
            let rows = rest.take()?;
            let (now, later) = rows.split_at(fitting(rows));
            rest = (!later.is_empty()).then_some(later);
            Some(self.part(changes.base, now, rest.is_some()))
        })
    }

    fn part(self, base: u64, rows: &[[&[u8]; 2]], more: bool) -> Bytes {
        let more = RowsPart {
            more,
            ..RowsPart::default()
        };
        let more = more.encode_to_vec();
        let bytes = more.len() + rows.iter().map(size).sum::<usize>();
        let mut frame = self.frame(base, None);
        frame.reserve_exact(HEADER + bytes);
        let field = if base == 0 { SNAPSHOT } else { DELTA };
        encode_key(field, WireType::LengthDelimited, &mut frame);
        encode_varint(bytes as u64, &mut frame);
        frame.extend_from_slice(&more);
        for piece in rows.iter().flatten() {
            frame.extend_from_slice(piece);
        }
        frame.into()
    }

    /// The last frame of a stream whose receiver is at `at`.
    pub(super) fn goodbye(self, at: u64) -> Bytes {
        let goodbye = Goodbye {
            reason: GoodbyeReason::Shutdown.into(),
            message: "this replica is shutting down".to_owned(),
        };
        let stamp = Self { seq: at, ..self };
        stamp.frame(at, Some(Kind::Goodbye(goodbye))).into()
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

/// How many of these rows go into one part.
fn fitting(rows: &[[&[u8]; 2]]) -> usize {
    let mut room = PART_BYTES - HEADER;
    let fits = |row: &[&[u8]; 2]| {
        let left = room.checked_sub(size(row));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let many = rows.iter().map(fits).take_while(|fits| *fits).count();
    many.max(1).min(rows.len())
}

fn size(row: &[&[u8]; 2]) -> usize {
    row[0].len() + row[1].len()
}

#[cfg(test)]
mod tests {
    use push_manager_proto::admin::{NodeRow, NodeStatic};

    use super::*;
    use crate::admin::rows::Wire;

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
        let rows: Vec<(Wire, Wire)> = (1..=3000)
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
                (Wire::node_static(fixed), Wire::node(row))
            })
            .collect();
        let mut changes = Changes::default();
        let pairs = rows.iter();
        let pairs = pairs.map(|(fixed, row)| [fixed.bytes(), row.bytes()]);
        changes.rows.extend(pairs);
        let parts: Vec<_> = STAMP.parts(&changes).collect();
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
        let heartbeat = STAMP.heartbeat(4);
        let frame = decoded(&heartbeat, &own(Duration::from_millis(250), 3, 2));
        assert_eq!(frame.kind, Some(Kind::Heartbeat(Heartbeat {})));
        assert_eq!((frame.epoch, frame.seq, frame.base_seq), (7, 4, 4));
        assert_eq!((frame.coalesced, frame.events_missed), (3, 2));
        assert_eq!(frame.interval.unwrap().nanos, 250_000_000);
    }

    #[test]
    fn a_row_too_large_for_a_part_goes_alone_and_no_rows_are_a_part_too() {
        let row = |bytes: usize| {
            Wire::node(NodeRow {
                last_error: "x".repeat(bytes),
                ..NodeRow::default()
            })
        };
        let rows = [row(1), row(PART_BYTES), row(PART_BYTES), row(1)];
        let mut changes = Changes {
            base: 3,
            ..Changes::default()
        };
        for row in &rows {
            changes.add(row.bytes());
        }
        let counts = STAMP.parts(&changes).map(|part| {
            let frame = decoded(&part, &Bytes::new());
            assert_eq!((frame.seq, frame.base_seq), (9, 3));
            match frame.kind {
                Some(Kind::Delta(rows)) => rows.nodes.len(),
                other => panic!("no delta: {other:?}"),
            }
        });
        assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 1, 1]);
        let nothing = Changes::default();
        let parts: Vec<_> = STAMP.parts(&nothing).collect();
        assert_eq!(parts.len(), 1);
        let frame = decoded(&parts[0], &Bytes::new());
        assert_eq!(frame.kind, Some(Kind::Snapshot(RowsPart::default())));
    }
}
