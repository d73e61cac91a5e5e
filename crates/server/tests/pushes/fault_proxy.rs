//! The fault proxy does what its modes promise: the other tests stand on it.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use crate::{
    bed::{eventually, loopback},
    proxy::{Direction, Mode, Proxy},
};

const SOON: Duration = Duration::from_secs(10);
/// Long enough for a byte on loopback, had it been let through.
const A_WHILE: Duration = Duration::from_millis(200);

/// Sends back what it gets, and closes when its client does.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::task::spawn(async move {
                let (mut read, mut write) = stream.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
                drop(write.shutdown().await);
            });
        }
    });
    address
}

async fn proxied() -> (Proxy, TcpStream) {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(said(&mut stream, b"hello").await, "hello");
    (proxy, stream)
}

async fn said(stream: &mut TcpStream, words: &[u8]) -> String {
    stream.write_all(words).await.unwrap();
    heard(stream, words.len()).await
}

async fn heard(stream: &mut TcpStream, bytes: usize) -> String {
    let mut echo = vec![0; bytes];
    let reading = timeout(SOON, stream.read_exact(&mut echo));
    reading.await.expect("an echo").unwrap();
    String::from_utf8(echo).unwrap()
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(A_WHILE, stream.read_u8()).await.is_err()
}

async fn end(stream: &mut TcpStream) -> io::Result<usize> {
    timeout(SOON, stream.read(&mut [0; 8]))
        .await
        .expect("an end")
}

#[tokio::test]
async fn a_passing_proxy_forwards_both_ways_and_the_close() {
    let (proxy, mut stream) = proxied().await;
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    assert_eq!(proxy.forwarded(Direction::ToPeer), 5);
    assert_eq!(proxy.forwarded(Direction::FromPeer), 5);
    stream.shutdown().await.unwrap();
    assert_eq!(end(&mut stream).await.unwrap(), 0, "the peer's own close");
    eventually("the connection is gone", || proxy.open() == 0).await;
}

#[tokio::test]
async fn a_black_hole_swallows_mid_stream_and_gives_up_what_it_held() {
    let (proxy, mut open) = proxied().await;
    proxy.set(Mode::BlackHole).await;
    open.write_all(b"lost?").await.unwrap();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    new.write_all(b"and I?").await.unwrap();
    assert!(is_silent(&mut open).await && is_silent(&mut new).await);
    assert_eq!(proxy.forwarded(Direction::ToPeer), 5);
    proxy.set(Mode::Pass).await;
    assert_eq!(heard(&mut open, 5).await, "lost?");
    assert_eq!(heard(&mut new, 6).await, "and I?");
}

#[tokio::test]
async fn a_half_open_connection_is_dead_in_one_direction_only() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Mode::HalfOpen(Direction::FromPeer)).await;
    stream.write_all(b"there").await.unwrap();
    eventually("it arrives", || proxy.forwarded(Direction::ToPeer) == 10).await;
    assert!(is_silent(&mut stream).await);
    proxy.set(Mode::HalfOpen(Direction::ToPeer)).await;
    assert_eq!(heard(&mut stream, 5).await, "there");
    stream.write_all(b"again").await.unwrap();
    assert!(is_silent(&mut stream).await);
    assert_eq!(proxy.forwarded(Direction::ToPeer), 10);
}

#[tokio::test]
async fn a_slow_connection_keeps_to_its_rate() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Mode::Slow(10_000)).await;
    let began = Instant::now();
    let words = vec![b'x'; 5_000];
    assert_eq!(said(&mut stream, &words).await.len(), words.len());
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    proxy.set(Mode::Pass).await;
    assert_eq!(said(&mut stream, &words).await.len(), words.len());
}

#[tokio::test]
async fn a_reset_is_seen_as_one_by_both_sides() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await;
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    assert_eq!(heard(&mut peer, 5).await, "hello");
    proxy.set(Mode::Reset).await;
    for side in [&mut client, &mut peer] {
        let error = end(side).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    let error = end(&mut new).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_lets_new_connections_pass() {
    let (proxy, mut stream) = proxied().await;
    proxy.cut().await;
    let error = end(&mut stream).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(said(&mut new, b"fine").await, "fine");
}

#[tokio::test]
async fn a_stranded_connection_stays_silent_while_new_ones_pass() {
    let (proxy, mut stream) = proxied().await;
    proxy.strand().await;
    stream.write_all(b"lost").await.unwrap();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(said(&mut new, b"fine").await, "fine");
    assert!(is_silent(&mut stream).await);
    assert_eq!(proxy.open(), 2);
    proxy.cut().await;
    assert!(end(&mut stream).await.is_err());
}

#[tokio::test]
async fn a_refusing_proxy_keeps_its_port_and_listens_again() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Mode::Refuse).await;
    assert!(end(&mut stream).await.is_err());
    let error = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let taken = std::net::TcpListener::bind(proxy.address());
    assert!(taken.is_err(), "the port is kept");
    proxy.set(Mode::Pass).await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(said(&mut new, b"back").await, "back");
}

#[tokio::test]
async fn a_proxy_that_is_dropped_resets_what_was_open() {
    let (proxy, mut stream) = proxied().await;
    drop(proxy);
    let error = end(&mut stream).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}
