//! Follows every prefix from a list's revision, on one stream.

use std::convert::Infallible;

use etcd_client::{
    Client, EventType, KeyValue, ResponseHeader, WatchOptions, WatchResponse, WatchStream,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use super::client::{EtcdError, MAX_MESSAGE_BYTES, bounded, explain, within};
use super::{End, EtcdSettings, Source, list, prefix};
use crate::discovery::{Event, deliver, layout};

impl Source {
    /// Passes on what happens after `revision` until the watch ends.
    pub(super) async fn watch(&mut self, client: &Client, revision: i64) -> End {
        match self.follow(client, revision).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn follow(&mut self, client: &Client, revision: i64) -> Result<Infallible, End> {
        let stream = open(client, &self.settings, &self.prefixes, revision).await?;
        let (mut requests, mut responses) = stream.split();
        let limit = self.settings.receive_deadline;
        let mut ticks = interval(self.settings.progress_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent_at = Instant::now() + limit;
        loop {
            // In this order: what was received counts before the deadline does, however late this
            // task was woken.
            tokio::select! {
                biased;
                response = responses.message() => {
                    let response = response.map_err(|error| explain("watch", &error))?;
                    let response = response.ok_or_else(|| ended("end of stream"))?;
                    self.take(&response, revision).await?;
                    // From here on, so that a full channel of ours isn't taken for etcd's silence.
                    silent_at = Instant::now() + limit;
                }
                () = sleep_until(silent_at) => return Err(EtcdError::Silent { limit }.into()),
                _ = ticks.tick() => {
                    // Bounded: behind a stalled connection the queue of requests fills up.
                    match timeout_at(silent_at, requests.request_progress()).await {
                        Ok(sent) => sent.map_err(|error| explain("watch", &error))?,
                        Err(_) => return Err(EtcdError::Silent { limit }.into()),
                    }
                }
            }
        }
    }

    async fn take(&mut self, response: &WatchResponse, listed: i64) -> Result<(), End> {
        let revision = response.header().map_or(0, ResponseHeader::revision);
        if response.canceled() {
            if response.compact_revision() > 0 {
                return Err(End::ListAgain("compacted"));
            }
            return Err(ended(response.cancel_reason()).into());
        }
        if response.created() && revision < listed {
            // The connection was replaced behind our back, by one to a store that is older than
            // the list: its watch would be silent until it caught up.
            return Err(End::ListAgain("store is behind the list"));
        }
        self.seen = self.seen.max(revision);
        for event in response.events() {
            let Some(kv) = event.kv() else { continue };
            if kv.mod_revision() <= listed {
                continue;
            }
            if !self.pass_on(event.event_type(), kv).await {
                return Err(End::Unheard);
            }
        }
        Ok(())
    }

    async fn pass_on(&mut self, kind: EventType, kv: &KeyValue) -> bool {
        let event = match kind {
            EventType::Delete => Event::Removed {
                key: layout::shown_key(kv.key()),
                revision: kv.mod_revision(),
            },
            EventType::Put => match list::read(kv, self.settings.max_value) {
                Ok(registration) => Event::Put { registration },
                Err(skipped) => return self.skip(skipped).await,
            },
        };
        deliver(&self.events, &self.stop, event).await
    }
}

fn ended(reason: &str) -> EtcdError {
    let reason = if reason.is_empty() {
        "no reason given"
    } else {
        reason
    };
    EtcdError::WatchEnded {
        reason: bounded(reason),
    }
}

async fn open(
    client: &Client,
    settings: &EtcdSettings,
    prefixes: &[String],
    revision: i64,
) -> Result<WatchStream, EtcdError> {
    let options = |end| {
        // Fragments: many large values written at once would exceed the largest message otherwise.
        WatchOptions::new()
            .with_range(end)
            // Not the next one: while nothing is written that lies in the future, and etcd answers
            // no request for progress until it is reached. `take` drops what the list has shown.
            .with_start_revision(revision.max(1))
            .with_progress_notify()
            .with_fragment()
    };
    let mut client = client
        .watch_client()
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let limit = settings.access.request_timeout;
    let mut ranges = prefixes.iter().map(|prefix| prefix::range(prefix));
    let (start, end) = ranges.next().ok_or(EtcdError::NoPrefix)?;
    let mut stream = within("watch", limit, client.watch(start, Some(options(end)))).await?;
    for (start, end) in ranges {
        within("watch", limit, stream.watch(start, Some(options(end)))).await?;
    }
    Ok(stream)
}
