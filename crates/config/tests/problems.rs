//! Bad configurations: every problem is named with its place, key, value and what was expected.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests do"
)]

use push_manager_config::{File, MAX_FILE_BYTES, MAX_PROBLEMS, Override, Sources, load};

fn failure(yaml: &str, vars: &[(&str, &str)], flags: &[&str]) -> String {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    load(&Sources {
        file: Some(File {
            name: "push.yaml".to_owned(),
            text: yaml.to_owned(),
        }),
        env: vars.iter().map(pair).collect(),
        overrides: flags.iter().map(|flag| Override::set(flag)).collect(),
    })
    .unwrap_err()
    .to_string()
}

fn in_file(yaml: &str) -> String {
    failure(yaml, &[], &[])
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    assert_eq!(
        in_file("fanout:\n  chunk: 7\n  concurency: 3\n"),
        "push.yaml:3: fanout.concurency: unknown key; did you mean fanout.concurrency?"
    );
    assert_eq!(
        in_file("fannout:\n  chunk: 7\n"),
        "push.yaml:1: fannout: unknown key; did you mean fanout?"
    );
    assert_eq!(
        in_file("weather: fine\n"),
        "push.yaml:1: weather: unknown key"
    );
}

#[test]
fn a_bad_value_is_named_with_what_was_expected() {
    assert_eq!(
        in_file("fanout:\n\n  deadline: 5 parsecs\n"),
        "push.yaml:3: fanout.deadline: got \"5 parsecs\", \
         expected a duration from 10ms to 5m such as 500ms, 5s or 2m"
    );
    assert_eq!(
        in_file("fanout:\n  concurrency: 5000\n"),
        "push.yaml:2: fanout.concurrency: got \"5000\", \
         expected a whole number from 1 to 1024 (calls in flight to one node)"
    );
    assert_eq!(
        in_file("routing:\n  strategy: all\n"),
        "push.yaml:2: routing.strategy: got \"all\", expected members, room or auto"
    );
    assert_eq!(
        in_file("controller:\n  timeout: 5\n"),
        "push.yaml:2: controller.timeout: got \"5\", expected a duration from 10ms to 1m \
         such as 500ms, 5s or 2m; a unit is missing"
    );
}

#[test]
fn environment_and_flags_are_named_as_the_source() {
    assert_eq!(
        failure(
            "",
            &[("METRICS_PORT", "no")],
            &["log.format=xml", "log.colour=red", "grpc.port"]
        ),
        "env METRICS_PORT: metrics.port: got \"no\", \
         expected a port from 1 to 65535, or 0 for any free one\n\
         flag --set: log.format: got \"xml\", expected text or json\n\
         flag --set: log.colour: unknown key\n\
         flag --set: grpc.port: a value is missing, expected key=value"
    );
}

#[test]
fn a_service_link_for_a_port_says_what_to_mend() {
    let text = failure("", &[("GRPC_PORT", "tcp://10.0.0.1:50053")], &[]);
    assert!(text.starts_with("env GRPC_PORT: grpc.port: got \"tcp://10.0.0.1:50053\", expected"));
    assert!(text.contains("Service named grpc"), "{text}");
    assert!(text.contains("enableServiceLinks: false"), "{text}");
}

#[test]
fn localhost_cannot_be_advertised() {
    let text = failure("", &[("ADVERTISE_ADDRESS", "localhost:50053")], &[]);
    assert!(text.contains("use 127.0.0.1 in tests"), "{text}");
}

#[test]
fn all_problems_come_at_once() {
    let text = failure(
        "grpc:\n  port: x\n  porrt: 1\nlimits: 5\n",
        &[("LOG_LEVEL", "inof")],
        &["pool.connections_per_node=0"],
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(
        lines[0].starts_with("push.yaml:3: grpc.porrt: unknown key"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("push.yaml:4: limits: got \"5\", expected a section"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("push.yaml:2: grpc.port: got \"x\""),
        "{text}"
    );
}

#[test]
fn the_wrong_shape_is_said_so() {
    assert!(
        in_file("fanout:\n  chunk: {a: 1}\n").contains("fanout.chunk: got a mapping, expected")
    );
    assert!(in_file("fanout:\n  chunk: [1, 2]\n").contains("a list does not fit here"));
    assert!(in_file("fanout: [1]\n").contains("fanout: got a list, expected a section"));
    assert!(in_file("etcd:\n  endpoints: [[a]]\n").contains("a list of other things than texts"));
    assert!(in_file("- a\n").starts_with("push.yaml:1: holds a list, expected sections"));
    assert!(in_file("hello").starts_with("push.yaml:1: holds a single text, expected sections"));
}

#[test]
fn a_key_given_twice_is_named_with_both_lines() {
    assert_eq!(
        in_file("grpc:\n  port: 1\n  port: 2\n"),
        "push.yaml:3: grpc.port: given twice, first on line 2"
    );
    assert_eq!(
        in_file("grpc:\n  port: 1\ngrpc:\n  host: a\n"),
        "push.yaml:3: grpc: given twice, first on line 1"
    );
    assert_eq!(
        in_file("grpc:\n  port: 1\ngrpc.port: 2\n"),
        "push.yaml:3: grpc.port: given twice, first on line 2"
    );
}

#[test]
fn a_file_that_is_no_yaml_is_named_with_the_line() {
    for yaml in [
        "grpc:\n\tport: 1\n",
        "grpc: {port: 1\n",
        "grpc:\n  port: 'x\n",
        "a: *b\n",
        "? [a, b]\n: 1\n",
        "grpc: 1: 2\n",
        "--- {}\n--- {}\n",
        "%YAML 9.9 %%\n",
        "a: !!int x\n",
        "a: !!binary \"%%\"\n",
        "grpc: {port: 1}\n  x\n",
    ] {
        let text = in_file(yaml);
        assert!(text.starts_with("push.yaml:"), "{yaml:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{yaml:?}: {text}");
    }
}

#[test]
fn only_one_document_is_read() {
    assert_eq!(
        in_file("grpc: {port: 1}\n---\ngrpc: {port: 2}\n"),
        "push.yaml:3: more than one YAML document; only one is read"
    );
}

#[test]
fn hostile_files_are_refused_quickly() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ('a'..'i').zip('b'..'j') {
        let nine = vec![format!("*{one}"); 9].join(",");
        bomb += &[
            &next.to_string(),
            ": &",
            &next.to_string(),
            " [",
            &nine,
            "]
",
        ]
        .concat();
    }
    let nested = "[".repeat(100_000);
    let deep: Vec<String> = (0..5_000).map(|n| " ".repeat(n % 100) + "a:").collect();
    let deep = deep.join(
        "
",
    );
    let maps = format!("{}a", "{a: ".repeat(50_000));
    let large = format!("# {}\n", "x".repeat(MAX_FILE_BYTES));
    let docs = "---\n".repeat(50_000);
    for text in [bomb, nested, deep, maps, large, docs] {
        let shown = in_file(&text);
        assert!(shown.len() < 30_000, "{}", shown.len());
    }
}

#[test]
fn the_number_of_problems_kept_is_bounded() {
    let yaml: Vec<String> = (0..2_000).map(|n| format!("key{n}: 1")).collect();
    assert!(in_file(&yaml.join("\n")).lines().count() <= MAX_PROBLEMS + 1);
}

#[test]
fn control_characters_are_escaped() {
    let text = failure(
        "\"a\\e[31m\\nb\": 1\n",
        &[("LOG_FORMAT", "\u{1b}[2J\n")],
        &[],
    );
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert_eq!(text.lines().count(), 2, "{text:?}");
}

#[test]
fn no_error_shows_a_password() {
    for text in [
        in_file("etcd:\n  password: [hunter2]\n"),
        in_file("etcd:\n  password: {hunter2: 1}\n"),
        in_file("etcd:\n  pasword: hunter2\n"),
        in_file("etcd:\n  password: \"hunter2\\n\"\n"),
        in_file("etcd:\n  password: hunter2\n"),
        in_file("etcd:\n  password: hunter2\n broken: {\n"),
        in_file("etcd:\n  password: 'hunter2\n"),
        in_file("etcd:\n  password: hunter2: hunter2\n"),
        in_file("etcd:\n  endpoints: http://root:hunter2@etcd:2379\n"),
        failure("", &[("ETCD_PASSWORD", "hunter2\n")], &[]),
        failure("", &[], &["tracing.endpoint=ftp://me:hunter2@collector:1"]),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn two_knobs_that_contradict_each_other_are_both_named() {
    assert_eq!(
        in_file("etcd:\n  progress_interval: 20s\n"),
        "push.yaml:2: etcd.receive_deadline: got \"12s\", \
         expected more than etcd.progress_interval, which is \"20s\" (file push.yaml:2)"
    );
    for (yaml, key, other) in [
        (
            "limits: {max_data: 9MiB}",
            "limits.max_message",
            "limits.max_data",
        ),
        (
            "fanout: {queue_bytes: 64KiB}",
            "fanout.queue_bytes",
            "limits.max_data",
        ),
        (
            "fanout: {deadline: 1m}",
            "limits.request_timeout",
            "fanout.deadline",
        ),
        (
            "controller: {timeout: 40s}",
            "limits.request_timeout",
            "controller.timeout",
        ),
        ("metrics: {port: 50053}", "metrics.port", "grpc.port"),
        (
            "discovery: {kind: static}",
            "discovery.nodes",
            "discovery.kind",
        ),
        (
            "registration: {prefix: connect-node/pm/}",
            "registration.prefix",
            "discovery.prefixes",
        ),
        ("etcd: {username: u}", "etcd.password", "etcd.username"),
        ("etcd: {password: p}", "etcd.username", "etcd.password"),
    ] {
        let text = in_file(yaml);
        assert!(
            text.starts_with(&format!("push.yaml:1: {key}: got")),
            "{text}"
        );
        assert!(text.contains(other) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn an_admin_address_that_others_reach_needs_a_token() {
    let given = |admin: &[&str]| Sources {
        overrides: admin.iter().map(|set| Override::set(set)).collect(),
        ..Sources::default()
    };
    let error = load(&given(&["admin.address=0.0.0.0:50054"])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("admin.operate_token"), "{text}");
    for fine in [
        &["admin.address=[::1]:1"][..],
        &["admin.address=localhost:1"],
        &["admin.address=0.0.0.0:1", "admin.read_token=a"],
        &["admin.address=0.0.0.0:1", "admin.operate_token=a"],
        &["admin.address=0.0.0.0:1", "admin.enabled=false"],
    ] {
        assert!(load(&given(fine)).is_ok(), "{fine:?}");
    }
    let equal = given(&["admin.read_token=same", "admin.operate_token=same"]);
    let text = load(&equal).unwrap_err().to_string();
    assert!(
        text.contains("another token than admin.operate_token"),
        "{text}"
    );
    assert!(!text.contains("same"), "{text}");
}
