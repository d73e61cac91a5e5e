//! Plays a recording as a feed, by the times at which it was made.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{FeedEvent, Learnt};
use crate::{moment::Moment, replica::Link, tape::Recording};

/// The slowest and the fastest.
pub const SPEEDS: (f64, f64) = (0.25, 64.0);

/// Plays from the beginning, at so many times the speed; moments become those of the console, whose
/// clock began with the playing. At its end the links are lost, and say so.
pub async fn play(
    recording: Recording,
    speed: f64,
    events: mpsc::Sender<FeedEvent>,
    stop: CancellationToken,
) {
    let speed = speed.clamp(SPEEDS.0, SPEEDS.1);
    let began = Instant::now();
    let length = recording.length();
    let mut replicas = std::collections::BTreeSet::new();
    for event in recording.events {
        let at = event.at.since_start().div_f64(speed);
        replicas.insert(event.replica);
        let sending = async {
            sleep_until(began + at).await;
            let event = FeedEvent {
                at: Moment::after(at),
                ..event
            };
            events.send(event).await.is_ok()
        };
        if stop.run_until_cancelled(sending).await != Some(true) {
            return;
        }
    }
    let at = Moment::after(length.div_f64(speed));
    for replica in replicas {
        let what = Learnt::Link(Link::Retrying {
            why: "the recording ends here".to_owned(),
            again_at: at + Duration::ZERO,
        });
        if events.send(FeedEvent { replica, at, what }).await.is_err() {
            return;
        }
    }
    // Whoever reads sees the last picture for as long as they like.
    stop.cancelled().await;
}
