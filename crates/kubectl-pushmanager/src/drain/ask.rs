//! Asks all pods at once, each in its time.

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use push_manager_proto::admin::{ActRequest, ActResponse};
use tonic::{Code, Status};

use super::{Answer, Answered, Place, Wish};
use crate::{
    admin::{AT_ONCE, Admin},
    cluster::{Cluster, ClusterError},
    pod::PodFacts,
};

/// Pods with their answers.
pub type Asked = Vec<Answered>;

/// The pods to ask.
pub async fn places(cluster: &Cluster, name: &str) -> Result<Vec<Place>, ClusterError> {
    cluster.push_manager(name).await?;
    let pods = cluster.pods(name).await?;
    Ok(pods
        .iter()
        .map(|pod| Place::of(&PodFacts::of(pod)))
        .collect())
}

/// What each pod would do.
pub async fn plan(cluster: &Cluster, wish: &Wish, places: &[Place]) -> Asked {
    let asking = places.iter().map(|place| async {
        let answer = match &place.waits {
            Some(why) => Err(Status::unavailable(why.clone())),
            None => once(&cluster.pods_api(), place, wish.planning()).await,
        };
        place.answered(answer)
    });
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// Asks those that would to do it.
pub async fn act(cluster: &Cluster, wish: &Wish, places: &[Place], plans: Asked) -> Asked {
    let asking = places.iter().zip(plans).map(|(place, plan)| async {
        match plan.answer {
            Answer::Willing => {
                let request = wish.acting(&plan.instance);
                place.answered(surely(&cluster.pods_api(), place, request).await)
            }
            Answer::Done(_) | Answer::Refused(_) | Answer::Unknown | Answer::Silent(_) => plan,
        }
    });
    stream::iter(asking).buffered(AT_ONCE).collect().await
}

/// A request whose answer was lost may have been carried out: asked again it is answered, not done twice.
async fn surely(
    pods: &Api<Pod>,
    place: &Place,
    request: ActRequest,
) -> Result<ActResponse, Status> {
    let first = once(pods, place, request.clone()).await;
    let is_lost = |status: &Status| {
        let lost = [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Unknown,
            Code::Cancelled,
        ];
        lost.contains(&status.code())
    };
    match first {
        Err(status) if is_lost(&status) => once(pods, place, request).await,
        answered => answered,
    }
}

async fn once(pods: &Api<Pod>, place: &Place, request: ActRequest) -> Result<ActResponse, Status> {
    let mut admin = Admin::open(pods, &place.pod, place.port).await?;
    admin.act(request).await
}
