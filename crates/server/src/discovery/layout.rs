//! The one place that knows what registrations look like: keys and values, read and written.
//!
//! Pure. Which keys are read at all, and what a node's id follows from, is decided elsewhere.
//!
//! | written by | key | value |
//! |---|---|---|
//! | Go's `naming/endpoints` | `connect-node/<host:port>` | `{"Op":0,"Addr":"host:port","Metadata":null}` |
//! | earlier nodes | `/services/<service>/<host:port>` | `host:port`, or nothing |
//! | others | `connect-node/<node id>` | any of these, or a JSON string |

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Address, Registration};
use crate::ids::NodeId;

/// The longest node id, in bytes.
pub const MAX_ID_BYTES: usize = 256;
/// The longest key read, in bytes: a prefix, and an id or address.
pub const MAX_KEY_BYTES: usize = 1024;

/// Why a key isn't a registration. Bounded, so that it can label a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// The key isn't text, is too long, or its last segment can't be an id.
    #[error("key is not readable: its last segment must be an id or address")]
    Key,
    /// The value is longer than the limit.
    #[error("value is over the size limit")]
    TooLarge,
    /// The value isn't UTF-8.
    #[error("value is not UTF-8")]
    NotText,
    /// The value begins like JSON and isn't, or its fields have other types.
    #[error("value is not an endpoint in JSON")]
    Json,
    /// `Op` is neither 0 nor 1.
    #[error("op is unknown")]
    Op,
    /// `Op` is 1: an entry that says of itself that it was deleted.
    #[error("op marks the entry as deleted")]
    Deleted,
    /// No `host:port` in it.
    #[error("address is not host:port")]
    Address,
    /// `Metadata.node_id` is too long or has control characters.
    #[error("node id is over 256 bytes or has control characters")]
    NodeId,
}

impl Malformed {
    /// A label for metrics and logs.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::TooLarge => "too_large",
            Self::NotText => "not_text",
            Self::Json => "json",
            Self::Op => "op",
            Self::Deleted => "deleted",
            Self::Address => "address",
            Self::NodeId => "node_id",
        }
    }
}

/// A key and value as the store holds them.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key's bytes.
    pub key: &'a [u8],
    /// The value's bytes.
    pub value: &'a [u8],
    /// The revision at which the key came to be.
    pub created: i64,
    /// The revision at which it was last written.
    pub revision: i64,
}

/// Whether a text can be a node id: 1 to 256 bytes, no control characters.
pub fn check_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control)
}

/// Reads an entry; values over `max_value` bytes aren't looked into.
pub fn decode(entry: Entry<'_>, max_value: usize) -> Result<Registration, Malformed> {
    let Entry {
        key,
        value,
        created,
        revision,
    } = entry;
    let (key, segment) = read_key(key)?;
    if value.len() > max_value {
        return Err(Malformed::TooLarge);
    }
    let value = std::str::from_utf8(value).map_err(|_| Malformed::NotText)?;
    let endpoint = read_value(value.trim(), segment)?;
    Ok(Registration {
        key: key.to_owned(),
        segment: segment.to_owned(),
        address: endpoint.address,
        node_id: endpoint.node_id,
        instance: endpoint.instance,
        created,
        revision,
    })
}

/// The value to write for an endpoint, as Go's `naming/endpoints` reads it.
pub fn encode(address: &Address, metadata: &Value) -> String {
    // Go writes the fields in this order; a map of serde_json would sort them.
    let address = Value::from(address.as_str());
    format!(r#"{{"Op":0,"Addr":{address},"Metadata":{metadata}}}"#)
}

/// A key fit for an event or a log: text as it is, other bytes escaped, the rest of a long one cut.
pub fn shown_key(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if text.len() <= MAX_KEY_BYTES => text.to_owned(),
        Ok(_) | Err(_) => {
            let start = &key[..key.len().min(MAX_KEY_BYTES / 4)];
            start.escape_ascii().to_string()
        }
    }
}

fn read_key(key: &[u8]) -> Result<(&str, &str), Malformed> {
    if key.len() > MAX_KEY_BYTES {
        return Err(Malformed::Key);
    }
    let key = std::str::from_utf8(key).map_err(|_| Malformed::Key)?;
    let segment = key.rsplit_once('/').map_or(key, |(_, segment)| segment);
    if check_id(segment) {
        Ok((key, segment))
    } else {
        Err(Malformed::Key)
    }
}

struct Endpoint {
    address: Address,
    node_id: Option<NodeId>,
    instance: Option<String>,
}

impl Endpoint {
    fn plain(address: &str) -> Result<Self, Malformed> {
        let address = address.parse().map_err(|_| Malformed::Address)?;
        Ok(Self {
            address,
            node_id: None,
            instance: None,
        })
    }
}

fn read_value(value: &str, segment: &str) -> Result<Endpoint, Malformed> {
    match value.bytes().next() {
        // Nodes that say all in the key write no value: the address is known all the same.
        None => Endpoint::plain(segment),
        Some(b'{') => read_object(value),
        Some(b'"') => {
            let address: String = serde_json::from_str(value).map_err(|_| Malformed::Json)?;
            Endpoint::plain(&address)
        }
        Some(_) => Endpoint::plain(value),
    }
}

fn read_object(value: &str) -> Result<Endpoint, Malformed> {
    let raw: RawEndpoint = serde_json::from_str(value).map_err(|_| Malformed::Json)?;
    match raw.op.as_ref().map_or(Some(0), Value::as_u64) {
        Some(0) => {}
        Some(1) => return Err(Malformed::Deleted),
        Some(_) | None => return Err(Malformed::Op),
    }
    let mut endpoint = Endpoint::plain(raw.addr.as_deref().unwrap_or_default())?;
    endpoint.node_id = match text_of(&raw.metadata, "node_id") {
        Some(id) if check_id(id) => Some(NodeId::new(id)),
        Some(_) => return Err(Malformed::NodeId),
        None => None,
    };
    let instance = text_of(&raw.metadata, "instance_id").filter(|id| check_id(id));
    endpoint.instance = instance.map(str::to_owned);
    Ok(endpoint)
}

/// A text among the metadata, which may be anything; an empty one is what Go writes for none.
fn text_of<'a>(metadata: &'a Value, name: &str) -> Option<&'a str> {
    let fields = metadata.as_object()?;
    let (_, text) = fields
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    text.as_str().filter(|text| !text.is_empty())
}

/// The fields of Go's `endpoints.Update`, taken the way Go's decoder does: names match whatever
/// their case, the last of several counts, `null` changes nothing, unknown ones are passed over.
#[derive(Default)]
struct RawEndpoint {
    op: Option<Value>,
    addr: Option<String>,
    metadata: Value,
}

impl<'de> Deserialize<'de> for RawEndpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawEndpointVisitor)
    }
}

struct RawEndpointVisitor;

impl<'de> Visitor<'de> for RawEndpointVisitor {
    type Value = RawEndpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an endpoint object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEndpoint, A::Error> {
        let mut raw = RawEndpoint::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.to_ascii_lowercase().as_str() {
                "op" => raw.op = map.next_value::<Option<Value>>()?.or(raw.op),
                "addr" => raw.addr = map.next_value::<Option<String>>()?.or(raw.addr),
                "metadata" => raw.metadata = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(raw)
    }
}

#[cfg(test)]
mod tests;
