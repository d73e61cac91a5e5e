//! A TCP proxy in front of a peer that fails on demand.
//!
//! It knows bytes and connections, not gRPC: what is inside stays as the peers wrote it. The mode
//! can be switched while connections are open. Dropping the proxy resets what is open and frees
//! the port.
//!
//! | mode | open connections | new connections |
//! |---|---|---|
//! | [`Mode::Pass`] | forwarded | forwarded |
//! | [`Mode::BlackHole`] | stay open, nothing moves, not even a close | accepted, nothing moves |
//! | [`Mode::HalfOpen`] | nothing moves in one direction | the same |
//! | [`Mode::Slow`] | so many bytes a second in each direction | the same |
//! | [`Mode::Reset`] | reset | accepted, then reset |
//! | [`Mode::Refuse`] | reset | refused: nobody listens |
//!
//! What a stalled mode holds back is delivered once the mode lets it pass again, as packets that
//! were lost are sent again. Two orders leave the mode as it is: [`Proxy::cut`] resets what is open,
//! [`Proxy::strand`] silences it for good, as a firewall does that forgot its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Most bytes read at a time; as many may be held back in each direction.
const CHUNK: usize = 16 * 1024;
/// A slow connection moves its bytes in so many portions a second.
const PORTIONS: u64 = 20;

/// What the proxy does with connections. See the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Nothing passes, and nobody is told.
    BlackHole,
    /// Nothing passes in this direction.
    HalfOpen(Direction),
    /// So many bytes a second pass, in each direction of each connection.
    Slow(u64),
    /// Every connection is reset.
    Reset,
    /// Nobody listens.
    Refuse,
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to the peer: requests.
    ToPeer,
    /// From the peer to who connected: answers.
    FromPeer,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    heeded: watch::Receiver<u64>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    /// Bound and never listening: keeps the port ours while nobody listens.
    _reserved: TcpSocket,
}

/// What the proxy is told to do; each order has a number.
#[derive(Clone, Copy, Debug)]
struct Orders {
    number: u64,
    mode: Mode,
    cuts: u64,
    strands: u64,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    to_peer: AtomicU64,
    from_peer: AtomicU64,
}

impl Proxy {
    /// Listens on a free loopback port and passes everything on to `peer`.
    pub async fn to(peer: SocketAddr) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let reserved = bind(any).unwrap();
        let address = reserved.local_addr().unwrap();
        let listener = bind(address).unwrap().listen(1024).unwrap();
        let first = Orders {
            number: 0,
            mode: Mode::Pass,
            cuts: 0,
            strands: 0,
        };
        let (orders, told) = watch::channel(first);
        let (heed, heeded) = watch::channel(0);
        let counts = Arc::new(Counts::default());
        let task = tokio::task::spawn(run(listener, peer, told, heed, counts.clone()));
        Self {
            address,
            orders,
            heeded,
            counts,
            task,
            _reserved: reserved,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches the mode; when this returns, connections that come find the new one.
    pub async fn set(&self, mode: Mode) {
        self.order(|orders| orders.mode = mode).await;
    }

    /// Resets every open connection, once; the mode stays.
    pub async fn cut(&self) {
        self.order(|orders| orders.cuts += 1).await;
    }

    /// Silences every open connection for good; the mode holds for new ones.
    pub async fn strand(&self) {
        self.order(|orders| orders.strands += 1).await;
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// Connections open now, as far as the proxy has seen: in a stalled mode it sees no close.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Bytes forwarded so far in a direction.
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.counts.forwarded(direction).load(Ordering::SeqCst)
    }

    async fn order(&self, change: impl FnOnce(&mut Orders)) {
        self.orders.send_modify(|orders| {
            change(orders);
            orders.number += 1;
        });
        let number = self.orders.borrow().number;
        let mut heeded = self.heeded.clone();
        heeded.wait_for(|heeded| *heeded >= number).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Counts {
    fn forwarded(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToPeer => &self.to_peer,
            Direction::FromPeer => &self.from_peer,
        }
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Counts>);

impl Open {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        Self(counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Lets the reserving and the listening socket share the port, and nobody else.
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections, as long as the mode has someone listening.
async fn run(
    listener: TcpListener,
    peer: SocketAddr,
    mut told: watch::Receiver<Orders>,
    heed: watch::Sender<u64>,
    counts: Arc<Counts>,
) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let orders = *told.borrow_and_update();
        match (&listener, orders.mode == Mode::Refuse) {
            (Some(_), true) => listener = None,
            (None, false) => listener = Some(bind(address).unwrap().listen(1024).unwrap()),
            (Some(_), false) | (None, true) => {}
        }
        heed.send_replace(orders.number);
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return },
            client = accept(listener.as_ref()) => {
                let (open, told) = (Open::new(&counts), told.clone());
                connections.spawn(serve(client, peer, told, open));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        // A client that was gone before we looked is none.
        if let Ok((client, _)) = listener.accept().await {
            return client;
        }
    }
}

/// One connection, until both sides closed or it is to be reset.
async fn serve(client: TcpStream, peer: SocketAddr, told: watch::Receiver<Orders>, open: Open) {
    let Orders { cuts, strands, .. } = *told.borrow();
    // Whoever leaves this function, by whatever way, leaves a reset behind: a proxy that
    // goes away, too. An orderly end has sent its FIN before, after which a reset is harmless.
    reset_when_dropped(&client);
    let (mut resets, mut silences) = (told.clone(), told.clone());
    tokio::select! {
        // Before anything that a later order lets pass.
        biased;
        _ = resets.wait_for(|now| ends(now.mode) || now.cuts != cuts) => {}
        () = forward(client, peer, told, &open.0, async move {
            drop(silences.wait_for(|now| now.strands != strands).await);
        }) => {}
    }
}

fn ends(mode: Mode) -> bool {
    matches!(mode, Mode::Reset | Mode::Refuse)
}

fn reset_when_dropped(stream: &TcpStream) {
    SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

async fn forward(
    mut client: TcpStream,
    peer: SocketAddr,
    told: watch::Receiver<Orders>,
    counts: &Counts,
    stranded: impl Future<Output = ()>,
) {
    pass(&told, Direction::ToPeer).await;
    let Ok(mut peer) = TcpStream::connect(peer).await else {
        return;
    };
    reset_when_dropped(&peer);
    for stream in [&client, &peer] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.split();
    let (from_peer, to_peer) = peer.split();
    let there = pump(from_client, to_peer, Direction::ToPeer, &told, counts);
    let back = pump(from_peer, to_client, Direction::FromPeer, &told, counts);
    let moving = async { tokio::try_join!(there, back) };
    let ended = tokio::select! {
        biased;
        // Both sockets stay open, with nobody at them.
        () = stranded => std::future::pending().await,
        ended = moving => ended,
    };
    if ended.is_ok() {
        // Both sides closed in order: so does the proxy.
        for stream in [&client, &peer] {
            drop(SockRef::from(stream).set_linger(None));
        }
    }
}

/// Moves bytes in one direction as the mode allows, and then the close.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    told: &watch::Receiver<Orders>,
    counts: &Counts,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut told = told.clone();
    loop {
        let mode = pass(&told, direction).await;
        told.mark_unchanged();
        let portion = match mode {
            Mode::Slow(rate) => usize::try_from((rate / PORTIONS).max(1))
                .unwrap()
                .min(CHUNK),
            _ => CHUNK,
        };
        let read = tokio::select! {
            read = from.read(&mut buffer[..portion]) => read?,
            _ = told.changed() => continue,
        };
        // The mode may have changed while we waited for the bytes.
        let mode = pass(&told, direction).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        let moved = u64::try_from(read).unwrap();
        counts
            .forwarded(direction)
            .fetch_add(moved, Ordering::SeqCst);
        if let Mode::Slow(rate) = mode {
            tokio::time::sleep(Duration::from_secs(moved).div_f64(rate.max(1) as f64)).await;
        }
    }
}

/// Waits until the mode lets bytes pass in a direction, and gives the mode.
async fn pass(told: &watch::Receiver<Orders>, direction: Direction) -> Mode {
    let mut told = told.clone();
    let flows = |orders: &Orders| match orders.mode {
        Mode::Pass | Mode::Slow(_) => true,
        Mode::HalfOpen(dead) => dead != direction,
        Mode::BlackHole | Mode::Reset | Mode::Refuse => false,
    };
    let orders = told.wait_for(flows).await.map(|orders| *orders);
    match orders {
        Ok(orders) => orders.mode,
        // The proxy is going away: its connections end with it.
        Err(_) => std::future::pending().await,
    }
}
