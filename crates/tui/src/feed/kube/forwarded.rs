//! A forwarded port as a byte stream that fails with the pod's own word.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// What a pod may say of a port before it is of no more use.
pub(super) type Word = BoxFuture<'static, Option<String>>;

/// The port. Kubernetes tells that it can't be reached beside the stream, which then stays open and
/// silent: whoever reads or writes learns it here.
pub(super) struct Forwarded {
    pub(super) stream: DuplexStream,
    /// Nothing once it was told that there will be none.
    pub(super) error: Option<Word>,
}

impl Forwarded {
    fn told(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        let Poll::Ready(told) = self.error.as_mut()?.as_mut().poll(cx) else {
            return None;
        };
        self.error = None;
        told.map(io::Error::other)
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(told) = self.told(cx) {
            return Poll::Ready(Err(told));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Before the broken pipe that is left of it.
        if let Some(told) = self.told(cx) {
            return Poll::Ready(Err(told));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
