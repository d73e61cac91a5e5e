//! Reads every registration at one revision, in pages.

use etcd_client::{Client, GetOptions, GetResponse, KeyValue, KvClient};

use super::client::{EtcdError, MAX_MESSAGE_BYTES, within};
use super::{EtcdSettings, prefix};
use crate::discovery::Registration;
use crate::discovery::layout::{self, Entry, Malformed};

/// Keys asked for in a page. With values of 1.5 MB a page would exceed what is taken in one
/// message; it is then asked for again with half as many keys.
const PAGE_KEYS: i64 = 64;

/// What is registered at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The revision.
    pub revision: i64,
    /// What could be read.
    pub registrations: Vec<Registration>,
    /// What couldn't.
    pub skipped: Vec<SkippedKey>,
}

/// A key that isn't a readable registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// The key, fit to be shown.
    pub key: String,
    /// When it was written.
    pub revision: i64,
    /// What is wrong with it.
    pub reason: Malformed,
}

/// Lists all prefixes at the revision of the first page, which is the store's latest.
pub(super) async fn list(
    client: &Client,
    settings: &EtcdSettings,
    prefixes: &[String],
) -> Result<Listing, EtcdError> {
    if prefixes.is_empty() {
        return Err(EtcdError::NoPrefix);
    }
    let mut pages = Pages {
        client: client
            .kv_client()
            .max_decoding_message_size(MAX_MESSAGE_BYTES),
        settings,
        keys: PAGE_KEYS,
        revision: 0,
    };
    let mut listing = Listing {
        revision: 0,
        registrations: Vec::new(),
        skipped: Vec::new(),
    };
    for prefix in prefixes {
        let (mut start, end) = prefix::range(prefix);
        loop {
            let page = pages.next(start, end.clone()).await?;
            for kv in page.kvs() {
                match read(kv, settings.max_value) {
                    Ok(registration) => listing.registrations.push(registration),
                    Err(skipped) => listing.skipped.push(skipped),
                }
            }
            match page.kvs().last() {
                Some(last) if page.more() => start = [last.key(), b"\0"].concat(),
                Some(_) | None => break,
            }
        }
    }
    listing.revision = pages.revision;
    Ok(listing)
}

struct Pages<'a> {
    client: KvClient,
    settings: &'a EtcdSettings,
    keys: i64,
    /// Zero, which etcd takes for the latest, until the first page says what that is.
    revision: i64,
}

impl Pages<'_> {
    async fn next(&mut self, start: Vec<u8>, end: Vec<u8>) -> Result<GetResponse, EtcdError> {
        loop {
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(self.keys)
                .with_revision(self.revision);
            let request = self.client.get(start.clone(), Some(options));
            match within("list", self.settings.access.request_timeout, request).await {
                Err(EtcdError::TooLarge { .. }) if self.keys > 1 => self.keys /= 2,
                Err(error) => return Err(error),
                Ok(page) => {
                    if self.revision == 0 {
                        self.revision = page
                            .header()
                            .map_or(0, etcd_client::ResponseHeader::revision);
                    }
                    return Ok(page);
                }
            }
        }
    }
}

/// Reads one key, as listed or as watched.
pub(super) fn read(kv: &KeyValue, max_value: usize) -> Result<Registration, SkippedKey> {
    let entry = Entry {
        key: kv.key(),
        value: kv.value(),
        created: kv.create_revision(),
        revision: kv.mod_revision(),
    };
    layout::decode(entry, max_value).map_err(|reason| SkippedKey {
        key: layout::shown_key(kv.key()),
        revision: kv.mod_revision(),
        reason,
    })
}
