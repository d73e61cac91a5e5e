//! A namespace of a scenario's own: made, filled, dumped when the scenario fails, removed.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
    /// Further namespaces of the scenario.
    beside: Arc<Mutex<Vec<Space>>>,
}

/// Runs a scenario in a namespace named after it, which is removed at the end, in a cluster with the
/// operator under test.
pub async fn scenario(name: &str, body: impl AsyncFnOnce(&Space)) {
    let lab = Lab::connect().await.unwrap_or_else(|e| panic!("{e}"));
    let space = Space::named(lab, name);
    let whole = async {
        let made = space.make().await;
        made.unwrap_or_else(|error| panic!("{error}"));
        let installed = space.lab.install_operator(&[]).await;
        installed.unwrap_or_else(|error| panic!("{error}"));
        body(&space).await;
    };
    let ended = AssertUnwindSafe(whole).catch_unwind().await;
    let all = space.all();
    if ended.is_err() {
        for one in &all {
            eprintln!("{}", dump::write(one).await);
        }
    }
    if ended.is_ok() || !space.lab.settings.keep {
        for one in &all {
            one.remove().await;
        }
    }
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

impl Space {
    fn named(lab: Lab, name: &str) -> Self {
        Self {
            lab,
            name: name.to_owned(),
            beside: Arc::default(),
        }
    }

    /// Makes it, empty; one of that name that is left over goes first.
    async fn make(&self) -> Seen<()> {
        let words = [
            "delete",
            "namespace",
            &self.name,
            "--ignore-not-found",
            "--wait",
            "--timeout=90s",
        ];
        self.lab.must(&words).await?;
        let words = ["create", "namespace", &self.name];
        self.lab.must(&words).await.map(drop)
    }

    /// A second namespace, which goes with the scenario.
    pub async fn second(&self) -> Self {
        let second = Self::named(self.lab.clone(), &format!("{}-2", self.name));
        self.others().push(second.clone());
        let made = second.make().await;
        made.unwrap_or_else(|error| panic!("{error}"));
        second
    }

    fn others(&self) -> MutexGuard<'_, Vec<Self>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This one and those beside it.
    fn all(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        all.extend(self.others().iter().cloned());
        all
    }

    /// Removes it, without waiting for its end.
    pub async fn remove(&self) {
        let name = &self.name;
        let words = [
            "delete",
            "namespace",
            name,
            "--wait=false",
            "--ignore-not-found",
        ];
        if let Err(error) = self.lab.must(&words).await {
            eprintln!("namespace {name} stays: {error}");
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

    /// Waits until the operator calls it well.
    pub async fn available(&self, name: &str) {
        let object = format!("pm/{name}");
        let words = ["wait", "--for=condition=Available", &object];
        self.must(&[&words[..], &["--timeout=120s"]].concat()).await;
    }

    /// Waits for a rollout's end.
    pub async fn rolled_out(&self, object: &str) {
        self.must(&["rollout", "status", object, "--timeout=120s"])
            .await;
    }
}
