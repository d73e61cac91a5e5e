//! Claims about holds: never too few nodes are left, and each hold ends.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const FREE: Standing = Standing {
    hold: Hold::None,
    is_failed: false,
};
const FAILED: Standing = Standing {
    is_failed: true,
    ..FREE
};

fn held(hold: Hold) -> Standing {
    Standing { hold, ..FREE }
}

#[test]
fn at_least_half_of_the_nodes_and_always_one_stay_usable() {
    let least = |nodes| least_usable(nodes, 0.5);
    assert_eq!([0, 1, 2, 3, 4, 5].map(least), [1, 1, 1, 2, 2, 3]);
    assert_eq!(least_usable(10, 0.0), 1);
    assert_eq!(least_usable(10, 1.0), 10);
    assert_eq!(least_usable(100, 0.07), 7, "rounded up only where it must");
    assert_eq!(least_usable(10, f64::NAN), 10);
}

#[test]
fn the_only_node_can_t_be_held() {
    let balance = Balance::of([FREE], FREE, Hold::Drained, 0.5);
    assert!(balance.leaves_too_few(), "{balance:?}");
}

#[test]
fn a_node_that_fails_counts_neither_before_nor_after() {
    let balance = Balance::of([FREE, FAILED], FAILED, Hold::Ejected, 0.5);
    let expected = Balance {
        before: 1,
        after: 1,
        least: 1,
    };
    assert_eq!(balance, expected);
    let balance = Balance::of([FREE, FAILED], FREE, Hold::Drained, 0.5);
    assert!(balance.leaves_too_few(), "{balance:?}");
}

#[test]
fn a_drained_node_may_be_ejected_and_released() {
    let all = [FREE, held(Hold::Drained)];
    let balance = Balance::of(all, all[1], Hold::Ejected, 0.5);
    assert_eq!((balance.before, balance.after), (1, 1));
    assert!(!balance.leaves_too_few());
    let balance = Balance::of(all, all[1], Hold::None, 0.5);
    assert_eq!((balance.before, balance.after), (1, 2));
}

fn id(number: usize) -> NodeId {
    NodeId::new(format!("node-{number}"))
}

fn whom(instance: Option<&str>, host: usize) -> Incarnation {
    Incarnation {
        instance: instance.map(str::to_owned),
        address: format!("10.0.0.{}:1", host % 250).parse().unwrap(),
    }
}

#[test]
fn a_hold_waits_for_the_same_node_and_ends_for_another() {
    let until = Instant::now() + Duration::from_mins(10);
    let same = Some(Met::Same(Hold::Ejected, until));
    let another = Some(Met::Another(Hold::Ejected));
    for (held, found, expected) in [
        (whom(Some("a"), 1), whom(Some("a"), 1), same),
        (whom(Some("a"), 1), whom(Some("a"), 2), same),
        (whom(Some("a"), 1), whom(Some("b"), 1), another),
        (whom(None, 1), whom(None, 1), same),
        (whom(None, 1), whom(None, 2), another),
        (whom(Some("a"), 1), whom(None, 1), same),
        (whom(Some("a"), 1), whom(None, 2), another),
    ] {
        let mut holds = Holds::default();
        holds.set(id(1), held.clone(), Hold::Ejected, until);
        assert_eq!(holds.leave(&id(1)), None);
        assert_eq!(holds.next_end(), Some(until), "also while it is away");
        let met = holds.meet(&id(1), found.clone());
        assert_eq!(met, expected, "{held:?} {found:?}");
        assert_eq!(holds.end(&id(1)).is_some(), met == same);
    }
}

#[test]
fn a_node_that_says_later_who_it_is_is_still_another() {
    let until = Instant::now() + Duration::from_mins(10);
    let mut holds = Holds::default();
    holds.set(id(1), whom(Some("a"), 1), Hold::Drained, until);
    let met = holds.meet(&id(1), whom(None, 1));
    assert_eq!(met, Some(Met::Same(Hold::Drained, until)));
    let met = holds.meet(&id(1), whom(Some("b"), 1));
    assert_eq!(met, Some(Met::Another(Hold::Drained)));
}

#[test]
fn holds_of_nodes_that_are_away_are_few_and_the_soonest_to_end_makes_room() {
    let (mut holds, now) = (Holds::default(), Instant::now());
    for at in 0..=MOST_AWAY {
        let until = now + Duration::from_secs(1 + at as u64);
        holds.set(id(at), whom(None, at), Hold::Drained, until);
        let room = holds.leave(&id(at));
        assert_eq!(room, (at == MOST_AWAY).then(|| (id(0), Hold::Drained)));
    }
    assert_eq!(holds.meet(&id(0), whom(None, 0)), None);
    assert!(holds.meet(&id(1), whom(None, 1)).is_some());
}

#[derive(Clone, Debug)]
enum Step {
    Hold(usize, Hold, u64),
    Release(usize),
    Fail(usize, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..8_usize;
    let hold = prop_oneof![Just(Hold::Drained), Just(Hold::Ejected)];
    prop_oneof![
        4 => (node.clone(), hold, 1..100_u64).prop_map(|(at, hold, ttl)| Step::Hold(at, hold, ttl)),
        1 => node.clone().prop_map(Step::Release),
        1 => (node, any::<bool>()).prop_map(|(at, failed)| Step::Fail(at, failed)),
        2 => (0..60_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn no_accepted_hold_leaves_too_few_and_every_hold_ends_by_its_time(
        nodes in 1..8_usize,
        ratio in 0.0..=1.0_f64,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let seconds = Duration::from_secs;
        let (mut all, mut holds) = (vec![FREE; nodes], Holds::default());
        let mut now = Instant::now();
        let mut until = vec![None; nodes];
        for step in steps {
            match step {
                Step::Hold(at, hold, ttl) if at < nodes => {
                    let balance = Balance::of(all.iter().copied(), all[at], hold, ratio);
                    if !balance.leaves_too_few() {
                        all[at].hold = hold;
                        until[at] = Some(now + seconds(ttl));
                        holds.set(id(at), whom(None, at), hold, now + seconds(ttl));
                        let usable = all.iter().filter(|one| one.is_usable()).count();
                        prop_assert_eq!(usable, balance.after);
                        prop_assert!(usable >= least_usable(nodes, ratio));
                    }
                }
                Step::Release(at) if at < nodes => {
                    prop_assert_eq!(holds.end(&id(at)), until[at].map(|_| all[at].hold));
                    all[at].hold = Hold::None;
                    until[at] = None;
                }
                Step::Fail(at, failed) if at < nodes => all[at].is_failed = failed,
                Step::Wait(time) => {
                    now += seconds(time);
                    for (node, hold) in holds.expire(now) {
                        let at = (0..nodes).find(|at| id(*at) == node).unwrap();
                        prop_assert_eq!(all[at].hold, hold);
                        prop_assert!(until[at].is_some_and(|until| until <= now));
                        all[at].hold = Hold::None;
                        until[at] = None;
                    }
                }
                Step::Hold(..) | Step::Release(_) | Step::Fail(..) => {}
            }
            prop_assert_eq!(holds.next_end(), until.iter().flatten().min().copied());
            prop_assert!(until.iter().flatten().all(|until| *until > now));
        }
    }
}
