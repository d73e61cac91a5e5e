use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_all_pods_are_merged_by_time() {
    let cluster = cluster().await;
    for (pod, seconds) in [("push-a", [1, 4]), ("push-b", [2, 3])] {
        cluster.put_pod(pod, HASH, [None, None]);
        for second in seconds {
            cluster.add_line(pod, &format!("2026-01-01T00:00:0{second}.5Z line {second}"));
        }
    }
    let output = run(&cluster, &["logs", "push", "--since", "5m", "--tail", "7"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = "push-a | line 1\npush-b | line 2\npush-b | line 3\npush-a | line 4\n";
    assert_eq!(out(&output), lines);
    let asked = cluster.asked();
    let asked = asked.iter().find(|path| path.contains("/log?")).unwrap();
    for part in ["sinceSeconds=300", "tailLines=7", "container=push-manager"] {
        assert!(asked.contains(part), "{asked}");
    }

    cluster.deny("log");
    let output = run(&cluster, &["logs", "push"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("pods/log is forbidden"),
        "{output:?}"
    );
}

fn following(cluster: &Cluster) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = program(cluster, &["logs", "push", "-f"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let next = timeout(Duration::from_secs(10), lines.next_line()).await;
    next.expect("a line").unwrap().expect("no end")
}

/// Waits until the log of `push-a` was asked for a second time.
async fn asked_anew(cluster: &Cluster) {
    let asked = || {
        let asked = cluster.asked();
        asked
            .iter()
            .filter(|path| path.contains("push-a/log"))
            .count()
    };
    let asking = async {
        while asked() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), asking)
        .await
        .expect("a second question");
}

#[tokio::test(flavor = "multi_thread")]
async fn following_goes_on_through_restarts_and_with_pods_that_come() {
    let cluster = cluster().await;
    cluster.put_pod("push-a", HASH, [None, None]);
    cluster.add_line("push-a", "2026-01-01T00:00:01.1Z one");
    let (_child, mut lines) = following(&cluster);
    assert_eq!(next(&mut lines).await, "push-a | one");

    // Lines of the same second are neither lost nor told twice.
    cluster.end_log("push-a");
    asked_anew(&cluster).await;
    cluster.add_line("push-a", "2026-01-01T00:00:01.9Z two");
    assert_eq!(next(&mut lines).await, "push-a | two");

    cluster.put_pod("push-b", HASH, [None, None]);
    cluster.add_line("push-b", "2026-01-01T00:00:02Z three");
    assert_eq!(next(&mut lines).await, "push-b | three");
    cluster.delete_pod("push-a");
    cluster.add_line("push-b", "2026-01-01T00:00:03Z four");
    assert_eq!(next(&mut lines).await, "push-b | four");
}
