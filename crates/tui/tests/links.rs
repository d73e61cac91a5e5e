//! Links to replicas that die, stall, refuse and tell nonsense.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/fake.rs"]
mod fake;

use std::time::Duration;

use fake::Fake;
use push_manager_proto::admin::{
    ActRequest, Heartbeat, RowsPart, WatchResponse, watch_response::Kind,
};
use pushtop::{
    feed::{
        Address, Aside, Board, Dial, FEED_QUEUE, FeedClock, FeedEvent, Learnt, Look, Target, Token,
    },
    replica::{Link, ReplicaId},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tonic::Status;

const SOON: Duration = Duration::from_secs(20);

fn snapshot(epoch: u64, seq: u64) -> WatchResponse {
    WatchResponse {
        epoch,
        seq,
        monotonic_ns: seq + 1,
        kind: Some(Kind::Snapshot(RowsPart::default())),
        ..WatchResponse::default()
    }
}

fn delta(epoch: u64, base_seq: u64, seq: u64) -> WatchResponse {
    WatchResponse {
        base_seq,
        kind: Some(Kind::Delta(RowsPart::default())),
        ..snapshot(epoch, seq)
    }
}

struct Linked {
    board: Board,
    events: mpsc::Receiver<FeedEvent>,
}

async fn link(addresses: &[std::net::SocketAddr]) -> Linked {
    let (sender, events) = mpsc::channel(FEED_QUEUE);
    let board = Board::new(
        sender,
        Token::None,
        Duration::from_secs(1),
        FeedClock::begin(),
    );
    let targets = addresses.iter().map(|address| Target {
        name: address.to_string(),
        dial: Ok(Dial::tcp(&address.to_string().parse::<Address>().unwrap())),
    });
    board.set(targets.collect()).await;
    Linked { board, events }
}

impl Linked {
    /// Waits for something that a link learnt.
    async fn wait(&mut self, what: &str, is_it: impl Fn(&FeedEvent) -> bool) -> FeedEvent {
        let waiting = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if is_it(&event) {
                    return event;
                }
            }
        };
        timeout(SOON, waiting)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn frame(&mut self, seq: u64) {
        self.wait(
            &format!("frame {seq}"),
            |event| matches!(&event.what, Learnt::Frame(frame) if frame.seq == seq),
        )
        .await;
    }

    async fn retrying(&mut self) -> String {
        let event = self
            .wait("retrying", |event| {
                matches!(&event.what, Learnt::Link(Link::Retrying { .. }))
            })
            .await;
        match event.what {
            Learnt::Link(Link::Retrying { why, .. }) => why,
            _ => panic!("not retrying"),
        }
    }
}

#[tokio::test]
async fn a_replica_that_dies_is_not_live_and_is_found_again_where_it_was() {
    let script = std::sync::Arc::new(
        |_, _, frames: mpsc::Sender<Result<WatchResponse, Status>>| {
            frames.try_send(Ok(snapshot(1, 1))).unwrap();
            Box::leak(Box::new(frames));
        },
    );
    let mut fake = Fake::at("127.0.0.1:0".parse().unwrap(), None, script.clone()).await;
    let mut linked = link(&[fake.address]).await;
    linked.frame(1).await;
    let died = Instant::now();
    fake.die();
    linked.retrying().await;
    assert!(
        died.elapsed() < Duration::from_secs(3),
        "within three intervals"
    );
    let again = Fake::at(fake.address, None, script).await;
    linked.frame(1).await;
    assert_eq!(again.watched(), 1);
}

#[tokio::test]
async fn a_lost_stream_is_resumed_and_a_frame_out_of_step_begins_anew() {
    let fake = Fake::playing(|before, request, frames| {
        let resumed = request.resume.map(|resume| (resume.epoch, resume.seq));
        let sent = match before {
            0 => vec![snapshot(7, 5)],
            // The stream ended: it is taken up where it was.
            1 => {
                assert_eq!(resumed, Some((7, 5)));
                vec![delta(7, 5, 6), delta(7, 99, 100)]
            }
            // A delta did not follow: everything is wanted again.
            _ => {
                assert_eq!(resumed, None);
                vec![snapshot(7, 101)]
            }
        };
        for frame in sent {
            frames.try_send(Ok(frame)).unwrap();
        }
    })
    .await;
    let mut linked = link(&[fake.address]).await;
    linked.frame(5).await;
    linked.frame(6).await;
    let why = linked.retrying().await;
    assert!(why.contains("beginning anew"), "{why}");
    linked.frame(101).await;
}

#[tokio::test]
async fn a_frame_out_of_step_is_never_shown() {
    let fake = Fake::playing(|before, _, frames| {
        let frame = if before == 0 {
            delta(7, 3, 4)
        } else {
            snapshot(7, 50)
        };
        frames.try_send(Ok(frame)).unwrap();
    })
    .await;
    let mut linked = link(&[fake.address]).await;
    let first = linked
        .wait("a frame", |event| matches!(&event.what, Learnt::Frame(_)))
        .await;
    assert!(matches!(first.what, Learnt::Frame(frame) if frame.seq == 50));
}

#[tokio::test]
async fn an_authentication_failure_ends_retrying_until_asked() {
    let fake = Fake::refusing(Status::unauthenticated("no token")).await;
    let mut linked = link(&[fake.address]).await;
    let refused = |event: &FeedEvent| matches!(&event.what, Learnt::Link(Link::Refused { .. }));
    let event = linked.wait("refused", refused).await;
    let Learnt::Link(Link::Refused { why }) = event.what else {
        panic!()
    };
    assert!(
        why.contains("no token") && why.contains("--token-file"),
        "{why}"
    );
    let quiet = timeout(Duration::from_secs(2), linked.events.recv()).await;
    assert!(quiet.is_err(), "it is not tried again: {quiet:?}");
    linked.board.reconnect(ReplicaId(0));
    linked.wait("refused again", refused).await;
}

#[tokio::test]
async fn a_wrong_port_is_told_in_words_that_say_what_to_mend() {
    let fake = Fake::refusing(Status::unimplemented("unknown service")).await;
    let mut linked = link(&[fake.address]).await;
    let why = linked.retrying().await;
    assert!(why.contains("50054"), "{why}");
}

/// A link by this dial.
async fn dialled(name: &str, dial: Dial) -> Linked {
    let (sender, events) = mpsc::channel(FEED_QUEUE);
    let board = Board::new(
        sender,
        Token::None,
        Duration::from_secs(1),
        FeedClock::begin(),
    );
    let name = name.to_owned();
    board
        .set(vec![Target {
            name,
            dial: Ok(dial),
        }])
        .await;
    Linked { board, events }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_silent_is_made_anew_after_ten_seconds() {
    let (dials, mut made) = mpsc::channel(8);
    // Someone takes the connection and never says a word.
    let dial = Dial::by(move || {
        let dials = dials.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            dials.send(theirs).await.unwrap();
            Ok(Box::new(ours) as Box<dyn pushtop::feed::Stream>)
        }
    });
    let mut linked = dialled("silent", dial).await;
    let began = Instant::now();
    let _first = made.recv().await.unwrap();
    linked.retrying().await;
    assert!(
        began.elapsed() <= Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
    let _second = made.recv().await.unwrap();
}

/// The stream fails before any request could be made of it.
#[tokio::test]
async fn what_a_stream_failed_with_is_told_also_when_it_came_before_the_first_request() {
    let dial = Dial::by(|| async {
        let failing = tokio_util::io::StreamReader::new(futures::stream::iter([Err::<&[u8], _>(
            std::io::Error::other("nothing listens on 7000"),
        )]));
        let both = tokio::io::join(failing, tokio::io::sink());
        Ok(Box::new(both) as Box<dyn pushtop::feed::Stream>)
    });
    let mut linked = dialled("failing", dial).await;
    for _ in 0..3 {
        let why = linked.retrying().await;
        assert!(why.contains("nothing listens on 7000"), "{why}");
    }
}

#[tokio::test]
async fn commands_while_disconnected_neither_wait_nor_shorten_the_pause() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let mut linked = link(&[address]).await;
    linked.retrying().await;
    let began = Instant::now();
    for _ in 0..50 {
        let answer = linked.board.act(ReplicaId(0), ActRequest::default()).await;
        assert!(answer.unwrap_err().contains("not connected"));
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    let mut tries = 0;
    while began.elapsed() < Duration::from_secs(3) {
        if timeout(Duration::from_secs(1), linked.retrying())
            .await
            .is_ok()
        {
            tries += 1;
        }
    }
    assert!(
        (1..=12).contains(&tries),
        "it goes on trying, at its own pace: {tries}"
    );
}

#[tokio::test]
async fn a_stalled_replica_does_not_disturb_another() {
    let still = Fake::playing(|_, _, frames| {
        frames.try_send(Ok(snapshot(1, 1))).unwrap();
        Box::leak(Box::new(frames));
    })
    .await;
    let lively = Fake::playing(|_, _, frames| {
        drop(tokio::spawn(async move {
            drop(frames.send(Ok(snapshot(2, 1))).await);
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let beat = WatchResponse {
                    kind: Some(Kind::Heartbeat(Heartbeat {})),
                    ..snapshot(2, 1)
                };
                drop(frames.send(Ok(beat)).await);
            }
        }));
    })
    .await;
    let mut linked = link(&[still.address, lively.address]).await;
    for _ in 0..15 {
        linked
            .wait("a heartbeat", |event| {
                event.replica == ReplicaId(1)
                    && matches!(&event.what, Learnt::Frame(frame) if matches!(frame.kind, Some(Kind::Heartbeat(_))))
            })
            .await;
    }
}

#[tokio::test]
async fn a_console_that_does_not_read_holds_a_bounded_number_of_frames() {
    let fake = Fake::playing(|_, _, frames| {
        drop(tokio::spawn(async move {
            drop(frames.send(Ok(snapshot(1, 0))).await);
            let mut seq = 0;
            while frames.send(Ok(delta(1, seq, seq + 1))).await.is_ok() {
                seq += 1;
            }
        }));
    })
    .await;
    let mut linked = link(&[fake.address]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(linked.events.len() <= FEED_QUEUE);
    // And it goes on from where it was: nothing is lost by not reading.
    let mut last = 0;
    for _ in 0..600 {
        let event = linked.events.recv().await.unwrap();
        if let Learnt::Frame(frame) = event.what {
            assert!(frame.seq == 0 || frame.seq == last + 1);
            last = frame.seq;
        }
    }
}

#[tokio::test]
async fn targets_come_and_go_and_keep_their_letters() {
    let fakes = [
        Fake::playing(|_, _, frames| frames.try_send(Ok(snapshot(1, 1))).unwrap()).await,
        Fake::playing(|_, _, frames| frames.try_send(Ok(snapshot(2, 1))).unwrap()).await,
    ];
    let mut linked = link(&[fakes[0].address, fakes[1].address]).await;
    linked
        .wait("b", |event| event.replica == ReplicaId(1))
        .await;
    let target = |fake: &Fake| Target {
        name: fake.address.to_string(),
        dial: Ok(Dial::tcp(&fake.address.to_string().parse().unwrap())),
    };
    linked.board.set(vec![target(&fakes[1])]).await;
    let gone = linked
        .wait("a is gone", |event| event.what == Learnt::Link(Link::Gone))
        .await;
    assert_eq!(gone.replica, ReplicaId(0));
    linked
        .board
        .set(vec![target(&fakes[0]), target(&fakes[1])])
        .await;
    linked
        .wait("a is back", |event| {
            event.replica == ReplicaId(0) && matches!(event.what, Learnt::Link(Link::Live))
        })
        .await;
}

#[tokio::test]
async fn pods_that_come_and_go_for_years_leave_room_for_the_next() {
    let mut linked = link(&[]).await;
    let mut fleet = pushtop::fleet::Fleet::default();
    for number in 0..1_000 {
        let name = format!("pod-{number}");
        let target = Target {
            name: name.clone(),
            dial: Err(format!("{name} is out of reach")),
        };
        linked.board.set(vec![target]).await;
        while let Ok(event) = linked.events.try_recv() {
            fleet.take_in(event);
        }
        let mut there = fleet.replicas().iter();
        let there = there.find(|replica| *replica.link() != Link::Gone).unwrap();
        assert_eq!(there.name(), name);
        assert!(matches!(there.link(), Link::Refused { why } if why.contains(&name)));
    }
}

#[tokio::test]
async fn a_link_that_is_alive_is_made_anew_when_asked() {
    let fake = Fake::playing(|before, request, frames| {
        assert_eq!(request.resume, None, "everything is wanted again");
        frames.try_send(Ok(snapshot(1, before as u64))).unwrap();
        Box::leak(Box::new(frames));
    })
    .await;
    let mut linked = link(&[fake.address]).await;
    linked.frame(0).await;
    let asked = Instant::now();
    linked.board.reconnect(ReplicaId(0));
    linked.frame(1).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "without a pause");
    assert_eq!(fake.watched(), 2);
}

#[tokio::test]
async fn what_is_looked_at_is_told_by_every_replica_and_nothing_else_is() {
    let still = |_, _, frames: mpsc::Sender<Result<WatchResponse, Status>>| {
        frames.try_send(Ok(snapshot(1, 1))).unwrap();
        Box::leak(Box::new(frames));
    };
    let fakes = [Fake::playing(still).await, Fake::playing(still).await];
    let mut linked = link(&[fakes[0].address, fakes[1].address]).await;
    linked.board.look_at(Some(Look::Node("push-1".to_owned())));
    for replica in [0, 1] {
        let told = |event: &FeedEvent| {
            let Learnt::Aside(Aside::Node(told)) = &event.what else {
                return false;
            };
            event.replica == ReplicaId(replica) && told.node_static.as_ref().unwrap().id == "push-1"
        };
        linked.wait("the node", told).await;
    }
    linked
        .board
        .look_at(Some(Look::Api("PushToRoom".to_owned())));
    let api = |event: &FeedEvent| matches!(&event.what, Learnt::Aside(Aside::Api(_)));
    linked.wait("the RPC", api).await;
    linked.board.look_at(Some(Look::Node("gone".to_owned())));
    let untold = |event: &FeedEvent| matches!(&event.what, Learnt::Aside(Aside::Untold(why)) if why.contains("no node is called"));
    linked.wait("why not", untold).await;
    // The link itself is untouched, and nothing is open for nobody.
    linked.board.look_at(None);
    let began = Instant::now();
    let open = |fake: &Fake| fake.details.load(std::sync::atomic::Ordering::SeqCst);
    while fakes.iter().any(|fake| open(fake) > 0) {
        assert!(began.elapsed() < SOON, "streams that nobody looks at");
        drop(timeout(Duration::from_millis(20), linked.events.recv()).await);
    }
    assert_eq!(fakes.each_ref().map(Fake::watched), [1, 1]);
}
