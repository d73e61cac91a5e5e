//! What a Deployment tells of its rollout.

use serde_json::Value;

use crate::pods::Complaint;

/// How far a Deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Pods that exist.
    pub replicas: i32,
    /// Pods that take pushes.
    pub ready: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Whether its status is about its newest spec.
    pub current: bool,
    /// Why it does not get further.
    pub stuck: Option<Complaint>,
}

impl Rollout {
    /// From the Deployment.
    pub fn of(deployment: &Value) -> Self {
        let status = &deployment["status"];
        let count = |key: &str| status[key].as_i64().and_then(|n| i32::try_from(n).ok());
        let generation = deployment["metadata"]["generation"].as_i64();
        Self {
            replicas: count("replicas").unwrap_or_default(),
            ready: count("readyReplicas").unwrap_or_default(),
            updated: count("updatedReplicas").unwrap_or_default(),
            current: status["observedGeneration"].as_i64() >= generation,
            stuck: stuck(status),
        }
    }

    /// Whether all pods, and no others, are of the newest template and ready.
    pub fn is_settled(&self, desired: i32) -> bool {
        let counts = [self.replicas, self.ready, self.updated];
        self.current && counts.iter().all(|count| *count == desired)
    }
}

fn stuck(status: &Value) -> Option<Complaint> {
    let conditions = status["conditions"].as_array()?;
    let said = |c: &Value| c["message"].as_str().unwrap_or_default().to_owned();
    conditions.iter().find_map(|condition| {
        let failed = condition["type"] == "ReplicaFailure" && condition["status"] == "True";
        let late = condition["reason"] == "ProgressDeadlineExceeded";
        if failed {
            Some(Complaint {
                reason: "PodsRefused",
                message: format!("pods can't be made: {}", said(condition)),
            })
        } else if late {
            Some(Complaint {
                reason: "RolloutStuck",
                message: format!("the rollout makes no progress: {}", said(condition)),
            })
        } else {
            None
        }
    })
}
