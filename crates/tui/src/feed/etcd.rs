//! Managers as they register themselves in etcd, with the admin address in their metadata.

use std::{collections::BTreeMap, time::Duration};

use etcd_client::{Client, ConnectOptions, EventType, GetOptions, WatchOptions};
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Address, Board, Dial, Target, backoff::Backoff};

/// A question to etcd takes no longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The watch is asked for a sign of life so often, and given up after twice that.
const SIGN_EVERY: Duration = Duration::from_secs(5);
/// Most managers read.
const MOST_MANAGERS: i64 = 1_000;
/// The largest value read.
const MOST_VALUE: usize = 64 << 10;

/// Where etcd is, and what to read there.
#[derive(Clone)]
pub struct Access {
    /// Its endpoints.
    pub endpoints: Vec<String>,
    /// What managers register under.
    pub prefix: String,
    /// The user to sign in as.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A registration as Go's naming/endpoints writes it, with what a manager adds.
#[derive(Debug, Default, Deserialize)]
struct Registration {
    #[serde(default, rename = "Addr")]
    address: String,
    #[serde(default, rename = "Metadata")]
    metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    admin_address: String,
}

/// Keeps the board in step until stopped. While etcd is away the last set stays.
pub async fn follow(access: Access, board: Board, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    let mut found = false;
    let following = async {
        loop {
            let began = tokio::time::Instant::now();
            if let Err(error) = session(&access, &board, &mut found).await {
                let why = format!("etcd at {}: {error}", access.endpoints.join(","));
                if found {
                    board.source_away(Some(why)).await;
                } else {
                    board.set(vec![unreachable("etcd", why)]).await;
                }
            }
            sleep(backoff.pause(began.elapsed(), rand::random())).await;
        }
    };
    stop.run_until_cancelled(Box::pin(following)).await;
}

fn unreachable(name: &str, why: String) -> Target {
    Target {
        name: name.to_owned(),
        dial: Err(why),
    }
}

/// A list, then what changes.
async fn session(
    access: &Access,
    board: &Board,
    found: &mut bool,
) -> Result<(), etcd_client::Error> {
    let mut options = ConnectOptions::new()
        .with_connect_timeout(ANSWER_WITHIN)
        .with_keep_alive(SIGN_EVERY, ANSWER_WITHIN)
        .with_keep_alive_while_idle(true);
    if let Some(user) = &access.user {
        options = options.with_user(user, access.password.clone().unwrap_or_default());
    }
    let mut client = Client::connect(&access.endpoints, Some(options)).await?;
    let prefix = access.prefix.as_str();
    let options = GetOptions::new().with_prefix().with_limit(MOST_MANAGERS);
    let listed = timeout(ANSWER_WITHIN, client.get(prefix, Some(options))).await;
    let listed = listed.map_err(|_| etcd_client::Error::WatchError("no answer".to_owned()))??;
    let revision = listed
        .header()
        .map_or(0, etcd_client::ResponseHeader::revision);
    let mut managers: BTreeMap<String, Target> = BTreeMap::new();
    for pair in listed.kvs() {
        managers.insert(
            text(pair.key()),
            target(&text(pair.key()), prefix, pair.value()),
        );
    }
    board.source_away(None).await;
    *found = show(board, &managers, prefix).await;
    let options = WatchOptions::new()
        .with_prefix()
        .with_start_revision(revision + 1)
        .with_progress_notify();
    let mut watch = client.watch(prefix, Some(options)).await?;
    loop {
        let news = if let Ok(news) = timeout(SIGN_EVERY, watch.message()).await {
            news?
        } else {
            watch.request_progress().await?;
            let late = timeout(SIGN_EVERY, watch.message()).await;
            late.map_err(|_| etcd_client::Error::WatchError("silent".to_owned()))??
        };
        let Some(news) = news.filter(|news| !news.canceled()) else {
            return Ok(());
        };
        for event in news.events() {
            let Some(pair) = event.kv() else { continue };
            let key = text(pair.key());
            match event.event_type() {
                EventType::Put => {
                    let target = target(&key, prefix, pair.value());
                    managers.insert(key, target);
                }
                EventType::Delete => drop(managers.remove(&key)),
            }
        }
        if !news.events().is_empty() {
            *found = show(board, &managers, prefix).await;
        }
    }
}

/// All managers, or one row that says why there is none; whether there are any.
async fn show(board: &Board, managers: &BTreeMap<String, Target>, prefix: &str) -> bool {
    if managers.is_empty() {
        let why = format!("no manager is registered under {prefix}");
        board.set(vec![unreachable("etcd", why)]).await;
        return false;
    }
    board.set(managers.values().cloned().collect()).await;
    true
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn target(key: &str, prefix: &str, value: &[u8]) -> Target {
    let name = key.strip_prefix(prefix).unwrap_or(key);
    if value.len() > MOST_VALUE {
        return unreachable(
            name,
            format!("its registration is larger than {MOST_VALUE} bytes"),
        );
    }
    let Ok(registration) = serde_json::from_slice::<Registration>(value) else {
        return unreachable(
            name,
            "its registration can't be read: expected JSON".to_owned(),
        );
    };
    let admin = registration.metadata.unwrap_or_default().admin_address;
    if admin.is_empty() {
        let at = if registration.address.is_empty() {
            name
        } else {
            &registration.address
        };
        return unreachable(
            name,
            format!(
                "{at} registers no admin address, since its admin.address is loopback: set it to an \
                 address that others reach, with admin.read_token, or use --addr or --kube"
            ),
        );
    }
    match admin.parse::<Address>() {
        Ok(address) => Target {
            name: address.to_string(),
            dial: Ok(Dial::tcp(&address)),
        },
        Err(error) => unreachable(name, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_leads_to_its_admin_address_or_says_why_not() {
        let of = |value: &str| {
            target(
                "push-manager/10.0.0.1:50053",
                "push-manager/",
                value.as_bytes(),
            )
        };
        let full = r#"{"Op":0,"Addr":"10.0.0.1:50053","Metadata":{"instance_id":"x","admin_address":"10.0.0.1:50054"}}"#;
        let found = of(full);
        assert_eq!(found.name, "10.0.0.1:50054");
        assert!(found.dial.is_ok());
        for (value, part) in [
            (
                r#"{"Op":0,"Addr":"10.0.0.1:50053","Metadata":null}"#,
                "registers no admin address",
            ),
            (
                r#"{"Op":0,"Addr":"10.0.0.1:50053","Metadata":{"admin_address":"no way"}}"#,
                "is no address",
            ),
            ("10.0.0.1:50053", "expected JSON"),
        ] {
            let why = of(value).dial.unwrap_err();
            assert!(why.contains(part), "{value}: {why}");
        }
    }
}
