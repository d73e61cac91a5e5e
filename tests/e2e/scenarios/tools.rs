//! The plugin of kubectl and the console, at pods of a real cluster.

use std::{path::Path, process::Stdio};

use push_manager_e2e::{
    run::{Run, command, run},
    settings::{self, variable},
    space::{SOON, Space, scenario},
    world::with_login,
};
use push_manager_envtest::{Seen, eventually};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use push_manager_e2e::people::People;

/// As kubectl runs it, which finds it and pushtop by PATH.
async fn plugin(space: &Space, words: &[&str]) -> Seen<Run> {
    let mine = ["pushmanager", "--namespace", &space.name];
    let mut kubectl = command(
        space.lab.kubectl_path(),
        &space.lab.settings.kubeconfig,
        &[&mine[..], words].concat(),
    );
    let mut path = vec![];
    for variable in ["KUBECTL_PUSHMANAGER", "PUSHTOP"] {
        let program = settings::variable(variable)?;
        path.extend(Path::new(&program).parent().map(Path::to_path_buf));
    }
    let usual = std::env::var_os("PATH").unwrap_or_default();
    path.extend(std::env::split_paths(&usual));
    kubectl.env("PATH", std::env::join_paths(path)?);
    run(kubectl, "", SOON).await
}

async fn said(space: &Space, words: &[&str]) -> String {
    plugin(space, words)
        .await
        .and_then(Run::ok)
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn status(space: &Space) -> Seen<Value> {
    let told = plugin(space, &["status", "push", "--json"]).await?;
    Ok(serde_json::from_str(&told.out)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_tells_drains_and_reads_logs() {
    scenario("e2e-plugin", async |space| {
        let people = People::around(space, "  replicas: 2\n").await;
        people.all_get_a_broadcast("before").await;
        eventually(SOON, "all is well", async || {
            plugin(space, &["status", "push"]).await.and_then(Run::ok)
        })
        .await;
        let told = status(space).await.unwrap();
        assert_eq!(told["pods"].as_array().map(Vec::len), Some(2), "{told}");

        let top = said(space, &["top", "push", "--once", "--json"]).await;
        let top: Value = serde_json::from_str(&top).unwrap();
        assert_eq!(top["totals"]["nodes"]["all"], 3, "{top}");

        let drain = [
            "drain",
            "push",
            "connect-node-1",
            "--yes",
            "--reason",
            "a test",
        ];
        said(space, &drain).await;
        people.broadcast("while one is drained").await;
        assert_eq!(people.nodes_that_got("while one is drained").await, [0, 2]);
        said(
            space,
            &["drain", "push", "connect-node-1", "--undrain", "--yes"],
        )
        .await;
        people.all_get_a_broadcast("after").await;

        let logs = said(space, &["logs", "push"]).await;
        for name in space.servers().await {
            assert!(logs.contains(&name), "nothing of {name} in\n{logs}");
        }
        assert!(logs.contains("push-manager started"), "{logs}");
    })
    .await;
}

/// What no bundle may hold.
const WORD: &str = "uttrly-s3cret-w0rd";
const IN_BASE64: &str = "dXR0cmx5LXMzY3JldC13MHJk";

/// Which files of a folder hold these words.
fn files_with(folder: &Path, words: &str) -> String {
    let mut grep = std::process::Command::new("grep");
    let found = grep.args(["-rlF", words]).arg(folder).output().unwrap();
    String::from_utf8(found.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diagnosis_has_no_secret_in_it() {
    scenario("e2e-diagnose", async |space| {
        space.peers().await;
        let password = format!("--from-literal=password={WORD}");
        let login = [
            "create",
            "secret",
            "generic",
            "login",
            "--from-literal=username=push",
        ];
        space
            .must(&[&login[..], &[password.as_str()]].concat())
            .await;
        let env = format!("  podTemplate: {{env: [{{name: PROXY_TOKEN, value: {WORD}}}]}}\n");
        let manifest = with_login(&space.manifest(&env), "login");
        space.apply(&manifest).await;
        space.available("push").await;
        let folder = std::env::temp_dir().join(&space.name);
        // Of a run before.
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("bundle.tar.gz").display().to_string();
        said(space, &["diagnose", "push", "--output", &file]).await;
        let unpacked = std::process::Command::new("tar")
            .args(["-xzf", &file, "-C"])
            .arg(&folder)
            .status();
        assert!(unpacked.unwrap().success());
        std::fs::remove_file(&file).unwrap();
        // A Secret holds it in base64.
        for form in [WORD, IN_BASE64] {
            assert_eq!(files_with(&folder, form), "", "files with a secret in them");
        }
        let masked = files_with(&folder, "***");
        assert!(!masked.is_empty(), "the variable is in it, masked");
        // It is the bundle of what is there, not an empty one.
        assert!(!files_with(&folder, "connect-node-1").is_empty());
    })
    .await;
}

/// A console that tells every second, for as long as it is held.
struct Console {
    lines: Lines<BufReader<ChildStdout>>,
    program: Child,
}

impl Console {
    fn start(space: &Space) -> Self {
        let mut program = tokio::process::Command::new(variable("PUSHTOP").unwrap());
        program.args([
            "--kube",
            &format!("{}/push", space.name),
            "--watch",
            "--json",
        ]);
        program.env("KUBECONFIG", &space.lab.settings.kubeconfig);
        program.stdout(Stdio::piped()).kill_on_drop(true);
        let mut program = program.spawn().unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        Self { lines, program }
    }

    /// Reads on until it tells of `count` replicas, all of them live; returns who they are.
    async fn live(&mut self, count: usize, but: &[String]) -> Vec<String> {
        let mut last = String::new();
        let look = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let told: Value = serde_json::from_str(&line).unwrap();
                let live = told["replicas"].as_array().into_iter().flatten();
                let live = live.filter(|replica| replica["freshness"] == "live");
                let ids = live.map(|replica| replica["instance_id"].as_str().unwrap().to_owned());
                let ids: Vec<String> = ids.collect();
                let new = !ids.iter().all(|id| but.contains(id));
                if ids.len() == count && new && told["totals"]["nodes"]["all"] == 3 {
                    return ids;
                }
                last = line;
            }
            panic!("the console ended: {:?}", self.program.try_wait())
        };
        timeout(2 * SOON, look)
            .await
            .unwrap_or_else(|_| panic!("it told last: {last}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushtop_shows_all_pods_and_survives_the_end_of_one() {
    scenario("e2e-pushtop", async |space| {
        space.peers().await;
        space.push_manager("  replicas: 2\n").await;
        space.rolled_out("deployment/push").await;
        let mut console = Console::start(space);
        let before = console.live(2, &[]).await;
        let one = space.servers().await.remove(0);
        let delete = ["delete", "pod", &one, "--wait=false"];
        space.must(&delete).await;
        let after = console.live(2, &before).await;
        assert_eq!(after.iter().filter(|id| before.contains(id)).count(), 1);
    })
    .await;
}
