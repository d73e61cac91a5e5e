//! What links learnt, kept in memory in little room: bytes, compressed in pieces but for the newest.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use prost::Message;

use super::record::{self, Records};
use crate::{feed::FeedEvent, moment::Moment};

/// A piece is compressed once it has grown so large.
const PIECE: usize = 256 << 10;

/// Events in the order in which they were noted.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    pieces: Vec<Box<[u8]>>,
    open: Vec<u8>,
    /// Bytes before compression.
    told: usize,
    /// Bytes after it.
    kept: usize,
}

impl Packed {
    /// All of them, compressed.
    pub(super) fn of(events: &[FeedEvent]) -> Self {
        let mut packed = Self::default();
        for event in events {
            packed.push(event);
        }
        packed.close();
        packed
    }

    /// Adds one.
    pub(super) fn push(&mut self, event: &FeedEvent) {
        let Some(record) = record::record(event, Moment::default()) else {
            return;
        };
        let bytes = record.encode_length_delimited_to_vec();
        self.told += bytes.len();
        self.open.extend_from_slice(&bytes);
        if self.open.len() >= PIECE {
            self.compress();
        }
    }

    /// Compresses what is not yet, and gives back the room for more.
    pub(super) fn close(&mut self) {
        if !self.open.is_empty() {
            self.compress();
        }
        self.open = Vec::new();
        self.pieces.shrink_to_fit();
    }

    fn compress(&mut self) {
        // The past is kept while somebody looks at the present: it must not take long.
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder
            .write_all(&self.open)
            .and_then(|()| encoder.finish());
        // Writing to memory does not fail.
        if let Ok(packed) = packed {
            self.kept += packed.len();
            self.pieces.push(packed.into_boxed_slice());
        }
        self.open.clear();
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.kept + self.open.len()
    }

    /// Bytes that it would take if nothing were compressed.
    pub(super) fn told(&self) -> usize {
        self.told
    }

    /// All of them again, piece by piece.
    pub(super) fn events(&self) -> impl Iterator<Item = FeedEvent> {
        let pieces = self.pieces.iter().map(|piece| {
            let mut bytes = Vec::with_capacity(PIECE);
            // What was compressed here can be read here.
            drop(DeflateDecoder::new(&piece[..]).read_to_end(&mut bytes));
            bytes
        });
        let open = std::iter::once_with(|| self.open.clone());
        pieces.chain(open).flat_map(|bytes| {
            let mut records = Records(std::io::Cursor::new(bytes));
            std::iter::from_fn(move || records.next().ok().flatten()).filter_map(record::event)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Scenario;

    #[test]
    fn what_was_packed_is_unpacked_and_takes_little() {
        let scenario = Scenario::story();
        let seconds = 0..60;
        let told: Vec<FeedEvent> = seconds.flat_map(|second| scenario.second(second)).collect();
        let mut packed = Packed::default();
        for event in &told {
            packed.push(event);
        }
        assert!(packed.events().eq(told.iter().cloned()), "while it grows");
        packed.close();
        assert!(packed.events().eq(told), "and later");
        let (kept, told) = (packed.bytes(), packed.told());
        assert!(kept * 2 < told, "{kept} of {told}");
    }
}
