//! The container of an instance: its image, environment, ports and probes.

use serde_json::{Value, json};

use crate::{
    api::{EnvVar, PullPolicy},
    children::{
        Wanted,
        configuration::{FILE, FOLDER},
        without_blanks,
    },
    names::{ADMIN_PORT, APP, GRPC_PORT, METRICS_PORT},
};

pub(super) fn container(wanted: &Wanted<'_>) -> Value {
    let policy = wanted.spec.image_pull_policy.map(PullPolicy::as_str);
    let port =
        |name: &str, port: i32| json!({"name": name, "containerPort": port, "protocol": "TCP"});
    without_blanks(json!({
        "name": APP,
        "image": wanted.settings.image,
        "imagePullPolicy": policy,
        "env": environment(wanted),
        "ports": [
            port("grpc", GRPC_PORT),
            port("metrics", METRICS_PORT),
            // On loopback: reached by a port-forward alone.
            port("admin", ADMIN_PORT),
        ],
        "resources": resources(wanted),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        // A minute to start; then alive as long as it answers, ready as long as it says so on
        // the port that callers use. No preStop: the server itself serves on for drain.notice.
        "startupProbe": http("/healthz", 1, 60),
        "livenessProbe": http("/healthz", 10, 3),
        "readinessProbe": {
            "grpc": {"port": GRPC_PORT, "service": ""},
            "periodSeconds": 5,
            "timeoutSeconds": 2,
            "failureThreshold": 2,
        },
        "volumeMounts": [{"name": "config", "mountPath": FOLDER, "readOnly": true}],
    }))
}

fn http(path: &str, period: i32, failures: i32) -> Value {
    json!({
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    })
}

fn resources(wanted: &Wanted<'_>) -> Value {
    match &wanted.spec.resources {
        Some(given) => json!(given),
        None => json!({"requests": {"cpu": "250m", "memory": "256Mi"}}),
    }
}

fn environment(wanted: &Wanted<'_>) -> Vec<Value> {
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let mut variables = vec![
        json!({"name": "CONFIG_FILE", "value": format!("{FOLDER}/{FILE}")}),
        field("MANAGER_ID", "metadata.name"),
        field("POD_IP", "status.podIP"),
        json!({"name": "ADVERTISE_ADDRESS", "value": "$(POD_IP)"}),
    ];
    let etcd = wanted.spec.etcd.as_ref();
    if let Some(secret) = etcd.and_then(|etcd| etcd.auth_secret_ref.as_ref()) {
        let key = |name: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}});
        variables.push(key("ETCD_USERNAME", &secret.username_key));
        variables.push(key("ETCD_PASSWORD", &secret.password_key));
    }
    let given = wanted.spec.pod_template.iter().flat_map(|pod| &pod.env);
    variables.extend(given.map(variable));
    variables
}

fn variable(given: &EnvVar) -> Value {
    without_blanks(json!({
        "name": given.name,
        "value": given.value,
        "valueFrom": given.value_from,
    }))
}
