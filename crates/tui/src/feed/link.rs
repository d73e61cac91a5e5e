//! One replica's link: connects, describes, follows, and begins anew whenever that ends. It is a
//! task of its own: nothing that happens on the screen interrupts it, and its pauses run to their
//! end unless somebody asks for it by name.

use std::{error::Error as _, sync::Arc, time::Duration};

use push_manager_proto::admin::{
    GetInfoRequest, Resume, WatchRequest, WatchResponse, admin_service_client::AdminServiceClient,
    watch_response::Kind,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status, Streaming, service::interceptor::InterceptedService, transport::Channel,
};

use super::{
    Dial, FeedClock, FeedEvent, Learnt, Look, Token, TokenError, backoff::Backoff, looking,
    token::Bearer,
};
use crate::replica::{Link, ReplicaId, SILENT_FOR, sequence::Sequence};

/// A replica answers a question within so long.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The largest frame taken; a replica sends parts of about 256 KiB.
const MOST_BYTES: usize = 4 << 20;

/// A client of one replica.
pub(super) type Client = AdminServiceClient<InterceptedService<Channel, Bearer>>;

/// What a link needs.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) replica: ReplicaId,
    pub(super) dial: Dial,
    pub(super) token: Token,
    pub(super) interval: Duration,
    pub(super) clock: FeedClock,
}

/// The other end of a link's wires.
#[derive(Clone, Debug)]
pub(super) struct Wires {
    pub(super) events: mpsc::Sender<FeedEvent>,
    /// The client of the connection that is open.
    pub(super) client: watch::Sender<Option<Client>>,
    /// Asks for a connection at once.
    pub(super) at_once: Arc<Notify>,
    /// What is looked at in detail.
    pub(super) looks: watch::Receiver<Option<Look>>,
}

/// Why a stream ended.
#[derive(Debug)]
enum End {
    /// Other credentials are needed.
    Refused(String),
    /// A frame did not follow: begin anew without resuming.
    OutOfStep,
    /// Anything else.
    Lost(String),
    /// Nobody listens to the events any more.
    Unheard,
    /// Somebody wants the link anew.
    Asked,
}

/// Keeps the link until stopped.
pub(super) async fn run(plan: Plan, wires: Wires, stop: CancellationToken) {
    let mut link = Running {
        plan,
        wires,
        sequence: Sequence::default(),
        events_seen: 0,
        backoff: Backoff::default(),
    };
    stop.run_until_cancelled(link.keep()).await;
    link.wires.client.send_replace(None);
}

struct Running {
    plan: Plan,
    wires: Wires,
    sequence: Sequence,
    events_seen: u64,
    backoff: Backoff,
}

impl Running {
    async fn keep(&mut self) {
        loop {
            if !self.tell(Learnt::Link(Link::Connecting)).await {
                return;
            }
            let began = Instant::now();
            let asked = self.wires.at_once.clone();
            let end = tokio::select! {
                end = Box::pin(self.follow()) => end,
                () = asked.notified() => End::Asked,
            };
            self.wires.client.send_replace(None);
            let why = match end {
                End::Unheard => return,
                End::Asked => {
                    // A frame may have been on its way: everything is wanted again.
                    self.sequence = Sequence::default();
                    continue;
                }
                End::Refused(why) => {
                    if !self.tell(Learnt::Link(Link::Refused { why })).await {
                        return;
                    }
                    self.wires.at_once.notified().await;
                    continue;
                }
                End::OutOfStep => {
                    self.sequence = Sequence::default();
                    "a frame was missing; beginning anew".to_owned()
                }
                End::Lost(why) => why,
            };
            let pause = self.backoff.pause(began.elapsed(), rand::random());
            let again_at = self.plan.clock.now() + pause;
            if !self
                .tell(Learnt::Link(Link::Retrying { why, again_at }))
                .await
            {
                return;
            }
            // Only who asks for this very link shortens the pause.
            drop(timeout(pause, self.wires.at_once.notified()).await);
        }
    }

    /// One connection from its beginning to its end.
    async fn follow(&mut self) -> End {
        let (frames, client) = match self.open().await {
            Ok(opened) => opened,
            Err(end) => return end,
        };
        let (plan, wires) = (self.plan.clone(), self.wires.clone());
        tokio::select! {
            end = self.take_frames(frames) => end,
            () = looking::follow(client, &plan, &wires) => End::Unheard,
        }
    }

    async fn open(&mut self) -> Result<(Streaming<WatchResponse>, Client), End> {
        let bearer = self.plan.token.read().await.map_err(|error| lost(&error))?;
        let channel = self
            .plan
            .dial
            .connect()
            .await
            .map_err(|error| End::Lost(last_cause(&error)))?;
        let mut client = AdminServiceClient::with_interceptor(channel, bearer)
            .max_decoding_message_size(MOST_BYTES);
        let info = timeout(ANSWER_WITHIN, client.get_info(GetInfoRequest {}));
        let info = info
            .await
            .map_err(|_| silent())?
            .map_err(|status| self.failed(status))?;
        if !self.tell(Learnt::Info(Box::new(info.into_inner()))).await {
            return Err(End::Unheard);
        }
        let request = WatchRequest {
            interval: self.plan.interval.try_into().ok(),
            resume: self.sequence.reached().map(|(epoch, seq)| Resume {
                epoch,
                seq,
                event_seq: self.events_seen,
            }),
            ..WatchRequest::default()
        };
        let frames = timeout(ANSWER_WITHIN, client.watch(request));
        let frames = frames
            .await
            .map_err(|_| silent())?
            .map_err(|status| self.failed(status))?;
        self.wires.client.send_replace(Some(client.clone()));
        Ok((frames.into_inner(), client))
    }

    async fn take_frames(&mut self, mut frames: Streaming<WatchResponse>) -> End {
        if !self.tell(Learnt::Link(Link::Live)).await {
            return End::Unheard;
        }
        loop {
            let frame =
                match timeout(SILENT_FOR.max(self.plan.interval * 3), frames.message()).await {
                    Err(_) => return silent(),
                    Ok(Err(status)) => return self.failed(status),
                    Ok(Ok(None)) => return End::Lost("the stream ended".to_owned()),
                    Ok(Ok(Some(frame))) => frame,
                };
            if self.sequence.check(&frame).is_err() {
                return End::OutOfStep;
            }
            let goodbye = match &frame.kind {
                Some(Kind::Goodbye(goodbye)) => Some(goodbye.message.clone()),
                Some(Kind::Snapshot(part) | Kind::Delta(part)) => {
                    let newest = part.events.last().map(|event| event.seq);
                    self.events_seen = newest.unwrap_or(self.events_seen);
                    None
                }
                Some(Kind::Heartbeat(_)) | None => None,
            };
            if !self.tell(Learnt::Frame(Box::new(frame))).await {
                return End::Unheard;
            }
            if let Some(message) = goodbye {
                return End::Lost(format!("it said goodbye: {message}"));
            }
        }
    }

    /// Why a request failed.
    fn failed(&self, status: Status) -> End {
        end_of(&self.plan.dial.explain(status))
    }

    /// Waits for room in the queue; false when nobody listens any more.
    async fn tell(&self, what: Learnt) -> bool {
        let event = FeedEvent {
            replica: self.plan.replica,
            at: self.plan.clock.now(),
            what,
        };
        self.wires.events.send(event).await.is_ok()
    }
}

fn silent() -> End {
    End::Lost("no word within its time".to_owned())
}

fn lost(error: &TokenError) -> End {
    End::Lost(last_cause(error))
}

fn end_of(status: &Status) -> End {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => End::Refused(format!(
            "{} (name a token with --token-file or PUSHTOP_TOKEN)",
            status.message()
        )),
        Code::Unimplemented => End::Lost(
            "no admin API here: it has a port of its own, 50054 unless admin.address says otherwise"
                .to_owned(),
        ),
        _ => End::Lost(status_words(status)),
    }
}

/// A status in words: its message, and what is behind it.
pub fn status_words(status: &Status) -> String {
    let message = status.message();
    match status.source() {
        Some(source) if message.is_empty() || message == "transport error" => last_cause(source),
        _ if message.is_empty() => format!("{:?}", status.code()),
        _ => message.to_owned(),
    }
}

/// The last cause of an error, in words: it says most.
pub fn last_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
