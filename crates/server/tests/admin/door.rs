//! Where the admin API listens.

use push_manager::server::{Server, StartError};
use push_manager_config::Config;
use push_manager_proto::admin::GetInfoRequest;
use tokio::net::TcpListener;

use crate::{
    bed::{Bed, config},
    console::admin,
};

#[tokio::test(flavor = "multi_thread")]
async fn get_info_says_who_this_is_and_what_is_allowed() {
    let bed = Bed::start(1).await;
    let mut client = admin(bed.server.admin_addr().unwrap());
    let info = client
        .get_info(GetInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(info.grpc_address, bed.server.grpc_addr().to_string());
    assert_eq!(info.metrics_address, bed.server.metrics_addr().to_string());
    assert_eq!(info.manager_id, "push-manager-1");
    assert!(info.epoch > 0 && !info.instance_id.is_empty() && info.started_at.is_some());
    let limits = info.limits.unwrap();
    assert_eq!(
        (
            limits.subscribers,
            limits.detail_streams,
            limits.events_kept
        ),
        (16, 32, 4096)
    );
    assert!(info.node_rtt.unwrap().grouping_power > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_on_one_host_takes_a_free_port_but_a_given_one_is_insisted_on() {
    let mut usual = config();
    usual.admin.address = Config::default().admin.address;
    let one = Server::start(&usual, Some(Default::default()))
        .await
        .unwrap();
    let two = Server::start(&usual, Some(Default::default()))
        .await
        .unwrap();
    assert_ne!(one.admin_addr(), two.admin_addr());
    assert!(two.admin_addr().unwrap().ip().is_loopback());

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut given = config();
    given.admin.address = taken.local_addr().unwrap().to_string();
    let error = Server::start(&given, Some(Default::default()))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StartError::Bind {
                knob: "admin.address",
                ..
            }
        ),
        "{error}"
    );

    let mut off = config();
    off.admin.enabled = false;
    let off = Server::start(&off, Some(Default::default())).await.unwrap();
    assert_eq!(off.admin_addr(), None);
}
