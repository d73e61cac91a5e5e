//! Names of things: users, rooms, nodes, this instance, pushes.
//!
//! Ids are opaque; whether one is acceptable from a caller is decided in
//! [`crate::api`], not here.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id!(
    /// A user, on however many devices.
    UserId
);
text_id!(
    /// A room.
    RoomId
);
text_id!(
    /// A Connect-Node, as the Controller or the node's registration names it. May hold ':'.
    NodeId
);

/// This process, drawn at random when it starts; `MANAGER_ID` is only a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstanceId(u64);

impl InstanceId {
    /// Draws one.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A push: milliseconds, a counter within this process, and the instance, so
/// that ids sort by time and name their owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PushId {
    millis: u64,
    count: u32,
    instance: InstanceId,
}

impl fmt::Display for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:012x}-{:08x}-{}",
            self.millis, self.count, self.instance
        )
    }
}

impl fmt::Debug for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gives out push ids.
#[derive(Debug)]
pub struct PushIds {
    instance: InstanceId,
    count: AtomicU32,
}

impl PushIds {
    /// Ids that name this instance.
    pub fn new(instance: InstanceId) -> Self {
        Self {
            instance,
            count: AtomicU32::new(0),
        }
    }

    /// The next id.
    pub fn next(&self) -> PushId {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        PushId {
            millis: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            count: self.count.fetch_add(1, Ordering::Relaxed),
            instance: self.instance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_ids_differ_sort_by_time_and_name_the_instance() {
        let instance = InstanceId::random();
        let ids = PushIds::new(instance);
        let (first, second) = (ids.next().to_string(), ids.next().to_string());
        assert!(first < second, "{first} before {second}");
        assert!(first.ends_with(&instance.to_string()));
    }
}
