//! What operators do takes effect, is refused where it must be, and is told.

use push_manager_proto::admin::{
    ActRequest, ActResponse, EventsRequest, GetInfoRequest, GetSettingsRequest, Role, Setting, Verb,
};
use tonic::{Code, Request, Status};

use crate::{
    bed::Bed,
    console::{Client, admin},
};

fn act(verb: Verb, node: &str) -> ActRequest {
    ActRequest {
        verb: verb.into(),
        node: node.into(),
        ..ActRequest::default()
    }
}

fn set(key: &str, value: &str) -> ActRequest {
    ActRequest {
        verb: Verb::Set.into(),
        setting: key.into(),
        value: value.into(),
        ..ActRequest::default()
    }
}

async fn done(client: &Client, request: ActRequest) -> Result<ActResponse, Status> {
    client
        .clone()
        .act(request)
        .await
        .map(tonic::Response::into_inner)
}

/// The audit: (kind, message, actor).
async fn audit(client: &Client) -> Vec<(String, String, String)> {
    let request = EventsRequest {
        level: 4,
        kept_only: true,
        ..EventsRequest::default()
    };
    let mut stream = client.clone().events(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(answer) = stream.message().await.unwrap() {
        let events = answer.events.into_iter();
        told.extend(events.map(|event| (event.kind, event.message, event.actor)));
    }
    told
}

fn with_token<T>(request: T, token: &str) -> Request<T> {
    let mut request = Request::new(request);
    let token = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", token);
    request
}

async fn setting(client: &Client, key: &str) -> Setting {
    let settings = client
        .clone()
        .get_settings(GetSettingsRequest {})
        .await
        .unwrap();
    let mut settings = settings.into_inner().settings.into_iter();
    settings.find(|setting| setting.key == key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_planned_done_once_and_audited() {
    let bed = Bed::start(3).await;
    let client = admin(bed.server.admin_addr().unwrap());
    let dry = ActRequest {
        dry_run: true,
        request_id: "one".into(),
        ..act(Verb::Drain, "connect-node-1")
    };
    let planned = done(&client, dry).await.unwrap();
    let plan = planned.plan.unwrap();
    assert!(!planned.applied && planned.audit_seq == 0 && plan.refusal.is_empty());
    assert_eq!(
        (plan.usable_before, plan.usable_after, plan.usable_least),
        (3, 2, 2)
    );
    assert!(!plan.lines.is_empty() && plan.ends_at.is_some());
    assert_eq!(audit(&client).await, []);

    let wet = ActRequest {
        request_id: "one".into(),
        expected_instance: plan.node_static.unwrap().instance,
        reason: "kernel".into(),
        ..act(Verb::Drain, "connect-node-1")
    };
    let first = done(&client, wet.clone()).await.unwrap();
    assert!(first.applied && first.audit_seq > 0);
    let again = done(&client, wet).await.unwrap();
    assert_eq!(again, first, "the same id is done once");
    let told = audit(&client).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (kind, message, actor) = &told[0];
    assert_eq!(kind, "action.drain");
    assert!(message.contains("kernel"), "{message}");
    assert!(actor.starts_with("operate from 127.0.0.1"), "{actor}");

    let undrained = done(&client, act(Verb::Undrain, "connect-node-1"))
        .await
        .unwrap();
    assert_eq!(undrained.plan.unwrap().usable_after, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_is_refused_for_another_instance_or_where_too_few_would_remain() {
    let bed = Bed::start(2).await;
    let client = admin(bed.server.admin_addr().unwrap());
    let other = ActRequest {
        expected_instance: "another".into(),
        ..act(Verb::Drain, "connect-node-1")
    };
    let refused = done(&client, other).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("another instance"),
        "{refused:?}"
    );

    done(&client, act(Verb::Drain, "connect-node-1"))
        .await
        .unwrap();
    let last = ActRequest {
        dry_run: true,
        ..act(Verb::Eject, "connect-node-2")
    };
    let plan = done(&client, last.clone()).await.unwrap().plan.unwrap();
    assert!(plan.refusal.contains("at least 1"), "{}", plan.refusal);
    let last = ActRequest {
        dry_run: false,
        ..last
    };
    let refused = done(&client, last).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let nobody = done(&client, act(Verb::Drain, "nobody")).await.unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);
    let kinds: Vec<_> = audit(&client)
        .await
        .into_iter()
        .map(|told| told.0)
        .collect();
    let expected = [
        "action.refused",
        "action.drain",
        "action.refused",
        "action.refused",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_takes_effect_at_once_and_shows_beside_the_configured_one() {
    let bed = Bed::start(1).await;
    let client = admin(bed.server.admin_addr().unwrap());
    let _person = bed.join(0, "a", "room-1").await;
    let revision = bed.server.tuning().revision();
    let planned = ActRequest {
        dry_run: true,
        ..set("limits.max_data", "3")
    };
    let plan = done(&client, planned).await.unwrap().plan.unwrap();
    assert_eq!(plan.new_value, "3");
    assert!(
        bed.push_room("room-1", "four").await.is_ok(),
        "a dry run changes nothing"
    );

    done(&client, set("limits.max_data", "3")).await.unwrap();
    let refused = bed.push_room("room-1", "four").await.unwrap_err();
    assert!(refused.message().contains("limits.max_data"), "{refused:?}");
    let shown = setting(&client, "limits.max_data").await;
    assert_eq!(
        (shown.value.as_str(), shown.configured.as_str()),
        ("3", "1MiB")
    );
    assert!(bed.server.tuning().revision() > revision);

    let bad = done(&client, set("limits.concurrent_pushes", "0"))
        .await
        .unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert!(bad.message().contains("a whole number from 1"), "{bad:?}");
    let fixed = done(&client, set("grpc.port", "1")).await.unwrap_err();
    assert_eq!(fixed.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_read_sees_everything_and_its_acts_are_refused_and_told() {
    let bed = Bed::with(2, |config| {
        config.admin.read_token = push_manager_config::Secret::new("look");
    })
    .await;
    let client = admin(bed.server.admin_addr().unwrap());
    let info = with_token(GetInfoRequest {}, "look");
    let info = client.clone().get_info(info).await.unwrap().into_inner();
    assert_eq!(info.role(), Role::Read);
    let request = with_token(act(Verb::Drain, "connect-node-1"), "look");
    let refused = client.clone().act(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let told = audit(&client).await;
    assert_eq!(told[0].0, "action.refused");
    assert!(told[0].2.starts_with("read from"), "{told:?}");
    for _ in 0..200 {
        let request = with_token(act(Verb::Drain, "connect-node-1"), "look");
        let refused = client.clone().act(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let told = audit(&client).await;
    assert!(told.len() <= 2, "repeats are summed up: {}", told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_out_of_bounds_is_refused_and_its_id_stays_free() {
    let bed = Bed::start(2).await;
    let client = admin(bed.server.admin_addr().unwrap());
    let drain = ActRequest {
        request_id: "one".into(),
        ..act(Verb::Drain, "connect-node-1")
    };
    let large = ActRequest {
        value: "x".repeat(400 << 10),
        ..drain.clone()
    };
    let refused = done(&client, large).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("value"), "{refused:?}");
    assert!(done(&client, drain).await.unwrap().applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_admitted_is_told_in_the_audit_without_what_they_sent() {
    let bed = Bed::with(2, |config| {
        config.admin.operate_token = push_manager_config::Secret::new("touch");
    })
    .await;
    let client = admin(bed.server.admin_addr().unwrap());
    for _ in 0..5 {
        let request = with_token(act(Verb::Drain, "connect-node-1"), "guess");
        let refused = client.clone().act(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    let told = audit(&client).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (kind, message, actor) = &told[0];
    assert_eq!(kind, "action.refused");
    assert!(message.contains("unknown here"), "{message}");
    assert!(!message.contains("guess"), "{message}");
    assert_eq!(actor, "nobody known, from 127.0.0.1");
}
