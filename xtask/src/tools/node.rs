//! What a Kubernetes node and the cluster around it are made of. Built one by one
//! when asked for: no test needs them but those with a cluster.

use super::{Origin, Tool, kubernetes};

/// A program in Go with sources of its own in `tools/FOLDER`; `pin` is the module
/// that gives it its version.
const fn own(
    name: &'static str,
    variable: &'static str,
    folder: &'static str,
    package: &'static str,
    pin: Option<&'static str>,
) -> Tool {
    Tool {
        name,
        variable,
        origin: Origin::Sources {
            folder,
            package,
            pin,
        },
    }
}

pub(super) static NODE_TOOLS: &[Tool] = &[
    Tool {
        name: "kind",
        variable: "KIND",
        origin: Origin::Go {
            folder: "kind",
            package: "sigs.k8s.io/kind",
            stamps: &[],
        },
    },
    kubernetes(
        "kube-scheduler",
        "KUBE_SCHEDULER",
        "k8s.io/kubernetes/cmd/kube-scheduler",
    ),
    kubernetes(
        "kube-proxy",
        "KUBE_PROXY",
        "k8s.io/kubernetes/cmd/kube-proxy",
    ),
    kubernetes("kubelet", "KUBELET", "k8s.io/kubernetes/cmd/kubelet"),
    kubernetes("kubeadm", "KUBEADM", "k8s.io/kubernetes/cmd/kubeadm"),
    own(
        "coredns",
        "COREDNS",
        "coredns",
        ".",
        Some("github.com/coredns/coredns"),
    ),
    own("podnet", "PODNET", "node", "./podnet", None),
    own("crictl", "CRICTL", "node", "./crictl", None),
    own("pause", "PAUSE", "node", "./pause", None),
    own("runc-fit", "RUNC_FIT", "runc-fit", ".", None),
];
