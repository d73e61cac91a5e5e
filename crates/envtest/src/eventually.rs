//! Waiting for what a test expects.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::Cluster;

const PAUSE: Duration = Duration::from_millis(50);

/// What a look at the cluster found: the expected, or what is there instead.
pub type Seen<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Looks again and again until `look` finds what it expects, and returns that.
///
/// Panics after `within` with what was seen last. A look that hangs, as it does
/// while the API server is paused, counts as one that found nothing.
///
/// ```no_run
/// # async fn example(client: kube::Client) {
/// # use std::time::Duration;
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kube::Api;
/// use push_manager_envtest::{Seen, eventually};
///
/// let pods: Api<Pod> = Api::default_namespaced(client);
/// eventually(Duration::from_secs(5), "two pods exist", async || -> Seen<()> {
///     match pods.list(&Default::default()).await?.items.len() {
///         2 => Ok(()),
///         other => Err(format!("{other} pods").into()),
///     }
/// })
/// .await;
/// # }
/// ```
pub async fn eventually<T, E, Look>(within: Duration, what: &str, look: Look) -> T
where
    E: Display,
    Look: AsyncFnMut() -> Result<T, E>,
{
    match seen_within(within, look).await {
        Ok(found) => found,
        Err(last) => panic!("not within {within:?}: {what}; last seen: {last}"),
    }
}

impl Cluster {
    /// As [`eventually`], and the panic shows what is in the namespace.
    pub async fn eventually<T, E, Look>(
        &self,
        namespace: &str,
        within: Duration,
        what: &str,
        look: Look,
    ) -> T
    where
        E: Display,
        Look: AsyncFnMut() -> Result<T, E>,
    {
        match seen_within(within, look).await {
            Ok(found) => found,
            Err(last) => {
                let dump = self.dump(namespace).await;
                panic!("not within {within:?}: {what}; last seen: {last}\n{dump}")
            }
        }
    }
}

/// What was looked for, or what was seen last.
async fn seen_within<T, E, Look>(within: Duration, mut look: Look) -> Result<T, String>
where
    E: Display,
    Look: AsyncFnMut() -> Result<T, E>,
{
    let deadline = Instant::now() + within;
    let mut last = "nothing: the first look did not end".to_owned();
    while let Ok(looked) = timeout_at(deadline, look()).await {
        match looked {
            Ok(found) => return Ok(found),
            Err(seen) => last = seen.to_string(),
        }
        sleep(PAUSE).await;
    }
    Err(last)
}
