//! What surrounds a server: etcd, the Controller, three Connect-Nodes; and a `PushManager` to test.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use push_manager_envtest::{Seen, eventually};
use tokio::net::TcpStream;

use crate::space::{SOON, Space};

/// How many Connect-Nodes there are.
pub const NODES: usize = 3;
const PEERS: &str = include_str!("../../../examples/peers.yaml");
const THREE: &str = include_str!("../manifests/etcd-three.yaml");
/// The members of that one, for clients.
pub const MEMBERS: &str = "members-0.members:2379,members-1.members:2379,members-2.members:2379";
/// As the files name them.
const ETCD_IMAGE: &str = "registry.k8s.io/etcd:3.6.5-0";
const REFERENCE_IMAGE: &str = "push-manager-reference:0.1.0";

impl Space {
    /// Puts the peers in, and waits until all of them are ready.
    pub async fn peers(&self) {
        self.peers_from(PEERS).await;
        self.rolled_out("statefulset/etcd").await;
    }

    /// The same with an etcd of three members, beside the one that nobody uses then.
    pub async fn peers_of_three(&self) {
        self.apply(&self.images(THREE).await).await;
        self.rolled_out("statefulset/members").await;
        self.peers_from(&PEERS.replace("--etcd=etcd:2379", &format!("'--etcd={MEMBERS}'")))
            .await;
    }

    async fn peers_from(&self, manifests: &str) {
        self.apply(&self.images(manifests).await).await;
        for workload in ["deployment/controller", "statefulset/connect-node"] {
            self.rolled_out(workload).await;
        }
    }

    /// Manifests with the images that this cluster has.
    async fn images(&self, manifests: &str) -> String {
        let etcd = etcd_image(self)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let reference = self.lab.image("push-manager-reference");
        manifests
            .replace(ETCD_IMAGE, &etcd)
            .replace(REFERENCE_IMAGE, &reference)
    }

    /// Applies the `PushManager` `push` with these further lines of its spec, and waits until it is
    /// Available.
    pub async fn push_manager(&self, more: &str) {
        self.apply(&self.manifest(more)).await;
        self.available("push").await;
    }

    /// The `PushManager` under test; it is called from outside through a port of any host.
    pub fn manifest(&self, more: &str) -> String {
        let version = &self.lab.settings.tag;
        format!(
            "apiVersion: pushmanager.io/v1alpha1\n\
             kind: PushManager\n\
             metadata: {{name: push}}\n\
             spec:\n  \
               version: {version:?}\n  \
               etcd: {{endpoints: [\"etcd:2379\"]}}\n  \
               controller: {{address: \"controller:50051\"}}\n  \
               resources: {{requests: {{cpu: 20m, memory: 32Mi}}}}\n  \
               service: {{type: NodePort}}\n{more}"
        )
    }

    /// Where the port of this name of a Service is reached from outside, once somebody answers.
    pub async fn outside(&self, service: &str, port: &str) -> String {
        let path = format!("{{.spec.ports[?(@.name==\"{port}\")].nodePort}}");
        let number = self.path(&format!("service/{service}"), &path).await;
        let number = number.unwrap_or_else(|error| panic!("{error}"));
        let host = host(self).await.unwrap_or_else(|error| panic!("{error}"));
        let address = format!("{host}:{number}");
        // Each host learns of a new Service a little after the API server tells of it.
        eventually(
            SOON,
            &format!("{service} answers at {address}"),
            async || {
                let connect = TcpStream::connect(&address);
                tokio::time::timeout(Duration::from_secs(2), connect)
                    .await?
                    .map(drop)?;
                Seen::Ok(())
            },
        )
        .await;
        address
    }

    /// Where people connect, for each Connect-Node.
    pub async fn doors(&self) -> Vec<String> {
        let mut doors = Vec::new();
        for number in 0..NODES {
            doors.push(
                self.outside(&format!("connect-node-{number}"), "http")
                    .await,
            );
        }
        doors
    }
}

/// A `PushManager` that logs in to etcd with a Secret. An etcd without accounts takes any.
pub fn with_login(manifest: &str, secret: &str) -> String {
    let with = format!("\"etcd:2379\"], authSecretRef: {{name: {secret}}}");
    manifest.replace("\"etcd:2379\"]", &with)
}

async fn nodes(space: &Space) -> Seen<Vec<Node>> {
    let api: Api<Node> = Api::all(space.lab.client.clone());
    Ok(api.list(&ListParams::default()).await?.items)
}

/// An address of the control plane's host, which no scenario takes away.
async fn host(space: &Space) -> Seen<String> {
    if let Ok(named) = std::env::var("E2E_HOST") {
        return Ok(named);
    }
    let nodes = nodes(space).await?;
    let control = |node: &&Node| {
        let labels = node.metadata.labels.as_ref();
        labels.is_some_and(|all| all.contains_key("node-role.kubernetes.io/control-plane"))
    };
    let node = nodes
        .iter()
        .find(control)
        .or(nodes.first())
        .ok_or("there is no node")?;
    let status = node
        .status
        .as_ref()
        .and_then(|status| status.addresses.as_ref());
    let mut addresses = status.into_iter().flatten();
    let inner = addresses.find(|address| address.type_ == "InternalIP");
    Ok(inner.ok_or("the node has no address")?.address.clone())
}

/// The image of the cluster's own etcd, which each node of kind has.
async fn etcd_image(space: &Space) -> Seen<String> {
    if let Ok(named) = std::env::var("E2E_ETCD_IMAGE") {
        return Ok(named);
    }
    let nodes = nodes(space).await?;
    let images = nodes
        .iter()
        .filter_map(|node| node.status.as_ref()?.images.as_ref());
    let mut names = images
        .flatten()
        .filter_map(|image| image.names.as_ref())
        .flatten();
    let etcd = names.find(|name| name.contains("/etcd:") && !name.contains('@'));
    etcd.cloned()
        .ok_or_else(|| "no node has an image of etcd: name one in E2E_ETCD_IMAGE".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_names_the_images_that_are_replaced() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(REFERENCE_IMAGE, format!("push-manager-reference:{version}"));
        assert!(PEERS.contains(REFERENCE_IMAGE) && PEERS.contains(ETCD_IMAGE));
        assert!(THREE.contains(ETCD_IMAGE));
    }
}
