//! The running operator: the only place that wires its parts, starts them and stops them in order.

mod following;
mod scope;
mod upkeep;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::try_join_all;
use kube::Client;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backoff::Backoffs,
    contest::Contests,
    events::Events,
    http::{self, Pages},
    kinds::KnownKinds,
    lease::{Candidate, Lost},
    live::LiveObjects,
    metrics::Metrics,
    names::OPERATOR,
    pods::Complaints,
    reconcile::{Context, Options},
    told::Told,
};

/// Reconciles that are at work, and tasks, have so long to end.
const FINISH_WITHIN: Duration = Duration::from_secs(15);

/// How to run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The namespaces whose PushManagers are reconciled; none means all.
    pub namespaces: Vec<String>,
    /// Where images of versions are.
    pub image_repository: String,
    /// PushManagers that are reconciled at a time.
    pub concurrency: u16,
    /// Where metrics and health are served; nothing = nowhere.
    pub http_address: Option<SocketAddr>,
    /// The namespace of the Lease; nothing = no election: this is the only operator.
    pub lease_namespace: Option<String>,
    /// What no other operator is called.
    pub identity: String,
}

/// Why the operator ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No listener.
    #[error("listening on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The metrics could not be made.
    #[error("setting up metrics")]
    Metrics(#[from] prometheus::Error),
    /// Another may be at work by now.
    #[error("leadership ended")]
    Lost(#[from] Lost),
    /// Something that must go on for ever ended; a new start is the way out.
    #[error("the watch of {0} ended")]
    WatchEnded(&'static str),
}

/// Runs until `stop`; then ends what is at work, and gives the Lease back.
pub async fn run(client: Client, run: Run, stop: CancellationToken) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::new()?);
    let pages = Pages {
        metrics: metrics.clone(),
        ready: Arc::new(AtomicBool::new(false)),
        live: Arc::new(LiveObjects::default()),
        stores: http::Stores::default(),
    };
    let tasks = TaskTracker::new();
    let ended = CancellationToken::new();
    if let Some(address) = run.http_address {
        serve(address, pages.clone(), &tasks, ended.clone()).await?;
    }
    let outcome = Box::pin(lead(client, run, pages, &tasks, stop, &ended)).await;
    ended.cancel();
    tasks.close();
    // What does not end is cut when the process ends.
    drop(tokio::time::timeout(FINISH_WITHIN, tasks.wait()).await);
    outcome
}

/// Works once it leads, and no longer than it does.
async fn lead(
    client: Client,
    run: Run,
    pages: Pages,
    tasks: &TaskTracker,
    stop: CancellationToken,
    ended: &CancellationToken,
) -> Result<(), RunError> {
    let Some(namespace) = run.lease_namespace.clone() else {
        return work(client, run, pages, tasks, stop, ended).await;
    };
    let candidate = Candidate::new(client.clone(), &namespace, OPERATOR, &run.identity);
    let ready = pages.ready.clone();
    let leading = candidate.lead(|reached| ready.store(reached, Ordering::Relaxed));
    let Some(leadership) = stop.run_until_cancelled(leading).await else {
        return Ok(());
    };
    let leader = pages.metrics.leader.clone();
    leader.set(1);
    let working = async {
        let outcome = work(client, run, pages, tasks, stop, ended).await;
        leader.set(0);
        outcome
    };
    leadership.during(working).await
}

async fn work(
    client: Client,
    run: Run,
    pages: Pages,
    tasks: &TaskTracker,
    stop: CancellationToken,
    ended: &CancellationToken,
) -> Result<(), RunError> {
    let context = Arc::new(context(client, &run, &pages));
    let refreshed = context.kinds.refresh(&context.client);
    if stop.run_until_cancelled(refreshed).await.is_none() {
        return Ok(());
    }
    pages.ready.store(true, Ordering::Relaxed);
    let scopes = scope::scopes(&run.namespaces);
    tracing::info!(namespaces = ?run.namespaces, "leading or alone: starting");
    let upkeep = upkeep::run(context.clone(), pages.stores.clone());
    tasks.spawn(ended.clone().run_until_cancelled_owned(upkeep));
    let running = scopes
        .into_iter()
        .map(|scope| scope::run(&context, scope, run.concurrency, &pages, &stop));
    // The first fault ends all: a new start is the way out.
    try_join_all(running).await.map(drop)
}

fn context(client: Client, run: &Run, pages: &Pages) -> Context {
    Context {
        events: Events::new(client.clone(), &run.identity),
        client,
        options: Options {
            image_repository: run.image_repository.clone(),
        },
        live: pages.live.clone(),
        pods: Arc::new(Complaints::default()),
        kinds: Arc::new(KnownKinds::default()),
        metrics: pages.metrics.clone(),
        contests: Contests::default(),
        at_work: Arc::new(Semaphore::new(run.concurrency.into())),
        backoffs: Backoffs::default(),
        told: Told::default(),
    }
}

async fn serve(
    address: SocketAddr,
    pages: Pages,
    tasks: &TaskTracker,
    ended: CancellationToken,
) -> Result<(), RunError> {
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|source| RunError::Listen { address, source })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "metrics and health");
    }
    let server = axum::serve(listener, http::routes(pages));
    tasks.spawn(async move {
        if let Err(error) = server.with_graceful_shutdown(ended.cancelled_owned()).await {
            tracing::error!(%error, "metrics and health are served no more");
        }
    });
    Ok(())
}
