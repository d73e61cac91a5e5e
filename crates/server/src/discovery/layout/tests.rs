//! Every form that is read, and every one that is not.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const MAX_VALUE: usize = 64 * 1024;

fn read(key: &str, value: &str) -> Result<Registration, Malformed> {
    decode(entry(key.as_bytes(), value.as_bytes()), MAX_VALUE)
}

fn entry<'a>(key: &'a [u8], value: &'a [u8]) -> Entry<'a> {
    Entry {
        key,
        value,
        created: 3,
        revision: 7,
    }
}

fn address_of(key: &str, value: &str) -> Result<String, Malformed> {
    read(key, value).map(|read| read.address.to_string())
}

#[test]
fn what_go_writes_is_read() {
    let read = read(
        "connect-node/10.0.0.1:50052",
        r#"{"Op":0,"Addr":"10.0.0.1:50052","Metadata":null}"#,
    )
    .unwrap();
    assert_eq!(read.key, "connect-node/10.0.0.1:50052");
    assert_eq!(read.segment, "10.0.0.1:50052");
    assert_eq!(read.address.as_str(), "10.0.0.1:50052");
    assert_eq!((read.node_id, read.instance), (None, None));
    assert_eq!((read.created, read.revision), (3, 7));
}

#[test]
fn field_names_match_whatever_their_case_and_the_last_counts() {
    for value in [
        r#"{"op":0,"addr":"h:1"}"#,
        r#"{"ADDR":"h:1"}"#,
        r#"{"Addr":"x:9","addr":"h:1"}"#,
        r#"{"Addr":"h:1","addr":null,"Op":null}"#,
        r#" {"Addr":"h:1","Weight":[{"deep":1}]} "#,
    ] {
        assert_eq!(
            address_of("connect-node/n", value).as_deref(),
            Ok("h:1"),
            "{value}"
        );
    }
}

#[test]
fn metadata_may_name_the_node_and_its_instance_or_be_anything() {
    let value =
        r#"{"Addr":"h:1","Metadata":{"node_id":"rack:4/node 1","instance_id":"abc","zone":3}}"#;
    let read_one = read("connect-node/h:1", value).unwrap();
    assert_eq!(read_one.node_id, Some(NodeId::new("rack:4/node 1")));
    assert_eq!(read_one.instance.as_deref(), Some("abc"));
    for metadata in [
        "null",
        "7",
        "[]",
        r#""x""#,
        "{}",
        r#"{"node_id":7}"#,
        r#"{"node_id":""}"#,
    ] {
        let value = format!(r#"{{"Addr":"h:1","Metadata":{metadata}}}"#);
        assert_eq!(
            read("connect-node/h:1", &value).unwrap().node_id,
            None,
            "{metadata}"
        );
    }
}

#[test]
fn plain_and_quoted_addresses_are_read_under_every_key_form() {
    for key in [
        "connect-node/connect-node-1",
        "/services/connect-node/h:1",
        "n",
    ] {
        for value in ["h:1", "h:1\n", r#""h:1""#] {
            assert_eq!(
                address_of(key, value).as_deref(),
                Ok("h:1"),
                "{key} {value}"
            );
        }
    }
}

#[test]
fn the_segment_is_all_after_the_last_slash_and_never_split_at_a_colon() {
    let read = read("/services/connect-node/eu:west:node:1", "[::1]:50052").unwrap();
    assert_eq!(read.segment, "eu:west:node:1");
    assert_eq!(read.address.as_str(), "[::1]:50052");
}

#[test]
fn an_empty_value_counts_if_the_key_ends_in_an_address() {
    assert_eq!(
        address_of("/services/connect-node/h:1", "").as_deref(),
        Ok("h:1")
    );
    assert_eq!(
        address_of("connect-node/node-1", ""),
        Err(Malformed::Address)
    );
}

#[test]
fn an_entry_marked_as_deleted_is_no_registration() {
    assert_eq!(
        read("connect-node/h:1", r#"{"Op":1,"Addr":"h:1"}"#),
        Err(Malformed::Deleted)
    );
}

#[test]
fn garbage_is_told_apart_by_reason() {
    let deep = format!(r#"{{"Metadata":{}"#, "[".repeat(10_000));
    let long_id = json!({"Addr": "h:1", "Metadata": {"node_id": "n".repeat(257)}}).to_string();
    for (value, why) in [
        ("{", Malformed::Json),
        ("{]", Malformed::Json),
        (r#"{"Addr":"h:1"} x"#, Malformed::Json),
        (r#"{"Addr":7}"#, Malformed::Json),
        (deep.as_str(), Malformed::Json),
        (r#""h:1"#, Malformed::Json),
        (r#"{"Op":2,"Addr":"h:1"}"#, Malformed::Op),
        (r#"{"Op":"0","Addr":"h:1"}"#, Malformed::Op),
        (r#"{"Op":-1,"Addr":"h:1"}"#, Malformed::Op),
        ("{}", Malformed::Address),
        (r#"{"Addr":""}"#, Malformed::Address),
        (r#"{"Addr":"no-port"}"#, Malformed::Address),
        ("null", Malformed::Address),
        ("50052", Malformed::Address),
        ("not an address", Malformed::Address),
        (long_id.as_str(), Malformed::NodeId),
        (
            r#"{"Addr":"h:1","Metadata":{"node_id":"a\u0000"}}"#,
            Malformed::NodeId,
        ),
    ] {
        assert_eq!(read("connect-node/n", value), Err(why), "{value:.60}");
    }
}

#[test]
fn values_over_the_limit_are_not_looked_into() {
    let value = vec![b'['; MAX_VALUE + 1];
    let got = decode(entry(b"connect-node/n", &value), MAX_VALUE);
    assert_eq!(got, Err(Malformed::TooLarge));
    let got = decode(entry(b"connect-node/n", b"\xff\xfe"), MAX_VALUE);
    assert_eq!(got, Err(Malformed::NotText));
}

#[test]
fn keys_that_cannot_name_a_node_are_refused_and_shown_escaped() {
    for key in [
        &b"connect-node/"[..],
        b"connect-node/a\nb",
        b"connect-node/\xff",
        b"",
    ] {
        assert_eq!(decode(entry(key, b"h:1"), MAX_VALUE), Err(Malformed::Key));
    }
    let long = [b'k'; MAX_KEY_BYTES + 1];
    assert_eq!(decode(entry(&long, b"h:1"), MAX_VALUE), Err(Malformed::Key));
    assert!(shown_key(&long).len() <= MAX_KEY_BYTES);
    assert_eq!(shown_key(b"connect-node/\xff"), r"connect-node/\xff");
}

#[test]
fn what_is_written_reads_back_in_gos_order_of_fields() {
    let address: Address = "[::1]:50053".parse().unwrap();
    let value = encode(&address, &json!({"instance_id": "i-1"}));
    assert_eq!(
        value,
        r#"{"Op":0,"Addr":"[::1]:50053","Metadata":{"instance_id":"i-1"}}"#
    );
    let read = read("push-manager/[::1]:50053", &value).unwrap();
    assert_eq!(
        (read.address, read.instance.as_deref()),
        (address, Some("i-1"))
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        key in prop::collection::vec(any::<u8>(), 0..80),
        value in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let shown = shown_key(&key);
        prop_assert!(shown.len() <= MAX_KEY_BYTES);
        drop(decode(entry(&key, &value), MAX_VALUE));
    }

    #[test]
    fn mangled_endpoints_never_panic_and_never_yield_a_bad_address(
        cut in 0usize..90,
        byte in any::<u8>(),
    ) {
        let mut value = br#"{"Op":0,"Addr":"10.0.0.1:50052","Metadata":{"node_id":"n","instance_id":"i"}}"#.to_vec();
        let at = cut % value.len();
        value[at] = byte;
        if let Ok(read) = decode(entry(b"connect-node/n", &value), MAX_VALUE) {
            prop_assert!(read.address.as_str().parse::<Address>().is_ok());
        }
    }
}
