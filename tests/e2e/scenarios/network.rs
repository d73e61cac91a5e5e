//! Who may call, as a NetworkPolicy.

use push_manager_e2e::space::{SOON, Space, scenario};
use push_manager_envtest::{Seen, eventually};
use serde_json::Value;

const CALLERS: &str =
    "  networkPolicy: {clients: [{podSelector: {matchLabels: {role: caller}}}]}\n";
/// Lets nobody in anywhere.
const NOBODY: &str = "apiVersion: networking.k8s.io/v1\n\
                      kind: NetworkPolicy\n\
                      metadata: {name: nobody}\n\
                      spec: {podSelector: {}, policyTypes: [Ingress]}\n";

/// Tries of a caller: a host may take a moment to learn where a new Service leads.
const TRIES: u32 = 3;

/// Whether a pod of this role gets through in the end: a network may take a moment to shut out, too.
async fn calls_at_last(space: &Space, name: &str, role: &str) -> bool {
    let mut through = false;
    for number in 1..=TRIES {
        through = calls_once(space, &format!("{name}-{number}"), role).await;
    }
    through
}

/// Whether a pod of this role gets through to the server.
async fn calls(space: &Space, name: &str, role: &str) -> bool {
    for number in 1..=TRIES {
        if calls_once(space, &format!("{name}-{number}"), role).await {
            return true;
        }
    }
    false
}

async fn calls_once(space: &Space, name: &str, role: &str) -> bool {
    let (image, label) = (space.lab.image("push-manager"), format!("role={role}"));
    let image = format!("--image={image}");
    let mut words = vec![
        "run",
        name,
        &image,
        "--labels",
        &label,
        "--restart=Never",
        "--",
    ];
    words.extend([
        "push",
        "room",
        "nobody",
        "-d",
        "x",
        "--to=push:50053",
        "--timeout=5",
    ]);
    space.must(&words).await;
    let pod = format!("pod/{name}");
    let ended = async || match space.path(&pod, "{.status.phase}").await?.as_str() {
        "Succeeded" => Ok(true),
        "Failed" => Ok(false),
        other => Seen::Err(format!("{other:?}").into()),
    };
    eventually(SOON, "the caller's pod ends", ended).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_policy_lets_in_the_callers_it_names_and_nobody_else() {
    scenario("e2e-policy", async |space| {
        space.peers().await;
        space.push_manager(CALLERS).await;
        let policy = space
            .must(&["get", "networkpolicy", "push", "-o", "json"])
            .await;
        let spec = serde_json::from_str::<Value>(&policy).unwrap()["spec"].take();
        assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress"]));
        let from = &spec["ingress"][0]["from"][0]["podSelector"]["matchLabels"];
        assert_eq!(*from, serde_json::json!({"role": "caller"}));
        let labels = spec["podSelector"]["matchLabels"].as_object().unwrap();
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        let chosen = ["get", "pods", "-o", "name", "-l", &labels.join(",")];
        let chosen = space.must(&chosen).await;
        assert!(
            chosen.starts_with("pod/push-") && chosen.lines().count() == 1,
            "{chosen}"
        );

        assert!(
            calls(space, "caller", "caller").await,
            "the caller it names is shut out"
        );
        if !calls_at_last(space, "stranger", "stranger").await {
            eprintln!("    enforced by this cluster's network: a stranger is shut out");
            return;
        }
        space.apply(NOBODY).await;
        let anybody = calls_at_last(space, "anybody", "stranger").await;
        assert!(
            anybody,
            "this network enforces policies, and ours lets a stranger in"
        );
        eprintln!("    this cluster's network enforces no NetworkPolicy: only its form was tried");
    })
    .await;
}
