//! Nodes named in the configuration: a fixed set, sent once.

use std::collections::HashSet;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::layout::check_id;
use super::{Address, AddressError, Event, Registration, deliver};
use crate::ids::NodeId;

/// A checked list of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticNodes {
    registrations: Vec<Registration>,
}

/// Why a list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaticListError {
    /// The part after `=`, or the whole entry, is no address.
    #[error("static node {entry:?}: expected host:port or id=host:port")]
    Address {
        /// The entry as given.
        entry: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The part before `=` can't be a node id.
    #[error("static node {entry:?}: id must have 1 to 256 bytes and no control characters")]
    Id {
        /// The entry as given.
        entry: String,
    },
    /// Two entries have one id or one address.
    #[error("static node {entry:?}: an earlier entry has the same id or address")]
    Duplicate {
        /// The later entry.
        entry: String,
    },
}

impl StaticNodes {
    /// Reads entries of the form `host:port` or `id=host:port`.
    ///
    /// An id may hold `=` and `:`, an address can't hold `=`: the last one parts them.
    pub fn parse<S: AsRef<str>>(
        entries: impl IntoIterator<Item = S>,
    ) -> Result<Self, StaticListError> {
        let mut registrations: Vec<Registration> = Vec::new();
        let mut taken = HashSet::new();
        for entry in entries {
            let entry = entry.as_ref();
            let registration = parse_entry(entry)?;
            let address = format!("address/{}", registration.address);
            if !taken.insert(registration.key.clone()) || !taken.insert(address) {
                let entry = entry.to_owned();
                return Err(StaticListError::Duplicate { entry });
            }
            registrations.push(registration);
        }
        Ok(Self { registrations })
    }
}

fn parse_entry(entry: &str) -> Result<Registration, StaticListError> {
    let (id, address) = match entry.rsplit_once('=') {
        Some((id, address)) => (Some(id), address),
        None => (None, entry),
    };
    let address: Address = address.parse().map_err(|source| StaticListError::Address {
        entry: entry.to_owned(),
        source,
    })?;
    if !id.is_none_or(check_id) {
        let entry = entry.to_owned();
        return Err(StaticListError::Id { entry });
    }
    let segment = id.unwrap_or(address.as_str()).to_owned();
    Ok(Registration {
        key: format!("static/{segment}"),
        node_id: id.map(NodeId::new),
        segment,
        address,
        instance: None,
        created: 0,
        revision: 0,
    })
}

/// Sends the list once.
pub async fn run(nodes: StaticNodes, events: Sender<Event>, stop: CancellationToken) {
    let listed = Event::Listed {
        revision: 0,
        registrations: nodes.registrations,
    };
    if deliver(&events, &stop, listed).await {
        // Staying keeps the channel open: for the pool, a closed one would be a source that died.
        stop.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn entries_with_and_without_an_id_are_sent_as_one_list() {
        let entries = ["node-1=10.0.0.1:50052", "10.0.0.2:50052", "a=b:c=[::1]:1"];
        let nodes = StaticNodes::parse(entries).unwrap();
        let (events, mut seen) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let script = async {
            let event = seen.recv().await;
            stop.cancel();
            event
        };
        let ((), event) = tokio::join!(run(nodes, events, stop.clone()), script);
        let Some(Event::Listed { registrations, .. }) = event else {
            panic!("expected a list, got {event:?}");
        };
        let ids: Vec<_> = registrations
            .iter()
            .map(|node| node.node_id.as_ref())
            .collect();
        let (first, last) = (NodeId::new("node-1"), NodeId::new("a=b:c"));
        assert_eq!(ids, [Some(&first), None, Some(&last)]);
        assert_eq!(registrations[1].segment, "10.0.0.2:50052");
    }

    #[test]
    fn a_bad_entry_is_named() {
        let error = StaticNodes::parse(["a=host:1", "b=host"]).unwrap_err();
        assert!(matches!(&error, StaticListError::Address { entry, .. } if entry == "b=host"));
        let error = StaticNodes::parse(["=host:1"]).unwrap_err();
        assert!(matches!(error, StaticListError::Id { .. }));
        for twice in [["a=host:1", "a=host:2"], ["a=host:1", "host:1"]] {
            let error = StaticNodes::parse(twice).unwrap_err();
            assert!(matches!(error, StaticListError::Duplicate { .. }));
        }
    }
}
