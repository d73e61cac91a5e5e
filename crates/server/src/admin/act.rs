//! What operators do: checked, planned, carried out once, and told in the
//! audit. Whether a node may be held is the pool's decision, and what a setting
//! may be is [`crate::tuning`]'s.

mod memory;
mod parse;
mod words;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::SystemTime,
};

use push_manager_config::knob;
use push_manager_proto::admin::{ActPlan, ActRequest, ActResponse, NodeRow, Role};
use tokio::{sync::Mutex, time::Instant};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status};

use self::{
    memory::Memory,
    parse::{Act, What},
};
use super::{Facts, auth::Actor, rows};
use crate::{
    events::{Kind, Level, News, Throttles},
    ids::NodeId,
    pool::{Deed, Order, OrderError, Plan},
    tuning::TuneError,
};

/// Most roles and addresses whose refused acts are told apart.
const MOST_REFUSED: usize = 64;

type Refused = std::sync::Mutex<Throttles<(Role, Option<IpAddr>)>>;

/// Carries acts out, one at a time. Clones share what was done.
#[derive(Clone, Debug)]
pub(super) struct Acts {
    facts: Facts,
    memory: Arc<Mutex<Memory>>,
    refused: Arc<Refused>,
    tasks: TaskTracker,
}

impl Acts {
    /// Acts that were begun are finished in `tasks`, also when who asked is gone.
    pub(super) fn new(facts: Facts, tasks: TaskTracker) -> Self {
        Self {
            facts,
            memory: Arc::default(),
            refused: Arc::new(Refused::new(Throttles::of(MOST_REFUSED))),
            tasks,
        }
    }

    pub(super) async fn act(
        &self,
        actor: &Actor,
        request: ActRequest,
    ) -> Result<ActResponse, Status> {
        if request.dry_run {
            let act = admitted(actor, &request)?;
            return self.dry_run(&act);
        }
        let (acts, actor) = (self.clone(), actor.clone());
        let done = self
            .tasks
            .spawn(async move { acts.once(&actor, request).await });
        let given_up = |_| Err(Status::internal("the act was given up"));
        done.await.unwrap_or_else(given_up)
    }

    /// Done once for each request id, and told in the audit however it ends; what
    /// is refused again and again is summed up there.
    async fn once(&self, actor: &Actor, request: ActRequest) -> Result<ActResponse, Status> {
        let mut memory = self.memory.lock().await;
        let mut act = admitted(actor, &request);
        match memory.answer_to(&request, Instant::now()) {
            Some(Ok(answer)) if act.is_ok() => return answer,
            Some(Err(misused)) if act.is_ok() => act = Err(misused),
            Some(Ok(_) | Err(_)) | None => {}
        }
        let answer = match &act {
            Ok(act) => self.carry_out(actor, act).await,
            Err(refused) => Err(refused.clone()),
        };
        let answer = self.audited(actor, &request, act.as_ref().ok(), answer);
        // What was refused as it stands is refused again as cheaply.
        if act.is_ok() {
            memory.keep(&request, &answer, Instant::now());
        }
        answer
    }

    fn dry_run(&self, act: &Act) -> Result<ActResponse, Status> {
        let plan = match &act.what {
            What::Node(order) => {
                let order = self.order(order);
                let plan = self
                    .facts
                    .pool
                    .plan(&order)
                    .map_err(|error| order_status(&error))?;
                let row = rows::node(&plan.node);
                node_plan(&order, &plan, row)
            }
            What::Set { key, value } => self
                .setting_plan(key, value)
                .map_err(|error| tune_status(&error))?,
        };
        let message = match plan.refusal.as_str() {
            "" => "this would be done".to_owned(),
            why => format!("this would be refused: {why}"),
        };
        Ok(ActResponse {
            plan: Some(plan),
            applied: false,
            audit_seq: 0,
            message,
        })
    }

    async fn carry_out(&self, actor: &Actor, act: &Act) -> Result<ActResponse, Status> {
        let (plan, message) = match &act.what {
            What::Node(order) => {
                let order = self.order(order);
                let before = self.facts.pool.snapshot();
                let before = before.nodes().iter().find(|node| *node.id() == order.node);
                let before = before.map(|node| rows::node(node));
                let plan = self.facts.pool.act(order.clone()).await;
                let plan = plan.map_err(|error| order_status(&error))?;
                let before = before.unwrap_or_else(|| rows::node(&plan.node));
                (node_plan(&order, &plan, before), words::done(&order))
            }
            What::Set { key, value } => {
                let plan = self
                    .setting_plan(key, value)
                    .map_err(|error| tune_status(&error))?;
                let set = self.facts.tuning.set(key, value, &actor.name);
                let (from, to) = set.map_err(|error| tune_status(&error))?;
                (plan, format!("{key} is {to} now, was {from}"))
            }
        };
        Ok(ActResponse {
            plan: Some(plan),
            applied: true,
            audit_seq: 0,
            message,
        })
    }

    fn order(&self, order: &Order) -> Order {
        let least_usable_ratio = self.facts.config.admin.least_usable_ratio;
        Order {
            least_usable_ratio,
            ..order.clone()
        }
    }

    fn setting_plan(&self, key: &str, value: &str) -> Result<ActPlan, TuneError> {
        let new_value = self.facts.tuning.check(key, value, "value")?;
        let setting = knob(key).map(|knob| rows::setting(&self.facts.tuning, knob));
        let from = setting.as_ref().map(|setting| setting.value.as_str());
        Ok(ActPlan {
            lines: words::set(key, from.unwrap_or_default(), &new_value),
            setting,
            new_value,
            ..ActPlan::default()
        })
    }

    fn audited(
        &self,
        actor: &Actor,
        request: &ActRequest,
        act: Option<&Act>,
        answer: Result<ActResponse, Status>,
    ) -> Result<ActResponse, Status> {
        let mut message = match &answer {
            Ok(done) => done.message.clone(),
            Err(refused) => format!("{}: {}", words::asked(request), refused.message()),
        };
        // What was refused as it stands is not repeated.
        if act.is_some() && !request.reason.is_empty() {
            message.push_str("; reason: ");
            message.push_str(&request.reason);
        }
        let (kind, count) = match (act, &answer) {
            (Some(act), Ok(_)) => (act.kind(), Some(1)),
            _ => (Kind::ActionRefused, self.refusals(actor, &message)),
        };
        let Some(count) = count else { return answer };
        let news = News::new(Level::Audit, kind, message).by(actor.name.as_str());
        let mut news = news.times(count);
        let node = if act.is_some() {
            request.node.as_str()
        } else {
            ""
        };
        if !node.is_empty() {
            news = news.of(&NodeId::new(node));
        }
        tracing::info!(
            node.id = node,
            actor = actor.name,
            kind = kind.label(),
            count,
            "{}",
            news.message
        );
        let audit_seq = self.facts.events.record(news);
        answer.map(|done| ActResponse { audit_seq, ..done })
    }

    /// For how many refusals the next event stands; nothing, where it would be one
    /// too many.
    fn refusals(&self, actor: &Actor, message: &str) -> Option<u32> {
        let refused = self.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        refused.tell((actor.role, actor.ip), Instant::now(), message, 1)
    }
}

fn admitted(actor: &Actor, request: &ActRequest) -> Result<Act, Status> {
    if actor.role != Role::Operate {
        return Err(Status::permission_denied(
            "the role read may not act: send the token of the role operate (admin.operate_token)",
        ));
    }
    Act::parse(request).map_err(|bad| Status::invalid_argument(bad.to_string()))
}

fn node_plan(order: &Order, plan: &Plan, before: NodeRow) -> ActPlan {
    let as_u32 = |count| u32::try_from(count).unwrap_or(u32::MAX);
    let ttl = match order.deed {
        Deed::Drain { ttl } | Deed::Eject { ttl } => Some(ttl),
        Deed::Release | Deed::Reconnect => None,
    };
    ActPlan {
        node_static: Some(rows::node_static(&plan.node)),
        lines: words::plan(order, plan, &before),
        node: Some(before),
        usable_before: as_u32(plan.balance.before),
        usable_after: as_u32(plan.balance.after),
        usable_least: as_u32(plan.balance.least),
        ends_at: ttl.map(|ttl| (SystemTime::now() + ttl).into()),
        refusal: plan
            .refusal
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        ..ActPlan::default()
    }
}

fn order_status(error: &OrderError) -> Status {
    let code = match error {
        OrderError::NoSuchNode(_) => Code::NotFound,
        OrderError::Refused(refusal, _) => {
            return Status::failed_precondition(refusal.to_string());
        }
        OrderError::Busy | OrderError::Stopped => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

fn tune_status(error: &TuneError) -> Status {
    match error {
        TuneError::Fixed { .. } => Status::not_found(format!("setting: {error}")),
        TuneError::Value(error) => Status::invalid_argument(error.to_string()),
        TuneError::Level(_) => Status::invalid_argument(error.to_string()),
    }
}
