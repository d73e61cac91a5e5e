//! What the answers of all pods mean together. Pure.

use std::time::Duration;

use push_manager_proto::admin::{ActRequest, ActResponse, Scope, Verb};
use tonic::{Code, Status};

use super::{Answer, Answered, Report, SCHEMA};
use crate::{admin, pod::PodFacts};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The node.
    pub node: String,
    /// End a drain instead.
    pub undrain: bool,
    /// How long a drain lasts.
    pub ttl: Duration,
    /// Why, for the audit event.
    pub reason: String,
    /// Tells this wish from every other one.
    pub session: u64,
}

/// A pod that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub pod: String,
    /// Where its admin API listens.
    pub port: u16,
    /// It was asked to end.
    pub is_leaving: bool,
    /// Why it can't be asked.
    pub waits: Option<String>,
}

/// What the plans mean together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be asked for.
    Agreed,
    /// A pod refuses: nothing is done.
    Refused,
    /// No pod that answers knows the node.
    Unknown,
    /// No pod answers.
    Silent,
}

impl Wish {
    /// The verb as it is typed.
    pub fn word(&self) -> &'static str {
        if self.undrain { "undrain" } else { "drain" }
    }

    /// The request for the plan.
    pub fn planning(&self) -> ActRequest {
        ActRequest {
            verb: (if self.undrain {
                Verb::Undrain
            } else {
                Verb::Drain
            })
            .into(),
            node: self.node.clone(),
            ttl: (!self.undrain).then(|| self.ttl.try_into().ok()).flatten(),
            reason: self.reason.clone(),
            dry_run: true,
            scope: Scope::Replica.into(),
            ..ActRequest::default()
        }
    }

    /// The request for the act, about the incarnation that was planned with. Sent twice it is done once.
    pub fn acting(&self, instance: &str) -> ActRequest {
        ActRequest {
            request_id: format!("{:016x}-1", self.session),
            expected_instance: instance.to_owned(),
            dry_run: false,
            ..self.planning()
        }
    }
}

impl Place {
    /// Of a pod.
    pub fn of(pod: &PodFacts) -> Self {
        Self {
            pod: pod.name.clone(),
            port: pod.admin_port,
            is_leaving: pod.is_leaving,
            waits: pod.waits.clone(),
        }
    }

    /// What it answered.
    pub fn answered(&self, answer: Result<ActResponse, Status>) -> Answered {
        let (answer, lines, instance) = match answer {
            Ok(response) => read(response),
            Err(status) => (unsaid(&status), Vec::new(), String::new()),
        };
        Answered {
            pod: self.pod.clone(),
            is_leaving: self.is_leaving,
            answer,
            lines,
            instance,
        }
    }
}

fn read(response: ActResponse) -> (Answer, Vec<String>, String) {
    let plan = response.plan.unwrap_or_default();
    let instance = plan.node_static.map(|node| node.instance);
    let answer = if response.applied {
        Answer::Done(response.message)
    } else if plan.refusal.is_empty() {
        Answer::Willing
    } else {
        Answer::Refused(plan.refusal)
    };
    (answer, plan.lines, instance.unwrap_or_default())
}

/// A pod that answers with an error refuses; one that can't be reached does not answer.
fn unsaid(status: &Status) -> Answer {
    match status.code() {
        Code::NotFound => Answer::Unknown,
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::ResourceExhausted => Answer::Refused(admin::words(status)),
        _ => Answer::Silent(admin::words(status)),
    }
}

/// What the plans mean together.
pub fn verdict(plans: &[Answered]) -> Verdict {
    let has = |wanted: fn(&Answer) -> bool| plans.iter().any(|plan| wanted(&plan.answer));
    if has(|answer| matches!(answer, Answer::Refused(_))) {
        Verdict::Refused
    } else if has(|answer| matches!(answer, Answer::Willing)) {
        Verdict::Agreed
    } else if has(|answer| matches!(answer, Answer::Unknown)) {
        Verdict::Unknown
    } else {
        Verdict::Silent
    }
}

impl Report {
    /// Of plans that were not acted on.
    pub fn planned(wish: &Wish, plans: Vec<Answered>) -> Self {
        let outcome = match verdict(&plans) {
            Verdict::Agreed => "planned",
            Verdict::Refused => "refused",
            Verdict::Unknown => "unknown",
            Verdict::Silent => "silent",
        };
        Self::new(wish, true, outcome, plans)
    }

    /// Of what was done. Whoever did not plan was not asked, and keeps the answer of then.
    pub fn acted(wish: &Wish, pods: Vec<Answered>) -> Self {
        let is_done = |pod: &Answered| matches!(pod.answer, Answer::Done(_));
        let is_open = |pod: &Answered| match pod.answer {
            Answer::Done(_) | Answer::Unknown => false,
            Answer::Silent(_) => !pod.is_leaving,
            Answer::Willing | Answer::Refused(_) => true,
        };
        let outcome = match (pods.iter().any(is_done), pods.iter().any(is_open)) {
            (true, false) => "done",
            (true, true) => "partly",
            (false, _) => "refused",
        };
        Self::new(wish, false, outcome, pods)
    }

    fn new(wish: &Wish, dry_run: bool, outcome: &'static str, pods: Vec<Answered>) -> Self {
        Self {
            schema: SCHEMA,
            verb: wish.word(),
            node: wish.node.clone(),
            dry_run,
            outcome,
            pods,
        }
    }
}
