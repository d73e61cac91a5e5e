//! A real Kubernetes API server for tests: etcd, kube-apiserver and, on demand,
//! kube-controller-manager, each a process on loopback, with RBAC and an audit log.
//!
//! There are no nodes. What a node would do for a Pod is left to [`Kubelet`], a
//! stand-in that reports what a test wants it to; no container runs anywhere.
//!
//! The programs are named by the variables `ETCD`, `KUBE_APISERVER`,
//! `KUBE_CONTROLLER_MANAGER` and `KUBECTL`, which `cargo xtask test` sets. Without
//! them tests fail: skipping would look like passing.
//!
//! ```no_run
//! # async fn example() {
//! use push_manager_envtest::{Cluster, Kubelet};
//!
//! let cluster = Cluster::shared().await;
//! let namespace = cluster.namespace("rollout").await;
//! let _kubelet = Kubelet::run(cluster.kubelet_client().await, &namespace);
//! let pods = cluster.kubectl(&["get", "pods", "-n", &namespace]).await;
//! assert!(pods.success, "{}", pods.stderr);
//! # }
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers included"
)]

mod access;
mod audit;
mod cluster;
mod dump;
mod eventually;
mod files;
mod kubectl;
mod kubelet;
mod ports;
mod process;

pub use audit::{AuditEvent, AuditMark};
pub use cluster::{Cluster, Options};
pub use eventually::{Seen, eventually};
pub use kubectl::Output;
pub use kubelet::{Behaviour, Kubelet};
pub use process::Process;
