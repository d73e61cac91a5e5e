//! The life of one WebSocket: writes what waits for the client, pings it, reads its few requests
//! and says goodbye with a reason.

use std::{ops::ControlFlow, sync::atomic::Ordering, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::SinkExt;
use tokio::time::{Instant, MissedTickBehavior, error::Elapsed, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    client::{TooSlow, Waiting},
    config::NodeLimits,
    frame::{self, Request},
    hub::Hub,
    seat::Seat,
};

/// Frames written before the client's requests are looked at again.
const BATCH: usize = 64;

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The client went, with or without a goodbye.
    Left,
    /// Its queue was full.
    TooSlow(TooSlow),
    /// A write took too long.
    Stalled(Duration),
    /// It gave no sign of life.
    Silent(Duration),
    /// The node is shutting down.
    GoingAway,
}

/// Serves a client until either side ends it; the kill switch is the caller's matter.
pub(crate) async fn serve(
    mut socket: WebSocket,
    mut seat: Seat,
    mut waiting: Waiting,
    hub: &Hub,
    limits: &NodeLimits,
    going_away: CancellationToken,
) {
    let end = talk(&mut socket, &mut seat, &mut waiting, limits, going_away).await;
    // From here on the user is not here: pushes must not count on a socket that is being closed.
    let user = seat.client.user.clone();
    drop(seat);
    if matches!(end, End::TooSlow(_) | End::Stalled(_) | End::Silent(_)) {
        hub.totals.cut.fetch_add(1, Ordering::Relaxed);
    }
    tracing::debug!(user.id = %user, ?end, "client gone");
    let rest = waiting.take_rest();
    let goodbye = say_goodbye(&mut socket, &end, rest);
    if timeout(limits.close_timeout, goodbye).await.is_err() {
        tracing::debug!(user.id = %user, "client did not take the goodbye");
    }
}

async fn talk(
    socket: &mut WebSocket,
    seat: &mut Seat,
    waiting: &mut Waiting,
    limits: &NodeLimits,
    going_away: CancellationToken,
) -> End {
    let mut ping = tokio::time::interval(limits.ping_interval);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let client = seat.client.clone();
    let mut heard = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            reason = client.cut_off() => return End::TooSlow(reason),
            () = going_away.cancelled() => return End::GoingAway,
            inbound = socket.recv() => match inbound {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Left,
                Some(Ok(message)) => {
                    heard = Instant::now();
                    obey(seat, message).await;
                }
            },
            count = waiting.take(&mut batch, BATCH) => {
                if count == 0 {
                    return End::Left;
                }
                let bytes = batch.iter().map(|frame: &Utf8Bytes| frame.len()).sum();
                let write = send_all(socket, batch.drain(..).map(Message::Text));
                let written = tokio::select! {
                    reason = client.cut_off() => return End::TooSlow(reason),
                    written = timeout(limits.write_timeout, write) => written,
                };
                waiting.written(bytes);
                if let ControlFlow::Break(end) = outcome(&written, limits) {
                    return end;
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() >= limits.ping_interval * 2 {
                    return End::Silent(limits.ping_interval * 2);
                }
                let write = send_all(socket, [Message::Ping(axum::body::Bytes::new())]);
                let written = timeout(limits.write_timeout, write).await;
                if let ControlFlow::Break(end) = outcome(&written, limits) {
                    return end;
                }
            }
        }
    }
}

async fn send_all(
    socket: &mut WebSocket,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), axum::Error> {
    for message in messages {
        socket.feed(message).await?;
    }
    socket.flush().await
}

fn outcome(
    written: &Result<Result<(), axum::Error>, Elapsed>,
    limits: &NodeLimits,
) -> ControlFlow<End> {
    match written {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) => ControlFlow::Break(End::Left),
        Err(_) => ControlFlow::Break(End::Stalled(limits.write_timeout)),
    }
}

async fn obey(seat: &mut Seat, message: Message) {
    let Message::Text(text) = message else {
        return;
    };
    match frame::request(text.as_str()) {
        Some(Request::Join(room)) => {
            if let Err(refusal) = seat.join(room).await {
                seat.client.offer(&frame::refusal(&refusal));
            }
        }
        Some(Request::Leave(room)) => seat.leave(&room),
        None => {}
    }
}

/// Sends a close frame that says why, and reads on until the client has answered it: closing
/// with unread bytes would reset the connection and take the reason with it.
async fn say_goodbye(socket: &mut WebSocket, end: &End, rest: Vec<Utf8Bytes>) {
    let (code, reason) = match end {
        End::Left => (close_code::NORMAL, String::new()),
        End::TooSlow(why) => (close_code::POLICY, why.to_string()),
        End::Stalled(bound) => {
            let reason = format!("too slow: a write stalled for {bound:?}");
            (close_code::POLICY, reason)
        }
        End::Silent(bound) => (close_code::POLICY, format!("no sign of life for {bound:?}")),
        End::GoingAway => (close_code::AWAY, "going away".to_owned()),
    };
    // What was accepted for delivery is written before the goodbye of a healthy client.
    let rest = if matches!(end, End::GoingAway) {
        rest
    } else {
        Vec::new()
    };
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    let messages = rest.into_iter().map(Message::Text).chain([close]);
    if send_all(socket, messages).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}
