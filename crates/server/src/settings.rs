//! From the configuration's sections to the settings that each part takes. Pure.

use push_manager_config::Config;

use crate::{
    channel::ChannelSettings,
    delivery::{DeliverySettings, Policy},
    discovery::etcd::{EtcdAccess, EtcdSettings},
    locate::ControllerSettings,
    pipeline::PipelineSettings,
    pool::{PoolSettings, QueueLimits},
};

/// How connections to nodes and the Controller are made.
pub fn channel(config: &Config) -> ChannelSettings {
    ChannelSettings {
        connect_timeout: config.pool.connect_timeout,
        tcp_keepalive: config.pool.tcp_keepalive,
    }
}

/// How etcd is reached.
pub fn etcd_access(config: &Config) -> EtcdAccess {
    let etcd = &config.etcd;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    EtcdAccess {
        endpoints: etcd.endpoints.clone(),
        username: given(&etcd.username),
        password: given(etcd.password.expose()),
        dial_timeout: etcd.dial_timeout,
        request_timeout: etcd.receive_deadline,
        backoff_max: etcd.backoff_max,
    }
}

/// What discovery reads in etcd.
pub fn etcd(config: &Config) -> EtcdSettings {
    EtcdSettings {
        access: etcd_access(config),
        prefixes: config.discovery.prefixes.clone(),
        progress_interval: config.etcd.progress_interval,
        receive_deadline: config.etcd.receive_deadline,
        max_value: config.discovery.max_value,
    }
}

/// The pool's limits.
pub fn pool(config: &Config) -> PoolSettings {
    PoolSettings {
        connections_per_node: config.pool.connections_per_node,
        channel: channel(config),
        grace: config.discovery.grace,
        queue: QueueLimits {
            items: config.fanout.queue_items,
            bytes: config.fanout.queue_bytes,
        },
    }
}

/// The lanes' limits.
pub fn delivery(config: &Config) -> DeliverySettings {
    let fanout = &config.fanout;
    DeliverySettings {
        concurrency: fanout.concurrency,
        queue_items: fanout.queue_items,
        queue_bytes: fanout.queue_bytes,
        close_grace: config.pool.close_grace,
        policy: Policy {
            retries: u32::try_from(fanout.retries).unwrap_or(u32::MAX),
            retry_unacknowledged: fanout.retry_unacknowledged,
        },
    }
}

/// The Controller's address and limits.
pub fn controller(config: &Config) -> ControllerSettings {
    let controller = &config.controller;
    ControllerSettings {
        address: controller.address.clone(),
        timeout: controller.timeout,
        concurrency: controller.concurrency,
        max_message: controller.max_message,
        channel: channel(config),
    }
}

/// The policy's settings.
pub fn pipeline(config: &Config) -> PipelineSettings {
    PipelineSettings {
        strategy: config.routing.strategy,
        chunk: config.fanout.chunk,
        node_deadline: config.fanout.deadline,
        concurrent_targets: config.limits.concurrent_targets,
    }
}
