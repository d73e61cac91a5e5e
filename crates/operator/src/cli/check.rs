//! `check`: whether a page answers with success, for what has no shell: a chart's test, say.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use clap::Args;
use http::{Request, Uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Failed, with_causes};

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(500);
/// How much of an answer is shown, in bytes.
const SHOWN: usize = 4096;

/// Asks a page until it answers with success.
#[derive(Debug, Args)]
pub(super) struct CheckOptions {
    /// The page, e.g. http://push-manager-operator:8080/readyz.
    #[arg(long, value_parser = page)]
    url: Uri,
    /// How long to go on asking: a number with ms, s or m.
    #[arg(long, default_value = "30s", value_parser = duration)]
    timeout: Duration,
}

pub(super) fn run(options: &CheckOptions) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failed(with_causes(&error)))?;
    let answer = runtime.block_on(succeeded(&options.url, options.timeout))?;
    println!("{} answers: {answer}", options.url);
    Ok(())
}

/// Asks until there is success, which it returns, or the time is up.
async fn succeeded(url: &Uri, within: Duration) -> Result<String, Failed> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let deadline = Instant::now() + within;
    let mut last = "no answer".to_owned();
    loop {
        match timeout_at(deadline, ask(&client, url)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(why)) => last = why,
            Err(_) => break,
        }
        if Instant::now() + PAUSE >= deadline {
            break;
        }
        sleep(PAUSE).await;
    }
    Err(failed(format!(
        "{url}: no success within {within:?}; last: {last}"
    )))
}

/// What a success said, or what came instead.
async fn ask(client: &Client<HttpConnector, Body>, url: &Uri) -> Result<String, String> {
    let request = Request::get(url).body(Body::empty());
    let request = request.map_err(|error| with_causes(&error))?;
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| with_causes(&error))?;
    let status = answer.status();
    let body = to_bytes(Body::new(answer.into_body()), SHOWN).await;
    let body = body.map_err(|_| format!("{status}, with more than {SHOWN} bytes"))?;
    let said = String::from_utf8_lossy(&body).trim().to_owned();
    if status.is_success() {
        Ok(said)
    } else {
        Err(format!("{status}: {said}"))
    }
}

fn page(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http"), Some(_)) => Ok(url),
        _ => Err("expected http://host:port/path".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let unit = units.iter().find_map(|(unit, milliseconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*milliseconds)
    });
    let milliseconds = unit.ok_or("expected a number with ms, s or m such as 30s")?;
    Ok(Duration::from_millis(milliseconds))
}

fn failed(text: String) -> Failed {
    Failed { code: 1, text }
}

#[cfg(test)]
mod tests;
