//! One PushManager brought to what its spec says, in five steps. The first asks nobody, the
//! second and third are pure, the fourth writes what differs, the fifth tells.

mod apply;
mod build;
mod context;
mod dereference;
mod failure;
mod status;

use std::sync::Arc;

use kube::{ResourceExt, core::DeserializeGuard, runtime::controller::Action};

pub(crate) use self::context::resource;
pub use self::{
    context::{Context, Options},
    failure::Failure,
};
use crate::{
    api::PushManager,
    settings::{Invalid, Settings, settle},
};
use apply::apply;
use build::build;
use dereference::dereference;
use status::status;

/// A PushManager, or why it can't be read.
pub type Guarded = DeserializeGuard<PushManager>;

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
    let valid = validate(&context, pm);
    let built = build(pm, &facts, valid);
    let applied = apply(&context, pm, &facts, built).await;
    status(&context, pm, facts, applied).await
}

/// Step two: what the spec means, or all that is wrong with it. Pure.
fn validate(context: &Context, pm: &PushManager) -> Result<Settings, Invalid> {
    settle(&pm.name_any(), &pm.spec, &context.options.image_repository)
}
