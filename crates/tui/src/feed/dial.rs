//! How a link reaches its replica: a byte stream, whatever it is made of.

use std::{error::Error as _, fmt, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tonic::{
    Status,
    transport::{Channel, Endpoint, Error, Uri},
};
use tower::service_fn;

use super::{
    Address,
    heard::{Failed, Heard},
};

/// A byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Dialing = dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Stream>>> + Send + Sync;

/// Makes byte streams to one replica. Transport security would be added here.
#[derive(Clone)]
pub struct Dial {
    dialing: Arc<Dialing>,
    failed: Failed,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial")
    }
}

/// Making a connection may take so long.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Silence after which the peer is asked for a sign of life.
const PROBE_AFTER: Duration = Duration::from_secs(5);
/// How long that may take.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

impl Dial {
    /// By `dialing`, anew for each connection.
    pub fn by<F>(dialing: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Box<dyn Stream>>> + Send + 'static,
    {
        Self {
            dialing: Arc::new(move || Box::pin(dialing())),
            failed: Failed::default(),
        }
    }

    /// Over TCP.
    pub fn tcp(to: &Address) -> Self {
        let to = to.clone();
        Self::by(move || {
            let to = to.clone();
            async move {
                let stream = TcpStream::connect((to.host.as_str(), to.port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }
        })
    }

    /// A connection, or why there is none.
    pub async fn connect(&self) -> Result<Channel, Error> {
        let (dialing, failed) = (self.dialing.clone(), self.failed.clone());
        Endpoint::from_static("http://replica")
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(PROBE_AFTER)
            .keep_alive_timeout(PROBE_WITHIN)
            .keep_alive_while_idle(true)
            .connect_with_connector(service_fn(move |_: Uri| {
                let (dialing, failed) = (dialing(), failed.clone());
                failed.forget();
                async move {
                    let stream = dialing.await?;
                    Ok::<_, io::Error>(TokioIo::new(Heard { stream, failed }))
                }
            }))
            .await
    }

    /// The status of a request over the connection, in the words that the connection itself failed
    /// with, if that is why: a request that came later says no more than that it was cancelled.
    pub fn explain(&self, status: Status) -> Status {
        match self.failed.with() {
            Some(words) if status.source().is_some() => Status::unavailable(words),
            _ => status,
        }
    }
}
