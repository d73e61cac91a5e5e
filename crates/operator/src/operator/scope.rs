//! One scope, a namespace or all of them: its watches and its controller. A scope that can't be
//! listed keeps no other from its work.

use std::sync::Arc;

use futures::StreamExt;
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        controller::{self, Action, Controller},
        reflector::{self, ObjectRef},
        watcher,
    },
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::{ReceiverStream, WatchStream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{FINISH_WITHIN, RunError, following::Following};
use crate::{
    http::Pages,
    live::Place,
    reconcile::{Context, Failure, Guarded, reconcile},
};

/// Each namespace by itself, or all at once.
pub(super) fn scopes(namespaces: &[String]) -> Vec<Option<String>> {
    let mut scopes: Vec<Option<String>> = Vec::new();
    for namespace in namespaces.iter().map(|name| name.trim()) {
        let scope = Some(namespace.to_owned());
        // Twice the same would be two controllers of the same objects.
        if !namespace.is_empty() && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return vec![None];
    }
    scopes
}

/// Reconciles one scope until `stop`.
pub(super) async fn run(
    context: &Arc<Context>,
    scope: Option<String>,
    concurrency: u16,
    pages: &Pages,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let mut following = Following::start(context, scope.clone());
    if stop.run_until_cancelled(following.listed()).await.is_none() {
        return Ok(());
    }
    let (news, mut watches) = following.split();
    let controller = controller(context, scope.as_deref(), news, concurrency, stop);
    pages.add(controller.store());
    tracing::info!(namespace = scope.as_deref().unwrap_or("all"), "reconciling");
    let results = controller.run(observed, pause, context.clone());
    let running = results.for_each(async |result| note(result.map(drop)));
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    tokio::select! {
        () = running => Ok(()),
        () = late => {
            tracing::warn!("a reconcile did not end in time");
            Ok(())
        }
        fault = watches.fault() => Err(fault),
    }
}

fn controller(
    context: &Context,
    scope: Option<&str>,
    news: mpsc::Receiver<Place>,
    concurrency: u16,
    stop: &CancellationToken,
) -> Controller<Guarded> {
    let api: Api<Guarded> = match scope {
        Some(namespace) => Api::namespaced(context.client.clone(), namespace),
        None => Api::all(context.client.clone()),
    };
    let of_children =
        ReceiverStream::new(news).map(|(namespace, name)| ObjectRef::new(&name).within(&namespace));
    let of_kinds = WatchStream::from_changes(context.kinds.changes()).map(drop);
    let (known, writer) = reflector::store();
    let objects = watcher(api, watcher::Config::default())
        .default_backoff()
        // Who wrote which field of a spec is nothing that is looked at, and a third of it.
        .modify(|object| object.meta_mut().managed_fields = None)
        .reflect(writer)
        .touched_objects();
    Controller::for_stream(objects, known)
        .with_config(controller::Config::default().concurrency(concurrency))
        .reconcile_on(of_children)
        .reconcile_all_on(of_kinds)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
}

async fn observed(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failure> {
    // Bounded over all scopes.
    let _at_work = context.at_work.clone().acquire_owned().await;
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
    let generation = object.meta().generation;
    let least = failure.retry_after();
    Action::requeue(
        context
            .backoffs
            .pause(place, generation, least, rand::random()),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Option<String>> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        scopes(&names)
    }

    #[test]
    fn each_namespace_is_one_scope_however_often_and_wide_it_is_written() {
        let shop = Some("shop".to_owned());
        let chat = Some("chat".to_owned());
        let written = ["shop", " chat ", "", "shop ", "chat"];
        assert_eq!(named(&written), [shop, chat]);
    }

    #[test]
    fn no_namespace_is_all_of_them() {
        assert_eq!(named(&[]), [None]);
        assert_eq!(named(&["", " "]), [None]);
    }
}
