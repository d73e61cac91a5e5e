//! One client's connections, one after the other.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::{
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

use super::{ClientSpec, log::Notes};

/// Between two attempts to connect.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// An attempt has so long, up to the confirmation of the join.
const JOIN_WITHIN: Duration = Duration::from_secs(5);
/// The node is asked so often whether it is there. A client counts as present up to
/// the last answer, so that a node which died without a word loses nobody's pushes.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A node that is silent for so long is gone, whatever TCP says.
const SILENT_AFTER: Duration = Duration::from_secs(4);
/// The answer to a goodbye has so long to go out.
const PART_WITHIN: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What of a node's frame matters here.
#[derive(Deserialize)]
struct Frame {
    joined: Option<String>,
    data: Option<String>,
    error: Option<String>,
}

/// Stays connected for ever, to one node after the other.
pub(super) async fn stay(spec: ClientSpec, notes: Arc<Notes>) {
    for node in spec.nodes.iter().cycle() {
        let why = match timeout(JOIN_WITHIN, join(&spec, node, &notes)).await {
            Ok(Ok(socket)) => listen(socket, &notes).await,
            Ok(Err(why)) => why,
            Err(_) => format!("no confirmed join within {JOIN_WITHIN:?}"),
        };
        notes.ended(format!("{node}: {why}"));
        sleep(RETRY_AFTER).await;
    }
    notes.ended("there is no node to connect to".to_owned());
}

/// Connects and waits until each room is confirmed; without rooms the node confirms
/// one of its own.
async fn join(spec: &ClientSpec, node: &str, notes: &Notes) -> Result<Socket, String> {
    let rooms: BTreeSet<&str> = spec.rooms.iter().map(String::as_str).collect();
    let listed: Vec<&str> = rooms.iter().copied().collect();
    let (user, listed) = (escaped(&spec.user), escaped(&listed.join(",")));
    let scheme = if node.contains("://") { "" } else { "ws://" };
    let url = format!("{scheme}{node}/ws?user_id={user}&user_name={user}&room_id={listed}");
    let (mut socket, _) = connect_async(url).await.map_err(|error| refusal(&error))?;
    let mut open = rooms.len().max(1);
    loop {
        let Some(next) = socket.next().await else {
            return Err("ended before the join was confirmed".to_owned());
        };
        let Message::Text(text) = next.map_err(|error| error.to_string())? else {
            continue;
        };
        open -= usize::from(take(text.as_str(), notes)?);
        if open == 0 {
            notes.joined();
            return Ok(socket);
        }
    }
}

/// Logs what comes until the connection ends, and says why it did.
async fn listen(mut socket: Socket, notes: &Notes) -> String {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            next = socket.next() => {
                let frame = match next {
                    None => return "the connection ended".to_owned(),
                    Some(Err(error)) => return error.to_string(),
                    Some(Ok(frame)) => frame,
                };
                heard = Instant::now();
                notes.alive();
                match frame {
                    Message::Text(text) => if let Err(why) = take(text.as_str(), notes) {
                        return why;
                    },
                    Message::Close(close) => {
                        part(socket).await;
                        return close.map_or_else(|| "closed".to_owned(), |why| why.to_string());
                    }
                    _ => {}
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() >= SILENT_AFTER {
                    return format!("silent for {SILENT_AFTER:?}");
                }
                if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                    return error.to_string();
                }
            }
        }
    }
}

/// Reads on, which sends the answer to the goodbye, until the node hangs up.
async fn part(mut socket: Socket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    timeout(PART_WITHIN, rest).await.ok();
}

/// Notes a push; true for the confirmation of a join.
fn take(text: &str, notes: &Notes) -> Result<bool, String> {
    let frame: Frame =
        serde_json::from_str(text).map_err(|error| format!("not a frame: {error}"))?;
    if let Some(data) = frame.data {
        notes.push(&data);
    }
    match frame.error {
        Some(error) => Err(error),
        None => Ok(frame.joined.is_some()),
    }
}

/// Why a node let nobody in, in its own words.
fn refusal(error: &Error) -> String {
    if let Error::Http(answer) = error {
        let said = answer.body().as_deref().unwrap_or_default();
        let said = String::from_utf8_lossy(said);
        return format!("{}: {}", answer.status(), said.trim());
    }
    error.to_string()
}

/// Text as part of an address. Commas stay: they part the rooms.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    escaped
}

/// A number below 16.
fn digit(number: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(number)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parts_an_address_is_escaped() {
        assert_eq!(escaped("room-1,a b&c=é"), "room-1,a%20b%26c%3D%C3%A9");
    }
}
