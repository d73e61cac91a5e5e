use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn masked(mut value: Value) -> Value {
    object(&mut value);
    value
}

#[test]
fn a_variable_named_like_a_secret_loses_its_value_and_a_reference_stays() {
    let pod = masked(json!({ "spec": { "containers": [{
        "env": [
            { "name": "ADMIN_OPERATE_TOKEN", "value": "hunter2" },
            { "name": "LOG_LEVEL", "value": "info" },
            { "name": "ETCD", "value": "http://root:hunter2@etcd:2379" },
            { "name": "P", "valueFrom": { "secretKeyRef": { "name": "etcd", "key": "password" } } },
        ],
        "args": ["--read-token", "hunter2", "--etcd-password=hunter2", "--log", "info"],
    }] } }));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["env"][0]["value"], MASK);
    assert_eq!(container["env"][1]["value"], "info");
    assert_eq!(container["env"][2]["value"], "http://***@etcd:2379");
    let reference = &container["env"][3]["valueFrom"]["secretKeyRef"];
    assert_eq!(*reference, json!({ "name": "etcd", "key": "password" }));
    let args = json!(["--read-token", MASK, "--etcd-password=***", "--log", "info"]);
    assert_eq!(container["args"], args);
}

#[test]
fn what_repeats_an_object_is_dropped_at_any_depth() {
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    let metadata =
        json!({ "name": "a", "managedFields": [1], "annotations": { last: "{}", "a": "b" } });
    let whole = json!({ "metadata": metadata, "spec": { "template": { "metadata": metadata } } });
    let kept = json!({ "name": "a", "annotations": { "a": "b" } });
    assert_eq!(
        masked(whole),
        json!({ "metadata": kept, "spec": { "template": { "metadata": kept } } })
    );
}

#[test]
fn what_tells_where_pods_go_stays_readable() {
    let spec = json!({
        "tolerations": [{ "key": "dedicated", "operator": "Equal", "value": "push" }],
        "topologySpreadConstraints": [{ "topologyKey": "topology.kubernetes.io/zone", "matchLabelKeys": ["x"] }],
        "imagePullSecrets": [{ "name": "registry" }],
        "volumes": [{ "name": "v", "secret": { "secretName": "tls", "items": [{ "key": "ca", "path": "ca" }] } }],
        "automountServiceAccountToken": false,
    });
    assert_eq!(masked(spec.clone()), spec);
}

#[test]
fn a_field_that_only_ends_like_a_pointer_hides_what_is_no_part_of_one() {
    let spec = json!({ "authRef": { "name": "a", "inline": "hunter2", "list": ["hunter2"] } });
    let shown = masked(spec);
    assert_eq!(
        shown["authRef"],
        json!({ "name": "a", "inline": MASK, "list": [MASK] })
    );
}

#[test]
fn each_line_keeps_all_but_its_secret() {
    for (given, expected) in [
        ("in token=hunter2 user=u", "in token=*** user=u"),
        (
            "connected token=\"hunter 2\" user=u",
            "connected token=\"***\" user=u",
        ),
        ("authorization: Bearer hunter2", "authorization: ***"),
        ("sent Bearer hunter2 to a", "sent Bearer *** to a"),
        (
            "GET http://u:hunter2@h/x?a=1 ok",
            "GET http://***@h/x?a=1 ok",
        ),
        ("at nats://u:hun@ter2@h:1, x", "at nats://***@h:1, x"),
        ("GET /x?token=hunter2 200", "GET /x?token=*** 200"),
        (
            "{\"msg\":\"hi\",\"token\":\"hunter2\"}",
            "{\"msg\":\"hi\",\"token\":\"***\"}",
        ),
        (
            "12:00 {\"a\":{\"api_key\":7}}",
            "12:00 {\"a\":{\"api_key\":\"***\"}}",
        ),
        (
            "said {\\\"token\\\":\\\"hunter2\\\"}",
            "said {\\\"token\\\":\\\"***\\\"}",
        ),
        (
            "run --token hunter2 --log info",
            "run --token *** --log info",
        ),
        (
            "run [\"--token\", \"hunter2\"]",
            "run [\"--token\", \"***\"]",
        ),
        ("PASSWORD=correct horse", "PASSWORD=***"),
        ("export PASSWORD=correct horse", "export PASSWORD=***"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.x1_y-z is it", "*** is it"),
        ("secret \"etcd\" not found", "secret \"etcd\" not found"),
        ("tokens_total{a=\"b\"} 5", "tokens_total{a=\"b\"} 5"),
        ("a: b, 推送 c://d", "a: b, 推送 c://d"),
    ] {
        assert_eq!(text(given), expected);
    }
}

#[test]
fn a_value_of_several_lines_is_hidden_to_its_end() {
    for (given, expected) in [
        (
            "token: |\n  hunter2\n  more\nlog: info",
            "token: ***\n***\nlog: info",
        ),
        ("tokens:\n  - hunter2\nlog: info", "tokens:\n***\nlog: info"),
        (
            "token: a\n  hunter2\nlog: info",
            "token: ***\n***\nlog: info",
        ),
        (
            "tokens = [\n  \"hunter2\",\n]\nlog = 1",
            "tokens = ***\n***\nlog = 1",
        ),
        (
            "token = \"\"\"a\nhunter2\"\"\"\nlog = 1",
            "token = \"\"\"***\n***\nlog = 1",
        ),
        ("token=a\\\nhunter2\nlog=1", "token=***\n***\nlog=1"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb",
            "a\n***\nb",
        ),
    ] {
        assert_eq!(text(given), expected);
    }
}

/// Names that look like secrets'.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "password",
        "token",
        "secret",
        "key",
        "Authorization",
        "apiKey",
        "ADMIN_TOKEN",
    ]);
    ("[a-z]{0,3}", word, "[a-z0-9]{0,3}").prop_map(|(before, word, after)| {
        let before = if before.is_empty() {
            before
        } else {
            format!("{before}_")
        };
        format!("{before}{word}{after}")
    })
}

/// A secret, of what secrets are made of, with [`MARKS`] that nothing else here repeats.
pub(crate) fn secret() -> impl Strategy<Value = String> {
    let any = "[A-Za-z0-9+/_.~@:=&%$#!-]{0,8}";
    prop::string::string_regex(&format!("Ba8{any}Zq9{any}Xw7")).unwrap()
}

/// In the beginning, the middle and the end of each secret.
const MARKS: [&str; 3] = ["Ba8", "Zq9", "Xw7"];

/// Whether any part of a secret is there.
pub(crate) fn leaks(shown: &str) -> bool {
    MARKS.iter().any(|mark| shown.contains(mark))
}

/// A line or two of text that hold a secret in some form.
pub(crate) fn planted(form: usize, name: &str, secret: &str) -> String {
    match form % 19 {
        0 => format!("{name}={secret} next=1"),
        1 => format!("level=info {name}={secret}"),
        2 => format!("{name}: {secret} and more\nnext: 1"),
        3 => format!("info {{\"a\":1}} {name}: \"{secret}\", b"),
        4 => json!({ "a": [{ name: secret }], "b": "x" }).to_string(),
        5 => json!({ "a": format!("{name}={secret}") }).to_string(),
        6 => format!("GET https://user:{secret}@host/path failed"),
        7 => format!("Authorization: Bearer {secret}"),
        8 => format!("using bearer {secret} now"),
        9 => format!("start --{name} {secret} --x"),
        10 => format!("{name} = '{secret}'"),
        11 => format!("  - {name}: >-\n      {secret}\n  - x"),
        12 => format!("{name}:\n  nested:\n    - {secret}\nx: 1"),
        14 => json!({ name: { "name": secret, "value": [secret] }, "path": "x" }).to_string(),
        15 => json!({ name: secret, "path": "x", "operator": "y" }).to_string(),
        16 => format!("- name: {name}\n  value: {secret}\n- name: x\n  value: y"),
        17 => format!("{{\n  \"name\": \"{name}\",\n  \"value\": \"{secret}\"\n}}"),
        13 => format!("x {{\\\"{name}\\\": \\\"{secret}\\\"}}"),
        _ => format!("{name} = [\n  \"{secret}\",\n]"),
    }
}

/// An object that holds a secret somewhere.
pub(crate) fn holder(place: usize, form: usize, name: &str, secret: &str) -> Value {
    let said = planted(form, name, secret);
    match place % 12 {
        0 => json!({ "spec": { "env": [{ "name": name, "value": secret }] } }),
        1 => json!({ "spec": { "args": [format!("--{name}"), secret] } }),
        2 => json!({ "spec": { "args": [format!("--{name}={secret}")] } }),
        3 => json!({ "metadata": { "annotations": { name: secret } } }),
        4 => json!({ "metadata": { "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": secret } } }),
        5 => json!({ "metadata": { "managedFields": [{ "x": secret }] } }),
        6 => json!({ "data": { "config.toml": said } }),
        7 => json!({ "data": { name: secret }, "binaryData": { "x": secret } }),
        8 => json!({ "spec": { name: { "read": secret, "list": [secret] } } }),
        9 => {
            json!({ "items": [{ "spec": { "httpHeaders": [{ "name": name, "value": secret }] } }] })
        }
        10 => json!({ "message": said }),
        _ => json!({ "spec": { "command": ["sh", "-c", said] } }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_keeps_a_secret_that_something_names(
        name in name(), secret in secret(), form in 0..19_usize
    ) {
        let shown = text(&planted(form, &name, &secret));
        prop_assert!(!leaks(&shown), "{shown}");
    }

    #[test]
    fn no_object_keeps_a_secret_that_something_names(
        name in name(), secret in secret(), form in 0..19_usize, place in 0..12_usize
    ) {
        let shown = masked(holder(place, form, &name, &secret)).to_string();
        prop_assert!(!leaks(&shown), "{shown}");
    }

    #[test]
    fn any_text_is_taken(given in "(\\PC|\n){0,80}") {
        text(&given);
    }

    #[test]
    fn what_was_masked_stays_as_it_is(name in name(), secret in secret(), form in 0..19_usize) {
        let once = text(&planted(form, &name, &secret));
        prop_assert!(text(&once).lines().count() <= once.lines().count());
    }
}
