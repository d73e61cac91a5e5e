//! Forgets what is gone, and asks the cluster for kinds anew.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kube::ResourceExt;
use tokio::time::interval;

use crate::{http::Stores, reconcile::Context};

/// How often what is gone is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(2);
/// How often the cluster is asked for the kinds that it may lack.
const KINDS_EVERY: Duration = Duration::from_mins(2);

pub(super) async fn run(context: Arc<Context>, stores: Stores) {
    let mut sweep = interval(SWEEP_EVERY);
    let mut kinds = interval(KINDS_EVERY);
    loop {
        tokio::select! {
            _ = sweep.tick() => forget(&context, &stores),
            _ = kinds.tick() => context.kinds.refresh(&context.client).await,
        }
    }
}

fn forget(context: &Context, stores: &Stores) {
    let (mut uids, mut places) = (HashSet::new(), HashSet::new());
    for object in stores.objects() {
        uids.extend(object.uid());
        places.insert((object.namespace().unwrap_or_default(), object.name_any()));
    }
    context.told.keep_only(|uid| uids.contains(uid));
    context.backoffs.keep_only(|place| places.contains(place));
    context
        .contests
        .keep_only(|kind, (namespace, name)| context.live.get(kind, namespace, name).is_some());
}
