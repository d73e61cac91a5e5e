//! One connected client as the rest of the node sees it: a bounded queue and a way to cut it off.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::config::NodeLimits;

/// Tells the connections of this node apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// Which bound of its queue a client ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooSlow {
    /// This many frames were waiting.
    Items(usize),
    /// This many bytes could not wait any more.
    Bytes(usize),
}

impl fmt::Display for TooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(limit) => write!(formatter, "too slow: {limit} frames were waiting"),
            Self::Bytes(limit) => write!(formatter, "too slow: {limit} bytes were waiting"),
        }
    }
}

/// A client's sending side, shared by everyone who pushes to it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) user: Arc<str>,
    pub(crate) name: String,
    frames: mpsc::Sender<Utf8Bytes>,
    waiting: Arc<AtomicUsize>,
    limit_items: usize,
    limit_bytes: usize,
    cut: CancellationToken,
    reason: OnceLock<TooSlow>,
}

/// A client's receiving side, owned by the task that writes to its socket.
#[derive(Debug)]
pub(crate) struct Waiting {
    frames: mpsc::Receiver<Utf8Bytes>,
    bytes: Arc<AtomicUsize>,
}

impl Client {
    /// Makes both sides of a new client.
    pub(crate) fn new(
        id: ClientId,
        user: &str,
        name: String,
        limits: &NodeLimits,
    ) -> (Arc<Self>, Waiting) {
        let (frames, receiver) = mpsc::channel(limits.queue_items.max(1));
        let waiting = Arc::new(AtomicUsize::new(0));
        let bytes = waiting.clone();
        let client = Self {
            id,
            user: user.into(),
            name,
            frames,
            waiting,
            limit_items: limits.queue_items,
            limit_bytes: limits.queue_bytes,
            cut: CancellationToken::new(),
            reason: OnceLock::new(),
        };
        let receiver = Waiting {
            frames: receiver,
            bytes,
        };
        (Arc::new(client), receiver)
    }

    /// Queues a frame, or cuts the client off when there is no room; true when it was queued.
    pub(crate) fn offer(&self, frame: &Utf8Bytes) -> bool {
        if self.cut.is_cancelled() {
            return false;
        }
        let size = frame.len();
        let before = self.waiting.fetch_add(size, Ordering::AcqRel);
        let full = if before > 0 && before + size > self.limit_bytes {
            Some(TooSlow::Bytes(self.limit_bytes))
        } else {
            match self.frames.try_send(frame.clone()) {
                Ok(()) => return true,
                Err(mpsc::error::TrySendError::Full(_)) => Some(TooSlow::Items(self.limit_items)),
                Err(mpsc::error::TrySendError::Closed(_)) => None,
            }
        };
        self.waiting.fetch_sub(size, Ordering::AcqRel);
        if let Some(reason) = full {
            // Somebody else's reason is as good as this one.
            self.reason.set(reason).ok();
            self.cut.cancel();
        }
        false
    }

    /// Waits until the client is cut off, and says why.
    pub(crate) async fn cut_off(&self) -> TooSlow {
        self.cut.cancelled().await;
        self.reason
            .get()
            .copied()
            .unwrap_or(TooSlow::Items(self.limit_items))
    }
}

impl Waiting {
    /// Takes what waits, at most `most` frames; empty when the client is gone.
    pub(crate) async fn take(&mut self, batch: &mut Vec<Utf8Bytes>, most: usize) -> usize {
        self.frames.recv_many(batch, most).await
    }

    /// Takes what waits right now, without waiting for more.
    pub(crate) fn take_rest(&mut self) -> Vec<Utf8Bytes> {
        let mut rest = Vec::new();
        while let Ok(frame) = self.frames.try_recv() {
            rest.push(frame);
        }
        rest
    }

    /// Gives the room of written frames back to the queue.
    pub(crate) fn written(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(queue_items: usize, queue_bytes: usize) -> (Arc<Client>, Waiting) {
        let limits = NodeLimits {
            queue_items,
            queue_bytes,
            ..NodeLimits::default()
        };
        Client::new(ClientId(1), "u", String::new(), &limits)
    }

    #[tokio::test]
    async fn a_full_queue_cuts_the_client_and_says_which_bound() {
        let (client, _waiting) = client(2, 1_000);
        let frame = Utf8Bytes::from_static("hello");
        assert!(client.offer(&frame) && client.offer(&frame));
        assert!(!client.offer(&frame));
        assert_eq!(client.cut_off().await, TooSlow::Items(2));
    }

    #[tokio::test]
    async fn bytes_are_bounded_until_they_are_written() {
        let (client, mut waiting) = client(100, 10);
        let frame = Utf8Bytes::from_static("12345678");
        assert!(client.offer(&frame));
        let mut batch = Vec::new();
        assert_eq!(waiting.take(&mut batch, 10).await, 1);
        waiting.written(8);
        assert!(client.offer(&frame));
        assert!(!client.offer(&frame));
        assert_eq!(client.cut_off().await, TooSlow::Bytes(10));
    }

    #[test]
    fn a_frame_larger_than_the_queue_fits_an_empty_one() {
        let (client, _waiting) = client(100, 10);
        assert!(client.offer(&Utf8Bytes::from("x".repeat(50))));
    }
}
