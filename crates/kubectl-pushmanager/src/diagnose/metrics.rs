//! A pod's /metrics, over a port-forward.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use pushtop::feed::{
    Stream,
    kube::{forward, port_named},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// The port where none is named so.
const PORT: u16 = 9_093;
/// All of it comes within so long.
const WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const MOST_BYTES: u64 = 4 << 20;
/// The older HTTP: the answer is not in chunks, and ends with the connection.
const REQUEST: &[u8] = b"GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n";

/// Where a pod's metrics are.
pub(super) fn port(pod: &Pod) -> u16 {
    port_named(pod, "metrics").unwrap_or(PORT)
}

/// Asks for them.
pub(super) async fn ask(pods: &Api<Pod>, pod: &str, port: u16) -> Result<String, String> {
    let asking = async {
        let stream = forward(pods, pod, port).await?;
        exchange(stream).await
    };
    let answer = timeout(WITHIN, asking).await;
    let answer = answer.map_err(|_| format!("no whole answer within {} s", WITHIN.as_secs()))?;
    body(&answer.map_err(|error| error.to_string())?)
}

async fn exchange(mut stream: Box<dyn Stream>) -> std::io::Result<Vec<u8>> {
    stream.write_all(REQUEST).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(MOST_BYTES);
    loop {
        let read = bounded.read_buf(&mut answer).await?;
        if read == 0 || is_whole(&answer) {
            return Ok(answer);
        }
    }
}

/// Whether as much came as was announced.
fn is_whole(answer: &[u8]) -> bool {
    let Some((head, body)) = split(answer) else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

fn split(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    Some((head, &answer[end + 4..]))
}

fn body(answer: &[u8]) -> Result<String, String> {
    let (head, body) = split(answer).ok_or("what answers does not speak HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(String::from_utf8_lossy(body).into_owned());
    }
    Err(format!("answered {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_all_that_it_announced_came() {
        let head = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n";
        assert!(!is_whole(format!("{head}ab").as_bytes()));
        assert!(is_whole(format!("{head}abc").as_bytes()));
        assert_eq!(body(format!("{head}abc").as_bytes()), Ok("abc".to_owned()));
        let error = body(b"HTTP/1.0 503 No\r\n\r\nx").unwrap_err();
        assert_eq!(error, "answered HTTP/1.0 503 No");
        assert!(body(b"\x00\x01").is_err());
    }
}
