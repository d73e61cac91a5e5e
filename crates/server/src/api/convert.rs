//! Requests in, answers out. Pure.

use std::{collections::HashSet, time::Duration};

use push_manager_proto::pubsub::{
    BroadcastMessageRequest, BroadcastMessageResponse, Durability, MessageContent, OutcomeCount,
    Priority, PushOptions, PushToRoomRequest, PushToRoomResponse, PushToUserRequest,
    PushToUserResponse, Receipt, Routing,
};

use prost::Message;

use crate::{
    error::PushError,
    ids::{RoomId, UserId},
    message::Target,
    outcome::Outcome,
    pipeline::Report,
    tuning::Limits,
};

/// Most bytes of a message beside its data or payload: with the largest batch of
/// users it still fits a node that takes 4 MiB, gRPC's usual limit.
const MOST_BESIDES: usize = 1 << 20;

/// A validated request: for whom, and what.
pub(super) type Accepted = (Target, MessageContent);

impl Limits {
    pub(super) fn room(&self, request: PushToRoomRequest) -> Result<Accepted, PushError> {
        let PushToRoomRequest {
            room_id,
            content,
            exclude_user_ids,
            options,
        } = request;
        self.id(|| "room_id".to_owned(), &room_id)?;
        let content = self.content(content)?;
        if exclude_user_ids.len() > self.max_excludes {
            let given = exclude_user_ids.len();
            let problem = format!(
                "at most {} users (limits.max_excludes), got {given}",
                self.max_excludes
            );
            return Err(PushError::invalid("exclude_user_ids", problem));
        }
        let mut exclude = HashSet::with_capacity(exclude_user_ids.len());
        for (at, user) in exclude_user_ids.into_iter().enumerate() {
            self.id(|| format!("exclude_user_ids[{at}]"), &user)?;
            exclude.insert(UserId::new(user));
        }
        refuse_unimplemented(options)?;
        Ok((
            Target::Room {
                room: RoomId::new(room_id),
                exclude,
            },
            content,
        ))
    }

    pub(super) fn user(&self, request: PushToUserRequest) -> Result<Accepted, PushError> {
        let PushToUserRequest {
            user_id,
            content,
            options,
        } = request;
        self.id(|| "user_id".to_owned(), &user_id)?;
        let content = self.content(content)?;
        refuse_unimplemented(options)?;
        Ok((Target::User(UserId::new(user_id)), content))
    }

    pub(super) fn everyone(&self, request: BroadcastMessageRequest) -> Result<Accepted, PushError> {
        let BroadcastMessageRequest { content, options } = request;
        let content = self.content(content)?;
        refuse_unimplemented(options)?;
        Ok((Target::Everyone, content))
    }

    fn id(&self, field: impl Fn() -> String, id: &str) -> Result<(), PushError> {
        let max = self.max_id;
        if id.is_empty() || id.len() > max {
            let problem = format!(
                "must have 1 to {max} bytes (limits.max_id), got {}",
                id.len()
            );
            return Err(PushError::invalid(field(), problem));
        }
        match id.char_indices().find(|(_, char)| char.is_control()) {
            Some((at, char)) => {
                let code = u32::from(char);
                let problem =
                    format!("must not hold control characters, got U+{code:04X} at byte {at}");
                Err(PushError::invalid(field(), problem))
            }
            None => Ok(()),
        }
    }

    fn content(&self, content: Option<MessageContent>) -> Result<MessageContent, PushError> {
        let content =
            content.ok_or_else(|| PushError::invalid("content", "is required, got none"))?;
        let (data, payload) = (content.data.len(), content.payload.len());
        if data > 0 && payload > 0 {
            let problem = format!(
                "give data or payload, not both: got {data} bytes of data and {payload} of payload"
            );
            return Err(PushError::invalid("content.payload", problem));
        }
        for (field, bytes) in [("content.data", data), ("content.payload", payload)] {
            if bytes > self.max_data {
                let problem = format!(
                    "at most {} bytes (limits.max_data), got {bytes}",
                    self.max_data
                );
                return Err(PushError::invalid(field, problem));
            }
        }
        let all = content.encoded_len();
        if all > data + payload + MOST_BESIDES {
            let besides = all - data - payload;
            let problem = format!(
                "type and metadata take at most {MOST_BESIDES} bytes together, got {besides}"
            );
            return Err(PushError::invalid("content.metadata", problem));
        }
        if data == 0 && payload == 0 && content.r#type.is_empty() {
            let problem = "must have a type, data or payload, got an empty message";
            return Err(PushError::invalid("content", problem));
        }
        Ok(content)
    }
}

/// Refuses every option but those that ask for what happens anyway.
fn refuse_unimplemented(options: Option<PushOptions>) -> Result<(), PushError> {
    let Some(options) = options else {
        return Ok(());
    };
    let PushOptions {
        priority,
        ttl,
        expires_at,
        idempotency_key,
        durability,
        keep_for_offline,
        conflation_key,
        routing,
        callback_url,
        deliver_at,
        spread_over,
    } = options;
    let usual_priority = [Priority::Unspecified as i32, Priority::Normal as i32];
    let usual_durability = [Durability::Unspecified as i32, Durability::None as i32];
    let asked = [
        ("priority", !usual_priority.contains(&priority)),
        ("ttl", ttl.is_some()),
        ("expires_at", expires_at.is_some()),
        ("idempotency_key", !idempotency_key.is_empty()),
        ("durability", !usual_durability.contains(&durability)),
        ("keep_for_offline", keep_for_offline),
        ("conflation_key", !conflation_key.is_empty()),
        ("routing", routing != Routing::Unspecified as i32),
        ("callback_url", !callback_url.is_empty()),
        ("deliver_at", deliver_at.is_some()),
        ("spread_over", spread_over.is_some()),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        Some((option, _)) => Err(PushError::Unimplemented { option }),
        None => Ok(()),
    }
}

pub(super) fn room_response(report: Report) -> PushToRoomResponse {
    PushToRoomResponse {
        success: report.success,
        delivered_count: delivered(&report),
        push_id: report.id.to_string(),
        receipt: Some(receipt(&report)),
        message: report.message,
    }
}

pub(super) fn user_response(report: Report) -> PushToUserResponse {
    PushToUserResponse {
        success: report.success,
        push_id: report.id.to_string(),
        receipt: Some(receipt(&report)),
        message: report.message,
    }
}

pub(super) fn broadcast_response(report: Report) -> BroadcastMessageResponse {
    BroadcastMessageResponse {
        success: report.success,
        total_delivered: delivered(&report),
        push_id: report.id.to_string(),
        receipt: Some(receipt(&report)),
        message: report.message,
    }
}

fn delivered(report: &Report) -> i32 {
    i32::try_from(report.count(Outcome::Delivered)).unwrap_or(i32::MAX)
}

fn receipt(report: &Report) -> Receipt {
    let counts = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome, report.count(outcome)));
    let outcomes = counts
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| OutcomeCount {
            outcome: outcome.to_proto().into(),
            count: as_i64(count),
        });
    Receipt {
        push_id: report.id.to_string(),
        targets: as_i64(report.targets()),
        outcomes: outcomes.collect(),
        r#final: true,
    }
}

fn as_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a `grpc-timeout` header; `None` where it is absent or malformed.
pub(super) fn grpc_timeout(header: Option<&str>) -> Option<Duration> {
    let header = header?;
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_id: 256,
        max_data: 16,
        max_excludes: 2,
        concurrent_pushes: 1,
    };

    fn content(data: &str) -> MessageContent {
        MessageContent {
            data: data.into(),
            ..MessageContent::default()
        }
    }

    fn room(room_id: &str, data: &str) -> PushToRoomRequest {
        PushToRoomRequest {
            room_id: room_id.into(),
            content: Some(content(data)),
            ..Default::default()
        }
    }

    fn problem(request: PushToRoomRequest) -> String {
        LIMITS.room(request).unwrap_err().to_string()
    }

    #[test]
    fn each_bad_field_is_named_with_its_limit_and_what_was_given() {
        assert_eq!(
            problem(room("", "x")),
            "room_id: must have 1 to 256 bytes (limits.max_id), got 0"
        );
        assert!(problem(room(&"r".repeat(257), "x")).ends_with("got 257"));
        assert!(problem(room("a\u{7}", "x")).contains("U+0007 at byte 1"));
        assert!(problem(room("r", &"x".repeat(17))).starts_with("content.data: at most 16 bytes"));
        let excludes = vec!["a".into(), "b".into(), "c".into()];
        let many = PushToRoomRequest {
            exclude_user_ids: excludes,
            ..room("r", "x")
        };
        assert!(problem(many).contains("at most 2 users (limits.max_excludes), got 3"));
        let bad = PushToRoomRequest {
            exclude_user_ids: vec![String::new()],
            ..room("r", "x")
        };
        assert!(problem(bad).starts_with("exclude_user_ids[0]"));
    }

    #[test]
    fn content_must_be_there_once() {
        let absent = PushToRoomRequest {
            content: None,
            ..room("r", "x")
        };
        assert!(problem(absent).starts_with("content: is required"));
        assert!(problem(room("r", "")).starts_with("content: must have"));
        let both = MessageContent {
            data: "x".into(),
            payload: "y".into(),
            ..Default::default()
        };
        let both = PushToRoomRequest {
            content: Some(both),
            ..room("r", "x")
        };
        assert!(problem(both).starts_with("content.payload: give data or payload, not both"));
    }

    #[test]
    fn an_option_of_a_later_version_is_refused_by_name() {
        let options = PushOptions {
            idempotency_key: "k".into(),
            ..PushOptions::default()
        };
        let request = PushToRoomRequest {
            options: Some(options),
            ..room("r", "x")
        };
        assert_eq!(
            LIMITS.room(request).unwrap_err(),
            PushError::Unimplemented {
                option: "idempotency_key"
            }
        );
        let usual = PushOptions {
            priority: Priority::Normal.into(),
            ..PushOptions::default()
        };
        let request = PushToRoomRequest {
            options: Some(usual),
            ..room("r", "x")
        };
        assert!(LIMITS.room(request).is_ok());
    }

    #[test]
    fn the_callers_timeout_is_read_in_every_unit() {
        assert_eq!(grpc_timeout(Some("5S")), Some(Duration::from_secs(5)));
        assert_eq!(grpc_timeout(Some("250m")), Some(Duration::from_millis(250)));
        assert_eq!(
            grpc_timeout(Some("99999999H")),
            Some(Duration::from_hours(99_999_999))
        );
        for bad in ["", "5", "S", "5X", "-1S", "123456789S", "5µ"] {
            assert_eq!(
                grpc_timeout(Some(bad)).filter(|_| bad != "S"),
                None,
                "{bad}"
            );
        }
    }
}
