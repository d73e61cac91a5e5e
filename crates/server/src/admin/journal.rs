//! Events from the ring, then as they come.

use futures::Stream;
use push_manager_proto::admin::{Event, EventLevel, EventsRequest, EventsResponse};
use tonic::Status;

use super::{detail, rows};
use crate::{
    events::{EventLog, Level},
    ids::NodeId,
};

/// Events in one answer.
const MOST_AT_ONCE: usize = 256;

/// What was asked for, from the ring and as it comes.
pub(super) fn follow(
    log: EventLog,
    request: EventsRequest,
) -> Result<impl Stream<Item = Result<EventsResponse, Status>>, Status> {
    detail::fits("node", &request.node, detail::LONGEST_NODE)?;
    let resumes = request.epoch == log.epoch().id() && request.after_seq > 0;
    let follower = Follower {
        least: least(request.level)?,
        node: request.node,
        kept_only: request.kept_only,
        at: if resumes { request.after_seq } else { 0 },
        // Who has seen none has missed none.
        from: if resumes { 0 } else { log.gone_to() },
        missed: 0,
        log,
    };
    Ok(futures::stream::unfold(follower, async |mut follower| {
        let answer = follower.next().await?;
        Some((Ok(answer), follower))
    }))
}

fn least(level: i32) -> Result<Level, Status> {
    Ok(match EventLevel::try_from(level) {
        Ok(EventLevel::Unspecified | EventLevel::Info) => Level::Info,
        Ok(EventLevel::Warn) => Level::Warn,
        Ok(EventLevel::Error) => Level::Error,
        Ok(EventLevel::Audit) => Level::Audit,
        Err(_) => {
            let problem = format!("level: {level} is no level of this version");
            return Err(Status::invalid_argument(problem));
        }
    })
}

struct Follower {
    log: EventLog,
    least: Level,
    node: String,
    kept_only: bool,
    at: u64,
    /// What left before this one is not missed.
    from: u64,
    missed: u64,
}

impl Follower {
    async fn next(&mut self) -> Option<EventsResponse> {
        let mut newest = self.log.watch();
        loop {
            newest.mark_unchanged();
            let (found, _) = self.log.after(self.at, MOST_AT_ONCE);
            let Some(last) = found.last() else {
                // What was missed is told also where nothing that is wanted follows.
                if self.missed > 0 {
                    return Some(self.answer(Vec::new()));
                }
                if self.kept_only {
                    return None;
                }
                newest.changed().await.ok()?;
                continue;
            };
            let since = self.at.max(self.from);
            let kept = found.iter().filter(|entry| entry.seq > since).count();
            let span = last.seq.saturating_sub(since);
            self.missed += span.saturating_sub(kept as u64);
            self.at = last.seq;
            let wanted = found.iter().filter(|entry| {
                let node = entry.news.node.as_ref().map(NodeId::as_str);
                let about = self.node.is_empty() || node == Some(self.node.as_str());
                about && entry.news.level >= self.least
            });
            let events: Vec<_> = wanted.map(|entry| rows::event(entry)).collect();
            if !events.is_empty() {
                return Some(self.answer(events));
            }
        }
    }

    fn answer(&mut self, events: Vec<Event>) -> EventsResponse {
        EventsResponse {
            epoch: self.log.epoch().id(),
            events,
            missed: std::mem::take(&mut self.missed),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;
    use crate::{
        clock::Epoch,
        events::{Kind, MOST_KEPT, News},
    };

    /// A drain, then more than is kept of what is no audit.
    fn noisy() -> EventLog {
        let log = EventLog::new(Epoch::begin());
        let note = |level, kind| log.record(News::new(level, kind, ""));
        note(Level::Info, Kind::NodeFound);
        note(Level::Audit, Kind::ActionDrain);
        for _ in 0..MOST_KEPT + 10 {
            note(Level::Warn, Kind::PushFailing);
        }
        log
    }

    async fn kept(log: &EventLog, request: EventsRequest) -> Vec<EventsResponse> {
        let request = EventsRequest {
            epoch: log.epoch().id(),
            kept_only: true,
            ..request
        };
        let answers = follow(log.clone(), request).unwrap();
        answers.try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn who_resumes_is_told_what_was_missed_even_when_nothing_wanted_follows() {
        let request = EventsRequest {
            after_seq: 2,
            level: EventLevel::Audit.into(),
            ..EventsRequest::default()
        };
        let answers = kept(&noisy(), request).await;
        assert_eq!((answers.len(), answers[0].missed), (1, 10));
        assert!(answers[0].events.is_empty());
    }

    #[tokio::test]
    async fn who_begins_gets_what_is_kept_and_has_missed_nothing() {
        let answers = kept(&noisy(), EventsRequest::default()).await;
        assert_eq!(answers[0].events[0].kind, "action.drain");
        assert!(answers.iter().all(|answer| answer.missed == 0));
        let events = answers.iter().map(|answer| answer.events.len());
        assert_eq!(events.sum::<usize>(), MOST_KEPT + 1);
    }
}
