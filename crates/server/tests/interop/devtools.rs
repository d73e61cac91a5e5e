//! A headless Chromium, driven over its DevTools protocol.

use std::{path::PathBuf, process::Stdio, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::programs::program;

/// How long the browser may take to start, and a page to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// No telephoning home, and nothing that a test machine may lack.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-address=127.0.0.1",
    "--remote-debugging-port=0",
];

/// A browser with one page; killed, and its profile removed, when dropped.
pub struct Browser {
    child: Child,
    profile: PathBuf,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Value,
    asked: u64,
}

impl Browser {
    /// Starts it with a page of `width` × `height`.
    pub async fn start(width: u32, height: u32) -> Self {
        let number = std::process::id();
        let profile = std::env::temp_dir().join(format!("push-manager-chromium-{number}-{width}"));
        drop(std::fs::remove_dir_all(&profile));
        let child = Command::new(program("CHROMIUM"))
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--window-size={width},{height}"))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = debugger(&profile).await;
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut browser = Self {
            child,
            profile,
            socket,
            session: Value::Null,
            asked: 0,
        };
        let made = browser
            .ask("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].clone();
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true});
        browser
            .ask("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        browser
    }

    /// Opens a page and waits until it is all there.
    pub async fn open(&mut self, url: &str) {
        let opened = self.ask("Page.navigate", json!({"url": url})).await;
        assert_eq!(opened.get("errorText"), None, "{url}");
        self.until("document.readyState", "complete").await;
    }

    /// The value of a JavaScript expression.
    pub async fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked).await;
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression has a value.
    pub async fn until(&mut self, expression: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        let mut last = Value::Null;
        let reached = async {
            loop {
                last = self.value(expression).await;
                if last == wanted {
                    return;
                }
                sleep(Duration::from_millis(30)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            panic!("{expression} is {last}, never {wanted}");
        }
    }

    /// A picture of the page as PNG, base64.
    pub async fn picture(&mut self) -> String {
        let taken = self.ask("Page.captureScreenshot", json!({})).await;
        taken["data"].as_str().unwrap().to_owned()
    }

    /// Ends it in order, so that none of its processes stays.
    pub async fn close(mut self) {
        let goodbye = json!({"id": 0, "method": "Browser.close"});
        let goodbye = Message::text(goodbye.to_string());
        drop(self.socket.send(goodbye).await);
        drop(timeout(Duration::from_secs(5), self.child.wait()).await);
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut question = json!({"id": self.asked, "method": method, "params": params});
        if self.session.is_string() {
            question["sessionId"] = self.session.clone();
        }
        let question = Message::text(question.to_string());
        self.socket.send(question).await.unwrap();
        let answered = async {
            loop {
                let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else {
                    continue;
                };
                let mut frame: Value = serde_json::from_str(&text).unwrap();
                if frame["id"] == self.asked {
                    assert_eq!(frame.get("error"), None, "{method}");
                    return frame["result"].take();
                }
            }
        };
        timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| panic!("the browser does not answer {method}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.start_kill());
        drop(std::fs::remove_dir_all(&self.profile));
    }
}

/// Where the browser listens, once it has written it down.
async fn debugger(profile: &std::path::Path) -> String {
    let file = profile.join("DevToolsActivePort");
    let written = async {
        loop {
            let text = tokio::fs::read_to_string(&file).await.unwrap_or_default();
            if let Some((port, path)) = text.split_once('\n')
                && !path.is_empty()
            {
                return format!("ws://127.0.0.1:{}{}", port.trim(), path.trim());
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, written)
        .await
        .expect("Chromium starts and writes its port")
}
