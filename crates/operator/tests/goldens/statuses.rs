//! What the status says in each situation, and when its dates move.

use std::fmt::Write;

use k8s_openapi::jiff::Timestamp;
use push_manager_operator::{
    api::PushManagerStatus,
    conditions::{self, Rollout, Seen},
    pods::Complaint,
};
use serde_json::{Value, json};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn complaint(reason: &'static str, message: &str) -> Complaint {
    Complaint {
        reason,
        message: message.to_owned(),
    }
}

/// A Deployment of three with a status.
#[allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "reads better in a table"
)]
fn rollout(status: Value) -> Option<Rollout> {
    let deployment = json!({"metadata": {"generation": 2}, "status": status});
    Some(Rollout::of(&deployment))
}

fn settled() -> Option<Rollout> {
    rollout(json!({
        "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
    }))
}

fn seen() -> Seen<'static> {
    Seen {
        name: "push",
        namespace: "shop",
        generation: Some(5),
        desired: 3,
        tolerated: 1,
        hash: Some("00c0ffee00c0ffee".to_owned()),
        ..Seen::default()
    }
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn situations() -> Vec<(&'static str, Seen<'static>)> {
    let half = || {
        rollout(json!({
            "observedGeneration": 2, "replicas": 4, "readyReplicas": 2, "updatedReplicas": 1,
        }))
    };
    let late = json!({
        "observedGeneration": 2, "replicas": 4, "readyReplicas": 3, "updatedReplicas": 1,
        "conditions": [{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
            "message": "ReplicaSet \"push-5\" has timed out progressing.",
        }],
    });
    let refused = json!({
        "observedGeneration": 2,
        "conditions": [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "message": "exceeded quota: pods=2",
        }],
    });
    let conflict = complaint("NameConflict", "Service push in shop belongs to Helm web");
    let pull = |n: u8| {
        complaint(
            "ImagePullFailed",
            &format!("pod push-{n}: the image x can't be pulled"),
        )
    };
    let pending = vec![
        "update Deployment push".to_owned(),
        "delete Service push".to_owned(),
    ];
    vec![
        ("nothing yet", seen()),
        (
            "nothing yet, and something in the way",
            Seen {
                obstacles: vec![conflict.clone()],
                ..seen()
            },
        ),
        (
            "the Deployment's status is not there yet",
            Seen {
                rollout: rollout(json!({})),
                ..seen()
            },
        ),
        (
            "rolling out",
            Seen {
                rollout: half(),
                ..seen()
            },
        ),
        (
            "its status is about the spec before",
            Seen {
                rollout: rollout(json!({
                    "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
                })),
                ..seen()
            },
        ),
        (
            "settled",
            Seen {
                rollout: settled(),
                ..seen()
            },
        ),
        (
            "settled, with advice",
            Seen {
                rollout: settled(),
                advice: vec![
                    "drain.timeout is short".to_owned(),
                    "ServiceMonitor is left out".to_owned(),
                ],
                ..seen()
            },
        ),
        (
            "one of three is away",
            Seen {
                rollout: rollout(json!({
                    "observedGeneration": 2, "replicas": 3, "readyReplicas": 2, "updatedReplicas": 3,
                })),
                ..seen()
            },
        ),
        (
            "all are away, however many may be",
            Seen {
                tolerated: 9,
                rollout: rollout(
                    json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}),
                ),
                ..seen()
            },
        ),
        (
            "scaled to zero",
            Seen {
                desired: 0,
                rollout: rollout(json!({"observedGeneration": 2})),
                ..seen()
            },
        ),
        (
            "stuck",
            Seen {
                rollout: rollout(late),
                ..seen()
            },
        ),
        (
            "pods are refused",
            Seen {
                rollout: rollout(refused),
                ..seen()
            },
        ),
        (
            "an image can't be pulled",
            Seen {
                rollout: half(),
                pods: vec![pull(1)],
                ..seen()
            },
        ),
        (
            "five images can't be pulled",
            Seen {
                rollout: half(),
                pods: (1..=5).map(pull).collect(),
                ..seen()
            },
        ),
        (
            "a name conflict while all runs",
            Seen {
                rollout: settled(),
                obstacles: vec![conflict],
                ..seen()
            },
        ),
        (
            "invalid",
            Seen {
                rollout: settled(),
                obstacles: vec![complaint(
                    "InvalidSpec",
                    "spec.fanout.chunk: expected a whole number",
                )],
                hash: None,
                ..seen()
            },
        ),
        (
            "paused",
            Seen {
                rollout: settled(),
                paused: Some(Vec::new()),
                ..seen()
            },
        ),
        (
            "paused, with changes that wait",
            Seen {
                rollout: settled(),
                paused: Some(pending),
                ..seen()
            },
        ),
        (
            "paused before anything was made",
            Seen {
                paused: Some(vec!["create Deployment push".to_owned()]),
                ..seen()
            },
        ),
    ]
}

fn told(status: &PushManagerStatus) -> String {
    let mut text = format!(
        "  {} of {} ready, {} there, {} updated; generation {:?}, hash {}\n",
        status.ready_replicas,
        status.desired_replicas,
        status.replicas,
        status.updated_replicas,
        status.observed_generation,
        status.config_hash.as_deref().unwrap_or("none"),
    );
    for c in &status.conditions {
        assert_eq!(c.observed_generation, status.observed_generation);
        let said = format!(
            "  {:<11} {:<5} {}: {}",
            c.type_, c.status, c.reason, c.message
        );
        writeln!(text, "{}", said.trim_end()).unwrap();
    }
    text
}

#[test]
fn the_status_says_what_is() {
    let mut text = String::new();
    for (situation, seen) in situations() {
        let status = conditions::status(&seen, None, at(0));
        assert_eq!(
            status.selector.as_deref(),
            Some(
                "app.kubernetes.io/instance=push,app.kubernetes.io/managed-by=push-manager-operator,\
                 app.kubernetes.io/name=push-manager"
            )
        );
        assert_eq!(
            status.endpoints,
            ["push.shop.svc:50053", "push-pods.shop.svc:50053"]
        );
        write!(text, "{situation}\n{}", told(&status)).unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(".");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("situations", text));
}

/// From every situation to every other: a date is either the one before, of the same status, or
/// now, of another.
#[test]
fn a_date_moves_when_and_only_when_the_status_flips() {
    for (from, before) in situations() {
        let before = conditions::status(&before, None, at(0));
        for (to, seen) in situations() {
            let after = conditions::status(&seen, Some(&before), at(60));
            for (was, is) in before.conditions.iter().zip(&after.conditions) {
                assert_eq!(was.type_, is.type_);
                let flipped = was.status != is.status;
                let moved = is.last_transition_time.0 == at(60);
                assert_eq!(moved, flipped, "{from} -> {to}: {}", is.type_);
                let kept = is.last_transition_time.0 == at(0);
                assert_eq!(kept, !flipped, "{from} -> {to}: {}", is.type_);
            }
        }
    }
}

#[test]
fn an_invalid_spec_leaves_the_hash_of_what_runs() {
    let before = conditions::status(&seen(), None, at(0));
    let invalid = Seen {
        hash: None,
        ..seen()
    };
    let after = conditions::status(&invalid, Some(&before), at(1));
    assert_eq!(after.config_hash, before.config_hash);
}

#[test]
fn no_message_is_longer_than_kubernetes_takes() {
    let seen = Seen {
        obstacles: vec![complaint("InvalidSpec", &"é".repeat(100_000))],
        ..seen()
    };
    let status = conditions::status(&seen, None, at(0));
    for condition in status.conditions {
        assert!(condition.message.len() < 32 << 10);
    }
}
