//! Acts as they are asked for: each replica is asked for one after the other.

use push_manager_proto::admin::{ActRequest, Scope};
use tokio::sync::mpsc;

use crate::{
    app::{ActTarget, ActWish, Msg},
    feed::Board,
    replica::ReplicaId,
};

/// Asks a replica for one act after the other.
pub(super) async fn act_in_turn(
    board: Option<Board>,
    replica: ReplicaId,
    mut wishes: mpsc::Receiver<(u64, ActRequest)>,
    answers: mpsc::Sender<Msg>,
) {
    while let Some((wish, request)) = wishes.recv().await {
        let answer = match &board {
            Some(board) => board.act(replica, request).await.map(Box::new),
            None => Err("a recording is played".to_owned()),
        };
        let msg = Msg::Acted {
            wish,
            replica,
            answer,
        };
        drop(answers.send(msg).await);
    }
}

/// The request of a wish at one replica, whose node's instance is this.
pub(super) fn request(session: u64, wish: &ActWish, instance: &str) -> ActRequest {
    let mut request = ActRequest {
        verb: wish.verb.into(),
        expected_instance: instance.to_owned(),
        ttl: wish.ttl.try_into().ok(),
        reason: wish.reason.clone(),
        dry_run: wish.dry_run,
        scope: Scope::Replica.into(),
        ..ActRequest::default()
    };
    // The same wish asked twice, e.g. over a link made anew, is done once.
    if !wish.dry_run {
        request.request_id = format!("{session:016x}-{}", wish.number);
    }
    match &wish.target {
        ActTarget::Node(name) => request.node = name.to_string(),
        ActTarget::Setting { key, value } => {
            request.setting.clone_from(key);
            request.value.clone_from(value);
            request.ttl = None;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use push_manager_proto::admin::Verb;

    use super::*;

    #[test]
    fn the_same_wish_of_two_consoles_is_two_requests() {
        let wish = |dry_run| ActWish {
            number: 2,
            verb: Verb::Drain,
            target: ActTarget::Node(crate::fleet::NodeName("push-1".into())),
            replicas: BTreeMap::new(),
            ttl: Duration::from_mins(10),
            reason: String::new(),
            dry_run,
        };
        let id = |session| request(session, &wish(false), "9f3c").request_id;
        assert_ne!(id(1), id(2));
        assert_eq!(id(1), id(1), "asked again over another link it is one");
        assert_eq!(request(1, &wish(true), "9f3c").request_id, "");
    }
}
