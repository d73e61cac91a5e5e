//! Recordings in files: gzip, and in it records, each behind its length.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
    time::{Duration, SystemTime},
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use prost::Message;
use push_manager_proto::{
    admin::watch_response::Kind as FrameKind,
    recording::{Header, Record, record::Kind},
};

use super::record::{self, Records};
use crate::{
    feed::{FeedEvent, Learnt},
    fleet::Fleet,
    moment::Moment,
    replica::ReplicaId,
};

/// The format's version.
const VERSION: u32 = 1;
/// A recording ends when its file has grown so large.
const MOST_BYTES: u64 = 1 << 30;
/// What was recorded is in the file after so long at the latest.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Each replica's whole state is repeated so often, so that a reader can begin there.
const KEYFRAME_EVERY: Duration = Duration::from_mins(1);

/// Why a recording can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// It has grown too large.
    #[error("the recording has reached its limit of {} MiB", MOST_BYTES >> 20)]
    Full,
    /// It is no recording, or one of a later format.
    #[error("{path} is no recording of pushtop: {why}")]
    NotOne {
        /// Which.
        path: String,
        /// What speaks against it.
        why: String,
    },
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder {
    out: GzEncoder<BufWriter<File>>,
    path: String,
    bytes: u64,
    began: Option<Moment>,
    synced: Moment,
    keyframes: HashMap<ReplicaId, Moment>,
}

impl Recorder {
    /// Begins a file that is not there yet.
    pub fn begin(path: &Path, title: &str, wall: SystemTime) -> Result<Self, RecordingError> {
        let named = path.display().to_string();
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|source| RecordingError::File {
            path: named.clone(),
            source,
        })?;
        let mut recorder = Self {
            out: GzEncoder::new(BufWriter::new(file), Compression::default()),
            path: named,
            bytes: 0,
            began: None,
            synced: Moment::default(),
            keyframes: HashMap::new(),
        };
        recorder.write(&Record {
            at_ns: 0,
            replica: 0,
            kind: Some(Kind::Header(Header {
                version: VERSION,
                program: format!("pushtop {}", env!("CARGO_PKG_VERSION")),
                began: Some(wall.into()),
                title: title.to_owned(),
            })),
        })?;
        Ok(recorder)
    }

    /// Records what a link learnt; from time to time the replica's whole state before it.
    pub fn note_with(&mut self, event: &FeedEvent, fleet: &Fleet) -> Result<(), RecordingError> {
        let last = self.keyframes.entry(event.replica).or_insert(event.at);
        if event.at.since(*last) >= KEYFRAME_EVERY {
            *last = event.at;
            let known = fleet.replica(event.replica);
            if let Some(frame) = known.and_then(crate::replica::Replica::to_snapshot) {
                self.note(&FeedEvent {
                    what: Learnt::Frame(Box::new(frame)),
                    ..event.clone()
                })?;
            }
        }
        self.note(event)
    }

    /// Records what a link learnt.
    pub fn note(&mut self, event: &FeedEvent) -> Result<(), RecordingError> {
        let began = *self.began.get_or_insert(event.at);
        self.write(&record::record(event, began))?;
        if event.at.since(self.synced) >= SYNC_EVERY {
            self.synced = event.at;
            let flushed = self.out.flush();
            flushed.map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Ends the file; gives its length before compression.
    pub fn end(self) -> Result<u64, RecordingError> {
        let Self {
            out, path, bytes, ..
        } = self;
        let ended = out.finish().and_then(|mut file| file.flush());
        ended.map_err(|source| RecordingError::File { path, source })?;
        Ok(bytes)
    }

    fn write(&mut self, record: &Record) -> Result<(), RecordingError> {
        let bytes = record.encode_length_delimited_to_vec();
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            return Err(RecordingError::Full);
        }
        let written = self.out.write_all(&bytes);
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> RecordingError {
        RecordingError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// A recording that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What was watched.
    pub title: String,
    /// When it began, by the wall clock.
    pub began: SystemTime,
    /// What links learnt, by time since its beginning.
    pub events: Vec<FeedEvent>,
    /// The file ends in the middle of a record.
    pub is_cut: bool,
}

impl Recording {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let named = path.display().to_string();
        let file = File::open(path).map_err(|source| RecordingError::File {
            path: named.clone(),
            source,
        })?;
        Self::from(BufReader::new(file), &named)
    }

    /// Reads what `named` holds.
    pub fn from(file: impl Read, named: &str) -> Result<Self, RecordingError> {
        let not_one = |why: String| RecordingError::NotOne {
            path: named.to_owned(),
            why,
        };
        let mut records = Records(MultiGzDecoder::new(file));
        let header = match records.next() {
            Ok(Some(Record {
                kind: Some(Kind::Header(header)),
                ..
            })) => header,
            Ok(_) => return Err(not_one("it has no header".to_owned())),
            Err(error) => return Err(not_one(error.to_string())),
        };
        if header.version != VERSION {
            return Err(not_one(format!(
                "its format is {}; this program knows {VERSION}",
                header.version
            )));
        }
        let (mut events, mut is_cut) = (Vec::new(), false);
        loop {
            match records.next() {
                Ok(None) => break,
                Ok(Some(record)) => events.extend(record::event(record)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    is_cut = true;
                    break;
                }
                Err(error) => {
                    return Err(not_one(format!("record {}: {error}", events.len() + 2)));
                }
            }
        }
        let began = header
            .began
            .and_then(|told| SystemTime::try_from(told).ok());
        Ok(Self {
            title: header.title,
            began: began.unwrap_or(SystemTime::UNIX_EPOCH),
            events,
            is_cut,
        })
    }

    /// How long it lasts.
    pub fn length(&self) -> Duration {
        let last = self.events.last();
        last.map(|event| event.at.since_start()).unwrap_or_default()
    }
}

/// Whether a frame holds the whole state.
pub fn is_whole(event: &FeedEvent) -> bool {
    match &event.what {
        Learnt::Frame(frame) => matches!(&frame.kind, Some(FrameKind::Snapshot(_))),
        Learnt::Target(_) | Learnt::Info(_) | Learnt::Link(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Scenario;

    fn recorded(seconds: u64) -> Vec<u8> {
        let folder = std::env::temp_dir().join(format!("pushtop-tape-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{seconds}.pmrec"));
        drop(std::fs::remove_file(&path));
        let mut recorder = Recorder::begin(&path, "test", SystemTime::UNIX_EPOCH).unwrap();
        let (scenario, mut fleet) = (Scenario::story(), Fleet::default());
        for second in 0..=seconds {
            for event in scenario.second(second) {
                recorder.note_with(&event, &fleet).unwrap();
                fleet.take_in(event);
            }
        }
        recorder.end().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        bytes
    }

    #[test]
    fn what_is_read_is_what_was_recorded() {
        let recording = Recording::from(recorded(10).as_slice(), "x").unwrap();
        assert_eq!(recording.title, "test");
        assert!(!recording.is_cut);
        let scenario = Scenario::story();
        let told: Vec<_> = (0..=10)
            .flat_map(|second| scenario.second(second))
            .collect();
        let whats = |events: &[FeedEvent]| {
            events
                .iter()
                .map(|event| event.what.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(whats(&recording.events), whats(&told));
        assert_eq!(recording.length(), Duration::from_secs(10));
    }

    #[test]
    fn a_long_recording_repeats_the_whole_state() {
        let recording = Recording::from(recorded(130).as_slice(), "x").unwrap();
        let whole = recording
            .events
            .iter()
            .filter(|event| is_whole(event))
            .count();
        assert_eq!(whole, 3 * 3, "of three replicas, at 0, 60 and 120 s");
    }

    #[test]
    fn a_recording_that_ends_early_is_read_as_far_as_it_goes() {
        let whole = recorded(3);
        for end in (0..whole.len()).step_by(7) {
            match Recording::from(&whole[..end], "x") {
                Ok(recording) => assert!(recording.is_cut, "{end}"),
                Err(error) => assert!(error.to_string().contains("x is no recording"), "{error}"),
            }
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_reason() {
        for bytes in [
            &b""[..],
            b"hello world",
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        ] {
            let error = Recording::from(bytes, "x").unwrap_err().to_string();
            assert!(error.contains("no recording of pushtop"), "{error}");
        }
    }
}
