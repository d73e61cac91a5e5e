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
use push_manager_proto::recording::{Header, Record, record::Kind};

use super::record::{self, Records};
use crate::{
    feed::{FeedEvent, Learnt},
    fleet::Fleet,
    moment::Moment,
    replica::{Link, Replica, ReplicaId},
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
    #[error("the recording has reached its limit of {} MiB", .0 >> 20)]
    Full(u64),
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
    out: GzEncoder<Counted>,
    path: String,
    most_bytes: u64,
    began: Option<Moment>,
    synced: Moment,
    told: HashMap<ReplicaId, Told>,
}

/// What the file has of a replica.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// When its whole state was told last.
    whole: Moment,
    /// The last that was told of it is a frame, which came then.
    frame: Option<Moment>,
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
        let out = Counted {
            out: BufWriter::new(file),
            bytes: 0,
        };
        let mut recorder = Self {
            out: GzEncoder::new(out, Compression::default()),
            path: named,
            most_bytes: MOST_BYTES,
            began: None,
            synced: Moment::default(),
            told: HashMap::new(),
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

    /// Records what a link learnt.
    pub fn note(&mut self, event: &FeedEvent) -> Result<(), RecordingError> {
        let Some(record) = record::record(event, *self.began.get_or_insert(event.at)) else {
            return Ok(());
        };
        let told = self.told.entry(event.replica);
        let told = told.or_insert(Told {
            whole: event.at,
            frame: None,
        });
        told.frame = matches!(event.what, Learnt::Frame(_)).then_some(event.at);
        self.write(&record)?;
        if event.at.since(self.synced) >= SYNC_EVERY {
            self.synced = event.at;
            let flushed = self.out.flush();
            flushed.map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Records the whole state of replicas where it is time, once all that was noted is taken in by
    /// `fleet`. Only right after a whole frame: nothing was heard at another moment, and half a state
    /// is none.
    pub fn keyframes(&mut self, fleet: &Fleet) -> Result<(), RecordingError> {
        let due = self.told.iter().filter_map(|(replica, told)| {
            let heard = told.frame?;
            (heard.since(told.whole) >= KEYFRAME_EVERY).then_some((*replica, heard))
        });
        for (replica, at) in due.collect::<Vec<_>>() {
            let known = fleet.replica(replica);
            let Some(known) = known.filter(|known| is_heard(known, at)) else {
                continue;
            };
            let Some(frame) = known.to_snapshot() else {
                continue;
            };
            let what = Learnt::Frame(Box::new(frame));
            self.note(&FeedEvent { replica, at, what })?;
            let frame = Some(at);
            self.told.insert(replica, Told { whole: at, frame });
        }
        Ok(())
    }

    /// Ends the file; gives its length.
    pub fn end(self) -> Result<u64, RecordingError> {
        let Self { out, path, .. } = self;
        let ended = out.finish().and_then(|mut out| {
            out.flush()?;
            Ok(out.bytes)
        });
        ended.map_err(|source| RecordingError::File { path, source })
    }

    fn write(&mut self, record: &Record) -> Result<(), RecordingError> {
        let written = self.out.write_all(&record.encode_length_delimited_to_vec());
        written.map_err(|source| self.failed(source))?;
        if self.out.get_ref().bytes > self.most_bytes {
            return Err(RecordingError::Full(self.most_bytes));
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> RecordingError {
        RecordingError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// Whether the frame of that moment counted, and made the state whole.
fn is_heard(replica: &Replica, at: Moment) -> bool {
    let counted = replica.age(at).is_some_and(|age| age.is_zero());
    *replica.link() == Link::Live && replica.is_whole() && counted
}

/// A file that knows how long it has become.
#[derive(Debug)]
struct Counted {
    out: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A recording that is read as it is played: what links learnt, by time since its beginning. However
/// long it is, no more of it is in memory than one record.
#[derive(Debug)]
pub struct Recording<R = File> {
    /// What was watched.
    pub title: String,
    /// When it began, by the wall clock.
    pub began: SystemTime,
    records: Records<MultiGzDecoder<BufReader<R>>>,
    named: String,
    read: usize,
    is_over: bool,
    is_cut: bool,
}

impl Recording {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let named = path.display().to_string();
        let file = File::open(path).map_err(|source| RecordingError::File {
            path: named.clone(),
            source,
        })?;
        Self::of(file, &named)
    }
}

impl<R: Read> Recording<R> {
    /// Begins to read what `named` holds.
    pub fn of(file: R, named: &str) -> Result<Self, RecordingError> {
        let not_one = |why: String| RecordingError::NotOne {
            path: named.to_owned(),
            why,
        };
        let mut records = Records(MultiGzDecoder::new(BufReader::new(file)));
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
        let began = header
            .began
            .and_then(|told| SystemTime::try_from(told).ok());
        Ok(Self {
            title: header.title,
            began: began.unwrap_or(SystemTime::UNIX_EPOCH),
            records,
            named: named.to_owned(),
            read: 1,
            is_over: false,
            is_cut: false,
        })
    }

    /// The file ended in the middle of a record.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl<R: Read> Iterator for Recording<R> {
    type Item = Result<FeedEvent, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            self.read += 1;
            match self.records.next() {
                Ok(Some(record)) => {
                    // Kinds of a later version are skipped.
                    if let Some(event) = record::event(record) {
                        return Some(Ok(event));
                    }
                }
                Ok(None) => self.is_over = true,
                Err(error) => {
                    self.is_over = true;
                    self.is_cut = error.kind() == io::ErrorKind::UnexpectedEof;
                    if !self.is_cut {
                        let why = format!("record {}: {error}", self.read);
                        let path = self.named.clone();
                        return Some(Err(RecordingError::NotOne { path, why }));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
