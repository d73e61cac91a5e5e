//! What clients read: pushes and confirmations as JSON text, encoded once for all of them.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::extract::ws::Utf8Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use push_manager_proto::pubsub::MessageContent;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Push<'a> {
    r#type: &'a str,
    data: &'a str,
    timestamp: i64,
    metadata: &'a HashMap<String, String>,
    room_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    node: &'a str,
    at_ms: u64,
}

/// Encodes a push as it goes to every client that gets it.
pub(crate) fn push(
    content: &MessageContent,
    room_id: &str,
    node: &str,
    at_ms: u64,
) -> Result<Utf8Bytes, serde_json::Error> {
    let MessageContent {
        r#type,
        data,
        timestamp,
        metadata,
        payload,
    } = content;
    let payload = (!payload.is_empty()).then(|| STANDARD.encode(payload));
    let push = Push {
        r#type,
        data,
        timestamp: *timestamp,
        metadata,
        room_id,
        payload,
        node,
        at_ms,
    };
    serde_json::to_string(&push).map(Utf8Bytes::from)
}

/// What a client may ask for.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// To be in this room from now on.
    Join(String),
    /// Not to be in this room any more.
    Leave(String),
}

/// Reads a client's frame; anything else than a request is ignored.
pub(crate) fn request(text: &str) -> Option<Request> {
    serde_json::from_str(text).ok()
}

/// The answer to a join or a leave: `{"joined":"room-001","node":"connect-node-1"}`.
pub(crate) fn confirmation(what: &'static str, room: &str, node: &str) -> Utf8Bytes {
    let value = serde_json::json!({ what: room, "node": node });
    Utf8Bytes::from(value.to_string())
}

/// The answer to a request that can't be granted: `{"error":"…"}`.
pub(crate) fn refusal(why: &impl std::fmt::Display) -> Utf8Bytes {
    let value = serde_json::json!({ "error": why.to_string() });
    Utf8Bytes::from(value.to_string())
}

/// The wall clock in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_one_json_object_and_a_payload_is_base64() {
        let content = MessageContent {
            r#type: "TEXT".into(),
            data: "你好\"".into(),
            timestamp: 7,
            metadata: HashMap::from([("k".to_owned(), "v".to_owned())]),
            payload: vec![0xff, 0].into(),
        };
        let frame = push(&content, "r", "n", 9).unwrap();
        let read: serde_json::Value = serde_json::from_str(frame.as_str()).unwrap();
        let expected = serde_json::json!({
            "type": "TEXT", "data": "你好\"", "timestamp": 7, "metadata": {"k": "v"},
            "room_id": "r", "payload": "/wA=", "node": "n", "at_ms": 9
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn only_joins_and_leaves_are_understood() {
        assert_eq!(request(r#"{"join":"a"}"#), Some(Request::Join("a".into())));
        assert_eq!(
            request(r#"{"leave":"a"}"#),
            Some(Request::Leave("a".into()))
        );
        assert_eq!(request(r#"{"shout":"a"}"#), None);
        assert_eq!(request("hello"), None);
    }
}
