//! Who is there: sources of Connect-Nodes behind one seam.
//!
//! Each source is a `run` function that sends [`Event`]s into a bounded channel until it is told to
//! stop: [`etcd`] (the real one), [`static_list`] and [`memory`]. What follows from an event, such
//! as which id a node goes by, which of two entries with one address counts, or how long a departed
//! node lingers, is left to the pool.

pub mod address;
pub mod etcd;
pub mod layout;
pub mod memory;
pub mod static_list;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

pub use self::address::{Address, AddressError};
pub use self::layout::Malformed;
use crate::ids::NodeId;

/// One node as a source knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The etcd key, or what is unique to the entry in another source.
    pub key: String,
    /// What follows the key's last `/`: an address or a node id.
    pub segment: String,
    /// Where the node listens for pushes.
    pub address: Address,
    /// The id that the node wrote into its metadata, if any.
    pub node_id: Option<NodeId>,
    /// The random id of the node's process, if it wrote one: a new one means that it restarted.
    pub instance: Option<String>,
    /// The revision at which the key came to be.
    pub created: i64,
    /// The revision at which the key was last written.
    pub revision: i64,
}

/// What a source tells the pool, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The whole set as of `revision`: a node that isn't in it is gone.
    ///
    /// A revision below an earlier one means that the store was restored or wiped; the list holds.
    Listed {
        /// The store's revision that the list shows.
        revision: i64,
        /// Every readable registration, each key once.
        registrations: Vec<Registration>,
    },
    /// A node came, or its entry changed.
    Put {
        /// The entry as it is now.
        registration: Registration,
    },
    /// A key is gone.
    Removed {
        /// The key.
        key: String,
        /// The revision at which it went.
        revision: i64,
    },
    /// A key that can't be read counts as absent, whatever it held before.
    Skipped {
        /// The key, escaped and shortened if it isn't text or is too long.
        key: String,
        /// The revision at which it was written.
        revision: i64,
        /// Why it can't be read.
        reason: Malformed,
    },
    /// The source can't be reached; the last set stays. Sent once per outage, which ends with
    /// [`Event::Listed`].
    Away {
        /// The last failure, in a line of bounded length.
        why: String,
    },
}

/// Sends an event unless the source is to stop or nobody listens any more; false means: end.
///
/// A full channel holds the source back, so that the pool is never behind by more than the
/// channel's bound.
async fn deliver(events: &Sender<Event>, stop: &CancellationToken, event: Event) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        sent = events.send(event) => sent.is_ok(),
    }
}
