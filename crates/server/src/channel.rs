//! The one place where a gRPC channel to a peer is made: nodes and the
//! Controller. Transport security would be added here.
//!
//! No HTTP/2 keepalive pings: grpc-go's default policy answers them with
//! GOAWAY `too_many_pings`. TCP keepalive, `TCP_USER_TIMEOUT` and each call's
//! deadline find the dead.

mod failure;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};
use tonic::transport::{Channel, Endpoint, Error, Uri};
use tower::service_fn;

pub use self::failure::{Failure, describe};

/// How connections are made and watched.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSettings {
    /// For name look-up and the TCP handshake together.
    pub connect_timeout: Duration,
    /// Idle time before TCP probes the peer; unacknowledged data breaks the
    /// connection after the same time.
    pub tcp_keepalive: Duration,
}

/// The system counts in whole seconds and refuses 0.
const SHORTEST_PROBE: Duration = Duration::from_secs(1);

/// Counts the open connections of one peer, and tells when one opens or closes.
#[derive(Debug, Default)]
pub struct LiveConnections {
    open: AtomicUsize,
    gauge: Option<prometheus::IntGauge>,
    changed: Option<Arc<Notify>>,
}

impl LiveConnections {
    /// Shows the count on `gauge` and wakes `changed` whenever it changes.
    pub fn new(gauge: prometheus::IntGauge, changed: Arc<Notify>) -> Self {
        Self {
            open: AtomicUsize::new(0),
            gauge: Some(gauge),
            changed: Some(changed),
        }
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    fn opened(self: &Arc<Self>) -> Guard {
        self.open.fetch_add(1, Ordering::AcqRel);
        if let Some(gauge) = &self.gauge {
            gauge.inc();
        }
        self.tell();
        Guard(self.clone())
    }

    fn tell(&self) {
        if let Some(changed) = &self.changed {
            changed.notify_one();
        }
    }
}

/// One open connection.
struct Guard(Arc<LiveConnections>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        if let Some(gauge) = &self.0.gauge {
            gauge.dec();
        }
        self.0.tell();
    }
}

/// A channel to `address` (host:port) that connects on its first call, and
/// again after each loss.
pub fn lazy(
    address: &str,
    settings: ChannelSettings,
    live: &Arc<LiveConnections>,
) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    let live = live.clone();
    let target: Arc<str> = address.into();
    Ok(
        endpoint.connect_with_connector_lazy(service_fn(move |_: Uri| {
            let (live, target) = (live.clone(), target.clone());
            async move {
                let stream = connect(&target, settings).await?;
                Ok::<_, io::Error>(TokioIo::new(Connection {
                    stream,
                    _open: live.opened(),
                }))
            }
        })),
    )
}

async fn connect(target: &str, settings: ChannelSettings) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect(target);
    let stream = tokio::time::timeout(settings.connect_timeout, connecting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "connect timed out"))??;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new()
        .with_time(settings.tcp_keepalive)
        .with_interval((settings.tcp_keepalive / 3).max(SHORTEST_PROBE));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(settings.tcp_keepalive))?;
    Ok(stream)
}

/// A TCP stream that counts as open until it is dropped.
struct Connection {
    stream: TcpStream,
    _open: Guard,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_shortest_keepalive_that_can_be_configured_still_connects() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = ChannelSettings {
            connect_timeout: Duration::from_secs(5),
            tcp_keepalive: Duration::from_secs(1),
        };
        let target = listener.local_addr().unwrap().to_string();
        connect(&target, settings).await.unwrap();
    }
}
