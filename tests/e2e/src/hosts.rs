//! The hosts of the cluster, which kind makes of containers: what happens to them is done by Docker.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{ListParams, ObjectList},
};
use push_manager_envtest::Seen;
use tokio::process::Command;

use crate::{
    lab::OPERATOR_NAMESPACE,
    run::{Run, run},
    space::Space,
};

const WITHIN: Duration = Duration::from_mins(1);

/// Runs the docker client, whose engine the hosts are in.
async fn docker(words: &[&str]) -> Seen<String> {
    let mut docker = Command::new("docker");
    docker.args(words);
    run(docker, "", WITHIN).await.and_then(Run::ok)
}

/// Ends a host as a power cut does, and starts it again after `meanwhile`, whatever comes of that.
pub async fn without(host: &str, meanwhile: impl AsyncFnOnce()) {
    docker(&["kill", host])
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let ended = AssertUnwindSafe(meanwhile()).catch_unwind().await;
    docker(&["start", host])
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Kills with SIGKILL what runs on a host and looks so to pgrep.
pub async fn kill(host: &str, pattern: &str) {
    let words = ["exec", host, "pkill", "-KILL", "-f", pattern];
    docker(&words)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Stops all processes of a pod where they are: they can't even say goodbye any more.
pub async fn freeze(host: &str, pod: &str) {
    let script = format!(
        "for process in /proc/[0-9]*; do
           if tr '\\0' '\\n' <$process/environ | grep -qx HOSTNAME={pod}; then
             kill -STOP ${{process#/proc/}} && frozen=1
           fi
         done 2>/dev/null
         test -n \"$frozen\""
    );
    docker(&["exec", host, "sh", "-c", &script])
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Of those that are not about to go.
fn names(pods: ObjectList<Pod>) -> Vec<String> {
    let metadata = pods.items.into_iter().map(|pod| pod.metadata);
    let stay = metadata.filter(|metadata| metadata.deletion_timestamp.is_none());
    stay.filter_map(|metadata| metadata.name).collect()
}

impl Space {
    /// The host that a pod is on.
    pub async fn host_of(&self, pod: &str) -> String {
        let host = self.path(&format!("pod/{pod}"), "{.spec.nodeName}").await;
        host.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The hosts that take pods.
    pub async fn workers(&self) -> Vec<String> {
        let words = [
            "get",
            "nodes",
            "-l",
            "!node-role.kubernetes.io/control-plane",
            "-o",
            "name",
        ];
        let listed = self.must(&words).await;
        listed
            .lines()
            .map(|name| name.trim_start_matches("node/").to_owned())
            .collect()
    }

    /// The names of the server's pods that are there to stay.
    pub async fn servers(&self) -> Vec<String> {
        let api: Api<Pod> = Api::namespaced(self.lab.client.clone(), &self.name);
        let chosen = ListParams::default().labels("app.kubernetes.io/instance=push");
        let pods = api
            .list(&chosen)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        names(pods)
    }

    /// The pod of the operator that holds its Lease, and is there to stay.
    pub async fn leading_operator(&self) -> Seen<String> {
        let path = "jsonpath={.items[0].spec.holderIdentity}";
        let holder = self.lab.at_operator(&["get", "lease", "-o", path]).await?;
        let api: Api<Pod> = Api::namespaced(self.lab.client.clone(), OPERATOR_NAMESPACE);
        let pods = names(api.list(&ListParams::default()).await?);
        let named = pods.iter().find(|name| holder.starts_with(*name)).cloned();
        named.ok_or_else(|| format!("{holder:?} is none of {pods:?}").into())
    }

    /// Moves a workload's pods to a host.
    pub async fn pin(&self, workload: &str, host: &str) {
        let patch = serde_json::json!({
            "spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": host}}}}
        });
        self.must(&["patch", workload, "--type=merge", "-p", &patch.to_string()])
            .await;
        self.rolled_out(workload).await;
    }
}
