//! What all reconciles share.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};

use tokio::sync::Semaphore;

use super::Failure;
use crate::{
    backoff::Backoffs, children::Kind, contest::Contests, events::Events, kinds::KnownKinds,
    live::LiveObjects, metrics::Metrics, pods::Complaints, told::Told,
};

/// The API server answers within so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What the operator was told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where images of versions are.
    pub image_repository: String,
}

/// What all reconciles share.
pub struct Context {
    /// Asks the API server.
    pub client: Client,
    /// What the operator was told at its start.
    pub options: Options,
    /// The children that are known.
    pub live: Arc<LiveObjects>,
    /// What pods complain of.
    pub pods: Arc<Complaints>,
    /// The kinds that the cluster knows.
    pub kinds: Arc<KnownKinds>,
    /// Tells events.
    pub events: Events,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Who else writes what we write.
    pub contests: Contests,
    /// How many reconciles may be at work.
    pub at_work: Arc<Semaphore>,
    /// How often each failed.
    pub backoffs: Backoffs,
    /// The statuses that were written last.
    pub told: Told,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The objects of a kind in a namespace.
    pub(super) fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &resource(kind))
    }

    /// One call, in bounded time.
    pub(super) async fn calling<T>(
        &self,
        doing: String,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(ANSWER_WITHIN, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(Failure::Api {
                doing,
                source: Box::new(source),
            }),
            Err(_) => Err(Failure::Silent { doing }),
        }
    }
}

/// A kind as the client wants it.
pub(crate) fn resource(kind: Kind) -> ApiResource {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    ApiResource::from_gvk_with_plural(&gvk, kind.plural)
}
