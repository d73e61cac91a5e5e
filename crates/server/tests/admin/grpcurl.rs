//! grpcurl on the admin port, with no proto file at hand.

use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::bed::Bed;

const SERVICE: &str = "pushmanager.admin.v1.AdminService";

async fn grpcurl(args: &[&str]) -> Output {
    let program = std::env::var_os("GRPCURL").expect("GRPCURL is set by `cargo xtask test`");
    Command::new(program).args(args).output().await.unwrap()
}

async fn printed(args: &[&str]) -> String {
    let output = grpcurl(args).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_describes_asks_watches_and_plans() {
    let bed = Bed::start(2).await;
    let at = bed.server.admin_addr().unwrap().to_string();
    let services = printed(&["-plaintext", &at, "list"]).await;
    for service in [SERVICE, "grpc.health.v1.Health"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let described = printed(&["-plaintext", &at, "describe", SERVICE]).await;
    assert!(described.contains("rpc Watch"), "{described}");

    let method = |name: &str| format!("{SERVICE}/{name}");
    let info = printed(&["-plaintext", &at, &method("GetInfo")]).await;
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["role"], "ROLE_OPERATE", "{info}");
    let plan = r#"{"verb":"VERB_RECONNECT","node":"connect-node-1","dry_run":true}"#;
    let plan = printed(&["-plaintext", "-d", plan, &at, &method("Act")]).await;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["plan"]["nodeStatic"]["id"], "connect-node-1", "{plan}");
    assert_eq!(plan.get("applied"), None, "{plan}");

    let watching = grpcurl(&["-plaintext", "-max-time", "2", &at, &method("Watch")]).await;
    let frames = String::from_utf8_lossy(&watching.stdout).into_owned();
    assert!(frames.contains("\"snapshot\""), "{frames}");
    assert!(frames.contains("connect-node-2"), "{frames}");
    let health = printed(&["-plaintext", &at, "grpc.health.v1.Health/Check"]).await;
    assert!(health.contains("SERVING"), "{health}");
}
