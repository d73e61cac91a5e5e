//! Holds each push against what its targets received.

use std::{collections::HashMap, time::Duration};

use super::{
    Client, History, Push,
    people::People,
    reach::{Arrivals, Presence, Reach},
    verdict::{Doubled, Lost, Miscounted, Misdelivered, Verdict},
};

pub(super) fn check(history: &History, margin: Duration) -> Verdict {
    let margin = u64::try_from(margin.as_millis()).unwrap_or(u64::MAX);
    let mut arrivals = Arrivals::new();
    for got in &history.received {
        let times = arrivals.entry((&got.data, &got.client)).or_default();
        times.push(got.at_ms);
    }
    let people = People::of(&history.clients);
    let mut verdict = Verdict {
        pushes: history.pushes.len(),
        misdelivered: misdelivered(history, &people),
        ..Verdict::default()
    };
    for push in &history.pushes {
        let reach = Reach::of(push, &people, &arrivals, margin);
        doubled(&mut verdict, push, &reach, &arrivals);
        if push.ok {
            acknowledged(&mut verdict, push, &reach);
        } else {
            verdict.failed.push(push.clone());
        }
    }
    verdict
}

fn misdelivered(history: &History, people: &People<'_>) -> Vec<Misdelivered> {
    let sent = history.pushes.iter().map(|push| (push.data.as_str(), push));
    let sent: HashMap<&str, &Push> = sent.collect();
    let wrong = history.received.iter().filter_map(|got| {
        let push = sent.get(got.data.as_str()).copied();
        let meant = push.is_some_and(|push| {
            push.target.means(&got.user, &got.rooms) || people.mean(&push.target, &got.user)
        });
        (!meant).then(|| Misdelivered {
            push: push.cloned(),
            client: got.client.clone(),
            data: got.data.clone(),
            at_ms: got.at_ms,
        })
    });
    wrong.collect()
}

fn doubled(verdict: &mut Verdict, push: &Push, reach: &Reach<'_>, arrivals: &Arrivals<'_>) {
    for (client, _) in &reach.got {
        let times = &arrivals[&(push.data.as_str(), client.name.as_str())];
        if times.len() > 1 {
            verdict.doubled.push(Doubled {
                push: push.clone(),
                client: client.name.clone(),
                at_ms: times.clone(),
            });
        }
    }
}

fn acknowledged(verdict: &mut Verdict, push: &Push, reach: &Reach<'_>) {
    let sure = |got: &&(_, Presence)| got.1 == Presence::Sure;
    verdict.received += reach.got.iter().filter(sure).count();
    verdict.unsure += reach.partly.len();
    verdict.incomplete += usize::from(!push.is_settled());
    let lost = push.is_settled() && push.success;
    if lost {
        let missed = reach.missed.iter().map(|client| Lost {
            push: push.clone(),
            client: client.name.clone(),
        });
        verdict.lost.extend(missed);
    }
    // What is reported as lost is not a wrong count as well.
    let blamed = if lost { &reach.missed[..] } else { &[] };
    if let Some(why) = miscount(push, reach, blamed) {
        verdict.miscounted.push(Miscounted {
            push: push.clone(),
            why,
        });
    }
}

/// Why the receipt can't be right, if so.
///
/// A receipt counts users, except that nodes which serve a whole room or everyone
/// count on their own: a user on two nodes counts twice there. So the count lies
/// between the users who got it and the clients that did or may have.
fn miscount(push: &Push, reach: &Reach<'_>, blamed: &[&Client]) -> Option<String> {
    if let Some(why) = push.contradiction() {
        return Some(why);
    }
    let delivered = push.count("delivered");
    let most = reach.most(&push.target, blamed);
    if delivered > most {
        return Some(format!("at most {most} can have got it"));
    }
    let least = reach.least(push.sends > 1);
    // A silent node is one unknown target, however many people are behind it.
    if delivered < least && push.count("unknown") == 0 {
        return Some(format!("{least} users got it"));
    }
    let away = reach.away(&push.target, blamed);
    if push.count("offline") > away {
        return Some(format!("at most {away} can have been offline"));
    }
    None
}
