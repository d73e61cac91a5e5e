//! A line of a log, and how it is printed.

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its pod.
    pub pod: String,
    /// When it was written; nothing where that can't be read.
    pub at: Option<Timestamp>,
    /// What it says.
    pub text: String,
}

/// How lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// For people, with times or without.
    Text {
        /// Whether times are printed.
        times: bool,
    },
    /// An object a line.
    Json,
}

impl Line {
    /// From what the API server sends: a time, a space, the line.
    pub(super) fn read(pod: &str, sent: &str) -> Self {
        let split = sent.split_once(' ');
        let timed = split.and_then(|(at, text)| Some((at.parse().ok()?, text)));
        let (at, text) = match timed {
            Some((at, text)) => (Some(at), text),
            None => (None, sent),
        };
        Self {
            pod: pod.to_owned(),
            at,
            text: text.to_owned(),
        }
    }

    /// As it is printed.
    pub fn shaped(&self, shape: Shape) -> String {
        let Self { pod, at, text } = self;
        match (shape, at) {
            (Shape::Text { times: true }, Some(at)) => format!("{pod} | {at} {text}"),
            (Shape::Text { .. }, _) => format!("{pod} | {text}"),
            (Shape::Json, at) => {
                let at = at.map(|at| at.to_string());
                json!({ "pod": pod, "at": at, "line": text }).to_string()
            }
        }
    }
}
