//! What people's browsers reach: the page, the WebSocket, counters and a health check.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    extract::{
        Query, State,
        rejection::QueryRejection,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    NodeStats,
    client::{Client, ClientId},
    config::NodeLimits,
    hub::Hub,
    seat::{Seat, check_rooms},
    socket,
};
use crate::{id, life::until_killed};

/// The page, whole.
const PAGE: &str = include_str!("../../page/index.html");
/// The page brings everything it needs; nothing else may run in it.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    script-src 'unsafe-inline'; connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; form-action 'self'";

/// What every request may need.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) node: Arc<str>,
    pub(crate) limits: NodeLimits,
    pub(crate) tasks: TaskTracker,
    pub(crate) kill: CancellationToken,
    pub(crate) going_away: CancellationToken,
    pub(crate) next_client: Arc<AtomicU64>,
}

/// The routes of the HTTP port.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/ws", get(connect))
        .route("/stats", get(stats))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(shared)
}

async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(PAGE))
}

async fn stats(State(shared): State<Shared>) -> Response {
    match serde_json::to_string(&NodeStats::of(&shared.node, &shared.hub)) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What a client says about itself in the address of `/ws`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hello {
    user: String,
    name: String,
    rooms: Vec<String>,
}

impl Hello {
    fn read(pairs: Vec<(String, String)>) -> Self {
        let mut hello = Self::default();
        for (key, value) in pairs {
            match key.as_str() {
                "user_id" => hello.user = value,
                "user_name" => hello.name = value,
                "room_id" => {
                    let rooms = value.split(',').filter(|room| !room.is_empty());
                    hello.rooms.extend(rooms.map(str::to_owned));
                }
                _ => {}
            }
        }
        hello.rooms.sort_unstable();
        hello.rooms.dedup();
        hello
    }

    fn check(&self, limits: &NodeLimits) -> Result<(), String> {
        id::check("user_id", &self.user).map_err(|bad| bad.to_string())?;
        if !self.name.is_empty() {
            id::check("user_name", &self.name).map_err(|bad| bad.to_string())?;
        }
        check_rooms(&self.rooms, limits).map_err(|bad| bad.to_string())
    }
}

async fn connect(
    State(shared): State<Shared>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let hello = match query {
        Ok(Query(pairs)) => Hello::read(pairs),
        Err(rejection) => return (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
    };
    if let Err(sentence) = hello.check(&shared.limits) {
        return (StatusCode::BAD_REQUEST, sentence + "\n").into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if shared.going_away.is_cancelled() {
        return busy("this node is going away; connect to another\n");
    }
    let Hello { user, name, rooms } = hello;
    let number = ClientId(shared.next_client.fetch_add(1, Ordering::Relaxed));
    let (client, waiting) = Client::new(number, &user, name, &shared.limits);
    let (hub, node) = (shared.hub.clone(), shared.node.clone());
    let Some(mut seat) = Seat::take(hub, node, shared.limits.clone(), client) else {
        return busy("this node is full; connect to another\n");
    };
    seat.settle(rooms).await;
    let inbound = shared.limits.max_inbound_frame;
    let upgrade = upgrade.max_message_size(inbound).max_frame_size(inbound);
    let task = shared.tasks.token();
    upgrade.on_upgrade(move |socket| async move {
        let Shared {
            hub,
            limits,
            kill,
            going_away,
            ..
        } = shared;
        let talk = socket::serve(socket, seat, waiting, &hub, &limits, going_away);
        until_killed(&kill, talk).await;
        drop(task);
    })
}

fn busy(sentence: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(pairs: &[(&str, &str)]) -> Hello {
        let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        Hello::read(pairs.iter().map(own).collect())
    }

    #[test]
    fn rooms_may_be_repeated_or_listed() {
        let read = hello(&[
            ("user_id", "u"),
            ("room_id", "b,a"),
            ("room_id", "c"),
            ("room_id", "a"),
        ]);
        assert_eq!(read.rooms, ["a", "b", "c"]);
        assert_eq!(read.check(&NodeLimits::default()), Ok(()));
    }

    #[test]
    fn a_refusal_is_a_sentence_that_names_the_field() {
        let limits = NodeLimits {
            rooms_per_client: 1,
            ..NodeLimits::default()
        };
        let said = |pairs: &[(&str, &str)]| hello(pairs).check(&limits).unwrap_err();
        assert!(said(&[]).contains("user_id is missing"));
        assert!(said(&[("user_id", "u"), ("room_id", "@lobby")]).contains("reserved"));
        assert!(said(&[("user_id", "u"), ("room_id", "a,b")]).contains("at most 1"));
        assert!(said(&[("user_id", "u"), ("user_name", &"n".repeat(257))]).contains("user_name"));
    }
}
