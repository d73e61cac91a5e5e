//! Values of knobs, by their shapes from the server's own table.

use std::time::Duration;

use proptest::{prelude::*, sample::select};
use push_manager_config::{Knob, Shape};
use serde_json::{Value, json};

/// A value that the server takes, whatever the other knobs are.
pub(crate) fn valid(knob: &Knob) -> BoxedStrategy<Value> {
    let texts = |texts: &'static [&'static str]| select(texts).prop_map(|text| json!(text)).boxed();
    match knob.key {
        "discovery.kind" => return Just(json!("etcd")).boxed(),
        "log.level" => return texts(&["info", "WARN", "push_manager=debug,h2=off", "[push]=info"]),
        "registration.prefix" => return texts(&["managers/", "/deep/er/", "é/"]),
        "tracing.endpoint" => return texts(&["", "http://collector:4317", "http://[::1]:4317/v1"]),
        "tracing.service_name" => {
            return "[!-~]{1,253}|é{1,253}".prop_map(|text| json!(text)).boxed();
        }
        "controller.address" => {
            return texts(&[
                "controller:50051",
                "10.0.0.7:1",
                "[::1]:65535",
                "a.b.svc.:2",
            ]);
        }
        _ => {}
    }
    match knob.shape() {
        Shape::Flag => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        Shape::Count { min, max } => (min..=max).prop_map(|count| json!(count)).boxed(),
        Shape::Port => any::<u16>().prop_map(|port| json!(port)).boxed(),
        Shape::Ratio => (0_u32..=1_000_000)
            .prop_map(|n| json!(f64::from(n) / 1e6))
            .boxed(),
        Shape::Choice(words) => select(words).prop_map(|word| json!(word)).boxed(),
        Shape::Bytes { min, max } => (min..=max, 0..6_usize)
            .prop_map(move |(count, unit)| bytes(count, unit, min))
            .boxed(),
        Shape::Duration { min, max } => duration(min, max).boxed(),
        Shape::List { .. } => list(knob),
        Shape::Text { .. } => panic!("{} needs values here", knob.key),
    }
}

/// A number of bytes in one of its written forms; as a number where the unit would make it too
/// small.
fn bytes(count: usize, unit: usize, min: usize) -> Value {
    let units = [
        ("", 1),
        ("Ki", 1 << 10),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("Mi", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let (name, size) = units[unit];
    let whole = count / size;
    if name.is_empty() || whole * size < min {
        return json!(count);
    }
    json!(format!("{whole}{name}"))
}

fn duration(min: Duration, max: Duration) -> impl Strategy<Value = Value> {
    let ms = |length: Duration| u64::try_from(length.as_millis()).unwrap();
    (ms(min)..=ms(max), 0..4_u8).prop_map(|(ms, form)| {
        json!(match form {
            0 => format!("{ms}ms"),
            1 => format!("{}.{:03}s", ms / 1000, ms % 1000),
            2 => format!("{}m{}.{:03}s", ms / 60_000, ms % 60_000 / 1000, ms % 1000),
            _ => format!(
                "{}h{}m{}s{}ms",
                ms / 3_600_000,
                ms % 3_600_000 / 60_000,
                ms % 60_000 / 1000,
                ms % 1000
            ),
        })
    })
}

fn list(knob: &Knob) -> BoxedStrategy<Value> {
    let form = match knob.key {
        "etcd.endpoints" => "(http://)?etcd-[0-9]{1,6}:2379",
        "discovery.prefixes" => "/?nodes-[a-z0-9]{1,8}/",
        "discovery.nodes" => "([a-z0-9:]{1,8}=)?10\\.0\\.[1-9][0-9]?\\.[1-9][0-9]?:[1-9][0-9]{0,3}",
        other => panic!("{other} needs entries here"),
    };
    let bare = |text: &String| text.trim_start_matches("http://").to_owned();
    proptest::collection::vec(form, 1..5)
        .prop_map(move |mut entries| {
            let mut seen = std::collections::BTreeSet::new();
            entries.retain(|entry| seen.insert(bare(entry)));
            json!(entries)
        })
        .boxed()
}

/// Values around a knob's bounds and of its written forms, and some of other types: valid or not.
#[allow(clippy::too_many_lines, reason = "a table")]
pub(crate) fn probes(knob: &Knob) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
    let mut probes = match knob.shape() {
        Shape::Flag => vec![json!(true), json!(false), json!("true"), json!(1)],
        Shape::Port => vec![json!(0), json!(65535), json!(65536), json!(-1)],
        Shape::Ratio => vec![
            json!(0),
            json!(1),
            json!(0.1),
            json!(1e-7),
            json!(-0.1),
            json!(1.000_001),
            json!("0.1"),
        ],
        Shape::Choice(words) => {
            let mut probes = texts(&["", "Members", "none"]);
            probes.extend(words.into_iter().map(|word| json!(word)));
            probes
        }
        Shape::Count { min, max } => {
            let (min, max) = (i64::try_from(min).unwrap(), i64::try_from(max).unwrap());
            let mut probes: Vec<_> = [min - 1, min, min + 1, max - 1, max, max + 1, i64::MAX]
                .into_iter()
                .map(|count| json!(count))
                .collect();
            probes.extend([json!(1.5), json!(format!("{max}")), json!("")]);
            probes
        }
        Shape::Bytes { min, max } => {
            let mut probes: Vec<_> = [min.saturating_sub(1), min, min + 1, max - 1, max, max + 1]
                .into_iter()
                .flat_map(|count| [json!(count), json!(count.to_string())])
                .collect();
            let half = max / 2;
            probes.extend([
                json!(format!("{}Ki", half >> 10)),
                json!(format!("{}KiB", half >> 10)),
            ]);
            probes.extend(texts(&[
                "1Gi",
                "1GiB",
                "4Gi",
                "5Gi",
                "100KB",
                "1MB",
                "1M",
                "1k",
                "1Ti",
                "1.5Mi",
                "-1",
                "",
                "1e3",
                "0x10",
                "99999999999999999999",
                "99999999999Gi",
                "12345678901234567890123456789012",
                "999999999999999999999999999999Gi",
                "8589934592Gi",
                "17179869184Gi",
            ]));
            probes
        }
        Shape::Duration { min, max } => {
            let mut probes: Vec<_> = [min, max]
                .into_iter()
                .flat_map(|bound| {
                    let ms = bound.as_millis();
                    [
                        format!("{ms}ms"),
                        format!("{}ms", ms + 1),
                        format!("{}ms", ms.saturating_sub(1)),
                    ]
                })
                .map(|text| json!(text))
                .collect();
            probes.extend(texts(&[
                "0",
                "0s",
                "",
                "5",
                "s",
                "-1s",
                "1s1m",
                "1s1s",
                ".5s",
                "1.s",
                "1d",
                "1S",
                "1.5s",
                "1m0.5s",
                "0.25ms",
                "10.0001ms",
                "1h",
                "61m",
                "99999999999h",
                "3000000h",
                "1us",
                "1ns",
                "00000000000000000000000000001s",
                "5 s",
            ]));
            probes.push(json!(5));
            probes
        }
        Shape::List { .. } => vec![
            json!([]),
            json!(["a/"]),
            json!(["a:1"]),
            json!(["a:1", "a:1"]),
            json!("a:1"),
            json!([1]),
        ],
        Shape::Text { max, .. } => {
            let mut probes = texts(&[
                "",
                "a",
                "a b",
                "host:1",
                "a/",
                "http://c:1",
                "info",
                "\u{7}",
                "a\nb",
            ]);
            probes.extend([
                json!("x".repeat(max)),
                json!("x".repeat(max + 1)),
                json!("é".repeat(max)),
                json!(5),
            ]);
            probes
        }
    };
    probes.push(json!({"a": 1}));
    probes
}
