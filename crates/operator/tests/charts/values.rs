//! Which values are taken, and what is said of those that are not.

use crate::run::{OPERATOR, SERVER, chart, program, root, try_template, value_files};

#[test]
fn helm_finds_nothing_to_say_of_either_chart() {
    for name in [OPERATOR, SERVER] {
        let chart = chart(name);
        let chart = chart.to_str().unwrap();
        let files = value_files(name);
        let files = files.iter().map(|file| Some(file.to_str().unwrap()));
        for values in files.chain([None]) {
            let mut args = vec!["lint", "--strict", "--kube-version", "1.34.4", chart];
            args.extend(values.iter().flat_map(|file| ["--values", file]));
            let ran = program("HELM", &args, None);
            assert!(ran.success, "{values:?}: {}", ran.said);
        }
    }
}

#[test]
fn a_misspelt_value_is_refused_and_named() {
    for (name, set, told) in [
        (OPERATOR, "replica=2", "replica"),
        (OPERATOR, "log.levle=debug", "levle"),
        (OPERATOR, "affinity.nodeAfinity.x=y", "nodeAfinity"),
        (OPERATOR, "networkPolicy.clients={}", "clients"),
        (SERVER, "imag.tag=1", "imag"),
        (SERVER, "config.fanout.deadlin=2s", "deadlin"),
        (SERVER, "config.fan_out.deadline=2s", "fan_out"),
        (SERVER, "config.fanout.queueBytes=1Mi", "queueBytes"),
        (SERVER, "config.grpc.port=1", "grpc"),
        (SERVER, "config.etcd.password=x", "password"),
        (SERVER, "podTemplate.tolerations[0].keys=a", "keys"),
        (SERVER, "resources.request.cpu=1", "request"),
    ] {
        let ran = try_template(name, "push", &["--set", set]);
        assert!(!ran.success, "{set} is taken");
        assert!(
            ran.said.contains(&format!("'{told}'")),
            "{set}: {}",
            ran.said
        );
    }
}

#[test]
fn a_value_of_the_wrong_form_is_refused_and_named() {
    for (name, set, told) in [
        (OPERATOR, "replicas=many", "/replicas"),
        (OPERATOR, "log.json=1", "/log/json"),
        (OPERATOR, "watchNamespaces={A_b}", "/watchNamespaces/0"),
        (OPERATOR, "image.digest=latest", "/image/digest"),
        (OPERATOR, "tracing.sampleRatio=2", "/tracing/sampleRatio"),
        (SERVER, "replicas=-1", "/replicas"),
        (
            SERVER,
            "config.fanout.deadline=soon",
            "/config/fanout/deadline",
        ),
        (
            SERVER,
            "config.fanout.deadline=5",
            "/config/fanout/deadline",
        ),
        (
            SERVER,
            "config.fanout.queue_bytes=2Ti",
            "/config/fanout/queue_bytes",
        ),
        (SERVER, "config.fanout.retries=11", "/config/fanout/retries"),
        (
            SERVER,
            "config.etcd.endpoints=etcd:2379",
            "/config/etcd/endpoints",
        ),
        (
            SERVER,
            "config.routing.strategy=best",
            "/config/routing/strategy",
        ),
        (SERVER, "service.type=ExternalName", "/service/type"),
    ] {
        let ran = try_template(name, "push", &["--set", set]);
        assert!(!ran.success, "{set} is taken");
        assert!(
            ran.said.contains(&format!("'{told}'")),
            "{set}: {}",
            ran.said
        );
    }
}

#[test]
fn what_a_chart_sets_itself_is_not_a_users_to_set() {
    for (name, set, told) in [
        (
            OPERATOR,
            "podLabels.app\\.kubernetes\\.io/name=x",
            "app.kubernetes.io/name",
        ),
        (
            OPERATOR,
            "extraEnv[0].name=LOG_LEVEL_FILE",
            "/extraEnv/0/name",
        ),
        (
            SERVER,
            "podTemplate.labels.pushmanager\\.io/a=x",
            "pushmanager.io/a",
        ),
        (
            SERVER,
            "podTemplate.env[0].name=CONFIG_FILE",
            "/podTemplate/env/0/name",
        ),
        (
            SERVER,
            "podTemplate.env[0].name=PM_FANOUT_CHUNK",
            "/podTemplate/env/0/name",
        ),
        (
            SERVER,
            "podTemplate.env[0].name=ETCD_ENDPOINTS",
            "/podTemplate/env/0/name",
        ),
        (
            SERVER,
            "observability.alerts.labels.helm\\.sh/chart=x",
            "helm.sh/chart",
        ),
    ] {
        let ran = try_template(name, "push", &["--set", set]);
        assert!(!ran.success, "{set} is taken");
        assert!(
            ran.said.contains(&format!("'{told}")),
            "{set}: {}",
            ran.said
        );
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_what_to_mend() {
    for (name, sets, told) in [
        (OPERATOR, "leaderElection=false", "set replicas: 1"),
        (
            SERVER,
            "terminationGracePeriodSeconds=20,config.drain.timeout=30s",
            "take up to 40 s; give more, or 0",
        ),
        (
            SERVER,
            "autoscaling.enabled=true,autoscaling.maxReplicas=1",
            "2 is more than 1",
        ),
    ] {
        let ran = try_template(name, "push", &["--set", sets]);
        assert!(!ran.success, "{sets} is taken");
        assert!(ran.said.contains(told), "{sets}: {}", ran.said);
    }
}

#[test]
fn charts_are_of_the_version_that_they_install() {
    for name in [OPERATOR, SERVER] {
        let text = std::fs::read_to_string(root().join("charts").join(name).join("Chart.yaml"));
        let text = text.unwrap();
        for key in ["version", "appVersion"] {
            let line = format!("\n{key}: {}\n", env!("CARGO_PKG_VERSION"));
            assert!(text.contains(&line), "{name} lacks {line}");
        }
    }
}
