use std::path::PathBuf;

use push_manager_proto::admin::watch_response::Kind as FrameKind;

use super::*;
use crate::fixture::{Scenario, in_two_parts};

/// A file of this test alone, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pushtop-tape-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.pmrec"));
        drop(std::fs::remove_file(&path));
        Self(path)
    }

    fn begin(&self) -> Recorder {
        Recorder::begin(&self.0, "test", SystemTime::UNIX_EPOCH).unwrap()
    }

    fn end(self, recorder: Recorder) -> Vec<u8> {
        let told = recorder.end().unwrap();
        let bytes = std::fs::read(&self.0).unwrap();
        assert_eq!(told, bytes.len() as u64, "its length as told");
        bytes
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Records what comes at once in each of the batches, as the console does.
fn recorded_in(name: &str, batches: impl IntoIterator<Item = Vec<FeedEvent>>) -> Vec<u8> {
    let scratch = Scratch::new(name);
    let (mut recorder, mut fleet) = (scratch.begin(), Fleet::default());
    for batch in batches {
        for event in &batch {
            recorder.note(event).unwrap();
        }
        for event in batch {
            fleet.take_in(event);
        }
        recorder.keyframes(&fleet).unwrap();
    }
    scratch.end(recorder)
}

fn recorded(name: &str, seconds: u64) -> Vec<u8> {
    let scenario = Scenario::story();
    recorded_in(name, (0..=seconds).map(|second| scenario.second(second)))
}

fn read(bytes: &[u8]) -> Vec<FeedEvent> {
    let recording = Recording::of(bytes, "x").unwrap();
    recording.collect::<Result<_, _>>().unwrap()
}

fn played(bytes: &[u8]) -> Fleet {
    let mut fleet = Fleet::default();
    for event in read(bytes) {
        fleet.take_in(event);
    }
    fleet
}

/// Whether a frame holds the whole state.
fn is_whole(event: &FeedEvent) -> bool {
    matches!(&event.what, Learnt::Frame(frame) if matches!(&frame.kind, Some(FrameKind::Snapshot(_))))
}

#[test]
fn what_is_read_is_what_was_recorded() {
    let bytes = recorded("same", 10);
    let mut recording = Recording::of(bytes.as_slice(), "x").unwrap();
    assert_eq!(recording.title, "test");
    let read: Vec<_> = recording
        .by_ref()
        .map(|event| event.unwrap().what)
        .collect();
    assert!(!recording.is_cut());
    let scenario = Scenario::story();
    let told = (0..=10).flat_map(|second| scenario.second(second));
    assert_eq!(read, told.map(|event| event.what).collect::<Vec<_>>());
}

#[test]
fn a_long_recording_repeats_the_whole_state() {
    let events = read(&recorded("long", 130));
    let whole = events.iter().filter(|event| is_whole(event)).count();
    assert_eq!(whole, 3 * 3, "of three replicas, at 0, 60 and 120 s");
}

#[test]
fn a_replica_that_was_lost_is_not_heard_again_in_the_recording() {
    let mut scenario = Scenario::of(2, 3);
    let why = "connection refused".to_owned();
    scenario.down_from.insert(1, (30, why.clone()));
    let lost = |second: u64| {
        let mut events = scenario.second(second);
        if second > 30 && second.is_multiple_of(8) {
            let at = Moment::after(Duration::from_secs(second));
            let again_at = at + Duration::from_secs(8);
            for link in [
                Link::Connecting,
                Link::Retrying {
                    why: why.clone(),
                    again_at,
                },
            ] {
                let (replica, what) = (ReplicaId(1), Learnt::Link(link));
                events.push(FeedEvent { replica, at, what });
            }
        }
        events
    };
    let bytes = recorded_in("lost", (0..=200).map(lost));
    let heard = read(&bytes)
        .into_iter()
        .filter(|event| event.replica == ReplicaId(1) && matches!(event.what, Learnt::Frame(_)));
    let last = { heard }.next_back().unwrap().at.since_start();
    assert!(last < Duration::from_secs(30), "{last:?}");
    let fleet = played(&bytes);
    assert_eq!(fleet.replicas()[1].lost(), Some(why.as_str()));
}

#[test]
fn what_came_in_one_batch_or_in_parts_follows_what_was_recorded_before() {
    let scenario = Scenario::of(1, 10);
    let mut batches: Vec<Vec<FeedEvent>> = Vec::new();
    for second in 0..200 {
        let mut events = Vec::new();
        for event in scenario.second(second) {
            match event.what {
                Learnt::Frame(_) if second % 3 > 0 => events.extend(in_two_parts(&event)),
                _ => events.push(event),
            }
        }
        // A stalled loop takes in several seconds at once, up to the middle of a frame.
        match batches.last_mut() {
            Some(last) if second % 7 > 0 => last.extend(events),
            _ => {
                let rest = events.split_off(events.len() / 2);
                if let Some(last) = batches.last_mut() {
                    last.extend(events);
                }
                batches.push(rest);
            }
        }
    }
    let told: Vec<FeedEvent> = batches.iter().flatten().cloned().collect();
    let mut lived = Fleet::default();
    for event in told {
        lived.take_in(event);
    }
    let fleet = played(&recorded_in("batches", batches));
    let (replica, lived) = (&fleet.replicas()[0], &lived.replicas()[0]);
    assert_eq!(replica.out_of_step(), 0);
    assert_eq!(replica.to_snapshot(), lived.to_snapshot());
}

#[test]
fn half_a_snapshot_is_not_repeated_as_if_it_were_whole() {
    let scenario = Scenario::of(1, 10);
    let mut batches: Vec<Vec<FeedEvent>> = (0..60).map(|second| scenario.second(second)).collect();
    // The stream is made anew just when the state is to be repeated.
    let again = scenario.second(0).pop().unwrap();
    for (part, at) in in_two_parts(&again).into_iter().zip([60_100, 60_200]) {
        let at = Moment::after(Duration::from_millis(at));
        batches.push(vec![FeedEvent { at, ..part }]);
    }
    let fleet = played(&recorded_in("half", batches));
    assert_eq!(fleet.replicas()[0].node_count(), 10);
}

#[test]
fn its_bound_counts_what_the_file_takes() {
    let scratch = Scratch::new("bound");
    let mut recorder = scratch.begin();
    recorder.most_bytes = 64 << 10;
    let (scenario, mut told) = (Scenario::of(1, 100), 0);
    let full = (0..).find_map(|second| {
        scenario.second(second).iter().find_map(|event| {
            told += record::record(event, Moment::default())
                .unwrap()
                .encoded_len();
            recorder.note(event).err()
        })
    });
    assert!(matches!(full, Some(RecordingError::Full(_))), "{full:?}");
    assert!(told > 2 * (64 << 10), "it was full after {told} bytes");
    let kept = scratch.end(recorder).len();
    assert!(kept < 128 << 10, "{kept}");
}

#[test]
fn a_recording_that_ends_early_is_read_as_far_as_it_goes() {
    let whole = recorded("cut", 3);
    for end in (0..whole.len()).step_by(7) {
        match Recording::of(&whole[..end], "x") {
            Ok(mut recording) => {
                assert!(recording.by_ref().all(|event| event.is_ok()), "{end}");
                assert!(recording.is_cut(), "{end}");
            }
            Err(error) => assert!(error.to_string().contains("x is no recording"), "{error}"),
        }
    }
}

#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    for bytes in [
        &b""[..],
        b"hello world",
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
    ] {
        let error = Recording::of(bytes, "x").unwrap_err().to_string();
        assert!(error.contains("no recording of pushtop"), "{error}");
    }
}
