//! Lists everything in etcd and follows its watch from that revision on.

use std::{collections::HashSet, time::Duration};

use etcd_client::{
    Client, Error, Event, EventType, GetOptions, KeyValue, WatchOptions, WatchResponse,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Mirror, lock};
use crate::{
    controller::{
        layout::{self, Record},
        rooms::{Member, Place},
        store::unix_now,
    },
    etcd::within,
};

/// Keys asked for at once when listing.
const PAGE: i64 = 1_000;
/// The largest batch of changes taken, in bytes.
const MAX_CHANGES: usize = 64 * 1024 * 1024;
/// How often etcd is asked how far it is, and how long it may be silent.
const PROGRESS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(6));

impl Mirror {
    /// Brings memory in step and keeps it so until etcd breaks off; says why it did.
    pub(super) async fn follow(&self, mut client: Client) -> Error {
        let revision = match self.list(&mut client).await {
            Ok(revision) => revision,
            Err(error) => return error,
        };
        match self.watch(client, revision).await {
            Ok(()) => Error::WatchError("the watch ended".to_owned()),
            Err(error) => error,
        }
    }

    async fn list(&self, client: &mut Client) -> Result<i64, Error> {
        let mut from = self.prefix.clone().into_bytes();
        let end = end_of(&self.prefix);
        let mut revision = 0;
        let mut there = HashSet::new();
        loop {
            let mut options = GetOptions::new().with_range(end.clone()).with_limit(PAGE);
            if revision > 0 {
                options = options.with_revision(revision);
            }
            let page = within(client.get(from, Some(options))).await?;
            if revision == 0 {
                revision = page
                    .header()
                    .map_or(0, etcd_client::ResponseHeader::revision);
            }
            for kv in page.kvs() {
                there.extend(self.put_from(kv));
            }
            let Some(last) = page.kvs().last().filter(|_| page.more()) else {
                break;
            };
            from = [last.key(), &[0]].concat();
        }
        self.rooms.write().retain(&there, unix_now());
        Ok(revision)
    }

    async fn watch(&self, client: Client, revision: i64) -> Result<(), Error> {
        // From the list's own revision: etcd answers no progress request while a watch begins in
        // the future, and to see the last change twice does no harm.
        let options = WatchOptions::new()
            .with_prefix()
            .with_start_revision(revision.max(1))
            .with_progress_notify();
        let mut watches = client.watch_client().max_decoding_message_size(MAX_CHANGES);
        let mut watch = within(watches.watch(self.prefix.as_str(), Some(options))).await?;
        *lock(&self.client) = Some(client);
        self.caught_up(revision);
        tracing::info!(revision, "in step with etcd");
        let mut asks = interval(PROGRESS.0);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                changes = watch.message() => {
                    let Some(changes) = changes? else {
                        return Ok(());
                    };
                    if changes.canceled() {
                        return Err(Error::WatchError(changes.cancel_reason().to_owned()));
                    }
                    heard = Instant::now();
                    self.apply(&changes);
                }
                _ = asks.tick() => {
                    if heard.elapsed() > PROGRESS.1 {
                        return Err(Error::WatchError("etcd fell silent".to_owned()));
                    }
                    within(watch.request_progress()).await?;
                }
            }
        }
    }

    fn apply(&self, changes: &WatchResponse) {
        for event in changes.events() {
            self.apply_one(event);
        }
        // The answer that only says "created" names a revision that was not caught up with.
        if !changes.created() {
            let revision = changes
                .header()
                .map_or(0, etcd_client::ResponseHeader::revision);
            self.caught_up(revision);
        }
    }

    fn apply_one(&self, event: &Event) {
        let Some(kv) = event.kv() else {
            return;
        };
        match event.event_type() {
            EventType::Put => drop(self.put_from(kv)),
            EventType::Delete => {
                if let Some(place) = self.place(kv) {
                    self.rooms.write().remove(&place, unix_now());
                }
            }
        }
    }

    /// Takes a key over into memory; nothing when it isn't a place.
    fn put_from(&self, kv: &KeyValue) -> Option<Place> {
        let place = self.place(kv)?;
        let Ok(record) = serde_json::from_slice::<Record>(kv.value()) else {
            tracing::warn!(key = %String::from_utf8_lossy(kv.key()), "skipped a value in etcd");
            return None;
        };
        let Record {
            name,
            address,
            joined_at,
        } = record;
        let member = Member {
            name,
            address,
            joined_at,
            order: u64::try_from(kv.create_revision()).unwrap_or(0),
            seen: None,
            lease: kv.lease(),
        };
        self.rooms.write().put(place.clone(), member, unix_now());
        Some(place)
    }

    fn place(&self, kv: &KeyValue) -> Option<Place> {
        layout::place(&self.prefix, kv.key_str().ok()?)
    }

    fn caught_up(&self, revision: i64) {
        *lock(&self.in_step) = Some(Instant::now());
        self.seen.send_if_modified(|seen| {
            let later = *seen < revision;
            *seen = revision.max(*seen);
            later
        });
    }
}

/// The first key after all that begin with `prefix`, which ends in a slash.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}
