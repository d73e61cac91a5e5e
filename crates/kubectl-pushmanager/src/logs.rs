//! `logs`: the logs of all pods as one, each line with its pod's name.
//!
//! [`merged`] prints what is there by time. [`followed`] prints what comes, also from pods that come
//! meanwhile and after a container began anew. Times are always asked for: they order the lines, and
//! tell which were printed already.

mod follow;
mod line;
mod merge;

use std::{io, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;

pub use self::{
    follow::followed,
    line::{Line, Shape},
    merge::merged,
};

/// Most pods whose logs are read.
pub const MOST_PODS: usize = 50;
/// Lines of each pod unless said otherwise.
pub const USUAL_TAIL: i64 = 100;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Only lines of so long ago.
    pub since: Option<Duration>,
    /// Only so many of each pod's last lines.
    pub tail: Option<i64>,
    /// Of the container that was there before.
    pub previous: bool,
    /// This container, instead of the one that serves.
    pub container: Option<String>,
}

/// Where lines and remarks go.
pub trait Out {
    /// A line of a pod.
    fn line(&mut self, line: &Line) -> io::Result<()>;
    /// Something about the lines, for people.
    fn remark(&mut self, text: &str);
}

/// How many logs could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Pods whose logs were read.
    pub pods: usize,
    /// Pods whose logs could not be read.
    pub failed: usize,
}

impl Wish {
    /// The question to one pod; lines after `after` where some were read before.
    fn params(&self, container: Option<&str>, follow: bool, after: Option<Timestamp>) -> LogParams {
        let since = self.since.filter(|_| after.is_none());
        LogParams {
            container: self.container.clone().or(container.map(str::to_owned)),
            follow,
            previous: self.previous,
            since_seconds: since.and_then(|since| i64::try_from(since.as_secs().max(1)).ok()),
            since_time: after,
            tail_lines: self.tail.filter(|_| after.is_none()),
            timestamps: true,
            ..LogParams::default()
        }
    }
}

#[cfg(test)]
mod tests;
