//! Those who were not admitted: told in the log and the audit, once an address
//! in a while, so that guessing leaves a trace and no flood.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;
use tonic::Status;
use tracing::warn;

use crate::events::{EventLog, Kind, Level, News, Throttles};

/// Addresses that are told apart within a window.
const MOST_ADDRESSES: usize = 16;

/// Clones share what was told.
#[derive(Clone, Debug)]
pub(super) struct Strangers {
    events: EventLog,
    told: Arc<Mutex<Throttles<Option<IpAddr>>>>,
}

impl Strangers {
    pub(super) fn new(events: EventLog) -> Self {
        let told = Mutex::new(Throttles::of(MOST_ADDRESSES));
        Self {
            events,
            told: Arc::new(told),
        }
    }

    /// Someone at `peer` was refused. What they sent is told to nobody.
    pub(super) fn refused(&self, peer: Option<SocketAddr>, why: &Status) {
        let ip = peer.map(|peer| peer.ip().to_canonical());
        let count = {
            let told = self.told.lock();
            let mut told = told.unwrap_or_else(PoisonError::into_inner);
            told.tell(ip, Instant::now(), "", 1)
        };
        let Some(count) = count else { return };
        let from = ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        let why = why.message();
        warn!(
            peer = from,
            count, why, "calls to the admin API were refused"
        );
        let message = format!("a call was refused: {why}");
        let news = News::new(Level::Audit, Kind::ActionRefused, message);
        let news = news.times(count).by(format!("nobody known, from {from}"));
        self.events.record(news);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Epoch;

    #[tokio::test(start_paused = true)]
    async fn who_guesses_is_told_once_an_address_in_a_while_with_how_often() {
        let log = EventLog::new(Epoch::begin());
        let strangers = Strangers::new(log.clone());
        let why = Status::unauthenticated("the token is unknown here");
        let guess = |ip: &str| strangers.refused(Some(format!("{ip}:9").parse().unwrap()), &why);
        for _ in 0..1000 {
            guess("10.0.0.1");
        }
        guess("10.0.0.2");
        tokio::time::advance(Duration::from_secs(10)).await;
        guess("10.0.0.1");
        let (events, _) = log.after(0, usize::MAX);
        let told = events.iter().map(|event| event.news.count);
        assert_eq!(told.collect::<Vec<_>>(), [1, 1, 1000]);
        let actor = events[0].news.actor.as_deref();
        assert_eq!(actor, Some("nobody known, from 10.0.0.1"));
    }
}
