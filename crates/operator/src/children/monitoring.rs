//! What Prometheus and Grafana are given, where they are run by their operators.

use serde_json::{Value, json};

use super::{Child, Kind, Wanted, configuration::CONFIG_MAP, without_blanks};
use crate::{
    alerts,
    names::{self, COMPONENT},
};

const MONITOR: Kind = Kind {
    group: "monitoring.coreos.com",
    version: "v1",
    kind: "ServiceMonitor",
    plural: "servicemonitors",
    optional: true,
};
const RULES: Kind = Kind {
    kind: "PrometheusRule",
    plural: "prometheusrules",
    ..MONITOR
};

pub(super) const CHILDREN: &[Child] = &[
    Child {
        kind: MONITOR,
        suffix: "",
        needed: false,
        build: monitor,
    },
    Child {
        kind: RULES,
        suffix: "",
        needed: false,
        build: rules,
    },
    Child {
        kind: CONFIG_MAP,
        suffix: "-dashboard",
        needed: false,
        build: dashboard,
    },
];

fn monitor(wanted: &Wanted<'_>) -> Option<Value> {
    let observability = wanted.spec.observability.as_ref()?;
    let given = observability.service_monitor.as_ref()?;
    let mut pods = names::selector(wanted.name);
    pods.insert(COMPONENT.to_owned(), "pods".to_owned());
    given.enabled.then(|| {
        json!({
            "metadata": {"labels": given.labels},
            "spec": {
                "selector": {"matchLabels": pods},
                "endpoints": [without_blanks(json!({
                    "port": "metrics",
                    "path": "/metrics",
                    "interval": given.interval,
                    // Rules and dashboards then speak of the PushManager, not of its Service.
                    "relabelings": [{"targetLabel": "service", "replacement": wanted.name}],
                }))],
            },
        })
    })
}

fn rules(wanted: &Wanted<'_>) -> Option<Value> {
    let observability = wanted.spec.observability.as_ref()?;
    let given = observability.alerts.as_ref()?;
    given.enabled.then(|| {
        json!({
            "metadata": {"labels": given.labels},
            "spec": {"groups": alerts::groups(wanted.namespace, wanted.name)},
        })
    })
}

fn dashboard(wanted: &Wanted<'_>) -> Option<Value> {
    let observability = wanted.spec.observability.as_ref()?;
    let given = observability.grafana_dashboard.as_ref()?;
    let mut labels = given.labels.clone();
    if labels.is_empty() {
        labels.insert("grafana_dashboard".to_owned(), "1".to_owned());
    }
    given.enabled.then(|| {
        json!({
            "metadata": {"labels": labels},
            "data": {"push-manager.json": alerts::DASHBOARD},
        })
    })
}
