//! What links learnt as bytes and back: records, each behind its length, in files and in memory.

use std::{
    io::{self, Read},
    time::Duration,
};

use prost::Message;
use push_manager_proto::recording::{self, LinkState, Record, Target, record::Kind};

use crate::{
    feed::{FeedEvent, Learnt},
    moment::Moment,
    replica::{Link, ReplicaId},
};

/// The largest record read.
const MOST_RECORD: usize = 64 << 20;

/// What a link learnt as a record of a recording that began at that moment; nothing for what is no
/// part of the state.
pub(super) fn record(event: &FeedEvent, began: Moment) -> Option<Record> {
    let at = event.at.since(began);
    let kind = kind(&event.what, event.at)?;
    Some(Record {
        at_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
        replica: event.replica.0,
        kind: Some(kind),
    })
}

fn kind(what: &Learnt, at: Moment) -> Option<Kind> {
    Some(match what {
        Learnt::Aside(_) => return None,
        Learnt::Target(name) => Kind::Target(Target {
            name: name.clone(),
            info: None,
        }),
        Learnt::Info(info) => Kind::Target(Target {
            name: String::new(),
            info: Some((**info).clone()),
        }),
        Learnt::Frame(frame) => Kind::Frame((**frame).clone()),
        Learnt::Link(link) => {
            let (state, message) = match link {
                Link::Connecting => (LinkState::Connecting, String::new()),
                Link::Live => (LinkState::Live, String::new()),
                Link::Retrying { why, again_at } => {
                    let pause = again_at.since(at).as_millis();
                    (LinkState::Retrying, format!("{pause} {why}"))
                }
                Link::Refused { why } => (LinkState::Refused, why.clone()),
                Link::Gone => (LinkState::Gone, String::new()),
            };
            Kind::Link(recording::Link {
                state: state.into(),
                message,
            })
        }
    })
}

/// Reads records, one after the other.
#[derive(Debug)]
pub(super) struct Records<R>(pub(super) R);

impl<R: Read> Records<R> {
    /// Nothing at the end of the file; an end within a record is an error.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if length > MOST_RECORD {
            let what = format!("it claims {length} bytes; at most {MOST_RECORD} are read");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(length as u64).read_to_end(&mut bytes)?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let record = Record::decode(bytes.as_slice());
        record
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn length(&mut self) -> io::Result<Option<usize>> {
        let mut length = 0_usize;
        for place in 0..10 {
            let mut byte = [0_u8];
            if self.0.read(&mut byte)? == 0 {
                return if place == 0 {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            let bits = usize::from(byte[0] & 0x7f);
            length |= bits.checked_shl(7 * place).unwrap_or(usize::MAX);
            if byte[0] & 0x80 == 0 {
                return Ok(Some(length));
            }
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a length has no end",
        ))
    }
}

/// What a link learnt, by time since the recording's beginning; nothing for a kind that is not known.
pub(super) fn event(record: Record) -> Option<FeedEvent> {
    let at = Moment::after(Duration::from_nanos(record.at_ns));
    let what = match record.kind? {
        Kind::Header(_) => return None,
        Kind::Target(Target {
            info: Some(info), ..
        }) => Learnt::Info(Box::new(info)),
        Kind::Target(target) => Learnt::Target(target.name),
        Kind::Frame(frame) => Learnt::Frame(Box::new(frame)),
        Kind::Link(link) => Learnt::Link(self::link(&link, at)),
    };
    Some(FeedEvent {
        replica: ReplicaId(record.replica),
        at,
        what,
    })
}

fn link(told: &recording::Link, at: Moment) -> Link {
    match told.state() {
        LinkState::Live => Link::Live,
        LinkState::Retrying => {
            let (pause, why) = told.message.split_once(' ').unwrap_or(("0", &told.message));
            let pause = pause.parse().unwrap_or(0_u64).min(60_000);
            Link::Retrying {
                why: why.to_owned(),
                again_at: at + Duration::from_millis(pause),
            }
        }
        LinkState::Refused => Link::Refused {
            why: told.message.clone(),
        },
        LinkState::Gone => Link::Gone,
        LinkState::Connecting | LinkState::Unspecified => Link::Connecting,
    }
}
