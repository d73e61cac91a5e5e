//! True histories are clean, and one thing wrong is found as what it is.

use std::collections::HashSet;

use proptest::{prelude::*, sample::Index};

use super::{
    build::{arrival, client, push, room, user},
    *,
};

const ROOMS: [&str; 3] = ["r", "s", "t"];

/// Clients, some with a user in common, some there for the first half alone.
fn clients() -> impl Strategy<Value = Vec<Client>> {
    let one = (0..6_u8, 0..ROOMS.len(), prop::bool::weighted(0.2));
    prop::collection::vec(one, 1..8).prop_map(|all| {
        let made = all
            .into_iter()
            .enumerate()
            .map(|(at, (user, room, leaves))| {
                let mut made = client(&format!("c{at}"), &format!("u{user}"), &[ROOMS[room]]);
                if leaves {
                    made.present[0].until_ms = 25_500;
                }
                made
            });
        made.collect()
    })
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        (0..ROOMS.len()).prop_map(|at| room(ROOMS[at])),
        (0..6_u8).prop_map(|name| user(&format!("u{name}"))),
        Just(Target::Broadcast),
    ]
}

/// Each push reaches everyone who is there when it is sent, once.
fn truth(clients: Vec<Client>, targets: Vec<Target>) -> History {
    let mut history = History::with(clients);
    for (seq, target) in (0..).zip(targets) {
        let mut sent = push(seq, target, &[]);
        let there = |client: &&Client| {
            let means = sent.target.means(&client.user, &client.rooms);
            means && client.present[0].until_ms >= sent.sent_ms + 10
        };
        let reached: Vec<&Client> = history.clients.iter().filter(there).collect();
        let users: HashSet<&str> = reached.iter().map(|client| client.user.as_str()).collect();
        let received: Vec<Received> = reached.iter().map(|to| arrival(&sent, to)).collect();
        count(&mut sent, users.len() as u64);
        history.received.extend(received);
        history.pushes.push(sent);
    }
    history
}

/// Writes the receipt as the service does: a user nobody has is offline, an empty
/// room a success of nobody.
fn count(push: &mut Push, delivered: u64) {
    push.total_delivered = delivered;
    if delivered > 0 {
        push.outcomes.insert("delivered".to_owned(), delivered);
    } else if matches!(push.target, Target::User(_)) {
        push.outcomes.insert("offline".to_owned(), 1);
    }
    push.targets = push.outcomes.values().sum();
    push.success = push.is_well();
}

fn history() -> impl Strategy<Value = History> {
    let targets = prop::collection::vec(target(), 1..30);
    (clients(), targets).prop_map(|(clients, targets)| truth(clients, targets))
}

/// Lost, doubled, miscounted, misdelivered.
fn found(history: &History) -> [usize; 4] {
    let verdict = history.check();
    [
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.miscounted.len(),
        verdict.misdelivered.len(),
    ]
}

/// Receipts of clients that never leave.
fn steady(history: &History) -> Vec<usize> {
    let stays = |received: &Received| {
        let mut clients = history.clients.iter();
        clients.any(|own| own.name == received.client && own.present[0].until_ms > 100_000)
    };
    let all = history.received.iter().enumerate();
    all.filter(|(_, received)| stays(received))
        .map(|(at, _)| at)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_true_history_is_clean(history in history()) {
        let verdict = history.check().clean(Allowed { unsure: usize::MAX, ..Allowed::default() });
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }

    #[test]
    fn a_dropped_receipt_is_lost(mut history in history(), at in any::<Index>()) {
        let steady = steady(&history);
        prop_assume!(!steady.is_empty());
        history.received.remove(*at.get(&steady));
        prop_assert_eq!(found(&history), [1, 0, 0, 0]);
    }

    #[test]
    fn a_repeated_receipt_is_doubled(mut history in history(), at in any::<Index>()) {
        prop_assume!(!history.received.is_empty());
        let again = at.get(&history.received).clone();
        history.received.push(again);
        prop_assert_eq!(found(&history), [0, 1, 0, 0]);
    }

    #[test]
    fn a_strangers_receipt_is_misdelivered(mut history in history(), at in any::<Index>()) {
        let stranger = client("stranger", "stranger", &["elsewhere"]);
        let push = at.get(&history.pushes).clone();
        prop_assume!(push.target != Target::Broadcast);
        history.received.push(arrival(&push, &stranger));
        history.clients.push(stranger);
        for push in history.pushes.iter_mut().filter(|push| push.target == Target::Broadcast) {
            // Broadcasts would mean the stranger too.
            (push.ok, push.success) = (false, false);
        }
        prop_assert_eq!(found(&history), [0, 0, 0, 1]);
    }

    #[test]
    fn a_changed_count_is_miscounted(mut history in history(), at in any::<Index>(), up: bool) {
        // Nodes may count a user's devices, so that more is wrong only beyond all clients.
        let all = history.clients.len() as u64;
        let push = at.get(&history.pushes).seq;
        let push = &mut history.pushes[usize::try_from(push).unwrap()];
        let delivered = push.total_delivered;
        prop_assume!(up || delivered > 0);
        let wrong = if up { delivered + all + 1 } else { delivered - 1 };
        push.total_delivered = wrong;
        push.outcomes.insert("delivered".to_owned(), wrong);
        // So that nothing else gives it away.
        push.targets = push.outcomes.values().sum();
        push.success = push.is_well();
        prop_assert_eq!(found(&history), [0, 0, 1, 0]);
    }
}
