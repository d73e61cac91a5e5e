//! One PushManager brought to what its spec says, in five steps. The first asks nobody, the
//! second and third are pure, the fourth writes what differs, the fifth tells.

mod apply;
mod build;
mod context;
mod dereference;
mod failure;
mod status;

use std::{sync::Arc, time::Duration};

use kube::{ResourceExt, core::DeserializeGuard, runtime::controller::Action};

pub(crate) use self::context::resource;
pub use self::{
    context::{Context, Options},
    failure::Failure,
};
use crate::{api::PushManager, settings::settle};
use apply::Applied;
use build::Children;
use dereference::dereference;

/// A PushManager, or why it can't be read.
pub type Guarded = DeserializeGuard<PushManager>;

/// How long nothing may happen before a PushManager is looked at again, in case a watch missed
/// something. Half of it is chance, so that a thousand do not come at once.
const RESYNC: Duration = Duration::from_mins(20);

/// Reconciles one PushManager.
pub async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Failure> {
    let pm = match &object.0 {
        Ok(pm) => pm,
        Err(invalid) => return status::unreadable(&context, invalid).await,
    };
    if pm.metadata.deletion_timestamp.is_some() {
        // Its children name it as their owner: Kubernetes takes them along.
        return Ok(Action::await_change());
    }

    let facts = dereference(&context, pm);
    let validated = settle(&pm.name_any(), &pm.spec, &context.options.image_repository);
    let built = validated.map(|settings| (Children::build(pm, &settings, &facts), settings));
    let applied = match built {
        Ok((children, settings)) if pm.spec.paused => {
            Applied::pending(&context, pm, &children, &facts, settings)
        }
        Ok((children, settings)) => apply::apply(&context, pm, children, &facts, settings).await,
        Err(invalid) => Applied::invalid(&invalid, pm.spec.paused),
    };
    status::tell(&context, pm, facts.pods, &applied).await?;

    applied.into_action(resync())
}

fn resync() -> Duration {
    RESYNC.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
