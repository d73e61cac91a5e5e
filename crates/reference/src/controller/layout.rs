//! How a place is written in etcd: the key names it, the value says the rest.
//!
//! Ids may hold any printable character, so slashes and percent signs in them are escaped.

use serde::{Deserialize, Serialize};

use super::rooms::Place;

/// What is stored beside the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) joined_at: i64,
}

/// `<prefix>/<room>/<user>/<node>`.
pub(crate) fn key(prefix: &str, place: &Place) -> String {
    let Place { room, user, node } = place;
    format!("{prefix}{}/{}/{}", escape(room), escape(user), escape(node))
}

/// The place that a key names; nothing when it isn't one of ours.
pub(crate) fn place(prefix: &str, key: &str) -> Option<Place> {
    let mut parts = key.strip_prefix(prefix)?.split('/');
    let mut part = || parts.next().map(unescape);
    let place = Place {
        room: part()?.into(),
        user: part()?.into(),
        node: part()?.into(),
    };
    parts.next().is_none().then_some(place)
}

fn escape(id: &str) -> String {
    id.replace('%', "%25").replace('/', "%2F")
}

fn unescape(part: &str) -> String {
    part.replace("%2F", "/").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_survives_the_way_through_a_key() {
        let place_in = Place {
            room: "a/b%2Fc".into(),
            user: "用户:1".into(),
            node: "10.0.0.1:5/%25".into(),
        };
        let key = key("controller/", &place_in);
        assert_eq!(place("controller/", &key), Some(place_in));
    }

    #[test]
    fn foreign_keys_are_not_places() {
        for foreign in ["controller/a/b", "controller/a/b/c/d", "other/a/b/c"] {
            assert_eq!(place("controller/", foreign), None, "{foreign}");
        }
    }
}
