//! The operator's chart.

use serde_json::{Value, json};

use super::{Definition, count, flag, image, labels, map, object, pod_labels, text, variables};

/// What the chart sets, or its probes rely on.
const OWN_VARIABLES: [&str; 9] = [
    "POD_NAMESPACE",
    "POD_NAME",
    "IMAGE_REPOSITORY",
    "WATCH_NAMESPACES",
    "CONCURRENCY",
    "LEADER_ELECTION",
    "LOG_LEVEL_FILE",
    "LOG_JSON",
    "HTTP_ADDRESS",
];

/// The schema of the values.
pub fn values() -> Value {
    let definition = Definition::new();
    let part = |path: &str| definition.part(path);
    let name = json!({
        "type": "string",
        "pattern": "^([a-z]([-a-z0-9]{0,48}[a-z0-9])?)?$",
        "description": "The name of all objects. Empty: made from the release's.",
    });
    let mut service_monitor = switch("A ServiceMonitor.", "it");
    service_monitor["properties"]["interval"] =
        definition.blank("observability.serviceMonitor.interval");
    super::values(
        "Values of the chart push-manager-operator",
        json!({
            "fullnameOverride": name,
            "replicas": count(0, 10, "How many operators run; one of them works."),
            "image": image("The operator's image."),
            "imagePullSecrets": part("imagePullSecrets"),
            "imageRepository": {"type": "string", "minLength": 1, "description": "Where the server's images are: spec.version is a tag of it."},
            "watchNamespaces": {
                "type": "array",
                "maxItems": 100,
                "uniqueItems": true,
                "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
                "description": "The namespaces whose PushManagers are reconciled. Empty: all.",
            },
            "concurrency": count(1, 256, "PushManagers that are reconciled at a time."),
            "leaderElection": flag("Whether several operators choose one among them."),
            "crds": object("The definition of PushManager.", json!({
                "enabled": flag("Whether the chart installs and upgrades it."),
                "keep": flag("Whether it stays when the release is uninstalled."),
            })),
            "rbac": object("Roles and bindings.", json!({
                "enabled": flag("Whether the chart makes them."),
                "userRoles": flag("Whether those who may edit or view a namespace may do so with its PushManagers."),
            })),
            "serviceAccount": object("The operator's ServiceAccount.", json!({
                "create": flag("Whether the chart makes it."),
                "name": text("Its name. Empty: that of all objects."),
                "annotations": map("Its annotations."),
            })),
            "log": object("Log lines.", json!({
                "level": {"type": "string", "minLength": 1, "description": "Which lines are written. A change needs no restart."},
                "json": flag("Whether they are JSON."),
            })),
            "tracing": object("Traces over OTLP.", json!({
                "endpoint": {"type": "string", "pattern": "^(https?://.+)?$", "description": "The collector's OTLP/gRPC endpoint. Empty: no traces."},
                "sampleRatio": {"type": "number", "minimum": 0, "maximum": 1, "description": "The share of traces that is recorded."},
            })),
            "resources": part("resources"),
            "podAnnotations": map("Further annotations of the pods."),
            "podLabels": pod_labels("Further labels of the pods."),
            "nodeSelector": part("podTemplate.nodeSelector"),
            "tolerations": part("podTemplate.tolerations"),
            "affinity": part("podTemplate.affinity"),
            "priorityClassName": definition.blank("podTemplate.priorityClassName"),
            "topologySpread": part("topologySpread"),
            "terminationGracePeriodSeconds": count(1, 600, "How long a pod may take to end."),
            "extraEnv": variables(part("podTemplate.env"), &OWN_VARIABLES, "^$"),
            "disruption": part("disruption"),
            "service": object("The Service for metrics.", json!({
                "annotations": map("Its annotations."),
            })),
            "networkPolicy": object("Who reaches the operator.", json!({
                "enabled": flag("Whether there is one."),
                "monitoring": part("networkPolicy.monitoring"),
            })),
            "serviceMonitor": service_monitor,
            "alerts": switch("Alert rules.", "them"),
            "test": object("What `helm test` runs.", json!({
                "enabled": flag("Whether there is something to run."),
                "timeout": {"type": "string", "pattern": "^[0-9]+(ms|s|m)$", "description": "How long it waits for success."},
            })),
        }),
    )
}

/// Something that Prometheus selects by labels.
fn switch(description: &str, selects: &str) -> Value {
    object(
        description,
        json!({
            "enabled": flag("Whether the chart makes one, where the cluster knows the kind."),
            "labels": labels(&format!("Labels by which Prometheus selects {selects}.")),
        }),
    )
}
