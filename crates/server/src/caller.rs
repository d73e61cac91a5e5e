//! Connections from callers: taken in, and closed when they stay silent.
//!
//! HTTP/2 keepalive begins with the client's preface, so a connection that never
//! says anything would otherwise be held for ever, and its file descriptor too.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep},
};
use tonic::transport::server::{Connected, TcpConnectInfo};
use tracing::warn;

/// A pause after a connection could not be accepted, instead of spinning.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Takes connections in.
#[derive(Debug)]
pub struct Callers {
    listener: TcpListener,
    silence: Duration,
}

impl Callers {
    /// Connections that say nothing for `silence` are closed.
    pub fn new(listener: TcpListener, silence: Duration) -> Self {
        Self { listener, silence }
    }

    /// The next one.
    pub async fn next(&self) -> (Caller, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // A socket that is gone already fails at its first use.
                    drop(stream.set_nodelay(true));
                    return (Caller::new(stream, self.silence), from);
                }
                Err(error) => {
                    warn!(%error, "can't accept connections");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
    }
}

impl axum::serve::Listener for Callers {
    type Io = Caller;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Caller, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when nothing was read for too long.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    silence: Duration,
    limit: Pin<Box<Sleep>>,
}

impl Caller {
    fn new(stream: TcpStream, silence: Duration) -> Self {
        Self {
            stream,
            silence,
            limit: Box::pin(sleep(silence)),
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            let until = Instant::now() + self.silence;
            self.limit.as_mut().reset(until);
            return read;
        }
        self.limit.as_mut().poll(cx).map(|()| {
            let silent = "nothing was heard for too long";
            Err(io::Error::new(io::ErrorKind::TimedOut, silent))
        })
    }
}

impl AsyncWrite for Caller {
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

impl Connected for Caller {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let callers = Callers::new(listener, Duration::from_millis(50));
        let _silent = TcpStream::connect(address).await.unwrap();
        let (mut caller, _) = callers.next().await;
        let error = caller.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
