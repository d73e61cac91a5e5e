//! The writes, and the one read before something new is made: what exists and is not ours is
//! never taken over.

use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use serde_json::Value;
use tokio::time::Instant;

use super::plan::{Plan, plan};
use crate::{
    children::{Child, DEPLOYMENT},
    live::{Live, Place},
    names::OPERATOR,
    reconcile::{Context, Failure},
};

/// Who writes which child of whom.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) context: &'a Context,
    pub(super) child: &'static Child,
    pub(super) place: Place,
    /// The PushManager's name and identity.
    pub(super) of: (&'a str, &'a str),
}

/// What was done, in words; nothing when nothing was.
pub(super) type Done = Result<Option<String>, Failure>;

impl Write<'_> {
    /// Carries out what was planned about a child that is wanted.
    pub(super) async fn carry_out(&self, plan: Plan, wanted: &Value, live: Option<&Live>) -> Done {
        match plan {
            Plan::Keep | Plan::Skip | Plan::Delete(_) => Ok(None),
            Plan::Wait(what) => Err(Failure::Waiting(what)),
            Plan::Conflict(whose) => Err(self.conflict(&whose)),
            Plan::Create => self.create(wanted).await,
            Plan::Update(field) => self.update(wanted, &field, live).await,
        }
    }

    /// Makes it, unless something of that name is there that the watches don't see.
    async fn create(&self, wanted: &Value) -> Done {
        let there = self
            .calling("reading", self.api().get_opt(&self.place.1))
            .await?;
        let Some(there) = there else {
            self.patch(wanted).await?;
            return Ok(Some(self.told("created")));
        };
        let live = serde_json::to_value(there).ok().and_then(Live::new);
        let live = live.map(|(_, live)| live);
        match plan(Some(wanted), live.as_ref(), Some(self.of), true) {
            Plan::Update(field) => match &live {
                Some(live) => self.update(wanted, &field, Some(live)).await,
                None => Ok(None),
            },
            Plan::Conflict(whose) => Err(self.conflict(&whose)),
            Plan::Wait(what) => Err(Failure::Waiting(what)),
            Plan::Keep | Plan::Skip | Plan::Create | Plan::Delete(_) => {
                if let Some(live) = live {
                    self.context
                        .live
                        .answered(self.child.kind, self.place.clone(), live);
                }
                Ok(None)
            }
        }
    }

    /// Brings a field, and all others of ours, to what they should be. The identity goes along:
    /// what was deleted meanwhile is not made from what was meant for it.
    async fn update(&self, wanted: &Value, field: &str, live: Option<&Live>) -> Done {
        let (kind, contests) = (self.child.kind, &self.context.contests);
        let Some(live) = live else {
            return Ok(None);
        };
        if contests.is_unmoved(kind, &self.place, live.version, wanted) {
            return Ok(None);
        }
        if contests.is_contested(kind, &self.place, Instant::now()) {
            return Err(self.contested(field));
        }
        let mut identified = wanted.clone();
        identified["metadata"]["uid"] = live.uid.clone().into();
        match self.patch(&identified).await {
            Ok(version) if version == live.version => {
                contests.unmoved(kind, &self.place, version, wanted);
                Ok(None)
            }
            Ok(_) => {
                contests.updated(kind, &self.place, Instant::now());
                Ok(Some(format!("{} ({field})", self.told("updated"))))
            }
            Err(failure) if failure.is_immutable() => self.make_anew(wanted, live).await,
            Err(failure) => Err(failure),
        }
    }

    /// A field that can't be changed, such as a selector, is only ever right in a new object. As
    /// many pods as before are asked for, whoever decided how many.
    async fn make_anew(&self, wanted: &Value, live: &Live) -> Done {
        let mut wanted = wanted.clone();
        let before = live.value()["spec"]["replicas"].clone();
        if self.child.kind == DEPLOYMENT && wanted["spec"].get("replicas").is_none() {
            wanted["spec"]["replicas"] = before;
        }
        self.delete(&live.uid).await?;
        self.patch(&wanted).await?;
        Ok(Some(
            self.told("made anew, since a field of it can't be changed:"),
        ))
    }

    /// Deletes the one of this identity.
    pub(super) async fn delete(&self, uid: &str) -> Done {
        let this_one = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        };
        let params = DeleteParams::background().preconditions(this_one);
        let (api, name) = (self.api(), &self.place.1);
        match self.calling("deleting", api.delete(name, &params)).await {
            Err(failure) if !failure.is_gone() => return Err(failure),
            Ok(_) | Err(_) => {}
        }
        self.context.metrics.wrote(self.child.kind.kind);
        self.context
            .live
            .remove(self.child.kind, &self.place, uid, 0);
        Ok(Some(self.told("deleted")))
    }

    /// An object of that name is someone else's.
    fn conflict(&self, whose: &str) -> Failure {
        let (kind, (namespace, name)) = (self.child.kind.kind, &self.place);
        Failure::Conflict(format!(
            "{kind} {name} in {namespace} belongs to {whose} and is left alone; rename it, or give \
             this PushManager another name"
        ))
    }

    /// Returns the version that is stored now.
    async fn patch(&self, wanted: &Value) -> Result<u64, Failure> {
        let (api, name) = (self.api(), &self.place.1);
        let params = PatchParams::apply(OPERATOR).force().validation_strict();
        let patch = Patch::Apply(wanted);
        let stored = self
            .calling("applying", api.patch(name, &params, &patch))
            .await?;
        self.context.metrics.wrote(self.child.kind.kind);
        let stored = serde_json::to_value(stored).ok().and_then(Live::new);
        let version = stored.as_ref().map(|(_, live)| live.version);
        if let Some((place, live)) = stored {
            self.context.live.answered(self.child.kind, place, live);
        }
        Ok(version.unwrap_or_default())
    }

    fn contested(&self, field: &str) -> Failure {
        let (kind, name) = (self.child.kind.kind, &self.place.1);
        Failure::Contested(format!(
            "{kind} {name}: something else keeps changing {field} back; is another operator at \
             work here, or a webhook? kubectl get {kind} {name} -o yaml --show-managed-fields tells \
             who"
        ))
    }

    async fn calling<T>(
        &self,
        verb: &'static str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Failure> {
        let doing = format!("{verb} {} {}", self.child.kind.kind, self.place.1);
        self.context.calling(doing, call).await
    }

    fn api(&self) -> Api<DynamicObject> {
        self.context.api(self.child.kind, &self.place.0)
    }

    fn told(&self, done: &str) -> String {
        format!("{done} {} {}", self.child.kind.kind, self.place.1)
    }
}
