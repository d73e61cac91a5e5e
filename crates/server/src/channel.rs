//! The one place where a gRPC channel to a peer is made: nodes and the
//! Controller. Transport security would be added here.
//!
//! No HTTP/2 keepalive pings: grpc-go's default policy answers them with
//! GOAWAY `too_many_pings`. TCP keepalive, `TCP_USER_TIMEOUT` and each call's
//! deadline find the dead.

mod failure;
mod link;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tonic::transport::{Channel, Endpoint, Error, Uri};
use tower::service_fn;

use self::link::Open;
pub use self::{
    failure::{Failure, describe},
    link::{Audience, LinkState, LiveConnections},
};

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
                let attempt = live.attempt();
                match connect(&target, settings).await {
                    Ok(stream) => Ok(TokioIo::new(Connection {
                        stream,
                        open: attempt.opened(),
                    })),
                    Err(error) => {
                        attempt.failed(&error);
                        Err(error)
                    }
                }
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

/// A TCP stream that counts as open until it is dropped, and knows why it ended.
struct Connection {
    stream: TcpStream,
    open: Open,
}

impl Connection {
    fn noting<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.open.ended(|| error.to_string());
        }
        polled
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = (buf.filled().len(), buf.remaining());
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let nothing = before == (buf.filled().len(), buf.remaining()) && before.1 > 0;
        if nothing && matches!(polled, Poll::Ready(Ok(()))) {
            self.open.ended(|| "closed by the peer".to_owned());
        }
        self.noting(polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noting(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.noting(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noting(polled)
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
