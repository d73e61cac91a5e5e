//! Options of later versions are refused by name, never ignored.

use push_manager_proto::pubsub::{Durability, Priority, PushOptions, Routing};
use tonic::Code;

use crate::{bed::text, door::Door};

#[tokio::test(flavor = "multi_thread")]
async fn each_option_is_refused_by_name_in_all_three_calls() {
    let door = Door::open().await;
    let none = PushOptions::default;
    let options = [
        (
            "priority",
            PushOptions {
                priority: Priority::High.into(),
                ..none()
            },
        ),
        (
            "priority",
            PushOptions {
                priority: Priority::Low.into(),
                ..none()
            },
        ),
        (
            "priority",
            PushOptions {
                priority: 77,
                ..none()
            },
        ),
        (
            "ttl",
            PushOptions {
                ttl: Some(Default::default()),
                ..none()
            },
        ),
        (
            "expires_at",
            PushOptions {
                expires_at: Some(Default::default()),
                ..none()
            },
        ),
        (
            "idempotency_key",
            PushOptions {
                idempotency_key: "k".into(),
                ..none()
            },
        ),
        (
            "durability",
            PushOptions {
                durability: Durability::Stored.into(),
                ..none()
            },
        ),
        (
            "keep_for_offline",
            PushOptions {
                keep_for_offline: true,
                ..none()
            },
        ),
        (
            "conflation_key",
            PushOptions {
                conflation_key: "k".into(),
                ..none()
            },
        ),
        (
            "routing",
            PushOptions {
                routing: Routing::Room.into(),
                ..none()
            },
        ),
        (
            "routing",
            PushOptions {
                routing: Routing::Members.into(),
                ..none()
            },
        ),
        (
            "callback_url",
            PushOptions {
                callback_url: "http://127.0.0.1/".into(),
                ..none()
            },
        ),
        (
            "deliver_at",
            PushOptions {
                deliver_at: Some(Default::default()),
                ..none()
            },
        ),
        (
            "spread_over",
            PushOptions {
                spread_over: Some(Default::default()),
                ..none()
            },
        ),
    ];
    for (name, options) in options {
        for answer in door
            .all_three(Some(text("hello")), Some(options.clone()))
            .await
        {
            let status = answer.expect_err("a refusal");
            assert_eq!(status.code(), Code::Unimplemented, "{name}: {status}");
            let option = format!("options.{name} ");
            assert!(status.message().contains(&option), "{name}: {status}");
        }
    }
    assert_eq!(door.calls(), 0, "nothing was pushed");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_ask_for_what_happens_anyway_are_taken() {
    let door = Door::open().await;
    let usual = PushOptions {
        priority: Priority::Normal.into(),
        durability: Durability::None.into(),
        ..PushOptions::default()
    };
    for options in [usual, PushOptions::default()] {
        for answer in door.all_three(Some(text("hello")), Some(options)).await {
            answer.expect("taken");
        }
    }
}
