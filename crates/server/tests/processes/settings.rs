//! What the configuration does to a process: a wrong one stops it before it
//! begins, a changed file reaches it while it runs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;
use tokio::time::sleep;

use crate::{
    process::{Process, Run, push_manager, run},
    system::Manager,
};

/// A folder of its own for each test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("push-manager-settings-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn config(args: &[&str], env: &[(&str, &str)]) -> Run {
    run(push_manager(), &[&["config"], args].concat(), env).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_stops_the_start_before_anything_is_bound_and_is_explained() {
    let folder = Folder::new();
    let text = "fanout:\n  deadlin: 2s\n  concurrency: many\nlimits.max_id: 0\n";
    let file = folder.write("wrong.yaml", text);
    // Taken on purpose: whoever tries to bind it would say so.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let env = [("PM_GRPC_HOST", "127.0.0.1"), ("GRPC_PORT", port.as_str())];
    let Run { code, out, err } = run(push_manager(), &["serve", "--config", &file], &env).await;
    assert_eq!(code, 2, "{err}");
    assert!(out.is_empty(), "{out}");
    let line = |key: &str| {
        let found = err
            .lines()
            .find(|line| line.contains(key) && line.contains(&file));
        found.unwrap_or_else(|| panic!("no line names {file} and {key}:\n{err}"))
    };
    let unknown = line("fanout.deadlin");
    assert!(
        unknown.contains("fanout.deadline"),
        "the nearest key: {unknown}"
    );
    let bad = line("fanout.concurrency");
    assert!(
        bad.contains("\"many\"") && bad.contains("1 to 1024"),
        "{bad}"
    );
    let low = line("limits.max_id");
    assert!(low.contains("\"0\"") && low.contains("expected"), "{low}");
    assert!(!err.contains("can't listen"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_stops_the_start() {
    let Run { code, err, .. } = run(push_manager(), &["--config", "/nowhere/x.yaml"], &[]).await;
    assert_eq!(code, 2);
    assert!(err.contains("/nowhere/x.yaml"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_win_over_the_environment_which_wins_over_the_file() {
    let folder = Folder::new();
    let text = "fanout: {deadline: 1s, concurrency: 11, chunk: 111}\n";
    let file = folder.write("config.yaml", text);
    let env = [
        ("CONFIG_FILE", file.as_str()),
        ("PM_FANOUT_DEADLINE", "2s"),
        ("PM_FANOUT_CONCURRENCY", "22"),
    ];
    let args = ["show", "--json", "--set", "fanout.deadline=3s"];
    let Run { code, out, err } = config(&args, &env).await;
    assert_eq!(code, 0, "{err}");
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap();
    let value = |key: &str| row(key)["value"].to_string().replace('"', "");
    assert_eq!(value("fanout.deadline"), "3s");
    assert_eq!(value("fanout.concurrency"), "22");
    assert_eq!(value("fanout.chunk"), "111");
    assert_eq!(value("fanout.retries"), "2");
    let origin = |key: &str| row(key)["origin"].as_str().unwrap().to_owned();
    assert!(origin("fanout.deadline").contains("--set"));
    assert!(origin("fanout.concurrency").contains("PM_FANOUT_CONCURRENCY"));
    assert!(origin("fanout.chunk").contains("config.yaml"));
    assert!(origin("fanout.retries").contains("default"));

    let Run { code, out, .. } = config(&["show", "--explain"], &env).await;
    assert_eq!(code, 0);
    assert!(out.contains("fanout.concurrency = 22"), "{out}");
    assert!(out.contains("PM_FANOUT_CONCURRENCY"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_shown_nowhere() {
    let env = [("ETCD_PASSWORD", "hunter2"), ("ETCD_USERNAME", "root")];
    for args in [
        &["show"][..],
        &["show", "--json"],
        &["show", "--explain"],
        &["check"],
    ] {
        let Run { code, out, err } = config(args, &env).await;
        assert_eq!(code, 0, "{err}");
        assert!(
            !out.contains("hunter2") && !err.contains("hunter2"),
            "{args:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_says_what_a_start_would() {
    let folder = Folder::new();
    let good = folder.write("good.yaml", "fanout:\n  deadline: 2s\n");
    let bad = folder.write("bad.yaml", "fanout:\n  deadline: soon\n");
    let Run { code, out, .. } = config(&["check", "--config", &good], &[]).await;
    assert_eq!(code, 0);
    assert!(out.starts_with("ok: ") && out.contains(&good), "{out}");
    let Run { code, out, .. } = config(&["check", "--json", "--config", &good], &[]).await;
    assert_eq!(code, 0);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], true);
    let Run { code, err, .. } = config(&["check", "--config", &bad], &[]).await;
    assert_eq!(code, 2);
    assert!(
        err.contains("fanout.deadline") && err.contains("\"soon\""),
        "{err}"
    );
    let Run { code, out, .. } = config(&["check", "--json", "--config", &bad], &[]).await;
    assert_eq!(code, 2);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], false, "{said}");
    assert!(said.to_string().contains("fanout.deadline"), "{said}");
}

async fn watching(file: &str) -> Manager {
    let memory = ["--set", "discovery.kind=memory"];
    let manager = Manager::start(&memory, &[("CONFIG_FILE", file)]).await;
    manager.ready().await;
    manager
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_follows_the_file_however_it_is_replaced() {
    let folder = Folder::new();
    let file = folder.write("config.yaml", "log: {level: info}\n");
    let mut manager = watching(&file).await;

    // Written in place.
    folder.write("config.yaml", "log: {level: debug}\n");
    manager.process.log_line("to=\"debug\"").await;
    // Replaced by another file under its name, as editors do.
    folder.write("new.yaml", "log: {level: \"info,push_manager=trace\"}\n");
    fs::rename(folder.path("new.yaml"), &file).unwrap();
    manager
        .process
        .log_line("to=\"info,push_manager=trace\"")
        .await;

    // A bad edit changes nothing and is named.
    folder.write(
        "config.yaml",
        "log: {level: info}\nfanout: {deadline: soon}\n",
    );
    let line = manager.process.log_line("the last good one stays").await;
    assert!(line.contains("fanout.deadline"), "{line}");
    folder.write("config.yaml", "log: [");
    sleep(Duration::from_millis(500)).await;
    let changes = manager.process.logged("setting changed");
    assert_eq!(changes, 2, "the bad edits changed nothing");

    // What needs a restart is named, and the level changes all the same.
    let text = "log: {level: warn,push_manager=info}\nfanout: {deadline: 3s}\n";
    folder.write(
        "config.yaml",
        &text.replace("warn,push_manager=info", "\"warn,push_manager=info\""),
    );
    let line = manager.process.log_line("at the next start only").await;
    assert!(line.contains("fanout.deadline"), "{line}");
    manager
        .process
        .log_line("to=\"warn,push_manager=info\"")
        .await;
    assert!(manager.process.runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_update_is_seen() {
    let folder = Folder::new();
    // As the kubelet lays it out: config.yaml → ..data → ..1, and ..data is what is swapped.
    let version = |name: &str, level: &str| {
        let data = folder.0.join(name);
        fs::create_dir(&data).unwrap();
        fs::write(
            data.join("config.yaml"),
            format!("log: {{level: {level}}}\n"),
        )
        .unwrap();
    };
    version("..1", "info");
    symlink("..1", folder.0.join("..data")).unwrap();
    symlink("..data/config.yaml", folder.0.join("config.yaml")).unwrap();
    let mut manager = watching(&folder.path("config.yaml")).await;

    for (next, level) in [("..2", "debug"), ("..3", "info")] {
        version(next, level);
        symlink(next, folder.0.join("..data_tmp")).unwrap();
        fs::rename(folder.0.join("..data_tmp"), folder.0.join("..data")).unwrap();
        manager.process.log_line(&format!("to={level:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_log_lines_are_json() {
    let env = [("LOG_FORMAT", "json"), ("LOG_LEVEL", "debug")];
    let mut manager = Manager::start(&["--set", "discovery.kind=memory"], &env).await;
    manager.ready().await;
    manager.process.signal("TERM");
    manager.process.log_line("draining").await;
    let lines = manager.process.log();
    assert!(lines.len() > 2);
    for line in lines {
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "{field} in {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_stops_the_start_and_names_address_and_knob() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let hosts = [
        ("PM_GRPC_HOST", "127.0.0.1"),
        ("PM_METRICS_HOST", "127.0.0.1"),
    ];
    for (flag, other, knob) in [
        ("--grpc-port", "--metrics-port", "grpc.port"),
        ("--metrics-port", "--grpc-port", "metrics.port"),
    ] {
        let args = ["serve", flag, &port, other, "0"];
        let Run { code, err, .. } = run(push_manager(), &args, &hosts).await;
        assert_eq!(code, 1, "{err}");
        let last = err.lines().last().unwrap();
        assert!(last.contains(&format!("127.0.0.1:{port}")), "{last}");
        assert!(last.contains(knob), "{last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_command_it_serves() {
    let env = [
        ("PM_GRPC_HOST", "127.0.0.1"),
        ("GRPC_PORT", "0"),
        ("PM_METRICS_HOST", "127.0.0.1"),
        ("METRICS_PORT", "0"),
        ("PM_DISCOVERY_KIND", "memory"),
        ("PM_DRAIN_NOTICE", "0s"),
    ];
    let mut process = Process::spawn("push-manager", Path::new(push_manager()), &[], &env);
    process.log_line("push-manager started").await;
    process.signal("INT");
    assert_eq!(process.exit(Duration::from_secs(10)).await.code(), Some(0));
}
