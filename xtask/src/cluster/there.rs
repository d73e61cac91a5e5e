//! Whether a cluster that is there already can be used: whatever made it may have been cut short, and
//! a scenario that was may have left a host stopped or closed.

use std::process::Command;

use super::{ANSWER, Cluster, NodeImage, Options};
use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::{node_image, process};

/// For each host: its name, whether it is closed to pods, and whether it is ready.
const HOSTS: &str = r#"jsonpath={range .items[*]}{.metadata.name},{.spec.unschedulable},{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;

/// The image of its hosts, which is the one that is asked for.
pub(super) fn image(engine: &Engine, options: &Options) -> Result<String> {
    let mut docker = engine.docker();
    docker.args(["inspect", "--format", "{{.Config.Image}}"]);
    docker.arg(format!("{}-control-plane", options.name));
    let image = process::capture(&mut docker)?.trim().to_owned();
    let wanted = match &options.image {
        NodeImage::Either => return Ok(image),
        NodeImage::Own => node_image::name()?,
        NodeImage::Named(name) => name.clone(),
    };
    if image == wanted {
        return Ok(image);
    }
    let name = &options.name;
    let said = format!("the hosts of the cluster {name} are of {image}, not of {wanted}");
    Err(Failure::new(said).hint(remedy(name)))
}

/// Its API server answers, and every host takes pods.
pub(super) fn is_fit(engine: &Engine, cluster: &Cluster) -> Result<()> {
    let name = &cluster.name;
    let hosts = hosts(name, || {
        let mut kubectl = cluster.kubectl(engine)?;
        // By the variable alone, kubectl asks localhost:8080 where there is no such file.
        kubectl.arg("--kubeconfig").arg(&cluster.kubeconfig);
        Ok(kubectl)
    })?;
    match unfit(&hosts) {
        None => Ok(()),
        Some(host) => {
            let said = format!("the cluster {name} can't be used: {host} is down or takes no pods");
            Err(Failure::new(said).hint(remedy(name)))
        }
    }
}

/// What its API server tells of its hosts.
fn hosts(name: &str, kubectl: impl Fn() -> Result<Command>) -> Result<String> {
    let ask = |words: &[&str]| process::capture(kubectl()?.args(words));
    let ready = ask(&["get", "--raw", "/readyz", ANSWER]);
    let hosts = ready.and_then(|_| ask(&["get", "nodes", ANSWER, "-o", HOSTS]));
    hosts.map_err(|said| {
        Failure::new(format!("the cluster {name} does not answer: {said}")).hint(remedy(name))
    })
}

/// The first host that is not ready, or closed.
fn unfit(hosts: &str) -> Option<&str> {
    let mut hosts = hosts.lines().filter(|line| !line.is_empty());
    let unfit = hosts.find(|line| !line.ends_with(",,True"))?;
    unfit.split(',').next()
}

fn remedy(name: &str) -> String {
    format!("cargo xtask cluster delete --name {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_down_or_closed_is_unfit() {
        assert_eq!(unfit("one,,True\ntwo,,True\n"), None);
        assert_eq!(unfit("one,,True\ntwo,true,True\n"), Some("two"));
        assert_eq!(unfit("one,,True\ntwo,,Unknown\n"), Some("two"));
    }

    #[test]
    fn a_cluster_that_does_not_answer_is_to_be_deleted() {
        // In kubectl's place, what fails and what does not.
        let said = hosts("mine", || Ok(Command::new("false"))).unwrap_err();
        let said = said.to_string();
        assert!(said.contains("get --raw /readyz"), "{said}");
        assert!(said.ends_with("cargo xtask cluster delete --name mine"));
        hosts("mine", || Ok(Command::new("true"))).unwrap();
    }
}
