//! The admin API of a process: where it is told, and settings that reach the
//! log and the limits, from a console and from the file alike.

use std::{fs, path::PathBuf};

use push_manager_proto::admin::{
    ActRequest, GetSettingsRequest, Verb, admin_service_client::AdminServiceClient,
};
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::{
    etcd::EtcdProcess,
    system::{Manager, until},
};

type Client = AdminServiceClient<Channel>;

fn client(manager: &Manager) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", manager.admin)).unwrap();
    AdminServiceClient::new(endpoint.connect_lazy())
}

async fn value(client: &Client, key: &str) -> (String, String) {
    let settings = client.clone().get_settings(GetSettingsRequest {}).await;
    let mut settings = settings.unwrap().into_inner().settings.into_iter();
    let setting = settings.find(|setting| setting.key == key).unwrap();
    (setting.value, setting.configured)
}

/// A file of its own, removed with it.
struct Config(PathBuf);

impl Config {
    fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(self.0.parent().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_changes_by_the_console_and_by_the_file_through_one_door() {
    let folder = std::env::temp_dir().join(format!("push-manager-admin-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let file = Config(folder.join("config.yaml"));
    file.write("limits: {concurrent_pushes: 5}\n");
    let path = file.0.to_str().unwrap();
    let memory = ["--set", "discovery.kind=memory"];
    let mut manager = Manager::start(&memory, &[("CONFIG_FILE", path)]).await;
    manager.ready().await;
    let client = client(&manager);

    let set = ActRequest {
        verb: Verb::Set.into(),
        setting: "log.level".into(),
        value: "info,push_manager=trace".into(),
        ..ActRequest::default()
    };
    client.clone().act(set).await.unwrap();
    let line = manager
        .process
        .log_line("to=\"info,push_manager=trace\"")
        .await;
    assert!(line.contains("by=\"operate from 127.0.0.1"), "{line}");
    assert_eq!(value(&client, "log.level").await.1, "info");

    file.write("limits: {concurrent_pushes: 6}\n");
    // Written at the level that the console set: it is the log's now.
    manager
        .process
        .log_line("the configuration's folder changed")
        .await;
    until("the file's limit", async || {
        value(&client, "limits.concurrent_pushes").await == ("6".into(), "5".into())
    })
    .await;
    let level = value(&client, "log.level").await.0;
    assert_eq!(
        level, "info,push_manager=trace",
        "the file says nothing of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_find_an_admin_address_that_others_reach_in_etcd_and_no_other() {
    let etcd = EtcdProcess::start().await;
    let endpoint = etcd.endpoint();
    let peers = ("ETCD_ENDPOINTS", endpoint.as_str());
    let metadata = async |manager: &Manager| {
        let key = format!("push-manager/{}", manager.grpc);
        until("it is registered", async || etcd.get(&key).await.is_some()).await;
        let (value, _) = etcd.get(&key).await.unwrap();
        let value: Value = serde_json::from_str(&value).unwrap();
        value["Metadata"]["admin_address"].clone()
    };
    let local = Manager::start(&[], &[peers]).await;
    assert_eq!(metadata(&local).await, Value::Null);
    let open = [
        peers,
        ("ADMIN_ADDRESS", "0.0.0.0:0"),
        ("ADMIN_READ_TOKEN", "look"),
    ];
    let open = Manager::start(&[], &open).await;
    let at = format!("127.0.0.1:{}", open.admin.port());
    assert_eq!(metadata(&open).await, Value::String(at));
}
