//! Whether a frame follows what is known. Pure; shared by whoever applies frames and by the link,
//! which subscribes anew when one does not.

use push_manager_proto::admin::{WatchResponse, watch_response::Kind};

/// The place in a replica's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    epoch: u64,
    seq: u64,
    /// The snapshot that is coming in.
    collecting: Option<u64>,
    /// A whole snapshot came in.
    known: bool,
}

/// What a frame does to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A part of a snapshot; `first` begins a new one, `last` makes it count.
    Snapshot {
        /// The first part.
        first: bool,
        /// The last part.
        last: bool,
    },
    /// Rows to replace; `last` makes the new state whole.
    Delta {
        /// The last part.
        last: bool,
    },
    /// Only the clock goes on.
    Heartbeat,
    /// The stream ends.
    Goodbye,
    /// A kind that this console doesn't know.
    Unknown,
}

/// A frame that doesn't follow: the stream must be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame builds on state {base}, but state {known} is known")]
pub struct OutOfStep {
    /// What the frame builds on.
    pub base: u64,
    /// What is known.
    pub known: u64,
}

impl Sequence {
    /// The epoch and seq reached, once a whole snapshot came in.
    pub fn reached(&self) -> Option<(u64, u64)> {
        self.known.then_some((self.epoch, self.seq))
    }

    /// The epoch and seq of the last frame that was taken in, be it only part of a snapshot.
    pub fn begun(&self) -> Option<(u64, u64)> {
        (self.known || self.collecting.is_some()).then_some((self.epoch, self.seq))
    }

    /// Takes a frame's place in; a frame that doesn't follow changes nothing.
    pub fn check(&mut self, frame: &WatchResponse) -> Result<Step, OutOfStep> {
        let follows = self.known && self.collecting.is_none() && frame.epoch == self.epoch;
        match &frame.kind {
            Some(Kind::Snapshot(part)) => {
                let same = frame.epoch == self.epoch && self.collecting == Some(frame.seq);
                let last = !part.more;
                self.epoch = frame.epoch;
                self.seq = frame.seq;
                self.collecting = part.more.then_some(frame.seq);
                // While a snapshot comes in, what it replaces is no base for a delta.
                self.known = last;
                Ok(Step::Snapshot { first: !same, last })
            }
            Some(Kind::Delta(part)) => {
                if !follows || frame.base_seq != self.seq || frame.seq < self.seq {
                    return Err(self.out_of_step(frame));
                }
                if !part.more {
                    self.seq = frame.seq;
                }
                Ok(Step::Delta { last: !part.more })
            }
            Some(Kind::Heartbeat(_)) => {
                // It leaves the receiver where it is: another seq means that a change was missed.
                if !follows || frame.seq != self.seq {
                    return Err(self.out_of_step(frame));
                }
                Ok(Step::Heartbeat)
            }
            Some(Kind::Goodbye(_)) => Ok(Step::Goodbye),
            None => Ok(Step::Unknown),
        }
    }

    fn out_of_step(&self, frame: &WatchResponse) -> OutOfStep {
        OutOfStep {
            base: frame.base_seq,
            known: self.seq,
        }
    }
}

#[cfg(test)]
mod tests {
    use push_manager_proto::admin::{Heartbeat, RowsPart};

    use super::*;

    fn frame(epoch: u64, seq: u64, base_seq: u64, kind: Kind) -> WatchResponse {
        WatchResponse {
            epoch,
            seq,
            base_seq,
            kind: Some(kind),
            ..WatchResponse::default()
        }
    }

    fn part(more: bool) -> RowsPart {
        RowsPart {
            more,
            ..RowsPart::default()
        }
    }

    fn snapshot(epoch: u64, seq: u64, more: bool) -> WatchResponse {
        frame(epoch, seq, 0, Kind::Snapshot(part(more)))
    }

    fn delta(epoch: u64, base: u64, seq: u64, more: bool) -> WatchResponse {
        frame(epoch, seq, base, Kind::Delta(part(more)))
    }

    #[test]
    fn a_snapshot_counts_with_its_last_part() {
        let mut sequence = Sequence::default();
        assert_eq!(
            sequence.check(&snapshot(7, 5, true)),
            Ok(Step::Snapshot {
                first: true,
                last: false
            })
        );
        assert_eq!(sequence.reached(), None);
        assert!(
            sequence.check(&delta(7, 5, 6, false)).is_err(),
            "half a state is no base"
        );
        assert_eq!(
            sequence.check(&snapshot(7, 5, false)),
            Ok(Step::Snapshot {
                first: false,
                last: true
            })
        );
        assert_eq!(sequence.reached(), Some((7, 5)));
    }

    #[test]
    fn a_delta_must_build_on_what_is_known() {
        let mut sequence = Sequence::default();
        assert!(
            sequence.check(&delta(7, 0, 1, false)).is_err(),
            "nothing is known yet"
        );
        sequence.check(&snapshot(7, 5, false)).unwrap();
        let step = sequence.check(&delta(7, 5, 9, true));
        assert_eq!(step, Ok(Step::Delta { last: false }));
        let step = sequence.check(&delta(7, 5, 9, false));
        assert_eq!(step, Ok(Step::Delta { last: true }));
        assert_eq!(sequence.reached(), Some((7, 9)));
        let before = sequence;
        assert!(sequence.check(&delta(7, 5, 10, false)).is_err());
        assert!(
            sequence.check(&delta(8, 9, 10, false)).is_err(),
            "another epoch"
        );
        assert_eq!(sequence, before);
    }

    #[test]
    fn a_heartbeat_of_another_epoch_or_state_does_not_pass_for_life() {
        let mut sequence = Sequence::default();
        sequence.check(&snapshot(7, 5, false)).unwrap();
        assert_eq!(
            sequence.check(&frame(7, 5, 0, Kind::Heartbeat(Heartbeat {}))),
            Ok(Step::Heartbeat)
        );
        for (epoch, seq) in [(8, 5), (7, 6), (7, 4)] {
            let beat = frame(epoch, seq, 0, Kind::Heartbeat(Heartbeat {}));
            assert!(sequence.check(&beat).is_err(), "{epoch} {seq}");
        }
    }
}
