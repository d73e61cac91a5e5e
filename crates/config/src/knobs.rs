//! The knobs themselves: one declaration each, nothing else to touch when one is added.
//!
//! A declaration is a doc comment, optional marks (`@env`, `@mark(reloadable)`, `@mark(secret)`),
//! then `name: Type = default, rule;`. The doc comment is also the reference's text.

use std::marker::PhantomData;
use std::time::Duration;

use crate::choice::{DiscoveryKind, LogFormat, Strategy};
use crate::declare::declare;
use crate::knob::{Knob, Marks};
use crate::rule::{
    self, Bytes, Count, EtcdEndpoint, Flag, Host, HostPort, List, LogLevel, Name, Password, Port,
    Prefix, Ratio, Rule, Span, StaticNode, Text, Url, Word, kind_of,
};
use crate::secret::Secret;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// The shortest wait that is still a wait.
const INSTANT: Duration = ms(10);
const NONE: Duration = Duration::ZERO;

declare! {
    /// Who this instance is.
    manager: Manager {
        /// A name for people, shown in logs and traces. It need not be unique: each start draws a random instance id.
        @env("MANAGER_ID")
        id: String = "push-manager-1".to_owned(), Name { max: 253 };
    }

    /// The push API.
    grpc: Grpc {
        /// The address that the push API listens on.
        host: String = "0.0.0.0".to_owned(), Host;
        /// The port that the push API listens on.
        @env("GRPC_PORT")
        port: u16 = 50053, Port;
    }

    /// Metrics and health over HTTP.
    metrics: Metrics {
        /// The address that `/metrics`, `/healthz` and `/readyz` listen on.
        host: String = "0.0.0.0".to_owned(), Host;
        /// The port that `/metrics`, `/healthz` and `/readyz` listen on.
        @env("METRICS_PORT")
        port: u16 = 9093, Port;
    }

    /// The admin API.
    admin: Admin {
        /// Whether the admin API is served at all.
        enabled: bool = true, Flag;
        /// Where the admin API listens. Whoever calls from loopback needs no token; an address that others reach needs one. While this is the default and taken, a free port is used instead.
        @env("ADMIN_ADDRESS")
        address: String = "127.0.0.1:50054".to_owned(), HostPort { zero: true };
        /// The token of those who may see everything and change nothing. Nothing = no such role from elsewhere than loopback.
        @env("ADMIN_READ_TOKEN") @mark(secret)
        read_token: Secret = Secret::default(), Password;
        /// The token of those who may also act: drain nodes, change settings. Nothing = no such role from elsewhere than loopback.
        @env("ADMIN_OPERATE_TOKEN") @mark(secret)
        operate_token: Secret = Secret::default(), Password;
        /// The share of all nodes that must stay usable: draining or ejecting a node that would leave fewer is refused.
        least_usable_ratio: f64 = 0.5, Ratio;
    }

    /// How others reach this instance.
    advertise: Advertise {
        /// The address registered in etcd, with or without a port (then that of the push API). Nothing = the first address that isn't loopback.
        @env("ADVERTISE_ADDRESS")
        address: String = String::new(), rule::Advertise;
    }

    /// The Controller-Manager, which knows who is in which room and where.
    controller: Controller {
        /// Where the Controller-Manager is.
        @env("CONTROLLER_ADDRESS")
        address: String = "localhost:50051".to_owned(), HostPort { zero: false };
        /// How long one call may take.
        timeout: Duration = secs(2), Span { min: INSTANT, max: secs(60) };
        /// Calls in flight at once; further ones wait within their push's time.
        concurrency: usize = 64, Count { min: 1, max: 10_000, of: "calls in flight" };
        /// The largest answer taken, e.g. the members of a large room.
        max_message: usize = 100 * MIB, Bytes { min: 64 * KIB, max: GIB };
        /// How long a user's place is remembered; 0 asks each time.
        user_cache_ttl: Duration = secs(1), Span { min: NONE, max: mins(5) };
        /// How many users' places are remembered; 0 remembers none.
        user_cache_entries: usize = 100_000, Count { min: 0, max: 10_000_000, of: "users" };
    }

    /// The connection to etcd.
    etcd: Etcd {
        /// Where etcd is; the first that answers is used. An http:// before an entry is taken and dropped.
        @env("ETCD_ENDPOINTS")
        endpoints: Vec<String> = vec!["localhost:2379".to_owned()], List { item: EtcdEndpoint, min: 1, max: 32 };
        /// The user to sign in as; nothing = without signing in.
        @env("ETCD_USERNAME")
        username: String = String::new(), Text;
        /// That user's password.
        @env("ETCD_PASSWORD") @mark(secret)
        password: Secret = Secret::default(), Password;
        /// How long connecting to one endpoint may take.
        dial_timeout: Duration = secs(3), Span { min: INSTANT, max: secs(60) };
        /// How often the watch asks etcd for a sign of progress.
        progress_interval: Duration = secs(5), Span { min: INSTANT, max: mins(5) };
        /// How long the watch may stay silent before it is opened anew, elsewhere if need be. More than `etcd.progress_interval`.
        receive_deadline: Duration = secs(12), Span { min: INSTANT, max: mins(15) };
        /// The longest pause between two attempts to reach etcd.
        backoff_max: Duration = secs(1), Span { min: INSTANT, max: mins(5) };
    }

    /// Where the set of Connect-Nodes comes from.
    discovery: Discovery {
        /// The source: watched in etcd, named in `discovery.nodes`, or filled by the process itself.
        kind: DiscoveryKind = DiscoveryKind::Etcd, Word::<DiscoveryKind>(PhantomData);
        /// The etcd prefixes that nodes register under; all are read.
        prefixes: Vec<String> = vec!["connect-node/".to_owned(), "/services/connect-node/".to_owned()], List { item: Prefix, min: 1, max: 16 };
        /// The nodes when `discovery.kind` is static. Without an id, the address is the id.
        nodes: Vec<String> = Vec::new(), List { item: StaticNode, min: 0, max: 10_000 };
        /// How long a node that left etcd is still used while its connection lives.
        grace: Duration = secs(30), Span { min: NONE, max: mins(60) };
        /// The largest etcd value read; a larger one is skipped and counted.
        max_value: usize = 64 * KIB, Bytes { min: KIB, max: MIB };
    }

    /// This instance's own entry in etcd.
    registration: Registration {
        /// Whether to register at all; only with etcd discovery.
        enabled: bool = true, Flag;
        /// The etcd prefix to register under.
        prefix: String = "push-manager/".to_owned(), Prefix;
        /// How long the entry outlives an instance that died.
        ttl: Duration = secs(10), Span { min: secs(2), max: mins(10) };
    }

    /// Connections to Connect-Nodes.
    pool: Pool {
        /// Connections to each node, opened on first use.
        connections_per_node: usize = 1, Count { min: 1, max: 64, of: "connections" };
        /// How long connecting to a node may take.
        connect_timeout: Duration = secs(2), Span { min: INSTANT, max: secs(60) };
        /// Silence after which TCP probes a connection.
        tcp_keepalive: Duration = secs(15), Span { min: secs(1), max: mins(120) };
        /// How long calls in flight may go on when their connection is to close.
        close_grace: Duration = secs(5), Span { min: NONE, max: mins(5) };
    }

    /// How a push is handed to the nodes.
    fanout: Fanout {
        /// Calls in flight to one node.
        concurrency: usize = 16, Count { min: 1, max: 1024, of: "calls in flight to one node" };
        /// How long one node has for its part of a push, waiting included.
        deadline: Duration = secs(5), Span { min: INSTANT, max: mins(5) };
        /// Users named in one call; more are split over several.
        chunk: usize = 5000, Count { min: 1, max: 100_000, of: "users a call" };
        /// Calls that may wait for one node; beyond, its targets are refused at once.
        queue_items: usize = 10_000, Count { min: 1, max: 1_000_000, of: "calls waiting for one node" };
        /// Bytes that may wait for one node; beyond, its targets are refused at once.
        queue_bytes: usize = 32 * MIB, Bytes { min: 64 * KIB, max: 4 * GIB };
        /// Further attempts of a call that certainly was not sent.
        retries: usize = 2, Count { min: 0, max: 10, of: "attempts after the first" };
        /// Whether a call without an answer is tried again too. People may then see a message twice.
        retry_unacknowledged: bool = false, Flag;
    }

    /// How the targets of a push are found.
    routing: Routing {
        /// Rooms by their members, by the nodes' room form, or whichever serves best.
        strategy: Strategy = Strategy::Members, Word::<Strategy>(PhantomData);
    }

    /// What a caller may ask for.
    limits: Limits {
        /// The longest id of a user or room.
        @mark(reloadable)
        max_id: usize = 256, Bytes { min: 1, max: 4 * KIB };
        /// The largest data or payload of a message.
        @mark(reloadable)
        max_data: usize = MIB, Bytes { min: 1, max: GIB };
        /// Users that a push to a room may exclude.
        @mark(reloadable)
        max_excludes: usize = 10_000, Count { min: 0, max: 1_000_000, of: "users" };
        /// The largest request taken, all of it.
        max_message: usize = 8 * MIB, Bytes { min: KIB, max: GIB };
        /// Pushes at work at once; beyond, they are refused with a hint when to try again.
        @mark(reloadable)
        concurrent_pushes: usize = 4096, Count { min: 1, max: 1_000_000, of: "pushes" };
        /// Room members that pushes at work may address at once, all together; beyond, pushes wait, then are refused. One push over it goes alone.
        concurrent_targets: usize = 2_000_000, Count { min: 1, max: 1_000_000_000, of: "users" };
        /// How long a request may take in all.
        request_timeout: Duration = secs(30), Span { min: INSTANT, max: mins(60) };
        /// Requests open at once on one caller's connection.
        concurrent_streams: usize = 1024, Count { min: 1, max: 1_000_000, of: "requests on one connection" };
        /// How old a caller's connection may become before it is asked to make another one, so that instances that came later get callers too; 0 = as old as it likes. Requests that are open then are answered.
        connection_age: Duration = NONE, Span { min: NONE, max: mins(60) };
        /// Silence after which a caller's connection is probed.
        keepalive_interval: Duration = secs(30), Span { min: secs(1), max: mins(120) };
        /// How long a probe may stay unanswered before the connection is closed.
        keepalive_timeout: Duration = secs(10), Span { min: ms(100), max: mins(10) };
    }

    /// Shutting down without losing a push.
    drain: Drain {
        /// How long to serve on after saying "not ready", so that callers turn elsewhere.
        notice: Duration = secs(5), Span { min: NONE, max: mins(10) };
        /// How long pushes at work have to end before connections are closed on them.
        timeout: Duration = secs(20), Span { min: NONE, max: mins(60) };
    }

    /// Log lines.
    log: Log {
        /// Which lines are written: a level, or levels for targets.
        @env("LOG_LEVEL") @mark(reloadable)
        level: String = "info".to_owned(), LogLevel;
        /// How lines are written: for people, or as JSON.
        @env("LOG_FORMAT")
        format: LogFormat = LogFormat::Text, Word::<LogFormat>(PhantomData);
    }

    /// Traces over OTLP. The OTEL_* variables keep their standard meaning.
    tracing: Tracing {
        /// The collector's OTLP/gRPC endpoint. Nothing = no traces, unless OTEL_EXPORTER_OTLP_ENDPOINT is set.
        endpoint: String = String::new(), Url;
        /// The name that traces carry.
        service_name: String = "push-manager".to_owned(), Name { max: 253 };
        /// The share of traces begun here that is recorded.
        sample_ratio: f64 = 1.0, Ratio;
    }
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn mins(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::given::Given;

    #[test]
    fn every_default_is_within_its_own_bounds() {
        for knob in knobs() {
            let mut config = Config::default();
            let text = Given::Text(knob.default_text());
            assert_eq!((knob.set)(&mut config, &text), Ok(()), "{}", knob.key);
            assert_eq!(config, Config::default(), "{}", knob.key);
        }
    }

    #[test]
    fn no_two_knobs_share_a_key_or_a_variable() {
        let mut names = BTreeSet::new();
        for knob in knobs() {
            assert!(names.insert(knob.key.to_owned()), "{}", knob.key);
            assert!(names.insert(knob.pm_env()), "{}", knob.key);
            if let Some(env) = knob.env {
                assert!(names.insert(env.to_owned()), "{env}");
            }
        }
    }

    #[test]
    fn every_knob_says_what_it_does_and_takes() {
        for knob in knobs() {
            assert!(knob.doc().ends_with('.'), "{}", knob.key);
            assert!(!knob.expected().is_empty(), "{}", knob.key);
        }
    }
}
