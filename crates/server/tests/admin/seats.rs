//! The number of subscribers is bounded, and places become free again.

use push_manager::admin::{MOST_DETAIL_STREAMS, MOST_SUBSCRIBERS};
use push_manager_proto::admin::{EventsRequest, WatchApiRequest};
use tonic::Code;

use crate::{
    bed::{Bed, eventually},
    console::{Console, admin, often},
    proxy::{Mode, Proxy},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_seventeenth_subscriber_is_refused_until_one_leaves_or_dies() {
    let bed = Bed::start(1).await;
    let at = bed.server.admin_addr().unwrap();
    let proxy = Proxy::to(at).await;
    let mut silent = Console::open(&admin(proxy.address()), often())
        .await
        .unwrap();
    silent.next().await.unwrap();
    let client = admin(at);
    let mut consoles = Vec::new();
    for _ in 1..MOST_SUBSCRIBERS {
        consoles.push(Console::open(&client, often()).await.unwrap());
    }
    let refused = Console::open(&client, often()).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("16"), "{refused:?}");
    drop(consoles.pop());
    let hub = bed.server.hub();
    eventually("one left", || hub.subscribers() < MOST_SUBSCRIBERS).await;
    consoles.push(Console::open(&client, often()).await.unwrap());
    assert_eq!(hub.subscribers(), MOST_SUBSCRIBERS);

    proxy.set(Mode::BlackHole).await;
    for _ in 0..3 {
        // Keepalive takes a quarter of a minute to find the dead one.
        if hub.subscribers() < MOST_SUBSCRIBERS {
            break;
        }
        let dead = async {
            while hub.subscribers() == MOST_SUBSCRIBERS {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        drop(tokio::time::timeout(std::time::Duration::from_secs(15), dead).await);
    }
    consoles.push(Console::open(&client, often()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn detail_streams_share_a_bound() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let mut streams = Vec::new();
    for _ in 0..MOST_DETAIL_STREAMS {
        let request = WatchApiRequest {
            api: "PushToRoom".into(),
            ..WatchApiRequest::default()
        };
        streams.push(client.watch_api(request).await.unwrap());
    }
    let refused = client.events(EventsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("32"), "{refused:?}");
    drop(streams.pop());
    for _ in 0..200 {
        if client.events(EventsRequest::default()).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the place never became free");
}
