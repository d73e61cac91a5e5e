//! Claims about the set of nodes; [`history`] holds the random ones.

mod history;

use super::*;

const GRACE: Duration = Duration::from_secs(30);

/// The set by id; true for who lingers.
type Shadow = BTreeMap<NodeId, (NodeSpec, bool)>;

fn key(number: u8) -> String {
    format!("connect-node/node-{number}")
}

fn id(number: u8) -> NodeId {
    NodeId::new(format!("node-{number}"))
}

fn address(number: u8) -> Address {
    format!("10.0.0.1:{}", 5000 + u16::from(number))
        .parse()
        .unwrap()
}

fn registration(
    key_number: u8,
    id_number: Option<u8>,
    address_number: u8,
    instance: Option<u8>,
    revision: i64,
) -> Registration {
    Registration {
        key: key(key_number),
        segment: format!("node-{key_number}"),
        address: address(address_number),
        node_id: id_number.map(id),
        instance: instance.map(|number| number.to_string()),
        created: revision,
        revision,
    }
}

fn shown(registry: &Registry) -> Shadow {
    let members = registry.members();
    members
        .map(|(spec, lingers)| (spec.id.clone(), (spec.clone(), lingers)))
        .collect()
}

#[test]
fn a_removed_node_with_a_live_connection_stays_for_its_grace() {
    let mut registry = Registry::new(GRACE);
    let now = Instant::now();
    let listed = |registrations| Event::Listed {
        revision: 1,
        registrations,
    };
    let one = registration(0, Some(0), 0, None, 1);
    registry.apply(listed(vec![one.clone()]), now, |_| true);
    let changes = registry.apply(listed(Vec::new()), now, |_| true);
    assert_eq!(changes, [Change::Lingering(id(0))]);
    assert_eq!(registry.next_expiry(), Some(now + GRACE));
    let back = registry.apply(listed(vec![one]), now, |_| true);
    assert_eq!(back, [Change::Returned(id(0))], "not added anew");
    assert_eq!(registry.next_expiry(), None);
}

#[test]
fn a_lingering_node_goes_with_its_last_connection() {
    let mut registry = registry_of(&[registration(0, Some(0), 0, None, 1)]);
    let now = Instant::now();
    registry.apply(removed(0, 2), now, |_| true);
    assert!(registry.expire(now, |_| true).is_empty());
    assert_eq!(registry.expire(now, |_| false), [Change::Removed(id(0))]);
}

#[test]
fn nothing_is_removed_while_the_source_is_away() {
    let one = registration(0, Some(0), 0, None, 1);
    let two = registration(1, Some(1), 1, None, 2);
    let mut registry = registry_of(&[one, two]);
    let now = Instant::now();
    registry.apply(removed(0, 3), now, |_| true);
    let why = "killed".to_owned();
    registry.apply(Event::Away { why }, now, |_| true);
    let later = now + 10 * GRACE;
    assert_eq!(registry.next_expiry(), None);
    assert!(registry.expire(later, |_| false).is_empty());
    assert!(registry.apply(removed(1, 4), later, |_| false).is_empty());
    assert_eq!(registry.members().count(), 2);
}

#[test]
fn a_put_older_than_what_is_known_changes_nothing() {
    let now = Instant::now();
    let stale = |revision| Event::Put {
        registration: registration(0, Some(0), 3, None, revision),
    };
    let mut registry = registry_of(&[registration(0, Some(0), 0, None, 5)]);
    assert!(
        registry.apply(stale(4), now, |_| true).is_empty(),
        "older than the key"
    );
    registry.apply(removed(0, 8), now, |_| false);
    assert!(
        registry.apply(stale(7), now, |_| true).is_empty(),
        "older than its removal"
    );
    let mut empty = registry_of(&[]);
    assert!(
        empty.apply(stale(1), now, |_| true).is_empty(),
        "older than the list"
    );
}

#[test]
fn the_newest_of_two_registrations_with_one_address_names_the_node() {
    let old = registration(0, Some(0), 0, None, 1);
    let new = registration(1, Some(1), 0, None, 2);
    let registry = registry_of(&[old, new]);
    let (spec, _) = registry.members().next().unwrap();
    assert_eq!(spec.id, id(1));
    assert_eq!(
        spec.named,
        BTreeSet::from([id(0), id(1)]),
        "it answers to both"
    );
    assert_eq!(registry.members().count(), 1);
}

#[test]
fn the_newest_of_two_registrations_with_one_id_is_the_node() {
    let old = registration(0, Some(0), 0, None, 1);
    let new = registration(1, Some(0), 1, None, 2);
    let mut registry = Registry::new(GRACE);
    let listed = Event::Listed {
        revision: 2,
        registrations: vec![old, new],
    };
    let changes = registry.apply(listed.clone(), Instant::now(), |_| true);
    let (key, id) = (key(0), id(0));
    let duplicate = Change::Duplicate {
        key,
        revision: 1,
        id,
    };
    assert!(changes.contains(&duplicate));
    assert_eq!(
        shown(&registry).values().next().unwrap().0.address,
        address(1)
    );
    let again = registry.apply(listed, Instant::now(), |_| true);
    assert!(again.is_empty(), "told once");
}

#[test]
fn a_new_instance_at_the_same_address_is_another_node() {
    let mut registry = registry_of(&[registration(0, Some(0), 0, Some(1), 1)]);
    let now = Instant::now();
    let put = |instance, revision| Event::Put {
        registration: registration(0, Some(0), 0, instance, revision),
    };
    assert!(registry.apply(put(Some(1), 2), now, |_| true).is_empty());
    let changes = registry.apply(put(Some(2), 3), now, |_| true);
    assert!(matches!(&changes[..], [Change::Added(_)]), "{changes:?}");
}

fn registry_of(registrations: &[Registration]) -> Registry {
    let mut registry = Registry::new(GRACE);
    let listed = Event::Listed {
        revision: registrations
            .iter()
            .map(|found| found.revision)
            .max()
            .unwrap_or(1),
        registrations: registrations.to_vec(),
    };
    registry.apply(listed, Instant::now(), |_| true);
    registry
}

fn removed(number: u8, revision: i64) -> Event {
    Event::Removed {
        key: key(number),
        revision,
    }
}
