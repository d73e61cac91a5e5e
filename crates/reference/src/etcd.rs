//! Connecting to etcd, one endpoint after the other; what is stored there is not known here.

use std::{fmt, time::Duration};

use etcd_client::{Client, ConnectOptions, Error};
use rand::Rng;

use crate::StartError;

/// How long a connection or a single call may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// First and longest pause between attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

/// Where etcd is and as whom to speak to it.
#[derive(Clone)]
pub(crate) struct Access {
    endpoints: Vec<String>,
    user: Option<(String, String)>,
    next: usize,
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("endpoints", &self.endpoints)
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Accepts a list of `host:port` or URLs; empty entries are left out.
    pub(crate) fn new(
        endpoints: &[String],
        username: Option<&String>,
        password: Option<&String>,
    ) -> Result<Self, StartError> {
        let kept: Vec<String> = endpoints
            .iter()
            .map(|endpoint| endpoint.trim().to_owned())
            .filter(|endpoint| !endpoint.is_empty())
            .collect();
        if kept.is_empty() {
            return Err(StartError::Setting {
                setting: "etcd endpoints",
                given: endpoints.join(","),
                expected: "at least one host:port",
            });
        }
        let user = username.map(|name| (name.clone(), password.cloned().unwrap_or_default()));
        Ok(Self {
            endpoints: kept,
            user,
            next: 0,
        })
    }

    /// Connects to the next endpoint of the list, so that repeated failures visit all of them.
    pub(crate) async fn connect(&mut self) -> Result<(Client, String), Error> {
        let endpoint = self.endpoints[self.next % self.endpoints.len()].clone();
        self.next = self.next.wrapping_add(1);
        // No HTTP/2 pings: etcd answers frequent ones with GOAWAY, and each call has its own bound.
        let mut options = ConnectOptions::new().with_connect_timeout(CALL_TIMEOUT);
        if let Some((name, password)) = &self.user {
            options = options.with_user(name, password);
        }
        let client = within(Client::connect([&endpoint], Some(options))).await?;
        Ok((client, endpoint))
    }
}

/// Gives a call its time and no more.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::IoError(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Growing pauses between attempts, with jitter so that peers don't knock together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(PAUSE.0, PAUSE.1)
    }
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            longest,
        }
    }

    /// The pause to make now; the following one is twice as long.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
        for longest in [100, 200, 300, 300] {
            let pause = backoff.pause().as_millis();
            assert!((longest / 2..=longest).contains(&pause), "{pause} ms");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let name = "root".to_owned();
        let password = "hunter2".to_owned();
        let access = Access::new(&["a:1".to_owned()], Some(&name), Some(&password)).unwrap();
        assert!(!format!("{access:?}").contains("hunter2"));
    }
}
