use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};

use super::*;

/// A server on loopback, and where it is.
async fn serve(pages: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, pages).await });
    format!("http://{address}")
}

fn uri(text: &str) -> Uri {
    page(text).unwrap()
}

#[tokio::test]
async fn a_page_that_is_ready_later_is_waited_for() {
    let asked = Arc::new(AtomicU32::new(0));
    let answer = async move || match asked.fetch_add(1, Ordering::Relaxed) {
        0 => (StatusCode::SERVICE_UNAVAILABLE, "not ready: no lease"),
        _ => (StatusCode::OK, "ready\n"),
    };
    let host = serve(Router::new().route("/readyz", get(answer))).await;
    let url = uri(&format!("{host}/readyz"));
    let said = succeeded(&url, Duration::from_secs(20)).await.unwrap();
    assert_eq!(said, "ready");
}

#[tokio::test]
async fn what_came_instead_of_success_is_told() {
    let answer = async || (StatusCode::SERVICE_UNAVAILABLE, "not ready: no lease");
    let host = serve(Router::new().route("/readyz", get(answer))).await;
    let url = uri(&format!("{host}/readyz"));
    let Failed { code, text } = succeeded(&url, Duration::from_millis(200))
        .await
        .unwrap_err();
    assert_eq!(code, 1);
    for part in ["/readyz", "within 200ms", "503", "not ready: no lease"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = uri(&format!("http://{}/", listener.local_addr().unwrap()));
    let within = Duration::from_millis(200);
    let text = succeeded(&silent, within).await.unwrap_err().text;
    assert!(text.ends_with("last: no answer"), "{text}");
    drop(listener);
    let text = succeeded(&silent, within).await.unwrap_err().text;
    assert!(text.contains("refused"), "{text}");
}

#[test]
fn only_urls_and_times_that_mean_something_are_taken() {
    for wrong in ["https://a/", "a:8080", "/readyz", ""] {
        assert!(page(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "30", "s", "-1s", "1h", "18446744073709551615m"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
    assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
    assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
}
