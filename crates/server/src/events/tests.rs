//! Claims about the ring: numbers, resumption, what was missed.

use std::collections::HashSet;

use super::*;

fn log_of(events: u64) -> EventLog {
    let log = EventLog::new(Epoch::begin());
    for number in 1..=events {
        let news = News::new(Level::Info, Kind::NodeFound, number.to_string());
        assert_eq!(log.record(news), number);
    }
    log
}

fn seqs(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn whoever_resumes_gets_each_event_once_and_in_order() {
    let log = log_of(1000);
    let (mut at, mut seen) = (0, Vec::new());
    loop {
        let (found, missed) = log.after(at, 7);
        assert_eq!(missed, 0);
        let Some(last) = found.last() else { break };
        at = last.seq;
        seen.extend(seqs(&found));
    }
    assert_eq!(seen, (1..=1000).collect::<Vec<u64>>());
    assert_eq!(log.after(1000, 7).0.len(), 0);
    assert_eq!(log.after(u64::MAX, 7).0.len(), 0, "from another epoch");
}

#[test]
fn what_left_the_ring_is_counted_as_missed() {
    let log = log_of(MOST_KEPT as u64 + 10);
    let (found, missed) = log.after(3, 2);
    assert_eq!((seqs(&found), missed), (vec![11, 12], 7));
    let (found, missed) = log.after(10, 1);
    assert_eq!((seqs(&found), missed), (vec![11], 0));
    assert_eq!(log.after(0, usize::MAX).0.len(), MOST_KEPT);
}

#[test]
fn an_empty_ring_has_missed_nothing() {
    let log = log_of(0);
    assert_eq!(log.newest_seq(), 0);
    assert_eq!(log.after(0, 10).1, 0);
}

#[tokio::test]
async fn news_wakes_whoever_waits_for_it() {
    let log = log_of(2);
    let mut newest = log.watch();
    let (told, ()) = tokio::join!(newest.wait_for(|seq| *seq > 2), async {
        log.record(News::new(Level::Warn, Kind::NodeLeft, "node left"));
    });
    assert_eq!(*told.unwrap(), 3);
}

#[test]
fn the_latest_about_a_node_leave_out_other_nodes() {
    let log = log_of(2);
    let (one, other) = (NodeId::new("node-1"), NodeId::new("node-2"));
    for node in [&one, &other, &one, &one] {
        log.record(News::new(Level::Info, Kind::ConnOpen, "connected").of(node));
    }
    assert_eq!(seqs(&log.about(&one, 0, 2)), [5, 6]);
    assert_eq!(seqs(&log.about(&one, 3, 50)), [5, 6]);
    assert_eq!(seqs(&log.about(&one, 0, 50)), [3, 5, 6]);
    let audit = log.record(News::new(Level::Audit, Kind::ActionDrain, "").of(&one));
    assert_eq!(seqs(&log.about(&one, 5, 50)), [6, audit]);
}

#[test]
fn what_operators_did_outlives_any_noise_and_what_is_missed_is_still_true() {
    let log = log_of(0);
    let note = |level, kind| log.record(News::new(level, kind, ""));
    let drained = note(Level::Audit, Kind::ActionDrain);
    for _ in 0..MOST_KEPT + 10 {
        note(Level::Warn, Kind::PushFailing);
    }
    for _ in 0..MOST_ACTS * 2 {
        note(Level::Audit, Kind::ActionRefused);
    }
    let (found, missed) = log.after(0, 2);
    assert_eq!((seqs(&found), missed), (vec![drained, 12], 10));
    let newest = log.newest_seq();
    let (mut at, mut got, mut lost) = (0, 0, 0);
    loop {
        let (found, missed) = log.after(at, 100);
        let Some(last) = found.last() else { break };
        assert!(found.is_sorted_by_key(|entry| entry.seq) && found[0].seq > at);
        (at, got, lost) = (last.seq, got + found.len() as u64, lost + missed);
    }
    assert_eq!((at, got + lost), (newest, newest));
    assert!(log.gone_to() < newest && log.gone_to() > drained);
}

#[test]
fn a_peers_long_words_are_shortened_at_a_character() {
    let log = log_of(0);
    log.record(News::new(Level::Warn, Kind::ConnFailed, "界".repeat(1000)));
    let (found, _) = log.after(0, 1);
    assert!(found[0].news.message.len() <= LONGEST_MESSAGE);
}

#[test]
fn kinds_have_labels_of_their_own() {
    let labels: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.label()).collect();
    assert_eq!(labels.len(), Kind::ALL.len());
    assert!(labels.iter().all(|label| label.split('.').count() == 2));
}
