//! Events from the ring, then as they come.

use futures::Stream;
use push_manager_proto::admin::{EventLevel, EventsRequest, EventsResponse};
use tonic::Status;

use super::rows;
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
    let resumes = request.epoch == log.epoch().id() && request.after_seq > 0;
    let follower = Follower {
        least: least(request.level)?,
        node: request.node,
        kept_only: request.kept_only,
        at: if resumes { request.after_seq } else { 0 },
        told: resumes,
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
    /// Whether there is a place to have missed events since.
    told: bool,
    missed: u64,
}

impl Follower {
    async fn next(&mut self) -> Option<EventsResponse> {
        let mut newest = self.log.watch();
        loop {
            newest.mark_unchanged();
            let (found, missed) = self.log.after(self.at, MOST_AT_ONCE);
            self.missed += if self.told { missed } else { 0 };
            self.told = true;
            if let Some(last) = found.last() {
                self.at = last.seq;
                let wanted = found.iter().filter(|entry| {
                    let node = entry.news.node.as_ref().map(NodeId::as_str);
                    let about = self.node.is_empty() || node == Some(self.node.as_str());
                    about && entry.news.level >= self.least
                });
                let events: Vec<_> = wanted.map(|entry| rows::event(entry)).collect();
                if !events.is_empty() {
                    return Some(EventsResponse {
                        epoch: self.log.epoch().id(),
                        events,
                        missed: std::mem::take(&mut self.missed),
                    });
                }
                continue;
            }
            if self.kept_only {
                return None;
            }
            newest.changed().await.ok()?;
        }
    }
}
