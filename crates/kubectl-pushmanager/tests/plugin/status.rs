use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn all_pods_are_asked_and_all_is_well() {
    let cluster = cluster().await;
    for pod in ["push-a", "push-b"] {
        let manager = Manager::start(Takes::Acts).await;
        cluster.put_pod(pod, HASH, [Some(manager.address), None]);
    }
    let output = run(&cluster, &["status", "push", "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document = document(&output);
    for pod in document["pods"].as_array().unwrap() {
        assert_eq!(pod["told"]["version"], "0.1.0", "{document:#}");
        assert_eq!(pod["told"]["readiness"], "ready");
        assert_eq!(pod["told"]["nodes"], 1, "from both parts of the snapshot");
    }
    let output = run(&cluster, &["status", "push"]).await;
    assert!(out(&output).contains("all is well"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_can_t_be_reached_says_why_in_its_row_and_the_exit_code_is_3() {
    let cluster = cluster().await;
    let manager = Manager::start(Takes::Acts).await;
    cluster.put_pod("push-a", HASH, [Some(manager.address), None]);
    cluster.put_pod("push-b", "0000", [None, None]);
    let output = run(&cluster, &["status", "push", "--json"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let document = document(&output);
    assert_eq!(document["other_config"], json!(["push-b"]));
    let why = document["pods"][1]["why"].as_str().unwrap();
    assert!(why.contains("an error occurred forwarding"), "{why}");
    assert_eq!(document["pods"][0]["why"], Value::Null);

    cluster.deny("portforward");
    let output = run(&cluster, &["status", "push"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        out(&output).contains("pods/portforward is forbidden"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_with_what_is() {
    let cluster = cluster().await;
    let output = run(&cluster, &["status", "pusch"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = said(&output);
    assert!(
        told.contains("no PushManager \"pusch\"") && told.contains("there are: push"),
        "{told}"
    );

    cluster.deny("pushmanagers");
    let told = said(&run(&cluster, &["status", "push"]).await);
    assert!(
        told.contains("refused") && told.contains("forbidden"),
        "{told}"
    );
    cluster.allow("pushmanagers");

    cluster.uninstall(PUSH_MANAGERS);
    let output = run(&cluster, &["status", "push"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("has no kind PushManager"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_a_file_and_a_context_are_taken_as_kubectl_takes_them() {
    let cluster = cluster().await;
    let config = cluster.kubeconfig();
    let mut command = program(
        &cluster,
        &["status", "push", "-n", "elsewhere", "--kubeconfig"],
    );
    command
        .arg(config)
        .args(["--context", "x"])
        .env("KUBECONFIG", "/nowhere");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let asked = cluster.asked();
    assert!(
        asked
            .iter()
            .all(|path| path.contains("/namespaces/elsewhere/")),
        "{asked:?}"
    );
    let output = run(&cluster, &["status", "push", "--context", "other"]).await;
    assert!(said(&output).contains("other"), "{output:?}");
}
