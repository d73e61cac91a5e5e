//! `push`: the push API from the command line.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, Outcome, PushToRoomRequest, PushToUserRequest,
    Receipt, push_manager_service_client::PushManagerServiceClient,
};
use serde_json::json;
use tonic::{Request, Status, transport::Endpoint};

use super::{EXIT_CODES, Failed, runtime, with_causes};
use crate::{channel::describe, error::code_label};

#[derive(Debug, Args)]
pub(super) struct PushOptions {
    #[command(subcommand)]
    target: Target,
    /// The text of the message.
    #[arg(long, short, global = true, conflicts_with = "payload")]
    data: Option<String>,
    /// A file whose bytes are the message, instead of --data.
    #[arg(long, global = true, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// The message's type.
    #[arg(
        long = "type",
        global = true,
        default_value = "TEXT",
        value_name = "TYPE"
    )]
    kind: String,
    /// Metadata, e.g. --metadata colour=red; may be repeated. `sent_at_ms` is
    /// added, so that clients can tell the latency.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// The server.
    #[arg(
        long,
        global = true,
        default_value = "localhost:50053",
        value_name = "HOST:PORT"
    )]
    to: String,
    /// How long to wait for the answer, in seconds.
    #[arg(long, global = true, default_value_t = 10.0, value_name = "SECONDS")]
    timeout: f64,
    /// Print JSON instead of a sentence.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Target {
    /// Push to everyone in a room.
    #[command(after_help = EXIT_CODES)]
    Room {
        /// The room's id.
        room: String,
        /// A user to leave out; may be repeated.
        #[arg(long, value_name = "USER")]
        exclude: Vec<String>,
    },
    /// Push to one user, on all devices.
    #[command(after_help = EXIT_CODES)]
    User {
        /// The user's id.
        user: String,
    },
    /// Push to everyone who is online.
    #[command(after_help = EXIT_CODES)]
    Broadcast,
}

/// gRPC can't express much longer ones.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// What all three answers have in common.
struct Answer {
    success: bool,
    message: String,
    push_id: String,
    receipt: Option<Receipt>,
}

pub(super) fn run(options: &PushOptions) -> Result<ExitCode, Failed> {
    let timeout = Duration::try_from_secs_f64(options.timeout)
        .map_err(|error| Failed::usage(format!("--timeout {}: {error}", options.timeout)))?;
    if timeout > LONGEST_TIMEOUT {
        let problem = format!("--timeout {}: at most 86400 (a day)", options.timeout);
        return Err(Failed::usage(problem));
    }
    let content = content(options)?;
    let endpoint = Endpoint::from_shared(format!("http://{}", options.to))
        .map_err(|error| Failed::usage(format!("--to {}: {}", options.to, with_causes(&error))))?;
    let asking = async {
        let channel = endpoint.connect_timeout(timeout).connect_lazy();
        let mut client = PushManagerServiceClient::new(channel);
        ask(&mut client, &options.target, content, timeout).await
    };
    let answer = runtime()?
        .block_on(asking)
        .map_err(|status| refused(options, &status))?;
    show(options.json, &answer);
    Ok(ExitCode::from(if answer.success { 0 } else { 3 }))
}

fn refused(options: &PushOptions, status: &Status) -> Failed {
    if options.json {
        let code = code_label(status.code());
        say!(
            "{}",
            json!({"error": {"code": code, "message": status.message()}})
        );
    }
    Failed {
        code: 4,
        text: format!("{}: {}", options.to, describe(status)),
    }
}

async fn ask(
    client: &mut PushManagerServiceClient<tonic::transport::Channel>,
    target: &Target,
    content: MessageContent,
    timeout: Duration,
) -> Result<Answer, Status> {
    let content = Some(content);
    match target {
        Target::Room { room, exclude } => {
            let (room_id, exclude_user_ids) = (room.clone(), exclude.clone());
            let request = PushToRoomRequest {
                room_id,
                content,
                exclude_user_ids,
                options: None,
            };
            let answer = client
                .push_to_room(limited(request, timeout))
                .await?
                .into_inner();
            let (success, message) = (answer.success, answer.message);
            Ok(Answer {
                success,
                message,
                push_id: answer.push_id,
                receipt: answer.receipt,
            })
        }
        Target::User { user } => {
            let request = PushToUserRequest {
                user_id: user.clone(),
                content,
                options: None,
            };
            let answer = client
                .push_to_user(limited(request, timeout))
                .await?
                .into_inner();
            let (success, message) = (answer.success, answer.message);
            Ok(Answer {
                success,
                message,
                push_id: answer.push_id,
                receipt: answer.receipt,
            })
        }
        Target::Broadcast => {
            let request = BroadcastMessageRequest {
                content,
                options: None,
            };
            let answer = client
                .broadcast_message(limited(request, timeout))
                .await?
                .into_inner();
            let (success, message) = (answer.success, answer.message);
            Ok(Answer {
                success,
                message,
                push_id: answer.push_id,
                receipt: answer.receipt,
            })
        }
    }
}

fn limited<T>(message: T, timeout: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(timeout);
    request
}

fn show(as_json: bool, answer: &Answer) {
    let Answer {
        success,
        message,
        push_id,
        receipt,
    } = answer;
    if !as_json {
        let word = if *success {
            "ok"
        } else {
            "not delivered to all"
        };
        say!("{word}: {message}\npush {push_id}");
        return;
    }
    let receipt = receipt.clone().unwrap_or_default();
    let outcomes: serde_json::Map<_, _> = receipt
        .outcomes
        .iter()
        .map(|entry| {
            let name = Outcome::try_from(entry.outcome)
                .unwrap_or_default()
                .as_str_name();
            (
                name.trim_start_matches("OUTCOME_").to_lowercase(),
                json!(entry.count),
            )
        })
        .collect();
    say!(
        "{}",
        json!({"success": success, "message": message, "push_id": push_id,
               "targets": receipt.targets, "outcomes": outcomes, "final": receipt.r#final})
    );
}

fn content(options: &PushOptions) -> Result<MessageContent, Failed> {
    if options.data.is_none() && options.payload.is_none() {
        let problem = "what to push? give --data TEXT or --payload FILE";
        return Err(Failed::usage(problem));
    }
    let payload = match &options.payload {
        Some(path) => std::fs::read(path)
            .map_err(|error| Failed::usage(format!("can't read {}: {error}", path.display())))?,
        None => Vec::new(),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut metadata =
        std::collections::HashMap::from([("sent_at_ms".to_owned(), now.as_millis().to_string())]);
    metadata.extend(options.metadata.iter().cloned());
    Ok(MessageContent {
        r#type: options.kind.clone(),
        data: options.data.clone().unwrap_or_default(),
        timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        metadata,
        payload: payload.into(),
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
