//! The node's page in a real browser.

use std::{net::IpAddr, time::Duration};

use push_manager::dev::{Dev, DevPlan};
use push_manager_config::DiscoveryKind;
use push_manager_proto::pubsub::{
    BroadcastMessageRequest, MessageContent, PushToRoomRequest, PushToRoomResponse,
    PushToUserRequest,
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    bed::{client_of, config, eventually, text},
    devtools::Browser,
};

async fn dev() -> Dev {
    dev_of(3, 0).await
}

async fn dev_of(nodes: u16, first_page: u16) -> Dev {
    let mut config = config();
    config.discovery.kind = DiscoveryKind::Memory;
    let plan = DevPlan {
        nodes,
        host: IpAddr::from([127, 0, 0, 1]),
        first_page,
        demo: false,
    };
    let dev = Dev::start(config, plan).await.unwrap();
    eventually("dev is ready", || {
        dev.server().readiness().state().why_not().is_none()
    })
    .await;
    dev
}

async fn push_room(dev: &Dev, content: MessageContent) -> PushToRoomResponse {
    let request = PushToRoomRequest {
        room_id: "room-001".into(),
        content: Some(content),
        ..PushToRoomRequest::default()
    };
    let mut client = client_of(dev.server().grpc_addr());
    client.push_to_room(request).await.unwrap().into_inner()
}

/// Pushes to the room until the Controller has heard of the join.
async fn push_until_heard(dev: &Dev, content: &MessageContent) {
    for _ in 0..100 {
        if push_room(dev, content.clone()).await.delivered_count > 0 {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the page's join never reached the Controller");
}

const STATE: &str = "document.getElementById('state').textContent";
const NEWEST: &str = "document.querySelector('#messages li .data')?.textContent ?? ''";
const RECEIVED: &str = "document.getElementById('received').textContent";
const BYTES: &str = "Number(document.getElementById('bytes').textContent.replace(/\\D/g, ''))";

#[tokio::test]
async fn the_page_joins_and_shows_pushes_in_a_browser() {
    let dev = dev().await;
    // The size of a small phone.
    let mut browser = Browser::start(360, 740).await;
    let page = format!("http://{}/?user_id=user-001&room_id=room-001", dev.page());
    browser.open(&page).await;
    browser.until(STATE, "connected, in room-001").await;
    browser.until(RECEIVED, "0").await;

    push_until_heard(&dev, &text("Hello Room!")).await;
    browser.until(NEWEST, "Hello Room!").await;
    browser.until(RECEIVED, "1").await;
    let facts = "document.querySelector('#messages li .facts').textContent";
    let facts = browser.value(facts).await;
    let facts = facts.as_str().unwrap();
    assert!(facts.contains("room room-001"), "{facts}");
    assert!(facts.contains("connect-node-1"), "{facts}");
    assert!(facts.contains(" ms"), "{facts}");
    let bytes = browser.value(BYTES).await.as_u64().unwrap();
    assert!(bytes > "Hello Room!".len() as u64, "{bytes}");

    let mut client = client_of(dev.server().grpc_addr());
    let answer = client
        .push_to_user(PushToUserRequest {
            user_id: "user-001".into(),
            content: Some(text("Hello User!")),
            ..PushToUserRequest::default()
        })
        .await
        .unwrap();
    assert!(answer.get_ref().success, "{answer:?}");
    browser.until(NEWEST, "Hello User!").await;

    let answer = client
        .broadcast_message(BroadcastMessageRequest {
            content: Some(text("System Announcement")),
            ..BroadcastMessageRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(answer.get_ref().total_delivered, 1, "{answer:?}");
    browser.until(NEWEST, "System Announcement").await;
    browser.until(RECEIVED, "3").await;
    let shown = browser
        .value("document.querySelectorAll('#messages li').length")
        .await;
    assert_eq!(shown, 3);
    let latency = "/^\\d+ \\/ \\d+ ms$/.test(document.getElementById('latency').textContent)";
    browser.until(latency, true).await;
    // Nothing is wider than a phone.
    let overflow = "document.documentElement.scrollWidth - innerWidth";
    assert_eq!(browser.value(overflow).await, 0);
    if let Some(path) = std::env::var_os("INTEROP_PICTURE") {
        std::fs::write(path, browser.picture().await).unwrap();
    }

    browser
        .value("document.getElementById('clear').click()")
        .await;
    browser.until(RECEIVED, "0").await;
    browser.until(NEWEST, "").await;
    browser.close().await;
    dev.stop().await;
}

#[tokio::test]
async fn markup_in_a_push_is_shown_as_text_in_the_browser() {
    let dev = dev().await;
    let mut browser = Browser::start(800, 600).await;
    let page = format!("http://{}/?user_id=user-001&room_id=room-001", dev.page());
    browser.open(&page).await;
    browser.until(STATE, "connected, in room-001").await;

    let attack = "<img src=x onerror=\"window.broken=1\"><script>window.broken=1</script>";
    let content = MessageContent {
        r#type: attack.into(),
        ..text(attack)
    };
    push_until_heard(&dev, &content).await;
    browser.until(NEWEST, attack).await;
    let kind = "document.querySelector('#messages li .type').textContent";
    assert_eq!(browser.value(kind).await, attack);
    let made = "document.querySelectorAll('#messages img, #messages script').length";
    assert_eq!(browser.value(made).await, 0);
    // Time for an image's error to come, were there one.
    sleep(Duration::from_millis(200)).await;
    assert_eq!(browser.value("window.broken ?? null").await, json!(null));
    browser.close().await;
    dev.stop().await;
}

#[tokio::test]
async fn the_page_joins_again_when_its_node_is_back() {
    let dev = dev_of(1, 0).await;
    let page = dev.pages()[0];
    let mut browser = Browser::start(1024, 768).await;
    browser
        .open(&format!("http://{page}/?user_id=user-001&room_id=room-001"))
        .await;
    browser.until(STATE, "connected, in room-001").await;
    dev.stop().await;
    let state = "document.getElementById('state').dataset.state";
    browser.until(state, "reconnecting").await;

    let dev = dev_of(1, page.port()).await;
    browser.until(STATE, "connected, in room-001").await;
    push_until_heard(&dev, &text("again")).await;
    browser.until(NEWEST, "again").await;
    browser.close().await;
    dev.stop().await;
}
