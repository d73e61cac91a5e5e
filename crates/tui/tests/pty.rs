//! The program in a real terminal: what it leaves behind, what it writes, how fast it answers.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, its helpers included"
)]

#[path = "support/terminal.rs"]
mod terminal;

use std::{
    io::Read,
    process::{Command, Stdio},
    time::Duration,
};

use terminal::{Terminal, demo, program};

/// An end must come within so long.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

fn playing() -> Terminal {
    let file = demo();
    let terminal = Terminal::start(
        &["--replay", file.to_str().unwrap(), "--speed", "4"],
        &[("PUSHTOP_PANIC_ON", "F12")],
    );
    terminal.wait_for("REPLAY");
    terminal
}

#[test]
fn the_terminal_is_given_back_after_q() {
    let mut terminal = playing();
    terminal.press("q");
    assert_eq!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_given_back_after_ctrl_c() {
    let mut terminal = playing();
    terminal.press("\u{3}");
    assert_eq!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_given_back_after_sigterm() {
    let mut terminal = playing();
    terminal.signal("TERM");
    assert_eq!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_given_back_after_sighup() {
    let mut terminal = playing();
    terminal.signal("HUP");
    terminal.end(AT_ONCE);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_given_back_after_a_panic_and_its_message_can_be_read() {
    let mut terminal = playing();
    terminal.press("\u{1b}[24~");
    assert_ne!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
    terminal.wait_for("asked for by PUSHTOP_PANIC_ON");
}

#[test]
fn a_panic_in_a_task_ends_the_program_too() {
    let file = demo();
    let env = [("PUSHTOP_PANIC_ON", "F11")];
    let mut terminal = Terminal::start(&["--replay", file.to_str().unwrap()], &env);
    terminal.wait_for("REPLAY");
    terminal.press("\u{1b}[23~");
    assert_ne!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
    terminal.wait_for("in a task");
}

#[test]
fn the_mouse_is_taken_only_when_asked_and_given_back() {
    let file = demo();
    let file = file.to_str().unwrap();
    let plain = playing();
    assert!(!plain.takes_mouse());
    let mut terminal = Terminal::start(&["--replay", file, "--mouse"], &[]);
    terminal.wait_for("REPLAY");
    assert!(terminal.takes_mouse());
    // A click on a tab; columns and rows count from 1.
    terminal.press("\u{1b}[<0;17;2M\u{1b}[<0;17;2m");
    terminal.wait_for("[2 Nodes]");
    terminal.press("q");
    assert_eq!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
}

#[test]
fn another_size_of_the_terminal_is_drawn_at_once() {
    let terminal = playing();
    terminal.resize(60, 16);
    terminal.wait_for("[1 Overview]");
    terminal.resize(50, 12);
    let began = std::time::Instant::now();
    while terminal.text().trim().lines().count() != 1 {
        assert!(began.elapsed() < AT_ONCE, "one line:\n{}", terminal.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    terminal.resize(140, 40);
    terminal.wait_for("q quit");
}

#[test]
fn a_signal_ends_it_though_the_terminal_takes_nothing_any_more() {
    let pair = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize::default())
        .unwrap();
    let mut command = portable_pty::CommandBuilder::new(program());
    command.args(["--replay", demo().to_str().unwrap(), "--speed", "64"]);
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    // Nobody reads: what it draws stays in the terminal's buffer until that is full.
    std::thread::sleep(Duration::from_secs(4));
    assert!(child.try_wait().unwrap().is_none(), "it runs");
    let pid = child.process_id().unwrap().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let began = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < AT_ONCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn exports_and_pictures_are_files_that_nobody_had() {
    let folder = std::env::temp_dir().join(format!("pushtop-out-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = std::fs::canonicalize(demo()).unwrap();
    let args = ["--replay", file.to_str().unwrap(), "--screen", "nodes"];
    let mut terminal = Terminal::start_in(&folder, &args, &[]);
    terminal.wait_for("connect-node-1");
    for (key, extension) in [("E", ".csv"), ("J", ".json"), ("P", ".svg")] {
        terminal.press(key);
        terminal.wait_for(extension);
        let files = std::fs::read_dir(&folder).unwrap();
        let written = files.map(|file| file.unwrap().path());
        let written = written
            .filter(|path| path.to_str().unwrap().ends_with(extension))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect::<Vec<_>>();
        assert_eq!(written.len(), 1, "{extension}");
        assert!(written[0].contains("connect-node-1"), "{}", written[0]);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn variables_stand_back_behind_what_was_typed() {
    let file = demo();
    let file = file.to_str().unwrap();
    let picture = std::env::temp_dir().join(format!("pushtop-env-{}.txt", std::process::id()));
    let picture = picture.to_str().unwrap();
    let ended = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = Command::new(program());
        command.env_clear().envs(env.iter().copied()).args(args);
        command.output().unwrap()
    };
    let all = [
        ("PUSHTOP_ADDR", "127.0.0.1:1"),
        ("PUSHTOP_TOKEN", "t"),
        ("ETCD_USERNAME", "u"),
        ("ETCD_PASSWORD", ""),
    ];
    let told = ended(&["--replay", file, "--snapshot", picture], &all);
    assert!(told.status.success(), "{told:?}");
    let once = ["--once", "--json", "--timeout", "300ms"];
    let told = ended(&once, &all);
    let document: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(document["replicas"][0]["target"], "127.0.0.1:1");
    let told = ended(&[&once[..], &["--token-file", "/nowhere"]].concat(), &all);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let told = ended(&once, &[("PUSHTOP_ADDR", "a:b:c")]);
    let said = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(2));
    assert!(
        said.contains("PUSHTOP_ADDR") && said.contains("expected host"),
        "{said}"
    );
    std::fs::remove_file(picture).unwrap();
}

#[test]
fn what_could_not_be_printed_is_no_success() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = Command::new(program())
        .args(["--addr", NOWHERE, "--once", "--json", "--timeout", "300ms"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("standard output"), "{said}");
}

#[test]
fn a_terminal_that_is_gone_ends_the_program() {
    // `script` holds the terminal: when it is killed, the terminal is gone.
    let command = format!(
        "stty cols 100 rows 30; exec {} --replay {}",
        program().display(),
        demo().display()
    );
    let mut script = Command::new("script")
        .args(["-qfc", &command, "/dev/null"])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    let mut buffer = [0_u8; 4096];
    let mut out = script.stdout.take().unwrap();
    while !String::from_utf8_lossy(&shown).contains("REPLAY") {
        let count = out.read(&mut buffer).unwrap();
        assert!(count > 0, "it ended: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&buffer[..count]);
    }
    let holder = script.id().to_string();
    let found = Command::new("ps")
        .args(["-o", "pid=", "--ppid", &holder])
        .output()
        .unwrap();
    let pid = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    let runs = || {
        std::path::Path::new("/proc")
            .join(&pid)
            .join("exe")
            .exists()
    };
    assert!(!pid.is_empty() && runs(), "{pid:?}");
    script.kill().unwrap();
    script.wait().unwrap();
    let began = std::time::Instant::now();
    while runs() {
        assert!(began.elapsed() < AT_ONCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_z_lends_the_terminal_and_continuing_takes_it_back() {
    let mut terminal = playing();
    terminal.press("\u{1a}");
    let began = std::time::Instant::now();
    let pid = terminal.child.process_id().unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !state().contains(") T ") {
        assert!(began.elapsed() < AT_ONCE, "it never stops");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.assert_restored();
    terminal.take();
    terminal.signal("CONT");
    terminal.wait_for("REPLAY");
    terminal.press("q");
    assert_eq!(terminal.end(AT_ONCE), 0);
    terminal.assert_restored();
}

#[test]
fn an_unchanged_frame_is_at_most_64_bytes() {
    let mut terminal = playing();
    terminal.press("p");
    terminal.wait_for("PAUSED");
    // A key that means nothing draws a frame in which nothing changed; of several, one falls
    // between two seconds.
    let least = (0..8).map(|_| {
        std::thread::sleep(Duration::from_millis(130));
        terminal.take();
        terminal.press("~");
        std::thread::sleep(Duration::from_millis(60));
        terminal.take().len()
    });
    let sizes: Vec<usize> = least.collect();
    let least = sizes.iter().filter(|size| **size > 0).min().unwrap();
    assert!(*least <= 64, "{sizes:?}");
}

#[test]
fn a_frame_a_second_is_at_most_2_kib() {
    let file = demo();
    let terminal = Terminal::start(&["--replay", file.to_str().unwrap()], &[]);
    terminal.wait_for("REPLAY");
    std::thread::sleep(Duration::from_secs(3));
    terminal.take();
    std::thread::sleep(Duration::from_secs(6));
    let bytes = terminal.take();
    assert!(!bytes.is_empty(), "it draws");
    let a_second = bytes.len() / 6;
    assert!(a_second <= 2_048, "{a_second} bytes a second");
}

#[test]
fn keys_are_answered_at_once_while_nothing_is_connected() {
    let mut terminal = Terminal::start(&["--addr", NOWHERE], &[]);
    terminal.wait_for("next try in");
    let mut times: Vec<Duration> = (0..9)
        .map(|turn| {
            let (key, tab) = if turn % 2 == 0 {
                ("2", "[2 Nodes]")
            } else {
                ("4", "[4 Events]")
            };
            terminal.press(key);
            terminal.wait_for(tab)
        })
        .collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    assert!(median <= Duration::from_millis(50), "{times:?}");
}

#[test]
fn help_and_filters_are_reached_by_keys() {
    let mut terminal = playing();
    terminal.press("?");
    terminal.wait_for("Help: Overview");
    terminal.escape_from("Help: Overview");
    terminal.press("2/name~edge*");
    terminal.wait_for("nodes match");
    terminal.press("\r");
    terminal.wait_for("filter: name~edge*");
    assert!(
        !terminal.text().contains("connect-node-1"),
        "{}",
        terminal.text()
    );
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let ended = Command::new(program()).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("--once --json"), "{said}");
}

#[test]
fn once_with_nobody_there_fails_and_says_why_in_json() {
    let args = ["--addr", NOWHERE, "--once", "--json", "--timeout", "700ms"];
    let ended = Command::new(program()).args(args).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(document["replicas"][0]["link"], "retrying");
    assert_eq!(document["problems"][0]["kind"], "replica_down");
    assert_eq!(document["nodes"], serde_json::json!([]));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_mend() {
    for (args, part) in [
        (&["--addr", "a:b:c"][..], "expected host"),
        (&["--once", "--filter", "queue>lots"], "expected a share"),
        (&["--interval", "5"], "expected a time"),
        (
            &["--replay", "/nowhere.pmrec", "--allow-actions"],
            "cannot be used with",
        ),
        (&["--json"], "required"),
    ] {
        let ended = Command::new(program()).args(args).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
}

#[test]
fn a_picture_of_a_recording_is_always_the_same() {
    let folder = std::env::temp_dir().join(format!("pushtop-picture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pictures = ["one.svg", "two.svg"].map(|name| {
        let path = folder.join(name);
        let ended = Command::new(program())
            .args([
                "--replay",
                demo().to_str().unwrap(),
                "--at",
                "30s",
                "--snapshot",
            ])
            .arg(&path)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        std::fs::read_to_string(path).unwrap()
    });
    assert_eq!(pictures[0], pictures[1]);
    assert!(pictures[0].contains("pushtop"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_pictures_in_the_documentation_are_what_the_program_draws() {
    let docs = demo().parent().unwrap().to_owned();
    let drawn = std::env::temp_dir().join(format!("pushtop-docs-{}.svg", std::process::id()));
    for screen in ["overview", "nodes", "pushes", "events", "replicas"] {
        let ended = Command::new(program())
            .current_dir(docs.parent().unwrap())
            .args([
                "--replay",
                "docs/demo.pmrec",
                "--at",
                "55s",
                "--screen",
                screen,
            ])
            .args(["--size", "100x30", "--snapshot"])
            .arg(&drawn)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let kept = std::fs::read_to_string(docs.join(format!("pictures/{screen}.svg"))).unwrap();
        let same = kept == std::fs::read_to_string(&drawn).unwrap();
        assert!(same, "{screen}: `cargo xtask pictures` draws it anew");
    }
    std::fs::remove_file(drawn).unwrap();
}
