//! One controller a scope: what is to be reconciled when, how many at a time, and what is noted
//! of each.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all};
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::{self, Action, Controller},
        reflector::ObjectRef,
        watcher,
    },
};
use tokio::{
    sync::mpsc,
    time::{Instant, interval, timeout},
};
use tokio_stream::wrappers::{ReceiverStream, WatchStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{FINISH_WITHIN, Run};
use crate::{
    http::Pages,
    live::Place,
    reconcile::{Context, Failure, Guarded, reconcile},
};

/// What happens to one PushManager in so short a time is looked at once.
const GATHER: Duration = Duration::from_millis(200);
/// How often what is gone is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// How often the cluster is asked for the kinds that it may lack.
const KINDS_EVERY: Duration = Duration::from_mins(2);

#[allow(clippy::too_many_arguments, reason = "the wiring of everything, once")]
pub(super) async fn run(
    context: &Arc<Context>,
    scopes: &[Option<String>],
    news: Vec<mpsc::Receiver<Place>>,
    run: &Run,
    pages: &Pages,
    tasks: &TaskTracker,
    stop: CancellationToken,
    ended: &CancellationToken,
) {
    let controllers: Vec<_> = scopes
        .iter()
        .zip(news)
        .map(|(scope, news)| controller(context, scope.as_deref(), news, run, &stop))
        .collect();
    let stores: Vec<_> = controllers.iter().map(Controller::store).collect();
    drop(pages.stores.set(stores.clone()));
    tasks.spawn(
        ended
            .clone()
            .run_until_cancelled_owned(upkeep(context.clone(), stores)),
    );
    let running = controllers.into_iter().map(|controller| {
        let results = controller.run(observed, pause, context.clone());
        results.for_each(async |result| note(result.map(drop)))
    });
    let mut all = Box::pin(join_all(running));
    let ending = async {
        stop.cancelled().await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        _ = &mut all => {}
        () = ending => tracing::warn!("a reconcile did not end in time"),
    }
}

fn controller(
    context: &Context,
    scope: Option<&str>,
    news: mpsc::Receiver<Place>,
    run: &Run,
    stop: &CancellationToken,
) -> Controller<Guarded> {
    let api: Api<Guarded> = match scope {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    };
    let config = controller::Config::default()
        .concurrency(run.concurrency)
        .debounce(GATHER);
    let of_children =
        ReceiverStream::new(news).map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
    let of_kinds = WatchStream::from_changes(context.kinds.changes()).map(drop);
    Controller::new(api, watcher::Config::default())
        .with_config(config)
        .reconcile_on(of_children)
        .reconcile_all_on(of_kinds)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
}

async fn observed(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failure> {
    let began = Instant::now();
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    let span = tracing::info_span!("reconcile", push_manager = %name, %namespace);
    let outcome = reconcile(object, context.clone()).instrument(span).await;
    let failed = outcome.as_ref().err().and_then(Failure::reason);
    context.metrics.reconciled(began.elapsed(), failed);
    match &outcome {
        Ok(_) => context.backoffs.succeeded(&(namespace, name)),
        Err(Failure::Waiting(what)) => tracing::debug!(namespace, name, what, "waiting"),
        Err(error) => tracing::warn!(namespace, name, %error, "a reconcile failed"),
    }
    outcome
}

#[allow(clippy::needless_pass_by_value, reason = "as the controller calls it")]
fn pause(object: Arc<Guarded>, failure: &Failure, context: Arc<Context>) -> Action {
    let place = (object.namespace().unwrap_or_default(), object.name_any());
    let least = failure.retry_after();
    Action::requeue(context.backoffs.pause(place, least, rand::random()))
}

fn note<T>(result: Result<T, controller::Error<Failure, watcher::Error>>) {
    match result {
        // Logged where it failed; an object that is gone needs nothing.
        Ok(_)
        | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(
            %error,
            "PushManagers can't be watched; is their definition installed, and may the operator's \
             account watch them?"
        ),
    }
}

/// Forgets what is gone, and asks for kinds anew.
async fn upkeep(context: Arc<Context>, stores: Vec<kube::runtime::reflector::Store<Guarded>>) {
    let mut sweep = interval(SWEEP_EVERY);
    let mut kinds = interval(KINDS_EVERY);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                let uid = |uid: &str, object: &Guarded| object.uid().as_deref() == Some(uid);
                context.told.keep_only(|it| stores.iter().any(|store| store.find(|o| uid(it, o)).is_some()));
                context.backoffs.keep_only(|(namespace, name)| {
                    let object = ObjectRef::new(name).within(namespace);
                    stores.iter().any(|store| store.get(&object).is_some())
                });
            }
            _ = kinds.tick() => {
                let refreshed = context.kinds.refresh(&context.client);
                drop(timeout(SWEEP_EVERY, refreshed).await);
            }
        }
    }
}
