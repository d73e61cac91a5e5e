use super::*;

async fn with(cluster: &Cluster, takes: &[Takes]) -> Vec<Manager> {
    let mut managers = Vec::new();
    for (takes, pod) in takes.iter().zip(["push-a", "push-b", "push-c"]) {
        let manager = Manager::start(*takes).await;
        cluster.put_pod(pod, HASH, [Some(manager.address), None]);
        managers.push(manager);
    }
    managers
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_anywhere_while_one_pod_refuses() {
    let cluster = cluster().await;
    let managers = with(&cluster, &[Takes::Acts, Takes::Refuses, Takes::Acts]).await;
    let output = run(&cluster, &["drain", "push", "push-1", "--yes"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(out(&output).contains("too few usable nodes"), "{output:?}");
    for manager in managers {
        assert_eq!(manager.acts(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pod_drains_the_incarnation_that_it_planned_with() {
    let cluster = cluster().await;
    let managers = with(&cluster, &[Takes::Acts, Takes::LosesItsFirstAnswer]).await;
    let arguments = [
        "drain", "push", "push-1", "--yes", "--for", "1h", "--reason", "kernel",
    ];
    let output = run(&cluster, &arguments).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(out(&output).contains("drain push-1: done"), "{output:?}");
    let first = managers[0].acts();
    assert_eq!(first.len(), 1);
    assert_eq!(
        (
            first[0].expected_instance.as_str(),
            first[0].reason.as_str()
        ),
        ("9f3c", "kernel")
    );
    assert_eq!(first[0].ttl.unwrap().seconds, 3_600);
    // The one whose answer was lost is asked again for the same.
    let second = managers[1].acts();
    assert_eq!(second.len(), 2);
    assert_eq!(second[0], second[1]);
    assert!(!second[0].request_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_does_not_answer_stops_nobody_and_is_named() {
    let cluster = cluster().await;
    let managers = with(&cluster, &[Takes::Acts]).await;
    cluster.put_pod("push-x", HASH, [None, None]);
    let output = run(
        &cluster,
        &["drain", "push", "push-1", "--yes", "--undrain", "--json"],
    )
    .await;
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let document = document(&output);
    assert_eq!(
        (&document["verb"], &document["outcome"]),
        (&json!("undrain"), &json!("partly"))
    );
    assert_eq!(document["pods"][1]["state"], "silent");
    assert_eq!(managers[0].acts().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_or_with_a_dry_run_nothing_is_done() {
    let cluster = cluster().await;
    let managers = with(&cluster, &[Takes::Acts]).await;
    let output = run(&cluster, &["drain", "push", "push-1"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains("--yes"), "{output:?}");
    let output = run(&cluster, &["drain", "push", "push-1", "--dry-run"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        out(&output).contains("nothing new is sent to push-1"),
        "{output:?}"
    );
    let output = run(&cluster, &["drain", "push", "push-9", "--yes"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(out(&output).contains("no pod knows a node"), "{output:?}");
    assert_eq!(managers[0].acts(), []);
}
