//! The knobs that take one of a few words.

use std::fmt;

/// An enum whose values have names in the configuration.
pub(crate) trait Named: Copy + PartialEq + 'static {
    /// All values with their names, in the order to list them.
    const ALL: &'static [(&'static str, Self)];

    /// The name of this value.
    fn name(self) -> &'static str;
}

macro_rules! choice {
    ($(
        $(#[doc = $doc:literal])+
        $Name:ident { $( $(#[doc = $value_doc:literal])+ $Value:ident = $name:literal, )+ }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name { $( $(#[doc = $value_doc])+ $Value, )+ }

        impl Named for $Name {
            const ALL: &'static [(&'static str, Self)] = &[$( ($name, Self::$Value), )+];

            fn name(self) -> &'static str {
                match self { $( Self::$Value => $name, )+ }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )+};
}

choice! {
    /// Where the set of Connect-Nodes comes from.
    DiscoveryKind {
        /// Listed and watched in etcd.
        Etcd = "etcd",
        /// Named in the configuration.
        Static = "static",
        /// Filled by the process itself, for development.
        Memory = "memory",
    }

    /// How a push to a room finds its targets.
    Strategy {
        /// The members are listed and grouped by node.
        Members = "members",
        /// Nodes are asked to push to whoever of the room they have.
        Room = "room",
        /// The room form where it serves as well, else the members.
        Auto = "auto",
    }

    /// How log lines are written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}
