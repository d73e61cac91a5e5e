use proptest::prelude::*;

use super::*;
use crate::fixture::Scenario;

fn picked(filter: &str) -> Vec<String> {
    let fleet = Scenario::story().fleet_after(30);
    let filter = Filter::parse(filter).unwrap();
    let nodes = fleet.nodes().values();
    nodes
        .filter(|node| filter.matches(node))
        .map(|node| node.name.to_string())
        .collect()
}

#[test]
fn fields_are_compared_in_their_own_units() {
    assert_eq!(picked("state=failed"), ["push-17"]);
    assert_eq!(picked("STATE = Failed"), ["push-17"]);
    assert_eq!(picked("queue>80%"), ["push-2"]);
    assert_eq!(picked("queue>0.8"), ["push-2"]);
    assert_eq!(picked("hold=drained"), ["push-71"]);
    assert_eq!(picked("oldest>2s"), ["push-4"]);
    assert_eq!(picked("error~refused"), ["push-17"]);
    assert_eq!(picked("rtt.p99>10h"), Vec::<String>::new());
}

#[test]
fn words_are_parts_of_names_and_stars_fit_whole_ones() {
    assert_eq!(picked("节点"), ["推送-节点-07", "推送-节点-08"]);
    assert_eq!(picked("name~\"push-7?\""), ["push-71"]);
    assert_eq!(picked("name~push-1*"), ["push-1", "push-17"]);
    assert_eq!(picked("name=push-1"), ["push-1"]);
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let both = picked("state=failed or state=idle and not queue>80%");
    assert_eq!(both, ["push-17", "push-203"]);
    assert_eq!(
        picked("(state=failed or state=idle) and name=push-17"),
        ["push-17"]
    );
    assert_eq!(picked("not not state=failed"), ["push-17"]);
    assert_eq!(
        picked("push state=failed"),
        ["push-17"],
        "nothing between terms is and"
    );
}

#[test]
fn what_is_not_known_matches_no_comparison() {
    assert!(!picked("rtt.p99>0ms or rtt.p99<=0ms").contains(&"push-203".to_owned()));
    assert!(picked("not rtt.p99>0ms").contains(&"push-203".to_owned()));
}

#[test]
fn an_error_tells_where_and_what_may_stand_there() {
    for (text, at, part) in [
        ("stat=failed", 0, "there is no field \"stat\""),
        ("queue>lots", 6, "expected a share"),
        ("queue>80", 6, "e.g. 80% or 0.8"),
        ("state=faild", 6, "expected failed, ejected"),
        ("hold!=drain", 6, "expected drained, ejected, none"),
        ("problem=node_sad", 8, "expected node_failed"),
        ("rtt.p99>5", 8, "expected a duration"),
        ("state=", 6, "expected a value"),
        ("state=failed and", 16, "expected a field"),
        ("(state=failed", 13, "expected )"),
        ("state=failed )", 13, "does not belong here"),
        ("name>x", 5, "text has no order"),
        ("queue~5", 6, "~ is for text"),
        ("name=\"x", 5, "no end"),
        ("name!x", 4, "no operator"),
    ] {
        let error = Filter::parse(text).unwrap_err();
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

#[test]
fn a_node_that_no_live_replica_knows_matches_no_number() {
    let mut scenario = Scenario::story();
    for replica in 0..3 {
        scenario.silent_from.insert(replica, 5);
    }
    let fleet = scenario.fleet_after(30);
    for text in ["queue<10%", "inflight=0", "queued<5", "connections<9"] {
        let filter = Filter::parse(text).unwrap();
        assert!(
            !fleet.nodes().values().any(|node| filter.matches(node)),
            "{text}"
        );
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = "(".repeat(400) + "x" + &")".repeat(400);
    assert!(Filter::parse(&deep).unwrap_err().message.contains("deep"));
    assert!(Filter::parse(&"not ".repeat(240)).is_err());
    assert!(Filter::parse(&"x".repeat(1_001)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ -~推节\"'()=!<>~]{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let fleet = Scenario::of(1, 2).fleet_after(1);
            for node in fleet.nodes().values() {
                filter.matches(node);
            }
        }
    }

    #[test]
    fn stars_match_what_an_expression_would(text in "[ab]{0,8}", pattern in "[ab*?]{0,6}") {
        let quoted = format!("name~\"{pattern}\"");
        let filter = Filter::parse(&quoted).unwrap();
        let mut scenario = Scenario::of(1, 1);
        scenario.nodes[0].0.clone_from(&text);
        let fleet = scenario.fleet_after(0);
        if let Some(node) = fleet.nodes().values().next() {
            let expected = if pattern.contains(['*', '?']) {
                slow(text.as_bytes(), pattern.as_bytes())
            } else {
                text.contains(&pattern)
            };
            prop_assert_eq!(filter.matches(node), expected);
        }
    }
}

fn slow(text: &[u8], pattern: &[u8]) -> bool {
    match (text.split_first(), pattern.split_first()) {
        (_, None) => text.is_empty(),
        (_, Some((b'*', rest))) => (0..=text.len()).any(|skip| slow(&text[skip..], rest)),
        (Some((letter, text)), Some((wanted, rest))) => {
            (letter == wanted || *wanted == b'?') && slow(text, rest)
        }
        (None, Some(_)) => false,
    }
}
