//! The running operator: the only place that wires its parts, starts them and stops them in order.

mod controllers;
mod following;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::Client;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backoff::Backoffs,
    events::Events,
    http::{self, Pages},
    kinds::KnownKinds,
    lease::{Candidate, Leadership, Lost},
    live::LiveObjects,
    metrics::Metrics,
    names::OPERATOR,
    pods::Complaints,
    reconcile::{Context, Options},
    told::Told,
};

/// Reconciles that are at work have so long to end.
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
    /// The API server did not list what must be known first.
    #[error(
        "the API server did not list {0} in time; may the operator's account list and watch it?"
    )]
    NotListed(String),
}

/// Runs until `stop`; then ends what is at work, and gives the Lease back.
pub async fn run(client: Client, run: Run, stop: CancellationToken) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::new()?);
    let pages = Pages {
        metrics: metrics.clone(),
        ready: Arc::new(AtomicBool::new(false)),
        live: Arc::new(LiveObjects::default()),
        stores: Arc::default(),
    };
    let tasks = TaskTracker::new();
    let ended = CancellationToken::new();
    if let Some(address) = run.http_address {
        serve(address, pages.clone(), &tasks, ended.clone()).await?;
    }
    let outcome = lead_and_work(client, run, pages, &tasks, stop, &ended).await;
    ended.cancel();
    tasks.close();
    // What does not end is cut when the process ends.
    drop(tokio::time::timeout(FINISH_WITHIN, tasks.wait()).await);
    outcome
}

async fn lead_and_work(
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
    let metrics = pages.metrics.clone();
    metrics.leader.set(1);
    let done = CancellationToken::new();
    let outcome = tokio::select! {
        lost = Leadership::keep(leadership, done.clone()) => Err(match lost {
            Err(lost) => RunError::Lost(lost),
            Ok(()) => return Ok(()),
        }),
        // Boxed: it holds whole controllers.
        outcome = Box::pin(work_then(work(client, run, pages, tasks, stop, ended), &done)) => outcome,
    };
    metrics.leader.set(0);
    outcome
}

/// Works, then waits until the Lease is given back, which ends the race that this is in.
async fn work_then(
    work: impl Future<Output = Result<(), RunError>>,
    done: &CancellationToken,
) -> Result<(), RunError> {
    let outcome = work.await;
    done.cancel();
    match outcome {
        Ok(()) => std::future::pending().await,
        Err(error) => Err(error),
    }
}

async fn work(
    client: Client,
    run: Run,
    pages: Pages,
    tasks: &TaskTracker,
    stop: CancellationToken,
    ended: &CancellationToken,
) -> Result<(), RunError> {
    let context = Arc::new(Context {
        events: Events::new(client.clone(), &run.identity),
        client,
        options: Options {
            image_repository: run.image_repository.clone(),
        },
        live: pages.live.clone(),
        pods: Arc::new(Complaints::default()),
        kinds: Arc::new(KnownKinds::default()),
        metrics: pages.metrics.clone(),
        backoffs: Backoffs::default(),
        told: Told::default(),
    });
    context.kinds.refresh(&context.client).await;
    let scopes = following::scopes(&run.namespaces);
    let mut news = Vec::new();
    let following = async {
        for scope in &scopes {
            news.push(following::follow(&context, scope.clone(), tasks, ended).await?);
        }
        Ok::<_, RunError>(())
    };
    match stop.run_until_cancelled(following).await {
        None => return Ok(()),
        Some(listed) => listed?,
    }
    pages.ready.store(true, Ordering::Relaxed);
    tracing::info!(namespaces = ?run.namespaces, "reconciling");
    controllers::run(&context, &scopes, news, &run, &pages, tasks, stop, ended).await;
    Ok(())
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
