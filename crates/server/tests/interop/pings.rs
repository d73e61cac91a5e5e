//! What goes over the wire to a node.
//!
//! grpc-go answers a client that pings more often than every five minutes, or
//! without a call in flight, with GOAWAY `too_many_pings`, but only after it
//! counted several. Waiting for that takes minutes; that no ping is sent at
//! all is seen at once.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use push_manager::ids::NodeId;
use push_manager_proto::pubsub::BroadcastMessageRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::sleep,
};

use crate::{
    bed::{Bed, config, text},
    programs::{Running, go},
};

const PREFACE: usize = 24;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;

/// Type and flags of each frame that the client sent.
type Frames = Arc<Mutex<Vec<(u8, u8)>>>;

/// Passes everything on to `node`, and notes the frames that go there.
async fn sniffing_proxy(node: SocketAddr) -> (SocketAddr, Frames) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let frames = Frames::default();
    let seen = frames.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(node).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut preface = [0; PREFACE];
                from_client.read_exact(&mut preface).await.unwrap();
                to_server.write_all(&preface).await.unwrap();
                let mut head = [0; 9];
                while from_client.read_exact(&mut head).await.is_ok() {
                    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                    let mut body = vec![0; length as usize];
                    from_client.read_exact(&mut body).await.unwrap();
                    seen.lock().await.push((head[3], head[4]));
                    to_server.write_all(&head).await.unwrap();
                    to_server.write_all(&body).await.unwrap();
                }
            });
        }
    });
    (address, frames)
}

#[tokio::test]
async fn a_connection_to_a_go_node_carries_no_pings_of_ours() {
    let mut node = Running::start(go(&["node", "-user", "alice"]));
    let address = node.line().await["addr"].as_str().unwrap().to_owned();
    let (proxy, frames) = sniffing_proxy(address.parse().unwrap()).await;
    let mut config = config();
    // The shortest that the configuration allows, so that a probe comes soon.
    config.pool.tcp_keepalive = Duration::from_secs(1);
    let memory = push_manager::discovery::memory::MemoryNodes::default();
    memory.put(
        NodeId::new("connect-node-1"),
        proxy.to_string().parse().unwrap(),
        None,
    );
    let bed = Bed::around(config, memory).await;
    for _ in 0..50 {
        let answer = bed
            .client()
            .broadcast_message(BroadcastMessageRequest {
                content: Some(text(&"x".repeat(10_000))),
                ..BroadcastMessageRequest::default()
            })
            .await
            .unwrap();
        assert_eq!(answer.get_ref().total_delivered, 1);
    }
    sleep(Duration::from_secs(3)).await;

    let frames = frames.lock().await;
    let calls = frames.iter().filter(|(kind, _)| *kind == HEADERS).count();
    assert_eq!(calls, 50, "all calls went through the proxy");
    let pings = frames
        .iter()
        .filter(|(kind, flags)| *kind == PING && flags & ACK == 0)
        .count();
    assert_eq!(pings, 0, "grpc-go would close this connection");
}
