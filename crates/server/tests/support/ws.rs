//! A real WebSocket client that keeps what it receives.

use std::{net::SocketAddr, time::Duration};

use futures::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

pub struct Ws {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Ws {
    /// Connects and waits until the node says that the room is joined.
    pub async fn join(node: SocketAddr, user: &str, room: &str) -> Self {
        let url = format!("ws://{node}/ws?user_id={user}&user_name={user}&room_id={room}");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut client = Self { stream };
        loop {
            let frame = client
                .frame(Duration::from_secs(5))
                .await
                .expect("the join's confirmation");
            if frame.get("joined").is_some() {
                return client;
            }
        }
    }

    /// The `data` of the next push, within 5 seconds.
    pub async fn data(&mut self) -> String {
        loop {
            let frame = self.frame(Duration::from_secs(5)).await.expect("a push");
            if let Some(data) = frame.get("data") {
                return data.as_str().unwrap().to_owned();
            }
        }
    }

    /// Whether nothing more comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        self.frame(Duration::from_millis(200)).await.is_none()
    }

    /// The next text frame; `None` when the time is up or the connection ended.
    pub async fn frame(&mut self, within: Duration) -> Option<Value> {
        let next = async {
            loop {
                match self.stream.next().await? {
                    Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        };
        tokio::time::timeout(within, next).await.ok().flatten()
    }
}
