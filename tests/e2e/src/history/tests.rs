use super::{
    build::{client, push, room, user},
    *,
};

/// Ann and Bob in room r, Eve in room s.
fn three() -> History {
    History::with(vec![
        client("ann-1", "ann", &["r"]),
        client("bob-1", "bob", &["r"]),
        client("eve-1", "eve", &["s"]),
    ])
}

/// Failed, lost, doubled, miscounted, misdelivered, unsure.
fn found(history: &History) -> [usize; 6] {
    let verdict = history.check();
    [
        verdict.failed.len(),
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.miscounted.len(),
        verdict.misdelivered.len(),
        verdict.unsure,
    ]
}

const NOTHING: [usize; 6] = [0; 6];
const LOST: [usize; 6] = [0, 1, 0, 0, 0, 0];
const MISCOUNTED: [usize; 6] = [0, 0, 0, 1, 0, 0];
const UNSURE: [usize; 6] = [0, 0, 0, 0, 0, 1];

#[test]
fn what_arrived_as_it_was_acknowledged_is_clean() {
    let history = three()
        .pushed(push(0, room("r"), &[("delivered", 2)]), &["ann-1", "bob-1"])
        .pushed(push(1, user("eve"), &[("delivered", 1)]), &["eve-1"])
        .pushed(
            push(2, Target::Broadcast, &[("delivered", 3)]),
            &["ann-1", "bob-1", "eve-1"],
        );
    let verdict = history.check().clean(Allowed::default()).unwrap();
    assert_eq!((verdict.pushes, verdict.received), (3, 6));
}

#[test]
fn a_present_target_without_an_acknowledged_push_lost_it() {
    let all = three().pushed(push(0, room("r"), &[("delivered", 2)]), &["ann-1"]);
    assert_eq!(found(&all), LOST);
    let short = three().pushed(push(0, room("r"), &[("delivered", 1)]), &["ann-1"]);
    assert_eq!(found(&short), LOST, "nobody else was left open");
    let offline = [("delivered", 1), ("offline", 1)];
    let denied = three().pushed(push(0, room("r"), &offline), &["ann-1"]);
    assert_eq!(found(&denied), LOST, "it was there");
    let mut nobody = push(0, room("r"), &[]);
    nobody.success = true;
    let nobody = three().pushed(nobody, &[]);
    assert_eq!(found(&nobody), [0, 2, 0, 0, 0, 0], "a success of nobody");
}

#[test]
fn an_answer_that_leaves_targets_open_loses_none_but_is_incomplete() {
    for outcome in ["unknown", "node_gone", "rejected", "queue_full", "expired"] {
        let mut told = push(0, room("r"), &[("delivered", 1), (outcome, 1)]);
        told.success = false;
        let history = three().pushed(told, &["ann-1"]);
        assert_eq!(found(&history), NOTHING, "{outcome}");
        assert_eq!(history.check().incomplete, 1);
        history.check().clean(Allowed::default()).unwrap_err();
    }
}

#[test]
fn who_comes_or_goes_within_the_margin_is_not_judged() {
    for (from_ms, until_ms) in [(9_500, 99_000), (0, 10_500), (10_005, 10_010)] {
        let mut history = three().pushed(push(0, room("r"), &[("delivered", 2)]), &["ann-1"]);
        history.clients[1].present = vec![Interval { from_ms, until_ms }];
        assert_eq!(found(&history), UNSURE, "{from_ms} to {until_ms}");
    }
}

#[test]
fn who_is_away_misses_nothing() {
    let outcomes = [("delivered", 1), ("offline", 1)];
    let mut history = three().pushed(push(0, room("r"), &outcomes), &["ann-1"]);
    history.clients[1].present.clear();
    assert_eq!(found(&history), NOTHING);
}

#[test]
fn a_failed_push_may_arrive_or_not_but_only_once() {
    let mut failed = push(0, room("r"), &[]);
    (failed.ok, failed.success) = (false, false);
    let history = three().pushed(failed.clone(), &["ann-1"]);
    assert_eq!(found(&history), [1, 0, 0, 0, 0, 0]);
    let one = Allowed {
        failed: 1,
        ..Allowed::default()
    };
    history.check().clean(one).unwrap();
    let twice = three().pushed(failed, &["ann-1", "ann-1"]);
    assert_eq!(found(&twice), [1, 0, 1, 0, 0, 0]);
}

#[test]
fn a_count_that_nobody_can_explain_is_wrong() {
    let more = [("delivered", 3)];
    let more = three().pushed(push(0, room("r"), &more), &["ann-1", "bob-1"]);
    assert_eq!(found(&more), MISCOUNTED, "more than there are");
    let fewer = [("delivered", 1), ("node_gone", 1)];
    let fewer = three().pushed(push(0, room("r"), &fewer), &["ann-1", "bob-1"]);
    assert_eq!(found(&fewer), MISCOUNTED, "fewer than got it");
    let unknown = [("delivered", 1), ("unknown", 1)];
    let unknown = three().pushed(push(0, room("r"), &unknown), &["ann-1", "bob-1"]);
    assert_eq!(found(&unknown), NOTHING, "unknown may be the other one");
    let claimed = [("delivered", 2), ("unknown", 1)];
    let claimed = three().pushed(push(0, room("r"), &claimed), &["ann-1"]);
    assert_eq!(found(&claimed), MISCOUNTED, "one of two was not delivered");
    let mut differ = push(0, user("ann"), &[("delivered", 1)]);
    differ.total_delivered = 2;
    assert_eq!(found(&three().pushed(differ, &["ann-1"])), MISCOUNTED);
}

#[test]
fn a_user_who_was_there_is_not_offline() {
    let mut told = push(0, user("bob"), &[("offline", 1)]);
    told.success = false;
    assert_eq!(found(&three().pushed(told, &[])), MISCOUNTED);
}

#[test]
fn devices_are_not_users_unless_nodes_count_them() {
    let devices = || {
        let mut history = three();
        history.clients.push(client("ann-2", "ann", &["r"]));
        history
    };
    let all = ["ann-1", "ann-2"];
    for (delivered, wanted) in [(0, MISCOUNTED), (1, NOTHING), (2, MISCOUNTED)] {
        let told = push(0, user("ann"), &[("delivered", delivered)]);
        assert_eq!(found(&devices().pushed(told, &all)), wanted, "{delivered}");
    }
    let all = ["ann-1", "ann-2", "bob-1"];
    for (delivered, wanted) in [(1, MISCOUNTED), (2, NOTHING), (3, NOTHING), (4, MISCOUNTED)] {
        let told = push(0, room("r"), &[("delivered", delivered)]);
        assert_eq!(found(&devices().pushed(told, &all)), wanted, "{delivered}");
    }
    let told = push(0, user("ann"), &[("delivered", 1)]);
    assert_eq!(found(&devices().pushed(told, &["ann-1"])), LOST);
}

#[test]
fn a_members_other_devices_may_get_what_is_for_the_room_but_need_not() {
    let mut history = three();
    history.clients.push(client("ann-2", "ann", &["s"]));
    let told = || push(0, room("r"), &[("delivered", 2)]);
    let room_only = history.clone().pushed(told(), &["ann-1", "bob-1"]);
    assert_eq!(found(&room_only), NOTHING);
    let all = history.clone().pushed(told(), &["ann-1", "ann-2", "bob-1"]);
    assert_eq!(found(&all), NOTHING);
    let twice = history.pushed(told(), &["ann-1", "ann-2", "ann-2", "bob-1"]);
    assert_eq!(found(&twice), [0, 0, 1, 0, 0, 0]);
}

#[test]
fn the_last_of_two_calls_knows_nothing_of_who_left_after_the_first() {
    let mut told = push(0, room("r"), &[("delivered", 1)]);
    told.sends = 2;
    let mut history = three().pushed(told, &["ann-1", "bob-1"]);
    history.clients[1].present[0].until_ms = 10_015;
    assert_eq!(found(&history), NOTHING);
    history.pushes[0].sends = 1;
    assert_eq!(found(&history), MISCOUNTED);
}

#[test]
fn data_of_nobody_or_for_others_is_misdelivered() {
    let history = three().pushed(
        push(0, user("ann"), &[("delivered", 1)]),
        &["ann-1", "bob-1"],
    );
    assert_eq!(found(&history), [0, 0, 0, 0, 1, 0]);
    let mut history = three().pushed(push(0, user("ann"), &[("delivered", 1)]), &["ann-1"]);
    "never".clone_into(&mut history.received[0].data);
    assert_eq!(found(&history), [0, 1, 0, 0, 1, 0]);
}

#[test]
fn the_verdict_shows_a_bounded_number_of_examples() {
    let mut history = three();
    for seq in 0..12 {
        history = history.pushed(push(seq, room("r"), &[("delivered", 2)]), &["ann-1"]);
    }
    let error = history.check().clean(Allowed::default()).unwrap_err();
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1],
        "12 pushes, 0 failed, 12 lost, 0 doubled, 0 miscounted, 0 misdelivered; \
         0 unsure, 0 incomplete, 12 received"
    );
    assert_eq!(
        lines[2],
        "  lost: push 0 to room r, 10000 to 10020, sent 1 times: never at bob-1; \
         receipt id-0 says [2 delivered]"
    );
    assert_eq!((lines.len(), lines[12]), (13, "  lost: and 2 more"));
}

#[test]
fn lines_of_the_load_are_read_and_what_is_new_in_them_passed_over() {
    let line = r#"{"seq":4,"data":"load-a-4","target":{"broadcast":true},"sent_ms":5,"ended_ms":9,
        "sends":2,"ok":true,"code":"OK","error":"","success":true,"total_delivered":3,
        "push_id":"p","outcomes":{"delivered":3},"new":[1]}"#;
    let Line::Push(read) = Line::read(line).unwrap() else {
        panic!("a push");
    };
    assert_eq!((read.seq, read.sends, read.count("delivered")), (4, 2, 3));
    assert_eq!(read.target, Target::Broadcast);
    let summary = r#"{"summary":{"pushes":2,"ok":1,"codes":{"OK":1,"Unavailable":1}}}"#;
    let Line::Summary { summary } = Line::read(summary).unwrap() else {
        panic!("a summary");
    };
    assert_eq!((summary.pushes, summary.codes["Unavailable"]), (2, 1));
    Line::read(r#"{"event":"trouble"}"#).unwrap_err();
}

#[test]
fn what_was_before_is_left_out_and_too_little_says_nothing() {
    let history = three()
        .pushed(push(0, room("r"), &[("delivered", 2)]), &["ann-1"])
        .pushed(push(1, user("eve"), &[("delivered", 1)]), &["eve-1"]);
    assert_eq!(found(&history), LOST);
    let later = history.since(11_000);
    assert_eq!(found(&later), NOTHING);
    let least = |least| Allowed {
        least,
        ..Allowed::default()
    };
    later.check().clean(least(1)).unwrap();
    later.check().clean(least(2)).unwrap_err();
}

#[test]
fn what_grpc_sent_again_may_come_twice_and_nothing_else() {
    let once = push(0, room("r"), &[("delivered", 2)]);
    let again = Push {
        sends: 2,
        ..once.clone()
    };
    let (then, later) = (0..once.sent_ms, once.ended_ms + 1..99_000);
    for (push, deaths, doubled) in [(&once, &then, 1), (&again, &then, 0), (&again, &later, 1)] {
        let history = three().pushed(push.clone(), &["ann-1", "ann-1", "bob-1"]);
        let verdict = history.check();
        assert_eq!(verdict.doubled.len(), 1);
        let left = verdict.but_for_copies_by_grpc(deaths);
        assert_eq!(left.doubled.len(), doubled, "{} {deaths:?}", push.sends);
    }
}

#[test]
fn an_answer_that_contradicts_itself_is_wrong() {
    let whole = push(0, room("r"), &[("delivered", 2)]);
    let to = ["ann-1", "bob-1"];
    assert_eq!(found(&three().pushed(whole.clone(), &to)), NOTHING);
    let mut denied = whole.clone();
    denied.success = false;
    assert_eq!(found(&three().pushed(denied, &to)), MISCOUNTED);
    let mut fewer = whole.clone();
    fewer.targets = 3;
    assert_eq!(found(&three().pushed(fewer, &to)), MISCOUNTED);
    // As when somebody was left out and nothing says so.
    let mut out = push(0, room("r"), &[("delivered", 1)]);
    out.success = false;
    assert_eq!(found(&three().pushed(out, &to[..1])), MISCOUNTED);
    let nobody = push(0, user("bob"), &[]);
    assert_eq!(found(&three().pushed(nobody, &[])), MISCOUNTED);
}
