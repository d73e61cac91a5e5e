use std::time::Duration;

use push_manager_proto::admin::{ActPlan, ActResponse, NodeStatic};
use tonic::Status;

use super::*;

fn wish() -> Wish {
    Wish {
        node: "push-7".to_owned(),
        undrain: false,
        ttl: Duration::from_mins(10),
        reason: "kernel".to_owned(),
        session: 9,
    }
}

fn place(pod: &str) -> Place {
    Place {
        pod: pod.to_owned(),
        port: 1,
        is_leaving: pod.contains("leaving"),
        waits: None,
    }
}

fn response(refusal: &str, applied: bool) -> ActResponse {
    let node = NodeStatic {
        instance: "9f3c".to_owned(),
        ..NodeStatic::default()
    };
    ActResponse {
        plan: Some(ActPlan {
            node_static: Some(node),
            refusal: refusal.to_owned(),
            lines: vec!["sends it nothing new".to_owned()],
            ..ActPlan::default()
        }),
        applied,
        message: "push-7 is drained until 03:10".to_owned(),
        ..ActResponse::default()
    }
}

fn willing(pod: &str) -> Answered {
    place(pod).answered(Ok(response("", false)))
}

fn refusing(pod: &str) -> Answered {
    place(pod).answered(Ok(response("too few usable nodes would remain", false)))
}

fn done(pod: &str) -> Answered {
    place(pod).answered(Ok(response("", true)))
}

fn failing(pod: &str, status: Status) -> Answered {
    place(pod).answered(Err(status))
}

#[test]
fn one_refusal_is_everybodys() {
    let all = [willing("a"), refusing("b"), willing("c")];
    assert_eq!(verdict(&all), Verdict::Refused);
    let all = [willing("a"), failing("b", Status::permission_denied("no"))];
    assert_eq!(verdict(&all), Verdict::Refused);
}

#[test]
fn who_does_not_answer_or_does_not_know_the_node_stops_nobody() {
    let all = [
        failing("a", Status::unavailable("gone")),
        failing("b", Status::not_found("no node")),
        willing("c"),
    ];
    assert_eq!(verdict(&all), Verdict::Agreed);
    assert_eq!(verdict(&all[..2]), Verdict::Unknown);
    assert_eq!(verdict(&all[..1]), Verdict::Silent);
    assert_eq!(verdict(&[]), Verdict::Silent);
}

#[test]
fn the_incarnation_that_was_planned_with_is_acted_on_once() {
    let (wish, plan) = (wish(), willing("a"));
    let request = wish.acting(&plan.instance);
    assert_eq!(request.expected_instance, "9f3c");
    assert_eq!(request.request_id, wish.acting(&plan.instance).request_id);
    let other = Wish {
        session: 10,
        ..wish.clone()
    };
    assert_ne!(request.request_id, other.acting("9f3c").request_id);
    assert!(!request.dry_run && wish.planning().dry_run);
    assert_eq!(wish.planning().request_id, "");
}

#[test]
fn it_is_done_when_no_pod_that_stays_is_left_open() {
    let away = || Status::unavailable("gone");
    let outcome = |pods| Report::acted(&wish(), pods).outcome;
    assert_eq!(outcome(vec![done("a"), done("b")]), "done");
    let unknown = failing("b", Status::not_found("no node"));
    assert_eq!(outcome(vec![done("a"), unknown]), "done");
    assert_eq!(outcome(vec![done("a"), failing("leaving", away())]), "done");
    assert_eq!(outcome(vec![done("a"), failing("b", away())]), "partly");
    assert_eq!(outcome(vec![done("a"), refusing("b")]), "partly");
    assert_eq!(outcome(vec![refusing("a"), refusing("b")]), "refused");
}

#[test]
fn plans_and_results_are_told_a_pod_a_line() {
    let away = failing(
        "push-c",
        Status::unavailable("an error occurred forwarding 50054"),
    );
    let plans = vec![willing("push-a"), willing("push-b"), away.clone()];
    let shown = [
        planned(&Report::planned(&wish(), plans)),
        planned(&Report::planned(
            &wish(),
            vec![willing("push-a"), refusing("push-b")],
        )),
        text(&Report::acted(&wish(), vec![done("push-a"), away])),
    ];
    insta::assert_snapshot!("told", shown.join("\n----\n"));
    let report = Report::acted(&wish(), vec![done("push-a"), refusing("push-b")]);
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report).unwrap());
}
