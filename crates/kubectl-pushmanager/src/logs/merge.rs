//! What the logs have now, in the order of time.

use futures::{AsyncBufRead, AsyncBufReadExt, StreamExt, TryStreamExt, stream::BoxStream};
use tokio::time::timeout;

use super::{Line, MOST_PODS, Out, Read, Wish};
use crate::{
    cluster::{ANSWER_WITHIN, Cluster, ClusterError, bounded},
    pod::PodFacts,
};

/// A log with its next line.
struct Source {
    pod: String,
    lines: BoxStream<'static, std::io::Result<String>>,
    next: Option<Line>,
}

/// Prints the logs of all pods.
pub async fn merged(
    cluster: &Cluster,
    name: &str,
    wish: &Wish,
    out: &mut impl Out,
) -> Result<std::io::Result<Read>, ClusterError> {
    cluster.push_manager(name).await?;
    let pods = cluster.pods(name).await?;
    if pods.len() > MOST_PODS {
        out.remark(&format!("{} pods; only {MOST_PODS} are read", pods.len()));
    }
    let mut read = Read::default();
    let mut sources = Vec::new();
    for pod in pods.iter().take(MOST_PODS).map(PodFacts::of) {
        match open(cluster, &pod, wish).await {
            Ok(source) => sources.push(source),
            Err(error) => {
                read.failed += 1;
                out.remark(&format!("{}: {error}", pod.name));
            }
        }
    }
    read.pods = sources.len();
    Ok(print(sources, out).await.map(|()| read))
}

async fn open(cluster: &Cluster, pod: &PodFacts, wish: &Wish) -> Result<Source, ClusterError> {
    let params = wish.params(pod.container.as_deref(), false, None);
    let api = cluster.pods_api();
    let opening = api.log_stream(&pod.name, &params);
    let mut source = Source {
        pod: pod.name.clone(),
        lines: lines(bounded("reading its log", opening).await?),
        next: None,
    };
    source.advance().await;
    Ok(source)
}

/// The lines of a log.
pub(super) fn lines(
    log: impl AsyncBufRead + Send + 'static,
) -> BoxStream<'static, std::io::Result<String>> {
    Box::pin(log).lines().boxed()
}

impl Source {
    /// Reads on. A log that breaks off, or says nothing for long, ends.
    async fn advance(&mut self) {
        let next = timeout(ANSWER_WITHIN, self.lines.try_next()).await;
        let next = next.ok().and_then(Result::ok).flatten();
        self.next = next.map(|sent| Line::read(&self.pod, &sent));
    }
}

/// The oldest line of all comes first; one without a time at once.
async fn print(mut sources: Vec<Source>, out: &mut impl Out) -> std::io::Result<()> {
    loop {
        let open = sources.iter_mut().filter(|source| source.next.is_some());
        let oldest = open.min_by_key(|source| source.next.as_ref().and_then(|line| line.at));
        let Some(source) = oldest else {
            return Ok(());
        };
        if let Some(line) = source.next.take() {
            out.line(&line)?;
        }
        source.advance().await;
    }
}
