//! A namespace of a scenario's own: made, filled, dumped when the scenario fails, removed.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use push_manager_envtest::{Seen, eventually};

use crate::{dump, lab::Lab};

/// How long what should happen at once may take on a busy machine.
pub const SOON: Duration = Duration::from_mins(1);

/// A namespace.
#[derive(Debug, Clone)]
pub struct Space {
    /// The cluster that it is in.
    pub lab: Lab,
    /// Its name.
    pub name: String,
}

/// Runs a scenario in a namespace named after it, which is removed at the end.
pub async fn scenario(name: &str, body: impl AsyncFnOnce(&Space)) {
    let lab = Lab::open().await.unwrap_or_else(|error| panic!("{error}"));
    let space = Space::make(lab, name)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let ended = AssertUnwindSafe(body(&space)).catch_unwind().await;
    if let Err(panic) = ended {
        eprintln!("{}", dump::write(&space).await);
        if !space.lab.settings.keep {
            space.remove().await;
        }
        std::panic::resume_unwind(panic);
    }
    space.remove().await;
}

impl Space {
    /// Makes an empty namespace; one of that name that is left over goes first.
    pub async fn make(lab: Lab, name: &str) -> Seen<Self> {
        let space = Self {
            lab,
            name: name.to_owned(),
        };
        let words = [
            "delete",
            "namespace",
            name,
            "--ignore-not-found",
            "--wait",
            "--timeout=90s",
        ];
        space.lab.kubectl(&words).await?.ok()?;
        space
            .lab
            .kubectl(&["create", "namespace", name])
            .await?
            .ok()?;
        Ok(space)
    }

    /// Removes it, without waiting for its end.
    pub async fn remove(&self) {
        let gone = self
            .lab
            .kubectl(&[
                "delete",
                "namespace",
                &self.name,
                "--wait=false",
                "--ignore-not-found",
            ])
            .await;
        if let Err(error) = gone.and_then(crate::run::Run::ok) {
            eprintln!("namespace {} stays: {error}", self.name);
        }
    }

    /// Runs kubectl in this namespace.
    pub async fn kubectl(&self, words: &[&str]) -> Seen<String> {
        self.kubectl_with(words, "").await
    }

    /// The same with something to read.
    pub async fn kubectl_with(&self, words: &[&str], input: &str) -> Seen<String> {
        let mut all = vec!["--namespace", &self.name];
        all.extend(words);
        self.lab.kubectl_with(&all, input).await?.ok()
    }

    /// kubectl, which must succeed.
    pub async fn must(&self, words: &[&str]) -> String {
        self.kubectl(words)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Applies manifests.
    pub async fn apply(&self, manifests: &str) {
        let applied = self.kubectl_with(&["apply", "-f", "-"], manifests).await;
        applied.unwrap_or_else(|error| panic!("{error}\n{manifests}"));
    }

    /// What a `JSONPath` of an object says.
    pub async fn path(&self, object: &str, path: &str) -> Seen<String> {
        let output = format!("jsonpath={path}");
        self.kubectl(&["get", object, "-o", &output]).await
    }

    /// Waits until a `JSONPath` says so.
    pub async fn until(&self, object: &str, path: &str, wanted: &str) {
        let what = format!("{object} {path} is {wanted:?}");
        eventually(2 * SOON, &what, async || -> Seen<()> {
            match self.path(object, path).await? {
                said if said == wanted => Ok(()),
                said => Err(format!("{said:?}").into()),
            }
        })
        .await;
    }

    /// Waits for a rollout's end.
    pub async fn rolled_out(&self, object: &str) {
        self.must(&["rollout", "status", object, "--timeout=120s"])
            .await;
    }
}
