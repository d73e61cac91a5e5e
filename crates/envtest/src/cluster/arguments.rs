//! What the programs are told.

use std::path::Path;

use crate::access;
use crate::files::{Files, text};
use crate::ports::Ports;

/// In the block for documentation (RFC 5737). The API server refuses to advertise
/// loopback, and would otherwise need a network; nobody reads what it advertises.
const ADVERTISED: &str = "192.0.2.1";

/// What the API server is to clients.
pub(super) fn url(ports: Ports) -> String {
    format!("https://127.0.0.1:{}", ports.api_server)
}

pub(super) fn etcd(files: &Files, ports: Ports) -> Vec<String> {
    let clients = etcd_url(ports);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let mut args = Arguments::default();
    args.path("data-dir", &files.etcd_data())
        .add("listen-client-urls", &clients)
        .add("advertise-client-urls", &clients)
        .add("listen-peer-urls", &peers)
        .add("initial-advertise-peer-urls", &peers)
        .add("initial-cluster", &format!("default={peers}"))
        .add("log-level", "error")
        .add("unsafe-no-fsync", "true");
    args.0
}

pub(super) fn api_server(files: &Files, ports: Ports, audit: bool) -> Vec<String> {
    let mut args = Arguments::default();
    args.add("etcd-servers", &etcd_url(ports))
        .add("bind-address", "127.0.0.1")
        .add("secure-port", &ports.api_server.to_string())
        .add("advertise-address", ADVERTISED)
        .add("endpoint-reconciler-type", "none")
        .path("cert-dir", &files.certificates())
        // The key it makes for its own certificate serves for these, too.
        .path("service-account-signing-key-file", &files.signing_key())
        .path("service-account-key-file", &files.signing_key())
        .add("service-account-issuer", "https://kubernetes.default.svc")
        .path("token-auth-file", &files.tokens())
        .add("authorization-mode", "RBAC")
        .add("allow-privileged", "true")
        .add("service-cluster-ip-range", "10.96.0.0/16");
    if audit {
        args.path("audit-policy-file", &files.audit_policy())
            .path("audit-log-path", &files.audit_log())
            // An event is in the file before the request's handler returns.
            .add("audit-log-mode", "blocking")
            // In MB; a file that is replaced would void all marks.
            .add("audit-log-maxsize", "4000");
    }
    args.0
}

pub(super) fn controllers(files: &Files) -> Vec<String> {
    let kubeconfig = access::user_kubeconfig(files, access::CONTROLLERS);
    let mut args = Arguments::default();
    args.path("kubeconfig", &kubeconfig)
        .path("root-ca-file", &files.authority())
        .add("leader-elect", "false")
        // It serves nobody, so it needs no port.
        .add("secure-port", "0")
        // Tests must not wait for its politeness.
        .add("kube-api-qps", "1000")
        .add("kube-api-burst", "1000");
    args.0
}

fn etcd_url(ports: Ports) -> String {
    format!("http://127.0.0.1:{}", ports.etcd)
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.push(format!("--{name}={value}"));
        self
    }

    fn path(&mut self, name: &str, value: &Path) -> &mut Self {
        self.add(name, text(value))
    }
}
