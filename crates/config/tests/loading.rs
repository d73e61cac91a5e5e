//! Loading: precedence, origins, secrets, what a reload sees.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests do"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use push_manager_config::{
    Config, DiscoveryKind, File, Loaded, LogFormat, Origin, Override, Sources, Strategy, changed,
    knobs, load,
};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn from(yaml: &str, vars: &[(&str, &str)], flags: &[&str]) -> Loaded {
    load(&Sources {
        file: Some(File {
            name: "push.yaml".to_owned(),
            text: yaml.to_owned(),
        }),
        env: env(vars),
        overrides: flags.iter().map(|flag| Override::set(flag)).collect(),
    })
    .unwrap()
}

#[test]
fn nothing_given_is_all_defaults() {
    let loaded = load(&Sources::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.rows().len(), knobs().len());
    assert!(
        loaded
            .rows()
            .iter()
            .all(|row| row.origin == Origin::Default)
    );
    assert!(loaded.warnings.is_empty());
}

#[test]
fn an_empty_file_is_all_defaults() {
    for text in [
        "",
        "\n\n",
        "# only words\n",
        "---\n",
        "~",
        "null\n",
        "{}",
        "\u{feff}",
        "fanout:\n",
    ] {
        assert_eq!(from(text, &[], &[]).config, Config::default(), "{text:?}");
    }
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let yaml = "grpc:\n  port: 1\nfanout:\n  chunk: 11\n  retries: 3\nlog:\n  level: warn\n";
    let vars = [("GRPC_PORT", "2"), ("PM_FANOUT_CHUNK", "12")];
    let loaded = from(yaml, &vars, &["grpc.port=3", "grpc.port=4"]);
    assert_eq!(loaded.config.grpc.port, 4);
    assert_eq!(loaded.config.fanout.chunk, 12);
    assert_eq!(loaded.config.fanout.retries, 3);
    assert_eq!(loaded.config.fanout.concurrency, 16);
    let origin = |key: &str| loaded.origin(key).to_string();
    assert_eq!(origin("grpc.port"), "flag --set");
    assert_eq!(origin("fanout.chunk"), "env PM_FANOUT_CHUNK");
    assert_eq!(origin("fanout.retries"), "file push.yaml:5");
    assert_eq!(origin("fanout.concurrency"), "default");
}

#[test]
fn every_type_of_value_is_read_from_yaml() {
    let config = from(
        "manager:\n  id: 007\ndiscovery: {kind: static, nodes: [n1=10.0.0.1:1, '10.0.0.2:2']}\n\
         fanout:\n  deadline: 1m30s\n  queue_bytes: 2MiB\n  retry_unacknowledged: true\n\
         limits.request_timeout: 5m\nrouting: {strategy: auto}\nlog:\n  format: \"json\"\n\
         tracing:\n  sample_ratio: 0.5\netcd:\n  endpoints: http://a:1, b:2\n  dial_timeout: ~\n",
        &[],
        &[],
    )
    .config;
    assert_eq!(config.manager.id, "007");
    assert_eq!(config.discovery.kind, DiscoveryKind::Static);
    assert_eq!(config.discovery.nodes, ["n1=10.0.0.1:1", "10.0.0.2:2"]);
    assert_eq!(config.fanout.deadline, Duration::from_secs(90));
    assert_eq!(config.fanout.queue_bytes, 2 << 20);
    assert!(config.fanout.retry_unacknowledged);
    assert_eq!(config.limits.request_timeout, Duration::from_mins(5));
    assert_eq!(config.routing.strategy, Strategy::Auto);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!((config.tracing.sample_ratio - 0.5).abs() < f64::EPSILON);
    assert_eq!(config.etcd.endpoints, ["a:1", "b:2"]);
    assert_eq!(config.etcd.dial_timeout, Duration::from_secs(3));
}

#[test]
fn numbers_for_texts_stay_as_written() {
    for (written, id) in [
        ("7", "7"),
        ("007", "007"),
        ("1e5", "1e5"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("99999999999999999999", "99999999999999999999"),
        (".inf", ".inf"),
        ("yes", "yes"),
        ("\"12\"", "12"),
        ("'null'", "null"),
        ("é7 # why", ""),
        ("7 # why", "7"),
    ] {
        let yaml = format!("# ünïcode before\nmanager:\n  id: {written}\n");
        let id = if id.is_empty() { "é7" } else { id };
        assert_eq!(from(&yaml, &[], &[]).config.manager.id, id, "{written}");
    }
}

#[test]
fn anchors_and_merges_are_followed() {
    let yaml = "pool: &p {connect_timeout: &t 7s}\ncontroller:\n  timeout: *t\n\
                fanout: {chunk: &n 007, retries: 3}\nmanager: {id: *n}\n\
                etcd: {username: !!str 012, password: &w 1e3}\n";
    let config = from(yaml, &[], &[]).config;
    assert_eq!(config.controller.timeout, Duration::from_secs(7));
    assert_eq!(config.fanout.chunk, 7);
    assert_eq!(config.manager.id, "007");
    assert_eq!(config.etcd.username, "012");
    assert_eq!(config.etcd.password.expose(), "1e3");
    let yaml = "grpc: &both {host: 10.0.0.1}\nmetrics:\n  <<: *both\n  port: 7\n";
    assert_eq!(from(yaml, &[], &[]).config.metrics.host, "10.0.0.1");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_taken() {
    let config = from("\u{feff}grpc:\r\n  port: 7\r\n", &[], &[]).config;
    assert_eq!(config.grpc.port, 7);
}

#[test]
fn empty_variables_count_as_unset() {
    let loaded = from("", &[("GRPC_PORT", ""), ("PM_GRPC_PORT", " ")], &[]);
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_flag_may_empty_a_list() {
    let yaml = "discovery:\n  nodes: [10.0.0.1:1]\n";
    assert!(
        from(yaml, &[], &["discovery.nodes="])
            .config
            .discovery
            .nodes
            .is_empty()
    );
}

#[test]
fn the_contract_s_variable_wins_over_ours_with_a_warning() {
    let loaded = from("", &[("GRPC_PORT", "1"), ("PM_GRPC_PORT", "2")], &[]);
    assert_eq!(loaded.config.grpc.port, 1);
    assert_eq!(
        loaded.warnings,
        ["env PM_GRPC_PORT: GRPC_PORT is set too, to another value, and wins"]
    );
    let same = from("", &[("GRPC_PORT", "1"), ("PM_GRPC_PORT", "1")], &[]);
    assert!(same.warnings.is_empty());
}

#[test]
fn an_unknown_pm_variable_is_a_warning_with_the_nearest_name() {
    let vars = [
        ("PM_FANOUT_CONCURENCY", "1"),
        ("PM_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    let loaded = from("", &vars, &[]);
    assert_eq!(
        loaded.warnings,
        [
            "env PM_FANOUT_CONCURENCY: sets no knob; did you mean PM_FANOUT_CONCURRENCY?",
            "env PM_SERVICE_HOST: sets no knob"
        ]
    );
}

#[test]
fn every_knob_can_be_set_by_its_own_variable() {
    for knob in knobs()
        .iter()
        .filter(|knob| !knob.default_text().is_empty())
    {
        let variable = knob.pm_env();
        let loaded = from("", &[(&variable, &knob.default_text())], &[]);
        assert_eq!(loaded.origin(knob.key), Origin::Env(variable));
        assert_eq!(loaded.config, Config::default(), "{}", knob.key);
    }
}

#[test]
fn the_password_is_never_shown() {
    let yaml = "etcd:\n  username: root\n  password: hunter2\n";
    let loaded = from(
        yaml,
        &[
            ("ETCD_PASSWORD", "hunter2"),
            ("PM_ETCD_PASSWORD", "hunter22"),
        ],
        &["etcd.password=hunter2"],
    );
    assert_eq!(loaded.config.etcd.password.expose(), "hunter2");
    let rows = loaded.rows();
    let row = rows.iter().find(|row| row.key == "etcd.password").unwrap();
    assert_eq!(row.value, "***");
    let all = format!(
        "{loaded:?} {rows:?} {:#?} {}",
        loaded.config,
        loaded.config.to_yaml()
    );
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn sources_in_debug_show_no_values() {
    let sources = Sources {
        file: Some(File {
            name: "push.yaml".to_owned(),
            text: "hunter2".to_owned(),
        }),
        env: env(&[("ETCD_PASSWORD", "hunter2")]),
        overrides: vec![Override::set("etcd.password=hunter2")],
    };
    assert!(!format!("{sources:?}").contains("hunter2"));
}

#[test]
fn odd_but_working_settings_are_warnings() {
    let loaded = from(
        "drain:\n  timeout: 1s\ndiscovery:\n  nodes: [a:1]\n",
        &[],
        &[],
    );
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}

#[test]
fn an_admin_address_that_others_reach_is_warned_of_since_tokens_go_unencrypted() {
    let text = "admin:\n  address: 0.0.0.0:50054\n  read_token: a-token-to-read\n";
    let open = from(text, &[], &[]);
    assert_eq!(open.warnings.len(), 1, "{:?}", open.warnings);
    assert!(open.warnings[0].contains("unencrypted"));
    let off = from(&format!("{text}  enabled: false\n"), &[], &[]);
    assert!(off.warnings.is_empty(), "{:?}", off.warnings);
}

#[test]
fn a_reload_sees_which_knobs_changed_and_which_may() {
    let old = Config::default();
    let new = from(
        "log:\n  level: debug\netcd:\n  username: u\n  password: p\n",
        &[],
        &[],
    )
    .config;
    let found: Vec<(&str, bool)> = changed(&old, &new)
        .into_iter()
        .map(|knob| (knob.key, knob.reloadable))
        .collect();
    assert_eq!(
        found,
        [
            ("etcd.username", false),
            ("etcd.password", false),
            ("log.level", true)
        ]
    );
    assert!(changed(&old, &old.clone()).is_empty());
}
