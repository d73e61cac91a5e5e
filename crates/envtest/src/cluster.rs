//! The processes of one cluster: started together, stopped and started one by one.

mod arguments;
mod start;

pub(crate) use start::{API_SERVER, CONTROLLERS};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::access;
use crate::eventually::eventually;
use crate::files::Files;
use crate::ports::Ports;
use crate::process::Process;

/// How long controllers may take to do the first thing for a namespace.
const CONTROLLERS_WITHIN: Duration = Duration::from_secs(20);

/// What to start beside etcd and the API server, which writes no audit log by
/// default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// kube-controller-manager: Deployments get their Pods, owners take what they
    /// own with them, namespaces can be deleted.
    pub controllers: bool,
    /// A log of all requests.
    pub audit: bool,
}

/// A running cluster. Dropping it ends its processes and removes its data; the end
/// of this process does both, too.
#[derive(Debug)]
pub struct Cluster {
    // Fields are dropped in this order: clients before servers, files last.
    controllers: Mutex<Option<Process>>,
    api_server: Mutex<Option<Process>>,
    etcd: Mutex<Process>,
    options: Options,
    ports: Ports,
    namespaces: AtomicU32,
    pub(crate) fences: AtomicU32,
    files: Files,
    janitor: Process,
}

impl Cluster {
    /// The cluster that all tests of this process share, with controllers and an
    /// audit log. Who stops its processes should have a cluster of their own.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        let options = Options {
            controllers: true,
            audit: true,
        };
        SHARED.get_or_init(|| Self::start(options)).await
    }

    /// A client that may do everything, with connections of its own: a client
    /// serves only the runtime that it was made in.
    pub async fn client(&self) -> Client {
        access::client(&self.kubeconfig()).await
    }

    /// A client for [`Kubelet::run`](crate::Kubelet::run), whose requests the audit
    /// log shows as those of `kubelet-stand-in`.
    pub async fn kubelet_client(&self) -> Client {
        access::client(&access::user_kubeconfig(&self.files, access::KUBELET)).await
    }

    /// A client with the rights of a service account.
    pub async fn client_for(&self, namespace: &str, account: &str) -> Client {
        access::client(&self.kubeconfig_for(namespace, account).await).await
    }

    /// The kubeconfig of the admin, who may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        access::user_kubeconfig(&self.files, access::ADMIN)
    }

    /// A kubeconfig with the rights of a service account, which exists, and its
    /// namespace as the default. The token is valid for an hour.
    pub async fn kubeconfig_for(&self, namespace: &str, account: &str) -> PathBuf {
        let client = self.client().await;
        access::write_account(&self.files, &self.url(), client, namespace, account).await
    }

    /// Where the API server is, as `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        arguments::url(self.ports)
    }

    /// The folder with logs and data, to look into while the cluster runs.
    pub fn folder(&self) -> &Path {
        self.files.folder()
    }

    /// The ids of the processes that run now.
    pub fn process_ids(&self) -> Vec<u32> {
        let etcd = lock(&self.etcd).id();
        let janitor = self.janitor.id();
        let others = [&self.api_server, &self.controllers];
        let others = others.map(|one| lock(one).as_ref().map(Process::id));
        others
            .into_iter()
            .flatten()
            .chain([etcd, janitor])
            .collect()
    }

    /// Makes a namespace of its own for a test, named after the prefix, in which
    /// Pods can be created.
    pub async fn namespace(&self, prefix: &str) -> String {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{number}");
        let client = self.client().await;
        let namespace: Namespace = object(json!({"metadata": {"name": name}}));
        Api::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap_or_else(|error| panic!("namespace {name}: {error}"));
        self.ensure_default_account(client, &name).await;
        name
    }

    /// Without a default service account no Pod is admitted.
    async fn ensure_default_account(&self, client: Client, namespace: &str) {
        let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
        if lock(&self.controllers).is_some() {
            let what = "controllers make a namespace's default service account";
            let look = async || accounts.get("default").await.map(drop);
            eventually(CONTROLLERS_WITHIN, what, look).await;
        } else {
            let account = object(json!({"metadata": {"name": "default"}}));
            let made = accounts.create(&PostParams::default(), &account).await;
            made.unwrap_or_else(|error| panic!("service account of {namespace}: {error}"));
        }
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn options(&self) -> Options {
        self.options
    }
}

/// A test that fails while it holds a lock leaves nothing behind that is half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn object<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).expect("an object as Kubernetes describes it")
}
