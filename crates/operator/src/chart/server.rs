//! The server's chart: values in the shape of the resource's spec, and the knobs under `config`
//! by their own names.

use push_manager_config::{Knob, Shape};
use serde_json::{Value, json};

use super::{Definition, flag, image, labels, object, pod_labels, text, variables};
use crate::{crd, knobs, settings::OWN_VARIABLES};

/// Numbers of bytes, as the server reads them.
const BYTES: &str = "^[0-9]+((Ki|Mi|Gi)B?|KB|MB)?$";

/// The schema of the values.
pub fn values() -> Value {
    let definition = Definition::new();
    let part = |path: &str| definition.part(path);
    let blank = |path: &str| definition.blank(path);
    let secrets = part("imagePullSecrets");
    let test = "Whether `helm test` has something to run.";
    super::values(
        "Values of the chart push-manager",
        json!({
            "fullnameOverride": {
                "type": "string",
                "pattern": "^([a-z]([-a-z0-9]{0,48}[a-z0-9])?)?$",
                "description": "The name of all objects. Empty: the release's name.",
            },
            "image": image("The server's image."),
            "imagePullSecrets": secrets,
            "replicas": part("replicas"),
            "resources": part("resources"),
            "podTemplate": pod_template(&definition),
            "serviceAccount": object("The pods' ServiceAccount.", json!({
                "name": blank("serviceAccount.name"),
                "annotations": part("serviceAccount.annotations"),
            })),
            "etcd": object("How to sign in to etcd.", json!({
                "authSecretRef": object("A Secret with etcd's user and password.", json!({
                    "name": blank("etcd.authSecretRef.name"),
                    "usernameKey": part("etcd.authSecretRef.usernameKey"),
                    "passwordKey": part("etcd.authSecretRef.passwordKey"),
                })),
            })),
            "config": config(),
            "autoscaling": autoscaling(&definition),
            "observability": observability(&definition),
            "networkPolicy": part("networkPolicy"),
            "service": object("The Service that callers use.", json!({
                "type": part("service.type"),
                "annotations": part("service.annotations"),
                "trafficDistribution": blank("service.trafficDistribution"),
                "nodePort": blank("service.nodePort"),
            })),
            "disruption": part("disruption"),
            "topologySpread": part("topologySpread"),
            "terminationGracePeriodSeconds": blank("terminationGracePeriodSeconds"),
            "test": object(test, json!({"enabled": flag(test)})),
        }),
    )
}

fn pod_template(definition: &Definition) -> Value {
    let mut pods = definition.part("podTemplate");
    pods["properties"]["labels"] = pod_labels("Further labels.");
    let own = push_manager_config::knobs().iter();
    let mut own: Vec<&str> = own.filter_map(|knob| knob.env).collect();
    own.extend(OWN_VARIABLES);
    let given = definition.part("podTemplate.env");
    pods["properties"]["env"] = variables(given, &own, "^PM_");
    for name in ["priorityClassName", "runtimeClassName"] {
        pods["properties"][name] = definition.blank(&format!("podTemplate.{name}"));
    }
    pods
}

fn autoscaling(definition: &Definition) -> Value {
    let mut scaling = definition.part("autoscaling");
    let properties = &mut scaling["properties"];
    properties["enabled"] = flag("Whether an autoscaler decides how many instances run.");
    properties["targetCPUUtilization"] = definition.blank("autoscaling.targetCPUUtilization");
    scaling
}

fn observability(definition: &Definition) -> Value {
    let labels = |of: &str| labels(&format!("Labels by which {of}."));
    let enabled = flag("Whether there is one.");
    let prometheus = labels("Prometheus selects it");
    object(
        "Metrics, alerts, a dashboard.",
        json!({
            "serviceMonitor": object("How metrics are scraped.", json!({
                "enabled": enabled,
                "interval": definition.blank("observability.serviceMonitor.interval"),
                "labels": prometheus,
            })),
            "alerts": object("Alert rules.", json!({"enabled": enabled, "labels": prometheus})),
            "grafanaDashboard": object("A dashboard.", json!({
                "enabled": enabled,
                "labels": labels("Grafana's sidecar selects it"),
            })),
        }),
    )
}

/// The sections of the server's file. What a pod has from its surroundings, and secrets, are not
/// among them.
fn config() -> Value {
    let mut config = object("The server's configuration file.", json!({}));
    for (_, knob) in knobs::fields() {
        let section = &mut config["properties"][knob.section()];
        if section.is_null() {
            let about = push_manager_config::section_doc(knob.section());
            *section = object(&about.unwrap_or_default(), json!({}));
        }
        section["properties"][knob.name()] = setting(knob);
    }
    config
}

fn setting(knob: &Knob) -> Value {
    let described = crd::knob_description(knob);
    match knob.shape() {
        Shape::Bytes { min, max } => json!({
            "anyOf": [
                {"type": "integer", "minimum": min, "maximum": max},
                {"type": "string", "pattern": BYTES},
            ],
            "description": described,
        }),
        Shape::Duration { .. } => {
            let mut schema = text(&described);
            schema["minLength"] = 1.into();
            schema["pattern"] = crd::DURATION.into();
            schema
        }
        Shape::Text { .. }
        | Shape::List { .. }
        | Shape::Flag
        | Shape::Count { .. }
        | Shape::Port
        | Shape::Ratio
        | Shape::Choice(_) => super::strict::strict(&crd::knob_schema(knob)),
    }
}

/// What the templates have to know: which knobs a running server takes up, so that they restart
/// nobody, and how long its end takes by default.
pub fn knobs() -> Value {
    let live = push_manager_config::knobs().iter();
    let live: Vec<&str> = live
        .filter(|knob| knob.reloadable)
        .map(|knob| knob.key)
        .collect();
    let default = |key: &str| {
        let knob = push_manager_config::knob(key);
        knob.map(Knob::default_text)
    };
    json!({
        "reloadable": live,
        "notice": default("drain.notice"),
        "timeout": default("drain.timeout"),
    })
}
