//! Bad input is refused by name: the field, the limit and what was given.

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, Outcome, PushToRoomRequest,
};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use crate::{
    bed::outcomes,
    door::{Door, data, payload, room, user, without},
};

/// Checks that `field` was refused with all of `words`, also in the details
/// that programs read.
#[track_caller]
fn refused(answer: Result<(), Status>, field: &str, words: &[&str]) {
    let status = answer.expect_err("a refusal");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let message = status.message();
    assert!(message.starts_with(&format!("{field}: ")), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is missing: {message}");
    }
    let details = status
        .get_details_bad_request()
        .expect("BadRequest details");
    let [violation] = &details.field_violations[..] else {
        panic!("one violation, got {details:?}");
    };
    assert_eq!(violation.field, field);
    for word in words {
        assert!(violation.description.contains(word), "{violation:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_or_missing_id_is_refused() {
    let door = Door::open().await;
    let words = ["1 to 256 bytes", "limits.max_id", "got 0"];
    refused(door.room(room("")).await, "room_id", &words);
    refused(door.user(user("")).await, "user_id", &words);
    let excludes = without(["a".to_owned(), String::new()]);
    refused(door.room(excludes).await, "exclude_user_ids[1]", &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_or_missing_content_is_refused_by_all_three_calls() {
    let door = Door::open().await;
    for answer in door.all_three(None, None).await {
        refused(answer, "content", &["required", "got none"]);
    }
    let empty = MessageContent {
        timestamp: 1,
        ..MessageContent::default()
    };
    for answer in door.all_three(Some(empty), None).await {
        refused(answer, "content", &["got an empty message"]);
    }
    let signal = MessageContent {
        r#type: "PING".into(),
        ..MessageContent::default()
    };
    for answer in door.all_three(Some(signal), None).await {
        answer.expect("a type alone is content");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_over_256_bytes_is_refused() {
    let door = Door::open().await;
    // Two bytes a character: the limit counts bytes.
    let (longest, longer) = ("é".repeat(128), format!("{}x", "é".repeat(128)));
    let words = ["1 to 256 bytes", "limits.max_id", "got 257"];
    refused(door.room(room(&longer)).await, "room_id", &words);
    refused(door.user(user(&longer)).await, "user_id", &words);
    refused(
        door.room(without([longer])).await,
        "exclude_user_ids[0]",
        &words,
    );
    door.room(room(&longest)).await.expect("256 bytes");
    door.user(user(&longest)).await.expect("256 bytes");
    door.room(without([longest])).await.expect("256 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_with_control_characters_is_refused() {
    let door = Door::open().await;
    for (id, given) in [
        ("a\nb", "U+000A at byte 1"),
        ("\0", "U+0000 at byte 0"),
        ("ab\u{7f}", "U+007F at byte 2"),
        ("é\u{85}", "U+0085 at byte 2"),
    ] {
        let words = ["control characters", given];
        refused(door.room(room(id)).await, "room_id", &words);
        refused(door.user(user(id)).await, "user_id", &words);
        let excludes = without([id.to_owned()]);
        refused(door.room(excludes).await, "exclude_user_ids[0]", &words);
    }
    door.room(room("房间 1:a/b")).await.expect("any other text");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_over_the_limit_is_refused_by_all_three_calls() {
    let door = Door::open().await;
    let words = ["at most 1048576 bytes", "limits.max_data", "got 1048577"];
    for answer in door.all_three(Some(data(1_048_577)), None).await {
        refused(answer, "content.data", &words);
    }
    for answer in door.all_three(Some(payload(1_048_577)), None).await {
        refused(answer, "content.payload", &words);
    }
    for largest in [data(1_048_576), payload(1_048_576)] {
        for answer in door.all_three(Some(largest), None).await {
            answer.expect("the limit itself");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_and_payload_both_are_refused_by_all_three_calls() {
    let door = Door::open().await;
    let both = MessageContent {
        data: "abc".into(),
        ..payload(2)
    };
    let words = ["not both", "3 bytes of data", "2 of payload"];
    for answer in door.all_three(Some(both), None).await {
        refused(answer, "content.payload", &words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_10_000_excludes_are_refused() {
    let door = Door::open().await;
    let users = |count: usize| without((0..count).map(|number| format!("user-{number}")));
    let words = ["at most 10000 users", "limits.max_excludes", "got 10001"];
    refused(door.room(users(10_001)).await, "exclude_user_ids", &words);
    door.room(users(10_000)).await.expect("the limit itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_message_limit_is_refused_naming_it() {
    let door = Door::with(|config| config.limits.max_message = 64 << 10).await;
    for answer in door.all_three(Some(data(70_000)), None).await {
        let status = answer.expect_err("a refusal");
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        for word in ["limits.max_message", "65536 bytes", "700"] {
            assert!(status.message().contains(word), "{word}: {status}");
        }
    }
    for answer in door.all_three(Some(data(60_000)), None).await {
        answer.expect("a request within the limit");
    }
    let counted = door.bed.metric(
        "push_manager_api_requests_total",
        "status=\"INVALID_ARGUMENT\"",
    );
    assert_eq!(counted, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_that_is_configured_is_the_one_named() {
    let door = Door::with(|config| {
        config.limits.max_id = 8;
        config.limits.max_data = 4;
        config.limits.max_excludes = 1;
    })
    .await;
    refused(
        door.room(room("room-0001")).await,
        "room_id",
        &["1 to 8 bytes", "got 9"],
    );
    refused(
        door.everyone(BroadcastMessageRequest {
            content: Some(data(5)),
            options: None,
        })
        .await,
        "content.data",
        &["at most 4 bytes", "got 5"],
    );
    let excludes = PushToRoomRequest {
        exclude_user_ids: vec!["a".into(), "b".into()],
        content: Some(data(4)),
        ..room("room")
    };
    refused(
        door.room(excludes).await,
        "exclude_user_ids",
        &["at most 1 users", "got 2"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_counted_and_goes_no_further() {
    let door = Door::open().await;
    door.room(room("")).await.unwrap_err();
    door.user(user("")).await.unwrap_err();
    door.everyone(BroadcastMessageRequest::default())
        .await
        .unwrap_err();
    for api in ["PushToRoom", "PushToUser", "BroadcastMessage"] {
        let labels = format!("api=\"{api}\",status=\"INVALID_ARGUMENT\"");
        let counted = door.bed.metric("push_manager_api_requests_total", &labels);
        assert_eq!(counted, 1.0, "{api}");
    }
    assert_eq!(door.bed.metric("push_manager_push_total", ""), 0.0);
    assert_eq!(door.bed.metric("push_manager_push_failed_total", ""), 0.0);
    assert_eq!(door.calls(), 0, "the Controller was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_room_is_ok_with_counts_of_0() {
    let door = Door::open().await;
    let answer = door.bed.push_room("nowhere", "hello").await.unwrap();
    assert!(answer.success);
    assert_eq!(answer.delivered_count, 0);
    assert_eq!(
        answer.message,
        "room nowhere is unknown or empty: nobody to deliver to"
    );
    let receipt = answer.receipt.unwrap();
    assert_eq!((receipt.targets, receipt.outcomes.len()), (0, 0));
    assert!(receipt.r#final);
    assert_eq!(receipt.push_id, answer.push_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_connected_is_ok_without_success() {
    let door = Door::open().await;
    let answer = door.bed.push_user("nobody", "hello").await.unwrap();
    assert!(!answer.success);
    assert_eq!(answer.message, "user nobody is not connected");
    let outcomes = outcomes(answer.receipt.as_ref());
    assert_eq!(outcomes, [(Outcome::Offline, 1)].into());
    let offline = door
        .bed
        .metric("push_manager_push_targets_total", "outcome=\"offline\"");
    assert_eq!(offline, 1.0);
    assert_eq!(door.bed.metric("push_manager_push_failed_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_its_push_and_ids_differ_and_sort() {
    let door = Door::open().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let request = Request::new(user("nobody"));
        let answer = door.client().push_to_user(request).await;
        ids.push(answer.map(Response::into_inner).unwrap().push_id);
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
}
